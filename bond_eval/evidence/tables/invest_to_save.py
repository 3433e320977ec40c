"""Tables of notebook 34: what an invest-to-save proposal puts in and gets back."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import financial_year_start, month_end, month_starts, year_label
from bond_eval.economics import invest_to_save as its
from bond_eval.economics.discounting import discount_factors
from bond_eval.economics.money import Withheld
from bond_eval.economics.reference import load
from bond_eval.evidence.dials import MONITORING, dials
from bond_eval.evidence.gate import one_childs
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.tables.funding_options import own_table
from bond_eval.evidence.view import View
from bond_eval.placements.categories import EXTERNAL
from bond_eval.placements.costing import Unpriced, line_totals

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
def proposal_value(view: View) -> Rows:
    """Present value put in, paid back, and the difference that repaying at par loses."""
    result = its.par_loss(its.published_profile(load("funding.csv")))
    return [
        ("Put in", result.invested),
        ("Put in, at the first year's worth", result.pv_invested),
        ("Paid back at par, at the first year's worth", result.pv_repaid),
        ("Lost by repaying at par", result.loss),
    ]


@table(
    "proposal_requirements",
    title="What a proposal must state, and whether the published report does for all proposals together",
    row="a requirement",
    labels={"requirement": "Requirement"},
    values=(Value("found", "Stated", "text"), Value("stated", "Requirements stated", "number")),
    source="data/reference/funding.csv: Sandwell Cabinet report September 2021, 4.3 and 4.6",
    method="input check",
)
def proposal_requirements(view: View) -> Rows:
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
    return [(name, "no" if name in unmet else "yes", int(name not in unmet)) for name in its.REQUIREMENTS]


@table(
    "monitoring_pack",
    title="Month by month: outside placements and IFAs against their budget, and what the programmes spent, £000",
    row="a month",
    labels={"month": "Month"},
    values=(
        Value("looked_after", "Looked after on the last day"),
        Value("children", "In outside placements and IFAs on the last day"),
        Value("cost", "Cost £000", "thousands", follows=("children",), largest="largest"),
        Value("budget", "Budget £000", "thousands"),
        Value("variance", "Surplus or (shortfall) £000", "thousands", follows=("children",), largest="largest"),
        Value("spend", "Programme spend £000", "thousands"),
        Value("so_far", "Programme spend so far £000", "thousands"),
    ),
    source="SSDA903 episodes and the authority's finance files",
    method="child-days of the month × the year's mean cost of a day in the category; spend as entered, all funders",
)
def monitoring_pack(view: View) -> pd.DataFrame | Rows:
    """The latest 12 whole months; empty without finance files, gaps where a file says nothing."""
    frame = _months(view)
    if frame.empty:
        return []
    budget, spend = (_by_month(rows) for rows in (view.finance.budget, view.finance.spend))  # type: ignore[union-attr]
    frame = frame.assign(budget=frame["day"].map(budget), spend=frame["day"].map(spend))
    frame["variance"] = frame["budget"] - frame["cost"]
    frame["so_far"] = [spend[spend.index <= day].sum() if len(spend) else np.nan for day in frame["day"]]
    return frame.drop(columns="day").tail(its.MONTHS)


def _months(view: View) -> pd.DataFrame:
    """Whole months from the first full financial year: day (first of month), month, looked_after, children, cost, and
    the largest of one child's shares of a line in the year."""
    costs, columns = view.costs, ["day", "month", "looked_after", "children", "cost", "largest"]
    if costs is None or isinstance(costs, Unpriced) or costs.empty:
        return pd.DataFrame(columns=columns)
    lines = line_totals(costs)
    largest = one_childs(lines)[lines["line"].isin(EXTERNAL)].groupby(lines["year"]).max()
    rates = costs.set_index(["year", "category"])["cost_pounds"] / costs.set_index(["year", "category"])["child_days"]
    daily, rows = view.counts.by_category(), []
    for day in month_starts(max(view.counts.first, dt.date(int(costs["year"].min()[:4]), 4, 1)), view.as_of):
        nights = daily[str(day) : str(month_end(day))]
        year, last = year_label(financial_year_start(day)), nights.iloc[-1]
        pounds = sum(nights[name].sum() * rates.get((year, name), 0.0) for name in EXTERNAL)
        external = int(last[list(EXTERNAL)].sum())
        rows.append((day, formats.month(day), int(last.sum()), external, pounds / 1000, largest.get(year, 0.0)))
    return pd.DataFrame(rows, columns=columns)


def _by_month(lines: pd.DataFrame) -> pd.Series:
    """£000 by first day of month."""
    if lines.empty:
        return pd.Series(dtype=float)
    return lines.groupby(pd.to_datetime(lines["month"]).dt.date)["pounds"].sum() / 1000


@table(
    "review",
    title="The 12-month review, by the rule of the invest-to-save report, on this authority's own months",
    row="a proposal with a plan",
    labels={"proposal": "Proposal"},
    values=(
        Value("children", "Fewest children in outside placements and IFAs in a month"),
        Value("planned", "Planned saving £000", "thousands"),
        Value("saved", "Saving at the demand that came £000", "signed", follows=("children",), largest="largest"),
        Value("raw", "Saving at the demand foreseen £000", "signed", follows=("children",), largest="largest"),
        Value("demand", "Demand above plan", "percent", follows=("children",)),
        Value("verdict", "Verdict", "text", follows=("saved",)),
        Value("rule", "Rule", "text"),
    ),
    source="data/reference/review_plans.csv, SSDA903 episodes and the authority's finance files",
    method="planned cost × children looked after ÷ those planned for (the baseline's), less actual cost",
)
def review(view: View) -> Rows:
    """Each plan of this authority against its first 12 months; why there is no verdict where there is none."""
    plans, rows = own_table(view, "review_plans.csv", "planned_cost_000", "planned_saving_000"), []
    months, tolerance = _months(view), dials(MONITORING)["review_tolerance"].mode
    for plan in plans.to_dict("records"):
        mine = months[months["day"] >= dt.date.fromisoformat(plan["first_month"])].head(its.MONTHS)
        year = pd.DataFrame({"cost": mine["cost"], "demand": mine["looked_after"]})
        year["planned_demand"] = int(view.counts.on(view.baseline).to_numpy().sum())
        year["planned_cost"] = plan["planned_cost_000"] / its.MONTHS
        year["planned_saving"] = plan["planned_saving_000"] / its.MONTHS
        found = its.twelve_month_review(year.astype(float), tolerance=tolerance)
        if isinstance(found, Withheld):
            none = [np.nan] * 3
            rows.append((plan["proposal"], np.nan, plan["planned_saving_000"], *none, found.reason, "", 0.0))
            continue
        amounts = (found.planned_saving, found.adjusted_saving, found.raw_saving, found.demand_change)
        words = (found.verdict, found.rule, mine["largest"].max())
        rows.append((plan["proposal"], int(mine["children"].min()), *amounts, *words))
    return rows
