"""How far the demand model would have been off: fitted at past quarters' ends and held against what came after.

Each origin sees its window and the children of that night and nothing later, save that the returns are read as they
stand now: what was corrected since was not known then. Beside it the simplest forecast there is, that the number
stays as it was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bond_eval.core.periods import month_end
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.demand import SHORTEST, fit, latest_window, population
from bond_eval.placements.demand_paths import LEVELS, bands, simulate
from bond_eval.placements.history import History

HORIZONS = (3, 12, 24)
TOTAL = "All"
PATHS = 200


def origins(history: History) -> list[dt.date]:
    """Quarters' ends with at least a year of data before and the shortest horizon after them."""
    day = month_end(history.first_day, 2)
    days = []
    while month_end(day, min(HORIZONS)) <= history.as_of:
        if (day - history.first_day).days >= SHORTEST:
            days.append(day)
        day = month_end(day, 3)
    return days


def backcast(history: History, *, seed: int, days: Sequence[dt.date] | None = None, paths: int = PATHS) -> pd.DataFrame:
    """One row an origin, horizon (months) and category (and TOTAL): actual, carried (the last value), median, and
    inside_50, inside_80, inside_95 (the band held the actual). Empty where the data are too short for one origin.
    """
    rows: list[pd.DataFrame] = []
    for origin in origins(history) if days is None else days:
        model, start = fit(history, latest_window(history, origin)), population(history, origin)
        last = min(month_end(origin, max(HORIZONS)), history.as_of)
        made = simulate(model, start, origin, (last - origin).days, seed=seed + day_number(origin), paths=paths)
        for months in HORIZONS:
            if (target := month_end(origin, months)) <= history.as_of:
                seen = population(history, target).by_category()
                frame = _compared(made.night(target), start.by_category(), seen)
                rows.append(frame.assign(origin=origin, horizon=months))
    inside = (f"inside_{100 * x:.0f}" for x in LEVELS)
    columns = ["origin", "horizon", "category", "actual", "carried", "median", *inside]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _compared(draws: np.ndarray, carried: np.ndarray, actual: np.ndarray) -> pd.DataFrame:
    draws, carried, actual = (np.concatenate([x, x.sum(axis=-1, keepdims=True)], axis=-1) for x in
                              (draws.astype(np.int64), carried, actual))  # fmt: skip
    found = bands(draws)
    inside = {
        f"inside_{100 * x:.0f}": (found[f"lower_{100 * x:.0f}"] <= actual) & (actual <= found[f"upper_{100 * x:.0f}"])
        for x in LEVELS
    }
    names = [*CATEGORIES, TOTAL]
    return pd.DataFrame({"category": names, "actual": actual, "carried": carried, "median": found["median"], **inside})


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By category and horizon: origins, mean absolute error of the model and of the last value carried forward, and
    the share of origins that each band held."""
    errors = rows.assign(
        model=(rows["median"] - rows["actual"]).abs(), last_value=(rows["carried"] - rows["actual"]).abs()
    )
    inside = {name: (name, "mean") for name in rows.columns if name.startswith("inside_")}
    grouped = errors.groupby(["category", "horizon"], sort=False, as_index=False)
    return grouped.agg(
        origins=("origin", "nunique"), actual=("actual", "mean"), least=("actual", "min"), model=("model", "mean"),
        last_value=("last_value", "mean"), **inside,
    )  # fmt: skip
