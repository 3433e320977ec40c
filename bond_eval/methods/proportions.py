"""Proportions, rates and their comparisons, each with an interval that holds up at small counts.

The work is done by statsmodels; this module checks the counts, picks the interval and names it in the result.
The familiar estimate ± 1.96 standard errors is not offered: near 0, near 1 or at a few dozen cases it covers
too little.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, log, nan, sqrt

_FAR = log(1e9)  # of a ratio beyond any limit


@dataclass(frozen=True)
class Estimate:
    """One number and its interval.

    value, lower, upper: on the scale the function names (0-1 for a proportion; `per` units for a rate; a
    ratio). n: people behind a proportion, difference or relative risk; events behind a rate or rate ratio.
    method: the interval's name, ready for a footnote.
    """

    value: float
    lower: float
    upper: float
    n: int
    method: str


def wilson(x: int, n: int, confidence: float = 0.95) -> Estimate:
    """Proportion x/n (0-1) with Wilson's score interval, for routine use.

    Raises ValueError unless 0 <= x <= n, n >= 1, whole numbers. Source: Wilson 1927; Newcombe 1998,
    Statistics in Medicine 17:857-872, method 3.
    """
    return _proportion(x, n, confidence, "wilson", "Wilson score")


def share_of(x: float, n: float) -> tuple[float, ...]:
    """(x, n, share, lower, upper), a table's row, with Wilson's 95% interval; NaN where x is no part of anything."""
    if not 0 <= x <= n or n == 0:
        return x, n, nan, nan, nan
    found = wilson(int(x), int(n))
    return x, n, found.value, found.lower, found.upper


def clopper_pearson(x: int, n: int, confidence: float = 0.95) -> Estimate:
    """Proportion x/n (0-1) with the exact interval, for when coverage must never fall below `confidence`.

    Raises ValueError unless 0 <= x <= n, n >= 1, whole numbers. Source: Clopper & Pearson 1934, Biometrika
    26:404-413.
    """
    return _proportion(x, n, confidence, "beta", "Clopper-Pearson exact")


def difference(x1: int, n1: int, x2: int, n2: int, confidence: float = 0.95) -> Estimate:
    """x1/n1 less x2/n2 (-1 to 1), two separate groups, with Newcombe's hybrid score interval.

    Raises ValueError as `wilson` does. Source: Newcombe 1998, Statistics in Medicine 17:873-890, method 10.
    """
    _check(x1, n1, confidence)
    _check(x2, n2, confidence)
    lower, upper = _two_proportions(x1, n1, x2, n2, confidence, compare="diff", method="newcomb")
    return _estimate(x1 / n1 - x2 / n2, lower, upper, n1 + n2, "Newcombe hybrid score")


def relative_risk(x1: int, n1: int, x2: int, n2: int, confidence: float = 0.95) -> Estimate:
    """x1/n1 over x2/n2, two separate groups.

    The interval is Katz's log one. Where one group has no event that does not exist (the value is 0 or
    infinite), and where everybody in both had the event it would be 1 to 1, a false certainty: there
    Miettinen and Nurminen's score interval stands in, and `method` says so. Raises ValueError as `wilson`
    does, and where neither group has an event. Source: Katz et al. 1978, Biometrics 34:469-474; Miettinen &
    Nurminen 1985, Statistics in Medicine 4:213-226.
    """
    _check(x1, n1, confidence)
    _check(x2, n2, confidence)
    if x1 == 0 and x2 == 0:
        raise ValueError("A relative risk needs at least one event: both groups have none.")
    everybody = x1 == n1 and x2 == n2
    if x1 and x2 and not everybody:
        value = (x1 / n1) / (x2 / n2)
        lower, upper = _two_proportions(x1, n1, x2, n2, confidence, compare="ratio", method="log")
        return _estimate(value, lower, upper, n1 + n2, "Katz log")
    value = 1.0 if everybody else (inf if x2 == 0 else 0.0)
    return with_score_interval(value, x1, n1, x2, n2, confidence)


def with_score_interval(value: float, x1: int, n1: int, x2: int, n2: int, confidence: float = 0.95) -> Estimate:
    """The relative risk `value` of x1/n1 over x2/n2 with Miettinen and Nurminen's score interval.

    statsmodels' own returns a false root where all of one group and none of the other had the event (0.5 for 0 of 60
    against 60 of 60, where its score test turns at 0.06), so the test itself is inverted.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z = float(norm.ppf((1 + confidence) / 2))

    def above(log_ratio: float, turn: float) -> float:
        return _score(x1, n1, x2, n2, exp(log_ratio)) - turn

    # The statistic falls from above +z to below -z as the ratio grows; with a group's count at 0 it has one end only.
    lower = 0.0 if x1 == 0 else exp(brentq(above, -_FAR, _FAR, args=(z,)))
    upper = inf if x2 == 0 else exp(brentq(above, -_FAR, _FAR, args=(-z,)))
    return _estimate(value, lower, upper, n1 + n2, "Miettinen-Nurminen score")


