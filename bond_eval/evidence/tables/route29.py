"""Tables of notebook 10: Route 29 under the headings that No Wrong Door was judged by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Value, table
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables.programme_claims import programme_claims
from bond_eval.evidence.tables.programme_headings import NEEDS, lacking, told
from bond_eval.evidence.tables.programmes import LINKED, REGISTER, activity_sum, once
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import FEW, TOO_FEW, UNCLEAR, changed
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.intake.typed import EPOCH, NO_DAY, day_number
from bond_eval.methods.change import mean_estimate
from bond_eval.methods.proportions import Estimate, rate
from bond_eval.placements.categories import OUTSIDE
from bond_eval.placements.moves import reentries
from bond_eval.programmes.capacity import caseload_per_worker
from bond_eval.programmes.cases import cases_at, first_cases
from bond_eval.programmes.outcomes import ENTRY, EXIT

KEY = "route29"
SDQ = "Strengths and Difficulties Questionnaire, total difficulties"
PARENT, SELF, TEACHER, WORKER = "Parent or carer", "The young person", "Teacher", "Worker"
BEFORE_CARE: tuple[shared.Asked, ...] = (
    ("Entry to care", "outcome", (ENTRY, ENTRY), "cases"),
    ("Entry to care", "comparison", "refused", "cases"),
    ("Exit from care", "outcome", (EXIT, "Returned home"), "cases"),
    ("Time in placements", "care", OUTSIDE, "cases"),
    ("Time in placements", "care", "IFA", "cases"),
    ("Moves", "moves", "Moves within care", "cases"),
)
AFTER_CARE: tuple[shared.Asked, ...] = (
    ("Education and work", "event", "Found not in education, employment or training", "events"),
    ("Education and work", "event", "Exclusion from school", "events"),
    ("Education and work", "scale", ("School attendance", WORKER), "measures"),
    ("Education and work", "scale", ("In education, employment or training", WORKER), "measures"),
    ("Crime", "event", "Arrest", "events"),
    ("Crime", "event", "Conviction", "events"),
    ("Substance misuse", "event", "Substance misuse identified", "events"),
    ("Missing", "event", "Missing", "events"),
    ("Exploitation", "event", "Assessed at risk of exploitation", "events"),
    ("Health", "event", "A&E attendance", "events"),
    ("Health", "event", "Admission to hospital", "events"),
    ("Wellbeing", "scale", (SDQ, PARENT), "measures"),
    ("Wellbeing", "scale", (SDQ, SELF), "measures"),
    ("Wellbeing", "scale", (SDQ, TEACHER), "measures"),
    ("Wellbeing", "scale", ("Wellbeing", SELF), "measures"),
)
BACK_WITHIN = 90  # days: the longest that most leavings of 2020 can be followed


@table(
    "route29_headings",
    title="Route 29 under the headings that No Wrong Door was judged by",
    row="a heading and measure",
    labels=shared.LABELS,
    values=shared.VALUES,
    source=LINKED,
    method="the same young people before and after, a year each side at most; uncontrolled unless a row names others",
)
@once
def route29_headings(view: View) -> pd.DataFrame:
    """Every heading, whether or not the register can answer it."""
    rows = [
        shared.headings(view, KEY, BEFORE_CARE), _back(view), _out_of_borough(view),
        shared.headings(view, KEY, AFTER_CARE), _assessed(view), _value(view),
    ]  # fmt: skip
    return shared.stacked(rows)


@table(
    "route29_summary",
    title="How many measures can be judged, and which way they went",
    row="a verdict",
    labels={"said": "Verdict"},
    values=shared.SUMMARY_VALUES,
    margins=("said",),
    source=LINKED,
    method="count of the measures of route29_headings",
)
def route29_summary(view: View) -> pd.DataFrame:
    """Measures by verdict."""
    return shared.summary(route29_headings(view))


def _starters(view: View) -> pd.DataFrame | None:
    if view.register is None or lacking(view.register, KEY, "cases"):
        return None
    return first_cases(cases_at(view.register, view.as_of, KEY))


def _back(view: View) -> pd.DataFrame:
    """Of those who left care after the start, long enough ago to be followed, how many came back."""
    heading, measure = "Re-entries", f"Back in care within {BACK_WITHIN} days, of those who left it after the start"
    rows = _starters(view)
    if rows is None:
        return shared.alone(heading, measure, shared.SHARE, f"cannot be said: needs {NEEDS['cases']}")
    left = reentries(view.history, BACK_WITHIN).merge(rows[["care", "start"]], left_on="child", right_on="care")
    left = left[left["left"] > left["start"]]
    return shared.part(heading, measure, int(left["returned"].sum()), len(left))


def _out_of_borough(view: View) -> pd.DataFrame:
    """Of those in care at the start and at the quarter's end, how many were placed out of borough then and now."""
    heading, measure, form = "Out of area", "Placed out of borough, at the start and now", "Change in the share"
    rows, places = _starters(view), view.history.placements
    if rows is None:
        return shared.alone(heading, measure, form, f"cannot be said: needs {NEEDS['cases']}")
    if not places["location"].isin(("IN", "OUT")).any():
        return shared.alone(heading, measure, form, "cannot be said: needs where placements are (PL_LOCATION)")
    then, now = (_out_on(view, rows["care"], day) for day in (rows["start"], day_number(view.as_of)))
    both = then.notna() & now.notna()
    gap = (now[both].astype(float) - then[both].astype(float)).to_numpy()
    counts = {"children": int(both.sum()), "before": int(then[both].sum()), "after": int(now[both].sum())}
    estimate = mean_estimate(gap) if gap.size > 1 and gap.std() > 0 else None
    shown = told(estimate.value, estimate.lower, estimate.upper, "percent") if estimate else None
    said = changed(estimate, counts["children"], better="down", null=0.0)
    if gap.size >= FEW and not gap.any():
        shown, said = told(0.0, np.nan, np.nan, "percent"), UNCLEAR  # nobody changed, so there is no spread either
    return shared.alone(heading, measure, form, said, **counts, shown=shown)


