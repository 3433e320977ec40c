"""What a placement is, from one table: place code × provider × the return's year -> category."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.intake.reference import CATEGORIES as FILE
from bond_eval.intake.reference import RULE, read_reference

Rules = tuple[tuple[str, ...], ...]
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
PROVIDERS = ("PR1", "PR2", "PR3", "PR4", "PR5")
LEFT = ("Returned home", "Adopted", "Special guardianship", "Independence or adulthood", "Other ending")


def rules_table(own: Rules = ()) -> pd.DataFrame:
    """The rules as text, columns RULE: an authority's own, then the project's. Raises InputError."""
    usual = read_reference(FILE)[list(RULE)]
    unknown = sorted(set(usual["category"]) - set(CATEGORIES))
    if unknown:
        known = ", ".join(CATEGORIES)
        raise InputError(f"{FILE}: category {unknown[0]!r} is not known; use {known}.")
    return pd.concat([pd.DataFrame(list(own), columns=list(RULE)), usual], ignore_index=True)


@cache
def _rules(own: Rules) -> dict[str, list[tuple[str, int, int, str]]]:
    """Place -> its rules in order: provider (or "*"), first and last year, category."""
    table = rules_table(own)
    table["place"] = table["place"].str.split("|")
    table["provider"] = table["provider"].str.split("|")
    table = table.explode("place").explode("provider").reset_index(drop=True)
    table["valid_from"] = pd.to_numeric(table["valid_from"]).fillna(1900).astype(int)
    table["valid_to"] = pd.to_numeric(table["valid_to"]).fillna(2999).astype(int)
    rules: dict[str, list[tuple[str, int, int, str]]] = {}
    for place, *rule in table[["place", "provider", "valid_from", "valid_to", "category"]].itertuples(index=False):
        rules.setdefault(place, []).append(tuple(rule))
    return rules


def category_of(place: str, provider: str, year: int, own: Rules = ()) -> str:
    """One category, by an authority's `own` rules before the project's.

    A code used outside its years keeps its meaning where no other rule claims it.
    """
    match = [rule for rule in _rules(own).get(place, ()) if rule[0] in (provider, "*")]
    valid = [rule for rule in match if rule[1] <= year <= rule[2]]
    return next((category for *_, category in valid or match), "Other")


def in_use(own: Rules = ()) -> tuple[str, ...]:
    """The categories that some code can have: an authority's `own` rules may leave one empty."""
    usual, years = read_reference(FILE), range(2014, 2026)
    pairs = {(p, q) for ps, qs in zip(usual["place"], usual["provider"], strict=True)
             for p in ps.split("|") for q in (PROVIDERS if qs == "*" else qs.split("|"))}  # fmt: skip
    found = {category_of(place, provider, year, own) for place, provider in pairs for year in years}
    return tuple(name for name in CATEGORIES if name in found)


def categorise(episodes: pd.DataFrame, years: np.ndarray, own: Rules = ()) -> pd.Categorical:
    """Category of each row by `place`, `provider` and its submission's year (`years`, one a submission).

    `own`: the authority's rules, as intake.reference.own_categories reads them; they go before the project's.
    """
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
        lookup[index] = CATEGORIES.index(category_of(places[one], providers[two], int(years[three]), own))
    return pd.Categorical.from_codes(lookup[which], categories=list(CATEGORIES))


@cache
def leaving_groups() -> dict[str, str]:
    """Reason for ending -> where the child went, in one of LEFT."""
    table = read_reference("leaving_care.csv")
    groups = dict(zip(table["rec"], table["destination"], strict=True))
    return {rec: group if group in LEFT else "Other ending" for rec, group in groups.items()}
