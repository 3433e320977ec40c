"""Tables of notebook 11: Transforming Care Salford, its families in crisis, reviews, admissions and placements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital
from bond_eval.core.periods import Quarter
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, table
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables.programme_claims import programme_claims
from bond_eval.evidence.tables.programmes import REGISTER, activity, called, months
from bond_eval.evidence.tables.route29 import PARENT, SDQ, TEACHER
from bond_eval.evidence.view import View
from bond_eval.intake.typed import day_number
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


tcs_headings, tcs_summary = shared.page(
    __name__, "tcs", "What became of the children of Transforming Care", "children",
    lambda view: shared.headings(view, KEY, ASKED),
)  # fmt: skip


@table(
    "residential_school",
    title="Children placed in a residential school",
    row="a quarter",
    labels={"date": "On the last night of", "category": "Category"},
    values=(Value("children", "Children"),),
    source="SSDA903 episodes",
    method="complete count on the quarter's last night; short breaks left out",
)
def residential_school(view: View) -> Rows:
    """Children in a residential school at the end of each quarter, all of the authority's and not the programme's."""
    rows, quarter = [], Quarter.of(view.history.first_day)
    while quarter.end <= view.as_of:
        children = int(view.counts.on(quarter.end).loc[SCHOOL].sum()) if SCHOOL in view.categories else np.nan
        rows.append((quarter.end, SCHOOL, children))
        quarter = quarter.next()
    return rows


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
def tcs_activity(view: View) -> Rows:
    """Respite and positive-behaviour programmes by period, with their sum; staff are left out."""
    rows: list[Any] = []
    for name in ("respite families", "positive behaviour programmes"):
        part = activity(view, KEY, name).sort_values("first")
        label = capital(name)
        rows += [(label, months(one.first, one.last), one.value, one.note) for one in part.itertuples()]
        none = f"cannot be said: needs {shared.NEEDS['activity']}"
        rows.append((label, ALL, part["value"].sum() if len(part) else np.nan, "" if len(part) else none))
    return rows


@coarser("tcs_activity", "Periods are put together for publication, since too many of their counts would be small.")
def activity_in_all(frame: pd.DataFrame) -> pd.DataFrame:
    """The sum over all periods alone."""
    return frame[frame["period"] == ALL].reset_index(drop=True)


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
        Value("months", "Nobody can be followed for longer than, months", "number", children=False),
        Value("text", "What stands behind it", "text", children=False),
    ),
    source=f"{REGISTER}; data/reference/programme_claims.csv",
    method="claim ÷ cost of a placement for a year; yearly cost of the programme ÷ the same",
)
def tcs_claims(view: View) -> pd.DataFrame:
    """Each claim in years of placement, beside the time that it is about."""
    rows = programme_claims(view)
    rows = rows[rows["programme"] == called(view).get(KEY)]
    longest = {"Respite in summer": _length(view), "Children open": _since(view)}
    texts = {
        "Respite in summer": "a count of families without any record: nobody is known to have stayed at home by it",
        "Children open": "no comparison group large enough to say who would have been placed without it",
    }  # fmt: skip
    return rows.assign(months=rows["claim"].map(longest), text=rows["claim"].map(texts))


def _length(view: View) -> float:
    """Length in months of the time in which respite was counted."""
    mine = activity(view, KEY, "respite families")
    return float(mine["last"].max() + 1 - mine["first"].min()) / 365.25 * 12 if len(mine) else np.nan


def _since(view: View) -> float:
    """Months from the first start of a case to the quarter's end, up to a whole year: its day is one child's."""
    register, _ = shared.having(view, KEY, "cases")
    if register is None:
        return np.nan
    starts = cases_at(register, view.as_of, KEY).query("started")["start"]
    return 12.0 * ((day_number(view.as_of) - int(starts.min())) // 365.25 + 1) if len(starts) else np.nan
