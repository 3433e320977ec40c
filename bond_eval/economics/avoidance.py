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

from bond_eval.economics.money import Account, Benefit, Kind, Numbers

DAYS_IN_YEAR = 365
Values = float | Sequence[float] | Numbers


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
    children: Values, without: Course, with_programme: Course, fee_pounds: Values, replacement_pounds: Values = 0.0
) -> Benefit:
    """Avoided cost (£) of a group of `children`, at a fee in £ a year, vectorised over draws.

    replacement_pounds: what the group's care costs instead (foster care, support at home), £ in all. A negative
    result is a cost added. Raises ValueError for a negative number of children, fee or replacement.
    """
    count, fee, replaced = (np.asarray(value, dtype=float) for value in (children, fee_pounds, replacement_pounds))
    if not all((value >= 0).all() for value in (count, fee, replaced)):
        raise ValueError("Children, fee and replacement are each 0 or more, and known.")
    pounds = count * (without.years() - with_programme.years()) * fee - replaced
    return Benefit(float(pounds) if pounds.ndim == 0 else pounds, Kind.AVOIDED, Account.FISCAL)


def step_up_pounds(
    children: Values,
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
