"""What a comparison could see: the smallest effect it would detect, and how long until an expected one shows.

Counts before and after are Poisson; the test is the exact one that takes their sum as given (two-sided, half of the
level on each side), so that a count of nothing after is judged too. A `dispersion` above 1 is as many times fewer
counts. Source: Przyborowski and Wilenski (1940); checked by simulation in tests/oracles/test_power.py.
"""

from dataclasses import dataclass
from math import exp, isfinite

LEVEL, POWER = 0.05, 0.8
MOST = 80  # periods that are looked ahead


@dataclass(frozen=True)
class Detectable:
    """`fall` and `rise`: the rate ratios nearest 1 that would be seen; NaN where none would. `events`: those before."""

    fall: float
    rise: float
    events: int
    before: float
    after: float


def detectable(events: int, before: float, after: float, *, dispersion: float = 1.0) -> Detectable:
    """Rate ratios that would be seen with power 0.8, given `events` in an exposure of `before` and an exposure `after`.

    Exposures in one unit, such as months or child-days. Raises ValueError for an exposure or dispersion that is not
    above 0, or fewer than 0 events.
    """
    for value in (before, after, dispersion):
        if not (isfinite(value) and value > 0):
            raise ValueError("Exposures and dispersion are finite and above 0.")
    if events < 0:
        raise ValueError("Events are 0 or more.")
    nothing = float("nan")
    if events == 0:
        return Detectable(nothing, nothing, 0, before, after)
    seen = [_edge(events, before, after, dispersion, sign) for sign in (-1, 1)]
    return Detectable(seen[0], seen[1], events, before, after)


def power_of(ratio: float, events: float, before: float, after: float, *, dispersion: float = 1.0) -> float:
    """The chance (0 to 1) that a true rate ratio is seen. Raises ValueError where it is not above 0."""
    if not ratio > 0:
        raise ValueError("A rate ratio is above 0.")
    import numpy as np
    from scipy import stats

    first = events / dispersion
    second = first / before * after * ratio
    chance, changed = after / (before + after), second / (first + second)
    whole = first + second
    sums = np.arange(max(int(whole - 8 * whole**0.5), 0), int(whole + 8 * whole**0.5) + 10)
    low = stats.binom.ppf(LEVEL / 2, sums, chance) - 1
    high = stats.binom.ppf(1 - LEVEL / 2, sums, chance)
    seen = stats.binom.cdf(low, sums, changed) + stats.binom.sf(high, sums, changed)
    return float((stats.poisson.pmf(sums, whole) * seen).sum())


def periods_until(ratio: float, events: int, before: float, after: float, *, dispersion: float = 1.0) -> int | None:
    """Further periods (of 1 exposure each) until `ratio` is seen with power 0.8; None where 80 are not enough."""
    if events <= 0:
        return None
    for count in range(MOST + 1):
        exposure = after + count
        if exposure > 0 and power_of(ratio, events, before, exposure, dispersion=dispersion) >= POWER:
            return count
    return None


def _edge(events: int, before: float, after: float, dispersion: float, sign: int) -> float:
    """The ratio nearest 1 on one side that is seen, by halving the interval of its logarithm; NaN where none is."""

    def seen(distance: float) -> bool:
        return power_of(exp(sign * distance), events, before, after, dispersion=dispersion) >= POWER

    near, far = 0.0, 7.0
    if not seen(far):
        return float("nan")
    for _ in range(24):
        middle = (near + far) / 2
        near, far = (near, middle) if seen(middle) else (middle, far)
    return exp(sign * far)
