"""The published world's stays in outside placements and agency fostering, to the published counts.

The year-end counts, the two baseline cohorts with their first destinations and the new placements are those
of the BOND report and its assurance report; everything else about these stays is invented.
"""

from dataclasses import dataclass

from .days import ASSURANCE, BASELINE, COUNTED, EASED, PANDEMIC, day
from .dice import Dice

NUMBERS = {"op": (16, 19, 25, 37, 48), "ifa": (54, 56, 59, 67, 63)}
"""Children on 31 March 2015 (invented), 2016 (invented), 2017, 2018 and 2019."""

REMAIN = {"op": (10, 12, 16, 24), "ifa": (36, 36, 38, 42)}
"""Of those, how many are still in the same category a year later."""

BRIEF = {"op": (9, 11, 14, 16, 19, 6), "ifa": (12, 14, 16, 16, 16, 5)}
"""Stays that begin and end between two counts, each year from 2015-16 and the half year to September 2020."""

BRIDGES = {"op": 4, "ifa": 1}
"""Stays that begin in 2019-20 and end in the half year after it: neither baseline nor still open."""

LEFT_OP = (
    ("conn", 4, "early"),
    ("home_or_leave", 3, "early"),
    ("home_or_leave", 2, "year"),
    ("home_or_leave", 1, "late"),
    ("ifa", 2, "year"),
    ("ifa", 1, "late"),
    ("supp", 2, "year"),
    ("supp", 2, "late"),
    ("adult", 3, "year"),
    ("adult", 1, "late"),
)
"""Where the 21 of the 48 went first, and when: by 4 September 2019, by 31 March 2020, or after it."""

LEFT_IFA = (
    ("op", 5, "year"),
    ("op", 1, "late"),
    ("fost", 6, "year"),
    ("conn", 4, "year"),
    ("home_or_leave", 3, "early"),
    ("home_or_leave", 4, "year"),
    ("home_or_leave", 1, "late"),
    ("adult", 4, "year"),
    ("supp", 2, "year"),
    ("leave_sgo", 2, "year"),
)
"""Where the 32 of the 63 went first, and when."""

NEW = {"op": (15, 6, 8), "ifa": (20, 11, 11)}
"""New on 30 September 2020: all, of them under 12, of them begun on or after 23 March 2020."""

LINKED_A_YEAR = {"op": 3, "ifa": 2}
"""Before the baseline: moves a year into this category straight from the other one."""

ELSEWHERE = {
    "op": {"conn": 10, "fost": 12, "inres": 8, "home": 8, "leave_home": 14, "supp": 18, "adult": 26},
    "ifa": {"fost": 26, "conn": 10, "home": 8, "leave_home": 18, "supp": 8, "adult": 18, "leave_sgo": 8},
}
FROM_BRIEF = {
    "op": {"fost": 28, "conn": 14, "inres": 12, "home": 10, "leave_home": 26, "supp": 10},
    "ifa": {"fost": 48, "conn": 16, "home": 8, "leave_home": 22, "inres": 3, "supp": 3},
}
LONGEST_BEFORE = {"op": (420, 1000), "ifa": (700, 1500)}


@dataclass(eq=False)
class Stay:
    """One unbroken stay in a category: first day, the day it ended (None: open on 30 September 2020)."""

    kind: str
    start: int
    end: int | None
    after: str = ""
    young: str = ""
    fixed: bool = False
    following: "Stay | None" = None
    before: "Stay | None" = None
    brief: bool = False
    group: str = ""

    def open_on(self, on: int) -> bool:
        """Whether the stay is counted on a day."""
        return self.start <= on and (self.end is None or self.end > on)


def lay_down(dice: Dice, scale: float) -> list[Stay]:
    """Every stay of the published world, in both categories, with its destination or its following stay."""
    stays: list[Stay] = []
    for kind in ("op", "ifa"):
        stays += _before_baseline(dice, kind, scale)
    _link_before_baseline(dice, stays, scale)
    baseline = {kind: _settle_baseline(dice, stays, kind, scale) for kind in ("op", "ifa")}
    for kind in ("op", "ifa"):
        stays += _new(dice, kind, scale)
        stays += _bridges(dice, kind, scale)
    _join(baseline["op"], [s for s in stays if s.group == "new ifa" and s.young != "under"], "ifa")
    _join(baseline["ifa"], [s for s in stays if s.group == "new op"], "op")
    for kind in ("op", "ifa"):
        stays += _brief(dice, kind, scale)
    for stay in stays:
        if stay.end is not None and not stay.after and stay.following is None:
            stay.after = dice.weighted((FROM_BRIEF if stay.brief else ELSEWHERE)[stay.kind])
    return stays


def scaled(count: int, scale: float) -> int:
    """A published count in proportion to the population; the count itself at the default population."""
    return int(count * scale + 0.5)


