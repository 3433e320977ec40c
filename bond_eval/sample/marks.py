"""Children whose own history makes a known fault of the returns: they are lost from later files."""

from dataclasses import replace

from .days import COUNTED, birthday
from .dice import Dice
from .lives import Career, Path, Period, live
from .rates import Rules

VANISH = (COUNTED[1], COUNTED[3], COUNTED[4])
"""The 31 March after which one child each is in no later file (2016, 2018, 2019)."""

RETURN = (COUNTED[2], COUNTED[3])
"""The 31 March after which one child each is lost, and comes back into care in the next year."""

HOMELY = {"fost", "conn"}


def mark(dice: Dice, careers: list[Career]) -> list[Career]:
    """Cut a few ordinary children's histories at a 31 March and say so in their role.

    The truth becomes what the cleaning rules can know: looked after up to and including that 31 March.
    """
    changed = {}
    for ons, role in ((VANISH, "vanished"), (RETURN, "returned")):
        for on in ons:
            free = [at for at, career in enumerate(careers) if at not in changed and _fits(career, on)]
            for at in dice.some(free, 1):
                changed[at] = _lost(dice, careers[at], on, role)
    return [changed.get(at, career) for at, career in enumerate(careers)]


def _fits(career: Career, on: int) -> bool:
    """In one period throughout, in the authority's own fostering or with relatives, and there for good."""
    if len(career.periods) != 1 or career.uasc or birthday(career.born, 17) < on + 500:
        return False
    period = career.periods[0]
    if {kind for kind, _ in period.stays} - HOMELY or not period.start < on - 60:
        return False
    return period.end is None or period.end > on + 40


def _lost(dice: Dice, career: Career, on: int, role: str) -> Career:
    """Cut after a day; who is to return is back in foster care within the year, and stays."""
    stays = career.periods[0].stays
    kept = tuple(stay for stay in stays if stay[1] < on - 10) or stays[:1]
    periods = [Period(kept, on + 1, "leave_unknown")]
    if role == "returned":
        back = on + dice.between(60, 260)
        periods.append(live(dice, Rules(external=False), career.born, back, "fost", Path(may_leave=False)))
    return replace(career, periods=tuple(periods), role=role, marks=(on,))
