"""Counts of the register that have no child: notifications, staff, posts, training, populations.

Published figures are those of the BOND report, dated to the quarter's end where it gives no day; every note
that says "synthetic" marks a number made up.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from .days import END, day
from .dice import Dice

Row = tuple[str, str, str, int, int, float, str]
"""Programme, activity, breakdown, first day, last day, value, note."""

PUBLISHED, MADE_UP = "BOND report", "synthetic"
HUB = "hub open"
ENCOMPASS = (day(2020, 1, 1), day(2020, 6, 30))
EVENTS, REFERRALS, CHILDREN = 904, 1613, 1435
JUNE, PEAK = 404, 123
"""Referrals in June 2020, and in the week of 22 June."""

PLANS = 510
"""Child protection plans: 366 of them are 71.76%, which the report gives as 71.7%."""

PEAK_WEEK = day(2020, 6, 22)
STAFF = {
    "manager": (1, 1), "deputy manager": (2, 2), "portfolio lead": (7, 6),
    "edge of care or residential worker": (20, 19), "administration officer": (1, 1),
    "family group conference coordinator": (1, 0),
}  # fmt: skip
"""Posts established and filled; the three vacant posts are those the report would remove."""

PARTNERS = {
    "speech and language therapist": (1, 1), "educational psychologist": (1, 1), "clinical psychologist": (1, 1),
    "specialist nurse": (2, 2), "police constable": (1, 1),
}  # fmt: skip
POPULATIONS = {
    "route29": ((12, 14, 16, 18), 17_400, 940),
    "domestic_abuse": ((5, 8, 12, 14, 16, 18, 19), 43_800, 1_960),
}
"""Edges of the age groups, children who live in the authority, and children in need among them: made up."""

AGE_NAMES = {5: "Under 8", 8: "8 to 11", 12: "12 to 13", 14: "14 to 15", 16: "16 to 17", 18: "18 and over"}
SHARES = {
    "sex": {"Male": (51, 54), "Female": (49, 46)},
    "ethnicity": {"White": (79, 80), "Mixed": (6, 8), "Asian": (6, 4), "Black": (6, 6), "Other": (3, 2)},
    "disability": {"yes": (8, 14), "no": (92, 86)},
    "deprivation": {
        "Most deprived fifth": (45, 56), "Second fifth": (21, 20), "Third fifth": (15, 12), "Fourth fifth": (12, 8),
        "Least deprived": (7, 4),
    },
}  # fmt: skip
"""Percentages of the children who live there and of the children in need: made up."""

WORKFORCE = {"schools": (2100, 310), "social care": (420, 165), "health": (650, 140), "police": (380, 45),
             "voluntary": (300, 70)}  # fmt: skip
"""Practitioners, and those trained since January 2020: made up."""

QUARTERS = [day(2019 + month // 12, month % 12 + 1, 1) for month in range(3, 24, 3)]
BEHAVIOUR = (2, 2, 3, 3, 1, 3)
"""Positive behaviour programmes begun in each quarter: made up."""


def activity(seed: int, scale: float, exact: bool) -> list[Row]:
    """Every row. `exact`: the published counts, in proportion to the scale; else up to a tenth more or fewer."""
    dice = Dice(seed, 17)
    scale *= 1.0 if exact else dice.real(0.9, 1.1)
    rows = [row if row[1] == HUB else (*row[:5], round(row[5] * scale), row[6]) for row in _unscaled()]
    return [*rows, *_encompass(dice, scale), *_populations(scale)]


def _unscaled() -> Iterator[Row]:
    yield from _abuse()
    yield from _route29()
    yield from _other()


def _split(total: float, weights: list[float]) -> list[int]:
    """A whole number divided in proportion to weights, to the last one."""
    steps = np.round(np.cumsum(weights) / sum(weights) * round(total))
    return [int(part) for part in np.diff(steps, prepend=0)]


def _encompass(dice: Dice, scale: float) -> Iterator[Row]:
    """One row a week, two where a month ends within it, so that weeks and months both add up.

    "The most being 123 in week 26" and "404 in June" are referrals (the report speaks of referrals a week and a
    month). Children are counted in the week of their first notification, so the weeks add up to 1,435.
    """
    first, last = ENCOMPASS
    cuts = {first, last + 1, *(day(2020, month, 1) for month in range(2, 7))}
    cuts |= {on for on in range(first, last + 1) if (on - PEAK_WEEK) % 7 == 0}
    pieces = [(a, b - 1) for a, b in pairwise(sorted(cuts))]
    june = [piece for piece in pieces if piece[0] >= day(2020, 6, 1)]
    others = [piece for piece in june if piece[0] != PEAK_WEEK]
    before = [piece for piece in pieces if piece not in june]
    counts = {(PEAK_WEEK, PEAK_WEEK + 6): round(PEAK * scale)}
    for group, total in ((others, JUNE - PEAK), (before, REFERRALS - JUNE)):
        weights = [(b - a + 1) * (1 + 0.3 * (a > day(2020, 4, 1))) * dice.real(0.85, 1.15) for a, b in group]
        counts |= dict(zip(group, _split(total * scale, weights), strict=True))
    # The longer it goes on, the more of those notified have been notified before.
    new = [counts[piece] * (1.06 - 0.006 * at) for at, piece in enumerate(pieces)]
    happened = _split(EVENTS * scale, [counts[piece] + 0.5 for piece in pieces])
    children = _split(CHILDREN * scale, new)
    for at, (a, b) in enumerate(pieces):
        monday = a - (a - PEAK_WEEK) % 7
        week = f"week of {np.datetime64(monday, 'D')}"
        for name, value in (("events", happened[at]), ("referrals", counts[a, b]), ("children", children[at])):
            note = "children first notified then" if name == "children" else PUBLISHED
            yield "domestic_abuse", f"Operation Encompass {name}", week, a, b, value, note


def _abuse() -> Iterator[Row]:
    """Plans, conferences, and the pilot with those who use harm."""
    word, at = "domestic_abuse", (END, END)
    yield word, "child protection plans", "with domestic abuse", *at, 366, PUBLISHED
    yield word, "child protection plans", "without domestic abuse", *at, PLANS - 366, "all of them: synthetic"
    yield word, "children in need with domestic abuse", "", *at, 787, PUBLISHED
    note = f"{MADE_UP}; 200 more in a year and half of them repeats, as published"
    for year, cases in ((2018, (130, 132, 138, 140)), (2019, (164, 170, 196, 210))):
        starts = [day(year, 10, 1), *(day(year + 1, month, 1) for month in (1, 4, 7, 10))]
        for (first, after), count in zip(pairwise(starts), cases, strict=True):
            for kind in ("first", "repeat"):
                yield word, "MARAC cases", kind, first, after - 1, count / 2, note
    for stage, count in (("referred", 38), ("started", 24), ("completed", 9)):
        yield word, "perpetrator pilot", stage, day(2020, 7, 1), END, count, MADE_UP


def _route29() -> Iterator[Row]:
    """The hub, staff and posts."""
    word, at = "route29", (END, END)
    yield word, HUB, "", day(2020, 1, 6), day(2020, 1, 6), 1, PUBLISHED
    for role, (posts, filled) in STAFF.items():
        yield word, "staff in post", role, *at, filled, PUBLISHED
        yield word, "posts established", role, *at, posts, f"{PUBLISHED}: staff and vacant posts"
        yield word, "posts filled", role, *at, filled, PUBLISHED
    for role, (posts, filled) in PARTNERS.items():
        yield word, "multi-disciplinary posts established", role, *at, posts, PUBLISHED
        yield word, "multi-disciplinary posts filled", role, *at, filled, f"{PUBLISHED}: taken to be filled"
    homes = (("staff by home", "Salford", 13), ("staff by home", "elsewhere", 16), ("staff care leavers", "", 2),
             ("staff existing employees", "", 9), ("apprenticeships planned", "level 4", 18),
             ("apprenticeships enrolled", "level 4", 6), ("level 5 apprenticeships", "", 2))  # fmt: skip
    for name, part, count in homes:
        yield word, name, part, *at, count, PUBLISHED
    yield word, "local foster carers approved", "", day(2020, 4, 1), END, 11, f"{MADE_UP}; of the whole authority"


def _other() -> Iterator[Row]:
    """Respite and behaviour programmes; training in trauma; what no programme measures yet."""
    yield "transforming_care", "respite families", "", day(2020, 6, 1), day(2020, 8, 31), 19, PUBLISHED
    for (first, after), count in zip(pairwise(QUARTERS), BEHAVIOUR, strict=True):
        yield "transforming_care", "positive behaviour programmes", "", first, after - 1, count, MADE_UP
    for word, workers in (("transforming_care", 3), ("act", 2)):
        yield word, "staff in post", "", day(2019, 9, 4), day(2019, 9, 4), workers, "Assurance report 2019"
    for agency, (workforce, trained) in WORKFORCE.items():
        yield "trauma", "workforce", agency, END, END, workforce, MADE_UP
        for (first, after), count in zip(pairwise(QUARTERS[3:]), _split(trained, [5, 2, 3]), strict=True):
            yield "trauma", "practitioners trained", agency, first, after - 1, count, MADE_UP
    for first, last, informed in ((day(2020, 1, 1), day(2020, 3, 31), 9), (day(2020, 7, 1), END, 14)):
        yield "trauma", "files audited", "trauma informed", first, last, informed, MADE_UP
        yield "trauma", "files audited", "not trauma informed", first, last, 40 - informed, MADE_UP
    for source, count in (("schools", 26), ("social care", 31), ("health", 12)):
        yield "trauma", "referrals", source, day(2020, 4, 1), END, count, MADE_UP
    for stage, count in (("referred", 34), ("joint plan", 12)):
        yield "trauma", "parents with adult mental health services", stage, day(2020, 4, 1), END, count, MADE_UP
    for word in ("route29", "transforming_care", "act", "domestic_abuse"):
        yield word, "families with a family-resilience score", "", END, END, 0, f"{PUBLISHED}: not yet measured"


def _populations(scale: float) -> Iterator[Row]:
    """Children of the programme's ages, and children in need among them, by one characteristic at a time."""
    for word, (edges, living, in_need) in POPULATIONS.items():
        ages = {AGE_NAMES[a]: (b - a, b - a) for a, b in pairwise(edges)}
        for at, (name, total) in enumerate((("eligible population", living), ("children in need", in_need))):
            for split, shares in {"age": ages, **SHARES}.items():
                parts = _split(total * scale, [share[at] for share in shares.values()])
                for label, value in zip(shares, parts, strict=True):
                    yield word, name, f"{split}: {label}", END, END, value, MADE_UP
