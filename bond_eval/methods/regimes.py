"""Where an interval may be trusted: the measured coverage of each estimator, and the rule that reads it.

data/reference/its_coverage.csv says how often a nominal 95% interval held the truth in simulated series, by length,
months after the interruption, autocorrelation and (for counts) the mean count; benchmarks/coverage.py writes it. A
regime (method, impact, length, months after, mean count) is accepted where coverage is 92% to 98% at every
autocorrelation of the map, in every process simulated; an interval that covers more is wider than it says. The
autocorrelation that a series seems to have does not choose: short series often seem to have none when they have much,
and picking those makes any interval cover worse.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from functools import cache

from bond_eval.core.places import REFERENCE

FILE = "its_coverage.csv"
LOWEST, HIGHEST = 0.92, 0.98
MOST_LAG1 = 0.7  # estimated lag-1 autocorrelation beyond which a series does not belong to the map, which ends at 0.6
Regime = tuple[float, int, int]  # mean (0: not counts), months, months after


@cache
def coverage_map() -> dict[tuple[str, str], dict[Regime, tuple[float, ...]]]:
    """(method, impact) -> regime -> measured coverages; empty where the file is not there yet."""
    path = REFERENCE / FILE
    found: dict[tuple[str, str], dict[Regime, tuple[float, ...]]] = {}
    if not path.exists():
        return found
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if not row["process"].startswith("shock"):
                cells = found.setdefault((row["method"], row["impact"]), {})
                regime = (float(row["mean"]), int(row["months"]), int(row["after"]))
                cells[regime] = (*cells.get(regime, ()), float(row["coverage"]))
    # A regime in which some process or autocorrelation left too few series to measure is not known as a whole.
    whole = {key: max(len(shares) for shares in cells.values()) for key, cells in found.items()}
    return {key: {r: s for r, s in cells.items() if len(s) == whole[key]} for key, cells in found.items()}


def measured(method: str, impact: str, mean: float, months: int, after: int) -> tuple[float, ...]:
    """Coverages of the regime that a series belongs to; empty where it lies outside the map.

    mean: events a month (0: not counts); one between two of the map's has both. months, after: rounded down to the
    map's.
    """
    cells = coverage_map().get((method, impact), {})
    means, lengths, laters = (sorted({float(regime[place]) for regime in cells}) for place in range(3))
    if not cells or mean < means[0] or months < lengths[0] or after < laters[0]:
        return ()
    at = bisect_right(means, mean) - 1
    near = means[at : at + (2 if means[at] < mean else 1)]
    month, later = lengths[bisect_right(lengths, months) - 1], laters[bisect_right(laters, after) - 1]
    wanted = [(one, int(month), int(later)) for one in near]
    return tuple(share for key in wanted for share in cells[key]) if all(key in cells for key in wanted) else ()


def trusted(coverages: tuple[float, ...]) -> bool:
    """True where all of some measured coverages are 92% to 98%."""
    return cautious(coverages) and max(coverages) <= HIGHEST


def cautious(coverages: tuple[float, ...]) -> bool:
    """True where none of some measured coverages is below 92%."""
    return bool(coverages) and min(coverages) >= LOWEST
