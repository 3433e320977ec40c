"""Table of notebook 20: the assurance timetable, laid out as the Service and Finance Group's papers were to be."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.measured import COMPUTED, Known, known_now, known_then, stock
from bond_eval.evidence.registry import Value, table
from bond_eval.evidence.scorecard import Measure, measures_of, values_by_hand, written
from bond_eval.evidence.view import View
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import IFA

THEN, NOW = "As known then", "As known now"
NINE_MONTHS = "First update, September 2019 (the nine months from January)"
PAPERS = {
    dt.date(2019, 3, 31): NINE_MONTHS, dt.date(2019, 6, 30): NINE_MONTHS, dt.date(2019, 9, 30): NINE_MONTHS,
    dt.date(2019, 12, 31): "Further update, December 2019",
    dt.date(2020, 3, 31): "Key metrics, March 2020", dt.date(2020, 9, 30): "Full business case, November 2020",
}  # fmt: skip
QUARTERLY = "Quarterly report"
NUMBERS, COST, METRICS = "1 Numbers", "2 Cost", "3 Key metrics"
SECTIONS = {
    NUMBERS: ("op_open", "op_baseline_left", "ifa_baseline_left", "op_started", "ifa_started", "looked_after"),
    COST: ("external_cost",),
    METRICS: ("entries", "missing", "camhs", "eet", "wellbeing_completed"),
}
IFA_OPEN = "Children in IFA placements"
# No return tells when a ledger or a register was filled in, so that nothing is known of what they held then.
UNDATED = ("Finance", "Programme register")
NO_RETURN, NO_DATE, NO_VALUE = "no return yet", "not recorded", "no value"
COLUMNS = ["date", "mode", "section", "measure", "paper", "gap", "numerator", "denominator", "shown"]


@table(
    "assurance_view",
    title="The assurance timetable: numbers, cost and key metrics at each date, as known then and as known now",
    row="a date, mode and measure",
    labels={"date": "Date", "mode": "Mode", "section": "Section", "measure": "Measure"},
    values=(
        Value("paper", "Paper", "text", children=False),
        Value("gap", "Differs from a number shown by"),
        Value("numerator", "Numerator", of="denominator", follows=("gap",)),
        Value("denominator", "Denominator"),
        Value("shown", "Value", "text", follows=("numerator", "denominator", "gap")),
    ),
    source="the return, finance files and values by hand (measures/values.csv)",
    method="the returns and values by hand that had been supplied by the date, or all of them",
)
def assurance_view(view: View) -> pd.DataFrame:
    """At each date of the timetable and each quarter since: the papers' measures, by what was known."""
    rows, now = [], known_now(view)
    for day in _days(view):
        for mode, known in ((THEN, known_then(view, day)), (NOW, now)):
            for section, measure in _asked(view):
                told = _told(view, known, measure, day, mode)
                rows.append((day, mode, section, measure.name, PAPERS.get(day, QUARTERLY), *told))
                if measure.id == "op_open":
                    told = _told(view, known, measure, day, mode, ifa=True)
                    rows.append((day, mode, section, IFA_OPEN, PAPERS.get(day, QUARTERLY), *told))
    hand = {measure.name for _, measure in _asked(view) if not measure.computed}
    return _with_gaps(pd.DataFrame(rows, columns=COLUMNS), hand)


def _asked(view: View) -> list[tuple[str, Measure]]:
    mine = measures_of(view)
    return [(section, mine[name]) for section, names in SECTIONS.items() for name in names if name in mine]


def _days(view: View) -> list[dt.date]:
    """Each quarter's end from the timetable's first that the data reach to the as-of date; that date at least."""
    quarter, days = Quarter.of(min(PAPERS)), []
    while quarter <= view.quarter:
        days.append(quarter.end)
        quarter = quarter.next()
    return [day for day in days if day > view.history.first_day] or [view.as_of]


def _told(
    view: View, known: Known | None, measure: Measure, day: dt.date, mode: str, ifa: bool = False
) -> tuple[float, float, float, str]:
    """(gap, numerator, denominator, words) of a measure at a date."""
    if not measure.computed:
        return by_hand(view, measure, day, mode)
    nothing = (0.0, np.nan, np.nan)
    if mode == THEN and measure.source.startswith(UNDATED):
        return *nothing, NO_DATE
    if known is None:
        return *nothing, NO_RETURN
    first, count = Quarter.of(day).start, COMPUTED[measure.computed]
    if measure.frequency == "year":  # the last whole year
        day = day if (day.month, day.day) == (3, 31) else dt.date(day.year - (day < dt.date(day.year, 3, 31)), 3, 31)
        first = dt.date(day.year - 1, 4, 1)
    numerator, denominator = stock(known, first, day, categories=(IFA,)) if ifa else count(known, first, day)
    value = numerator / denominator * measure.per if measure.parts and denominator else numerator
    whole = denominator if measure.unit == "share" else np.nan
    return 0.0, np.nan if measure.unit == "£" else numerator, whole, written(measure, value) or NO_VALUE


def by_hand(view: View, measure: Measure, day: dt.date, mode: str) -> tuple[float, float, float, str]:
    """(gap, numerator, denominator, words) of the newest period by hand over by a date: as known then, or as now.

    A number that was revised by a few is withheld as it was known then: with the newer one it would give them away.
    """
    now = {row["period"]: row for row in values_by_hand(view, measure, view.as_of)}
    then = values_by_hand(view, measure, day if mode == THEN else view.as_of)
    over = [row for row in then if row["last"] <= day_number(day)]
    if not over:
        return 0.0, np.nan, np.nan, NO_VALUE
    row = over[-1]
    part = "numerator" if measure.parts else "value"
    apart = abs(now[row["period"]][part] - row[part])
    whole = row["denominator"] if measure.unit == "share" else np.nan
    return apart if apart < MINIMUM else 0.0, row[part], whole, f"{written(measure, row['value'])} in {row['period']}"


def _with_gaps(frame: pd.DataFrame, hand: set[str]) -> pd.DataFrame:
    """Add the gap to a number that is shown: what differs by a few children would give those few away.

    A cohort's count only grows, so each of its steps is a number of children; what was known then is set beside what
    is known now. Values by hand bring their gap with them.
    """
    gaps = frame["gap"].copy()
    for name, part in frame[frame["mode"] == NOW].groupby("measure", sort=False):
        if "left" not in str(name):
            continue
        shown = part["numerator"].iloc[-1]
        for index in part.index[-2::-1]:
            gaps[index] = abs(shown - frame.at[index, "numerator"])
            if not 0 < gaps[index] < MINIMUM:
                shown, gaps[index] = frame.at[index, "numerator"], 0.0
    now = frame[(frame["mode"] == NOW) & ~frame["measure"].isin(hand)].reset_index()
    for row in now.to_dict("records"):
        same = (frame["mode"] == THEN) & (frame["date"] == row["date"]) & (frame["measure"] == row["measure"])
        for index in frame.index[same & frame["numerator"].notna()]:
            apart = abs(row["numerator"] - frame.at[index, "numerator"])
            gaps[index] = apart if 0 < apart < MINIMUM else gaps[row["index"]]
    return frame.assign(gap=gaps)
