"""Time to an event when not everybody is followed to it: curves, their comparison, competing risks, Cox.

Curves, tests and Cox are statsmodels'; competing risks are worked out here, since its estimate knows no delayed entry.
This module checks the data, adds the limits R's survival package prints by default and evaluates the curves at chosen
times. A time is any unit of duration; a subject censored at t is at risk at t. A subject with an `entry` time was not
watched before it (left truncation) and is at risk only after it: an event before would never have been seen.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Z = 1.959963984540054  # the normal quantile of 95% limits
_TINY = 1e-12  # sums of logarithms come back this close to 0, 1/2 or 1


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve at every distinct time, censored ones among them, ascending.

    n, events: subjects, and how many had the event. at_risk (just before), events_at: counts at each time.
    survival, lower, upper: 0-1; limits are NaN where the curve is 0, since the log scale has none there.
    median and its limits: in the unit of time; None where the curve, or the limit, does not come down to one
    half.
    """

    n: int
    events: int
    time: FloatArray
    at_risk: IntArray
    events_at: IntArray
    survival: FloatArray
    lower: FloatArray
    upper: FloatArray
    median: float | None
    median_lower: float | None
    median_upper: float | None

    def at(self, times: npt.ArrayLike) -> "pd.DataFrame":
        """The curve at chosen times: time, at_risk (just before it), survival, lower, upper.

        Past the longest follow-up the curve is unknown (NaN), unless it has come down to 0.
        """
        import pandas as pd

        wanted = _wanted(times)
        known = (wanted <= self.time[-1]) | (self.survival[-1] <= _TINY)
        table = pd.DataFrame({"time": wanted, "at_risk": _at_risk(self.time, self.at_risk, wanted)})
        for name in ("survival", "lower", "upper"):
            table[name] = np.where(known, _step(self.time, getattr(self, name), wanted, 1.0), np.nan)
        return table


