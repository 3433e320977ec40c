"""Tables of notebook 35: an in-house service, a contract, or payment by outcome."""

from __future__ import annotations

import pandas as pd

from bond_eval.economics.outcome_contract import risks
from bond_eval.economics.reference import load
from bond_eval.evidence.registry import Value, table
from bond_eval.evidence.view import View

SOURCE = "data/reference/funding.csv: Southampton Cabinet decision August 2017, decision (ii)"


def _service() -> pd.DataFrame:
    funding = load("funding.csv")
    return funding[(funding["scheme"] == "Southampton") & (funding["item"] == "in-house service")]


@table(
    "service_cost",
    title="Southampton's in-house edge-of-care service: cost a year",
    row="a financial year that the decision names",
    labels={"year": "Financial year"},
    values=(Value("cost", "Cost £000", "thousands"), Value("note", "Note", "text")),
    source=SOURCE,
    method="as published; nominal",
)
def service_cost(view: View) -> pd.DataFrame:
    """The two years that the decision names; those between are not published."""
    rows = _service()
    return pd.DataFrame({"year": rows["year"], "cost": rows["amount_000"], "note": rows["note"]}).reset_index(drop=True)


@table(
    "service_growth",
    title="What the two published years imply",
    row="a measure",
    labels={"measure": "Measure"},
    values=(Value("share", "A year", "percent"),),
    source=SOURCE,
    method="(last ÷ first) to the power of one over the years between, less one; the first is part of a year",
)
def service_growth(view: View) -> pd.DataFrame:
    """Yearly growth from the first to the last published cost: an upper bound, as the first year is a part of one."""
    rows = _service()
    first, last = float(rows["amount_000"].iloc[0]), float(rows["amount_000"].iloc[-1])
    years = int(str(rows["year"].iloc[-1])[:4]) - int(str(rows["year"].iloc[0])[:4])
    return pd.DataFrame([("Growth of the cost", (last / first) ** (1 / years) - 1)], columns=["measure", "share"])


@table(
    "who_bears",
    title="Who carries which risk, by way of delivery",
    row="a risk",
    labels={"risk": "Risk"},
    values=(
        Value("in_house", "In-house service", "text"),
        Value("block_contract", "Block contract", "text"),
        Value("outcome_contract", "Outcome contract", "text"),
        Value("council", "Council's under an outcome contract (1 yes)", "number"),
        Value("note", "Note", "text"),
    ),
    source="data/reference/contract_risks.csv",
    method="a judgement, set out so that it can be argued with",
)
def who_bears(view: View) -> pd.DataFrame:
    """Each risk under three ways of delivery."""
    frame = risks().fillna("")
    frame["council"] = frame["outcome_contract"].str.startswith("Council").astype(int)
    return frame[["risk", "in_house", "block_contract", "outcome_contract", "council", "note"]]
