"""Tables of notebook 02: the baseline cohorts followed to the quarter's end."""

from __future__ import annotations

import datetime as dt

import numpy as np

from bond_eval.evidence.gate import MINIMUM, protect
from bond_eval.evidence.registry import ALL, REGISTRY, Rows, Value, interval, table
from bond_eval.evidence.view import View
from bond_eval.placements.categories import OUTSIDE
from bond_eval.placements.cohorts import GROUPS

DAYS_A_MONTH = 365.25 / 12


@table(
    "cohort_summary",
    title="The baseline cohorts: how many, how many have left, how many are new, how many there are now",
    row="a cohort and step",
    labels={"cohort": "Cohort", "step": "Step"},
    values=(
        Value("children", "Children"),
        Value("published", "Published", "number", follows=("children",)),
        Value("difference", "Difference", "signed", follows=("children",)),
    ),
    source="SSDA903 episodes; data/reference/published.csv",
)
def cohort_summary(view: View) -> Rows:
    """Baseline, less those no longer there, plus those there now who were not, is those there now."""
    figures = view.published[view.published["period"] <= view.as_of.isoformat()]
    quoted, rows = figures.set_index(["series", "category", "period"])["value"], []
    for category, cohort in view.cohorts.items():
        size, there = len(cohort.frame), int(cohort.frame["there_now"].sum())
        today = view.as_of.isoformat()
        steps = {
            "At the baseline": (size, ("cohort_size", category, view.baseline.isoformat())),
            "No longer there": (size - there, ("cohort_left", category, today)),
            "Still there": (there, ("", "", "")),
            "New since the baseline": (len(cohort.new), ("cohort_new", category, today)),
            "There now": (there + len(cohort.new), ("placements_at_date", category, today)),
        }
        for step, (n, key) in steps.items():
            value = float(quoted.get(key, np.nan))
            rows.append((category, step, n, value, n - value))
    return rows


@table(
    "cohort_destinations",
    title="Where the children of each baseline cohort went first",
    row="a cohort and first destination",
    labels={"cohort": "Cohort", "destination": "First destination"},
    values=(Value("children", "Children"),),
    margins=("destination",),
)
def cohort_destinations(view: View) -> Rows:
    """First destination of each child that left its cohort's category, with those still there and the total."""
    rows = []
    for category, cohort in view.cohorts.items():
        counts = cohort.frame["destination"].replace("", "Still there").value_counts()
        for destination in ("Still there", *GROUPS):
            rows.append((category, destination, int(counts.get(destination, 0))))
        rows.append((category, ALL, len(cohort.frame)))
    return rows


@table(
    "cohort_survival",
    title="Share of each baseline cohort still in its first category",
    row="a cohort and time since the baseline, at steps that hold at least six leavers",
    labels={"cohort": "Cohort", "months": "Months"},
    values=(
        Value("at_risk", "Children at risk"),
        *interval("estimate", "Estimate", "percent", "at_risk"),
    ),
    method="Kaplan-Meier, 95% limits on the log scale",
)
def cohort_survival(view: View) -> Rows:
    """Kaplan-Meier curve of time to leaving, drawn only where a step cannot show one child."""
    from bond_eval.methods.survival import kaplan_meier

    rows = []
    for category, cohort in view.cohorts.items():
        if not len(cohort.frame):
            continue
        days, left = cohort.frame["days"].to_numpy(), cohort.frame["left"].to_numpy()
        times = _steps(days, left, view)
        curve = kaplan_meier(days, left).at(times)
        for row in curve.to_dict("records"):
            # Steps of the number at risk are children, so that only the internal edition has it.
            at_risk = np.nan if view.public else int((days >= row["time"]).sum())
            months = round(row["time"] / DAYS_A_MONTH, 2)
            rows.append((category, months, at_risk, row["survival"], row["lower"], row["upper"]))
    return rows


def _steps(days: np.ndarray, left: np.ndarray, view: View) -> list[float]:
    """Times to show: zero, then each by which at least six more have left (public) or one more (internal); the end."""
    minimum = MINIMUM if view.public else 1
    times, shown = [0.0], 0
    end = float(days.max())
    total = int(left.sum())
    for time in np.unique(days[left]):
        gone = int((left & (days <= time)).sum())
        if gone - shown >= minimum and (total - gone >= minimum or total == gone):
            times.append(float(time))
            shown = gone
    return times if times[-1] == end else [*times, end]


@table(
    "cohort_incidence",
    title="Share of each baseline cohort that has left, by first destination",
    row="a cohort, destination and time since the baseline, at steps that hold at least six leavers",
    labels={"cohort": "Cohort", "destination": "First destination", "months": "Months"},
    values=(
        Value("children", "Children so far", of="of"),
        Value("of", "Of"),
        *interval("estimate", "Estimate", "percent", "children", "of"),
    ),
    method="cumulative incidence with competing risks (Aalen-Johansen), 95% limits on the log(-log) scale",
)
def cohort_incidence(view: View) -> Rows:
    """Cumulative incidence of each first destination, each a risk that competes with the others."""
    from bond_eval.methods.survival import cumulative_incidence

    # A destination that the table of destinations withholds is withheld here too: the two count the same children.
    shown = protect(REGISTRY["cohort_destinations"], cohort_destinations(view), view.audience)
    triples = zip(shown.label("cohort"), shown.label("destination"), shown.cells("children"), strict=True)
    withheld = {(cohort, destination) for cohort, destination, cell in triples if not cell.known}
    rows = []
    for category, cohort in view.cohorts.items():
        days, where = cohort.frame["days"].to_numpy(), cohort.frame["destination"]
        groups = [group for group in GROUPS if (where == group).any()]
        if not groups:
            continue
        cause = where.map({group: place + 1 for place, group in enumerate(groups)}).fillna(0).astype(int).to_numpy()
        result = cumulative_incidence(days, cause, causes=len(groups))
        for place, group in enumerate(groups, start=1):
            if (category, group) in withheld:
                continue
            times = _steps(days, cause == place, view)
            curve = result.at(times)
            for row in curve[curve["cause"] == place].to_dict("records"):
                n = int(((cause == place) & (days <= row["time"])).sum())
                months = round(row["time"] / DAYS_A_MONTH, 2)
                # At the very start nobody has left: the share is exactly none.
                limits = (0.0, 0.0) if n == 0 else (row["lower"], row["upper"])
                rows.append((category, group, months, n, len(days), row["incidence"], *limits))
    return rows


@table(
    "baseline_statements",
    title="How many outside placements there were at the baseline, as each passage states it and as the return has it",
    row="a statement",
    labels={"statement": "Statement", "date": "Day taken"},
    values=(
        Value("children", "Children, from the return"),
        Value("published", "Children, as stated", "number", follows=("children",)),
        Value("difference", "Difference", "signed", follows=("children",)),
    ),
    source="SSDA903 episodes; data/reference/published.csv",
)
def baseline_statements(view: View) -> Rows:
    """48 or 46: each passage beside the count of outside placements, and of out-of-borough ones, on its date."""
    rows, stated = [], view.published[view.published["series"] == "baseline_stated"]
    for figure in stated.to_dict("records"):
        day = view.baseline if not figure["period"] else dt.date.fromisoformat(figure["period"])
        if not view.history.first_day <= day <= view.as_of:
            continue
        n = int(view.counts.on(day).loc[OUTSIDE].sum())
        text = f"{figure['document']}, {figure['section']}: {figure['note']}"
        rows.append((text, day, n, figure["value"], n - figure["value"]))
    return rows
