"""The published programme costs and claims, turned about: how many placements or children would pay for them."""

from __future__ import annotations

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Withheld
from bond_eval.economics.options import CONTRACTS, full_cost_000
from bond_eval.economics.reference import amount_000
from bond_eval.economics.scenarios import IFA, OUTSIDE, unit_cost_000
from bond_eval.economics.uncertainty import BreakEven, break_even

CLAIMS = {
    "programme claim": "Domestic abuse: Harbour",
    "programme claim at a quarter": "Domestic abuse: Harbour, a quarter of children",
}


def placements_needed(
    scenarios: pd.DataFrame, programmes: pd.DataFrame, options: pd.DataFrame
) -> dict[str, BreakEven | Withheld]:
    """Outside placements a year that cover full implementation (£000): stepped down to an IFA, or avoided outright."""
    cost = full_cost_000(programmes, options)
    outside, ifa = unit_cost_000(scenarios, OUTSIDE), unit_cost_000(scenarios, IFA)
    return {"stepped down to an IFA": break_even(cost, outside - ifa), "avoided outright": break_even(cost, outside)}


def children_needed(programmes: pd.DataFrame, options: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Children a year for whom Harbour must succeed to cover its cost: each cost base by each published value.

    Columns cost_base, cost_000, value_from, each_000, exact, whole. The report says 13 and states no cost base.
    """
    bases = {
        "two contracts": amount_000(options, item=CONTRACTS),
        "whole domestic abuse line": amount_000(programmes, programme="Domestic abuse"),
    }
    rows = []
    for base, cost in bases.items():
        for measure, scenario in CLAIMS.items():
            each = amount_000(totals, scenario=scenario, measure=measure) / _children(totals, scenario)
            result = break_even(cost, each)
            if isinstance(result, Withheld):
                raise InputError(f"The claim for {scenario!r} is not above 0.")
            rows.append((base, cost, measure, each, result.exact, result.whole))
    return pd.DataFrame(rows, columns=["cost_base", "cost_000", "value_from", "each_000", "exact", "whole"])


def _children(totals: pd.DataFrame, scenario: str) -> float:
    number = totals.loc[totals["scenario"] == scenario, "number"]
    if len(number) != 1 or not number.iloc[0] > 0:
        raise InputError(f"The claim for {scenario!r} names no number of children.")
    return float(number.iloc[0])
