"""Interrupted time series: did the level or the slope of a monthly series change at a date named beforehand?

    E[y_t] or log(E[y_t] / exposure_t) = b0 + b1 t + b2 level_t + b3 slope_t + pandemic pulse + seasons
t counts from 0 at the first month; level_t is 0 before the interruption and 1 from it (or climbs to 1 over a ramp);
slope_t is 0 before it and counts 0, 1, 2 ... from it. The effect is the mean of b2 level_t + b3 slope_t over the months
after: a difference, or for counts a rate ratio. Where the method asked for covers badly in series like this one, the
interval is widened to that of autocorrelated errors, or refused (`regimes`).

Sources: Wagner et al. 2002, J Clin Pharm Ther 27:299-309; Bernal, Cummins & Gasparrini 2017, Int J Epidemiol
46:348-355; Turner et al. 2021, BMC Med Res Methodol 21:134 (what covers badly in short series).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp

import numpy as np
import numpy.typing as npt

from bond_eval.methods.ar1 import FloatArray, integrated
from bond_eval.methods.proportions import Estimate
from bond_eval.methods.regimes import HIGHEST, LOWEST, MOST_LAG1, cautious, measured, trusted
from bond_eval.methods.regression import Fit, log_linear, newey_west

COUNTS = ("poisson", "quasi_poisson", "negative_binomial", "count_ar1")
METHODS = ("newey_west", "ols_ar1", *COUNTS)
NAMES = {
    "newey_west": "least squares with Newey-West errors",
    "ols_ar1": "least squares with autocorrelated errors",
    "poisson": "Poisson regression",
    "quasi_poisson": "quasi-Poisson regression",
    "negative_binomial": "negative binomial regression",
    "count_ar1": "quasi-Poisson regression with autocorrelated errors",
}
IMPACTS = ("level", "slope", "both")
LEVEL, SLOPE, PULSE = "Change of level", "Change of slope", "Pandemic months"
MOST_MISSING = 0.1  # share of months
FEWEST_AFTER, FEWEST_BEFORE = 6, 20  # events; fewer and a ratio's interval is no more than a guess
FARTHEST = 50.0  # log of a ratio that no number of months and events can bear
UNSETTLED = "The model does not settle: some group of months has hardly an event."
ACCEPTED, WIDENED, REFUSED = "accepted", "widened", "refused"
CAUTIOUS = "cautious, covers more than it says"


@dataclass(frozen=True)
class Model:
    """What is fitted, to be fixed before the result is seen.

    method: one of METHODS. impact: one of IMPACTS. ramp: months over which a change of level comes about (0: at once).
    harmonics: pairs of yearly waves. lags: of Newey-West (None: 4 (n/100)^(2/9)).
    """

    method: str = "count_ar1"
    impact: str = "level"
    ramp: int = 0
    harmonics: int = 0
    lags: int | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Raise ValueError for what is not known."""
        if self.method not in METHODS or self.impact not in IMPACTS:
            raise ValueError(f"A model's method is one of {', '.join(METHODS)} and its impact of {', '.join(IMPACTS)}.")
        if self.ramp < 0 or not 0 <= self.harmonics <= 6 or not 0 < self.confidence < 1:
            raise ValueError("A ramp is 0 months or more, harmonics are 0 to 6, confidence lies between 0 and 1.")


@dataclass(frozen=True)
class Term:
    """A coefficient on the scale of the model (a logarithm for counts) with its standard error and interval."""

    name: str
    value: float
    error: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Interrupted:
    """What came out.

    verdict: ACCEPTED or CAUTIOUS (the interval asked for), WIDENED (that of autocorrelated errors instead) or REFUSED;
    reason says why. effect: None where refused; a ratio for counts, else a difference;
    its n: months. alone: what the method asked for gives by itself, whether that may be trusted or not.
    coverage: lowest and highest measured in series like this. terms: kept where the model could be fitted at all.
    lag1, ljung_box: autocorrelation of what is left over, and the p-value of the test that there is none.
    """

    verdict: str
    reason: str
    method: str
    n: int
    after: int
    events: float
    events_after: float
    effect: Estimate | None = None
    alone: Estimate | None = None
    terms: tuple[Term, ...] = ()
    dispersion: float = float("nan")
    lag1: float = float("nan")
    ljung_box: float = float("nan")
    coverage: tuple[float, float] | None = None

    def term(self, name: str) -> Term:
        """A coefficient by name. Raises KeyError, naming those there are."""
        for term in self.terms:
            if term.name == name:
                return term
        raise KeyError(f"no term {name!r}; there are {', '.join(term.name for term in self.terms)}")


