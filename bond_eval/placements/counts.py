"""How many children on each day, by category and age band, and the child-days that they add up to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.placements.ages import ALL_BANDS, BAND_STARTS, BANDS, birthday
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.history import History


@dataclass(frozen=True)
class DailyCounts:
    """`cube`: children by day × CATEGORIES × ALL_BANDS (int32). `first`: the day of its first row."""

    first: dt.date
    cube: np.ndarray

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The days, one a row of the cube."""
        return pd.date_range(self.first, periods=len(self.cube), freq="D")

    def on(self, day: dt.date) -> pd.DataFrame:
        """Children on the night of `day`: categories × bands."""
        row = (day - self.first).days
        if not 0 <= row < len(self.cube):
            raise ValueError(f"{day} is not among the days counted.")
        return pd.DataFrame(self.cube[row], index=list(CATEGORIES), columns=list(ALL_BANDS))

    def by_category(self) -> pd.DataFrame:
        """Days × categories, all ages."""
        return pd.DataFrame(self.cube.sum(axis=2), index=self.dates, columns=list(CATEGORIES))

    def child_days(self) -> pd.DataFrame:
        """Child-days by financial quarter × category: columns quarter, category, child_days, days."""
        daily = self.by_category()
        quarters = [str(Quarter.of(day.date())) for day in daily.index]
        sums = daily.groupby(quarters).sum()
        tidy = sums.rename_axis("quarter").reset_index().melt("quarter", var_name="category", value_name="child_days")
        days = pd.Series(quarters).value_counts()
        return tidy.assign(days=tidy["quarter"].map(days))


def daily_counts(history: History) -> DailyCounts:
    """Count each child once a night from the history's first day to the as-of date.

    Source: the stitched episodes; a row counts from its start to the day before its end. Each step is a
    difference: +1 where a child enters a category and age band, -1 where it leaves, then a running sum.
    """
    origin, days = day_number(history.first_day), (history.as_of - history.first_day).days + 1
    episodes = history.episodes
    start = np.maximum(episodes["start"].to_numpy(), origin) - origin
    end = np.minimum(episodes["end"].to_numpy(), origin + days) - origin
    inside = end > start
    start, end = start[inside], end[inside]
    category = episodes["category"].array.codes[inside].astype(np.int64)
    child = episodes["child"].to_numpy()[inside]
    shape = (days + 1, len(CATEGORIES), len(ALL_BANDS))
    steps = np.zeros(int(np.prod(shape)), dtype=np.int32)
    edges = _band_edges(history.people["birth"].to_numpy())
    for band in range(len(ALL_BANDS)):
        low = np.maximum(start, edges[band][child] - origin)
        high = np.minimum(end, edges[band + 1][child] - origin) if band < len(BANDS) else end
        if band == len(BANDS):  # a child without a birth date is in no other band
            low = np.where(edges[0][child] == NO_DAY, start, end)
        chosen = high > low
        for day, sign in ((low, 1), (high, -1)):
            flat = (day[chosen] * shape[1] + category[chosen]) * shape[2] + band
            steps += sign * np.bincount(flat, minlength=len(steps)).astype(np.int32)
    return DailyCounts(history.first_day, np.cumsum(steps.reshape(shape), axis=0, dtype=np.int32)[:-1])


def _band_edges(birth: np.ndarray) -> list[np.ndarray]:
    """For each child, the day that each band begins (int64; a band before the first begins at any time)."""
    edges = [birthday(birth, years).astype(np.int64) for years in BAND_STARTS]
    # Rows dated before birth are a recording error; the child counts as under 1 and is not lost.
    edges[0] = np.where(birth == NO_DAY, edges[0], np.int64(np.iinfo(np.int32).min))
    never = np.full(len(birth), np.iinfo(np.int32).max, dtype=np.int64)
    return [*edges, never]
