"""Children taken on beside children who were not, or not yet: an estimate that says how alike the two groups were.

Two designs, both without immortal time. "refused": accepted and refused cases, each from its decision on, whether or
not help ever began. "waiting": children not yet looked after 60 days after referral, from that day on, by whether
their help had begun by then; what happens afterwards moves nobody from one group to the other.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.balance import comparable, standardised_differences, stratified_difference
from bond_eval.methods.proportions import Estimate
from bond_eval.placements.history import History
from bond_eval.programmes.cases import cases_at, first_cases
from bond_eval.programmes.outcomes import ENTRY, followed

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

DESIGNS = ("refused", "waiting")
LANDMARK = 60  # days after referral at which the waiting design looks who has begun
COVARIATES = ["years", "sex", "ethnicity", "disability", "deprivation", "status", "events_before"]


@dataclass(frozen=True)
class Comparison:
    """frame: one row a child: child, treated, reached (became looked after within `horizon` days) and COVARIATES.
    balance: as methods.balance.standardised_differences. difference: share of the treated who became looked after less
    that of the others, within status at referral; None where nobody can be compared. causal: whether a wording of cause
    is allowed (every standardised difference known and at most 0.25).
    """

    design: str
    horizon: int
    frame: pd.DataFrame
    balance: pd.DataFrame
    difference: Estimate | None

    @property
    def causal(self) -> bool:
        """False wherever the groups differ too much in what is recorded, or it is not known how much."""
        return self.difference is not None and comparable(self.balance)


def compare(
    register: Register, history: History, as_of: dt.date, programme: str, *, against: str = "refused",
    horizon: int = 180,
) -> Comparison:  # fmt: skip
    """Becoming looked after within `horizon` days of children taken on, against "refused" or "waiting" ones.

    Only children who were not looked after at the clock, and whose clock lies at least `horizon` days before `as_of`
    and after the returns begin, so that each is followed to the end. One who turns 18 first did not become looked
    after. Raises ValueError for an unknown design.
    """
    if against not in DESIGNS:
        raise ValueError(f"Choose a design of {DESIGNS}, not {against!r}.")
    cases = cases_at(register, as_of, programme)
    rows, clock, treated = _by_decision(cases) if against == "refused" else _by_landmark(cases)
    inside = (clock >= day_number(history.first_day)) & (clock + horizon <= day_number(as_of) + 1)
    rows, clock, treated = rows[inside].reset_index(drop=True), clock[inside], treated[inside]
    found = followed(history, as_of, rows, clock, ENTRY).frame
    frame = rows.assign(treated=treated, events_before=_events_before(register, rows))
    frame = frame.merge(found[["child", "time", "cause"]], on="child")
    frame["reached"] = (frame["cause"] == 1) & (frame["time"] <= horizon)
    frame = frame[["child", "treated", "reached", *COVARIATES]].assign(years=frame["years"].where(frame["years"] >= 0))
    one, two = (frame.loc[frame["treated"] == side, COVARIATES] for side in (True, False))
    balance = standardised_differences(one, two)
    return Comparison(against, horizon, frame, balance, _difference(frame))


def _by_decision(cases: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rows = first_cases(cases[cases["accepted"] | cases["refused"]], "agreed")
    return rows, rows["agreed"].to_numpy(dtype=np.int64), rows["accepted"].to_numpy()


def _by_landmark(cases: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """First cases still alive at the landmark: begun, or neither begun nor refused nor ended."""
    rows = first_cases(cases, "opened")
    clock = rows["opened"].to_numpy(dtype=np.int64) + LANDMARK
    begun = (rows["start"] <= clock).to_numpy()
    refused = (rows["refused"] & ((rows["decided"] <= clock) | (rows["decided"] == NO_DAY))).to_numpy()
    alive = (begun | ~refused) & (rows["end"] > clock).to_numpy()
    return rows[alive].reset_index(drop=True), clock[alive], begun[alive]


def _events_before(register: Register, rows: pd.DataFrame) -> np.ndarray:
    """Events of any type in the year before each case opened."""
    asked = rows[["child", "opened"]].assign(row=np.arange(len(rows)))
    met = asked.merge(register.events[["child", "day"]], on="child")
    inside = met[(met["day"] < met["opened"]) & (met["day"] >= met["opened"] - 365)]
    return np.bincount(inside["row"], minlength=len(rows)).astype(float)


def _difference(frame: pd.DataFrame) -> Estimate | None:
    cells = frame.groupby(["status", "treated"])["reached"].agg(["sum", "size"]).unstack(fill_value=0)
    if frame["treated"].nunique() < 2 or not (cells["size"] > 0).all(axis=1).any():
        return None
    columns = [cells[(what, side)].to_numpy() for side in (True, False) for what in ("sum", "size")]
    return stratified_difference(*columns)
