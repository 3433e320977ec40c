"""How far referrals got, and how long each step took."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.intake.typed import EPOCH, NO_DAY, day_number
from bond_eval.methods.survival import SurvivalCurve, kaplan_meier
from bond_eval.programmes.cases import UNRECORDED, cases_at

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

STAGES = ("referred", "decided", "accepted", "started", "ended", "completed")
NOW = ("waiting", "refused", "open")
NOT_REFUSED = "Accepted or waiting"
STEPS = {
    "Referral to decision": ("referral", "decided"),
    "Decision to start": ("decided", "start"),
    "Referral to start": ("referral", "start"),
}


@dataclass(frozen=True)
class Wait:
    """Days from one step to the next. n: cases; observed: those that got there; the rest wait still or left, and count
    for as long as they are known to have waited. median, quarter, three_quarters: days by which that share had got
    there (None where it has not been reached); lower, upper: 95% limits of the median.
    """

    step: str
    n: int
    observed: int
    median: float | None
    lower: float | None
    upper: float | None
    quarter: float | None
    three_quarters: float | None


def funnel(register: Register, as_of: dt.date, programme: str = "", by: str = "") -> pd.DataFrame:
    """Cases that reached each stage, one row a value of `by` ("", programme, quarter, age, reason, source, status).

    Columns: `by`, then STAGES, NOW and children. accepted + refused + waiting = referred; open = accepted less those of
    them that ended. quarter is that of the day the case opened; reason that of a refusal.
    """
    cases = cases_at(register, as_of, programme)
    flags = cases.assign(
        referred=True,
        decided=cases["accepted"] | cases["refused"],
        open=cases["accepted"] & ~cases["ended"],
    )
    flags["group"] = _grouped(cases, by)
    counts = flags.groupby("group", sort=True)[[*STAGES, *NOW]].sum().astype(int)
    counts["children"] = flags.groupby("group")["child"].nunique()
    result = counts.rename_axis(by or "all").reset_index()
    return result if by else result.drop(columns="all")


def _grouped(cases: pd.DataFrame, by: str) -> pd.Series:
    if not by:
        return pd.Series("", index=cases.index)
    if by == "quarter":
        return cases["opened"].map(quarter_of)
    if by == "reason":
        return _named(cases[by]).where(cases["refused"], NOT_REFUSED)
    return _named(cases[by])


def _named(values: pd.Series) -> pd.Series:
    return values.astype(object).mask(values.astype(str) == "", UNRECORDED)


def quarter_of(day: int) -> str:
    """The financial quarter of a day number; "Not recorded" for NO_DAY."""
    return UNRECORDED if day == NO_DAY else str(Quarter.of(EPOCH + dt.timedelta(days=int(day))))


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
    quarter, three_quarters = (_reached(curve, share) for share in (0.25, 0.75))
    limits = curve.median, curve.median_lower, curve.median_upper
    return Wait(step, len(rows), int(got_there.sum()), *limits, quarter, three_quarters)


def _reached(curve: SurvivalCurve, share: float) -> float | None:
    """The first time by which that share of the cases had the event; None where that is not known."""
    found = np.flatnonzero(curve.survival <= 1 - share + 1e-12)
    return float(curve.time[found[0]]) if found.size else None
