"""Change on a scale: the mean of it, how much of one person's is more than measurement error, and who has no end score.

Scores of different raters are different measures: nothing here takes a rater, so a caller never mixes them.
"""

from collections.abc import Sequence
from math import isfinite, sqrt

import numpy as np
import numpy.typing as npt

from bond_eval.methods.proportions import Estimate

FloatArray = npt.NDArray[np.float64]
ADDED_VALUE_AGES = (5, 16)


def error_of_difference(sd: float, reliability: float) -> float:
    """Standard error of the difference of two scores of one person who has not changed, in points.

    sd: of a published norm, not of the sample, whose own spread a programme selects. reliability: 0 to below 1. Raises
    ValueError for anything else. Source: Jacobson & Truax 1991, J Consult Clin Psychol 59:12-19.
    """
    if not (isfinite(sd) and sd > 0 and 0 <= reliability < 1):
        raise ValueError(f"A norm has an SD above 0 and a reliability from 0 to below 1, not {sd} and {reliability}.")
    return sd * sqrt(2 * (1 - reliability))


def reliable_change(start: npt.ArrayLike, end: npt.ArrayLike, sd: float, reliability: float) -> FloatArray:
    """(end - start) in standard errors of the difference: beyond ±1.96 it is more than measurement error (95%).

    Same shape as the scores. Raises ValueError as `error_of_difference`. Source: Jacobson & Truax 1991.
    """
    change: FloatArray = np.asarray(end, dtype=float) - np.asarray(start, dtype=float)
    return change / error_of_difference(sd, reliability)


def mean_estimate(values: Sequence[float] | FloatArray) -> Estimate:
    """Mean with its 95% t interval; n counts the values.

    Raises ValueError for fewer than two, missing or all equal values: equal ones would give an
    interval of no width, a certainty that they do not bear out.
    """
    found = np.asarray(values, dtype=float)
    if found.ndim != 1 or found.size < 2 or not np.isfinite(found).all():
        raise ValueError("A mean with an interval needs two values or more, none missing.")
    error = float(found.std(ddof=1)) / sqrt(found.size)
    if error == 0:
        raise ValueError("All values are equal: their spread, and so an interval, cannot be estimated.")
    half = _t(found.size - 1) * error
    mean = float(found.mean())
    return Estimate(mean, mean - half, mean + half, found.size, "t interval")


def paired_change(start: npt.ArrayLike, end: npt.ArrayLike) -> Estimate:
    """Mean of end less start over complete pairs, with the 95% paired t interval, in points.

    Raises ValueError for unequal lengths and as `mean_estimate`. Source: Student 1908.
    """
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    if first.shape != last.shape:
        raise ValueError("Each start score needs its end score.")
    found = mean_estimate(last - first)
    return Estimate(found.value, found.lower, found.upper, found.n, "paired t")


def missing_pairs(without_end: npt.ArrayLike, with_end: npt.ArrayLike) -> Estimate:
    """Mean start score of those who have no end score less that of those who have one, with Welch's 95% interval.

    An interval clear of 0 says that the pairs are not like all starters, so that their change is not everybody's. n
    counts both. Raises ValueError where either group has fewer than two scores or both have no spread. Source: Welch
    1947, Biometrika 34:28-35.
    """
    groups = [np.asarray(values, dtype=float) for values in (without_end, with_end)]
    if any(group.ndim != 1 or group.size < 2 or not np.isfinite(group).all() for group in groups):
        raise ValueError("Each group needs two start scores or more, none missing.")
    parts = [float(group.var(ddof=1)) / group.size for group in groups]
    if sum(parts) == 0:
        raise ValueError("All start scores of a group are equal: an interval cannot be estimated.")
    degrees = sum(parts) ** 2 / sum(part**2 / (group.size - 1) for part, group in zip(parts, groups, strict=True))
    half = _t(degrees) * sqrt(sum(parts))
    gap = float(groups[0].mean() - groups[1].mean())
    return Estimate(gap, gap - half, gap + half, sum(group.size for group in groups), "Welch")


def added_value(
    total: npt.ArrayLike, impact: npt.ArrayLike, emotional: npt.ArrayLike, later_total: npt.ArrayLike
) -> FloatArray:
    """SDQ added value in points: the follow-up expected without help less the follow-up seen; above 0 is better.

    2.3 + 0.8 total + 0.2 impact - 0.3 emotional, all at the start, less the later total. Published for the parent form,
    ages 5 to 16, followed for about six months, children at high risk; SD 5, so one child's interval is ±10 points and
    only a mean says anything. Source: Ford, Hutchings, Bywater, Goodman & Goodman 2009, Br J Psychiatry 194:552-558.
    """
    first, second, third, later = (np.asarray(part, dtype=float) for part in (total, impact, emotional, later_total))
    expected: FloatArray = 2.3 + 0.8 * first + 0.2 * second - 0.3 * third
    return expected - later


def _t(degrees: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, degrees))
