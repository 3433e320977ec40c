"""The modules of each return, made from the true episodes: what a year's files would say without faults."""

from dataclasses import dataclass, field

from .days import END, START, age, birthday, day, text
from .dice import Dice
from .health import care_leavers, outcomes
from .setting import Setting
from .world import EPISODE_COLUMNS, Child, World

DECOM, DEC = 1, 7
LEAVING_ORDER_CODES = ("E11", "E12")


@dataclass(frozen=True)
class Folder:
    """One return: its folder's name, the days it covers, whether it is a whole year's."""

    name: str
    first: int
    last: int
    annual: bool


FOLDERS = (
    *(Folder(f"{y}-{(y + 1) % 100:02d}", day(y, 4, 1), day(y + 1, 3, 31), True) for y in range(2015, 2020)),
    Folder("2020-21-to-30-September", day(2020, 4, 1), END, False),
)


@dataclass
class Table:
    """One file in memory: column names and rows of text."""

    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)


Returns = dict[str, dict[str, Table]]
"""Folder name, then file name, to table."""

COLUMNS = {
    "header.csv": ["CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB"],
    "episodes.csv": EPISODE_COLUMNS,
    "reviews.csv": ["CHILD", "DOB", "REVIEW", "REVIEW_CODE"],
    "uasc.csv": ["CHILD", "SEX", "DOB", "DUC"],
    "oc2.csv": [
        *("CHILD", "DOB", "SDQ_SCORE", "SDQ_REASON", "CONVICTED", "HEALTH_CHECK", "IMMUNISATIONS"),
        *("TEETH_CHECK", "HEALTH_ASSESSMENT", "SUBSTANCE_MISUSE", "INTERVENTION_RECEIVED"),
        "INTERVENTION_OFFERED",
    ],
    "oc3.csv": ["CHILD", "DOB", "IN_TOUCH", "ACTIV", "ACCOM"],
    "ad1.csv": [
        *("CHILD", "DOB", "DATE_INT", "DATE_MATCH", "FOSTER_CARE", "NB_ADOPTR", "SEX_ADOPTR", "LS_ADOPTR"),
    ],
    "placed_adoption.csv": ["CHILD", "DOB", "DATE_PLACED", "DATE_PLACED_CEASED", "REASON_PLACED_CEASED"],
    "prev_perm.csv": ["CHILD", "DOB", "PREV_PERM", "LA_PERM", "DATE_PERM"],
    "missing.csv": ["CHILD", "DOB", "MISSING", "MIS_START", "MIS_END"],
}
ADOPTERS = {
    ("2", "MF", "L11"): 70,
    ("2", "MF", "L3"): 12,
    ("1", "F1", "L0"): 10,
    ("2", "MM", "L2"): 5,
    ("2", "FF", "L12"): 3,
}
"""Number, sex and legal status of adopters, with weights."""

ANNUAL_ONLY = ("oc2.csv", "oc3.csv")


@dataclass(frozen=True)
class Spell:
    """An unbroken time in care: first day, the day it ended (None: still open), its episodes."""

    start: int
    end: int | None
    rows: tuple[tuple, ...]

    def covers(self, first: int, last: int) -> bool:
        """Whether the child is looked after on every day from first to last."""
        return self.start <= first and (self.end is None or self.end > last)


@dataclass(frozen=True)
class History:
    """A child with the true episodes, and the same by unbroken time in care."""

    child: Child
    rows: tuple[tuple, ...]
    spells: tuple[Spell, ...]

    def held(self, folder: Folder) -> list[tuple]:
        """The episodes a return would hold: open on any day of it, and not lost from the files before it."""
        return [row for row in self.rows if _held(self.child, row, folder)]


def _held(child: Child, row: tuple, folder: Folder) -> bool:
    if row[DECOM] > folder.last or (row[DEC] is not None and row[DEC] < folder.first):
        return False
    lost = child.role in ("vanished", "returned") and row[DEC] == child.marks[0] + 1
    return not (lost and folder.first > child.marks[0])


