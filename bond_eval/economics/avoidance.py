"""What edge-of-care work avoids, as the difference between two courses and never as one of them.

    avoided = Σ over children of [ P0 · P(OP | looked after, 0) · D0 · fee − P1 · P(OP | looked after, 1) · D1 · fee ]
              − cost of what replaces the placement

P is the chance of becoming looked after, P(OP | looked after) that the placement is an outside one, D the days in
it; 0 is the course without the programme (a stated comparator or prior), 1 the course seen in the register, with
those still open treated as censored. A child looked after already cannot be kept from care: such children are a
step-up pathway of their own, with P = 1 on both courses. All money here is in pounds (£).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Account, Benefit, Kind, Numbers, Withheld
from bond_eval.economics.reference import numeric

DAYS_IN_YEAR = 365
Values = float | Sequence[float] | Numbers
GROUP_COLUMNS = ("children", "p0", "outside0", "days0", "p1", "outside1", "days1", "fee_pounds", "replacement_pounds")


@dataclass(frozen=True, eq=False)
class Course:
    """One course of events for a group of like children.

    p_looked_after and p_outside (given looked after): chances from 0 to 1. days: in an outside placement, for a
    child who enters one, within the horizon. Each a number, or draws of one length.
    """

    p_looked_after: Values
    p_outside: Values
    days: Values

    def __post_init__(self) -> None:
        """Raise ValueError for a chance outside 0 to 1 or days below 0."""
        for name in ("p_looked_after", "p_outside"):
            chance = np.asarray(getattr(self, name), dtype=float)
            if not ((chance >= 0) & (chance <= 1)).all():
                raise ValueError(f"{name} is a chance: from 0 to 1.")
        if not (np.asarray(self.days, dtype=float) >= 0).all():
            raise ValueError("days are 0 or more.")

    def years(self) -> Numbers:
        """Expected years in an outside placement for each child."""
        chance = np.asarray(self.p_looked_after, dtype=float) * np.asarray(self.p_outside, dtype=float)
        return np.asarray(chance * np.asarray(self.days, dtype=float) / DAYS_IN_YEAR, dtype=float)


def avoided_pounds(
    children: float, without: Course, with_programme: Course, fee_pounds: Values, replacement_pounds: Values = 0.0
) -> Benefit:
    """Avoided cost (£) of a group of `children`, at a fee in £ a year, vectorised over draws.

    replacement_pounds: what the group's care costs instead (foster care, support at home), £ in all. A negative
    result is a cost added. Raises ValueError for a negative number of children, fee or replacement.
    """
    fee, replaced = np.asarray(fee_pounds, dtype=float), np.asarray(replacement_pounds, dtype=float)
    if children < 0 or not (fee >= 0).all() or not (replaced >= 0).all():
        raise ValueError("Children, fee and replacement are each 0 or more, and known.")
    pounds = children * (without.years() - with_programme.years()) * fee - replaced
    return Benefit(float(pounds) if pounds.ndim == 0 else pounds, Kind.AVOIDED, Account.FISCAL)


def step_up_pounds(
    children: float,
    p_step_up_without: Values,
    p_step_up_with: Values,
    days: Values,
    fee_pounds: Values,
    current_fee_pounds: Values,
) -> Benefit:
    """Avoided cost (£) for children looked after already: a move up to an outside placement that did not happen.

    Only the difference of the two fees (£ a year) is avoided, for they are in a placement either way.
    """
    extra = np.asarray(fee_pounds, dtype=float) - np.asarray(current_fee_pounds, dtype=float)
    if not (extra >= 0).all():
        raise ValueError("A step up costs at least the placement it replaces.")
    return avoided_pounds(children, Course(1.0, p_step_up_without, days), Course(1.0, p_step_up_with, days), extra)


def by_group(groups: pd.DataFrame) -> pd.DataFrame | Withheld:
    """Avoided cost of several groups (£): one row each, with columns group and GROUP_COLUMNS (fees £ a year).

    Adds avoided_pounds. Withheld, naming the group and column, where any figure is blank: a fee that is not
    known is never nought. Raises InputError for a column missing and ValueError for a chance beyond 0 to 1.
    """
    if "group" not in groups:
        raise InputError("The groups have no column 'group': name each.")
    frame = numeric(groups, GROUP_COLUMNS, "The table of groups")
    rows = frame.to_dict("records")
    gaps = [f"{row['group']}: {name}" for row in rows for name in GROUP_COLUMNS if pd.isna(row[name])]
    if gaps:
        return Withheld(f"No figure for {'; '.join(gaps)}", tuple(gaps))
    return frame.assign(avoided_pounds=[_row_pounds(row) for row in rows])


def _row_pounds(row: dict[str, float]) -> float:
    without = Course(row["p0"], row["outside0"], row["days0"])
    with_programme = Course(row["p1"], row["outside1"], row["days1"])
    result = avoided_pounds(row["children"], without, with_programme, row["fee_pounds"], row["replacement_pounds"])
    return float(result.pounds)
