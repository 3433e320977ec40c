"""Did the trend change? The designs of docs/EVALUATION_PLAN.md, primary first, each on the scale of a ratio."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import month_end, next_month
from bond_eval.intake.authority import Authority
from bond_eval.intake.reference import read_reference
from bond_eval.methods.difference import Difference, count_difference, panel_difference
from bond_eval.methods.interrupted import COUNTS, REFUSED, Interrupted, Model, design, interrupted
from bond_eval.methods.panel import panel
from bond_eval.methods.proportions import Estimate
from bond_eval.methods.synthetic_control import synthetic_control
from bond_eval.placements.counts import DailyCounts
from bond_eval.placements.history import History
from bond_eval.placements.series import BEGUN, CARE, DAYS, IFA_BEGUN, LEFT, RESIDENTIAL_BEGUN, monthly_series

OLDER, YOUNGER = "12 to 17", "Under 12"
PRIMARY, DATES, MODELS, OUTCOMES, COMPARED = (
    "Primary", "Another date", "Another model", "Another outcome", "A comparison",
)  # fmt: skip
NO_DATE = "No day is given on which the programmes began, so that there is none at which to look."
SHOWN = 6  # the smallest count that an answer for the public may rest on
MODEL_CHOICES = {
    "Change of slope": Model(impact="slope"),
    "Level and slope": Model(impact="both"),
    "Level reached over six months": Model(ramp=6),
    "With yearly seasons": Model(harmonics=1),
}
OUTCOME_CHOICES = {
    "Child-days in outside placements, 12 to 17": (DAYS, OLDER),
    "Leaving outside placements, 12 to 17": (LEFT, OLDER),
    "Entering IFAs, 12 to 17": (IFA_BEGUN, OLDER),
    "Entering other residential care, 12 to 17": (RESIDENTIAL_BEGUN, OLDER),
    "Coming into care, 12 to 17": (CARE, OLDER),
    "Entering outside placements, under 12": (BEGUN, YOUNGER),
}


@dataclass(frozen=True)
class Design:
    """One design's answer. ratio: after over what was to be expected; None where there is none, and why says so.

    few: the smallest count that it rests on where that is 1 to 5, else NaN. maryland: 1 to 5. result: in full.
    start: place of the first month after, where the months of the return are compared.
    """

    name: str
    group: str
    ratio: Estimate | None
    why: str
    maryland: int
    few: float = float("nan")
    result: Any = None
    start: int | None = None


def interruptions(key: str) -> pd.DataFrame:
    """Candidate dates of an authority (by its key in data/reference/interruptions.csv) and the pandemic's, in order."""
    table = read_reference("interruptions.csv")
    mine = table[(table["authority"] == key) | (table["authority"] == "")].copy()
    mine["date"] = [dt.date.fromisoformat(text) for text in mine["date"]]
    mine["until"] = [dt.date.fromisoformat(text) if text else None for text in mine["until"]]
    return mine.sort_values("date", kind="stable", ignore_index=True)


def first_month(day: dt.date) -> dt.date:
    """The month that counts as the first after a day: its own where at least half of it is left, else the next."""
    first = day.replace(day=1)
    return first if (next_month(first) - day).days * 2 >= (next_month(first) - first).days else next_month(first)


def share_of_months(months: list[dt.date], first: dt.date, last: dt.date) -> np.ndarray:
    """Share of the days of each month that lies from `first` to `last`, both included."""
    shares = []
    for month in months:
        low, high = max(month, first), min(month_end(month), last)
        shares.append(max((high - low).days + 1, 0) / (next_month(month) - month).days)
    return np.array(shares)