def histories(world: World) -> list[History]:
    """Each child with its rows and spells, in order of number."""
    by_child: dict[int, list[tuple]] = {child.number: [] for child in world.children}
    for row in world.rows:
        by_child[row[0]].append(row)
    grouped = ((child, by_child[child.number]) for child in world.children)
    return [History(child, tuple(rows), _spells(rows)) for child, rows in grouped]


def _spells(rows: list[tuple]) -> tuple[Spell, ...]:
    starts = [at for at, row in enumerate(rows) if at == 0 or row[2] == "S"]
    pieces = [tuple(rows[a:b]) for a, b in zip(starts, [*starts[1:], len(rows)], strict=True)]
    return tuple(Spell(piece[0][DECOM], piece[-1][DEC], piece) for piece in pieces)


def returns(world: World) -> Returns:
    """Every file of every return of a world, without faults."""
    dice = Dice(world.seed, 4)
    made: Returns = {folder.name: _empty(folder) for folder in FOLDERS}
    for history in histories(world):
        _add_child(dice, history, made, world.whose)
    return made


def _empty(folder: Folder) -> dict[str, Table]:
    """A return's files with their columns and no rows yet."""
    names = [name for name in COLUMNS if folder.annual or name not in ANNUAL_ONLY]
    return {name: Table(list(COLUMNS[name])) for name in names}


def _add_child(dice: Dice, history: History, made: Returns, whose: Setting) -> None:
    """Put one child's rows into every return it belongs in."""
    reviews, absences = _reviews(dice, history), _absences(dice, history)
    adoption, before = _adoption(dice, history), _previous(dice, history, whose)
    worry, mother = dice.real(4, 20), dice.chance(0.025)
    for folder in FOLDERS:
        tables = made[folder.name]
        held = history.held(folder)
        rows: dict[str, list[list[str]]] = {"oc3.csv": care_leavers(dice, history, folder)}
        if held:
            rows["episodes.csv"] = [_episode(row, folder) for row in held]
            rows["reviews.csv"] = _within(reviews, folder)
            rows["missing.csv"] = _absent(absences, folder)
            rows["prev_perm.csv"] = before if _began(held, folder) else []
            rows["oc2.csv"] = outcomes(dice, history, folder, worry)
            rows |= _adopted(adoption, folder)
            rows["uasc.csv"] = _uasc(history.child)
        if any(rows.values()):
            rows["header.csv"] = [_header(history.child, folder, mother)]
        for name, lines in rows.items():
            if name in tables:
                number, born = str(history.child.number), text(history.child.born)
                lead = [number] if name in ("header.csv", "episodes.csv", "uasc.csv") else [number, born]
                tables[name].rows += [lead + line for line in lines]


def _header(child: Child, folder: Folder, mother: bool) -> list[str]:
    years = age(child.born, folder.last)
    upn = "UN1" if years < 4.5 else child.upn
    girl = child.sex == "2" and years >= 14.5
    is_mother = girl and mother and years >= 15.5
    baby = text(birthday(child.born, 15) + 140) if is_mother else ""
    return [child.sex, text(child.born), child.ethnic, upn, str(int(is_mother)) if girl else "", baby]


def _episode(row: tuple, folder: Folder) -> list[str]:
    """An episode as the return gives it: what ended after its last day is still open."""
    line = [*row[1:]]
    if row[DEC] is None or row[DEC] > folder.last:
        line[DEC - 1], line[DEC], line[DEC + 1] = None, "", ""
    line[0], line[DEC - 1] = text(line[0]), text(line[DEC - 1])
    return line


def _began(held: list[tuple], folder: Folder) -> bool:
    return any(row[2] == "S" and row[3] not in ("V3", "V4") and row[DECOM] >= folder.first for row in held)


def _uasc(child: Child) -> list[list[str]]:
    return [[child.sex, text(child.born), text(birthday(child.born, 18))]] if child.uasc else []


