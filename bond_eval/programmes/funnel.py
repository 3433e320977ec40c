"""How far referrals got, and how long each step took."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.survival import kaplan_meier
from bond_eval.programmes.cases import cases_at

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

STAGES = ("referred", "decided", "accepted", "started", "ended", "completed")
NOW = ("waiting", "refused", "open")
STEPS = {
    "Referral to decision": ("referral", "decided"),
    "Decision to start": ("decided", "start"),
    "Referral to start": ("referral", "start"),
}


@dataclass(frozen=True)
class Wait:
    """Days from one step to the next. n: cases; observed: those that got there; the rest wait still or left, and count
    for as long as they are known to have waited. median: days by which half had got there (None where they have not);
    lower, upper: its 95% limits.
    """

    step: str
    n: int
    observed: int
    median: float | None
    lower: float | None
    upper: float | None


def funnel(register: Register, as_of: dt.date, programme: str = "") -> pd.DataFrame:
    """Cases that reached each stage, in one row: columns STAGES and NOW.

    accepted + refused + waiting = referred; open = accepted less those of them that ended.
    """
    cases = cases_at(register, as_of, programme)
    flags = cases.assign(
        referred=True,
        decided=cases["accepted"] | cases["refused"],
        open=cases["accepted"] & ~cases["ended"],
    )
    return flags[[*STAGES, *NOW]].sum().astype(int).to_frame().T


def waits(register: Register, as_of: dt.date, programme: str = "") -> list[Wait]:
    """The waits of STEPS, by Kaplan-Meier: who is waiting still, or left before, is censored on that day.

    The wait for a start is of cases accepted or still undecided, since a refused one never starts. A step whose date
    lies before the one it follows counts as no wait. A step without a single case is left out.
    """
    cases = cases_at(register, as_of, programme)
    found = []
    for step, (begins, happens) in STEPS.items():
        rows = cases[(cases[begins] != NO_DAY) & ((happens == "decided") | ~cases["refused"])]
        if step == "Decision to start":
            rows = rows[rows["accepted"]]
        if len(rows):
            found.append(_wait(step, rows, begins, happens, day_number(as_of)))
    return found


def _wait(step: str, rows: pd.DataFrame, begins: str, happens: str, today: int) -> Wait:
    got_there = (rows[happens] != NO_DAY).to_numpy()
    until = np.minimum(np.where(got_there, rows[happens], rows["end"]), today)
    curve = kaplan_meier(np.maximum(until - rows[begins].to_numpy(), 0), got_there)
    return Wait(step, len(rows), int(got_there.sum()), curve.median, curve.median_lower, curve.median_upper)
