"""Stability of placements: NI062 (three or more in a year) and NI063 (long-term), with the disputed rules as dials."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital
from bond_eval.core.periods import month_end
from bond_eval.intake.typed import day_number
from bond_eval.placements.ages import age_on
from bond_eval.placements.history import ADOPTED_BY_CARER, ADOPTED_BY_OTHERS, History


@dataclass(frozen=True)
class Rules:
    """What counts as a placement. No public source settles either: show both."""

    temporary: bool = False
    same_carer: bool = False

    @property
    def label(self) -> str:
        """In words."""
        if self == Rules():
            return "Neither temporary placements nor changes within one carer count"
        names = {"Temporary placements": self.temporary, "changes within one carer": self.same_carer}
        counted = [name for name, counts in names.items() if counts]
        text = " and ".join(counted)
        return f"{capital(text)} count" + ("" if len(counted) == 2 else " too")


VARIANTS = (Rules(), Rules(temporary=True), Rules(same_carer=True), Rules(True, True))


def distinct_placements(history: History, rules: Rules) -> pd.DataFrame:
    """Placements as `rules` count them: columns child, period, start, end, category, place, key.

    A placement that a child comes back to after a temporary one (same place and provider) is one placement.
    Adoption by the present carers is no move.
    """
    rows = history.placements
    if not rules.temporary:
        rows = rows[~rows["temporary"]]
    same_period = np.append(False, rows["period"].to_numpy()[1:] == rows["period"].to_numpy()[:-1])[: len(rows)]
    same_place = _repeats(rows["place"].array.codes) & _repeats(rows["provider"].array.codes)
    after_break = np.append(False, rows["start"].to_numpy()[1:] > rows["end"].to_numpy()[:-1])[: len(rows)]
    joined = same_period & same_place & after_break
    joined |= same_period & rows["place"].isin(ADOPTED_BY_CARER).to_numpy()
    if not rules.same_carer:
        joined |= same_period & rows["same_carer"].to_numpy()
    key = np.cumsum(~joined)
    grouped = rows.assign(key=key).groupby("key", sort=True)
    result = grouped.agg(
        child=("child", "first"),
        period=("period", "first"),
        start=("start", "first"),
        end=("end", "last"),
        category=("category", "last"),
        place=("place", "first"),
    )
    return result.reset_index()


def _repeats(codes: np.ndarray) -> np.ndarray:
    return np.append(False, codes[1:] == codes[:-1])[: len(codes)]


def three_or_more(history: History, day: dt.date, rules: Rules, years: int = 1) -> tuple[int, int]:
    """NI062: (children looked after on `day` with three or more placements in the year to it, children looked after).

    Placements of 24 hours or more, those open on the first and last day of the year among them. With `years=2`:
    of children looked after throughout two years.
    """
    last = day_number(day)
    first = day_number(_years_before(day, years)) + 1
    periods = history.periods
    open_now = periods[(periods["start"] <= last) & (periods["end"] > last)]
    if years > 1:
        open_now = open_now[open_now["start"] <= first]
    placements = distinct_placements(history, rules)
    inside = placements[(placements["start"] <= last) & (placements["end"] > first)]
    inside = inside[(inside["end"] - inside["start"] >= 1) & inside["child"].isin(open_now["child"])]
    counts = inside.groupby("child").size()
    return int((counts >= 3).sum()), len(open_now)


def long_term(history: History, day: dt.date, rules: Rules) -> tuple[int, int]:
    """NI063: (in the same placement for two years, under 16 and looked after for 2.5 years or more on `day`).

    A placement for adoption is counted together with the placement before it.
    """
    last = day_number(day)
    periods = history.periods
    long = day_number(_months_before(day, 30)) + 1
    open_now = periods[(periods["start"] <= long) & (periods["end"] > last)]
    age = age_on(history.people["birth"].to_numpy()[open_now["child"].to_numpy()], last)
    eligible = open_now.loc[(age >= 0) & (age < 16), "child"]
    placements = distinct_placements(history, rules)
    period, start = placements["period"].to_numpy(), placements["start"].to_numpy()
    follows = np.append(False, period[1:] == period[:-1])[: len(placements)]
    adoptive = follows & placements["place"].isin(ADOPTED_BY_OTHERS).to_numpy()
    since = np.where(adoptive, np.append(0, start[:-1])[: len(placements)], start)
    now = (start <= last) & (placements["end"].to_numpy() > last)
    steady = placements.loc[now & (since <= day_number(_years_before(day, 2)) + 1), "child"]
    return int(eligible.isin(steady).sum()), len(eligible)


def _years_before(day: dt.date, years: int) -> dt.date:
    return _months_before(day, 12 * years)


def _months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month; the month's last day where it has no such day."""
    end = month_end(day, -months)
    return end if day.day == month_end(day).day else end.replace(day=min(day.day, end.day))
