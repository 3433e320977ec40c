"""Tables of notebook 12: Achieving Change Together, its young people at risk of exploitation and its caseload."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables.programmes import LINKED, REGISTER, called, programme_flow
from bond_eval.evidence.tables.route29 import PARENT, SDQ, SELF, WORKER, dose
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import FEW, TOO_FEW, ends_of
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import OUTSIDE
from bond_eval.programmes.capacity import caseload_per_worker
from bond_eval.programmes.cases import cases_at, first_cases
from bond_eval.programmes.outcomes import ENTRY

KEY = "act"
MONTH = 365.25 / 12
ASKED: tuple[shared.Asked, ...] = (
    ("Exploitation", "event", "Assessed at risk of exploitation", "events"),
    ("Exploitation", "scale", ("Exploitation risk", WORKER), "measures"),
    ("Missing", "event", "Missing", "events"),
    ("Crime and substance misuse", "event", "Arrest", "events"),
    ("Crime and substance misuse", "event", "Substance misuse identified", "events"),
    ("Health", "event", "A&E attendance", "events"),
    ("School", "event", "Exclusion from school", "events"),
    ("Entry to care", "outcome", (ENTRY, ENTRY), "cases"),
    ("Entry to care", "comparison", "refused", "cases"),
    ("Placements", "care", OUTSIDE, "cases"),
    ("Placements", "care", "Secure", "cases"),
    ("Placements", "moves", "Moves within care", "cases"),
    ("Wellbeing", "scale", (SDQ, PARENT), "measures"),
    ("Wellbeing", "scale", (SDQ, SELF), "measures"),
)


act_headings, act_summary = shared.page(
    __name__, "act", "What became of the young people of Achieving Change Together", "young people",
    lambda view: shared.headings(view, KEY, ASKED),
)  # fmt: skip


@table(
    "act_caseload",
    title="Open cases for each worker, quarter by quarter",
    row="a quarter",
    labels={"quarter": "Quarter"},
    values=(
        Value("children", "Open at the end"),
        Value("workers", "Workers in post"),
        Value("each", "Cases a worker", "decimal", follows=("children", "workers")),
        Value("planned", "As the model has it", "number", children=False),
        Value("said", "What can be said", "text", follows=("children", "workers")),
    ),
    source=f"{REGISTER} (cases and activity)",
    method="complete count on the quarter's last day; workers are the latest count given by then",
)
def act_caseload(view: View) -> Rows:
    """Caseload beside the model's; workers are not available where the register does not count them."""
    planned, (register, needs) = project_facts()["act_caseload"], shared.having(view, KEY, "cases")
    if register is None:
        return [{"quarter": str(view.quarter), "planned": planned, "said": f"cannot be said: {needs}"}]
    flow, rows = programme_flow(view), []
    for name in flow.loc[flow["programme"] == called(view)[KEY], "quarter"]:
        children, each = caseload_per_worker(register, min(Quarter.parse(name).end, view.as_of), KEY)
        workers = children / each if each else np.nan
        rows.append((name, children, workers, each or np.nan, planned, _load(each, planned)))
    return rows


def _load(each: float | None, planned: float) -> str:
    if not each:
        return "cannot be said: needs the number of staff in post by then (register/activity.csv)"
    return "more than the model has" if each > planned else "within the model's"


@table(
    "act_length",
    title="How long the work lasts, and how much of it there is",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("children", "Cases"),
        *interval("value", "Value", "decimal", "children"),
        Value("planned", "As the model has it", "number", children=False),
        Value("said", "What can be said", "text", children=False),
    ),
    source=REGISTER,
    method="Kaplan-Meier median, open cases counting as long as they have lasted; contacts with exact Poisson interval",
)
def act_length(view: View) -> Rows:
    """Months that a case lasts beside the model's twelve, and contacts for each open case a month."""
    planned, rows = project_facts()["act_months"], []
    measures = {"Months that a case lasts (median)": "cases", "Contacts for each open case a month": "contacts"}
    for measure, form in measures.items():
        model = planned if form == "cases" else np.nan
        register, needs = shared.having(view, KEY, form)
        if register is None:
            rows.append((measure, *[np.nan] * 4, model, f"cannot be said: {needs}"))
        elif form == "cases":
            rows.append((measure, *_months(cases_at(register, view.as_of, KEY), view, planned)))
        elif found := dose(register, view, KEY):
            rows.append((measure, found[0], *ends_of(found[1]), model, shared.DESCRIBED))
    return rows


def _months(cases: pd.DataFrame, view: View, planned: float) -> tuple[object, ...]:
    from bond_eval.methods.survival import kaplan_meier

    begun = cases[cases["started"]]
    if begun.empty:
        return (0, np.nan, np.nan, np.nan, planned, TOO_FEW)
    ended = begun["ended"].to_numpy()
    until = np.where(ended, begun["end"], day_number(view.as_of))
    curve = kaplan_meier((until - begun["start"].to_numpy()) / MONTH, ended)
    limits = [np.nan if v is None else v for v in (curve.median, curve.median_lower, curve.median_upper)]
    low, high = limits[1:]
    said = "no different from the model's, as far as can be told"
    if len(begun) < FEW:
        said = TOO_FEW
    elif np.isnan(limits[0]):
        said = "too early: more than half are open still"
    elif low > planned or high < planned:
        said = "longer than the model's" if low > planned else "shorter than the model's"
    return (len(begun), *limits, planned, said)


@table(
    "act_secure",
    title="Young people in secure placements",
    row="a count",
    labels={"line": "Count"},
    values=(Value("children", "Young people", of="of"), Value("of", "Of")),
    source=LINKED,
    method="complete count of the return's secure placements; published for September 2019, without a record",
)
def act_secure(view: View) -> Rows:
    """Starters in a secure placement when they began, how many have left it, and how many went into one since."""
    lines = ("In a secure placement at the start", "Of them, left it since", "Went into one after the start")
    register, _ = shared.having(view, KEY, "cases")
    if register is None:
        return [{"line": line} for line in lines]
    rows = first_cases(cases_at(register, view.as_of, KEY))
    secure = view.history.placements
    secure = secure[secure["category"] == "Secure"][["child", "start", "end", "is_open"]]
    met = rows[["child", "care", "start"]].rename(columns={"child": "person", "start": "began"})
    met = met.merge(secure, left_on="care", right_on="child")
    inside = met[(met["start"] <= met["began"]) & (met["end"] > met["began"])]
    since = met[met["start"] > met["began"]]
    there, left = inside["person"].nunique(), inside.loc[~inside["is_open"], "person"].nunique()
    counts = ((there, len(rows)), (left, there), (since["person"].nunique(), len(rows)))
    return [(line, *pair) for line, pair in zip(lines, counts, strict=True)]