@dataclass(frozen=True)
class LogRank:
    """A log-rank test of equal survival: chi-square, degrees of freedom (groups less one), p-value."""

    chi_square: float
    degrees: int
    p_value: float


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Cumulative incidence of competing causes at every distinct time, ascending.

    n: subjects. causes: 1 to k. events: subjects of each cause. at_risk: just before each time. incidence,
    lower, upper: 0-1, shape (times, causes). survival: free of every cause, 0-1; a row's incidences and
    survival add to 1. Limits are NaN where they cannot be had: incidence 0 or 1, or nobody left at risk.
    """

    n: int
    causes: tuple[int, ...]
    events: tuple[int, ...]
    time: FloatArray
    at_risk: IntArray
    incidence: FloatArray
    lower: FloatArray
    upper: FloatArray
    survival: FloatArray

    def at(self, times: npt.ArrayLike) -> "pd.DataFrame":
        """One row a time and cause: time, cause, at_risk (just before it), incidence, lower, upper.

        Past the longest follow-up the incidence is unknown (NaN), unless nobody is left free of every cause.
        """
        import pandas as pd

        wanted = _wanted(times)
        known = (wanted <= self.time[-1]) | (self.survival[-1] <= _TINY)
        rows = []
        for column, cause in enumerate(self.causes):
            part = pd.DataFrame({"time": wanted, "cause": cause})
            part["at_risk"] = _at_risk(self.time, self.at_risk, wanted)
            for name, before in (("incidence", 0.0), ("lower", np.nan), ("upper", np.nan)):
                step = _step(self.time, getattr(self, name)[:, column], wanted, before)
                part[name] = np.where(known, step, np.nan)
            rows.append(part)
        return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True, eq=False)
class CoxFit:
    """Proportional hazards, one entry a covariate; a coefficient is the log hazard ratio of one unit more."""

    n: int
    events: int
    names: tuple[str, ...]
    coefficients: FloatArray
    standard_errors: FloatArray
    hazard_ratios: FloatArray
    lower: FloatArray
    upper: FloatArray


def kaplan_meier(time: npt.ArrayLike, event: npt.ArrayLike, *, entry: npt.ArrayLike | None = None) -> SurvivalCurve:
    """Probability of no event yet, from follow-up `time` (0 or more) and `event` (1 happened, 0 censored).

    entry: when each subject came under observation (0 from the start), always before its `time`.

    95% limits are exp(log S ± z se(log S)), Greenwood's standard error, cut at 1: R's conf.type="log". The median
    is the first time at which the curve is one half or less, its limits the first at which the lower and the
    upper are. (Where a curve lies flat at exactly one half R gives the middle of the flat, we its start.)
    Raises ValueError for no subjects, missing or negative times, other event codes, unequal lengths. Source:
    Kaplan & Meier 1958, JASA 53:457-481.
    """
    times, events = _follow_up(time, event, highest=1)
    entered = _entry(entry, times)
    from statsmodels.duration.survfunc import SurvfuncRight

    fit = SurvfuncRight(times, events, entry=entered)
    distinct, at_risk, by_cause = _risk_table(times, events, entered, 1)
    survival = _step(fit.surv_times, fit.surv_prob, distinct, 1.0)
    error = _step(fit.surv_times, fit.surv_prob_se, distinct, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(survival > 0, error / survival, np.nan)
        lower, upper = survival * np.exp(-Z * relative), np.minimum(survival * np.exp(Z * relative), 1.0)
    return SurvivalCurve(
        n=times.size,
        events=int(events.sum()),
        time=distinct,
        at_risk=at_risk,
        events_at=by_cause[:, 0],
        survival=survival,
        lower=lower,
        upper=upper,
        median=_first_half(distinct, survival),
        median_lower=_first_half(distinct, lower),
        median_upper=_first_half(distinct, upper),
    )


def log_rank(time: npt.ArrayLike, event: npt.ArrayLike, group: Sequence[Any] | npt.NDArray[Any]) -> LogRank:
    """Test that groups (any labels, two or more) share one survival curve.

    Raises ValueError as `kaplan_meier` does, for missing labels, one group only, or events that cannot tell
    the groups apart (none, or none while two groups were at risk). Source: Peto & Peto 1972, JRSS A
    135:185-207.
    """
    times, events = _follow_up(time, event, highest=1)
    import pandas as pd
    from scipy.stats import chi2
    from statsmodels.duration.survfunc import survdiff

    labels = pd.Series(list(group))
    if labels.size != times.size or labels.isna().any():
        raise ValueError("Each subject needs a group.")
    codes, names = pd.factorize(labels, sort=False)
    if len(names) < 2:
        raise ValueError("A log-rank test compares two groups or more.")
    _check_comparable(times, events, codes)
    chi_square = float(survdiff(times, events, codes)[0])
    degrees = len(names) - 1
    return LogRank(chi_square, degrees, float(chi2.sf(chi_square, degrees)))


def cumulative_incidence(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    causes: int | None = None,
    entry: npt.ArrayLike | None = None,
) -> CumulativeIncidence:
    """Probability of each cause having happened, the others having been able to prevent it.

    cause: 0 censored, 1 to k which cause came first. causes: k, where the last of them may not have happened. entry: as
    in `kaplan_meier`. This is the Aalen-Johansen estimate, not 1 less Kaplan-Meier with other causes censored, which
    exceeds it. 95% limits are on the log(-log) scale of the incidence I, I ** exp(± z se / (I log I)), with the
    delta-method standard error of Dinse & Larson 1986, Biometrika 73:379-386. Raises ValueError for no subjects,
    missing or negative times, causes not whole numbers from 0 to `causes`, an entry not before the time.
    """
    times, codes = _follow_up(time, cause, highest=causes)
    k = max(int(codes.max()), 1) if causes is None else causes
    if k < 1:
        raise ValueError(f"There is at least one cause, not {k}.")
    distinct, at_risk, by_cause = _risk_table(times, codes, _entry(entry, times), k)
    survival, incidence, error = _aalen_johansen(at_risk, by_cause)
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = (incidence <= _TINY) | (incidence >= 1 - _TINY)
        spread = Z * error / np.abs(incidence * np.log(incidence))
        lower, upper = (np.where(certain, np.nan, incidence ** np.exp(way * spread)) for way in (1, -1))
    return CumulativeIncidence(
        n=times.size,
        causes=tuple(range(1, k + 1)),
        events=tuple(int(count) for count in by_cause.sum(axis=0)),
        time=distinct,
        at_risk=at_risk,
        incidence=incidence,
        lower=lower,
        upper=upper,
        survival=survival,
    )


def _aalen_johansen(at_risk: IntArray, by_cause: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Survival (times), and incidences with their standard errors (times, causes), from counts at each time."""
    n, every = np.maximum(at_risk, 1)[:, None].astype(float), by_cause.sum(axis=1, keepdims=True)
    survival = np.cumprod(1 - every / n, axis=0)
    step = np.concatenate(([[1.0]], survival[:-1])) / n
    incidence = np.cumsum(step * by_cause, axis=0)
    # Where the last one at risk has an event the variance is 0/0: NaN is carried to the limits.
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = every / (n * (n - every))
        variance = incidence**2 * np.cumsum(hazard)[:, None] - 2 * incidence * np.cumsum(incidence * hazard, axis=0)
        variance += np.cumsum(incidence**2 * hazard + step**2 * (n - by_cause) * by_cause / n, axis=0)
        own = step * by_cause / n
        variance += 2 * np.cumsum(incidence * own, axis=0) - 2 * incidence * np.cumsum(own, axis=0)
        return survival[:, 0], incidence, np.sqrt(variance)


