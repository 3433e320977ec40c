"""Tables of notebook 10: Route 29 under the headings that No Wrong Door was judged by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Rows, Value, interval, table
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables.programme_claims import programme_claims
from bond_eval.evidence.tables.programme_headings import Row, having, told
from bond_eval.evidence.tables.programmes import REGISTER, activity, activity_sum, called
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import FEW, TOO_FEW, UNCLEAR, changed, ends_of
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.intake.typed import NO_DAY, date_of, day_number
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
    ("Entry to care", "comparison", "waiting", "cases"),
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
NOT_RECORDED = "not recorded in the register"
BACK_WITHIN = 90  # days: the longest that most leavings of 2020 can be followed


def _headings(view: View) -> list[Row]:
    """The rows of one heading together."""
    rows = [
        *shared.headings(view, KEY, BEFORE_CARE), _back(view), _out_of_borough(view),
        *shared.headings(view, KEY, AFTER_CARE), _assessed(view), _value(view),
    ]  # fmt: skip
    order = list(dict.fromkeys(row["heading"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["heading"]))


route29_headings, route29_summary = shared.page(
    __name__, "route29", "Route 29 under the headings that No Wrong Door was judged by", "young people", _headings
)


def _starters(view: View) -> tuple[pd.DataFrame | None, str]:
    """Each child's first case that began, and ""; without cases None and what is needed."""
    register, needs = having(view, KEY, "cases")
    return (first_cases(cases_at(register, view.as_of, KEY)), "") if register else (None, needs)


def _back(view: View) -> Row:
    """Of those who left care after the start, long enough ago to be followed, how many came back."""
    heading, measure = "Re-entries", f"Back in care within {BACK_WITHIN} days, of those who left it after the start"
    rows, needs = _starters(view)
    if rows is None:
        return {"heading": heading, "measure": measure, "form": shared.SHARE, "said": f"cannot be said: {needs}"}
    left = reentries(view.history, BACK_WITHIN).merge(rows[["care", "start"]], left_on="child", right_on="care")
    left = left[left["left"] > left["start"]]
    return shared.part(heading, measure, int(left["returned"].sum()), len(left))


def _out_of_borough(view: View) -> Row:
    """Of those in care at the start and at the quarter's end, how many were placed out of borough then and now."""
    row: Row = {"heading": "Out of area", "measure": "Placed out of borough, at the start and now"}
    row["form"] = "Change in the share, percentage points"
    rows, needs = _starters(view)
    if not view.history.placements["location"].isin(("IN", "OUT")).any():
        needs = needs or "needs where placements are (PL_LOCATION)"
    if rows is None or needs:
        return row | {"said": f"cannot be said: {needs}"}
    then, now = (_out_on(view, rows["care"], day) for day in (rows["start"], day_number(view.as_of)))
    both = then.notna() & now.notna()
    gap = (now[both].astype(float) - then[both].astype(float)).to_numpy()
    counts = {"children": int(both.sum()), "before": int(then[both].sum()), "after": int(now[both].sum())}
    estimate = mean_estimate(gap) if gap.size > 1 and gap.std() > 0 else None
    shown = told(*ends_of(estimate), "points")
    said = changed(estimate, counts["children"], better="down", null=0.0)
    if gap.size >= FEW and not gap.any():
        shown, said = told(0.0, np.nan, np.nan, "points"), UNCLEAR  # nobody changed, so there is no spread either
    return {**row, **counts, "said": said, "shown": shown}


def _out_on(view: View, care: pd.Series, day: pd.Series | int) -> pd.Series:
    """Out of borough on a day, in the order of `care`: true, false, NaN where not in care or not known."""
    asked = pd.DataFrame({"row": np.arange(len(care)), "child": care.to_numpy(), "day": day})
    met = asked.merge(view.history.placements[["child", "start", "end", "location"]], on="child")
    met = met[(met["start"] <= met["day"]) & (met["end"] > met["day"]) & met["location"].isin(("IN", "OUT"))]
    return (met.drop_duplicates("row").set_index("row")["location"] == "OUT").reindex(asked["row"]).astype(object)