def _before_baseline(dice: Dice, kind: str, scale: float) -> list[Stay]:
    """Stays from 31 March 2015 to the baseline: each year some remain, the rest end, new ones begin."""
    mean, longest = LONGEST_BEFORE[kind]
    first = COUNTED[0]
    here = []
    for _ in range(scaled(NUMBERS[kind][0], scale)):
        lasted = min(longest, 1 + int(dice.exponential(mean)))
        here.append(Stay(kind, first - lasted, None))
    stays = list(here)
    for year in range(4):
        opens, closes = COUNTED[year] + 1, COUNTED[year + 1]
        remain = dice.some(here, scaled(REMAIN[kind][year], scale))
        stayed = set(remain)
        for stay in here:
            if stay not in stayed:
                stay.end = dice.between(max(opens, stay.start + 5), closes)
        wanted = scaled(NUMBERS[kind][year + 1], scale) - len(remain)
        new = [Stay(kind, dice.between(opens, closes - 3), None) for _ in range(wanted)]
        stays += new
        here = remain + new
    return stays


def _link_before_baseline(dice: Dice, stays: list[Stay], scale: float) -> None:
    """Let some stays begin on the day a stay in the other category ended."""
    for year in range(4):
        opens, closes = COUNTED[year] + 1, COUNTED[year + 1]
        for kind in ("op", "ifa"):
            ended = [s for s in stays if s.kind != kind and s.end and opens <= s.end <= closes - 10]
            ended = [s for s in ended if s.following is None]
            begun = [s for s in stays if s.kind == kind and opens <= s.start <= closes and s.before is None]
            begun = [s for s in begun if s.end is None or s.end > closes]
            count = scaled(LINKED_A_YEAR[kind], scale)
            for one, other in zip(dice.some(ended, count), dice.some(begun, count), strict=False):
                _chain(one, other)


def _chain(one: Stay, other: Stay) -> None:
    """Let the second stay begin on the day the first ends."""
    assert one.end is not None
    other.start = one.end
    one.following, other.before = other, one


def _settle_baseline(dice: Dice, stays: list[Stay], kind: str, scale: float) -> list[Stay]:
    """Give the children of 31 March 2019 their ends and first destinations; return those who left."""
    here = dice.some([s for s in stays if s.kind == kind and s.open_on(BASELINE)], 10**9)
    # Those with an earlier stay in the other category come last: a third stay would pin their age too much.
    here.sort(key=lambda stay: stay.before is None)
    left: list[Stay] = []
    for after, count, when in LEFT_OP if kind == "op" else LEFT_IFA:
        for _ in range(scaled(count, scale)):
            if len(here) <= 1:
                break
            stay = here.pop()
            stay.end, stay.after = _when(dice, when), after
            if after == "home_or_leave":
                stay.after = "leave_home" if dice.chance(0.45) else "home"
            left.append(stay)
    return left


def _when(dice: Dice, when: str) -> int:
    if when == "early":
        return dice.between(day(2019, 4, 12), ASSURANCE - 2)
    if when == "year":
        return dice.between(ASSURANCE + 4, day(2020, 3, 14))
    return dice.between(day(2020, 4, 15), day(2020, 9, 22))


def _new(dice: Dice, kind: str, scale: float) -> list[Stay]:
    """The new external placements: fixed stays that begin after the baseline and are open at the end."""
    total, young, recent = (scaled(count, scale) for count in NEW[kind])
    young_recent = round(young * recent / max(total, 1))
    new = []
    for at in range(total):
        start = _recent(dice) if at < recent else dice.between(day(2019, 4, 8), day(2020, 3, 15))
        under = at < young_recent or recent <= at < recent + young - young_recent
        age = "under" if under else "over"
        new.append(Stay(kind, start, None, young=age, fixed=True, group="new " + kind))
    return new


def _recent(dice: Dice) -> int:
    """A start on or after the first lockdown: few before July 2020."""
    if dice.chance(0.25):
        return dice.between(day(2020, 4, 6), EASED - 1)
    return dice.between(EASED, day(2020, 9, 28))


def _join(left: list[Stay], new: list[Stay], to: str) -> None:
    """Make those who moved to the other category the first of its new stays, on the same side of lockdown."""
    sides = {late: [stay for stay in new if (stay.start >= PANDEMIC) == late] for late in (False, True)}
    for stay in [s for s in left if s.after == to]:
        late = stay.end is not None and stay.end >= PANDEMIC
        if free := sides[late] or sides[not late]:
            _chain(stay, free.pop(0))
        stay.after = "" if stay.following else "fost"


def _bridges(dice: Dice, kind: str, scale: float) -> list[Stay]:
    """Stays counted on 31 March 2020 alone."""
    stays = []
    for _ in range(scaled(BRIDGES[kind], scale)):
        start = dice.between(day(2019, 9, 1), day(2020, 3, 10))
        stays.append(Stay(kind, start, _when(dice, "late"), brief=True))
    return stays


def _brief(dice: Dice, kind: str, scale: float) -> list[Stay]:
    """Stays that begin and end between two counts."""
    stays = []
    for year, count in enumerate(BRIEF[kind]):
        opens, closes = COUNTED[year] + 1, COUNTED[year + 1]
        for _ in range(scaled(count, scale)):
            lasted = min(closes - opens - 4, 4 + int(dice.exponential(70)))
            start = dice.between(opens, closes - lasted)
            if PANDEMIC <= start < EASED and dice.chance(0.6) and closes - lasted > EASED:
                start = dice.between(EASED, closes - lasted)
            stays.append(Stay(kind, start, start + lasted, brief=True))
    return stays
