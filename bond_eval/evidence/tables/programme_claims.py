"""What each programme was said to avoid, and what would have to be true for it to pay for itself."""

from __future__ import annotations

import pandas as pd

from bond_eval.evidence.dials import worked_table
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

FILE = "programme_claims.csv"


@table(
    "programme_claims",
    title="What each programme was said to avoid, and what would have to be true",
    row="a claim",
    labels={"programme": "Programme", "claim": "Claim"},
    values=(
        Value("label", "What is claimed", "text", children=False),
        Value("claimed", "Claimed", "pounds", children=False),
        Value("children", "Children it is about", "count"),
        Value("unit_cost", "Placement for a year", "pounds", follows=("children",)),
        Value("implied", "Placements implied", "decimal", children=False),
        Value("cost", "Programme for a year", "pounds", children=False),
        Value("needed", "Placements that would pay for it", "decimal", children=False),
        Value("share", "Share of the children", "percent", follows=("children",)),
        Value("assumed", "What is assumed", "text", children=False),
        Value("claim_id", "Claim id", "text", children=False),
    ),
    source="data/reference/programme_claims.csv and facts.csv",
    method="published claim ÷ unit cost; programme's cost ÷ unit cost; no comparison group stands behind either",
)
def programme_claims(view: View) -> pd.DataFrame | Rows:
    """Each published claim in placements, beside the placements avoided that would pay for the programme."""
    if not view.authority.published:
        return []
    rows = worked_table(FILE, "claimed", "children", "unit_cost", "cost")
    called = dict(read_reference("programmes.csv")[["programme", "name"]].itertuples(index=False))
    return rows.assign(
        programme=rows["programme"].map(called),
        implied=rows["claimed"] / rows["unit_cost"],
        needed=rows["cost"] / rows["unit_cost"],
        share=rows["cost"] / rows["unit_cost"] / rows["children"],
    )
