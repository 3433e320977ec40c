"""The do-nothing as a model: who came into care, moved and left in a window of days, and how often.

States are the categories; strata are age bands (8 is an edge, since an extension from 8 is asked about). A child is
at risk on each night; what happens before the next night is an event. Children leave at 18, which is no event.
Short breaks are no part of a history. A placement open on the window's last night is censored there: it counts as
nights and ends nothing, and one that its returns left open for ever was closed by the stitching, so there is no ghost.
A child without a birth date keeps the category's rates over all ages and does not age. Children of 18 and over are
left out on both sides.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.proportions import Estimate, rate_ratio
from bond_eval.methods.transitions import Gammas, arrivals, intensities
from bond_eval.placements.ages import birthday
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.cohorts import stays
from bond_eval.placements.history import History

EDGES = (0, 1, 5, 8, 12, 16, 18)
BANDS = ("Under 1", "1 to 4", "5 to 7", "8 to 11", "12 to 15", "16 to 17", "Not known")
UNKNOWN = len(BANDS) - 1
OUT = len(CATEGORIES)  # the destination beside the categories: no longer looked after
HALF_YEAR = 182  # nights
SHORTEST = 365  # nights: a window shorter than a year would take one season for the whole


@dataclass(frozen=True)
class Window:
    """A reference window: its first and its last night."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        """Nights at risk: the last night is where the count ends."""
        return (self.last - self.first).days

    def __str__(self) -> str:
        return f"{formats.date(self.first)} to {formats.date(self.last)}"


@dataclass(frozen=True, eq=False)
class Population:
    """Children looked after on a night: category (place in CATEGORIES) and birth (int32 days) of each."""

    category: np.ndarray
    birth: np.ndarray

    def by_category(self) -> np.ndarray:
        """Children in each of CATEGORIES."""
        return np.bincount(self.category, minlength=OUT)


@dataclass(frozen=True, eq=False)
class Model:
    """Fitted rates. `exposure`: BANDS × CATEGORIES child-nights; `events`: BANDS × CATEGORIES × (CATEGORIES, out);
    `entrants`: BANDS × CATEGORIES children; `ages`: per band, days of age of each entrant.
    `scale`: what a scenario multiplies the draws of rates and of entrants by (paths first), or None.
    """

    window: Window
    exposure: np.ndarray
    events: np.ndarray
    entrants: np.ndarray
    ages: tuple[np.ndarray, ...]
    scale: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def rates(self) -> Gammas:
        """Daily intensities of moves and exits; where no birth date is known, those of all ages together."""
        known = intensities(self.events[:UNKNOWN], self.exposure[:UNKNOWN])
        everyone = intensities(self.events.sum(axis=0)[None], self.exposure.sum(axis=0)[None])
        pair = (known, everyone)
        return Gammas(np.concatenate([g.shape for g in pair]), np.concatenate([g.days for g in pair]))

    @cached_property
    def arriving(self) -> Gammas:
        """Entrants a day by age band and category."""
        return arrivals(self.entrants, self.window.days)


def population(history: History, day: dt.date) -> Population:
    """Children under 18 (or of unknown age) looked after on the night of `day`."""
    rows = history.placements
    night = day_number(day)
    birth = history.people["birth"].to_numpy()[rows["child"].to_numpy()]
    there = (rows["start"].to_numpy() <= night) & (rows["end"].to_numpy() > night) & (birthday(birth, 18) > night)
    return Population(rows["category"].array.codes[there].astype(np.int64), birth[there])


def leave_out(history: History, children: np.ndarray) -> History:
    """The history without some children (by number), such as unaccompanied asylum-seeking children."""
    rows = history.placements
    return replace(history, placements=rows[~rows["child"].isin(children)].reset_index(drop=True))


def leaving_early(history: History, category: str) -> Estimate | None:
    """How much more often children leave `category` in the first half-year of a stay than later: a ratio of rates.

    Of stays begun within the data; its n: leavings. None where nobody left, or nobody stayed longer.
    """
    rows = stays(history)
    rows = rows[(rows["category"] == category) & (rows["start"] > day_number(history.first_day))]
    length = (np.minimum(rows["end"], day_number(history.as_of) + 1) - rows["start"]).to_numpy(dtype=np.int64)
    left, early = ~rows["is_open"].to_numpy(), length <= HALF_YEAR
    risk = float(np.minimum(length, HALF_YEAR).sum()), float(np.maximum(length - HALF_YEAR, 0).sum())
    if not left.any() or min(risk) == 0:
        return None
    return rate_ratio(int((left & early).sum()), risk[0], int((left & ~early).sum()), risk[1])


def child_nights(history: History, first: dt.date, last: dt.date) -> np.ndarray:
    """Child-nights from `first` to `last`, both counted, in each of CATEGORIES; 18 and over left out."""
    category, start, end, edges = _spells(history)
    return _exposure(category, np.maximum(start, day_number(first)), np.minimum(end, day_number(last) + 1), edges).sum(
        axis=0
    )


def fit(history: History, window: Window) -> Model:
    """Count nights, moves, exits and entrants in the window.

    Raises InputError where the window is shorter than a year, lies outside the history, or nobody was looked after.
    """
    _check(history, window)
    rows = history.placements
    category, start, end, edges = _spells(history)
    first, last = day_number(window.first), day_number(window.last)
    exposure = _exposure(category, np.maximum(start, first), np.minimum(end, last), edges)
    if not exposure.any():
        raise InputError(f"Nobody was looked after from {window}: choose another window.")
    following = np.minimum(rows["following"].array.codes.astype(np.int64), OUT)
    ended = (end > first) & (end <= last) & ~rows["is_open"].to_numpy()
    grown = end >= edges[:, UNKNOWN]
    # A move on the 18th birthday is a child grown up; nights at 18 and over are nobody's risk.
    moved = ended & ~grown & (following != category)
    events = np.zeros((len(BANDS), OUT, OUT + 1), dtype=np.int64)
    np.add.at(events, (band_at(edges, end - 1)[moved], category[moved], following[moved]), 1)
    entered = rows["previous"].isna().to_numpy() & (start > first) & (start <= last) & (start < edges[:, UNKNOWN])
    band = band_at(edges, start)
    age = np.maximum(start - history.people["birth"].to_numpy(dtype=np.int64)[rows["child"].to_numpy()], 0)
    entrants = np.zeros((len(BANDS), OUT), dtype=np.int64)
    np.add.at(entrants, (band[entered], category[entered]), 1)
    ages = tuple(age[entered & (band == place)] for place in range(len(BANDS)))
    return Model(window, exposure, events, entrants, ages)


def band_edges(birth: np.ndarray) -> np.ndarray:
    """Children × EDGES: the day on which each band begins; the last is the 18th birthday (NO_DAY where unknown)."""
    edges = np.stack([birthday(birth, years) for years in EDGES], axis=1).astype(np.int64)
    edges[:, 0] = np.iinfo(np.int32).min  # a row dated before birth is a recording error: under 1
    return edges


def band_at(edges: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Place in BANDS on a day, one a child; NO_DAY as the first birthday marks an unknown birth."""
    band = np.minimum((edges[:, 1:] <= day[:, None]).sum(axis=1), UNKNOWN - 1)
    return np.where(edges[:, 1] == NO_DAY, UNKNOWN, band)