def _out_on(view: View, care: pd.Series, day: Any) -> pd.Series:
    """Out of borough on a day, in the order of `care`: true, false, NaN where not in care or not known."""
    asked = pd.DataFrame({"row": np.arange(len(care)), "child": care.to_numpy(), "day": day})
    met = asked.merge(view.history.placements[["child", "start", "end", "location"]], on="child")
    met = met[(met["start"] <= met["day"]) & (met["end"] > met["day"]) & met["location"].isin(("IN", "OUT"))]
    return (met.drop_duplicates("row").set_index("row")["location"] == "OUT").reindex(asked["row"]).astype(object)


def _assessed(view: View) -> pd.DataFrame:
    """Full health assessments among the children open to the nurses."""
    measure = "Full health assessment, of those open to the nurses"
    missing = lacking(view.register, KEY, "contacts")
    if missing or view.register is None:
        return shared.alone("Health", measure, shared.SHARE, f"cannot be said: needs {NEEDS[missing]}")
    mine = view.register.contacts[view.register.contacts["programme"] == KEY]
    nursed, done = (set(mine.loc[mine["kind"] == kind, "child"]) for kind in ("nurse", "health assessment"))
    return shared.part("Health", measure, len(nursed & done), len(nursed))


def _value(view: View) -> pd.DataFrame:
    claims = programme_claims(view)
    needed = claims.loc[claims["programme"] == shared.called(view).get(KEY), "needed"]
    measure = "Placements avoided in a year that would pay for it"
    said = "cannot be said: needs a comparison group, and the unit cost of what is avoided"
    shown = formats.number(float(needed.iloc[0]), 1) if len(needed) else None
    return shared.alone("Value", measure, shared.ALONE, said, shown=shown)


