"""Days in placements and moves before and after a start, of children who were looked after when it came.

Each child has two windows of one length, which end and begin on its start. Being looked after on that day chose these
children, so their first days after it are in care by construction: what stands here describes and proves no effect.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import day_number
from bond_eval.methods.change import mean_estimate
from bond_eval.methods.event_rates import RateChange, rate_change
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.history import History
from bond_eval.placements.moves import moves_between
from bond_eval.programmes.cases import cases_at, first_cases
from bond_eval.programmes.outcomes import periods_from

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

WINDOW = 365  # days on either side at most
SHORTEST = 28  # days; a shorter window says too little to be compared


@dataclass(frozen=True)
class CareChange:
    """children: compared. days: category, before, after (child-days), change (mean days a child, with its interval;
    None where it cannot be had), placed (children with a day in it on either side), one row a category in use. moves:
    rate while in care; None where nobody moved.
    """

    children: int
    days: pd.DataFrame
    moves: RateChange | None


def care_change(register: Register, history: History, as_of: dt.date, programme: str = "") -> CareChange:
    """Compare up to WINDOW days before each child's start with as many after it, within the data's first and last day.

    A child with fewer than SHORTEST days on each side is left out. Temporary placements and changes within one carer
    are no moves. Moves are per day in care on each side.
    """
    rows = first_cases(cases_at(register, as_of, programme))
    start = rows["start"].to_numpy(dtype=np.int64)
    rows = rows[periods_from(history, rows["care"].to_numpy(), start)["in_care"].to_numpy()].reset_index(drop=True)
    start = rows["start"].to_numpy(dtype=np.int64)
    room = np.minimum(start - day_number(history.first_day), day_number(as_of) + 1 - start)
    length = np.minimum(room, WINDOW)
    long = length >= SHORTEST
    kept = pd.DataFrame({"row": np.arange(int(long.sum())), "child": rows["care"].to_numpy()[long]})
    kept = kept.assign(middle=start[long], first=(start - length)[long], last=(start + length)[long])
    if kept.empty:
        empty = pd.DataFrame(columns=["category", "before", "after", "change", "placed"])
        return CareChange(0, empty, None)
    days = _days(kept, history)
    return CareChange(len(kept), _by_category(days), _moves(kept, history, as_of, days.sum(axis=1)))


def _days(kept: pd.DataFrame, history: History) -> np.ndarray:
    """Days in care, shape (2 sides, categories, children)."""
    cube = np.zeros((2, len(CATEGORIES), len(kept)))
    met = kept.merge(history.placements[["child", "start", "end", "category"]], on="child")
    codes = met["category"].array.codes
    for side, (low, high) in enumerate((("first", "middle"), ("middle", "last"))):
        inside = np.minimum(met["end"], met[high]) - np.maximum(met["start"], met[low])
        np.add.at(cube, (side, codes, met["row"].to_numpy()), np.maximum(inside.to_numpy(), 0))
    return cube


def _by_category(days: np.ndarray) -> pd.DataFrame:
    rows = []
    for place in np.flatnonzero(days.sum(axis=(0, 2)) > 0):
        gap = days[1, place] - days[0, place]
        change = mean_estimate(gap) if gap.size > 1 and gap.std() > 0 else None
        placed = int((days[:, place] > 0).any(axis=0).sum())
        rows.append((CATEGORIES[place], int(days[0, place].sum()), int(days[1, place].sum()), change, placed))
    return pd.DataFrame(rows, columns=["category", "before", "after", "change", "placed"])


def _moves(kept: pd.DataFrame, history: History, as_of: dt.date, in_care: np.ndarray) -> RateChange | None:
    moves = moves_between(history, history.first_day, as_of)
    met = kept.merge(moves.loc[moves["in_care"], ["child", "day"]], on="child")
    counts = np.zeros((2, len(kept)))
    inside = met[(met["day"] >= met["first"]) & (met["day"] < met["last"])]
    np.add.at(counts, ((inside["day"] >= inside["middle"]).to_numpy().astype(int), inside["row"].to_numpy()), 1)
    # A move on the day after a last night in care has no day of its own on that side.
    exposed = np.maximum(in_care, counts > 0)
    if not counts[:, (exposed > 0).all(axis=0)].sum():
        return None
    return rate_change(counts[0], exposed[0], counts[1], exposed[1])
