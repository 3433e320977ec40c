"""Caseloads, flow and unmet need. Every quarter opening + accepted - closed = closing, or an error says so."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.intake.typed import NO_DAY, date_of, day_number
from bond_eval.programmes.cases import UNRECORDED, cases_at

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

BALANCED = 0.1  # of the mean caseload; more coming or going in a quarter is no steady state
QUARTERS = 4
STAFF = "staff in post"
TOO_YOUNG = "too young"


@dataclass(frozen=True)
class Steady:
    """Little's law over the last four whole quarters: caseload = arrivals a day × mean days that a case lasts.

    implied_days: what a case then lasts; None where one of those quarters was not near balance, and `reason` says so.
    """

    implied_days: float | None
    reason: str


def flow(register: Register, as_of: dt.date, programme: str) -> pd.DataFrame:
    """Accepted cases by quarter: columns quarter, opening, accepted, closed, closing, mean (caseload a day), whole.

    A case counts from the day it was agreed (else opened) until it ended. The quarter of `as_of` is cut off there and
    is `whole` only where it ends then. An end before the case was agreed counts on the day agreed. Raises
    AssertionError where a quarter does not add up.
    """
    begins, ends = _spans(register, as_of, programme)
    columns = ["quarter", "opening", "accepted", "closed", "closing", "mean", "whole"]
    if not begins.size:
        return pd.DataFrame(columns=columns)
    rows, quarter = [], Quarter.of(date_of(begins.min()))
    while quarter.start <= as_of:
        low, high = day_number(quarter.start), min(day_number(quarter.end), day_number(as_of)) + 1
        opening, closing = (int(((begins < day) & (ends >= day)).sum()) for day in (low, high))
        accepted, closed = (int(((days >= low) & (days < high)).sum()) for days in (begins, ends))
        if opening + accepted - closed != closing:
            raise AssertionError(f"{quarter}: the caseload does not add up")
        nights = np.clip(np.minimum(ends, high) - np.maximum(begins, low), 0, None).sum()
        whole = quarter.end <= as_of
        rows.append((str(quarter), opening, accepted, closed, closing, float(nights) / (high - low), whole))
        quarter = quarter.next()
    return pd.DataFrame(rows, columns=columns)


def _spans(register: Register, as_of: dt.date, programme: str) -> tuple[np.ndarray, np.ndarray]:
    cases = cases_at(register, as_of, programme)
    mine = cases[cases["accepted"]]
    begins = mine["agreed"].where(mine["agreed"] != NO_DAY, mine["opened"]).to_numpy(dtype=np.int64)
    known = begins != NO_DAY
    ends = np.maximum(mine["end"].to_numpy(dtype=np.int64), begins)
    return begins[known], ends[known]


def steady(flows: pd.DataFrame) -> Steady | None:
    """What Little's law says of `flow`, where it may be asked; None without four whole quarters. Source: Little
    1961."""
    whole = flows[flows["whole"].astype(bool)].tail(QUARTERS)
    if len(whole) < QUARTERS:
        return None
    quarters = [_quarter_days(name) for name in whole["quarter"]]
    caseload = float(np.average(whole["mean"], weights=quarters))
    arrivals = float(whole["accepted"].sum()) / sum(quarters)
    away = (whole["accepted"] - whole["closed"]).abs().max()
    if not arrivals or away > BALANCED * caseload:
        reason = "Cases came and went in unequal numbers in the last four quarters, so the caseload was not steady."
        return Steady(None, reason)
    return Steady(caseload / arrivals, "")


def _quarter_days(name: str) -> int:
    quarter = Quarter.parse(name)
    return (quarter.end - quarter.start).days + 1


def caseload_per_worker(register: Register, as_of: dt.date, programme: str) -> tuple[int, float | None]:
    """(open cases on `as_of`, cases per worker); the second None where the register has no staff in post by then.

    Workers are the latest value of STAFF that began by `as_of`, summed over its breakdowns.
    """
    begins, ends = _spans(register, as_of, programme)
    caseload = int(((begins <= day_number(as_of)) & (ends > day_number(as_of))).sum())
    rows = register.activity[register.activity["first"] <= day_number(as_of)]
    rows = rows[(rows["programme"] == programme) & (rows["activity"] == STAFF)]
    workers = float(rows.loc[rows["first"] == rows["first"].max(), "value"].sum()) if len(rows) else 0.0
    return caseload, caseload / workers if workers > 0 else None


def unmet(register: Register, as_of: dt.date, programme: str) -> pd.DataFrame:
    """Children whose cases were not accepted: columns reason, children."""
    cases = cases_at(register, as_of, programme)
    mine = cases[cases["refused"]]
    reason = mine["reason"].mask(mine["reason"] == "", UNRECORDED)
    return mine.groupby(reason)["child"].nunique().reset_index(name="children")
