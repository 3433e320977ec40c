"""Invest to save: money put in now, paid back later, and a review that does not mistake demand for failure.

Paid back at par, money loses value: the loss is PV(investment) − PV(repayment) at the Green Book's rate. Everything
is in pounds (£). Source of the proposals: Sandwell Cabinet report September 2021, paragraphs 4.3 to 4.10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.discounting import present_value
from bond_eval.economics.money import Withheld
from bond_eval.economics.reference import amount_000

ON_TRACK, SLOWER, LOWER = "on track", "slower", "lower"
MONTHS = 12
LATEST = 3
REVIEW_COLUMNS = ("planned_cost", "planned_demand", "planned_saving", "demand", "cost")
# Paragraph 4.3: what a proposal must set out, and the field that answers it.
REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "the short-term increase sought": ("increase_pounds", "increase_years"),
    "the investment that it pays for": ("investment",),
    "the payback or improvement, with its timescale": ("payback_pounds", "payback_years"),
}


@dataclass(frozen=True)
class Profile:
    """Money by year, £: one entry a year in both."""

    years: tuple[str, ...]
    invested: tuple[float, ...]
    repaid: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise ValueError unless every year has both amounts, 0 or more."""
        if not len(self.years) == len(self.invested) == len(self.repaid) or min((*self.invested, *self.repaid)) < 0:
            raise ValueError("A profile has one investment and one repayment a year, each 0 or more.")


@dataclass(frozen=True)
class ParLoss:
    """What repaying at par costs, £ at the first year's value."""

    pv_invested: float
    pv_repaid: float
    invested: float
    repaid: float

    @property
    def loss(self) -> float:
        """PV put in less PV paid back, £."""
        return self.pv_invested - self.pv_repaid


@dataclass(frozen=True)
class Review:
    """A 12-month review, £ over the year unless named otherwise.

    adjusted_saving: against the planned cost at the demand that came; raw_saving: against the planned cost at
    the demand foreseen, as a budget report would show it. rule: how the verdict was reached.
    """

    verdict: str
    planned_saving: float
    adjusted_saving: float
    raw_saving: float
    demand_change: float
    rule: str


def even_profile(total: float, invest_years: Sequence[str], repay_years: Sequence[str]) -> Profile:
    """`total` (£) put in evenly over some years and paid back at par evenly over others, which must be later."""
    if not invest_years or not repay_years or total < 0:
        raise ValueError("A profile needs an amount of 0 or more and years of both kinds.")
    years = sorted({*invest_years, *repay_years})
    put = tuple(total / len(invest_years) if year in invest_years else 0.0 for year in years)
    back = tuple(total / len(repay_years) if year in repay_years else 0.0 for year in years)
    return Profile(tuple(years), put, back)


def published_profile(funding: pd.DataFrame) -> Profile:
    """Sandwell's investment (£) in its years, from data/reference/funding.csv (which is in £000)."""
    rows = funding[funding["scheme"] == "Sandwell"]
    total = amount_000(rows, item="investment requested") * 1000
    years = {item: tuple(rows.loc[rows["item"] == item, "year"]) for item in ("investment year", "repayment year")}
    return even_profile(total, years["investment year"], years["repayment year"])


def par_loss(profile: Profile) -> ParLoss:
    """Present values of a profile at its first year, standard Green Book rate. Years must follow on each other."""
    starts = [int(year[:4]) for year in profile.years]
    if starts != list(range(starts[0], starts[0] + len(starts))):
        raise ValueError("The years of a profile must follow on each other: add those between with 0.")
    put, back = present_value(profile.invested), present_value(profile.repaid)
    return ParLoss(float(put), float(back), sum(profile.invested), sum(profile.repaid))


def check_proposal(proposal: Mapping[str, object]) -> tuple[str, ...]:
    """The requirements that a proposal does not meet, in words; empty where it meets all three."""
    return tuple(
        requirement
        for requirement, fields in REQUIREMENTS.items()
        if any(proposal.get(field) in (None, "", (), []) for field in fields)
    )


def twelve_month_review(months: pd.DataFrame, *, tolerance: float = 0.2) -> Review | Withheld:
    """Judge the first 12 months of an invest-to-save proposal.

    One row a month in order, £ and children: planned_cost (without the activity, at planned_demand),
    planned_saving, demand and cost as they came. What the demand that came would have cost is planned_cost ×
    demand / planned_demand, so rising demand alone is no failure and falling demand alone no success.
    Withheld with fewer than 12 months or a blank. `tolerance` stands for the proposals' "significantly", which
    gives no number. Raises InputError for a column missing, ValueError for a planned demand of 0.
    """
    absent = [name for name in REVIEW_COLUMNS if name not in months]
    if absent:
        raise InputError(f"The review has no column {', '.join(absent)}.")
    if len(months) < MONTHS:
        return Withheld(f"A 12-month review needs 12 months: there are {len(months)}")
    year = months.iloc[:MONTHS]
    blank = [name for name in REVIEW_COLUMNS if year[name].isna().any()]
    if blank:
        return Withheld(f"A month has no {', '.join(blank)}", tuple(blank))
    if not (year["planned_demand"] > 0).all():
        raise ValueError("Planned demand must be above 0 in every month.")
    adjusted = year["planned_cost"] * year["demand"] / year["planned_demand"] - year["cost"]
    planned = year["planned_saving"]
    recently = adjusted.iloc[-LATEST:].sum() >= (1 - tolerance) * planned.iloc[-LATEST:].sum()
    verdict = ON_TRACK if adjusted.sum() >= (1 - tolerance) * planned.sum() else SLOWER if recently else LOWER
    return Review(
        verdict,
        float(planned.sum()),
        float(adjusted.sum()),
        float((year["planned_cost"] - year["cost"]).sum()),
        float(year["demand"].sum() / year["planned_demand"].sum() - 1),
        _rule(tolerance),
    )


def _rule(tolerance: float) -> str:
    share = f"{100 * (1 - tolerance):.0f}%"
    return (
        f"On track: the year's saving, at the demand that came, is at least {share} of the plan. Slower: it is not, "
        f"but that of the latest {LATEST} months is. Lower: neither is. The proposals give no threshold; "
        f"{share} is set here and can be changed."
    )
