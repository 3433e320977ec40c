"""Tables of notebook 34: what an invest-to-save proposal puts in and gets back."""

from __future__ import annotations

import pandas as pd

from bond_eval.economics import invest_to_save as its
from bond_eval.economics.discounting import discount_factors
from bond_eval.economics.reference import load
from bond_eval.evidence.registry import Value, table
from bond_eval.evidence.view import View

SOURCE = "data/reference/funding.csv: Sandwell Cabinet report September 2021, 4.6; discount_rates.csv"


@table(
    "proposal_profile",
    title="The Sandwell proposals: put in and paid back, year by year",
    row="a financial year",
    labels={"year": "Financial year"},
    values=(
        Value("invested", "Put in £", "pounds"),
        Value("repaid", "Paid back £", "pounds"),
        Value("factor", "Worth of £1 then", "factor"),
        Value("net", "Net at the first year's worth £", "pounds"),
    ),
    source=SOURCE,
    method="HM Treasury Green Book: 3.5% a year; split evenly over the years, as no split is published",
)
def proposal_profile(view: View) -> pd.DataFrame:
    """Investment and repayment at par, each discounted to the first year."""
    profile = its.published_profile(load("funding.csv"))
    factors = discount_factors(range(len(profile.years)))
    rows = zip(profile.years, profile.invested, profile.repaid, factors, strict=True)
    frame = pd.DataFrame(rows, columns=["year", "invested", "repaid", "factor"])
    return frame.assign(net=(frame["repaid"] - frame["invested"]) * frame["factor"])


@table(
    "proposal_value",
    title="What repaying at par is worth",
    row="a measure",
    labels={"measure": "Measure"},
    values=(Value("pounds", "£", "pounds"),),
    source=SOURCE,
    method="present value at the first year, HM Treasury Green Book",
)
def proposal_value(view: View) -> pd.DataFrame:
    """Present value put in, paid back, and the difference that repaying at par loses."""
    result = its.par_loss(its.published_profile(load("funding.csv")))
    rows = [
        ("Put in", result.invested),
        ("Put in, at the first year's worth", result.pv_invested),
        ("Paid back at par, at the first year's worth", result.pv_repaid),
        ("Lost by repaying at par", result.loss),
    ]
    return pd.DataFrame(rows, columns=["measure", "pounds"])


@table(
    "proposal_requirements",
    title="What a proposal must state, and whether the published report does for all proposals together",
    row="a requirement",
    labels={"requirement": "Requirement"},
    values=(Value("stated", "Stated (1 yes, 0 no)", "number"),),
    source="Sandwell Cabinet report September 2021, 4.3 and 4.6",
    method="input check",
)
def proposal_requirements(view: View) -> pd.DataFrame:
    """The three requirements of 4.3 against the totals of 4.6; each proposal's own stand in appendices not seen."""
    total = its.published_profile(load("funding.csv"))
    put = [year for year, amount in zip(total.years, total.invested, strict=True) if amount]
    back = [year for year, amount in zip(total.years, total.repaid, strict=True) if amount]
    unmet = its.check_proposal(
        {
            "increase_pounds": sum(total.invested),
            "increase_years": put,
            "investment": "early help and strategic commissioning",
            "payback_pounds": sum(total.repaid),
            "payback_years": back,
        }
    )
    rows = [(name, 0 if name in unmet else 1) for name in its.REQUIREMENTS]
    return pd.DataFrame(rows, columns=["requirement", "stated"])
