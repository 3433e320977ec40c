"""One child, one avoided placement in a period, whichever programmes saw the child.

Programmes that work with the same child each claim the placement that did not happen. The parts are what each
claims; the whole counts a child once a period, at the largest single claim, and so can never exceed their sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Withheld

COLUMNS = ("child", "programme", "period", "claimed_pounds")


@dataclass(frozen=True, eq=False)
class Overlap:
    """parts: programme, children, claimed_pounds. whole_pounds counts each child once a period; all in £."""

    parts: pd.DataFrame
    sum_of_parts_pounds: float
    whole_pounds: float


def overlap(claims: pd.DataFrame) -> Overlap | Withheld:
    """Parts and whole of claimed avoided cost (£): one row a child, programme and period.

    Withheld where a claim is blank. Raises InputError for a column missing, a claim below 0 (a claim is of a
    cost avoided; a cost added belongs in the costs) and a child twice in one programme and period.
    """
    absent = [name for name in COLUMNS if name not in claims]
    if absent:
        raise InputError(f"The claims have no column {', '.join(absent)}.")
    keys = ["child", "programme", "period"]
    if claims[keys].isna().any().any() or claims.duplicated(keys).any():
        raise InputError("A claim needs a child, a programme and a period, each combination once.")
    if claims["claimed_pounds"].isna().any():
        named = tuple(sorted(claims.loc[claims["claimed_pounds"].isna(), "programme"].astype(str).unique()))
        return Withheld(f"A claim without an amount in: {', '.join(named)}", named)
    if (claims["claimed_pounds"] < 0).any():
        raise InputError("A claim of avoided cost is 0 or more.")
    parts = claims.groupby("programme", sort=True).agg(
        children=("child", "nunique"), claimed_pounds=("claimed_pounds", "sum")
    )
    total = float(claims["claimed_pounds"].sum())
    whole = float(claims.groupby(["child", "period"])["claimed_pounds"].max().sum())
    if whole > total * (1 + 1e-12):
        raise AssertionError("The whole of the claims is larger than its parts.")
    return Overlap(parts.reset_index(), total, min(whole, total))


def published_parts(totals: pd.DataFrame) -> tuple[pd.DataFrame, Withheld]:
    """The programmes' own published claims (£000) as parts, and why they have no whole."""
    parts = totals.loc[totals["measure"] == "programme claim", ["scenario", "amount_000", "number", "section", "note"]]
    reason = Withheld(
        "The report lists claims by programme and no child, so children seen by two programmes cannot be counted once",
        ("child-level membership of the programmes",),
    )
    return parts.reset_index(drop=True), reason
