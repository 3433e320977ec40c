"""The cases of the published world: the BOND report's headlines, as at 30 September 2020.

The report gives its headlines without a day; here they are those of the quarter's end. What is published:
Route 29's 145 cases (87 open; 30 closed, of which 2 became looked after, 10 did not and 18 already were, 16 of
them in the same placement to the end, 2 moved, 2 of the 18 no longer looked after); Transforming Care's 8 open;
Achieving Change Together's 21 with 10 open; Harbour's 52 open and over 200 seen; and what the assurance report
said in September 2019: 4 families, and 10 cases of which 5 looked after, 4 at home, 1 leaving a secure place.
How the other 28 referrals to Route 29 divide, and every other number here, is made up.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from .days import ASSURANCE, END, PROGRAMME, day
from .modules import Spell
from .register_book import (
    ACT,
    EDGE,
    HARBOUR,
    LOOKED_AFTER,
    NEED,
    PROTECTION,
    REFUSED,
    ROUTE29,
    TCS,
    WAITING,
    Book,
    Case,
    Programme,
)
from .register_care import aged, moves
from .world import Child

Many = Callable[[int], range]

LATE = END - 26
"""The last day of a referral that has begun by 30 September 2020, whatever the wait."""

CLOSED_ENDS = {"completed": 64, "disengaged": 24, "moved away": 7, "other": 5}
IN_CARE_ENDS = {"completed": 76, "disengaged": 24}


def published_cases(book: Book, scale: float) -> None:
    """Write every case of the published world down, its counts in proportion to the scale (1 at 600 children)."""

    def many(count: int) -> range:
        return range(round(count * scale))

    _route29_closed(book, many)
    _route29_others(book, many)
    _transforming_care(book, many)
    _act(book, many)
    _harbour(book, many)


def _teens(book: Book) -> tuple[int, int]:
    """Predominantly 14 to 17, as the report has it."""
    return (14, 18) if book.dice.chance(0.86) else (12, 14)


def _route29_closed(book: Book, many: Many) -> None:
    between = book.dice.between
    # Those who moved first: they are the hardest to find.
    _moved(book, many(2))
    _left(book, many(2))
    for _ in many(14):
        on = between(PROGRAMME + 3, day(2020, 6, 8))
        start = on + between(6, 20)
        end = start + between(50, 92)
        if child := book.care.resident(on, _teens(book), END, still=True):
            case = book.in_care(ROUTE29, child, on)
            book.add(ROUTE29, replace(case, start=start, end=end, closure=book.dice.weighted(IN_CARE_ENDS)))
    for _ in many(2):
        if found := _entering(book, ROUTE29, PROGRAMME + 45, END - 20):
            case, entered = found
            book.add(ROUTE29, replace(case, end=entered + between(2, 15), closure="became looked after"))
    for at in many(10):
        on = between(PROGRAMME + 1, day(2020, 6, 8))
        start = on + between(6, 20)
        closure = ("completed", "completed", "disengaged", "completed", "moved away")[at % 5]
        case = book.someone(ROUTE29, on, book.dice.weighted({EDGE: 7, NEED: 2, PROTECTION: 1}), _teens(book))
        book.add(ROUTE29, replace(case, start=start, end=start + between(50, 92), closure=closure))


def _moved(book: Book, cases: range) -> None:
    """Closed: looked after at referral, moved while the case was open, looked after still."""

    def move(child: Child, spells: tuple[Spell, ...]) -> int | None:
        for old, row in pairwise(spells[-1].rows):
            # A new carer, temporary stays apart: moves as counted.
            new = row[2] in ("P", "B") and "T" not in (old[5][0], row[5][0])
            quiet = PROGRAMME + 45 < row[1] <= END - 40 and spells[-1].covers(row[1] - 60, END)
            if new and quiet and aged(child.born, row[1] - 45, (13, 18)):
                return row[1]
        return None

    for _, (child, on) in zip(cases, book.care.each(move), strict=False):
        case = book.in_care(ROUTE29, child, on - book.dice.between(24, 42))
        end = on + book.dice.between(10, 30)
        start = case.referral + book.dice.between(5, 18)
        book.add(ROUTE29, replace(case, start=start, end=end, closure="completed"))


def _left(book: Book, cases: range) -> None:
    """Closed: looked after at referral and in the same placement to the end, and out of care soon after it."""

    def leaving(child: Child, spells: tuple[Spell, ...]) -> int | None:
        spell = spells[-1]
        if spell.end is None or not PROGRAMME + 95 < spell.end <= END - 2:
            return None
        quiet = spell.end - 95
        fits = spell.start < quiet and not moves(spell, quiet, spell.end) and aged(child.born, quiet, (14, 18))
        return spell.end if fits else None

    for _, (child, leaves) in zip(cases, book.care.each(leaving), strict=False):
        case = book.in_care(ROUTE29, child, leaves - book.dice.between(78, 94))
        end = leaves - book.dice.between(1, 10)
        start = case.referral + book.dice.between(5, 14)
        book.add(ROUTE29, replace(case, start=start, end=end, closure="completed"))


def _entering(book: Book, programme: Programme, since: int, until: int = END) -> tuple[Case, int] | None:
    """A case of a child who is not looked after at referral and enters care soon after the start; the day it does."""
    wait = book.dice.between(26, 40)
    child = book.care.entering(since, until, programme.span, wait)
    if child is None:
        return None
    entered = book.care.spells[child.number][-1].start
    case = Case(book.known(child), programme.word, entered - wait, EDGE)
    return replace(case, start=case.referral + book.dice.between(6, 20)), entered


def _route29_others(book: Book, many: Many) -> None:
    between, weighted = book.dice.between, book.dice.weighted
    # Without the four who become looked after, 56 of the open are on the edge of care, as the report has it.
    for status, count in ((EDGE, 33), (LOOKED_AFTER, 27), (NEED, 13), (PROTECTION, 10)):
        for _ in many(count):
            # Numbers rose as the service grew: the later of two days.
            on = max(between(PROGRAMME, LATE), between(PROGRAMME, LATE))
            book.add(ROUTE29, book.someone(ROUTE29, on, status, _teens(book)))
    for _ in many(4):
        if found := _entering(book, ROUTE29, PROGRAMME + 45):
            book.add(ROUTE29, found[0])
    for _ in many(6):
        status = weighted({EDGE: 3, NEED: 2, LOOKED_AFTER: 1})
        case = book.someone(ROUTE29, between(END - 28, END - 2), status, _teens(book))
        book.add(ROUTE29, replace(case, decision=WAITING))
    for _ in many(2):
        if found := _entering(book, ROUTE29, PROGRAMME + 45):
            book.add(ROUTE29, replace(found[0], decision=REFUSED, reason="capacity", start=None))
    refused = (("too young", (8, 12), 9), ("too old", (18, 19), 1), ("needs not met", None, 4), ("declined", None, 3),
               ("other service", None, 3))  # fmt: skip
    for reason, ages, count in refused:
        for _ in many(count):
            on, status = between(PROGRAMME, END - 10), weighted({EDGE: 5, NEED: 4, PROTECTION: 1})
            case = Case(book.stranger(on, ages or _teens(book)), ROUTE29.word, on, status)
            book.add(ROUTE29, replace(case, decision=REFUSED, reason=reason))


def _others(book: Book, programme: Programme, refused: range, waiting: range) -> None:
    """Referrals that have not begun: refused since the programme began, waiting since a month ago at most."""
    reasons = {"needs not met": 4, "declined": 3, "other service": 2, "capacity": 1}
    for asked, decision in ((refused, REFUSED), (waiting, WAITING)):
        for _ in asked:
            on = book.dice.between(programme.live if decision == REFUSED else END - 28, END - 10)
            case = book.someone(programme, on, _at_home(book, programme))
            reason = book.dice.weighted(reasons) if decision == REFUSED else ""
            book.add(programme, replace(case, decision=decision, reason=reason))


def _at_home(book: Book, programme: Programme) -> str:
    return book.dice.weighted({status: w for status, w in programme.statuses.items() if status != LOOKED_AFTER})


def _transforming_care(book: Book, many: Many) -> None:
    """Four families by September 2019, of which two since closed; six more open, one of them with short breaks."""
    between = book.dice.between
    for at in many(4):
        on = between(TCS.live, ASSURANCE - 30)
        end = (day(2020, 3, 2) + between(0, 150)) if at % 2 else None
        case = replace(book.someone(TCS, on, _at_home(book, TCS)), end=end)
        book.add(TCS, replace(case, closure="completed" if end else ""))
    for at in many(6):
        on = between(day(2019, 10, 1), LATE)
        known = next((c for c in book.care.short_breaks if aged(c.born, on, TCS.span)), None) if at == 0 else None
        case = Case(book.known(known), TCS.word, on, NEED) if known else book.someone(TCS, on, _at_home(book, TCS))
        book.add(TCS, case)
    for _ in many(1):
        on = between(day(2019, 10, 1), day(2019, 12, 20))
        end = on + between(180, 250)
        book.add(TCS, replace(book.someone(TCS, on, NEED), end=end, closure="moved away"))
    _others(book, TCS, many(3), many(2))


def _act(book: Book, many: Many) -> None:
    between = book.dice.between
    for at in many(10):
        on = between(ACT.live, day(2019, 7, 25))
        case = Case(book.stranger(on, (12, 17)), ACT.word, on, EDGE) if at > 5 else None
        case = case or (_leaving_secure(book) if at == 0 else None)
        if case is None:
            child = book.care.resident(on, (12, 17), ASSURANCE + 60)
            case = book.in_care(ACT, child, on) if child else book.someone(ACT, on, EDGE)
        end = day(2020, 4, 1) + at * 17 + between(0, 12)
        book.add(ACT, replace(case, end=end, closure=book.dice.weighted(IN_CARE_ENDS)))
    for _ in many(1):
        on = between(day(2019, 9, 20), day(2019, 10, 30))
        end = day(2020, 7, 1) + between(0, 60)
        book.add(ACT, replace(book.someone(ACT, on, NEED), end=end, closure="moved away"))
    for at in many(8):
        on = day(2019, 11, 1) + at * 37 + between(0, 20)
        book.add(ACT, book.someone(ACT, on, book.dice.weighted(ACT.statuses)))
    refer_on(book, ACT, many(2))
    _others(book, ACT, many(5), many(2))


def _leaving_secure(book: Book) -> Case | None:
    """A child in a secure place at referral, who left it within weeks of September 2019 and stayed in care."""

    def secure(child: Child, spells: tuple[Spell, ...]) -> tuple[int, int] | None:
        for row in [row for spell in spells if spell.covers(ASSURANCE - 90, ASSURANCE + 30) for row in spell.rows]:
            near = row[5] == "K1" and row[1] < ASSURANCE - 50 and abs((row[7] or END) - ASSURANCE) < 35
            if near and aged(child.born, row[7], (12, 18)):
                return row[1], row[7]
        return None

    for child, (first, left) in book.care.each(secure):
        on = max(first + 5, ACT.live, left - 50)
        return replace(book.in_care(ACT, child, on), start=on + 10)
    return None


def refer_on(book: Book, programme: Programme, cases: range) -> None:
    """Cases of children who are with Route 29 already and whom the return does not know."""
    taken = {case.person.ident for case in book.cases if case.programme != ROUTE29.word}
    able = [
        case for case in book.of(ROUTE29)
        if case.open and case.person.care is None and case.person.ident not in taken and case.referral < LATE - 70
    ]  # fmt: skip
    for _ in cases:
        if not able:
            book.add(programme, book.someone(programme, LATE, EDGE))
            continue
        case = able.pop(book.dice.one(range(len(able))))
        on = max(case.referral + book.dice.between(20, 60), programme.live)
        book.add(programme, Case(case.person, programme.word, on, case.status))


def _harbour(book: Book, many: Many) -> None:
    between, weighted = book.dice.between, book.dice.weighted
    for _ in many(162):
        on = between(HARBOUR.live, day(2020, 6, 30))
        start = on + between(5, 14)
        case = book.someone(HARBOUR, on, weighted(HARBOUR.statuses))
        end = start + between(*HARBOUR.days)
        book.add(HARBOUR, replace(case, start=start, end=end, closure=weighted(CLOSED_ENDS)))
    refer_on(book, HARBOUR, many(6))
    for _ in many(3):
        found = _entering(book, HARBOUR, HARBOUR.live + 45)
        book.add(HARBOUR, found[0] if found else book.someone(HARBOUR, LATE, PROTECTION))
    for _ in many(43):
        book.add(HARBOUR, book.someone(HARBOUR, between(day(2020, 6, 20), LATE), weighted(HARBOUR.statuses)))
    _others(book, HARBOUR, many(14), many(18))