@dataclass(frozen=True)
class Trend:
    """The series of one authority, and every design on them."""

    history: History
    counts: DailyCounts
    authority: Authority

    @cached_property
    def series(self) -> pd.DataFrame:
        """Monthly series of every measure."""
        return monthly_series(self.history, self.counts)

    @cached_property
    def months(self) -> list[dt.date]:
        """The whole months of the data."""
        return list(dict.fromkeys(self.series["month"]))

    @cached_property
    def dates(self) -> pd.DataFrame:
        """Candidate dates, the pandemic's start as the authority sets it."""
        dates = interruptions(self.authority.published)
        return dates.assign(
            date=dates["date"].where(dates["kind"] != "pandemic", self.authority.pandemic_date)
        ).sort_values("date", kind="stable", ignore_index=True)

    @cached_property
    def pulse(self) -> np.ndarray:
        """Share of each month in the first lockdown."""
        ends = self.dates.loc[self.dates["kind"] == "pandemic", "until"]
        return share_of_months(self.months, self.authority.pandemic_date, max(ends))

    def one(self, measure: str, ages: str) -> tuple[np.ndarray, np.ndarray]:
        """Counts and exposures of one series, a month each."""
        mine = self.series[(self.series["measure"] == measure) & (self.series["ages"] == ages)]
        return mine["n"].to_numpy(dtype=float), mine["exposure"].to_numpy()

    def place(self, day: dt.date | None) -> int | None:
        """Place of the first month after a day; None where there is no day, or no month on one of its sides."""
        at = sum(month < first_month(day) for month in self.months) if day else 0
        return at if 0 < at < len(self.months) else None

    def fit(self, day: dt.date | None, model: Model, measure: str = BEGUN, ages: str = OLDER, **other: Any) -> Design:
        """Interrupted time series, as the primary one unless said otherwise (name, group, pulse)."""
        name, group, pulse = other.get("name", "Primary"), other.get("group", PRIMARY), other.get("pulse", self.pulse)
        start = self.place(day)
        if start is None:
            why = NO_DATE if day is None else f"{formats.date(day)} does not lie within the months of the data."
            return Design(name, group, None, why, 2)
        n, exposure = self.one(measure, ages)
        found = interrupted(n, start, model, exposure=exposure, pulse=pulse)
        # Child-days are no children: behind them is the number there on a night.
        nights = (next_month(self.months[-1]) - self.months[start]).days if measure == DAYS else 1
        behind = float(np.ceil(found.events_after / nights))
        few = behind if 0 < behind < SHOWN and found.effect else np.nan
        return Design(name, group, found.effect, found.reason, 2, few, found, start)

    @cached_property
    def primary(self) -> Design:
        """The one analysis that the plan fixes."""
        day = self.authority.programme_date
        name = f"Planned: level from {formats.month(first_month(day))}" if day else "Planned"
        return self.fit(day, Model(), name=name)

    def designs(self) -> list[Design]:
        """The primary design, then the exploratory ones on this authority's own records."""
        day, made = self.authority.programme_date, [self.primary]
        for month, labels in self._other_months().items():
            name = f"{formats.month(month)}: {formats.listed(labels)}"
            made.append(self.fit(month, Model(), name=name, group=DATES))
        for name, model in MODEL_CHOICES.items():
            made.append(self.fit(day, model, name=name, group=MODELS))
        for name, pulse in self._pandemics().items():
            made.append(self.fit(day, Model(), name=name, group=MODELS, pulse=pulse))
        for name, (measure, ages) in OUTCOME_CHOICES.items():
            made.append(self.fit(day, Model(), measure, ages, name=name, group=OUTCOMES))
        return [*made, self.against_younger()]

    def _pandemics(self) -> dict[str, np.ndarray]:
        """The pandemic left out of account, and taken to last."""
        lasting = share_of_months(self.months, self.authority.pandemic_date, self.history.as_of)
        return {"Pandemic left out of account": np.zeros(len(self.months)), "Pandemic lasting to the end": lasting}

    def _other_months(self) -> dict[dt.date, list[str]]:
        months: dict[dt.date, list[str]] = {}
        for row in self.dates.itertuples():
            months.setdefault(first_month(row.date), []).append(row.label)
        main = self.authority.programme_date
        return {month: labels for month, labels in months.items() if main is None or month != first_month(main)}

    def against_younger(self) -> Design:
        """Entries at 12 to 17 against those under 12, whom Route 29 does not take but other programmes reach."""
        name, start = "12 to 17 less under 12", self.place(self.authority.programme_date)
        if start is None:
            return Design(name, COMPARED, None, self.primary.why, 2)
        (older, spent), (younger, other) = self.one(BEGUN, OLDER), self.one(BEGUN, YOUNGER)
        found = count_difference(older, younger, start, (spent, other))
        behind = [part.sum() for series in (older, younger) for part in (series[:start], series[start:])]
        few = min((count for count in behind if 0 < count < SHOWN), default=np.nan)
        return Design(name, COMPARED, found.effect, found.reason, 2, few, found, start)

    def by_method(self, method: str, harmonics: int = 0) -> Interrupted | None:
        """The primary series by another method, its answers as ratios; None where there is no date.

        Least squares works on entries a month at the mean child-days, and its difference is set against what it
        expects without the change: the mean after less that difference.
        """
        start = self.place(self.authority.programme_date)
        if start is None:
            return None
        (n, exposure), model = self.one(BEGUN, OLDER), Model(method, harmonics=harmonics)
        if method in COUNTS:
            return interrupted(n, start, model, exposure=exposure, pulse=self.pulse)
        rates = np.divide(n * exposure.mean(), exposure, out=np.full(n.size, np.nan), where=exposure > 0)
        found, after = interrupted(rates, start, model, pulse=self.pulse), float(np.nanmean(rates[start:]))
        return replace(found, effect=_over(found.effect, after), alone=_over(found.alone, after))

    def expected(self, one: Design | None = None) -> np.ndarray | None:
        """Entries in each month that the primary model, or that of another date, expects without the change; None
        where it is refused."""
        one = one or self.primary
        found, start = one.result, one.start
        if not isinstance(found, Interrupted) or start is None or found.verdict == REFUSED:
            return None
        _, exposure = self.one(BEGUN, OLDER)
        names, columns = design(len(self.months), start, Model(), self.pulse)
        part = [place for place, name in enumerate(names) if not name.startswith("Change")]
        mean: np.ndarray = exposure * np.exp(columns[:, part] @ [found.term(names[place]).value for place in part])
        return mean


