"""Difference-in-differences: the change in one series less the change in another that the programme does not reach.

Both rest on parallel trends: without the programme the two would have moved alike. That cannot be seen after the
programme began; what can be seen is whether they moved alike before, and with what uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bond_eval.methods.ar1 import FloatArray
from bond_eval.methods.panel import Panel
from bond_eval.methods.proportions import Estimate
from bond_eval.methods.regression import log_linear

FEWEST = 20  # events of the comparison before, without which trends cannot be compared
FEWEST_OTHERS = 4


@dataclass(frozen=True)
class Difference:
    """effect: a ratio of rate ratios (counts) or a difference (panel); None where refused, and reason says why.

    parallel: how much faster the treated series moved before, a step (a ratio for counts); None where it cannot be
    told. dispersion: of monthly shares (1: no more than chance), counts only. p_value and smallest: of the permutation
    of areas and the smallest that so many areas can give, panel only. others: series compared with.
    """

    effect: Estimate | None
    parallel: Estimate | None
    reason: str = ""
    dispersion: float = float("nan")
    p_value: float = float("nan")
    smallest: float = float("nan")
    others: int = 1


def count_difference(
    counts: npt.ArrayLike, other: npt.ArrayLike, start: int, exposures: tuple[npt.ArrayLike, npt.ArrayLike]
) -> Difference:
    """Two monthly count series (n,), the second not reached by the programme, with their exposures.

    Given the month's total, the first count is binomial: whatever hits both alike in a month, a pandemic or a change of
    definition, cancels. The interval is the exact conditional one (95%) of the pooled counts before and after, which
    holds at small counts and at none; it is widened where the months' shares vary more than binomial. Raises ValueError
    for series of different length, a start outside, or an exposure of 0 over a whole period. Source: Breslow & Day
    1987, IARC 82, chapter 3 (comparing rates); Cornfield 1956 (the exact interval).
    """
    a, b = np.asarray(counts, dtype=float), np.asarray(other, dtype=float)
    time = [np.asarray(exposure, dtype=float) for exposure in exposures]
    if len({a.shape, b.shape, time[0].shape, time[1].shape}) != 1 or not 0 < start < a.size:
        raise ValueError("Two series and their exposures are of one length, and the change lies within them.")
    both = np.isfinite(a) & np.isfinite(b) & (time[0] > 0) & (time[1] > 0)
    after = both & (np.arange(a.size) >= start)
    before = both & ~after
    table = np.array([[a[after].sum(), a[before].sum()], [b[after].sum(), b[before].sum()]]).astype(int)
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        return Difference(None, None, "There is no event at all in one of the series or on one side of the change.")
    from scipy.stats.contingency import odds_ratio

    found = odds_ratio(table)
    limits = found.confidence_interval(0.95)
    spent = [[series[part].sum() for part in (after, before)] for series in time]
    scale = (spent[1][0] / spent[0][0]) / (spent[1][1] / spent[0][1])
    spread = _dispersion(a, b, time, (before, after))
    with np.errstate(divide="ignore"):  # a count of 0 has an infinite logarithm, which stays what it is
        value, low, high = np.log([found.statistic, limits.low, limits.high])
    wider = np.sqrt(max(1.0, spread))
    if np.isfinite(value):
        low, high = value - (value - low) * wider, value + (high - value) * wider
    value, low, high = (float(scale * np.exp(end)) for end in (value, low, high))
    effect = Estimate(value, low, high, int(table.sum()), "exact conditional, widened by over-dispersion")
    return Difference(effect, _parallel_counts(a[before], b[before], [t[before] for t in time]), dispersion=spread)


Mask = npt.NDArray[np.bool_]


def _dispersion(a: FloatArray, b: FloatArray, time: list[FloatArray], parts: tuple[Mask, ...]) -> float:
    """Pearson's chi-square of monthly shares about the period's, over its degrees of freedom."""
    chi, degrees = 0.0, 0
    for part in parts:
        part = part & (a + b > 0)
        total, odds = (a + b)[part], time[0][part] / time[1][part]
        if a[part].sum() == 0 or b[part].sum() == 0:
            continue
        share = odds * (a[part].sum() / b[part].sum()) * (time[1][part].sum() / time[0][part].sum())
        share = share / (1 + share)
        chi += float(((a[part] - total * share) ** 2 / (total * share * (1 - share))).sum())
        degrees += total.size - 1
    return chi / degrees if degrees > 0 else 1.0


def _parallel_counts(a: FloatArray, b: FloatArray, time: list[FloatArray]) -> Estimate | None:
    """How much faster the first rate moved a month, as a ratio with its 95% interval (quasi-Poisson, each series)."""
    n = a.size
    if b.sum() < FEWEST or a.sum() < FEWEST or n < 12:
        return None
    from scipy.special import stdtrit

    line = np.column_stack([np.ones(n), np.arange(n) - (n - 1) / 2])[None]
    fits = [log_linear(line, y[None], np.log(t), "poisson") for y, t in zip((a, b), time, strict=True)]
    value = float(fits[0].coefficients[0, 1] - fits[1].coefficients[0, 1])
    variance = sum(fit.covariance[0, 1, 1] * max(1.0, fit.dispersion[0]) for fit in fits)
    reach = float(stdtrit(2 * (n - 2), 0.975) * np.sqrt(variance))
    value, low, high = (float(np.exp(value + end)) for end in (0.0, -reach, reach))
    return Estimate(value, low, high, n, "quasi-Poisson, dispersion of 1 at least")


def panel_difference(areas: Panel) -> Difference:
    """One treated area beside others, with area and period effects.

    Each area's change from before to after is one number; the treated area's less the others' mean has a t interval
    (95%) with J - 1 degrees of freedom, which takes the areas' changes for independent and normal.
    p_value: the share of areas whose change stands out from the rest as much. Source: Donald & Lang 2007, Review of
    Economics and Statistics 89:221-233; Conley & Taber 2011, ibid. 93:113-125 (one treated group).
    """
    if len(areas.areas) < FEWEST_OTHERS:
        return Difference(
            None, None, f"{len(areas.areas)} areas to compare with are too few; {FEWEST_OTHERS} are needed."
        )
    n, start = areas.y.size, areas.start
    after = np.where(np.arange(n) >= start, 1 / (n - start), -1 / start)
    t = np.arange(start) - (start - 1) / 2
    slope = np.concatenate([t / (t @ t) if start > 1 else t, np.zeros(n - start)])
    changes = np.append(after @ areas.y, after @ areas.others)
    apart = np.abs(changes - (changes.sum() - changes) / (changes.size - 1))
    return Difference(
        effect=_against(after, areas),
        parallel=_against(slope, areas) if start > 2 else None,
        p_value=float(np.mean(apart >= apart[0] - 1e-12)),
        smallest=1 / changes.size,
        others=len(areas.areas),
    )


def _against(contrast: FloatArray, areas: Panel) -> Estimate:
    from scipy.special import stdtrit

    mine, theirs = contrast @ areas.y, contrast @ areas.others
    error = theirs.std(ddof=1) * np.sqrt(1 + 1 / theirs.size)
    value, reach = float(mine - theirs.mean()), float(stdtrit(theirs.size - 1, 0.975) * error)
    return Estimate(value, value - reach, value + reach, n=int(theirs.size + 1), method="t, one treated area")