@table(
    "route29_fidelity",
    title="Is it the model? What the model asks for and what the register shows",
    row="a part of the model",
    labels={"kind": "Kind", "statement": "The model asks for"},
    values=(
        Value("children", "Rests on"),
        Value("part", "Of them, as the words say", of="children", inward=True),
        Value("value", "Value", "decimal", follows=("children",)),
        Value("lower", "Lower", "decimal", follows=("children",)),
        Value("upper", "Upper", "decimal", follows=("children",)),
        Value("shown", "What the register shows", "text", follows=("children", "part")),
        Value("standing", "Standing of the statement", "text", children=False),
        Value("source", "Source of the statement", "text", children=False),
    ),
    source=f"{REGISTER}; data/reference/model_distinguishers.csv",
    method="complete count; contacts with the exact Poisson 95% interval, over the open months of the last quarter",
)
def route29_fidelity(view: View) -> pd.DataFrame:
    """The model's distinguishers and non-negotiables; what the register does not record is said to be so."""
    rows = []
    for line in read_reference("model_distinguishers.csv").to_dict("records"):
        found = {"shown": "not recorded in the register"}
        if line["shown_by"]:
            needs = "activity" if line["shown_by"] in ("hub", "partners", "posts") else "cases"
            needs = "contacts" if line["shown_by"] == "dose" else needs
            missing = lacking(view.register, KEY, needs)
            if missing or view.register is None:
                found = {"shown": f"not known: needs {NEEDS[missing]}"}
            else:
                found = SHOWN[line["shown_by"]](view, view.register)
        rows.append({**line, **found})
    columns = ["kind", "statement", "children", "part", "value", "lower", "upper", "shown", "standing", "source"]
    return pd.DataFrame(rows, columns=columns)


def _hub(view: View, register: Register) -> dict[str, Any]:
    days = register.activity.loc[
        (register.activity["programme"] == KEY) & (register.activity["activity"] == "hub open"), "first"
    ]
    opened = formats.date(EPOCH + pd.Timedelta(days=int(days.min())).to_pytimedelta()) if len(days) else ""
    return {"shown": f"open since {opened}" if opened else "not recorded in the register"}


def _posts(prefix: str) -> Any:
    def shown(view: View, register: Register) -> dict[str, Any]:
        filled, of = (activity_sum(register, KEY, f"{prefix}osts {what}") for what in ("filled", "established"))
        if np.isnan(filled) or np.isnan(of):
            return {"shown": "not recorded in the register"}
        words = f"{formats.number(filled)} of {formats.number(of)} posts filled"
        return {"children": filled, "value": filled / of if of else np.nan, "shown": words}

    return shown


def _dose(view: View, register: Register) -> dict[str, Any]:
    found = dose(register, view, KEY)
    if found is None:
        return {"shown": "no case was open in the quarter"}
    cases, one = found
    words = f"{told(one.value, one.lower, one.upper, 'decimal')} contacts for each open case a month"
    return {"children": cases, "value": one.value, "lower": one.lower, "upper": one.upper, "shown": words}


def dose(register: Register, view: View, programme: str) -> tuple[int, Estimate] | None:
    """(cases open at some time of the view's quarter, contacts for each month that a case was open in it)."""
    low, high = (day_number(day) for day in (view.quarter.start, view.as_of))
    cases = cases_at(register, view.as_of, programme)
    cases = cases[cases["started"] & (cases["start"] <= high) & (cases["end"] > low)]
    days = np.minimum(cases["end"].to_numpy(dtype=np.int64), high + 1) - np.maximum(cases["start"].to_numpy(), low)
    mine = register.contacts[register.contacts["programme"] == programme]
    mine = mine[mine["day"].between(low, high) & mine["child"].isin(cases["child"])]
    months = float(np.clip(days, 0, None).sum()) / (365.25 / 12)
    return (len(cases), rate(len(mine), months)) if months > 0 else None


def _caseload(view: View, register: Register) -> dict[str, Any]:
    cases, each = caseload_per_worker(register, view.as_of, KEY)
    words = f"{formats.number(cases)} open at the hub"
    words += f", {formats.number(each, 1)} for each member of staff in post" if each else ""
    return {"children": cases, "value": each or np.nan, "shown": words}


