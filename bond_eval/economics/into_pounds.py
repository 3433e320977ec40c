"""Avoided child-days into pounds, by design: how much was avoided, how sure, and whether it paid for the programme.

    avoided = Σ over categories of (child-days under the do-nothing − child-days seen) × cost of a day      (£)
    net     = avoided − what every funder spent on the programme in the same months

All categories count, so that a child who is in a foster home instead of an outside placement costs what that costs.
Both sides are uncertain: the do-nothing by its simulated paths, the cost of a day by drawing the children who were
priced again with replacement, one draw a path. Each design (a do-nothing with a name and a date) stands alone; none
is pooled with another. Avoided cost is not a cashable saving.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.economics.money import Numbers, Spread, Withheld, spread
from bond_eval.intake.finance import Finance
from bond_eval.intake.typed import day_number
from bond_eval.placements.backcast import backcast
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.costing import Unpriced, cost_by_child
from bond_eval.placements.demand import child_nights, fit, latest_window, population
from bond_eval.placements.demand_paths import PATHS, simulate
from bond_eval.placements.history import History
from bond_eval.placements.outlook import Scenario, reference_ends, scenarios

NO_PRICES = "No finance files were supplied: fees.csv or unit_costs.csv would price the days"
NO_SPEND = "No programme_spend.csv was supplied, so whether the programme paid for itself cannot be said"


@dataclass(frozen=True, eq=False)
class Design:
    """One do-nothing. `days`: draws × CATEGORIES of child-days avoided (below 0: more than under the do-nothing).

    `pounds` and `net`: avoided cost, and that less `programme_pounds`, as spreads (`above_zero` of net: how likely it
    is that the programme paid for itself), or why not. `since`: the first day that counts.
    """

    name: str
    since: dt.date
    days: Numbers | Withheld
    pounds: Spread | Withheld
    net: Spread | Withheld
    programme_pounds: float | None = None

    @property
    def standing(self) -> str:
        """What may be said of the avoided cost, in words."""
        if isinstance(self.pounds, Withheld):
            return f"not estimable: {self.pounds.reason}"
        if self.pounds.spans_zero:
            return "no clear difference: the interval holds zero"
        return "less was spent than under the do-nothing" if self.pounds.lower > 0 else "more was spent than under it"


def by_design(
    history: History, finance: Finance | None, programme: dt.date | None, *, seed: int, paths: int = PATHS
) -> tuple[Design, ...]:
    """The demand model fitted before each of the windows' ends, against what was seen to the as-of date."""
    return tuple(_design(history, finance, end, seed, paths) for end in reference_ends(programme))


def _design(history: History, finance: Finance | None, end: dt.date, seed: int, paths: int) -> Design:
    name, since = f"Demand model to {formats.date(end)}", end + dt.timedelta(days=1)
    try:
        if since >= history.as_of:
            raise InputError(f"The data end on {formats.date(history.as_of)}, before anything can be compared.")
        model = fit(history, latest_window(history, end))
    except InputError as error:
        why = Withheld(str(error).rstrip("."))
        return Design(name, since, why, why, why)
    nights = (history.as_of - end).days
    made = simulate(model, population(history, end), end, nights, seed=seed, paths=paths)
    days = made.child_days(since, history.as_of) - child_nights(history, since, history.as_of)
    prices = day_prices(history, finance, since, seed=seed, draws=paths, needed=days.any(axis=0))
    if isinstance(prices, Withheld):
        return Design(name, since, days, prices, prices)
    return priced(name, since, days, prices, programme_spend(finance, since, history.as_of))


