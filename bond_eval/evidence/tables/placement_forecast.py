"""Tables of notebook 05: placements and their cost in the next two years under stated scenarios, and what the
do-nothing of the same model is worth in pounds (shown in 31 too).

Numbers to come are a model's and no children's; but a model of few children gives them away, so a forecast is shown
only where today's number may be, and in public not where its median is 1 to 5 (docs/decisions/0007). Today's
numbers stand by the same categories as in 01, with the same total, so that one table withholds what the other does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bond_eval.core.periods import financial_year_start, next_month, year_label
from bond_eval.economics.into_pounds import Design, Outlook
from bond_eval.economics.money import Withheld
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Value, table
from bond_eval.evidence.view import View
from bond_eval.placements.backcast import month_end, summary
from bond_eval.placements.categories import CATEGORIES, EXTERNAL, IFA, OUTSIDE
from bond_eval.placements.demand import Model, population
from bond_eval.placements.demand_paths import LEVELS, Paths, bands
from bond_eval.placements.outlook import MONTHS, OP, Scenario

CARERS = ("In-house fostering", "Connected carers")
GROUPS = (*CATEGORIES, ALL)
NEEDS = {OUTSIDE: "Beds in outside placements", IFA: "Agency foster places", CARERS[0]: "In-house foster places",
         CARERS[1]: "Connected carers' places"}  # fmt: skip
LIMITS = tuple(f"{side}_{100 * level:.0f}" for level in LEVELS for side in ("lower", "upper"))
SHOWN = ("now",)
EPISODES = "SSDA903 episodes"
PRICED = f"{EPISODES} and the authority's finance files"
MODEL = "demand model: 500 simulated paths, docs/METHODS.md"
NIGHTS = Value("nights", "Child-nights", "number")


def limits(kind: str, follows: tuple[str, ...]) -> tuple[Value, ...]:
    """The value columns of the bands."""
    words = (f"{side} limit, {100 * level:.0f}%" for level in LEVELS for side in ("Lower", "Upper"))
    return tuple(Value(name, label, kind, follows=follows) for name, label in zip(LIMITS, words, strict=True))


def outlook(view: View) -> Outlook:
    """All simulations of the view, made once."""
    made = Outlook(view.history, view.finance, view.authority.programme_date, view.seed)
    return view.shelf.setdefault("outlook", made)


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
        NIGHTS,
        Value("into", "Moves into outside placements"),
        Value("out", "Moves out of them, and exits"),
        Value("reason", "Why there is none", "text"),
    ),
    method=MODEL,
)
def forecast_windows(view: View) -> pd.DataFrame:
    """First and last night of each reference window, child-nights at risk, entrants and moves."""
    rows = []
    for scenario in outlook(view).scenarios:
        row: dict[str, object] = {"scenario": scenario.name, "window": "none", "reason": scenario.reason or "-"}
        if (model := scenario.model) is not None:
            row |= {
                "window": str(model.window), "entrants": int(model.entrants.sum()),
                "nights": float(model.exposure.sum()), "into": int(model.events[:, :, OP].sum()),
                "out": int(model.events[:, OP].sum()),
            }  # fmt: skip
        rows.append(row)
    columns = ["scenario", "window", "entrants", "nights", "into", "out", "reason"]
    return pd.DataFrame(rows).reindex(columns=columns)


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
def forecast_by_month(view: View) -> pd.DataFrame:
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
    columns = ["scenario", "category", "date", "now", "actual", "median", *LIMITS]
    if not parts:
        return pd.DataFrame(columns=columns)
    return withheld(view, pd.concat(parts, ignore_index=True)[columns], "median", ["median", *LIMITS])


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
def forecast_costs(view: View) -> pd.DataFrame:
    """Child-days × cost of a day, both drawn; no uplift of prices."""
    prices, now, parts = outlook(view).prices, _now(view), []
    columns = ["scenario", "year", "category", "now", "days", "median", *LIMITS, "reason", "level"]
    for scenario, _, paths in simulated(view):
        for label, first, last in _years(view.as_of):
            days = paths.child_days(first, last)
            frame = pd.DataFrame({"scenario": scenario.name, "year": label, "category": list(GROUPS), "now": now})
            frame["days"] = np.median(grouped(days), axis=0)
            if isinstance(prices, Withheld):
                frame["reason"] = prices.reason
            else:
                frame = frame.assign(**bands(grouped(days * prices / 1000)), reason="-")
            frame = frame.assign(level=(frame["days"] / ((last - first).days + 1)).round()).reindex(columns=columns)
            parts.append(withheld(view, frame, "level", ["days", "median", *LIMITS])[columns[:-1]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns[:-1])


def _years(as_of: dt.date) -> list[tuple[str, dt.date, dt.date]]:
    """Financial years of the 24 months after a date: label, first and last day; a part says from or to when."""
    first, end, years = as_of + dt.timedelta(days=1), month_end(as_of, MONTHS), []
    while first <= end:
        year = financial_year_start(first)
        last, label = min(dt.date(year + 1, 3, 31), end), year_label(year)
        whole = (first, last) == (dt.date(year, 4, 1), dt.date(year + 1, 3, 31))
        years.append((label if whole else f"{label}, {first:%B} to {last:%B}", first, last))
        first = next_month(last.replace(day=1))
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
def forecast_sufficiency(view: View) -> pd.DataFrame:
    """The highest night of each path: its median, and the limit that nine of ten paths stay within."""
    now, parts = _now(view), []
    for scenario, _, paths in simulated(view):
        found = bands(grouped(paths.daily.astype(np.int32)).max(axis=1))
        upper, median = found["upper_80"].astype(np.int64), found["median"]
        needs = [NEEDS.get(name, "Places in all" if name == ALL else "Places") for name in GROUPS]
        peak = {"need": needs, "now": now, "median": median, "upper_80": upper, "more": upper - now}
        frame = pd.DataFrame({"scenario": scenario.name, "category": list(GROUPS), **peak})
        parts.append(withheld(view, frame, "median", ["median", "upper_80", "more"]))
    columns = ["scenario", "category", "need", "now", "median", "upper_80", "more"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


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
def forecast_backcast(view: View) -> pd.DataFrame:
    """Mean absolute error and coverage; the categories that the other tables name."""
    columns = [
        "category",
        "horizon",
        "origins",
        "least",
        "model",
        "last_value",
        *(f"inside_{100 * x:.0f}" for x in LEVELS),
    ]
    rows = outlook(view).backcast
    found = (
        summary(rows[rows["category"].isin((*EXTERNAL, *CARERS, ALL))]) if len(rows) else pd.DataFrame(columns=columns)
    )
    return found[columns].assign(
        verdict=[judged(a, b) for a, b in zip(found["model"], found["last_value"], strict=True)]
    )


def judged(model: float, last: float) -> str:
    """Whether the model was nearer than the number carried forward, in words; half a child apart is no difference."""
    if abs(model - last) < 0.5:
        return "no nearer and no further than the last value"
    return "nearer than the last value" if model < last else "further off than the last value"


@table(
    "avoided_by_design",
    title="Child-days and cost avoided against each do-nothing, net of the programme",
    row="a do-nothing",
    labels={"design": "Do-nothing", "since": "Counted from"},
    values=(
        Value("children", "Children in outside placements and IFAs since"),
        Value("outside_days", "Outside placements: child-days avoided", "signed", follows=("children",)),
        Value("ifa_days", "IFAs: child-days avoided", "signed", follows=("children",)),
        Value("median", "Avoided £000, all categories", "signed", follows=("children",)),
        Value("lower", "Lower 95% limit £000", "signed", follows=("children",)),
        Value("upper", "Upper 95% limit £000", "signed", follows=("children",)),
        Value("above_zero", "Probability that cost was avoided", "percent", follows=("children",)),
        Value("spend", "Programme spend £000", "thousands"),
        Value("net", "Net £000", "signed", follows=("children",)),
        Value("paid", "Probability that it paid for itself", "percent", follows=("children",)),
        Value("standing", "In words", "text"),
    ),
    source=PRICED,
    method="demand model less what was seen, uncontrolled before and after; × cost of a day drawn again",
)
def avoided_by_design(view: View) -> pd.DataFrame:
    """One row a design, none pooled with another; blank with the reason in words where it cannot be estimated."""
    rows = [_design_row(view, design) for design in outlook(view).designs]
    columns = ["design", "since", "children", "outside_days", "ifa_days", "median", "lower", "upper", "above_zero",
               "spend", "net", "paid", "standing"]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=columns)


def _design_row(view: View, design: Design) -> dict[str, object]:
    row: dict[str, object] = {"design": design.name, "since": design.since, "standing": design.standing}
    if not isinstance(design.days, Withheld):
        places = view.history.placements
        there = places["category"].isin(EXTERNAL) & (places["end"] > (design.since - dt.date(1970, 1, 1)).days)
        outside, ifa = np.median(design.days[:, [CATEGORIES.index(name) for name in EXTERNAL]], axis=0)
        row |= {"children": places.loc[there, "child"].nunique(), "outside_days": outside, "ifa_days": ifa}
    if not isinstance(design.pounds, Withheld):
        found = design.pounds
        row |= {"median": found.median / 1e3, "lower": found.lower / 1e3, "upper": found.upper / 1e3}
        row["above_zero"] = found.above_zero
    if not isinstance(design.net, Withheld) and design.programme_pounds is not None:
        row |= {"spend": design.programme_pounds / 1e3, "net": design.net.median / 1e3, "paid": design.net.above_zero}
    return row


__all__ = ["avoided_by_design", "forecast_by_month", "judged", "outlook"]
