"""A fixed cohort followed: the children in a category on a day, until they leave it or the as-of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import IFA, OUTSIDE
from bond_eval.placements.history import History, open_on, without_temporary

# Where a child of the cohort went first, in groups that a reader can weigh and that are seldom tiny.
FAMILY, HOME, INDEPENDENT, RESIDENTIAL, PERMANENT, OTHER = (
    "Foster or connected care",
    "Home",
    "Supported or independent",
    "Residential care",
    "Adoption or guardianship",
    "Elsewhere",
)
DESTINATIONS = {
    IFA: FAMILY,
    "In-house fostering": FAMILY,
    "Connected carers": FAMILY,
    "With parents": HOME,
    "Returned home": HOME,
    "Supported": INDEPENDENT,
    "Independence or adulthood": INDEPENDENT,
    OUTSIDE: RESIDENTIAL,
    "In-house residential": RESIDENTIAL,
    "Secure": RESIDENTIAL,
    "Residential school": RESIDENTIAL,
    "Parent and child": RESIDENTIAL,
    "Adoption": PERMANENT,
    "Adopted": PERMANENT,
    "Special guardianship": PERMANENT,
}
GROUPS = (FAMILY, HOME, INDEPENDENT, RESIDENTIAL, PERMANENT, OTHER)


@dataclass(frozen=True)
class Cohort:
    """`frame`: one row a child of the cohort: child, days (followed until it left or the as-of date), left,
    destination (one of GROUPS, "" while still there), there_now (in the category on the as-of date, by whatever way).
    `new`: children in the category on the as-of date who were not in the cohort, with child, start (int32 days, of
    the present stay), birth.
    """

    category: str
    day: dt.date
    frame: pd.DataFrame
    new: pd.DataFrame


def stays(history: History) -> pd.DataFrame:
    """Unbroken time in one category: placements joined while category and period stay the same.

    Temporary placements do not break a stay. Columns: child, category, start, end, is_open, following.
    """
    rows = without_temporary(history.placements)
    category, period = rows["category"].array.codes, rows["period"].to_numpy()
    joined = np.append(False, (category[1:] == category[:-1]) & (period[1:] == period[:-1]))[: len(rows)]
    grouped = rows.assign(stay=np.cumsum(~joined)).groupby("stay", sort=True)
    return grouped.agg(
        child=("child", "first"),
        category=("category", "first"),
        start=("start", "first"),
        end=("end", "last"),
        is_open=("is_open", "last"),
        following=("following", "last"),
    ).reset_index(drop=True)


def follow(history: History, category: str, day: dt.date) -> Cohort:
    """Follow the children in `category` on the night of `day` to the as-of date."""
    everyone = stays(history)
    mine = everyone[everyone["category"] == category]
    start_day, last_day = day_number(day), day_number(history.as_of)
    at_start = open_on(mine, day)
    now = open_on(mine, history.as_of)
    left = ~at_start["is_open"].to_numpy()
    destination = at_start["following"].astype(object).map(DESTINATIONS).fillna(OTHER)
    frame = pd.DataFrame(
        {
            "child": at_start["child"].to_numpy(),
            "days": np.minimum(at_start["end"].to_numpy(), last_day + 1) - start_day,
            "left": left,
            "destination": np.where(left, destination, ""),
            "there_now": at_start["child"].isin(now["child"]).to_numpy(),
        }
    )
    new = now[~now["child"].isin(at_start["child"])]
    birth = history.people["birth"].to_numpy()[new["child"].to_numpy()]
    new = pd.DataFrame({"child": new["child"].to_numpy(), "start": new["start"].to_numpy(), "birth": birth})
    return Cohort(category, day, frame, new)
