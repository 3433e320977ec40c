"""What the position at a date would have cost without the programme, under counterfactuals that each have a name.

    avoidance = cost under the counterfactual less actual cost, programme included      (annualised, £000)

One actual and several counterfactuals stand side by side; none is the answer by default. Source of the
published figures: BOND report to Cabinet 2021, sections 6.1 and 6.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.economics.money import LEVEL, Numbers, Withheld, spread
from bond_eval.economics.reference import amount_000
from bond_eval.economics.scenarios import CURRENT, DO_NOTHING, IFA, OUTSIDE, Evaluation, evaluate

AT = "to September 2020"
IN_HOUSE, PROGRAMME = "In-house", "Programme"
PATHS = ("do_nothing_000", "actual_000", "programme_spend_000")
NOT_DERIVABLE = "not derivable from the source"


@dataclass(frozen=True)
class Position:
    """Annualised avoidance under one counterfactual, £000.

    interval: (lower, upper) or None. parts: (name, £000), adding to value_000 where there are any. standing:
    how far the counterfactual can be checked.
    """

    counterfactual: str
    do_nothing_000: float
    actual_000: float
    value_000: float
    interval: tuple[float, float] | None
    parts: tuple[tuple[str, float], ...]
    standing: str
    note: str = ""


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
        "fixed in 2019", before.total_000, now.total_000, value, None, parts, "published before the programme began"
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
    return Position(
        "re-based as published", rebased, now.total_000, gross - programme, None, parts, "workings not published"
    )


def given(
    name: str,
    actual_000: float | Numbers,
    do_nothing_000: float | Sequence[float] | Numbers,
    *,
    standing: str,
    interval: tuple[float, float] | None = None,
    level: float = LEVEL,
    note: str = "",
) -> Position:
    """Against any counterfactual cost (£000): draws, or a point with an interval on the counterfactual cost.

    Draws give the mean and the central interval at `level`. `actual_000` may be draws of the same length.
    Raises ValueError for draws together with an interval, and for an interval that does not hold its point.
    """
    cost, actual = np.asarray(do_nothing_000, dtype=float), np.asarray(actual_000, dtype=float)
    if cost.ndim or actual.ndim:
        if interval is not None:
            raise ValueError("Give draws or an interval, not both.")
        result = spread(np.ravel(cost - actual), level)
        bounds: tuple[float, float] | None = (result.lower, result.upper)
    else:
        bounds = None if interval is None else (interval[0] - float(actual), interval[1] - float(actual))
    value = float(cost.mean() - actual.mean())
    if interval is not None and bounds is not None and not bounds[0] <= value <= bounds[1]:
        raise ValueError("The interval does not hold the point it belongs to.")
    return Position(name, float(cost.mean()), float(actual.mean()), value, bounds, (), standing, note)


def side_by_side(positions: Sequence[Position | Withheld]) -> pd.DataFrame:
    """One row a counterfactual: do_nothing_000, actual_000, value_000, lower_000, upper_000, standing, note."""
    rows: list[dict[str, object]] = []
    for position in positions:
        if isinstance(position, Withheld):
            rows.append({"counterfactual": "withheld", "standing": position.reason})
            continue
        lower, upper = position.interval or (np.nan, np.nan)
        rows.append(vars(position) | {"lower_000": lower, "upper_000": upper})
    money = ["do_nothing_000", "actual_000", "value_000", "lower_000", "upper_000"]
    return pd.DataFrame(rows, columns=["counterfactual", *money, "standing", "note"])


def cumulative(periods: pd.DataFrame) -> pd.DataFrame | Withheld:
    """Running avoidance net of all programme spend, £000, from a frame with one row a period.

    Columns: period, do_nothing_000 and actual_000 (placement cost of the period, programme left out) and
    programme_spend_000 (every funder's). Adds net_000 and cumulative_000. Withheld, naming each, where a
    column or a value is missing.
    """
    absent = [name for name in ("period", *PATHS) if name not in periods]
    if absent or periods.empty:
        return Withheld(f"{NOT_DERIVABLE}: no {', '.join(absent) or 'periods'}", tuple(absent))
    gaps = [f"{row['period']}: {name}" for row in periods.to_dict("records") for name in PATHS if pd.isna(row[name])]
    if gaps:
        return Withheld(f"{NOT_DERIVABLE}: no value for {'; '.join(gaps)}", tuple(gaps))
    net = periods["do_nothing_000"] - periods["actual_000"] - periods["programme_spend_000"]
    return periods.assign(net_000=net, cumulative_000=net.cumsum())


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
