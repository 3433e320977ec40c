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
def _rules() -> dict[str, list[tuple[str, int, int, str]]]:
    """Place -> its rules in order: provider (or "*"), first and last year, category."""
    table = read_reference("placement_categories.csv")
    unknown = sorted(set(table["category"]) - set(CATEGORIES))
    if unknown:
        known = ", ".join(CATEGORIES)
        raise InputError(f"placement_categories.csv: category {unknown[0]!r} is not known; use {known}.")
    table["place"] = table["place"].str.split("|")
    table["provider"] = table["provider"].str.split("|")
    table = table.explode("place").explode("provider").reset_index(drop=True)
    table["valid_from"] = pd.to_numeric(table["valid_from"]).fillna(1900).astype(int)
    table["valid_to"] = pd.to_numeric(table["valid_to"]).fillna(2999).astype(int)
    rules: dict[str, list[tuple[str, int, int, str]]] = {}
    for place, *rule in table[["place", "provider", "valid_from", "valid_to", "category"]].itertuples(index=False):
        rules.setdefault(place, []).append(tuple(rule))
    return rules


def category_of(place: str, provider: str, year: int) -> str:
    """One category. A code used outside its years keeps its meaning where no other rule claims it."""
    match = [rule for rule in _rules().get(place, ()) if rule[0] in (provider, "*")]
    valid = [rule for rule in match if rule[1] <= year <= rule[2]]
    return next((category for *_, category in valid or match), "Other")


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
