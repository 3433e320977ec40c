"""How often something happened before and after, to the same people, with the time that each was exposed.

A fall after a referral that followed a bad spell is what would come of itself: `regression_to_the_mean` looks for it.
"""

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt

from bond_eval.methods.proportions import Estimate, clopper_pearson, rate, rate_ratio

FloatArray = npt.NDArray[np.float64]
FEW_EVENTS, FEW_PEOPLE = 20, 10  # below either a model's standard error is not to be trusted
YEAR = 365.25


@dataclass(frozen=True)
class RateChange:
    """Rate after over rate before. ratio: 1 is no change; n counts events. before, after: per person-year, as though
    events were independent. people: compared, with exposure on both sides. dispersion: 0 where counts vary as by chance
    alone.
    """

    ratio: Estimate
    before: Estimate
    after: Estimate
    people: int
    dispersion: float


@dataclass(frozen=True)
class RegressionToMean:
    """recent: the last months before over the earlier ones. after: the time after over the earlier months. expected:
    the last months were clearly worse than those before, so that a fall had to be expected without any help.
    """

    recent: RateChange
    after: RateChange | None
    expected: bool


def rate_change(
    before: npt.ArrayLike, before_days: npt.ArrayLike, after: npt.ArrayLike, after_days: npt.ArrayLike
) -> RateChange:
    """Ratio of the rates of the same people after and before; one entry a person, in counts and days of exposure.

    People without exposure on a side are left out: there is nothing to pair.

    With 20 events or more to 10 people or more, two or more people on each side: a negative binomial regression with
    log exposure and overdispersion by moments; its 95% interval is the jackknife's, a person left out at a time with
    both sides, on t with one degree of freedom fewer than people with an event. Else the exact conditional binomial
    interval, which takes a person's events as independent and is named in `method`. Raises ValueError for no
    exposure on a side, no event at all, events without exposure, unequal lengths. Source: Cameron & Trivedi 2013, 3;
    Miller 1974, Biometrika 61:1-15; Clopper & Pearson 1934.
    """
    counts, days = _sides(before, after), _sides(before_days, after_days)
    if counts.shape != days.shape or (days < 0).any() or (counts < 0).any() or (counts != np.floor(counts)).any():
        raise ValueError("Each person needs a whole count and a time of 0 or more on both sides.")
    if (counts[days == 0] > 0).any():
        raise ValueError("An event lies outside the time that its person was exposed.")
    paired = (days > 0).all(axis=0)
    counts, days = counts[:, paired], days[:, paired]
    people = counts.shape[1]
    totals, exposed = [int(side.sum()) for side in counts], [float(side.sum()) for side in days]
    first, second = (rate(n, time / YEAR) for n, time in zip(totals, exposed, strict=True))
    happened = int((counts.sum(axis=0) > 0).sum())
    # Where a side's events are all one person's, nothing is left of it without that person; where everybody has the
    # same, leaving one out changes nothing and would look like certainty.
    spread = (counts > 0).sum(axis=1).min() > 1 and bool((counts != counts[:, :1]).any())
    if not spread or sum(totals) < FEW_EVENTS or happened < FEW_PEOPLE:
        exact = exact_ratio(totals[1], exposed[1], totals[0], exposed[0])
        return RateChange(exact, first, second, people, 0.0)
    ratio, dispersion = _negative_binomial(counts, days)
    return RateChange(ratio, first, second, people, dispersion)


def exact_ratio(c1: int, e1: float, c2: int, e2: float) -> Estimate:
    """c1/e1 over c2/e2 with the exact conditional interval, which never covers less than 95%.

    Raises ValueError as `proportions.rate_ratio`. Given c1 + c2 the first count is binomial: Clopper & Pearson 1934.
    """
    value = rate_ratio(c1, e1, c2, e2).value
    share = clopper_pearson(c1, c1 + c2)
    lower, upper = (np.inf if p == 1 else p / (1 - p) * e2 / e1 for p in (share.lower, share.upper))
    return Estimate(value, float(lower), float(upper), int(c1 + c2), "exact conditional binomial")


def regression_to_the_mean(counts: npt.ArrayLike, days: npt.ArrayLike) -> RegressionToMean:
    """Was the time just before the start already out of the ordinary, and is the time after better than the ordinary?

    counts, days: three rows (the earlier months before, the last months before, the time after), one column a person.
    Raises ValueError as `rate_change`, where there is nothing to compare the last months with.
    """
    happened, exposed = np.asarray(counts, dtype=float), np.asarray(days, dtype=float)
    recent = rate_change(happened[0], exposed[0], happened[1], exposed[1])
    judged = (happened[0] + happened[2])[(exposed[[0, 2]] > 0).all(axis=0)].sum() > 0
    after = rate_change(happened[0], exposed[0], happened[2], exposed[2]) if judged else None
    return RegressionToMean(recent, after, recent.ratio.lower > 1)


def _sides(before: npt.ArrayLike, after: npt.ArrayLike) -> FloatArray:
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError("Before and after are two lists of the same people.")
    return np.stack((first, second))


def _negative_binomial(counts: FloatArray, days: FloatArray) -> tuple[Estimate, float]:
    import statsmodels.api as sm
    from scipy.stats import t

    mean = days * (counts.sum(axis=1) / days.sum(axis=1))[:, None]
    dispersion = max(0.0, float(((counts - mean) ** 2 - counts).sum() / (mean**2).sum()))
    family = sm.families.NegativeBinomial(alpha=dispersion) if dispersion > 0 else sm.families.Poisson()
    design = sm.add_constant(np.repeat([0.0, 1.0], counts.shape[1]))
    fit = sm.GLM(counts.ravel(), design, family=family, offset=np.log(days.ravel())).fit()
    log_ratio = float(fit.params[1])
    rates = np.exp(fit.params[0] + np.array([0.0, log_ratio]))[:, None]
    # The jackknife leaves out one person, both sides, at a time; those without an event bring no freedom.
    weights = 1 / (1 + dispersion * rates * days)
    tops, bottoms = weights * counts, weights * days
    without = (tops.sum(axis=1, keepdims=True) - tops) / (bottoms.sum(axis=1, keepdims=True) - bottoms)
    logs = np.log(without[1] / without[0])
    people = logs.size
    error = sqrt((people - 1) / people * float(((logs - logs.mean()) ** 2).sum()))
    half = float(t.ppf(0.975, int((counts.sum(axis=0) > 0).sum()) - 1)) * error
    limits = exp(log_ratio - half), exp(log_ratio + half)
    name = "negative binomial, jackknife by person"
    return Estimate(exp(log_ratio), *limits, int(counts.sum()), name), dispersion
