"""The measures of success: read from a table that an authority edits, worked out by period, and judged.

A measure is computed from the return, the register or finance where it names a function of `measured`; values by
hand stand for the others. Where both are there the computed one counts and the difference is shown, never hidden.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite, isnan
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter, month_end, month_starts, year_ends, year_label
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.measured import COMPUTED, Known, known_now
from bond_eval.evidence.rare import CLOCKS, rare_chart
from bond_eval.evidence.view import View
from bond_eval.intake.measures import BETTER, CHARTS, FREQUENCIES, UNITS
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import EPOCH, NO_DAY, day_number
from bond_eval.methods.proportions import rate, wilson
from bond_eval.methods.spc import COMMON, MISSING, xmr
from bond_eval.methods.spc import TOO_FEW as FEW
from bond_eval.methods.spc_rare import COMMONER, NO_TARGET, NOT_JUDGED, RARER, RareChart, assurance
from bond_eval.methods.spc_rare import TOO_FEW as FEW_EVENTS

RARE_CHARTS = ("t", "g")
MOST_WITHHELD = 0.4  # a chart with more gaps than this says less than its row in the scorecard
COMPUTED_HERE, BY_HAND = "computed", "by hand"
IMPROVING, WORSE, SPECIAL, STEADY, TOO_FEW, NO_DATA, NOT_CHARTED = (
    "Improving", "Getting worse", "Changed, neither way better", "No clear change", "Too few points to judge",
    "Not measured", "Not charted",
)  # fmt: skip
SERIES = ["period", "first", "last", "numerator", "denominator", "value", "source", "known_on"]


@dataclass(frozen=True)
class Measure:
    """One row of measures.csv. `per` multiplies the share or rate; `baseline` and `target` are NaN where unset.

    `rebased`: (day, reason) of each re-basing, in order of day; limits start anew with the first period from then on.
    """

    id: str
    metric: str
    name: str
    definition: str
    numerator: str
    denominator: str
    per: float
    unit: str
    better: str
    frequency: str
    chart: str
    computed: str
    source: str
    owner: str
    baseline: float
    target: float
    horizon: str
    programme: str
    questions: tuple[str, ...]
    note: str
    rebased: tuple[tuple[dt.date, str], ...] = ()

    @property
    def parts(self) -> bool:
        """True where a value is a numerator over a denominator."""
        return self.unit in ("share", "rate")

    @property
    def each(self) -> bool:
        """True for a rate of each one that its denominator counts (cases for each post), not of days."""
        return self.unit == "rate" and self.per == 1

    @property
    def counted(self) -> str:
        """Arrests per 1,000 days of open cases."""
        if not self.parts:
            return self.numerator
        of = "of" if self.unit == "share" else "per" if self.per == 1 else f"per {formats.number(self.per)}"
        return f"{self.numerator} {of} {self.denominator}"


@cache
def _facts() -> dict[str, float]:
    return project_facts()


@cache
def measures() -> dict[str, Measure]:
    """Every measure by id. Raises InputError, naming file and row, for a row that cannot be used."""
    table = read_reference("measures.csv")
    found: dict[str, Measure] = {}
    for line, row in enumerate(table.to_dict("records"), start=2):
        measure = _measure(row, f"data/reference/measures.csv line {line}")
        if measure.id in found:
            raise InputError(f"data/reference/measures.csv line {line}: id {measure.id!r} stands twice; rename one.")
        found[measure.id] = measure
    return found


def measures_of(view: View) -> dict[str, Measure]:
    """Every measure of an authority: its own definitions, where it supplies any, before the project's of the same id.

    Raises InputError, naming file and row, for a row that cannot be used.
    """
    if view.measures is None:
        return measures()
    if "measures" not in view.shelf:
        own = view.measures.definitions.to_dict("records")
        found = {row["id"]: _measure(row, f"measures/{row['file']} line {row['line']}") for row in own}
        view.shelf["measures"] = measures() | found
    return view.shelf["measures"]


def _measure(row: dict[str, str], where: str) -> Measure:
    for column, allowed in (("better", tuple(BETTER)), ("frequency", FREQUENCIES), ("unit", UNITS), ("chart", CHARTS)):
        if row[column] not in allowed:
            raise InputError(f"{where}: {column} {row[column]!r} is not one of {', '.join(allowed)}.")
    if row["computed"] and row["computed"] not in COMPUTED:
        raise InputError(f"{where}: nothing works out {row['computed']!r}; leave it blank for values by hand.")
    if row["chart"] in RARE_CHARTS and CLOCKS.get(row["computed"], ("",))[0] != row["chart"]:
        fits = ", ".join(f"{kind} for {name}" for name, (kind, *_) in CLOCKS.items())
        raise InputError(f"{where}: chart {row['chart']!r} needs the days of single events; there are {fits}.")
    if not row["id"] or not row["questions"]:
        raise InputError(f"{where}: give the measure an id and the questions it bears on.")
    named = row["baseline_fact"]
    if named and named not in _facts():
        raise InputError(f"{where}: baseline_fact {named!r} is not in data/reference/facts.csv.")
    return Measure(
        **{name: row[name] for name in ("id", "metric", "name", "definition", "numerator", "denominator", "unit")},
        **{name: row[name] for name in ("frequency", "chart", "computed", "source", "horizon", "programme", "note")},
        per=_number(row["per"], "per", where, 1.0),
        better=BETTER[row["better"]],
        owner=row["owner_role"],
        baseline=float(_facts()[named]) if named else float("nan"),
        target=_number(row["target"], "target", where, float("nan")),
        questions=tuple(row["questions"].split("|")),
        rebased=(),
    )


def _number(text: str, column: str, where: str, blank: float) -> float:
    if not text:
        return blank
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"{where}: {column} {text!r} is not a number.") from error
    if not isfinite(value):
        raise InputError(f"{where}: {column} {text!r} is not a finite number.")
    return value


def periods(first: dt.date, last: dt.date, frequency: str) -> Iterator[tuple[str, dt.date, dt.date]]:
    """(label, first day, last day) of each whole period of a frequency from `first` to `last`."""
    if frequency == "year":
        for end in year_ends(first, last):
            start = dt.date(end.year - 1, 4, 1)
            if start >= first:
                yield year_label(start.year), start, end
        return
    if frequency == "quarter":
        quarter = Quarter.of(first)
        while quarter.end <= last:
            if quarter.start >= first:
                yield str(quarter), quarter.start, quarter.end
            quarter = quarter.next()
        return
    for month in month_starts(first, last):
        yield f"{month:%Y-%m}", month, month_end(month)


def with_own(measure: Measure, known: Known) -> Measure:
    """The measure with the authority's own target, baseline and re-basings, where its measures folder gives them.

    Of several targets the one that began last by the as-of date holds.
    """
    supplied, today = known.view.measures, day_number(known.history.as_of)
    if supplied is None:
        return measure
    rebased = supplied.rebasings[supplied.rebasings["measure_id"] == measure.id].sort_values("first")
    reasons = zip(rebased["first"], rebased["reason"], strict=True)
    measure = replace(measure, rebased=tuple((EPOCH + dt.timedelta(days=int(day)), why) for day, why in reasons))
    rows = supplied.targets[supplied.targets["measure_id"] == measure.id]
    rows = rows.assign(first=rows["first"].replace(int(NO_DAY), -1))
    rows = rows[rows["first"] <= today].sort_values("first", kind="stable")
    if rows.empty:
        return measure
    last = rows.iloc[-1]
    baseline = measure.baseline if isnan(last["baseline"]) else float(last["baseline"])
    return replace(measure, target=float(last["target"]), baseline=baseline)


def starts(measure: Measure, first: pd.Series) -> dict[int, str]:
    """Position -> reason of each re-basing among periods that begin on the days `first`; those outside are left out."""
    places = {int((first < day).sum()): reason for day, reason in measure.rebased}
    return {place: reason for place, reason in places.items() if 0 < place < len(first)}


def series(known: Known, measure: Measure) -> pd.DataFrame:
    """Each whole period of a measure up to the as-of date, in order: SERIES; NaN where there is no value.

    A computed value counts before one by hand; `known_on` is the day that a value by hand was known.
    """
    hand = {row["period"]: row for row in values_by_hand(known.view, measure, known.history.as_of)}
    rows = []
    for label, first, last in periods(known.history.first_day, known.history.as_of, measure.frequency):
        pair = COMPUTED[measure.computed](known, first, last) if measure.computed else (float("nan"), float("nan"))
        value = _value(measure, *pair)
        if not isnan(value):
            rows.append((label, first, last, *pair, value, COMPUTED_HERE, last))
        elif label in hand:
            row = hand[label]
            whole = row["numerator"] if measure.parts else row["value"]
            rows.append((label, first, last, whole, row["denominator"], row["value"], BY_HAND, row["known_on"]))
        else:
            rows.append((label, first, last, float("nan"), float("nan"), float("nan"), "", last))
    return pd.DataFrame(rows, columns=SERIES)


def _value(measure: Measure, numerator: float, denominator: float) -> float:
    if not measure.parts:
        return numerator
    return numerator / denominator * measure.per if denominator > 0 else float("nan")


def values_by_hand(view: View, measure: Measure, day: dt.date) -> list[dict[str, Any]]:
    """The newest value by hand of each period as known on a day, in order of period: rows of intake.measures.VALUES."""
    if view.measures is None:
        return []
    rows = view.measures.values
    rows = rows[(rows["measure_id"] == measure.id) & (rows["known_on"] <= day)]
    return rows.drop_duplicates("period", keep="last").to_dict("records")


@dataclass(frozen=True)
class Score:
    """Where a measure stands: its last value with a 95% interval (NaN where there is none), and the two verdicts.

    `completeness`: share of periods with a value since the first that has one (0 where none has). `basis`: what the
    interval is. `points`: periods with a value.
    """

    measure: Measure
    period: str
    numerator: float
    denominator: float
    value: float
    lower: float
    upper: float
    basis: str
    variation: str
    high: bool
    assurance: str
    completeness: float
    points: int
    source: str
    known_on: dt.date | None


def score(measure: Measure, rows: pd.DataFrame, rare: RareChart | None = None) -> Score:
    """Judge a series by the NHS rules, or by the chart of its rare events; without a value, say so."""
    have = rows["value"].notna()
    if not have.any():
        nothing = (float("nan"),) * 5
        return Score(measure, "", *nothing, "", NO_DATA, False, "no target", 0.0, 0, "", None)
    last = rows[have].iloc[-1]
    lower, upper, basis = _interval(measure, last)
    variation, high, assured = _rare_verdicts(measure, rare) if rare else _verdicts(measure, rows)
    since = rows.index[have][0]
    return Score(
        measure, str(last["period"]), float(last["numerator"]), float(last["denominator"]), float(last["value"]),
        lower, upper, basis, variation, high, assured, float(have.loc[since:].mean()), int(have.sum()),
        str(last["source"]), last["known_on"],
    )  # fmt: skip


def _interval(measure: Measure, row: pd.Series) -> tuple[float, float, str]:
    numerator, denominator = float(row["numerator"]), float(row["denominator"])
    whole = numerator == numerator and float(numerator).is_integer()
    if measure.unit == "share" and whole and denominator > 0 and float(denominator).is_integer():
        estimate = wilson(int(numerator), int(denominator))
        return estimate.lower * measure.per, estimate.upper * measure.per, estimate.method
    if measure.unit == "rate" and whole and denominator > 0:
        estimate = rate(int(numerator), denominator, measure.per)
        return estimate.lower, estimate.upper, estimate.method
    if measure.unit == "count" and measure.chart != "none" and whole:
        estimate = rate(int(numerator), 1.0)
        return estimate.lower, estimate.upper, estimate.method
    return float("nan"), float("nan"), "complete count"


def _verdicts(measure: Measure, rows: pd.DataFrame) -> tuple[str, bool, str]:
    """(variation, whether the signal is high, assurance)."""
    if measure.chart == "none":
        return NOT_CHARTED, False, NO_TARGET if isnan(measure.target) else NOT_JUDGED
    values = rows["value"].to_numpy(dtype=float)
    chart = xmr(values, better=measure.better, rebase_at=starts(measure, rows["first"]))  # type: ignore[arg-type]
    at = int(np.flatnonzero(chart.verdict != MISSING)[-1])
    words = {COMMON: STEADY, FEW: TOO_FEW, "improvement": IMPROVING, "concern": WORSE, "neutral": SPECIAL}
    high = bool(values[at] > chart.mean[at])
    assured = NO_TARGET if isnan(measure.target) else assurance(chart, measure.target, measure.better)  # type: ignore[arg-type]
    return words[str(chart.verdict[at])], high, assured


def _rare_verdicts(measure: Measure, rare: RareChart) -> tuple[str, bool, str]:
    """As `_verdicts`: longer gaps are fewer events. Limits of gaps say nothing of a target for a rate."""
    good = {"down": RARER, "up": COMMONER}.get(measure.better)
    words = {FEW_EVENTS: TOO_FEW, RARER: SPECIAL, COMMONER: SPECIAL} if good is None else {FEW_EVENTS: TOO_FEW}
    judged = IMPROVING if rare.verdict == good else WORSE if rare.verdict in (RARER, COMMONER) else STEADY
    high = rare.verdict == COMMONER
    return words.get(rare.verdict, judged), high, NO_TARGET if isnan(measure.target) else NOT_JUDGED


def scored(view: View) -> list[tuple[Measure, pd.DataFrame, Score]]:
    """Every measure of an authority with its series and score; worked out once a view."""
    if "scored" not in view.shelf:
        known = known_now(view)
        own = [with_own(measure, known) for measure in measures_of(view).values()]
        worked = [(measure, series(known, measure)) for measure in own]
        rare = {one.id: rare_chart(known, one.computed) for one in own if one.chart in RARE_CHARTS}
        view.shelf["scored"] = [(one, rows, score(one, rows, rare.get(one.id))) for one, rows in worked]
    return view.shelf["scored"]


def written(measure: Measure, value: float) -> str:
    """A value as read: 8%, 4.2, £2.8m; "" where there is none."""
    if isnan(value):
        return ""
    if measure.unit == "share":
        return formats.percent(value / measure.per)
    if measure.unit == "£":
        return formats.money(value)
    return formats.number(value, 0 if measure.unit == "count" else 2 if measure.unit == "rate" else 1)
