"""Child-days avoided by the interrupted series of notebook 04: what a ratio of entries, or of child-days, is worth.

    entries that did not come = seen × (1/ratio − 1),  each × the nights that such a stay lasts to the as-of date

The ratio is drawn by its interval: on the logarithm's scale a normal on each side, whose 95% limits are the interval's.
How long a stay lasts comes from those begun before, drawn again with replacement. The series is a rate per
looked-after child-day, so that a child who did not enter an outside placement is looked after elsewhere: the nights are
put on the other categories as they divide at ages 12 to 17, and cost what those cost.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from bond_eval.core.periods import next_month
from bond_eval.economics.money import Numbers, Withheld
from bond_eval.intake.typed import day_number
from bond_eval.methods.proportions import Estimate
from bond_eval.placements.ages import BANDS, ROUTE_29, band_on
from bond_eval.placements.categories import CATEGORIES, OUTSIDE
from bond_eval.placements.cohorts import stays
from bond_eval.placements.series import BEGUN, DAYS
from bond_eval.placements.trend import OLDER, Design, Trend

OP = CATEGORIES.index(OUTSIDE)
BEFORE = 20  # stays begun before, without which nobody can say how long one lasts


def days_avoided(trend: Trend, one: Design, *, seed: int, draws: int) -> Numbers | Withheld:
    """Draws × CATEGORIES of child-days avoided since the design's first month, or why there are none."""
    if one.ratio is None or one.start is None:
        return Withheld(one.why.rstrip(".") or "It has no first month")
    generator = np.random.default_rng([seed, 9, one.start])
    ratios = ratio_draws(one.ratio, generator, draws)
    if ratios is None:
        return Withheld("Its interval has no end")
    measure = DAYS if DAYS in one.name else BEGUN
    seen, exposure = (series[one.start :] for series in trend.one(measure, OLDER))
    missing = seen.sum() * (1 / ratios - 1)  # entries, or child-days, that did not come
    if measure == BEGUN:
        expected = trend.expected(one)
        weights = exposure if expected is None else expected[one.start :]
        nights = _nights(trend, one.start, generator, draws)
        if isinstance(nights, Withheld):
            return nights
        missing = missing * (nights @ (weights / weights.sum()))
    return missing[:, None] * _where(trend, trend.months[one.start])


def ratio_draws(ratio: Estimate, generator: np.random.Generator, draws: int) -> Numbers | None:
    """Draws of a ratio by its 95% interval; None where a side has no end."""
    from scipy.special import ndtri

    ends = np.array([ratio.lower, ratio.value, ratio.upper])
    if not np.isfinite(ends).all() or ends.min() <= 0:
        return None
    low, value, high = np.log(ends)
    normal = generator.standard_normal(draws)
    found: Numbers = np.exp(value + normal * np.where(normal < 0, value - low, high - value) / ndtri(0.975))
    return found


def _nights(trend: Trend, start: int, generator: np.random.Generator, draws: int) -> Numbers | Withheld:
    """Draws × months after: nights in outside placements, to the as-of date, of a stay begun in the middle of each."""
    history, since = trend.history, day_number(trend.months[start])
    rows = stays(history)
    rows = rows[
        (rows["category"] == OUTSIDE) & (rows["start"] > day_number(history.first_day)) & (rows["start"] < since)
    ]
    band = band_on(history.people["birth"].to_numpy()[rows["child"].to_numpy()], rows["start"].to_numpy())
    mine = rows[np.isin(band, [BANDS.index(name) for name in ROUTE_29])]
    if len(mine) < BEFORE:
        return Withheld(f"{len(mine)} stays begun before are too few to say how long one lasts; {BEFORE} are needed")
    last = day_number(history.as_of) + 1
    length = (np.minimum(mine["end"], last) - mine["start"]).to_numpy(dtype=float)
    left = np.array([last - day_number(month) - (next_month(month) - month).days / 2 for month in trend.months[start:]])
    times = generator.multinomial(len(length), np.full(len(length), 1 / len(length)), draws)
    found: Numbers = times @ np.minimum(length[:, None], left) / len(length)
    return found


def _where(trend: Trend, since: dt.date) -> Numbers:
    """What a night less in an outside placement is in each category: 1 there, and −1 spread over the others."""
    counts = trend.counts
    cube = counts.cube[(since - counts.first).days :][:, :, [BANDS.index(name) for name in ROUTE_29]]
    others = cube.sum(axis=(0, 2)).astype(float)
    others[OP] = 0.0
    where = -others / max(others.sum(), 1.0)
    where[OP] = 1.0
    return where
