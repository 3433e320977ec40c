"""Tables of notebook 05: placements and their cost in the next two years under stated scenarios, and what the
do-nothing of the same model is worth in pounds (the tables of 31).

Numbers to come are a model's and no children's; but a model of few children gives them away, so a forecast is shown
only where today's number may be, and in public not where its median is 1 to 5 (docs/decisions/0007). Today's
numbers stand by the same categories as in 01, with the same total, so that one table withholds what the other does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.periods import financial_year_start, month_end, year_label
from bond_eval.economics.into_pounds import Outlook
from bond_eval.economics.money import Withheld
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Rows, Value, interval, table
from bond_eval.evidence.tables.did_the_trend_change import fewest, trend_of
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import ends_of
from bond_eval.placements.backcast import summary
from bond_eval.placements.categories import CATEGORIES, EXTERNAL, IFA, OUTSIDE
from bond_eval.placements.demand import Model, fit, latest_window, leave_out, leaving_early, population
from bond_eval.placements.demand_paths import LEVELS, Paths, bands, simulate
from bond_eval.placements.history import History, build_history
from bond_eval.placements.outlook import MONTHS, OP, Scenario

CARERS = ("In-house fostering", "Connected carers")
GROUPS = (*CATEGORIES, ALL)
NEEDS = {OUTSIDE: "Beds in outside placements", IFA: "Agency foster places", CARERS[0]: "In-house foster places",
         CARERS[1]: "Connected carers' places"}  # fmt: skip
LIMITS = tuple(f"{side}_{100 * level:.0f}" for level in LEVELS for side in ("lower", "upper"))
PEAK = ("median", "lower_80", "upper_80")
SHOWN = ("now",)
EPISODES = "SSDA903 episodes"
PRICED = f"{EPISODES} and the authority's finance files"
MODEL = "demand model: 500 simulated paths, docs/METHODS.md"


def limits(kind: str, follows: tuple[str, ...]) -> tuple[Value, ...]:
    """The value columns of the bands."""
    words = (f"{side} limit, {100 * level:.0f}%" for level in LEVELS for side in ("Lower", "Upper"))
    return tuple(Value(name, label, kind, follows=follows) for name, label in zip(LIMITS, words, strict=True))


def outlook(view: View) -> Outlook:
    """All simulations of the view, made once."""
    key = f"outlook, seed {view.seed}"
    if key not in view.shelf:
        since = view.authority.programme_date
        view.shelf[key] = Outlook(view.history, view.finance, since, view.seed, trend_of(view))
    made: Outlook = view.shelf[key]
    return made


def grouped(counts: np.ndarray) -> np.ndarray:
    """The last axis, of CATEGORIES, with their sum at its end: GROUPS."""
    return np.concatenate([counts, counts.sum(axis=-1, keepdims=True)], axis=-1)


def withheld(view: View, frame: pd.DataFrame, level: str, columns: list[str]) -> pd.DataFrame:
    """In public, without numbers where the forecast number of children (`level`) is 1 to 5."""
    few = frame[level].gt(0) & frame[level].lt(MINIMUM) & view.public
    return frame.assign(**{name: frame[name].mask(few) for name in columns})


def simulated(view: View) -> Iterator[tuple[Scenario, Model, Paths]]:
    """The scenarios that could be simulated."""
    for scenario in outlook(view).scenarios:
        if scenario.model is not None and scenario.paths is not None:
            yield scenario, scenario.model, scenario.paths


def _now(view: View) -> np.ndarray:
    return grouped(population(view.history, view.as_of).by_category())


@table(
    "forecast_windows",
    title="The window that each scenario takes its rates from, and what was seen in it",
    row="a scenario",
    labels={"scenario": "Scenario"},
    values=(
        Value("window", "Window", "text"),
        Value("entrants", "Came into care"),
        Value("nights", "Child-nights", "number"),
        Value("into", "Moves into outside placements"),
        Value("out", "Moves out of them, and exits"),
        Value("reason", "Why there is none", "text"),
    ),
    method=MODEL,
)
def forecast_windows(view: View) -> Rows:
    """First and last night of each reference window, child-nights at risk, entrants and moves."""
    rows = []
    for scenario in outlook(view).scenarios:
        found: tuple[Any, ...] = ("none", *(np.nan,) * 4)
        if (model := scenario.model) is not None:
            moves = (int(model.events[:, :, OP].sum()), int(model.events[:, OP].sum()))
            found = (str(model.window), int(model.entrants.sum()), float(model.exposure.sum()), *moves)
        rows.append((scenario.name, *found, scenario.reason or "-"))
    return rows


@table(
    "forecast_by_month",
    title="Children by category at each month's end to come, under each scenario",
    row="a scenario, category and month's end; the two years before it for outside placements and IFAs",
    labels={"scenario": "Scenario", "category": "Category", "date": "Month's end"},
    values=(
        Value("now", "On the as-of date"),
        Value("actual", "Children"),
        Value("median", "Median", "number", follows=SHOWN),
        *limits("number", SHOWN),
    ),
    margins=("category",),
    method=MODEL,
)
def forecast_by_month(view: View) -> pd.DataFrame | Rows:
    """Median and bands of whole children; `actual` is the number seen, up to the as-of date."""
    now, parts = _now(view), []
    seen = grouped(view.counts.by_category().to_numpy())
    for scenario, _, paths in simulated(view):
        for months in range(-MONTHS, MONTHS + 1):
            day = month_end(view.as_of, months)
            frame = pd.DataFrame({"scenario": scenario.name, "category": list(GROUPS), "date": day, "now": now})
            if months >= 0:
                frame = frame.assign(**bands(grouped(paths.night(day).astype(np.int64))))
            if months <= 0 and 0 <= (row := (day - view.counts.first).days) < len(seen):
                frame["actual"] = seen[row]
            # Earlier months with a total would give away what 01's monthly table, which has none, withholds.
            parts.append(frame if months >= 0 else frame[frame["category"].isin(EXTERNAL) & ("actual" in frame)])
    return withheld(view, pd.concat(parts, ignore_index=True), "median", ["median", *LIMITS]) if parts else []


@table(
    "forecast_costs",
    title="Cost of placements to come by scenario and financial year, £000, at the latest year's cost of a day",
    row="a scenario, financial year (or the part of it within 24 months) and category",
    labels={"scenario": "Scenario", "year": "Financial year", "category": "Category"},
    values=(
        Value("now", "Children on the as-of date"),
        Value("days", "Child-days, median", "number", follows=SHOWN),
        Value("median", "Cost £000, median", "thousands", follows=SHOWN),
        *limits("thousands", SHOWN),
        Value("reason", "Why there is no cost", "text"),
    ),
    margins=("category",),
    source=PRICED,
    method=f"{MODEL}; children's costs of a day drawn again, one draw a path",
)
def forecast_costs(view: View) -> pd.DataFrame | Rows:
    """Child-days × cost of a day, both drawn; no uplift of prices."""
    prices, now, parts = outlook(view).prices, _now(view), []
    for scenario, _, paths in simulated(view):
        for label, first, last in _years(view.as_of):
            days = paths.child_days(first, last)
            frame = pd.DataFrame({"scenario": scenario.name, "year": label, "category": list(GROUPS), "now": now})
            frame = frame.assign(days=np.median(grouped(days), axis=0), median=np.nan, reason="-")
            frame["level"] = (frame["days"] / ((last - first).days + 1)).round()
            if isinstance(prices, Withheld):
                frame = frame.assign(reason=prices.reason, **dict.fromkeys(LIMITS, np.nan))
            else:
                frame = frame.assign(**bands(grouped(days * prices / 1000)))
            parts.append(withheld(view, frame, "level", ["days", "median", *LIMITS]))
    return pd.concat(parts, ignore_index=True) if parts else []


def _years(as_of: dt.date) -> list[tuple[str, dt.date, dt.date]]:
    """Financial years of the 24 months after a date: label, first and last day; a part says from or to when."""
    first, end, years = as_of + dt.timedelta(days=1), month_end(as_of, MONTHS), []
    while first <= end:
        year = financial_year_start(first)
        last, label = min(dt.date(year + 1, 3, 31), end), year_label(year)
        whole = (first, last) == (dt.date(year, 4, 1), dt.date(year + 1, 3, 31))
        years.append((label if whole else f"{label}, {first:%B} to {last:%B}", first, last))
        first = last + dt.timedelta(days=1)
    return years


@table(
    "forecast_sufficiency",
    title="Beds and carers' places needed at the fullest time of the next 24 months",
    row="a scenario and category",
    labels={"scenario": "Scenario", "category": "Category"},
    values=(
        Value("need", "What is needed", "text"),
        Value("now", "In use on the as-of date"),
        Value("median", "At the peak, median", "number", follows=SHOWN),
        Value("upper_80", "At the peak, upper 80% limit", "number", follows=SHOWN),
        Value("more", "More than in use", "signed", follows=SHOWN),
    ),
    margins=("category",),
    method=f"{MODEL}; each path's own highest night",
)
def forecast_sufficiency(view: View) -> pd.DataFrame | Rows:
    """The highest night of each path: its median, and the limit that nine of ten paths stay within."""
    now, parts = _now(view), []
    for scenario, _, paths in simulated(view):
        found = bands(grouped(paths.daily.astype(np.int32)).max(axis=1))
        upper, median = found["upper_80"].astype(np.int64), found["median"]
        needs = [NEEDS.get(name, "Places in all" if name == ALL else "Places") for name in GROUPS]
        peak = {"need": needs, "now": now, "median": median, "upper_80": upper, "more": upper - now}
        frame = pd.DataFrame({"scenario": scenario.name, "category": list(GROUPS), **peak})
        parts.append(withheld(view, frame, "median", ["median", "upper_80", "more"]))
    return pd.concat(parts, ignore_index=True) if parts else []


@table(
    "forecast_backcast",
    title="How far the model and the last value were off at past quarters' ends",
    row="a category and horizon",
    labels={"category": "Category", "horizon": "Months ahead"},
    values=(
        Value("origins", "Quarters' ends", children=False),
        Value("least", "Fewest children to be forecast"),
        Value("model", "Mean error of the model", "decimal", follows=("least",)),
        Value("last_value", "Mean error of the last value", "decimal", follows=("least",)),
        *(Value(f"inside_{100 * x:.0f}", f"Held by the {100 * x:.0f}% band", "percent", follows=("least",))
          for x in LEVELS),
        Value("verdict", "In words", "text", follows=("least",)),
    ),
    method=f"{MODEL}; rolling origins with 12 months of data or more before each",
)  # fmt: skip
def forecast_backcast(view: View) -> pd.DataFrame | Rows:
    """Mean absolute error and coverage; the categories that the other tables name."""
    rows = outlook(view).backcast
    if not len(rows):
        return []
    found = summary(rows[rows["category"].isin((*EXTERNAL, *CARERS, ALL))])
    return found.assign(verdict=[judged(a, b) for a, b in zip(found["model"], found["last_value"], strict=True)])


@table(
    "forecast_duration",
    title="Does it matter how long a child has been there? Leaving in the first half-year of a stay beside later",
    row="a category",
    labels={"category": "Category"},
    values=(
        Value("few", "Leavings behind it, where 1 to 5"),
        *interval("ratio", "Times as often", "decimal", "few"),
        Value("verdict", "In words", "text", follows=("few",)),
    ),
    method="ratio of leavings per night at risk, stays begun within the data; score interval",
)
def forecast_duration(view: View) -> Rows:
    """The model takes leaving to be as likely on every night of a stay: whether that is so."""
    rows = []
    for category in (*EXTERNAL, *CARERS):
        if (found := leaving_early(view.history, category)) is not None:
            matters = "length of stay matters" if found.lower > 1 or found.upper < 1 else "no clear difference"
            rows.append((category, fewest(found.n), *ends_of(found), f"{matters}; the model leaves it out"))
    return rows


@table(
    "forecast_options",
    title="Who is counted: the latest rates with short breaks, and without unaccompanied children, in two years",
    row="an option",
    labels={"option": "Option"},
    values=(
        Value("children", "Children added or left out today"),
        *(Value(f"{who}_{name}", f"{words}, {label}", "number", follows=("children",))
          for who, words in (("outside", "Outside placements"), ("all", "All looked after"))
          for name, label in zip(PEAK, ("median", "lower 80% limit", "upper 80% limit"), strict=True)),
        Value("reason", "Why there is none", "text"),
    ),
    method=f"{MODEL}; the latest year",
)  # fmt: skip
def forecast_options(view: View) -> Rows:
    """Short breaks are left out elsewhere and unaccompanied children are in; what the other choice would say."""
    module = view.data.modules.get("UASC")
    alone = np.unique(module["child"]) if module is not None and len(module) else np.zeros(0, dtype=int)
    options = {
        "With short breaks (V3, V4)": build_history(view.data, view.as_of, short_breaks=True),
        "Without unaccompanied children": leave_out(view.history, alone) if len(alone) else None,
    }
    now = len(population(view.history, view.as_of).birth)
    return [_option(view, *item, now) for item in options.items()]


def _option(view: View, name: str, history: History | None, now: int) -> dict[str, object]:
    if history is None:
        return {"option": name, "reason": "needs the UASC module of the return"}
    start, end = population(history, view.as_of), month_end(view.as_of, MONTHS)
    row: dict[str, object] = {"option": name, "children": abs(len(start.birth) - now), "reason": "-"}
    try:
        model = fit(history, latest_window(history, view.as_of, 1))
    except InputError as error:
        return row | {"reason": str(error)}
    made = simulate(model, start, view.as_of, (end - view.as_of).days, seed=view.seed).night(end).astype(np.int64)
    for who, draws in (("outside", made[:, OP]), ("all", made.sum(axis=1))):
        found = bands(draws)
        few = view.public and 0 < found["median"] < MINIMUM
        row |= {f"{who}_{x}": np.nan if few else float(found[x]) for x in PEAK}
    return row


def judged(model: float, last: float) -> str:
    """Whether the model was nearer than the number carried forward, in words; half a child apart is no difference."""
    if abs(model - last) < 0.5:
        return "no nearer and no further than the last value"
    return "nearer than the last value" if model < last else "further off than the last value"