def cox(time: npt.ArrayLike, event: npt.ArrayLike, covariates: "pd.DataFrame") -> CoxFit:
    """Proportional-hazards regression on numeric covariates (a row a subject), ties by Efron's method.

    Raises ValueError as `kaplan_meier` does, for no events, missing covariates, covariates that are constant
    or repeat one another, or a fit that does not converge (a covariate that sorts events from the rest
    perfectly). Source: Cox 1972, JRSS B 34:187-220; Efron 1977, JASA 72:557-565.
    """
    times, events = _follow_up(time, event, highest=1)
    if not events.any():
        raise ValueError("No event happened, so there is nothing to model.")
    design = covariates.to_numpy(dtype=float)
    if design.shape[0] != times.size or not np.isfinite(design).all():
        raise ValueError("Each subject needs a number for every covariate.")
    if np.linalg.matrix_rank(design - design.mean(axis=0)) < max(design.shape[1], 1):
        raise ValueError("A covariate is constant or repeats the others.")
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fit = PHReg(times, design, status=events, ties="efron").fit()
        except (ConvergenceWarning, np.linalg.LinAlgError) as problem:
            raise ValueError("No convergence: a covariate may sort the events perfectly.") from problem
    return CoxFit(
        n=times.size,
        events=int(events.sum()),
        names=tuple(map(str, covariates.columns)),
        coefficients=fit.params,
        standard_errors=fit.bse,
        hazard_ratios=np.exp(fit.params),
        lower=np.exp(fit.params - Z * fit.bse),
        upper=np.exp(fit.params + Z * fit.bse),
    )


def _follow_up(time: npt.ArrayLike, code: npt.ArrayLike, highest: int | None) -> tuple[FloatArray, IntArray]:
    times, codes = np.asarray(time, dtype=float), np.asarray(code, dtype=float)
    if times.ndim != 1 or times.shape != codes.shape:
        raise ValueError("Times and events are two lists of the same length.")
    if not times.size:
        raise ValueError("There are no subjects.")
    if not np.isfinite(times).all() or (times < 0).any():
        raise ValueError("Each subject needs a time of 0 or more.")
    if not np.isfinite(codes).all() or (codes < 0).any() or (codes != np.floor(codes)).any():
        raise ValueError("Events are coded in whole numbers, 0 for censored.")
    if highest is not None and codes.max() > highest:
        raise ValueError(f"Events are coded 0 (censored) to {highest}, not {codes.max():g}.")
    return times, codes.astype(np.int64)


def _check_comparable(times: FloatArray, events: IntArray, codes: IntArray) -> None:
    # At the first event every group must have somebody at risk and somebody must live on: else no variance.
    first = times[events == 1].min(initial=np.inf)
    here_then = times >= first
    if len(set(codes[here_then])) < len(set(codes)) or not ((times > first) | (events == 0))[here_then].any():
        raise ValueError("The groups cannot be compared: no event happened while all had somebody at risk.")


def _entry(entry: npt.ArrayLike | None, times: FloatArray) -> FloatArray | None:
    """Entry times, those from the start put before time 0: a subject watched from 0 is at risk at 0."""
    if entry is None:
        return None
    entered = np.asarray(entry, dtype=float)
    if entered.shape != times.shape or not np.isfinite(entered).all():
        raise ValueError("Each subject needs a time of entry.")
    entered = np.where(entered <= 0, -1.0, entered)
    if (entered >= times).any():
        raise ValueError("Each subject enters before its time ends.")
    return entered


def _risk_table(
    times: FloatArray, codes: IntArray, entry: FloatArray | None, causes: int
) -> tuple[FloatArray, IntArray, IntArray]:
    """Distinct times (of entry too), at risk just before each, and events of each cause (times, causes)."""
    distinct = np.unique(times if entry is None else np.concatenate((times, entry[entry >= 0])))
    here = times.size - np.searchsorted(np.sort(times), distinct, side="left")
    if entry is not None:
        here = here - (entry.size - np.searchsorted(np.sort(entry), distinct, side="left"))
    by_cause = np.zeros((distinct.size, causes), dtype=np.int64)
    happened = codes > 0
    np.add.at(by_cause, (np.searchsorted(distinct, times[happened]), codes[happened] - 1), 1)
    return distinct, here, by_cause


def _step(at: FloatArray, value: FloatArray, wanted: FloatArray, before: float) -> FloatArray:
    """A right-continuous step function: `before` until at[0], then value[i] from at[i] on."""
    return np.concatenate(([before], value))[np.searchsorted(at, wanted, side="right")]


def _at_risk(time: FloatArray, at_risk: IntArray, wanted: FloatArray) -> IntArray:
    return np.append(at_risk, 0)[np.searchsorted(time, wanted, side="left")]


def _first_half(time: FloatArray, curve: FloatArray) -> float | None:
    reached = np.flatnonzero(curve <= 0.5 + _TINY)
    return float(time[reached[0]]) if reached.size else None


def _wanted(times: npt.ArrayLike) -> FloatArray:
    wanted = np.atleast_1d(np.asarray(times, dtype=float))
    if wanted.ndim != 1 or not np.isfinite(wanted).all() or (wanted < 0).any():
        raise ValueError("Times to look at are numbers of 0 or more.")
    return wanted
