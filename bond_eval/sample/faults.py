"""Faults put into the rows of the returns, each of which a stated cleaning rule undoes.

Only children who were never in an outside placement or agency fostering are touched, each for one fault, so
no count that the sample is held to depends on how a fault is mended.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .days import text
from .dice import Dice, T
from .modules import DEC, DECOM, FOLDERS, History, Returns, histories
from .places import UNLISTED
from .world import EPISODE_COLUMNS, World

HOMELY = ("U1", "U2", "U3", "U4", "U5", "U6", "P1", "A3", "A4", "A5", "A6")
AT = {name: at for at, name in enumerate(EPISODE_COLUMNS)}
UNREADABLE = "31/02/2018"


@dataclass(frozen=True)
class Planted:
    """One fault: its kind, the file it is in, and the child and first day it concerns where there is one."""

    kind: str
    folder: str
    file: str
    child: str = ""
    decom: str = ""


@dataclass(frozen=True)
class Pair:
    """Two true episodes of a child, the second beginning the day the first ended, in the year of `folder`."""

    history: History
    first: tuple
    second: tuple
    folder: int

    @property
    def on(self) -> int:
        """The day the one gives way to the other."""
        return self.first[DEC]


class Faults:
    """Puts faults into returns and keeps a list of them."""

    def __init__(self, world: World, made: Returns) -> None:
        self.dice = Dice(world.seed, 5)
        self.made = made
        self.planted: list[Planted] = []
        self._all = histories(world)
        ordinary = [h for h in self._all if _ordinary(h)]
        self._free = self.dice.some(ordinary, len(ordinary))

    def plant(self) -> list[Planted]:
        """Put every kind in and return what was put where."""
        self._lost()
        self._dropped_rows(4)
        self._gaps(2)
        self._overlaps(3)
        self._corrected_ends(2)
        self._unreadable_end()
        self._unknown_places()
        self._blank_providers(3)
        self._births(2)
        self._no_header()
        self._sex()
        self._extra_rows()
        self._duplicates(5)
        self._unreadable_review()
        self._unlisted()
        return self.planted

    def _note(self, kind: str, folder: int, file: str = "episodes.csv", row: tuple | None = None) -> None:
        child, decom = (str(row[0]), text(row[DECOM])) if row else ("", "")
        self.planted.append(Planted(kind, FOLDERS[folder].name, file, child, decom))

    def _take(self, count: int, find: Callable[[History], T | None]) -> list[T]:
        """What `find` gives for the first `count` free children it gives anything; they are free no more."""
        taken: list[T] = []
        left: list[History] = []
        for history in self._free:
            found = find(history) if len(taken) < count else None
            if found is None:
                left.append(history)
            else:
                taken.append(found)
        self._free = left
        return taken

    def _line(self, folder: int, row: tuple) -> list[str]:
        """The row of a return that gives a true episode."""
        lines = self.made[FOLDERS[folder].name]["episodes.csv"].rows
        return next(line for line in lines if line[:2] == [str(row[0]), text(row[DECOM])])

    def _drop(self, folder: int, row: tuple) -> None:
        self.made[FOLDERS[folder].name]["episodes.csv"].rows.remove(self._line(folder, row))

    def _add(self, folder: int, line: list[str]) -> None:
        self.made[FOLDERS[folder].name]["episodes.csv"].rows.append(line)

    def _lost(self) -> None:
        """Children cut off in the truth itself: their rows are already missing from later returns."""
        for history in self._all:
            if history.child.role in ("vanished", "returned"):
                at = next(i for i, folder in enumerate(FOLDERS) if folder.last == history.child.marks[0])
                row = next(row for row in history.rows if row[DEC] == FOLDERS[at].last + 1)
                kind = "open_then_absent" if history.child.role == "vanished" else "open_then_new_period"
                self._note(kind, at, row=row)

    def _dropped_rows(self, count: int) -> None:
        """A row open at the end of one return is left out of the next, which has what followed it."""
        for pair in self._take(count, lambda h: _pair(h, _across)):
            self._drop(pair.folder, pair.first)
            self._note("open_then_next_row", pair.folder - 1, row=pair.first)

    def _gaps(self, count: int) -> None:
        """A return ends a row days too early with X1; only the next return has what followed."""
        for pair in self._take(count, lambda h: _pair(h, _soon_after)):
            closes = FOLDERS[pair.folder].first
            self._drop(pair.folder, pair.first)
            line = self._line(pair.folder - 1, pair.first)
            line[AT["DEC"]], line[AT["REC"]] = text(closes - 6), "X1"
            line[AT["REASON_PLACE_CHANGE"]] = pair.first[AT["REASON_PLACE_CHANGE"]]
            self._note("gap_after_x1", pair.folder - 1, row=pair.first)

    def _overlaps(self, count: int) -> None:
        """A row ends some days after the next began."""
        for pair in self._take(count, lambda h: _pair(h, _inside)):
            self._line(pair.folder, pair.first)[AT["DEC"]] = text(pair.on + 4)
            self._note("overlap", pair.folder, row=pair.first)

    def _corrected_ends(self, count: int) -> None:
        """A row ends too late in its return; the next return repeats it with the right day."""
        for pair in self._take(count, lambda h: _pair(h, _corrigible)):
            line = self._line(pair.folder, pair.first)
            self._add(pair.folder + 1, list(line))
            line[AT["DEC"]] = text(pair.on + 6)
            self._note("end_corrected_later", pair.folder, row=pair.first)

    def _unreadable_end(self) -> None:
        """A day that does not exist, which the next return puts right."""
        for pair in self._take(1, lambda h: _pair(h, lambda p: _corrigible(p) and p.folder == 2)):
            line = self._line(2, pair.first)
            self._add(3, list(line))
            line[AT["DEC"]] = UNREADABLE
            self._note("unreadable_end", 2, row=pair.first)

    def _unknown_places(self) -> None:
        """A code that is in no list: twice put right by the next return, once never."""
        for row, held in self._take(2, lambda h: _row(h, _in_several)):
            self._line(held[0], row)[AT["PLACE"]] = "X9"
            self._note("unknown_place", held[0], row=row)
        for row, held in self._take(1, lambda h: _row(h, _in_one)):
            self._line(held[0], row)[AT["PLACE"]] = "U7"
            self._note("unknown_place", held[0], row=row)

    def _blank_providers(self, count: int) -> None:
        for row, held in self._take(count, lambda h: _row(h, _in_one)):
            self._line(held[0], row)[AT["PLACE_PROVIDER"]] = ""
            self._note("blank_provider", held[0], row=row)

    def _header_line(self, folder: int, child: str) -> list[str]:
        return next(line for line in self.made[FOLDERS[folder].name]["header.csv"].rows if line[0] == child)

    def _births(self, count: int) -> None:
        """The first return has another date of birth than the later ones."""
        for history, held in self._take(count, lambda h: _returns(h, 2)):
            line = self._header_line(held[0], str(history.child.number))
            line[2] = text(history.child.born - 31)
            self._note("dob_disagrees", held[0], "header.csv", history.rows[0])

    def _no_header(self) -> None:
        for history, held in self._take(1, lambda h: _returns(h, 3)):
            line = self._header_line(held[1], str(history.child.number))
            self.made[FOLDERS[held[1]].name]["header.csv"].rows.remove(line)
            self._note("header_missing", held[1], "header.csv", history.rows[0])

    def _sex(self) -> None:
        for history, held in self._take(1, lambda h: _returns(h, 2)):
            self._header_line(held[0], str(history.child.number))[1] = "9"
            self._note("unknown_sex", held[0], "header.csv", history.rows[0])

    def _extra_rows(self) -> None:
        """Rows beside the true ones that cannot be: ended before they began, or begun on no day."""
        for kind, count in (("end_before_start", 2), ("unreadable_start", 1)):
            for row, held in self._take(count, lambda h: _row(h, _early)):
                line = list(self._line(held[0], row))
                line[1] = text(row[DECOM] + 3) if kind == "end_before_start" else "00/13/2017"
                if kind == "end_before_start":
                    line[AT["DEC"]], line[AT["REC"]] = text(row[DECOM] - 10), "X1"
                self._add(held[0], line)
                self._note(kind, held[0], row=row)

    def _duplicates(self, count: int) -> None:
        for row, held in self._take(count, lambda h: _row(h, bool)):
            self._add(held[-1], list(self._line(held[-1], row)))
            self._note("duplicate_row", held[-1], row=row)

    def _unreadable_review(self) -> None:
        lines = self.made[FOLDERS[2].name]["reviews.csv"].rows
        if lines:
            self.dice.one(lines)[2] = UNREADABLE
            self._note("unreadable_review", 2, "reviews.csv")

    def _unlisted(self) -> None:
        """Postcodes in no list come with the world; they are only counted here."""
        for folder in FOLDERS:
            for line in self.made[folder.name]["episodes.csv"].rows:
                if line[AT["PL_POST"]] in UNLISTED:
                    self.planted.append(Planted("postcode_unlisted", folder.name, "episodes.csv", *line[:2]))


def _ordinary(history: History) -> bool:
    """A child never outside or with an agency, with no other part to play, in one period of care."""
    if history.child.role or history.child.uasc or len(history.spells) != 1:
        return False
    return all(row[5] in HOMELY and row[6] in ("PR0", "PR1") for row in history.rows)


def _pair(history: History, fits: Callable[[Pair], bool]) -> Pair | None:
    """The first two neighbouring placements of a child of which `fits` is true."""
    for first, second in zip(history.rows, history.rows[1:], strict=False):
        at = next((i for i, f in enumerate(FOLDERS) if f.first <= first[DEC] <= f.last), None)
        if at is None or second[2] == "L" or not first[5].startswith("U"):
            continue
        pair = Pair(history, first, second, at)
        if fits(pair):
            return pair
    return None


def _across(pair: Pair) -> bool:
    return pair.folder > 0 and pair.first[DECOM] < FOLDERS[pair.folder].first - 10 and _lasts(pair, 1)


def _soon_after(pair: Pair) -> bool:
    opens = FOLDERS[pair.folder].first
    return _across(pair) and opens < pair.on <= opens + 120 and pair.first[DECOM] < opens - 40


def _inside(pair: Pair) -> bool:
    """Both rows in one annual return, well before its end, and not in the one after."""
    folder = FOLDERS[pair.folder]
    if not folder.annual or pair.on + 10 > folder.last:
        return False
    return pair.on - pair.first[DECOM] > 8 and _lasts(pair, 20)


def _corrigible(pair: Pair) -> bool:
    """As inside, of a child who is in the next return as well."""
    return _inside(pair) and bool(pair.history.held(FOLDERS[pair.folder + 1]))


def _lasts(pair: Pair, days: int) -> bool:
    return pair.second[DEC] is None or pair.second[DEC] - pair.second[DECOM] > days


def _held_in(history: History, row: tuple) -> list[int]:
    return [at for at, folder in enumerate(FOLDERS) if row in history.held(folder)]


def _row(history: History, fits: Callable[[list[int]], bool]) -> tuple[tuple, list[int]] | None:
    """A fostering episode of the authority's own, and the returns that hold it, of which `fits` is true."""
    for row in history.rows:
        held = _held_in(history, row)
        if row[5] in ("U4", "U6") and held and fits(held):
            return row, held
    return None


def _in_several(held: list[int]) -> bool:
    return len(held) >= 2


def _in_one(held: list[int]) -> bool:
    return len(held) == 1 and held[0] < 4


def _early(held: list[int]) -> bool:
    return held[0] < 4


def _returns(history: History, least: int) -> tuple[History, list[int]] | None:
    """The child and the returns it is in, if there are enough of them."""
    held = [at for at, folder in enumerate(FOLDERS) if history.held(folder)]
    return (history, held) if len(held) >= least else None
