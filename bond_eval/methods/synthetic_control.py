"""Synthetic control: a weighted mean of other areas that moved as the treated area did before the programme.

The weights are 0 or more, add to 1 and make the outcome before as near as can be; no covariates, nothing drawn at
random. Sources: Abadie, Diamond & Hainmueller 2010, JASA 105:493-505 (method, placebos, p-value); Doudchenko & Imbens
2016 (outcomes alone); Lawson & Hanson 1974, chapter 23 (the least-squares problem that gives the weights).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bond_eval.methods.ar1 import FloatArray
from bond_eval.methods.panel import Panel
from bond_eval.methods.proportions import Estimate

LEAST_YEARS = 8
FEWEST_OTHERS = 4


@dataclass(frozen=True, eq=False)
class SyntheticControl:
    """What came out; effect is None where refused, and reason says why.

    effect: mean of treated less synthetic after, with the range that the placebos leave open at `confidence` (the
    widest that so many areas allow). weights: area -> weight. gaps (T,): treated less synthetic. fit: root mean square
    gap before. ratio: that after over that before; p_value: share of areas with as great a one, `smallest` at least.
    in_time: the effect that a change dated in the middle of the time before would show. leave_one_out: lowest and
    highest effect with one of the weighted areas left out.
    """

    reason: str
    effect: Estimate | None = None
    confidence: float = float("nan")
    weights: tuple[tuple[str, float], ...] = ()
    gaps: FloatArray | None = None
    fit: float = float("nan")
    ratio: float = float("nan")
    p_value: float = float("nan")
    smallest: float = float("nan")
    in_time: float = float("nan")
    leave_one_out: tuple[float, float] | None = None


def simplex_weights(y: FloatArray, others: FloatArray) -> FloatArray:
    """Weights (J,) of 0 or more, adding to 1, with the least sum of squares of y (n,) - others (n, J) @ weights.

    Since they add to 1, the distance is that of (others - y) @ weights from 0; non-negative least squares with one row
    that asks the weights to add to 1 finds its direction exactly, and dividing by their sum its length.
    """
    from scipy.optimize import nnls

    apart = others - y[:, None]
    scale = np.abs(apart).max() or 1.0
    found, _ = nnls(
        np.vstack([apart / scale, np.ones(others.shape[1])]), np.append(np.zeros(y.size), 1.0), maxiter=10_000
    )
    return found / found.sum()


def synthetic_control(areas: Panel) -> SyntheticControl:
    """Fit and test. Refused with fewer than 8 years before, fewer than 4 areas, or a flat outcome."""
    if areas.start < LEAST_YEARS:
        return SyntheticControl(f"{areas.start} years before the programme are too few; {LEAST_YEARS} are needed.")
    if len(areas.areas) < FEWEST_OTHERS:
        return SyntheticControl(f"{len(areas.areas)} areas to compare with are too few; {FEWEST_OTHERS} are needed.")
    start, everyone = areas.start, np.column_stack([areas.y, areas.others])
    if np.ptp(everyone[:start], axis=0).min() == 0:
        return SyntheticControl("An area's outcome never changes before the programme: there is nothing to match.")
    weights = simplex_weights(areas.y[:start], areas.others[:start])
    gaps = areas.y - areas.others @ weights
    effect = float(gaps[start:].mean())
    # The placebos: each other area in turn as though treated, compared with the rest but the treated one.
    placebos = [_gaps(areas.others, place, start) for place in range(len(areas.areas))]
    null = [float(gap[start:].mean()) for gap in placebos]
    ratios = np.array([_ratio(gap, start) for gap in (gaps, *placebos)])
    count = len(ratios)
    half = start // 2
    earlier = areas.y - areas.others @ simplex_weights(areas.y[:half], areas.others[:half])
    dropped = [_without(areas, int(place)) for place in np.flatnonzero(weights > 1e-6)]
    return SyntheticControl(
        reason="",
        effect=Estimate(effect, effect - max(0.0, *null), effect - min(0.0, *null), count, "placebo range"),
        confidence=(count - 2) / count,
        weights=tuple((area, float(weight)) for area, weight in zip(areas.areas, weights, strict=True)),
        gaps=gaps,
        fit=_size(gaps[:start]),
        ratio=float(ratios[0]),
        p_value=float(np.mean(ratios >= ratios[0] - 1e-12)),
        smallest=1 / count,
        in_time=float(earlier[half:start].mean()),
        leave_one_out=(min(dropped), max(dropped)),
    )


def _without(areas: Panel, place: int) -> float:
    """The effect with one area left out."""
    start, rest = areas.start, np.delete(areas.others, place, 1)
    gap: FloatArray = areas.y - rest @ simplex_weights(areas.y[:start], rest[:start])
    return float(gap[start:].mean())


def _gaps(others: FloatArray, place: int, start: int) -> FloatArray:
    y, rest = others[:, place], np.delete(others, place, 1)
    gap: FloatArray = y - rest @ simplex_weights(y[:start], rest[:start])
    return gap


def _size(gap: FloatArray) -> float:
    return float(np.sqrt(np.mean(gap**2)))


def _ratio(gap: FloatArray, start: int) -> float:
    before = _size(gap[:start])
    return _size(gap[start:]) / before if before > 0 else float("inf")
