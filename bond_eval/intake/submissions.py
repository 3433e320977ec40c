"""Which return each row came from, the period that the return covers, and which of two is the later."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter, financial_year_start
from bond_eval.intake.authority import Authority
from bond_eval.intake.recognise import Stack
from bond_eval.intake.typed import EPOCH, NO_DAY

# A date further than this beyond nearly all others in its file is a slip of the pen, not the file's period.
STRAY_DAYS = 366


def keep_authority(stack: Stack, authority: Authority) -> np.ndarray:
    """Mask of rows of this authority in a file stacked over several (column LA).

    Raises InputError where several authorities are there and none is the one asked for.
    """
    las = stack.text("LA")
    present = sorted({las.values[index] for index in np.unique(las.index) if index >= 0})
    if len(present) < 2:
        return np.ones(stack.rows, dtype=bool)
    names = {name.lower() for name in (authority.key, authority.name, authority.code, authority.old_code) if name}
    chosen = [index for index, value in enumerate(las.values) if value.lower() in names]
    if not chosen:
        raise InputError(
            f"The files hold {len(present)} authorities and none is {authority.key!r}: "
            "give --authority as the LA column writes it."
        )
    return np.isin(las.index, chosen)


def assign(stack: Stack, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """A submission is a file, or a year of a stacked file: (its number for each row, its name)."""
    years = stack.text("YEAR")
    pairs = pd.DataFrame({"source": stack.source, "year": years.index})
    keys = pairs.drop_duplicates().sort_values(["source", "year"]).reset_index(drop=True)
    labels = [
        names[source] + (f" [{years.values[year]}]" if year >= 0 else "")
        for source, year in keys.itertuples(index=False)
    ]
    code = pairs["source"].to_numpy(np.int64) * (len(years.values) + 2) + pairs["year"].to_numpy(np.int64) + 1
    key_code = keys["source"].to_numpy(np.int64) * (len(years.values) + 2) + keys["year"].to_numpy(np.int64) + 1
    return np.searchsorted(key_code, code).astype(np.int16), labels


def coverage(submission: np.ndarray, labels: list[str], decom: np.ndarray, dec: np.ndarray) -> pd.DataFrame:
    """One row a submission, in order of time: columns number, name, last_day, year, rows.

    `last_day` is the end of the financial quarter that holds the latest day in care that the rows speak of;
    `year` that in which its financial year begins. Two submissions of one end are in the order of their names.
    """
    rows = []
    for number, name in enumerate(labels):
        mine = submission == number
        latest = _latest(decom[mine], dec[mine])
        if latest is not None:
            last = Quarter.of(EPOCH + dt.timedelta(days=latest)).end
            rows.append((number, name, last, financial_year_start(last), int(mine.sum())))
    frame = pd.DataFrame(rows, columns=["number", "name", "last_day", "year", "rows"])
    return frame.sort_values(["last_day", "name"], kind="stable").reset_index(drop=True)


def _latest(decom: np.ndarray, dec: np.ndarray) -> int | None:
    # An end on 1 April is of the year before: its last day in care is 31 March.
    days = np.concatenate([decom[decom != NO_DAY], dec[dec != NO_DAY] - 1])
    if not len(days):
        return None
    usual = np.partition(days, int(0.95 * (len(days) - 1)))[int(0.95 * (len(days) - 1))]
    return int(days[days <= usual + STRAY_DAYS].max())


def match_groups(
    groups: dict[int, str], children: np.ndarray, of_row: np.ndarray, names: list[str], member: np.ndarray
) -> dict[int, int]:
    """For each group of rows (a file, or a file's year, and its name) the submission that it belongs to.

    Files other than Episodes bear no date that tells their year. A group belongs to the one submission whose name
    has the same numbers in it ("2018-19/header.csv", "oc2 [2019]"); where none or several have, to the submission
    whose children it shares most. `member` is a boolean array of submissions × children.
    """
    digits = [_numbers(name) for name in names]
    sizes = member.sum(axis=1)
    best = {}
    for group, name in groups.items():
        alike = [place for place, own in enumerate(digits) if own and own == _numbers(name)]
        if len(alike) != 1:
            mine = np.zeros(member.shape[1], dtype=bool)
            mine[children[of_row == group]] = True
            shared = (member & mine).sum(axis=1)
            alike = [int(np.argmax(shared / np.maximum(sizes + mine.sum() - shared, 1)))]
        best[group] = alike[0]
    return best


def _numbers(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", name))
