"""Tables of notebook 01: how placements have changed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import Quarter, financial_year_start, month_end, month_starts, year_label
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Rows, Value, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import labels
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.placements.ages import ALL_BANDS, birthday
from bond_eval.placements.categories import CATEGORIES, EXTERNAL, IFA, OUTSIDE
from bond_eval.placements.flows import monthly_flows, pooled, real_moves, shortest_period
from bond_eval.placements.history import open_on

CHILDREN = Value("children", "Children")
BOTH = "Outside placement and IFA"
AGE_GROUPS = {
    **dict.fromkeys(ALL_BANDS[:3], "Under 10"),
    "10 to 11": "10 to 11",
    "12 to 15": "12 to 15",
    "16 to 17": "16 and over",
    "18 and over": "16 and over",
    "Not known": "Not known",
}


def _stock(view: View, day: dt.date) -> dict[str, int]:
    counts = view.counts.on(day).sum(axis=1)
    return {**{name: int(counts[name]) for name in view.categories}, ALL: int(counts.sum())}


@table(
    "placements_at_date",
    title="Children looked after at each year end and at the quarter's end, by category of placement",
    row="a date and category",
    labels={"date": "Date", "category": "Category"},
    values=(CHILDREN,),
    margins=("category",),
)
def placements_at_date(view: View) -> Rows:
    """Children by category on each 31 March and on the as-of date."""
    days = sorted({*view.year_ends(), view.baseline})
    return [(day, category, n) for day in days for category, n in _stock(view, day).items()]


@table(
    "placements_by_month",
    title="Children in each category at each month's end",
    row="a month's last day and category",
    labels={"date": "Month's end", "category": "Category"},
    values=(CHILDREN,),
)
def placements_by_month(view: View) -> Rows:
    """Children by category on the last day of each month."""
    months = month_starts(view.history.first_day, view.as_of)
    ends = [month_end(month) for month in months]
    return [(day, category, n) for day in ends for category, n in _stock(view, day).items() if category != ALL]


@table(
    "computed_and_published",
    title="Counts worked out from the return beside those that the report published",
    row="a date and a count that the report published",
    labels={"date": "Date", "count": "Count"},
    values=(
        Value("computed", "From the return"),
        Value("published", "Published", "number", follows=("computed",)),
        Value("difference", "Difference", "signed", follows=("computed",)),
        Value("source", "Where published", "text", follows=("computed",)),
    ),
    source="SSDA903 episodes; data/reference/published.csv",
)
def computed_and_published(view: View) -> Rows:
    """The report's counts of children, each beside the count in this return."""
    rows = []
    figures = view.published[view.published["series"].isin(("placements_at_date", "looked_after"))]
    for figure in figures.to_dict("records"):
        day, name = dt.date.fromisoformat(figure["period"]), figure["category"]
        if not view.history.first_day <= day <= view.as_of:
            continue
        computed = _stock(view, day)[name]
        label = "Looked after in all" if name == ALL else name
        place = f"{figure['document']}, {figure['section']}"
        rows.append((day, label, computed, figure["value"], computed - figure["value"], place))
    return sorted(rows, key=lambda row: row[:2])