def priced(name: str, since: dt.date, days: Numbers, prices: Numbers, spend: float | None) -> Design:
    """A design from draws of avoided child-days and of the cost of a day (£), both draws × CATEGORIES.

    `spend`: £ of the programme in the same time; None where it is not known. Any design that gives child-days can
    be priced here. Raises ValueError where the two do not have one form.
    """
    days, prices = np.asarray(days, dtype=float), np.asarray(prices, dtype=float)
    if days.shape != prices.shape or days.shape[1:] != (len(CATEGORIES),):
        raise ValueError("Days and prices are draws × categories, as many of each.")
    pounds = (days * prices).sum(axis=1)
    net = Withheld(NO_SPEND) if spend is None else spread(pounds - spend)
    return Design(name, since, days, spread(pounds), net, spend)


def day_prices(
    history: History, finance: Finance | None, since: dt.date, *, seed: int, draws: int, needed: np.ndarray
) -> Numbers | Withheld:
    """Cost of a day (£), draws × CATEGORIES: mean of the children's own, the children drawn with replacement.

    A category in which nobody was is priced by its unit cost of the last day. Withheld where a category that is
    `needed` has neither, naming it.
    """
    if finance is None:
        return Withheld(NO_PRICES)
    costs = cost_by_child(history, finance, since)
    if isinstance(costs, Unpriced):
        return Withheld(costs.reason, costs.missing)
    prices = np.full((draws, len(CATEGORIES)), np.nan)
    generator = np.random.default_rng([seed, 7])
    for category in range(len(CATEGORIES)):
        mine = costs[costs["category"] == category]
        if len(mine):
            times = generator.multinomial(len(mine), np.full(len(mine), 1 / len(mine)), draws)
            prices[:, category] = (times @ mine["pounds"].to_numpy()) / (times @ mine["days"].to_numpy())
        else:
            prices[:, category] = _unit_cost(finance.unit_costs, CATEGORIES[category], day_number(history.as_of))
    missing = tuple(CATEGORIES[place] for place in np.flatnonzero(needed & np.isnan(prices).any(axis=0)))
    if missing:
        return Withheld(f"Neither fee nor unit cost for {'; '.join(missing)}", missing)
    return np.nan_to_num(prices)


def programme_spend(finance: Finance | None, first: dt.date, last: dt.date) -> float | None:
    """£ that all funders spent in the months that begin from `first` to `last`; None without a file of it."""
    if finance is None or finance.spend.empty:
        return None
    months = pd.to_datetime(finance.spend["month"]).dt.date
    return float(finance.spend.loc[(months >= first) & (months <= last), "pounds"].sum())


def _unit_cost(table: pd.DataFrame, category: str, day: int) -> float:
    rows = table[(table["category"] == category) & (table["start"] <= day) & (table["end"] >= day)]
    return float(rows["pounds_per_week"].iloc[-1]) / 7 if len(rows) else float("nan")


@dataclass(frozen=True)
class Outlook:
    """Everything that is simulated for one authority and quarter, each made once and when it is first asked for."""

    history: History
    finance: Finance | None
    programme: dt.date | None
    seed: int

    @cached_property
    def designs(self) -> tuple[Design, ...]:
        """Avoided child-days and pounds by design; empty where no programme date is known."""
        return by_design(self.history, self.finance, self.programme, seed=self.seed)

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The next two years under each scenario."""
        return scenarios(self.history, self.programme, seed=self.seed)

    @cached_property
    def backcast(self) -> pd.DataFrame:
        """The model at past quarters' ends, held against what came after."""
        return backcast(self.history, seed=self.seed)

    @cached_property
    def prices(self) -> Numbers | Withheld:
        """Cost of a day in the latest year, draws × CATEGORIES, for what is to come."""
        since = latest_window(self.history, self.history.as_of, 1).first
        made = [scenario.paths.daily.any(axis=(0, 1)) for scenario in self.scenarios if scenario.paths is not None]
        if not made:
            return Withheld(self.scenarios[0].reason)
        needed = np.asarray(np.stack(made).any(axis=0))
        return day_prices(self.history, self.finance, since, seed=self.seed, draws=PATHS, needed=needed)


__all__ = ["NO_PRICES", "NO_SPEND", "Design", "Outlook", "by_design", "day_prices", "priced"]
