"""Avoided child-days into pounds, by design: how much was avoided, how sure, and whether it paid for the programme.

    avoided = Σ over categories of (child-days under the do-nothing − child-days seen) × cost of a day      (£)
    net     = avoided − what every funder spent on the programme in the same months

All categories count, so that a child who is in a foster home instead of an outside placement costs what that costs.
Both sides are uncertain: the do-nothing by its simulated paths or by the interval of an interrupted series
(`trend_days`), the cost of a day by drawing the children who were priced again with replacement, one draw a path. Each
design (a do-nothing with a name and a date) stands alone; `across` says how far they lie apart, and none is pooled with
another, since nothing gives their weights. Neighbours' rates are not turned into days of placement. Avoided cost is not
a cashable saving.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.economics.money import Numbers, Spread, Withheld, spread
from bond_eval.economics.trend_days import days_avoided
from bond_eval.intake.finance import Finance
from bond_eval.intake.typed import day_number
from bond_eval.placements.backcast import backcast
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.costing import Unpriced, cost_by_child
from bond_eval.placements.demand import child_nights, fit, latest_window, population
from bond_eval.placements.demand_paths import PATHS, simulate
from bond_eval.placements.history import History
from bond_eval.placements.outlook import Scenario, reference_ends, scenarios
from bond_eval.placements.series import DAYS
from bond_eval.placements.trend import COMPARED, DATES, PRIMARY, Trend
from bond_eval.placements.trend import Design as Series

CELLS = 1 << 22  # draws × children at a time
NO_PRICES = "No finance files were supplied: fees.csv or unit_costs.csv would price the days"
NO_SPEND = "No programme_spend.csv was supplied, so whether the programme paid for itself cannot be said"


@dataclass(frozen=True, eq=False)
class Design:
    """One do-nothing. `days`: draws × CATEGORIES of child-days avoided (below 0: more than under the do-nothing).

    `pounds` and `net`: avoided cost, and that less `programme_pounds`, as spreads (`above_zero` of net: how likely it
    is that the programme paid for itself), or why not. `since`: the first day that counts. `few`: the smallest count
    that it rests on where that is 1 to 5, else NaN.
    """

    name: str
    since: dt.date
    days: Numbers | Withheld
    pounds: Spread | Withheld
    net: Spread | Withheld
    programme_pounds: float | None = None
    few: float = float("nan")

    @property
    def standing(self) -> str:
        """What may be said of the avoided cost, in words."""
        if isinstance(self.pounds, Withheld):
            return f"not estimable: {self.pounds.reason}"
        if self.pounds.spans_zero:
            return "no clear difference: the interval holds zero"
        return "less was spent than under the do-nothing" if self.pounds.lower > 0 else "more was spent than under it"


@dataclass(frozen=True)
class Across:
    """How far designs lie apart, £: the least and most of their medians and of their limits, and of how likely it is
    that the programme paid for itself (None without its spend). `judged` of `designs` could be estimated, and of
    `clear` the interval of the cost avoided lies above nought."""

    designs: int
    judged: int
    clear: int
    medians: tuple[float, float]
    limits: tuple[float, float]
    paid: tuple[float, float] | None


def across(designs: Sequence[Design]) -> Across | None:
    """The range over the designs that can be estimated; None where none can. Not an average: nothing is pooled."""
    found = [design.pounds for design in designs if isinstance(design.pounds, Spread)]
    if not found:
        return None
    paid = [design.net.above_zero for design in designs if isinstance(design.net, Spread)]
    medians = [one.median for one in found]
    return Across(
        len(designs), len(found), sum(one.lower > 0 for one in found), (min(medians), max(medians)),
        (min(one.lower for one in found), max(one.upper for one in found)), (min(paid), max(paid)) if paid else None,
    )  # fmt: skip


def by_design(history: History, finance: Finance | None, programme: dt.date | None, *, seed: int) -> tuple[Design, ...]:
    """The demand model fitted before each of the windows' ends, against what was seen to the as-of date."""
    return tuple(_design(history, finance, end, seed) for end in reference_ends(programme))


def _design(history: History, finance: Finance | None, end: dt.date, seed: int) -> Design:
    name, since = f"Demand model to {formats.date(end)}", end + dt.timedelta(days=1)
    try:
        if since >= history.as_of:
            raise InputError(f"The data end on {formats.date(history.as_of)}, before anything can be compared.")
        model = fit(history, latest_window(history, end))
    except InputError as error:
        why = Withheld(str(error).rstrip("."))
        return Design(name, since, why, why, why)
    nights = (history.as_of - end).days
    made = simulate(model, population(history, end), end, nights, seed=seed)
    days = made.child_days(since, history.as_of) - child_nights(history, since, history.as_of)
    prices = day_prices(history, finance, since, seed=seed, draws=PATHS, needed=days.any(axis=0))
    if isinstance(prices, Withheld):
        return Design(name, since, days, prices, prices)
    return priced(name, since, days, prices, programme_spend(finance, since, history.as_of))


def by_series(trend: Trend, finance: Finance | None, *, seed: int, paths: int = PATHS) -> tuple[Design, ...]:
    """The interrupted series on entries at each date, on child-days, and that against the under-12s, in pounds."""
    return tuple(
        _of_series(trend, one, finance, seed, paths)
        for one in trend.designs()
        if one.group in (PRIMARY, DATES, COMPARED) or DAYS in one.name
    )


def _of_series(trend: Trend, one: Series, finance: Finance | None, seed: int, paths: int) -> Design:
    history = trend.history
    since = trend.months[one.start] if one.start is not None else history.as_of
    name = (
        one.name if DAYS in one.name else f"Entries, {one.name[:1].lower() if one.group == PRIMARY else one.name[:1]}"
    )
    name += "" if DAYS in one.name else one.name[1:]
    days = days_avoided(trend, one, seed=seed, draws=paths)
    if isinstance(days, Withheld):
        return Design(name, since, days, days, days, few=one.few)
    needed = np.asarray(days.any(axis=0))
    prices = day_prices(history, finance, since, seed=seed, draws=paths, needed=needed)
    if isinstance(prices, Withheld):
        return Design(name, since, days, prices, prices, few=one.few)
    return replace(priced(name, since, days, prices, programme_spend(finance, since, history.as_of)), few=one.few)


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
            pounds, days = mine["pounds"].to_numpy(), mine["days"].to_numpy()
            # Some draws at a time: those of all the children of a large authority together fill the memory.
            for first in range(0, draws, step := max(1, CELLS // len(mine))):
                times = generator.multinomial(len(mine), np.full(len(mine), 1 / len(mine)), min(step, draws - first))
                prices[first : first + step, category] = (times @ pounds) / (times @ days)
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
    trend: Trend | None = None

    @cached_property
    def designs(self) -> tuple[Design, ...]:
        """Avoided child-days and pounds by design; empty where no programme date is known."""
        if self.programme is None:
            return ()
        series = by_series(self.trend, self.finance, seed=self.seed) if self.trend else ()
        return (*by_design(self.history, self.finance, self.programme, seed=self.seed), *series)

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