def _ages(view: View, register: Register) -> dict[str, Any]:
    spec = register.programmes.set_index("programme").loc[KEY]
    years = first_cases(cases_at(register, view.as_of, KEY))["years"]
    known = years[years >= 0]
    if known.empty or np.isnan(spec["age_from"]):
        return {"shown": "no age, or no limit, is recorded"}
    inside = int((known >= spec["age_from"]).sum())
    return _part(inside, len(known), f"who started were {formats.number(spec['age_from'])} or older")


def _both(view: View, register: Register) -> dict[str, Any]:
    rows = first_cases(cases_at(register, view.as_of, KEY))
    return _part(int((rows["status"] == "looked after").sum()), len(rows), "who started were looked after at referral")


def _part(part: int, whole: int, words: str) -> dict[str, Any]:
    """ "45 of 117 who ...", without numbers where part or rest is small, since words pass no gate."""
    if 0 < part < MINIMUM or 0 < whole - part < MINIMUM:
        return {"children": whole, "shown": f"{'few' if part < MINIMUM else 'nearly all'} {words}"}
    return {"children": whole, "part": part, "shown": f"{formats.number(part)} of {formats.number(whole)} {words}"}


SHOWN: dict[str, Any] = {
    "hub": _hub, "partners": _posts("multi-disciplinary p"), "posts": _posts("p"), "dose": _dose,
    "caseload": _caseload, "ages": _ages, "both": _both,
}  # fmt: skip