def _assessed(view: View) -> Row:
    """Full health assessments among the children open to the nurses."""
    measure = "Full health assessment, of those open to the nurses"
    register, needs = having(view, KEY, "contacts")
    if register is None:
        return {"heading": "Health", "measure": measure, "form": shared.SHARE, "said": f"cannot be said: {needs}"}
    mine = register.contacts[register.contacts["programme"] == KEY]
    nursed, done = (set(mine.loc[mine["kind"] == kind, "child"]) for kind in ("nurse", "health assessment"))
    return shared.part("Health", measure, len(nursed & done), len(nursed))


def _value(view: View) -> Row:
    claims = programme_claims(view)
    needed = claims.loc[claims["programme"] == called(view).get(KEY), "needed"]
    return {
        "heading": "Value", "measure": "Placements avoided in a year that would pay for it", "form": shared.ALONE,
        "said": "cannot be said: needs a comparison group, and the unit cost of what is avoided",
        "shown": formats.number(float(needed.iloc[0]), 1) if len(needed) else None,
    }  # fmt: skip


@table(
    "route29_fidelity",
    title="Is it the model? What the model asks for and what the register shows",
    row="a part of the model",
    labels={"kind": "Kind", "statement": "The model asks for"},
    values=(
        Value("children", "Rests on"),
        Value("part", "Of them, as the words say", of="children", inward=True),
        *interval("value", "Value", "decimal", "children"),
        Value("shown", "What the register shows", "text", follows=("children", "part")),
        Value("standing", "Standing of the statement", "text", children=False),
        Value("source", "Source of the statement", "text", children=False),
    ),
    source=f"{REGISTER}; data/reference/model_distinguishers.csv",
    method="complete count; contacts with the exact Poisson 95% interval, over the open months of the last quarter",
)
def route29_fidelity(view: View) -> Rows:
    """The model's distinguishers and non-negotiables; what the register does not record is said to be so."""
    rows = []
    for line in read_reference("model_distinguishers.csv").to_dict("records"):
        found: Row = {"shown": NOT_RECORDED}
        if line["shown_by"]:
            form, show = SHOWN[line["shown_by"]]
            register, needs = having(view, KEY, form)
            found = show(view, register) if register else {"shown": f"not known: {needs}"}
        rows.append({**line, **found})
    return rows


def _hub(view: View, register: Register) -> Row:
    days = activity(view, KEY, "hub open")["first"]
    opened = formats.date(date_of(days.min())) if len(days) else ""
    return {"shown": f"open since {opened}" if opened else NOT_RECORDED}


def _posts(prefix: str) -> Callable[[View, Register], Row]:
    def shown(view: View, register: Register) -> Row:
        filled, of = (activity_sum(view, KEY, f"{prefix}osts {what}") for what in ("filled", "established"))
        if np.isnan(filled) or np.isnan(of):
            return {"shown": NOT_RECORDED}
        words = f"{formats.number(filled)} of {formats.number(of)} posts filled"
        return {"children": filled, "value": filled / of if of else np.nan, "shown": words}

    return shown


def _dose(view: View, register: Register) -> Row:
    found = dose(register, view, KEY)
    if found is None:
        return {"shown": "no case was open in the quarter"}
    cases, ends = found[0], ends_of(found[1])
    words = f"{told(*ends, 'decimal')} contacts for each open case a month"
    return {"children": cases, "value": ends[0], "lower": ends[1], "upper": ends[2], "shown": words}


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


def _caseload(view: View, register: Register) -> Row:
    cases, each = caseload_per_worker(register, view.as_of, KEY)
    words = f"{formats.number(cases)} open at the hub"
    words += f", {formats.number(each, 1)} for each member of staff in post" if each else ""
    return {"children": cases, "value": each or np.nan, "shown": words}


def _ages(view: View, register: Register) -> Row:
    spec = register.programmes.set_index("programme").loc[KEY]
    years = first_cases(cases_at(register, view.as_of, KEY))["years"]
    known = years[years >= 0]
    if known.empty or np.isnan(spec["age_from"]):
        return {"shown": "no age, or no limit, is recorded"}
    inside = int((known >= spec["age_from"]).sum())
    return _part(inside, len(known), f"who started were {formats.number(spec['age_from'])} or older")


def _both(view: View, register: Register) -> Row:
    rows = first_cases(cases_at(register, view.as_of, KEY))
    return _part(int((rows["status"] == "looked after").sum()), len(rows), "who started were looked after at referral")


