"""What the position at a date would have cost without the programme, under counterfactuals that each have a name.

    avoidance = cost under the counterfactual less actual cost, programme included      (annualised, £000)

One actual and several counterfactuals stand side by side; none is the answer by default. Source of the
published figures: BOND report to Cabinet 2021, sections 6.1 and 6.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bond_eval.economics.money import Withheld
from bond_eval.economics.reference import amount_000
from bond_eval.economics.scenarios import CURRENT, DO_NOTHING, IFA, OUTSIDE, Evaluation, evaluate

AT = "to September 2020"
IN_HOUSE, PROGRAMME = "In-house", "Programme"
NOT_DERIVABLE = "not derivable from the source"


@dataclass(frozen=True)
class Position:
    """Annualised avoidance under one counterfactual, £000.

    parts: (name, £000), adding to value_000 where there are any. standing:
    how far the counterfactual can be checked.
    """

    counterfactual: str
    do_nothing_000: float
    actual_000: float
    value_000: float
    parts: tuple[tuple[str, float], ...]
    standing: str


def fixed_in_2019(table: pd.DataFrame) -> Position | Withheld:
    """Against the do-nothing of June 2019: in all, and split into the in-house line and the external placements.

    The in-house part (10,012 less 9,646) is a fostering increase that the case for change carried and the
    position of September 2020 does not; it is no effect on placements.
    """
    pair = _pair(table)
    if isinstance(pair, Withheld):
        return pair
    before, now = pair
    in_house = before.cost_000(IN_HOUSE) - now.cost_000(IN_HOUSE)
    external = before.cost_000(OUTSIDE, IFA) - now.cost_000(OUTSIDE, IFA) - now.cost_000(PROGRAMME)
    parts = (("in-house line", in_house), ("outside placements and IFAs, net of the programme", external))
    value = before.total_000 - now.total_000
    return Position(
        "fixed in 2019", before.total_000, now.total_000, value, parts, "published before the programme began"
    )


def rebased_as_published(table: pd.DataFrame, totals: pd.DataFrame) -> Position | Withheld:
    """Against the do-nothing that the 2021 report put in the place of the first."""
    now = evaluate(table, CURRENT, AT)
    if isinstance(now, Withheld):
        return now
    rebased = amount_000(totals, scenario="do nothing, re-based", point=AT, measure="total cost")
    programme = now.cost_000(PROGRAMME)
    gross = rebased - (now.total_000 - programme)
    parts = (("placements, gross", gross), ("programme", -programme))
    return Position("re-based as published", rebased, now.total_000, gross - programme, parts, "workings not published")


def cumulative_as_published(funding: pd.DataFrame) -> Withheld:
    """Why the sources give no cumulative avoidance, with the money that they do name (`funding`: £000)."""
    bond = funding[funding["scheme"] == "BOND"]
    approved = bond.loc[bond["item"] == "investment approved", "amount_000"].sum()
    support = bond.loc[bond["item"] == "year 1 support", "amount_000"].sum()
    missing = (
        "do-nothing cost of each period from July 2019",
        "placement cost of each period on the same basis",
        f"programme spend of each period (approved: £{approved:,.0f}k, and £{support:,.0f}k of Greater Manchester's)",
    )
    return Withheld(f"{NOT_DERIVABLE}: it has one annualised date and no {'; no '.join(missing)}", missing)


def _pair(table: pd.DataFrame) -> tuple[Evaluation, Evaluation] | Withheld:
    before, now = evaluate(table, DO_NOTHING, AT), evaluate(table, CURRENT, AT)
    if isinstance(before, Withheld):
        return before
    return now if isinstance(now, Withheld) else (before, now)