def whole_years(view: View, days: pd.Series) -> float:
    """Whole years from the first of `days` (numbers) to the view's last day, since the day itself is one child's."""
    return max(float((day_number(view.as_of) + 1 - int(days.min())) // 365.25), 1.0) if len(days) else np.nan


@table(
    "route29_ages",
    title="Referrals turned away as too young, and what a lower age limit would bring",
    row="an age group",
    labels={"age": "Age at referral"},
    values=(
        Value("children", "Turned away as too young"),
        Value("years", "Years watched", "decimal", children=False),
        *(Value(name, label, "decimal", follows=("children",))
          for name, label in (("rate", "More referrals a year"), ("lower", "Lower"), ("upper", "Upper"))),
        Value("now", "Referrals a year now", "number", follows=("cases",)),
        Value("cases", "Referrals", inward=True),
        Value("said", "What can be said", "text", children=False),
    ),
    margins=("age",),
    source=REGISTER,
    method="exact Poisson 95% interval; those whom nobody refers because of the limit are not in it",
)  # fmt: skip
def route29_ages(view: View) -> pd.DataFrame:
    """Children turned away for being too young by age, as a yearly rate since the programme began."""
    columns = ["age", "children", "years", "rate", "lower", "upper", "now", "cases", "said"]
    missing = lacking(view.register, KEY, "cases")
    if missing or view.register is None:
        row = dict.fromkeys(columns, np.nan) | {"age": ALL, "said": f"cannot be said: needs {NEEDS[missing]}"}
        return pd.DataFrame([row], columns=columns)
    cases = cases_at(view.register, view.as_of, KEY)
    live = int(view.register.programmes.set_index("programme").at[KEY, "live_from"])
    # A programme's first day is known; that of its first case is one child's, of which only the whole year is told.
    if live != NO_DAY:
        years = (day_number(view.as_of) + 1 - live) / 365.25
    else:
        years = whole_years(view, cases.loc[cases["opened"] != NO_DAY, "opened"])
    young = cases[cases["refused"] & (cases["reason"] == "too young")]
    counts = young.groupby("age")["child"].nunique()
    rows = []
    for age, count in [*counts.items(), (ALL, int(counts.sum()))]:
        one = rate(int(count), years)
        said = TOO_FEW if count < MINIMUM else "a lower bound: only those who were referred all the same"
        rows.append((age, int(count), years, one.value, one.lower, one.upper, len(cases) / years, len(cases), said))
    return pd.DataFrame(rows, columns=columns)


STAFF = (
    ("In post", "staff in post", "", "staff_total"),
    ("Salford residents", "staff by home", "Salford", "staff_from_salford"),
    ("From elsewhere", "staff by home", "elsewhere", "staff_from_outside"),
    ("Existing employees", "staff existing employees", "", "staff_existing_employees"),
    ("Care leavers", "staff care leavers", "", "staff_care_leavers"),
    ("Level 4 apprenticeships planned", "apprenticeships planned", "level 4", "apprentices_level_4"),
    ("Level 4 apprenticeships enrolled", "apprenticeships enrolled", "level 4", "apprentices_level_4_enrolled"),
    ("Level 5 apprenticeships", "level 5 apprenticeships", "", "apprentices_level_5"),
)


@table(
    "route29_staff",
    title="Who works for Route 29",
    row="a group of staff",
    labels={"group": "Group"},
    values=(
        Value("staff", "Staff", of="of"),
        Value("of", "Of all in post"),
        Value("published", "Published", follows=("staff", "of")),
        Value("gap", "Difference", "signed", follows=("staff", "published")),
    ),
    source=f"{REGISTER} (activity); data/reference/facts.csv",
    method="complete count; fewer than 6 people are withheld, staff as children are",
)
def route29_staff(view: View) -> pd.DataFrame:
    """Staff in post and what is known of them, beside the published figures where they are this authority's."""
    register = view.register
    facts = project_facts() if view.authority.published else {}
    rows = []
    total = np.nan if register is None else activity_sum(register, KEY, "staff in post")
    for group, name, part, fact in STAFF:
        found = np.nan if register is None else activity_sum(register, KEY, name, part)
        told_ = facts.get(fact, np.nan)
        rows.append((group, found, total if group != "In post" else np.nan, told_, found - told_))
    if not np.isnan(total):
        existing = activity_sum(register, KEY, "staff existing employees") if register is not None else np.nan
        known = facts.get("staff_total", np.nan) - facts.get("staff_existing_employees", np.nan)
        rows.insert(4, ("Newly recruited", total - existing, total, known, total - existing - known))
    return pd.DataFrame(rows, columns=["group", "staff", "of", "published", "gap"])


@table(
    "route29_contradictions",
    title="Three published counts of Route 29's children beside the register's",
    row="a count",
    labels={"line": "Count"},
    values=(
        Value("published", "Published", follows=("register",)),
        Value("register", "Register"),
        Value("text", "Where, and what it leaves", "text", children=False),
    ),
    source=f"{REGISTER}; data/reference/facts.csv (BOND report to Cabinet 2021, 3.1 and 6.5)",
    method="published figures less each other",
)
def route29_contradictions(view: View) -> pd.DataFrame:
    """Cases, referrals, supported and closed: what is left over of either."""
    columns = ["line", "published", "register", "text"]
    if not view.authority.published:
        return pd.DataFrame(columns=columns)
    facts, register = project_facts(), view.register
    mine = None if register is None else cases_at(register, view.as_of, KEY)
    found = {"cases": np.nan, "open": np.nan, "closed": np.nan}
    if mine is not None and len(mine):
        closed = mine["accepted"] & mine["ended"]
        found = {"cases": len(mine), "open": int((mine["accepted"] & ~closed).sum()), "closed": int(closed.sum())}
    cases, referrals, now, closed_ = (facts[f"r29_{one}"] for one in ("cases", "referrals", "supported", "closed"))
    rest = found["cases"] - found["open"] - found["closed"]
    return pd.DataFrame(
        [
            ("Cases in total", cases, found["cases"], "3.1; section 6.5 calls them referrals"),
            ("Referrals", referrals, found["cases"], "3.1, where the same closures are said to be of these"),
            ("Supported now", now, found["open"], "3.1; no day is given"),
            ("Closed", closed_, found["closed"], "3.1 and 6.5"),
            ("Neither, of the cases", cases - now - closed_, rest, "waiting or not accepted? The report does not say"),
            ("Neither, of the referrals", referrals - now - closed_, rest, "the same, of the referrals"),
        ],
        columns=columns,
    )
