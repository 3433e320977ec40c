"""Monthly series for asking whether a trend changed: flows by age band, each with the child-days they come from.

Flows and never month-end counts, which carry over from month to month; child-days in outside placements carry over too
and stand beside them for what they are worth: where months are too alike, the method refuses. Child-time is censored
at the twelfth birthday: a child counts as under 12 until that day and as 12 to 17 from it, in events and in child-days
alike.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.periods import month_starts, next_month
from bond_eval.intake.typed import day_number
from bond_eval.placements.ages import BANDS, ROUTE_29, UNDER_12, band_on
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.counts import DailyCounts
from bond_eval.placements.flows import real_moves
from bond_eval.placements.history import History

AGES = {"12 to 17": ROUTE_29, "Under 12": UNDER_12}
BEGUN, LEFT = "Outside placements entered", "Outside placements left"
DAYS = "Child-days in outside placements"
IFA_BEGUN, RESIDENTIAL_BEGUN, CARE = "IFA entered", "Other residential care entered", "Came into care"
OTHER_RESIDENTIAL = ("In-house residential", "Secure", "Residential school")


def monthly_series(history: History, counts: DailyCounts) -> pd.DataFrame:
    """Each measure in each whole month by age: columns month (date), ages, measure, n, exposure (child-days, float).

    Entered: from another category or from outside care; a move between two placements of one kind is neither an entry
    nor a leaving. Exposure: of entries and of child-days in outside placements, the child-days of all looked-after
    children of that age; of leavings, the child-days in outside placements. Coming into care has no child-days in the
    return: it has the days of the month.
    """
    months = month_starts(history.first_day, history.as_of)
    edges = np.array([*(day_number(month) for month in months), day_number(history.as_of) + 1])
    edges[-1] = day_number(next_month(months[-1])) if months else edges[-1]
    days = _child_days(counts, edges)
    birth = history.people["birth"].to_numpy()
    parts = []
    for measure, child, day in _events(history):
        band = band_on(birth[child], day)
        for ages, names in AGES.items():
            mine = np.isin(band, [BANDS.index(name) for name in names])
            n, _ = np.histogram(day[mine], bins=edges)
            parts.append((measure, ages, n, _exposure(days, measure, names, np.diff(edges))))
    for ages, names in AGES.items():
        spent, everyone = (_exposure(days, part, names, np.diff(edges)) for part in (LEFT, BEGUN))
        parts.append((DAYS, ages, spent, everyone))
    frames = [
        pd.DataFrame({"month": months, "ages": ages, "measure": measure, "n": n, "exposure": exposure})
        for measure, ages, n, exposure in parts
    ]
    return pd.concat(frames, ignore_index=True)


def _events(history: History) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Measure, child numbers, days (of the first night, or of the first day elsewhere)."""
    placements = real_moves(history.placements)
    groups = {BEGUN: (OUTSIDE,), IFA_BEGUN: (IFA,), RESIDENTIAL_BEGUN: OTHER_RESIDENTIAL}
    events = []
    for name, categories in groups.items():
        new = placements["category"].isin(categories) & ~placements["previous"].isin(categories)
        events.append((name, placements.loc[new, "child"], placements.loc[new, "start"]))
    left = (placements["category"] == OUTSIDE) & (placements["following"] != OUTSIDE) & ~placements["is_open"]
    events.append((LEFT, placements.loc[left, "child"], placements.loc[left, "end"]))
    events.append((CARE, history.periods["child"], history.periods["start"]))
    return [(name, child.to_numpy(), day.to_numpy()) for name, child, day in events]


def _child_days(counts: DailyCounts, edges: np.ndarray) -> np.ndarray:
    """Child-days by month × category × age band; the edges are day numbers from the first day counted."""
    first = edges - day_number(counts.first)
    return np.add.reduceat(counts.cube[: first[-1]].astype(np.int64), first[:-1], axis=0)


def _exposure(days: np.ndarray, measure: str, names: tuple[str, ...], length: np.ndarray) -> np.ndarray:
    if measure == CARE:
        return length.astype(float)
    bands = [BANDS.index(name) for name in names]
    mine = days[:, :, bands].sum(axis=2)
    return (mine[:, CATEGORIES.index(OUTSIDE)] if measure == LEFT else mine.sum(axis=1)).astype(float)