@table(
    "placement_flows",
    title="Placements started and ended, with the chart's limits",
    row="a direction and period",
    labels={"chart": "Direction", "period": "Period"},
    values=(
        Value("value", "Placements"),
        Value("mean", "Mean", "decimal", follows=("value",)),
        Value("lower", "Lower limit", "decimal", follows=("value",)),
        Value("upper", "Upper limit", "decimal", follows=("value",)),
        Value("verdict", "Verdict", "text", follows=("value",)),
    ),
    method="XmR chart, NHS Making Data Count rules; periods pooled until none has 1 to 5",
)
def placement_flows(view: View) -> pd.DataFrame:
    """Flows by direction, in the shortest period that may be shown, judged as XmR charts."""
    from bond_eval.methods.spc import xmr

    parts = []
    flows = monthly_flows(view.history)
    for direction, mine in flows.groupby("direction", sort=True):
        period = shortest_period(mine, MINIMUM) if view.public else "month"
        series = pooled(mine, period)
        chart = xmr(series["n"].astype(float).tolist()).frame()
        words = np.where(chart["verdict"] == "neutral", "signal: " + chart["reason"], chart["verdict"])
        part = pd.DataFrame({"period": series["period"], "value": series["n"]})
        part = part.assign(
            chart=f"All placements: {direction} in the {period}",
            mean=chart["mean"].to_numpy(),
            lower=chart["lower"].clip(lower=0).to_numpy(),
            upper=chart["upper"].to_numpy(),
            verdict=words,
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[["chart", "period", "value", "mean", "lower", "upper", "verdict"]]


@table(
    "flows_by_year",
    title="Outside placements and IFAs started and ended in each financial year",
    row="a financial year (the last one to the quarter's end) and category",
    labels={"year": "Financial year", "category": "Category"},
    values=(Value("covers", "Covers", "text", children=False), Value("started", "Started"), Value("ended", "Ended")),
)
def flows_by_year(view: View) -> Rows:
    """Starts and ends of external placements by financial year; the present year is a part of one."""
    placements = real_moves(view.history.placements)
    first, last = view.history.first_day.year, financial_year_start(view.as_of)
    rows = []
    for year in range(first, last + 1):
        end = dt.date(year + 1, 3, 31)
        covers = "the whole year" if end <= view.as_of else f"to {formats.date(view.as_of)}"
        low, high = day_number(dt.date(year, 4, 1)), day_number(min(end, view.as_of))
        for category in EXTERNAL:
            mine = placements[placements["category"] == category]
            started = int(mine["start"].between(low, high).sum())
            ended = int((mine["end"].between(low, high) & ~mine["is_open"]).sum())
            rows.append((year_label(year), category, covers, started, ended))
    return rows


@table(
    "ending_reasons",
    title="Why placements ended in the year to the quarter's end",
    row="a reason and group of placements",
    labels={"group": "Placements", "reason": "Recorded reason"},
    values=(Value("ended", "Ended"),),
    margins=("reason",),
)
def ending_reasons(view: View) -> Rows:
    """Recorded reasons of placements that ended in the last twelve months and were followed by another."""
    last = day_number(view.as_of)
    placements = real_moves(view.history.placements)
    ended = placements[placements["end"].between(last - 364, last) & ~placements["is_open"]]
    ended = ended[ended["following"].isin(CATEGORIES)]
    words = ended["reason"].astype(object).map(labels("REASON_PLACE_CHANGE")).fillna("Not recorded")
    rows = []
    for group, mine in (("All", ended["child"] >= 0), (BOTH, ended["category"].isin(EXTERNAL))):
        counts = words[mine].value_counts().reindex(sorted(set(words)), fill_value=0)
        counts = counts.sort_values(ascending=False, kind="stable")
        rows += [(group, str(reason), int(n)) for reason, n in counts.items()]
        rows.append((group, ALL, int(counts.sum())))
    return rows


@table(
    "child_days",
    title="Child-days by financial quarter and category",
    row="a financial quarter and category",
    labels={"quarter": "Quarter", "category": "Category"},
    values=(
        Value("children", "Children at some time in the quarter"),
        Value("child_days", "Child-days", "number", follows=("children",)),
    ),
)
def child_days(view: View) -> Rows:
    """Nights in each category in each quarter, and how many children they are the nights of."""
    episodes, rows = view.history.episodes, []
    for quarter, part in view.counts.child_days().groupby("quarter", sort=True):
        which = Quarter.parse(str(quarter))
        first, last = day_number(which.start), day_number(min(which.end, view.as_of))
        there = episodes[(episodes["start"] <= last) & (episodes["end"] > first)]
        children = there.groupby("category", observed=False)["child"].nunique()
        for row in part.itertuples():
            rows.append((quarter, row.category, int(children[row.category]), int(row.child_days)))
    return rows


@table(
    "age_by_category",
    title="Children by age and category of placement at the quarter's end",
    row="a category and age group",
    labels={"category": "Category", "age": "Age"},
    values=(CHILDREN,),
    margins=("category", "age"),
)
def age_by_category(view: View) -> pd.DataFrame:
    """Children by category and age group on the as-of date, with totals."""
    counts = view.counts.on(view.as_of)
    grouped = counts.T.groupby(counts.columns.map(AGE_GROUPS), sort=False).sum().T
    if grouped["Not known"].sum() == 0:
        grouped = grouped.drop(columns="Not known")
    return with_totals(grouped[grouped.sum(axis=1) > 0], "category", "age", "children")


def with_totals(counts: pd.DataFrame, down: str, across: str, value: str) -> pd.DataFrame:
    """A cross table as rows of columns `down`, `across` and `value`, with the totals of both and of all."""
    counts = counts.copy()
    counts.loc[ALL] = counts.sum()
    counts[ALL] = counts.sum(axis=1)
    return counts.rename_axis(down).reset_index().melt(down, var_name=across, value_name=value).astype({value: int})


@table(
    "boundary_by_category",
    title="Who provides the placement, and on which side of the boundary it lies, at the quarter's end",
    row="a category and side of the boundary",
    labels={"category": "Category", "boundary": "Boundary"},
    values=(CHILDREN,),
    margins=("category", "boundary"),
    source="SSDA903 episodes; PL_LOCATION or the authority's postcodes.csv",
)
def boundary_by_category(view: View) -> pd.DataFrame:
    """Children by category and side of the boundary on the as-of date: two things that the sources take for one."""
    words = {"IN": "Inside", "OUT": "Out of borough", "not known": "Not known"}
    now = open_on(view.history.episodes, view.as_of)
    sides = now["location"].astype(object).map(words)
    groups = now["category"].astype(object).where(now["category"].isin(EXTERNAL), "All other placements")
    counts = pd.crosstab(groups, sides).reindex(
        index=[OUTSIDE, IFA, "All other placements"], columns=list(words.values()), fill_value=0
    )
    if not counts["Not known"].any():
        counts = counts.drop(columns="Not known")
    elif view.public and (counts["Not known"].between(1, MINIMUM - 1)).any():
        # A few unknowns would otherwise hide how many are out of borough, which is the point of the table.
        counts["Inside"] += counts.pop("Not known")
        counts = counts.rename(columns={"Inside": "Inside, or not known"})
    return with_totals(counts, "category", "boundary", "children")


@table(
    "new_external",
    title="New external placements since the baseline: of children under 12, and begun since the lockdown",
    row="a reading and category",
    labels={"reading": "Reading", "category": "Category"},
    values=(
        Value("children", "Children", of="of", follows=("gap",)),
        Value("of", "New in all"),
        Value("gap", "Differs from the first reading by"),
        Value("published", "Published", "number", follows=("children", "gap", "of")),
        Value("difference", "Difference", "signed", follows=("children", "gap", "of")),
    ),
    source="SSDA903 episodes and header; data/reference/published.csv",
)
def new_external(view: View) -> Rows:
    """Children in a category now who were not at the baseline, under both readings of the report."""
    cohorts = {category: cohort.new for category, cohort in view.cohorts.items()}
    cohorts[BOTH] = pd.concat(cohorts.values(), ignore_index=True)
    lockdown = day_number(view.authority.pandemic_date)
    quoted = view.published.set_index("series")["value"]
    rows = []
    for category, new in cohorts.items():
        twelfth = birthday(new["birth"].to_numpy(), 12)
        known = new["birth"].to_numpy() != NO_DAY
        readings = {
            "Under 12 at the quarter's end": (known & (twelfth > day_number(view.as_of)), "new_under_12"),
            "Under 12 when it began": (known & (twelfth > new["start"].to_numpy()), "new_under_12"),
            "Begun since the lockdown": (new["start"].to_numpy() >= lockdown, "new_since_lockdown"),
        }
        for reading, (mask, series) in readings.items():
            n = int(mask.sum())
            value = quoted.get(series, np.nan) if category == BOTH and view.as_of == dt.date(2020, 9, 30) else np.nan
            # A second reading that differs by a few children would give those few away.
            first = int((known & (twelfth > day_number(view.as_of))).sum())
            gap = abs(n - first) if reading == "Under 12 when it began" else 0
            rows.append((reading, category, n, len(new), gap, value, n - value))
    return rows


@table(
    "spend_and_budget",
    title="External placements: budget and spend in the report's five years, £000",
    row="a financial year",
    labels={"year": "Financial year", "standing": "Standing of the spend"},
    values=(
        Value("budget", "Budget £000", "thousands"),
        Value("actual", "Spend £000", "thousands"),
        Value("shortfall", "Surplus or (shortfall) £000", "thousands"),
    ),
    source="data/reference/published.csv: BOND report to Cabinet 2021, Impact on Integrated Fund",
    method="published figures",
)
def spend_and_budget(view: View) -> Rows:
    """The report's five-year table; its last year was a projection when it was written."""
    money = view.published[view.published["series"].isin(("budget", "actual"))]
    rows = []
    for year, part in money.groupby("period", sort=True):
        values = part.set_index("series")["value"]
        standing = part.loc[part["series"] == "actual", "standing"].iloc[0]
        rows.append((year, standing, values["budget"], values["actual"], values["budget"] - values["actual"]))
    return rows