def beside_others(frame: pd.DataFrame, own: str, programme: dt.date | None, outcome: str) -> list[Design]:
    """Difference-in-differences and synthetic control on yearly rates: area, period (the year that ends), value.

    Rates are compared as logarithms, so that the answer is a ratio. The year that holds the programme's date is the
    first after. Years before the area's own first value are left out; a gap later in its own series, or no year on
    one side, refuses both. Maryland 2: ten neighbours allow no permutation p below 1 in 11, and the outcomes are
    others than the planned one.
    """
    names = (f"{outcome}: against neighbours", f"{outcome}: synthetic control")
    why = NO_DATE if programme is None else ""
    frame = frame.assign(value=np.log(frame["value"].where(frame["value"] > 0)))
    known = frame.loc[(frame["area"] == own) & frame["value"].notna(), "period"]
    frame = frame[frame["period"] >= (known.min() if len(known) else frame["period"].min())]
    if not why and programme is not None:
        try:
            areas = panel(frame, own, programme.year + (programme.month > 3))
        except ValueError as error:
            why = str(error)
    if why:
        return [Design(name, COMPARED, None, why, 2) for name in names]
    simple, weighted = panel_difference(areas), synthetic_control(areas)
    found: list[tuple[str, Difference | Any]] = list(zip(names, (simple, weighted), strict=True))
    return [Design(name, COMPARED, _as_ratio(one.effect), one.reason, 2, result=one) for name, one in found]


def _over(effect: Estimate | None, after: float) -> Estimate | None:
    """A difference as a ratio of the mean after to what is expected; None where nothing is.

    Least squares knows no lower limit: an end below nought, which no ratio of rates can be, is set to nought.
    """
    if effect is None or after <= effect.value:
        return None
    ends = (effect.value, effect.lower, effect.upper)
    value, lower, upper = (max(1 + end / (after - effect.value), 0.0) for end in ends)
    return Estimate(value, lower, upper, effect.n, effect.method)


def _as_ratio(effect: Estimate | None) -> Estimate | None:
    if effect is None:
        return None
    value, lower, upper = (float(np.exp(end)) for end in (effect.value, effect.lower, effect.upper))
    return Estimate(value, lower, upper, effect.n, effect.method)
