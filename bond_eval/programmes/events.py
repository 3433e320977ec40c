"""Arrests, missing episodes, admissions and the like: how often before a referral and after a start, child by child."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.event_rates import RateChange, RegressionToMean, rate_change, regression_to_the_mean
from bond_eval.placements.ages import birthday
from bond_eval.programmes.cases import cases_at, first_cases

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

WINDOW = 365  # days looked at on either side
RECENT = 91  # days before the referral in which a bad spell may have brought it about


@dataclass(frozen=True)
class EventChange:
    """frame: one row a child: child, earlier, recent, after (events), earlier_days, recent_days, after_days (exposure).
    change: after over before (earlier and recent together). mean: the regression-to-the-mean check. Both None where no
    event, or no exposure on a side, leaves nothing to compare.
    """

    frame: pd.DataFrame
    change: RateChange | None
    mean: RegressionToMean | None


def event_change(register: Register, as_of: dt.date, programme: str, type: str) -> EventChange:
    """Events of one type in WINDOW days before the case opened and after it started, of each child's first start.

    Exposure is cut off at the register's first event of any type, before which nothing is known, birth, the 18th
    birthday and `as_of`. The wait between opening and start counts on neither side; time after the end of the work
    counts as after. Children without a day on a side are left out of a comparison.
    """
    rows = first_cases(cases_at(register, as_of, programme))
    first = int(register.events["day"].min()) if len(register.events) else int(NO_DAY)
    born = rows["birth"].to_numpy(dtype=np.int64)
    floor = np.maximum(first, np.where(born == NO_DAY, first, born))
    opened, start = (rows[name].to_numpy(dtype=np.int64) for name in ("opened", "start"))
    roof = np.minimum(day_number(as_of) + 1, birthday(rows["birth"].to_numpy(), 18).astype(np.int64))
    edges = {
        "earlier": (np.maximum(opened - WINDOW, floor), np.minimum(opened - RECENT, roof)),
        "recent": (np.maximum(opened - RECENT, floor), np.minimum(opened, roof)),
        "after": (np.maximum(start, floor), np.minimum(start + WINDOW, roof)),
    }
    mine = register.events[register.events["type"] == type]
    met = pd.DataFrame({"row": np.arange(len(rows)), "child": rows["child"]}).merge(mine[["child", "day"]], on="child")
    place, day = met["row"].to_numpy(), met["day"].to_numpy()
    frame = pd.DataFrame({"child": rows["child"]})
    for name, (low, high) in edges.items():
        inside = (day >= low[place]) & (day < high[place])
        frame[name] = np.bincount(place[inside], minlength=len(rows))
        frame[f"{name}_days"] = np.maximum(high - low, 0)
    return EventChange(frame, _change(frame), _mean(frame))


def _change(frame: pd.DataFrame) -> RateChange | None:
    before, days = frame["earlier"] + frame["recent"], frame["earlier_days"] + frame["recent_days"]
    paired = (days > 0) & (frame["after_days"] > 0)
    if not (before + frame["after"])[paired].sum():
        return None  # whoever has time on one side only is not compared, whatever happened to it
    return rate_change(before, days, frame["after"], frame["after_days"])


def _mean(frame: pd.DataFrame) -> RegressionToMean | None:
    names = ("earlier", "recent", "after")
    counts, days = (np.array([frame[name + tail] for name in names]) for tail in ("", "_days"))
    if not counts[:2, (days[:2] > 0).all(axis=0)].sum():
        return None
    return regression_to_the_mean(counts, days)


def event_types(register: Register) -> tuple[str, ...]:
    """The types of event that the register holds, in alphabetical order."""
    return tuple(sorted(register.events["type"].astype(str).unique()))
