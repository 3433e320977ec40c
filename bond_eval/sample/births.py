"""Dates of birth for the planned children: every stay must fall within childhood, at a likely age."""

from .days import COUNTED, END, YEAR, birthday
from .dice import Dice
from .plan import Stay

AGES: dict[str, dict[tuple[float, float], float]] = {
    "op": {(7, 10): 3, (10, 12): 5, (12, 14): 29, (14, 16): 44, (16, 17.4): 19},
    "ifa": {(0.1, 2): 9, (2, 5): 13, (5, 10): 22, (10, 12): 12, (12, 16): 34, (16, 17.4): 10},
}
"""Age at the start of a stay: from, to, weight."""

YOUNGEST = {"op": 6.6, "ifa": 0.06}
YOUNG_AT_COUNT = 6
"""At least this many under 12 in outside placements at each count, at the default scale."""


def chains(stays: list[Stay]) -> list[list[Stay]]:
    """The stays of each planned child, in order of time."""
    found = []
    for first in (stay for stay in stays if stay.before is None):
        chain = [first]
        while chain[-1].following is not None:
            chain.append(chain[-1].following)
        found.append(chain)
    return found


def window(chain: list[Stay]) -> tuple[int, int]:
    """The earliest and latest day of birth that keeps a planned child's stays possible."""
    last = chain[-1]
    end, after = (END + 20, "") if last.end is None else (last.end, last.after)
    if after == "adult":
        born = birthday(end, -18)
        return born, born
    low = birthday(end, -18) + (0 if after == "supp" else 50)
    if after == "supp":
        low = end - round(17.7 * YEAR)
    high = min(stay.start - round(YOUNGEST[stay.kind] * YEAR) for stay in chain)
    if after == "supp":
        high = min(high, end - round(16.1 * YEAR))
    if chain[-1].young == "under":
        low = max(low, END - round(12 * YEAR) + 20)
    if chain[-1].young == "over":
        high = min(high, chain[-1].start - round(12.1 * YEAR))
    return low, high


def dates_of_birth(dice: Dice, planned: list[list[Stay]], scale: float) -> list[int]:
    """One day of birth for each planned child.

    Drawn by the usual ages within what the stays allow; then, at any count with too few children under 12 in
    outside placements, some others there are made younger.
    """
    born = [_usual(dice, chain) for chain in planned]
    for on in COUNTED[1:]:
        there = [at for at, chain in enumerate(planned) if _in_op(chain, on)]
        older = [at for at in there if birthday(born[at], 12) <= on]
        wanted = max(1, int(YOUNG_AT_COUNT * scale)) - (len(there) - len(older))
        spans = {at: _young(planned[at], on) for at in older}
        for at in dice.some([at for at, (low, high) in spans.items() if low < high], wanted):
            born[at] = dice.between(*spans[at])
    return born


def _in_op(chain: list[Stay], on: int) -> bool:
    return any(stay.kind == "op" and stay.open_on(on) for stay in chain)


def _young(chain: list[Stay], on: int) -> tuple[int, int]:
    """First and last day of birth for a child of 7 to 11 on a day, within what the stays allow."""
    low, high = window(chain)
    return max(low, on - round(11.4 * YEAR)), min(high, on - round(7 * YEAR))


def _usual(dice: Dice, chain: list[Stay]) -> int:
    """A day of birth by the usual age at the start of the stay that matters most."""
    low, high = window(chain)
    if high <= low:
        return low
    main = next((stay for stay in chain if stay.kind == "op"), chain[0])
    for _ in range(60):
        born = main.start - round(dice.real(*dice.weighted(AGES[main.kind])) * YEAR)
        if low <= born <= high:
            return born
    return dice.between(low, high)
