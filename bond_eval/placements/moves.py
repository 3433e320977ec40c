"""Moves from one placement to the next: between which categories, why, and what each is worth."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import IFA, OUTSIDE
from bond_eval.placements.flows import real_moves
from bond_eval.placements.history import History

# Categories as the flow diagram and matrix show them: few enough to be read, and to be shown.
SHORT = {
    OUTSIDE: OUTSIDE,
    IFA: IFA,
    "In-house fostering": "In-house fostering",
    "Connected carers": "Connected carers",
    "In-house residential": "Other residential",
    "Secure": "Other residential",
    "Residential school": "Other residential",
    "Parent and child": "Other residential",
    "Supported": "Supported",
    "With parents": "With parents, in care",
    "Returned home": "Home, left care",
    "Adoption": "Adoption or guardianship",
    "Adopted": "Adoption or guardianship",
    "Special guardianship": "Adoption or guardianship",
    "Independence or adulthood": "Independence or adulthood",
    "Other": "Other",
    "Other ending": "Other",
}
# Both sides of a matrix or flow diagram, in one order.
ORDER = (
    OUTSIDE,
    IFA,
    "Other residential",
    "In-house fostering",
    "Connected carers",
    "With parents, in care",
    "Home, left care",
    "Adoption or guardianship",
    "Supported",
    "Independence or adulthood",
    "Other",
)
BUDGETS = ("cheaper", "similar", "dearer", "not known")
STABILITIES = ("planned", "unplanned", "not known")
RESIDENTIAL = (OUTSIDE, "Secure", "Residential school", "In-house residential")


def moves_between(history: History, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Placements that ended from `first` to `last` with what followed: one row a move or leaving.

    Columns: child, day (int32, the first day elsewhere), category, following, origin and destination (SHORT),
    reason, in_care (the child stayed looked after). Temporary placements and changes within one carer are no moves.
    """
    placements = real_moves(history.placements)
    ended = placements[~placements["is_open"]]
    day = ended["end"].to_numpy()
    ended = ended[(day >= day_number(first)) & (day <= day_number(last))]
    origin = ended["category"].astype(object).map(SHORT)
    destination = ended["following"].astype(object).map(SHORT)
    return pd.DataFrame(
        {
            "child": ended["child"],
            "day": ended["end"],
            "category": ended["category"].astype(object),
            "following": ended["following"].astype(object),
            "origin": origin,
            "destination": destination,
            "reason": ended["reason"].astype(object),
            "in_care": ended["following"].isin(list(history.placements["category"].array.categories)),
        }
    ).reset_index(drop=True)


def marks(moves: pd.DataFrame) -> pd.DataFrame:
    """Two marks a move within care: `budget` (cheaper, dearer, similar, not known) and `stability` (planned,
    unplanned, not known).

    Budget: by the order of the categories' costs in data/reference/cost_order.csv, where both stand there.
    Stability: by the reason that the placement ended, from data/reference/move_reasons.csv. A cheaper move is green
    only where it was planned: the BV Advisory Group put quality before activity.
    """
    inside = moves[moves["in_care"]].copy()
    order = read_reference("cost_order.csv")
    ranks = dict(zip(order["category"], pd.to_numeric(order["rank"]), strict=True))
    gap = inside["following"].map(ranks) - inside["category"].map(ranks)
    inside["budget"] = np.select([gap < 0, gap > 0, gap == 0], ["cheaper", "dearer", "similar"], "not known")
    table = read_reference("move_reasons.csv")
    planned = dict(zip(table["reason"], table["stability"], strict=True))
    inside["stability"] = inside["reason"].map(planned).fillna("not known")
    return inside


def overall(budget: str, stability: str) -> str:
    """Green, amber or red for a move; "not marked" where the cost or the reason is not known."""
    if "not known" in (budget, stability):
        return "not marked"
    if stability == "unplanned":
        return "red" if budget == "dearer" else "amber"
    return "amber" if budget == "dearer" else "green"


def reentries(history: History, within_days: int) -> pd.DataFrame:
    """Each leaving of care that can be followed for `within_days`: columns child, left (int32), returned (bool)."""
    periods = history.periods.sort_values(["child", "start"], ignore_index=True)
    child, start, end = (periods[name].to_numpy() for name in ("child", "start", "end"))
    following = np.append(np.where(child[1:] == child[:-1], start[1:], np.iinfo(np.int32).max), np.iinfo(np.int32).max)
    left = (~periods["is_open"].to_numpy()) & (end + within_days <= day_number(history.as_of) + 1)
    returned = following - end <= within_days
    return pd.DataFrame({"child": child[left], "left": end[left], "returned": returned[left]})
