"""Tables of notebook 11: Transforming Care Salford, its families in crisis, reviews, admissions and placements."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.registry import ALL, Value, coarser, table
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables.programme_claims import programme_claims
from bond_eval.evidence.tables.programmes import LINKED, REGISTER, once
from bond_eval.evidence.tables.route29 import PARENT, SDQ, TEACHER
from bond_eval.evidence.view import View
from bond_eval.intake.register import Register
from bond_eval.intake.typed import EPOCH, day_number
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.outcomes import ENTRY

KEY = "transforming_care"
SCHOOL = "Residential school"
ASKED: tuple[shared.Asked, ...] = (
    ("Reviews and admissions", "event", "Care, education and treatment review", "events"),
    ("Reviews and admissions", "event", "Admission to hospital", "events"),
    ("Reviews and admissions", "event", "A&E attendance", "events"),
    ("School", "event", "Exclusion from school", "events"),
    ("Entry to care", "outcome", (ENTRY, ENTRY), "cases"),
    ("Entry to care", "comparison", "refused", "cases"),
    ("Time in placements", "care", SCHOOL, "cases"),
    ("Wellbeing", "scale", (SDQ, PARENT), "measures"),
    ("Wellbeing", "scale", (SDQ, TEACHER), "measures"),
)


@table(
    "tcs_headings",
    title="What became of the children of Transforming Care",
    row="a heading and measure",
    labels=shared.LABELS,
    values=shared.VALUES,
    source=LINKED,
    method="the same children before and after, a year each side at most; uncontrolled unless a row names others",
)
@once
def tcs_headings(view: View) -> pd.DataFrame:
    """Every heading, whether or not the register can answer it."""
    return shared.headings(view, KEY, ASKED)


@table(
    "tcs_summary",
    title="How many measures can be judged, and which way they went",
    row="a verdict",
    labels={"said": "Verdict"},
    values=shared.SUMMARY_VALUES,
    margins=("said",),
    source=LINKED,
    method="count of the measures of tcs_headings",
)
def tcs_summary(view: View) -> pd.DataFrame:
    """Measures by verdict."""
    return shared.summary(tcs_headings(view))


@table(
    "residential_school",
    title="Children placed in a residential school",
    row="a quarter",
    labels={"date": "On the last night of", "category": "Category"},
    values=(Value("children", "Children"),),
    source="SSDA903 episodes",
    method="complete count on the quarter's last night; short breaks left out",
)
def residential_school(view: View) -> pd.DataFrame:
    """Children in a residential school at the end of each quarter, all of the authority's and not the programme's."""
    rows, quarter = [], Quarter.of(view.history.first_day)
    while quarter.end <= view.as_of:
        children = int(view.counts.on(quarter.end).loc[SCHOOL].sum()) if SCHOOL in view.categories else np.nan
        rows.append((quarter.end, SCHOOL, children))
        quarter = quarter.next()
    return pd.DataFrame(rows, columns=["date", "category", "children"])


@coarser("residential_school", "Quarters up to the last with a small count are left out of what is published.")
def school_since_few(frame: pd.DataFrame) -> pd.DataFrame:
    """The quarters since the last of which the count is small; the latest at least."""
    few = small(frame["children"]).to_numpy().nonzero()[0]
    return frame.iloc[min(few.max() + 1, len(frame) - 1) if len(few) else 0 :].reset_index(drop=True)


@table(
    "tcs_activity",
    title="What Transforming Care counts without naming a child",
    row="an activity and period",
    labels={"activity": "Activity", "period": "Period"},
    values=(Value("children", "Families or children"), Value("note", "Note", "text", children=False)),
    margins=("period",),
    source=f"{REGISTER} (activity)",
    method="complete count as reported; a family or child may be in several periods",
)
def tcs_activity(view: View) -> pd.DataFrame:
    """Respite and positive-behaviour programmes by period, with their sum; staff are left out."""
    rows: list[tuple[str, str, float, str]] = []
    for name in ("respite families", "positive behaviour programmes"):
        missing = shared.lacking(view.register, KEY, "activity")
        part = pd.DataFrame() if missing or view.register is None else _of(view.register, name)
        if part.empty:
            rows.append((name, ALL, np.nan, f"cannot be said: needs {shared.NEEDS['activity']}"))
            continue
        spans = zip(part["first"], part["last"], part["value"], part["note"], strict=True)
        rows += [(name, _period(first, last), value, note) for first, last, value, note in spans]
        rows.append((name, ALL, part["value"].sum(), ""))
    return pd.DataFrame(rows, columns=["activity", "period", "children", "note"])


@coarser("tcs_activity", "Periods are put together for publication, since too many of their counts would be small.")
def activity_in_all(frame: pd.DataFrame) -> pd.DataFrame:
    """The sum over all periods alone."""
    return frame[frame["period"] == ALL].reset_index(drop=True)


def _of(register: Register, name: str) -> pd.DataFrame:
    rows = register.activity[(register.activity["programme"] == KEY) & (register.activity["activity"] == name)]
    return rows.sort_values("first")


def _period(first: int, last: int) -> str:
    """ "June 2020 to August 2020"."""
    days = [EPOCH + dt.timedelta(days=int(day)) for day in (first, last)]
    return " to ".join(dict.fromkeys(f"{day:%B %Y}" for day in days))


@table(
    "tcs_claims",
    title="The two claims of a saving, and what the register says of each",
    row="a claim",
    labels={"claim": "Claim"},
    values=(
        Value("claimed", "Claimed", "pounds", children=False),
        Value("implied", "Years of placement claimed", "decimal", children=False),
        Value("children", "Children or families helped"),
        Value("needed", "Years that would pay for it", "decimal", children=False),
        Value("years", "Longest that anybody can be followed, years", "decimal", children=False),
        Value("text", "What stands behind it", "text", children=False),
    ),
    source=f"{REGISTER}; data/reference/programme_claims.csv",
    method="claim ÷ cost of a placement for a year; yearly cost of the programme ÷ the same",
)
def tcs_claims(view: View) -> pd.DataFrame:
    """Each claim in years of placement, beside the time that it is about."""
    rows = programme_claims(view)
    rows = rows[rows["programme"] == shared.called(view).get(KEY)]
    longest = {"Respite in summer": _length(view), "Children open": _since(view)}
    texts = {
        "Respite in summer": "a count of families without any record: nobody is known to have stayed at home by it",
        "Children open": "no comparison group large enough to say who would have been placed without it",
    }  # fmt: skip
    rows = rows.assign(years=rows["claim"].map(longest), text=rows["claim"].map(texts))
    return rows[["claim", "claimed", "implied", "children", "needed", "years", "text"]]


def _length(view: View) -> float:
    """Length in years of the time in which respite was counted."""
    if view.register is None:
        return np.nan
    mine = _of(view.register, "respite families")
    return float(mine["last"].max() + 1 - mine["first"].min()) / 365.25 if len(mine) else np.nan


def _since(view: View) -> float:
    """Whole years from the first start of a case to the quarter's end, since its day is one child's."""
    if shared.lacking(view.register, KEY, "cases") or view.register is None:
        return np.nan
    starts = cases_at(view.register, view.as_of, KEY).query("started")["start"]
    return float((day_number(view.as_of) - int(starts.min())) // 365.25) if len(starts) else np.nan
