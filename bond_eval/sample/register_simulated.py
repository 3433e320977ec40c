"""The cases of the null and effect worlds: drawn at random, with becoming looked after as planted.

Whether a child is taken on does not depend on how things are with it (children too young apart), so those not
accepted are a fair comparison. A child who is not looked after has a constant hazard of becoming so: at home
with Route 29 or Achieving Change Together from the start of the case, times the planted ratio; not accepted,
from the day the case would have begun, which is drawn alike. Each entry so drawn is then given to a child of
the return: of those free whose own entry is at a day near it, the nearest, whichever group the case is in; and
the whole case is shifted by the days between, so that the time from start to entry is kept as drawn. Thus an
entry in the register is one in the return, and the ratio of the hazards is the planted one in expectation. An
entry that no child is left for is dropped. Children looked after at referral are drawn from those in care on
the day, whatever happens to them later, so placements and leaving care know no effect of the programme.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from .days import END, YEAR
from .register_book import (
    ACCEPTED,
    ACT,
    EDGE,
    HARBOUR,
    LOOKED_AFTER,
    REFUSED,
    ROUTE29,
    TCS,
    WAITING,
    Book,
    Case,
    Programme,
)  # fmt: skip
from .register_care import Entry, aged
from .register_lives import Effects
from .register_published import refer_on

REFERRALS = {ROUTE29.word: 150, TCS.word: 18, ACT.word: 36, HARBOUR.word: 230}
REFERRED_ON = 4
"""Children of Route 29 who come to Harbour as well."""

TAKEN_ON = 0.64
TOO_YOUNG = 0.06
A_YEAR = {EDGE: 0.8}
"""Hazard a year of becoming looked after on the edge of care; half of it for other children at home."""

REASONS = {"needs not met": 4, "declined": 3, "other service": 3, "capacity": 6}
CLOSURES = {"completed": 70, "disengaged": 22, "moved away": 6, "other": 2}


@dataclass(frozen=True)
class Due:
    """A case that is to lead into care, as drawn: on which day, and how long after the referral."""

    case: Case
    programme: Programme
    on: int

    @property
    def wait(self) -> int:
        """Days from the referral to the entry."""
        return self.on - self.case.referral


def simulated_cases(book: Book, scale: float, effects: Effects) -> None:
    """Write the cases of a null or effect world down, their number in proportion to the scale (1 at 600 children)."""
    due: list[Due] = []
    for programme in (ROUTE29, TCS, ACT, HARBOUR):
        for _ in range(round(REFERRALS[programme.word] * scale)):
            case, begins = _referral(book, programme)
            entry = _entry_day(book, programme, case, begins, effects)
            if entry is None:
                book.add(programme, _closed(book, programme, case))
            else:
                due.append(Due(case, programme, entry))
    _lead_into_care(book, due)
    refer_on(book, HARBOUR, range(round(REFERRED_ON * scale)))


def _referral(book: Book, programme: Programme) -> tuple[Case, int]:
    """A case with its decision, and the day it begins or would have begun."""
    between, dice = book.dice.between, book.dice
    on = between(programme.live, END - 1)
    decided = on + between(1, 9)
    begins = decided + between(1, 12)
    if programme is ROUTE29 and dice.chance(TOO_YOUNG) and decided <= END:
        case = Case(book.stranger(on, (8, 12)), programme.word, on, EDGE, decision=REFUSED, reason="too young")
        return replace(case, decided=decided), begins
    case = book.someone(programme, on, dice.weighted(programme.statuses))
    if begins > END:
        return replace(case, decision=WAITING), begins
    if dice.chance(TAKEN_ON):
        return replace(case, decided=decided, start=begins), begins
    return replace(case, decision=REFUSED, reason=dice.weighted(REASONS), decided=decided), begins


def _entry_day(book: Book, programme: Programme, case: Case, begins: int, effects: Effects) -> int | None:
    """The day a child at home becomes looked after; None where it does not by the end, or cannot."""
    able = programme in (ROUTE29, ACT) and case.decision != WAITING and case.reason != "too young"
    if not able or case.status == LOOKED_AFTER or case.person.care is not None:
        return None
    rate = A_YEAR.get(case.status, A_YEAR[EDGE] / 2) * (effects.entry if case.decision == ACCEPTED else 1.0)
    on = begins + 1 + int(book.dice.exponential(YEAR / rate))
    return on if on <= END else None


def _closed(book: Book, programme: Programme, case: Case) -> Case:
    """The case with its end, where it has one by now."""
    end = None if case.start is None else case.start + book.dice.between(*programme.days)
    if end is None or end > END:
        return case
    return replace(case, end=end, closure=book.dice.weighted(CLOSURES))


def _lead_into_care(book: Book, due: list[Due]) -> None:
    """Give every drawn entry to the free child of the return whose own entry is nearest to it."""
    first = min((one.programme.live for one in due), default=END)
    by_day: dict[int, list[tuple[int, Entry]]] = defaultdict(list)
    for place, entry in enumerate(book.care.entries(first, END)):
        by_day[entry.on].append((place, entry))

    def nearest(one: Due) -> Entry | None:
        """Of several as near, the one that comes first in the seeded order."""
        for days in range(END - first + 1):
            near = [pair for on in {one.on - days, one.on + days} for pair in by_day.get(on, ())]
            if fits := [pair for pair in near if book.care.is_free(pair[1].child) and _may_be(one, pair[1])]:
                return min(fits, key=lambda pair: pair[0])[1]
        return None

    for one in book.dice.some(due, len(due)):
        if found := nearest(one):
            book.care.claim(found.child)
            book.add(one.programme, _shifted(book, one, found))
        else:
            book.add(one.programme, _closed(book, one.programme, one.case))


def _may_be(one: Due, entry: Entry) -> bool:
    """Whether the child was of age and out of care on the day that makes the wait as drawn, and the programme live."""
    on = entry.on - one.wait
    return entry.before <= on and on >= one.programme.live and aged(entry.child.born, on, one.programme.span)


def _shifted(book: Book, one: Due, entry: Entry) -> Case:
    by, case = entry.on - one.on, one.case
    start = None if case.start is None else case.start + by
    decided = None if case.decided is None else case.decided + by
    person = book.identify(case.person, entry.child)
    case = replace(case, person=person, referral=case.referral + by, decided=decided, start=start)
    ends = entry.on + book.dice.between(0, 25)
    if start is None or ends > END:
        return case
    return replace(case, end=ends, closure="became looked after")
