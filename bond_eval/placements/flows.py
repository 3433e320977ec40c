"""Placements begun and ended in each period, and the shortest period in which they may be shown."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter, financial_year_start, month_starts, year_label
from bond_eval.intake.typed import day_number
from bond_eval.placements.history import History, regrouped, without_temporary

PERIODS = ("month", "quarter", "half-year", "year")


def real_moves(placements: pd.DataFrame) -> pd.DataFrame:
    """Placements without temporary ones; what keeps the carer, or comes back to the same place, goes on unbroken."""
    rows = without_temporary(placements)
    columns = (rows["period"].to_numpy(), rows["place"].array.codes, rows["provider"].array.codes)
    period, place, provider = (np.append(False, values[1:] == values[:-1])[: len(rows)] for values in columns)
    away = np.append(False, rows["start"].to_numpy()[1:] > rows["end"].to_numpy()[:-1])[: len(rows)]
    goes_on = period & (rows["same_carer"].to_numpy() | (place & provider & away))
    opening = np.flatnonzero(~goes_on)
    return regrouped(rows, opening, np.append(opening[1:], len(rows))[: len(opening)] - 1)


def monthly_flows(history: History) -> pd.DataFrame:
    """Placements started and ended in each whole month: columns month (date), direction, n.

    Of all categories together: external placements alone, less outside placements, would leave few of an IFA.
    A placement that is still open has not ended. Changes within one carer and temporary placements are left out.
    An end is dated by the last night: an end on 1 April is counted in March only where its row was closed so.
    """
    months = month_starts(history.first_day, history.as_of)
    edges = np.array([*(day_number(month) for month in months), day_number(history.as_of) + 1])
    placements = real_moves(history.placements)
    ended = placements[~placements["is_open"]]
    rows = []
    for direction, days in (("started", placements["start"]), ("ended", ended["end"])):
        counts, _ = np.histogram(days.to_numpy(), bins=edges)
        rows += [(month, direction, int(n)) for month, n in zip(months, counts, strict=True)]
    return pd.DataFrame(rows, columns=["month", "direction", "n"])


def pooled(flows: pd.DataFrame, period: str) -> pd.DataFrame:
    """Monthly flows summed to whole periods: columns period (label), direction, n."""
    labels = flows["month"].map(lambda month: period_label(month, period))
    sums = flows.assign(period=labels).groupby(["direction", "period"], sort=True)["n"].agg(["sum", "size"])
    whole = sums[sums["size"] == {"month": 1, "quarter": 3, "half-year": 6, "year": 12}[period]]
    return whole["sum"].rename("n").reset_index()


def period_label(month: dt.date, period: str) -> str:
    """The label of the period that holds a month, in an order that sorts by time."""
    quarter = Quarter.of(month)
    if period == "month":
        return f"{month:%Y-%m}"
    if period == "quarter":
        return str(quarter)
    if period == "half-year":
        return f"{quarter.financial_year}-H{1 if quarter.number <= 2 else 2}"
    return year_label(financial_year_start(month))


def shortest_period(flows: pd.DataFrame, minimum: int) -> str:
    """The shortest of PERIODS in which no count is above zero and below `minimum`; the longest where none is."""
    for period in PERIODS:
        n = pooled(flows, period)["n"]
        if not ((n > 0) & (n < minimum)).any():
            return period
    return PERIODS[-1]