def rate(count: int, exposure: float, per: float = 1, confidence: float = 0.95) -> Estimate:
    """Events per `per` units of exposure, with the exact Poisson interval.

    `exposure` is person-time or a population (any unit, above 0). Raises ValueError for a negative or
    fractional count. Source: Garwood 1936, Biometrika 28:437-442.
    """
    _check_rate(count, exposure, confidence)
    if not (isfinite(per) and per > 0):
        raise ValueError(f"A rate is per a number above 0, not {per}.")
    from statsmodels.stats.rates import confint_poisson

    lower, upper = confint_poisson(count, exposure, method="exact-c", alpha=1 - confidence)
    lower = 0.0 if count == 0 else float(lower)
    return _estimate(per * count / exposure, per * lower, per * float(upper), int(count), "exact Poisson")


def rate_ratio(c1: int, e1: float, c2: int, e2: float, confidence: float = 0.95) -> Estimate:
    """c1/e1 over c2/e2, two separate groups, with the score interval.

    Given c1 + c2 the first count is binomial with odds ratio * e1/e2, so the score interval is Wilson's for
    c1/(c1 + c2) turned into odds. Taken this way it also holds where one count is 0 (the value is then 0 or
    infinite), where a numerical search for it breaks down. Raises ValueError for bad counts or exposures, and
    where both counts are 0. Source: Graham, Mengersen & Morton 2003, Statistics in Medicine 22:2071-2083.
    """
    _check_rate(c1, e1, confidence)
    _check_rate(c2, e2, confidence)
    if c1 == 0 and c2 == 0:
        raise ValueError("A rate ratio needs at least one event: both groups have none.")
    share = wilson(c1, c1 + c2, confidence)
    lower, value, upper = (_odds(p) * e2 / e1 for p in (share.lower, share.value, share.upper))
    return _estimate(value, lower, upper, int(c1 + c2), "score")


def _proportion(x: int, n: int, confidence: float, method: str, name: str) -> Estimate:
    _check(x, n, confidence)
    from statsmodels.stats.proportion import proportion_confint

    lower, upper = proportion_confint(x, n, alpha=1 - confidence, method=method)
    # Rounding leaves the limit a hair inside 0 or 1 where it is exactly there.
    return _estimate(x / n, 0.0 if x == 0 else lower, 1.0 if x == n else upper, n, name)


def _two_proportions(
    x1: int, n1: int, x2: int, n2: int, confidence: float, *, compare: str, method: str
) -> tuple[float, float]:
    import numpy as np
    from statsmodels.stats.proportion import confint_proportions_2indep

    with np.errstate(divide="ignore", invalid="ignore"):  # an infinite upper limit is an answer here
        lower, upper = confint_proportions_2indep(x1, n1, x2, n2, compare=compare, method=method, alpha=1 - confidence)
    return float(lower), float(upper)


def _score(x1: int, n1: int, x2: int, n2: int, ratio: float) -> float:
    """Standardised difference of x1/n1 and ratio * x2/n2, its variance at the likeliest proportions of that ratio."""
    n = n1 + n2
    a, b, c = n * ratio, -(ratio * (n1 + x2) + x1 + n2), x1 + x2
    # The smaller root by the form that loses no digits where the ratio is far from 1.
    p2 = min(2 * c / (-b + sqrt(max(b * b - 4 * a * c, 0.0))), 1.0, 1.0 / ratio)
    p1 = ratio * p2
    variance = (p1 * (1 - p1) / n1 + ratio**2 * p2 * (1 - p2) / n2) * n / (n - 1)
    gap = x1 / n1 - ratio * x2 / n2
    return gap / sqrt(max(variance, 1e-300)) if gap else 0.0


def _estimate(value: float, lower: float, upper: float, n: int, method: str) -> Estimate:
    return Estimate(float(value), float(lower), float(upper), int(n), method)


def _odds(p: float) -> float:
    return inf if p == 1 else p / (1 - p)


def _check(x: float, n: float, confidence: float) -> None:
    _check_count(x, confidence)
    _check_count(n, confidence)
    if n == 0:
        raise ValueError("A proportion needs at least one person: n is 0.")
    if x > n:
        raise ValueError(f"{x} of {n} is no proportion: the part is larger than the whole.")


def _check_rate(count: float, exposure: float, confidence: float) -> None:
    _check_count(count, confidence)
    if not (isfinite(exposure) and exposure > 0):
        raise ValueError(f"A rate needs an exposure above 0, not {exposure}.")


def _check_count(count: float, confidence: float) -> None:
    if not (isfinite(count) and count >= 0 and count == int(count)):
        raise ValueError(f"A count is a whole number of 0 or more, not {count}.")
    if not 0 < confidence < 1:
        raise ValueError(f"Confidence lies between 0 and 1 (0.95 for 95%), not {confidence}.")