def _part(part: int, whole: int, words: str) -> Row:
    """ "45 of 117 who ...", without numbers where part or rest is small, since words pass no gate."""
    if 0 < part < MINIMUM or 0 < whole - part < MINIMUM:
        return {"children": whole, "shown": f"{'few' if part < MINIMUM else 'nearly all'} {words}"}
    return {"children": whole, "part": part, "shown": f"{formats.number(part)} of {formats.number(whole)} {words}"}


# `shown_by` of a statement -> the form of the register that shows it, and how.
SHOWN: dict[str, tuple[str, Callable[[View, Register], Row]]] = {
    "hub": ("activity", _hub), "partners": ("activity", _posts("multi-disciplinary p")),
    "posts": ("activity", _posts("p")), "dose": ("contacts", _dose), "caseload": ("cases", _caseload),
    "ages": ("cases", _ages), "both": ("cases", _both),
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
        *interval("rate", "More referrals a year", "decimal", "children"),
        Value("now", "Referrals a year now", "number", follows=("cases",)),
        Value("cases", "Referrals", inward=True),
        Value("said", "What can be said", "text", children=False),
    ),
    margins=("age",),
    source=REGISTER,
    method="exact Poisson 95% interval; those whom nobody refers because of the limit are not in it",
)
def route29_ages(view: View) -> Rows:
    """Children turned away for being too young by age, as a yearly rate since the programme began."""
    register, needs = having(view, KEY, "cases")
    if register is None:
        return [{"age": ALL, "said": f"cannot be said: {needs}"}]
    cases = cases_at(register, view.as_of, KEY)
    live = int(register.programmes.set_index("programme").at[KEY, "live_from"])
    # A programme's first day is known; that of its first case is one child's, of which only the whole year is told.
    if live != NO_DAY:
        years = (day_number(view.as_of) + 1 - live) / 365.25
    else:
        years = whole_years(view, cases.loc[cases["opened"] != NO_DAY, "opened"])
    young = cases[cases["refused"] & (cases["reason"] == "too young")]
    counts = young.groupby("age")["child"].nunique()
    rows = []
    for age, count in [*counts.items(), (ALL, int(counts.sum()))]:
        said = TOO_FEW if count < MINIMUM else "a lower bound: only those who were referred all the same"
        ends = ends_of(rate(int(count), years))
        rows.append((age, int(count), years, *ends, len(cases) / years, len(cases), said))
    return rows


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
def route29_staff(view: View) -> Rows:
    """Staff in post and what is known of them, beside the published figures where they are this authority's."""
    facts = project_facts() if view.authority.published else {}
    rows, total = [], activity_sum(view, KEY, "staff in post")
    for group, name, part, fact in STAFF:
        found, known = activity_sum(view, KEY, name, part), facts.get(fact, np.nan)
        rows.append((group, found, total if group != "In post" else np.nan, known, found - known))
    if not np.isnan(total):
        new = total - activity_sum(view, KEY, "staff existing employees")
        known = facts.get("staff_total", np.nan) - facts.get("staff_existing_employees", np.nan)
        rows.insert(4, ("Newly recruited", new, total, known, new - known))
    return rows


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
def route29_contradictions(view: View) -> Rows:
    """Cases, referrals, supported and closed: what is left over of either."""
    if not view.authority.published:
        return []
    facts, (register, _) = project_facts(), having(view, KEY, "cases")
    total, opened, ended = np.nan, np.nan, np.nan
    if register is not None:
        mine = cases_at(register, view.as_of, KEY)
        closed = mine["accepted"] & mine["ended"]
        total, opened, ended = len(mine), int((mine["accepted"] & ~closed).sum()), int(closed.sum())
    cases, referrals, now, over = (facts[f"r29_{one}"] for one in ("cases", "referrals", "supported", "closed"))
    rest = total - opened - ended
    return [
        ("Cases in total", cases, total, "3.1; section 6.5 calls them referrals"),
        ("Referrals", referrals, total, "3.1, where the same closures are said to be of these"),
        ("Supported now", now, opened, "3.1; no day is given"),
        ("Closed", over, ended, "3.1 and 6.5"),
        ("Neither, of the cases", cases - now - over, rest, "waiting or not accepted? The report does not say"),
        ("Neither, of the referrals", referrals - now - over, rest, "the same, of the referrals"),
    ]
