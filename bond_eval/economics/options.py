"""The funding options of the 2021 report, section 8, and what each is expected to cost net of what it avoids.

    expected net cost = recurrent cost (+ one-off cost in the first year) − share of avoided cost kept × avoided cost

All in £000. What the report gives no figure for - a Route 29 staffing cut, a redundancy payment, what a cut does
to avoided cost - is a parameter: without it the result is withheld, not nought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Numbers, Spread, Withheld, spread
from bond_eval.economics.reference import load

FULL, REDUCED, DISCONTINUE = "full", "reduced", "discontinue"
BESIDE = "beside"  # a saving on a service that no programme's cost holds: it comes off no option
CONTRACTS = "Domestic abuse contracts ended at renewal"
MONTHS_IN_YEAR = 12


@dataclass(frozen=True)
class Option:
    """One option, £000: recurrent a year, one-off in the first, and the share of avoided cost that it keeps.

    avoidance_kept is None where neither the report nor the user says what the option does to avoided cost.
    """

    name: str
    recurrent_000: float
    one_off_000: float
    avoidance_kept: float | Numbers | None
    note: str


@dataclass(frozen=True, eq=False)
class NetCost:
    """Expected net cost of an option in its first year, £000; below 0 it saves. gross_000: before avoided cost."""

    gross_000: float
    net: Spread
    draws: Numbers

    @property
    def chance_it_pays(self) -> float:
        """Share of draws in which the avoided cost covers the option."""
        return float((self.draws <= 0).mean())


def option_items() -> pd.DataFrame:
    """data/reference/options.csv: one row an item, amounts £000 a year, numbers as numbers."""
    return load("options.csv")


def programme_costs() -> pd.DataFrame:
    """data/reference/programme_costs.csv: full-year cost of each programme, £000 at 2021-22 prices."""
    return load("programme_costs.csv")


def programme_total_000(programmes: pd.DataFrame) -> float:
    """Full-year cost of all programmes, £000. Raises InputError where one has no cost."""
    if programmes["amount_000"].isna().any():
        raise InputError("data/reference/programme_costs.csv: a programme has no cost.")
    return float(programmes["amount_000"].sum())


def full_cost_000(programmes: pd.DataFrame, items: pd.DataFrame) -> float:
    """Full implementation, £000 a year: all programmes less the saving already made."""
    return programme_total_000(programmes) - float(items.loc[items["group"] == FULL, "amount_000"].sum())


def options(
    programmes: pd.DataFrame, items: pd.DataFrame, parameters: Mapping[str, float] | None = None
) -> dict[str, Option | Withheld]:
    """Every option by name: full, reduced, full less each listed cut, discontinue.

    `parameters` (£000): route29_cut_000 and redundancy_each_000, as options.csv names them; an option that
    needs one that is not given is withheld and names it. Cuts are "up to", so their cost is a lower bound. BESIDE
    items are in none of them.
    """
    given = dict(parameters or {})
    full = full_cost_000(programmes, items)
    minor = items[items["group"] == REDUCED]
    reduced = full - float(minor["amount_000"].sum())
    found: dict[str, Option | Withheld] = {
        "Full implementation": Option("Full implementation", full, 0.0, _kept(items, FULL), "Chosen by Cabinet"),
        "Reduced": Option("Reduced", reduced, 0.0, _kept(items, REDUCED), "Published as no or minimal impact"),
    }
    for row in items[items["group"] == "cut"].to_dict("records"):
        name = f"Full less: {row['item']}"
        found[name] = _cut(name, full, row, given)
    found["Discontinue"] = _discontinue(items[items["group"] == DISCONTINUE], given)
    return found


def expected_net_cost(
    option: Option | Withheld, avoided_000: Sequence[float] | Numbers, *, kept: float | Numbers | None = None
) -> NetCost | Withheld:
    """Net cost of an option in its first year (£000) over draws of the avoided cost of full implementation.

    kept: share of the avoided cost that the option keeps (a number or draws), in the place of the option's
    own. Withheld where the option is, or where neither says. Raises ValueError for a share beyond 0 to 1.
    """
    if isinstance(option, Withheld):
        return option
    if kept is not None:
        option = replace(option, avoidance_kept=kept)
    if option.avoidance_kept is None:
        return Withheld(f"{option.name}: no figure for the share of avoided cost that it keeps", ("avoidance_kept",))
    share = np.asarray(option.avoidance_kept, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("The share of avoided cost kept lies from 0 to 1.")
    gross = option.recurrent_000 + option.one_off_000
    draws = np.atleast_1d(gross - share * np.asarray(avoided_000, dtype=float))
    return NetCost(gross, spread(draws), draws)


def notice_000(items: pd.DataFrame) -> float:
    """Cost of the notice on the contracts, £000: a year's contracts × months of notice / 12."""
    rows = items[(items["group"] == DISCONTINUE) & items["months"].notna()]
    return float((rows["amount_000"] * rows["months"] / MONTHS_IN_YEAR).sum())


def _cut(name: str, full: float, row: Mapping[str, object], given: Mapping[str, float]) -> Option | Withheld:
    amount = _amount(row, given)
    if amount is None:
        return Withheld(f"{name}: no figure is published", (str(row["parameter"]),))
    if not 0 <= amount <= full:
        raise ValueError(f"{name}: a cut lies between 0 and the cost of £{full:,.0f}k.")
    kept = None if pd.isna(row["avoidance_kept"]) else float(str(row["avoidance_kept"]))
    return Option(name, full - amount, 0.0, kept, str(row["note"]))


def _discontinue(rows: pd.DataFrame, given: Mapping[str, float]) -> Option | Withheld:
    one_off = notice_000(rows)
    for row in rows[rows["staff"].notna()].to_dict("records"):
        each = _amount(row, given)
        if each is None:
            name = str(row["parameter"])
            return Withheld("Discontinue: the cost of redundancy is not published", (name,))
        if each < 0:
            raise ValueError("A redundancy payment is 0 or more.")
        one_off += each * row["staff"]
    return Option(
        "Discontinue",
        0.0,
        one_off,
        _kept(rows, DISCONTINUE),
        "One-off cost in the year; all avoided cost taken to be lost",
    )


def _kept(items: pd.DataFrame, group: str) -> float | None:
    shares = items.loc[items["group"] == group, "avoidance_kept"]
    return None if shares.empty or shares.isna().any() else float(shares.min())


def _amount(row: Mapping[str, object], given: Mapping[str, float]) -> float | None:
    amount = row["amount_000"]
    return given.get(str(row["parameter"])) if pd.isna(amount) else float(str(amount))