def _spells(history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Placements as arrays: category, start, end, edges of the child's bands."""
    rows = history.placements
    birth = history.people["birth"].to_numpy()[rows["child"].to_numpy()]
    start, end = (rows[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    return rows["category"].array.codes.astype(np.int64), start, end, band_edges(birth)


def _exposure(category: np.ndarray, start: np.ndarray, end: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Child-nights from `start` to the night before `end`: BANDS × CATEGORIES."""
    nights = np.zeros((len(BANDS), OUT))
    unknown = edges[:, 1] == NO_DAY
    for band in range(UNKNOWN):
        inside = np.minimum(end, edges[:, band + 1]) - np.maximum(start, edges[:, band])
        inside = np.where(unknown, 0, np.maximum(inside, 0))
        nights[band] = np.bincount(category, weights=inside, minlength=OUT)
    alone = np.where(unknown, np.maximum(end - start, 0), 0)
    nights[UNKNOWN] = np.bincount(category, weights=alone, minlength=OUT)
    return nights


def _check(history: History, window: Window) -> None:
    if window.days < SHORTEST:
        raise InputError(
            f"The window from {window} has {max(window.days, 0)} nights: choose one of at least {SHORTEST}, as "
            "rates of a shorter one are a season's."
        )
    if window.first < history.first_day or window.last > history.as_of:
        raise InputError(
            f"The window from {window} is not within the data, which run from "
            f"{Window(history.first_day, history.as_of)}."
        )


def latest_window(history: History, last: dt.date, years: int = 2) -> Window:
    """The window of up to `years` years that ends on `last`, cut at the first day of the data."""
    return Window(max(history.first_day, (pd.Timestamp(last) - pd.DateOffset(years=years)).date()), last)
