"""Tables of notebook 35: an in-house service, a contract, or payment by outcome."""

from __future__ import annotations

import pandas as pd

from bond_eval.core import formats
from bond_eval.economics.outcome_contract import break_even_tariffs, payments, risks
from bond_eval.economics.reference import load
from bond_eval.evidence.dials import CONTRACT, dials
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.tables.case_for_change import required
from bond_eval.evidence.view import View

SOURCE = "data/reference/funding.csv: Southampton Cabinet decision August 2017, decision (ii)"
DIALS = SOURCE + "; data/reference/assumptions.csv"


def _service() -> pd.DataFrame:
    funding = load("funding.csv")
    return funding[(funding["scheme"] == "Southampton") & (funding["item"] == "in-house service")]


@table(
    "service_cost",
    title="Southampton's in-house edge-of-care service: cost a year",
    row="a financial year that the decision names",
    labels={"year": "Financial year"},
    values=(
        Value("cost", "Cost £000", "thousands"),
        Value("growth", "Growth a year since the first", "percent"),
        Value("note", "Note", "text"),
    ),
    source=SOURCE,
    method="as published, nominal; growth is (last ÷ first) to the power of one over the years between, less one",
)
def service_cost(view: View) -> pd.DataFrame:
    """The years that the decision names; growth since the first is an upper bound, as that is a part of a year."""
    rows = _service().rename(columns={"amount_000": "cost"}).reset_index(drop=True)
    years = rows["year"].str[:4].astype(int)
    growth = (rows["cost"] / rows["cost"].iloc[0]) ** (1 / (years - years.iloc[0])) - 1
    return rows.assign(growth=growth.where(years > years.iloc[0]))[["year", "cost", "growth", "note"]]


@table(
    "who_bears",
    title="Who carries which risk, by way of delivery",
    row="a risk",
    labels={"risk": "Risk"},
    values=(
        Value("in_house", "In-house service", "text"),
        Value("block_contract", "Block contract", "text"),
        Value("outcome_contract", "Outcome contract", "text"),
        Value("council", "Risks that stay the council's under an outcome contract", "number"),
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


@table(
    "contract_tariffs",
    title="Between which tariffs a contract by outcome serves both sides, £ an outcome",
    row="a share of outcomes that would have come anyway",
    labels={"anyway": "Would have come anyway", "outcomes": "Outcomes a year"},
    values=(
        Value("provider", "Provider breaks even at £", "pounds"),
        Value("council", "Council breaks even at £", "pounds"),
        Value("verdict", "Tariffs that serve both", "text"),
        Value("agree", "Settings in which a tariff serves both", "number"),
    ),
    source=DIALS,
    method="cost ÷ outcomes; worth of an outcome × (1 − share that would have come anyway)",
)
def contract_tariffs(view: View) -> Rows:
    """The two break-even tariffs at the low, most likely and high value of outcomes and of deadweight."""
    known, cost, rows = dials(CONTRACT), _cost_pounds(), []
    anyway, outcomes = known["outcome_anyway"], known["outcomes"]
    for share in (anyway.low, anyway.mode, anyway.high):
        for count in (outcomes.low, outcomes.mode, outcomes.high):
            found = required(break_even_tariffs(cost, count, known["outcome_value_000"].mode * 1000, share),
                             "data/reference/assumptions.csv, dial 'outcomes': ")  # fmt: skip
            ends = [formats.number(pounds / 1000) for pounds in (found.provider, found.commissioner)]
            words = f"£{ends[0]}k to £{ends[1]}k" if found.can_agree else "none"
            labels = (formats.percent(share), formats.number(count))
            rows.append((*labels, found.provider, found.commissioner, words, int(found.can_agree)))
    return rows


@table(
    "contract_cap",
    title="What a cap does: payments at the provider's break-even tariff, £ a year",
    row="a number of outcomes",
    labels={"outcomes": "Outcomes a year"},
    values=(
        Value("uncapped", "Paid without a cap £", "pounds"),
        Value("capped", "Paid with the cap £", "pounds"),
        Value("provider", "Provider's surplus or loss £", "pounds"),
        Value("bears", "Who bears the difference", "text"),
    ),
    source=DIALS,
    method="outcomes × tariff, at most the service's own cost; tariff set at the most likely number of outcomes",
)
def contract_cap(view: View) -> Rows:
    """Fewer outcomes fall on the provider; more are paid for up to the cap, which is the cost of the service."""
    outcomes, cost = dials(CONTRACT)["outcomes"], _cost_pounds()
    counts, tariff = [outcomes.low, outcomes.mode, outcomes.high], cost / outcomes.mode
    words = ["the provider" if count < outcomes.mode else "nobody" if count == outcomes.mode
             else "the council gains: outcomes beyond the cap are not paid for" for count in counts]  # fmt: skip
    paid = zip(counts, payments(counts, tariff, cost), words, strict=True)
    return [(formats.number(count), count * tariff, capped, capped - cost, bears) for count, capped, bears in paid]


def _cost_pounds() -> float:
    """Cost of the service in the last year that is named, £."""
    return float(_service()["amount_000"].iloc[-1]) * 1000
