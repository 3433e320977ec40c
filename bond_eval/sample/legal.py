"""A child's legal status through a period of care, and the placements in it as the returns record them."""

from dataclasses import dataclass, replace

from .codes import LONG_TERM, PLACES, PROVIDERS, WITH_CURRENT_CARER
from .days import END, YEAR, age
from .dice import Dice
from .lives import Career, Period
from .places import Places, Site

TEMPORARY_A_YEAR = 0.03
SECTION_20 = "V2"


@dataclass(frozen=True)
class Placement:
    """One placement: kind, first day, codes, site, and whether the carers are those of the one before."""

    kind: str
    start: int
    place: str
    provider: str
    site: Site
    same_carer: bool = False


def placements(dice: Dice, places: Places, career: Career, period: Period, home: str) -> list[Placement]:
    """The placements of a period, with long-term approvals and temporary moves put in."""
    made: list[Placement] = []
    for at, (kind, start) in enumerate(period.stays):
        until = period.stays[at + 1][1] if at + 1 < len(period.stays) else period.end or END + 1
        previous = made[-1] if made else None
        current = _placement(dice, places, kind, start, home, previous)
        made.append(current)
        # The new external placements are single by definition: nothing may look like a second start.
        if career.role == "new_external" and kind in ("op", "ifa"):
            continue
        made += _long_term(dice, current, until)
        if kind == "fost" and career.role == "" and until - start > 60:
            made += _temporary(dice, made[-1], until)
    return made


def _placement(
    dice: Dice,
    places: Places,
    kind: str,
    start: int,
    home: str,
    previous: Placement | None,
) -> Placement:
    place, provider = dice.weighted(PLACES[kind]), dice.weighted(PROVIDERS[kind])
    if kind == "adopt" and previous and previous.kind == "fost" and dice.chance(0.3):
        return Placement(kind, start, WITH_CURRENT_CARER[place], "PR1", previous.site, same_carer=True)
    site = places.site(dice, kind, home, previous.site if previous else None)
    return Placement(kind, start, place, provider, site)


def _long_term(dice: Dice, current: Placement, until: int) -> list[Placement]:
    """The same carers approved as long term after a year or so, in some placements that last."""
    on = current.start + dice.between(300, 620)
    if current.place not in LONG_TERM or on > until - 60 or not dice.chance(0.5):
        return []
    return [replace(current, start=on, place=LONG_TERM[current.place], same_carer=True)]


def _temporary(dice: Dice, current: Placement, until: int) -> list[Placement]:
    """A few days elsewhere and back with the same carers."""
    on = current.start + 20 + round(dice.exponential(YEAR / TEMPORARY_A_YEAR))
    back = on + dice.between(3, 7)
    if back > until - 20:
        return []
    place = dice.weighted(PLACES["temp"])
    away = Placement("temp", on, place, "", Site(current.site.post, "", current.site.authority))
    return [away, replace(current, start=back, same_carer=False)]


def statuses(dice: Dice, career: Career, period: Period) -> list[tuple[int, str]]:
    """Legal status from each day on: care orders for most, section 20 for many, placement orders to adopt."""
    start = period.start
    last = period.end or END + 1
    kinds = {kind for kind, _ in period.stays}
    years = age(career.born, start)
    if career.uasc:
        return [(start, SECTION_20)]
    found = [(start, _first_status(dice, years, kinds, last - start))]
    if found[0][1] in ("L1", "L2", "J1"):
        after = "V2" if found[0][1] == "J1" else "C1"
        found.append((start + dice.between(3, 8) * (6 if after == "V2" else 1), after))
    if found[-1][1] == SECTION_20 and ("home" in kinds or dice.chance(0.6 if years < 12 else 0.35)):
        limit = min([first for kind, first in period.stays if kind == "home"], default=10**9)
        found.append((min(found[-1][0] + dice.between(40, 260), max(limit, found[-1][0] + 1)), "C1"))
    if found[-1][1] == "C1":
        found.append((found[-1][0] + dice.between(150, 330), "C2"))
    adopted = [first for kind, first in period.stays if kind == "adopt"]
    if adopted:
        on = max(start + 1, adopted[0] - dice.between(20, 160))
        found = [(day_, status) for day_, status in found if day_ < on] + [(on, "E1")]
    found = _with_moves(dice, found, [first for _, first in period.stays])
    return [(day_, status) for day_, status in found if day_ <= min(last - 2, END) or day_ == start]


def _first_status(dice: Dice, years: float, kinds: set[str], length: int) -> str:
    if kinds & {"yoi"} or (years >= 13 and dice.chance(0.012)):
        return "J1"
    if "home" in kinds and dice.chance(0.7):
        return "C1"
    if length < 45 and dice.chance(0.7):
        return SECTION_20
    young = {"C1": 60, "V2": 28, "L2": 8, "L1": 4}
    old = {"C1": 34, "V2": 62, "L1": 4}
    return dice.weighted(young if years < 10 else old)


def _with_moves(dice: Dice, found: list[tuple[int, str]], moves: list[int]) -> list[tuple[int, str]]:
    """Let some orders be made on the day of a move near them."""
    moved = [found[0]]
    for on, status in found[1:]:
        near = [move for move in moves if moved[-1][0] < move and abs(move - on) <= 50]
        on = near[0] if near and dice.chance(0.4) else on
        moved.append((max(on, moved[-1][0] + 1), status))
    return moved
