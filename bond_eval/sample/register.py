"""The programme register of the synthetic authority: six files beside its returns.

The published world meets the BOND report's headlines (register_published); the null and effect worlds are drawn
with known effects (register_simulated, register_lives.truth). Whoever is, was or becomes looked after in the
register is a child of the return, whose own episodes say so. A few faults are put in, none of which a headline
depends on: each is an extra row, or concerns a child of Harbour.
"""

from collections import Counter
from dataclasses import replace

from .days import as_date
from .dice import Dice
from .faults import Planted
from .register_activity import activity
from .register_book import HARBOUR, LOOKED_AFTER, REFUSED, Book, Case, Person
from .register_care import Care
from .register_lives import EFFECTS, contacts, events, measures
from .register_published import published_cases
from .register_simulated import simulated_cases
from .render import csv_bytes
from .world import DEFAULT_CHILDREN, WORLDS, World

FOLDER = "register"
COLUMNS = {
    "cases": "case_id,child_id,programme,referral_date,referral_source,decision,decision_reason,decision_date,"
    "start_date,end_date,closure_reason,status_at_referral,placement_at_referral",
    "measures": "child_id,programme,measure,rater,date,score",
    "events": "child_id,type,date",
    "contacts": "child_id,programme,date,kind,minutes",
    "people": "child_id,care_id,date_of_birth,sex,ethnicity,disability,area,deprivation_decile",
    "activity": "programme,activity,breakdown,from,to,value,note",
}
FAULTS = {
    "register_care_id_unknown": "a care_id that no child of the return has",
    "register_birth_conflict": "a date of birth other than the return's",
    "register_case_twice": "a case given twice",
    "register_end_before_start": "a case that ended before it began",
    "register_child_unknown": "an event of a child without a case",
    "register_word_unknown": "a rater that is no word of the list",
}
Tables = dict[str, list[list[str]]]


def register_files(world: World) -> tuple[dict[str, bytes], list[Planted]]:
    """The register's files of a world by path in the sample folder, and the faults put in. Same world, same bytes."""
    book = _book(world)
    effects, scale = EFFECTS[world.name], world.size / DEFAULT_CHILDREN
    tables: Tables = {
        "cases": [_case(at, case) for at, case in enumerate(book.cases, 1)],
        "measures": [_text(row, 4) for row in measures(world.seed, book.cases, effects)],
        "events": [_text(row, 2) for row in events(world.seed, book.cases, effects)],
        "contacts": [_text(row, 2) for row in contacts(world.seed, book.cases)],
        "people": [_person(book.people[ident]) for ident in sorted(book.people)],
        "activity": [_text(row, 3, 4) for row in activity(world.seed, scale, world.name == WORLDS[0])],
    }
    planted = _plant(world, book, tables)
    for name in ("measures", "events", "contacts"):
        tables[name].sort()
    return {f"{FOLDER}/{name}.csv": csv_bytes(COLUMNS[name].split(","), rows) for name, rows in tables.items()}, planted


def register_readme(planted: list[Planted]) -> str:
    """What the README of a sample says of its register."""
    counts = Counter(fault.kind for fault in planted)
    faults = "".join(f"- {counts[kind]} × {text} (`{kind}`)\n" for kind, text in FAULTS.items() if counts[kind])
    return (
        "\nThe register (`register/`) holds no real child either; who of it is in care is a child of these returns.\n"
        f"Faults put into it on purpose:\n\n{faults}"
    )


def _book(world: World) -> Book:
    """The people and cases of a world's register, in the order of referral."""
    dice = Dice(world.seed, 12)
    book = Book(world.seed, dice, Care(world, dice))
    scale = world.size / DEFAULT_CHILDREN
    if world.name == WORLDS[0]:
        published_cases(book, scale)
    else:
        simulated_cases(book, scale, EFFECTS[world.name])
    book.cases.sort(key=lambda case: (case.referral, case.programme, case.person.ident))
    return book


def _plant(world: World, book: Book, tables: Tables) -> list[Planted]:
    """Put the faults in and return what was put where; in a register too small for one, without it."""
    planted = []

    def note(kind: str, name: str, child: str, on: str = "") -> None:
        planted.append(Planted(kind, FOLDER, f"{name}.csv", child, on))

    rows = {row[0]: row for row in tables["people"]}
    ours = book.of(HARBOUR)
    strange = next((c for c in ours if c.person.care is None and c.decision == REFUSED), None)
    if strange:
        known = {child.number for child in world.children}
        rows[strange.person.ident][1] = str(next(n for n in range(100_000, 1_000_000) if n not in known))
        note("register_care_id_unknown", "people", strange.person.ident)
    other = next((case for case in ours if case.status == LOOKED_AFTER), None)
    if other:
        rows[other.person.ident][2] = _date(other.person.born + 40)
        note("register_birth_conflict", "people", other.person.ident)
    twice = next((case for case in ours if case.decision == REFUSED and case is not strange), None)
    if twice:
        row = next(row for row in tables["cases"] if row[1] == twice.person.ident)
        tables["cases"].append(list(row))
        note("register_case_twice", "cases", twice.person.ident, row[3])
    ended = next((case for case in ours if case.end is not None), None)
    if ended:
        wrong = replace(ended, end=ended.referral - 9)
        tables["cases"].append(_case(len(book.cases) + 1, wrong))
        note("register_end_before_start", "cases", ended.person.ident, _date(ended.referral))
    tables["events"].append(["X000000", "missing", "2020-05-14"])
    note("register_child_unknown", "events", "X000000", "2020-05-14")
    if tables["measures"]:
        child, programme, measure, _, on, score = tables["measures"][0]
        tables["measures"].append([child, programme, measure, "carer", on, score])
        note("register_word_unknown", "measures", child, on)
    return planted


def _date(on: int | None) -> str:
    return "" if on is None else as_date(on).isoformat()


def _case(number: int, case: Case) -> list[str]:
    days = [_date(on) for on in (case.referral, case.decided, case.start, case.end)]
    return [
        f"C{number:05d}", case.person.ident, case.programme, days[0], case.source, case.decision, case.reason,
        *days[1:], case.closure, case.status, case.placement,
    ]  # fmt: skip


def _person(person: Person) -> list[str]:
    care = "" if person.care is None else str(person.care)
    rest = [person.sex, person.ethnicity, person.disability, person.area, person.decile]
    return [person.ident, care, _date(person.born), *rest]


def _text(row: tuple, *dates: int) -> list[str]:
    return [_date(cell) if at in dates else str(cell) for at, cell in enumerate(row)]
