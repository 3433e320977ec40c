"""What a placement is, from one table: place code × provider × the return's year -> category."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.intake.reference import read_reference

OUTSIDE, IFA = "Outside placement", "IFA"
CATEGORIES = (
    OUTSIDE,
    IFA,
    "In-house fostering",
    "Connected carers",
    "In-house residential",
    "Secure",
    "Residential school",
    "Parent and child",
    "Supported",
    "With parents",
    "Adoption",
    "Other",
)
EXTERNAL = (OUTSIDE, IFA)
LEFT = ("Returned home", "Adopted", "Special guardianship", "Independence or adulthood", "Other ending")


@cache
def _rules() -> pd.DataFrame:
    table = read_reference("placement_categories.csv")
    unknown = sorted(set(table["category"]) - set(CATEGORIES))
    if unknown:
        known = ", ".join(CATEGORIES)
        raise InputError(f"placement_categories.csv: category {unknown[0]!r} is not known; use {known}.")
    table["place"] = table["place"].str.split("|")
    table["provider"] = table["provider"].str.split("|")
    table = table.explode("place").explode("provider").reset_index(drop=True)
    table["valid_from"] = pd.to_numeric(table["valid_from"]).fillna(1900)
    table["valid_to"] = pd.to_numeric(table["valid_to"]).fillna(2999)
    return table


def category_of(place: str, provider: str, year: int) -> str:
    """One category. A code used outside its years keeps its meaning where no other rule claims it."""
    table = _rules()
    match = table[(table["place"] == place) & table["provider"].isin((provider, "*"))]
    valid = match[(match["valid_from"] <= year) & (year <= match["valid_to"])]
    chosen = valid if len(valid) else match
    return str(chosen["category"].iloc[0]) if len(chosen) else "Other"


def categorise(episodes: pd.DataFrame, years: np.ndarray) -> pd.Categorical:
    """Category of each row by `place`, `provider` and its submission's year (`years`, one a submission)."""
    place, provider = episodes["place"].array, episodes["provider"].array
    places, providers = [*place.categories, ""], [*provider.categories, ""]
    # Worked out once for each combination that occurs: there are a few hundred among millions of rows.
    shape = (len(places), len(providers), len(years))
    codes = (place.codes % shape[0], provider.codes % shape[1], episodes["submission"].to_numpy() % shape[2])
    flat = np.ravel_multi_index(tuple(code.astype(np.int64) for code in codes), shape)
    which, distinct = pd.factorize(flat)
    lookup = np.zeros(len(distinct), dtype=np.int8)
    for index, key in enumerate(distinct):
        one, two, three = np.unravel_index(key, shape)
        lookup[index] = CATEGORIES.index(category_of(places[one], providers[two], int(years[three])))
    return pd.Categorical.from_codes(lookup[which], categories=list(CATEGORIES))


@cache
def leaving_groups() -> dict[str, str]:
    """Reason for ending -> where the child went, in one of LEFT."""
    table = read_reference("leaving_care.csv")
    groups = dict(zip(table["rec"], table["destination"], strict=True))
    return {rec: group if group in LEFT else "Other ending" for rec, group in groups.items()}
