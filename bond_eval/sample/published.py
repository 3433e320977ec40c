"""The published world's children: the planned external stays, and everyone else to the published totals."""

from dataclasses import replace

from .births import chains, dates_of_birth
from .days import END, YEAR, day, month_starts
from .dice import Dice
from .lives import RETURNS, Career, Path, Period, go_on, live, population
from .marks import mark
from .plan import Stay, lay_down, scaled
from .rates import Rules

LOOKED_AFTER = {
    day(2015, 3, 31): 512,
    day(2016, 3, 31): 520,
    day(2017, 3, 31): 535,
    day(2018, 3, 31): 550,
    day(2019, 3, 31): 572,
    day(2019, 8, 31): 582,
    day(2020, 3, 31): 578,
    END: 572,
}
"""Children looked after, short breaks left out: the published 582 and 572, and a likely path between."""

MOVED_WITHIN = {"op": 0.34, "ifa": 0.22}
"""Moves a year from one placement to another of the same category, within a stay."""

SPARE = 1.7
"""How many more children are simulated than are needed, to choose from."""


def published(seed: int, scale: float, entries_a_year: float) -> list[Career]:
    """The children of the published world."""
    dice, rules = Dice(seed, 1), Rules(external=False)
    planned = chains(lay_down(dice, scale))
    born = dates_of_birth(dice, planned, scale)
    external = [_career(dice, rules, chain, day_) for chain, day_ in zip(planned, born, strict=True)]
    external = [replace(career, index=-at - 1) for at, career in enumerate(external)]
    others = population((seed, 7), rules, entries_a_year * SPARE * scale, month_starts(2004, END))
    return external + _choose(dice, external, mark(dice, others), scale)


def _career(dice: Dice, rules: Rules, chain: list[Stay], born: int) -> Career:
    """A planned child's life: how care began, the stays, and what came after them."""
    stays = _beginning(dice, rules, chain[0], born)
    for stay in chain:
        stays += _within(dice, stay)
    last = chain[-1]
    role = "new_external" if last.fixed else "external"
    marks = tuple(stay.start for stay in chain)
    if last.end is None:
        return Career(born, (Period(tuple(stays), None, ""),), role=role, marks=marks)
    if last.after.startswith("leave_") or last.after == "adult":
        why = "leave_adult" if last.after == "adult" else last.after
        first = Period(tuple(stays), last.end, why)
    else:
        rest = live(dice, rules, born, last.end, last.after, Path(tendency=0.6))
        first = Period((*stays, *rest.stays), rest.end, rest.why)
    periods = go_on(dice, rules, born, first) if first.why in RETURNS else [first]
    return Career(born, tuple(periods), role=role, marks=marks)


def _beginning(dice: Dice, rules: Rules, first: Stay, born: int) -> list[tuple[str, int]]:
    """Placements before the first planned stay; none when care began with it."""
    if dice.chance(0.3):
        return []
    began = first.start - round(dice.exponential(500 if first.kind == "op" else 330))
    began = max(began, born + 2)
    if began >= first.start - 3:
        return []
    older = first.start - born > 12 * YEAR
    kind = dice.weighted({"fost": 66, "conn": 20, "home": 8, "inres": 6 if older else 0})
    path = Path(until=first.start, may_leave=False, only=frozenset({"fost", "conn"}))
    return list(live(dice, rules, born, began, kind, path).stays)


def _within(dice: Dice, stay: Stay) -> list[tuple[str, int]]:
    """A stay's placements; the new ones of the last count have just one."""
    parts = [(stay.kind, stay.start)]
    last = END if stay.end is None else stay.end
    while not stay.fixed:
        at = parts[-1][1] + 10 + round(dice.exponential(YEAR / MOVED_WITHIN[stay.kind]))
        if at >= last - 7:
            break
        parts.append((stay.kind, at))
    return parts


def _choose(dice: Dice, external: list[Career], others: list[Career], scale: float) -> list[Career]:
    """Those of the others who bring the number looked after to its target at every date.

    A child is a candidate at the first date on which it is looked after, so a choice at one date never
    disturbs the dates before it. Children never there on a date are kept in the same proportion.
    """
    dates = sorted(LOOKED_AFTER)
    first = {id(c): next((on for on in dates if c.kind_on(on)), None) for c in others}
    chosen = [c for c in others if c.role]
    counts = {on: sum(bool(c.kind_on(on)) for c in external + chosen) for on in dates}
    shares = []
    for on in dates:
        free = [c for c in others if first[id(c)] == on and not c.role]
        wanted = scaled(LOOKED_AFTER[on], scale) - counts[on]
        picked = dice.some(free, max(0, wanted))
        shares.append(len(picked) / max(1, len(free)))
        for career in picked:
            for later in dates:
                counts[later] += bool(career.kind_on(later))
        chosen += picked
    between = [c for c in others if first[id(c)] is None and not c.role]
    return chosen + [c for c in between if dice.chance(_share(shares, dates, c))]


def _share(shares: list[float], dates: list[int], career: Career) -> float:
    after = [share for share, on in zip(shares, dates, strict=True) if on >= career.periods[0].start]
    return after[0] if after else 0.0