def _reviews(dice: Dice, history: History) -> list[tuple[int, str]]:
    """Review days and codes: within 20 working days, three months later, then every six months."""
    if history.child.role == "short_breaks":
        return []
    found = []
    for spell in history.spells:
        on, step = spell.start + dice.between(18, 28), 85
        while on < (spell.end or END + 1):
            years = age(history.child.born, on)
            weights = {"PN1": 44, "PN2": 5, "PN3": 4, "PN4": 7, "PN5": 8, "PN6": 20, "PN7": 12}
            found.append((on, "PN0" if years < 4 else dice.weighted(weights)))
            on, step = on + step + dice.between(-8, 4), 180
    return found


def _within(dated: list[tuple[int, str]], folder: Folder) -> list[list[str]]:
    return [[text(on), code] for on, code in dated if folder.first <= on <= folder.last]


def _absences(dice: Dice, history: History) -> list[tuple[str, int, int]]:
    """Times missing or away without leave, of teenagers: more often from children's homes."""
    found: list[tuple[str, int, int]] = []
    if history.child.role == "short_breaks":
        return found
    tendency = dice.gamma(0.35)
    for row in history.rows:
        rate = {"K2": 0.9, "R1": 0.5, "H5": 0.5, "P2": 0.4, "K1": 0.0}.get(row[5], 0.12) * tendency
        on, end = max(row[DECOM], START), row[DEC] or END + 1
        while rate > 0:
            on += 3 + round(dice.exponential(365 / rate))
            back = on + min(9, round(dice.exponential(1.3)))
            if back >= end:
                break
            if age(history.child.born, on) >= 12:
                found.append(("M" if dice.chance(0.8) else "A", on, back))
            on = back
    return found


def _absent(absences: list[tuple[str, int, int]], folder: Folder) -> list[list[str]]:
    return [
        [code, text(on), text(back) if back <= folder.last else ""]
        for code, on, back in absences
        if on <= folder.last and back >= folder.first
    ]


def _previous(dice: Dice, history: History, whose: Setting) -> list[list[str]]:
    """Whether the child came back from an adoption or another permanent home."""
    years = age(history.child.born, history.rows[0][DECOM])
    code = dice.weighted({"Z1": 94, "P1": 1, "P2": 3, "P3": 1, "P4": 1}) if years > 3 else "Z1"
    if code in ("Z1", "P4"):
        return [[code, "", ""]]
    on = history.rows[0][DECOM] - dice.between(200, round((years - 1) * 365))
    return [[code, whose.old_code if dice.chance(0.7) else whose.next_old_code, text(on)]]


def _adoption(dice: Dice, history: History) -> dict:
    """The dates of an adoption: decision, match, placement, and an end to the plan when it failed."""
    ordered = [row[DECOM] for row in history.rows if row[3] == "E1"]
    placed = [row for row in history.rows if row[5].startswith("A")]
    if not ordered or not placed:
        return {}
    last = history.rows[-1]
    failed = None if last[5].startswith("A") else placed[-1][DEC]
    matched = placed[0][DECOM] - dice.between(3, 12)
    decided = min(ordered[0] - dice.between(1, 20), matched - dice.between(5, 60))
    return {
        "decided": max(decided, history.child.born + 7),
        "matched": max(matched, history.child.born + 10),
        "failed": failed,
        "why": dice.weighted({"RD1": 50, "RD4": 50}),
        "adopters": dice.weighted(ADOPTERS),
        "order": next((row[DEC] for row in history.rows if row[8] in LEAVING_ORDER_CODES), None),
        "by_carer": str(int(placed[-1][5] in ("A3", "A5"))),
    }


def _adopted(found: dict, folder: Folder) -> dict[str, list[list[str]]]:
    if not found or found["decided"] > folder.last:
        return {}
    rows = {}
    failed = found["failed"]
    if failed is None or failed >= folder.first:
        over = failed is not None and failed <= folder.last
        line = [text(found["decided"]), text(failed) if over else "", found["why"] if over else ""]
        rows["placed_adoption.csv"] = [line]
    if found["order"] is not None and folder.first <= found["order"] <= folder.last:
        dates = [text(found["decided"]), text(found["matched"])]
        rows["ad1.csv"] = [[*dates, found["by_carer"], *found["adopters"]]]
    return rows