def design(n: int, start: int, model: Model, pulse: FloatArray | None = None) -> tuple[tuple[str, ...], FloatArray]:
    """Names and columns (n, k) of a model whose first month after the interruption is month `start` (from 0)."""
    t = np.arange(n, dtype=float)
    since = np.clip(t - start, 0, None)
    level = np.where(t >= start, np.minimum(1.0, (since + 1) / max(model.ramp, 1)), 0.0)
    columns = {"Level before": np.ones(n), "Trend before": t}
    if model.impact != "slope":
        columns[LEVEL] = level
    if model.impact != "level":
        columns[SLOPE] = since
    if pulse is not None and pulse.any():
        columns[PULSE] = pulse
    for wave in range(1, model.harmonics + 1):
        columns[f"Season cos {wave}"] = np.cos(2 * np.pi * wave * t / 12)
        if wave < 6:  # the sixth sine is nought in every month
            columns[f"Season sin {wave}"] = np.sin(2 * np.pi * wave * t / 12)
    return tuple(columns), np.column_stack(list(columns.values()))


def interrupted(
    values: npt.ArrayLike,
    start: int,
    model: Model | None = None,
    *,
    exposure: npt.ArrayLike | None = None,
    pulse: npt.ArrayLike | None = None,
) -> Interrupted:
    """Fit `model` to a monthly series (NaN: missing) whose first month after the interruption is at `start` (from 0).

    exposure: for counts, the time at risk of each month (None: equal). pulse: 0 to 1, the share of each month that an
    outside shock covers. Raises ValueError for misuse (lengths, a start outside, negative counts); data that are too
    few or too odd are refused with a sentence and raise nothing.
    """
    model = model or Model()
    y = np.asarray(values, dtype=float)
    shock = np.zeros(y.size) if pulse is None else np.asarray(pulse, dtype=float)
    time = np.ones(y.size) if exposure is None else np.asarray(exposure, dtype=float)
    _check(y, start, model, time, shock)
    kept = np.isfinite(y) & (time > 0)
    at = np.flatnonzero(kept)
    # Months that the shock takes for itself say nothing of the programme, so they do not count as months after.
    after = int((1 - shock[start:])[kept[start:]].sum())
    seen = Interrupted(
        REFUSED, "", model.method, at.size, after, float(y[kept].sum()), float(y[start:][kept[start:]].sum())
    )
    problem = _problem(y, kept, start, model, seen)
    if problem:
        return replace(seen, reason=problem)
    names, x = design(y.size, start, model, shock)
    effect = np.where(np.isin(names, (LEVEL, SLOPE)), x[start:].mean(axis=0), 0.0)
    if np.linalg.matrix_rank(x[kept]) < len(names):
        return replace(seen, reason="The change and the shock cannot be told apart: no month after is free of it.")
    return _judged(seen, model, names, effect, _Rows(y[kept], x[kept], np.log(time[kept]), at.astype(float)))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The months with a value: y (n,), x (n, k), log exposure (n,), and their places in the series."""

    y: FloatArray
    x: FloatArray
    offset: FloatArray
    at: FloatArray


def _check(y: FloatArray, start: int, model: Model, time: FloatArray, shock: FloatArray) -> None:
    if y.ndim != 1 or time.shape != y.shape or shock.shape != y.shape:
        raise ValueError("The series, its exposure and its shock are one number a month each.")
    if not 0 < start < y.size:
        raise ValueError(f"The interruption is a month of the series (1 to {y.size - 1}), not {start}.")
    if model.method in COUNTS and (y[np.isfinite(y)] < 0).any():
        raise ValueError("Counts are 0 or more.")
    if not (np.isfinite(time).all() and (time >= 0).all() and ((shock >= 0) & (shock <= 1)).all()):
        raise ValueError("Exposures are 0 or more and a shock covers 0 to 1 of a month.")


def _problem(y: FloatArray, kept: npt.NDArray[np.bool_], start: int, model: Model, seen: Interrupted) -> str:
    """Why the series cannot be used at all, in a sentence; "" where it can."""
    missing = y.size - seen.n
    before = int(kept[:start].sum())
    if missing > MOST_MISSING * y.size:
        return f"{missing} of {y.size} months have no value, or nobody at risk; at most a tenth may."
    if seen.n - seen.n // 3 < 12 or before < 12:
        return f"There are {before} months before the change; a trend needs at least 12."
    if seen.after < 1:
        return "No month after the change is free of the outside shock."
    if model.method not in COUNTS:
        return "Every month has the same value." if np.ptp(y[kept]) == 0 else ""
    if seen.events == 0:
        return "No event in any month."
    if seen.events_after < FEWEST_AFTER or seen.events - seen.events_after < FEWEST_BEFORE:
        return f"Too few events: at least {FEWEST_BEFORE} are needed before the change and {FEWEST_AFTER} after it."
    return ""


def _judged(seen: Interrupted, model: Model, names: tuple[str, ...], effect: FloatArray, rows: _Rows) -> Interrupted:
    """Fit, see whether the interval may be trusted in such a series, and widen or refuse it where not."""
    fit = fitted(model, rows.x[None], rows.y[None], rows.offset)
    if not np.isfinite(fit.coefficients).all():
        return replace(seen, reason=UNSETTLED)
    contrasts = np.vstack([np.eye(len(names)), effect])
    wide = integrated(fit.design, fit.response, rows.at, contrasts)
    counts = model.method in COUNTS
    place = (model.impact, seen.events / seen.n if counts else 0.0, seen.n - 2 * model.harmonics, seen.after)
    wider, lag1 = "count_ar1" if counts else "ols_ar1", float(wide.lag1[0])
    chosen, coverages = model.method, measured(model.method, *place)
    verdict = ACCEPTED if trusted(coverages) and lag1 <= MOST_LAG1 else REFUSED
    reason = "" if verdict == ACCEPTED else _why(model.method, coverages, place, lag1)
    if verdict == REFUSED and cautious(measured(wider, *place)) and lag1 <= MOST_LAG1:
        verdict = CAUTIOUS if chosen == wider else WIDENED
        chosen, coverages = wider, measured(wider, *place)
    tail = (1 - model.confidence) / 2
    plain = plain_interval(fit, contrasts, tail)
    ends = (wide.quantile(share)[0] for share in (tail, 1 - tail)) if wider in (chosen, model.method) else ()
    table: tuple[FloatArray, ...] = (wide.estimates[0], wide.errors[0], *ends) if chosen == wider else plain
    if counts and max(abs(float(column[-1])) for column in (*plain, *table)) > FARTHEST:
        return replace(seen, reason=UNSETTLED)
    terms = tuple(Term(*row) for row in zip(names, *(column[:-1].tolist() for column in table), strict=True))

    def estimate(found: tuple[FloatArray, ...], method: str) -> Estimate:
        value, lower, upper = ((exp if counts else float)(float(found[place][-1])) for place in (0, 2, 3))
        return Estimate(value, lower, upper, seen.n, NAMES[method])

    return replace(
        seen,
        verdict=verdict,
        reason=reason,
        method=chosen,
        effect=None if verdict == REFUSED else estimate(table, chosen),
        alone=estimate(table if model.method == chosen else plain, model.method),
        terms=terms,
        dispersion=float(fit.dispersion[0]),
        lag1=lag1,
        ljung_box=_ljung_box(fit.residuals[0]),
        coverage=(min(coverages), max(coverages)) if coverages else None,
    )


def fitted(model: Model, x: FloatArray, y: FloatArray, offset: FloatArray) -> Fit:
    """The base fit of a method, many series at once: x (m, n, k), y (m, n), offset (n,)."""
    if model.method in COUNTS:
        return log_linear(x, y, offset, "quasi_poisson" if model.method == "count_ar1" else model.method)
    lags = int(4 * (y.shape[1] / 100) ** (2 / 9)) if model.lags is None else model.lags
    return newey_west(x, y, lags)


def plain_interval(fit: Fit, contrasts: FloatArray, tail: float) -> tuple[FloatArray, ...]:
    """Values, errors, lower and upper ends (p,) of contrasts (p, k) in the first series of a fit."""
    from scipy.special import ndtri, stdtrit

    value = contrasts @ fit.coefficients[0]
    error = np.sqrt(np.einsum("pi,ij,pj->p", contrasts, fit.covariance[0], contrasts))
    reach = error * (ndtri(1 - tail) if np.isinf(fit.degrees) else stdtrit(fit.degrees, 1 - tail))
    return value, error, value - reach, value + reach


def _why(method: str, coverages: tuple[float, ...], place: tuple[str, float, int, int], lag1: float) -> str:
    if coverages and lag1 > MOST_LAG1:
        return f"Neighbouring months are too alike (autocorrelation {lag1:.2f}) for any method that was measured."
    if coverages:
        return (
            f"In simulated series like this one the 95% intervals of {NAMES[method]} held the truth in "
            f"{100 * min(coverages):.1f}% to {100 * max(coverages):.1f}% of cases; {100 * LOWEST:.0f}% to "
            f"{100 * HIGHEST:.0f}% is asked for."
        )
    _, mean, months, after = place
    return (
        f"The coverage of {NAMES[method]} has not been measured for such a series: {months} months, {after} of them "
        f"after the change and free of the shock{f', {mean:.1f} events a month' if mean else ''}."
    )


def _ljung_box(left: FloatArray) -> float:
    """p-value of Ljung and Box's test that what is left over has no autocorrelation up to lag n/5, at most 12."""
    from scipy.special import chdtrc

    n, lags = left.size, min(12, left.size // 5)
    e = left - left.mean()
    r = np.array([e[lag:] @ e[:-lag] for lag in range(1, lags + 1)]) / (e @ e)
    return float(chdtrc(lags, n * (n + 2) * np.sum(r**2 / (n - np.arange(1, lags + 1)))))
