"""Which return each row came from, the period that the return covers, and which of two is the later."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import Quarter, financial_year_start
from bond_eval.intake.authority import Authority
from bond_eval.intake.recognise import Files, Stack
from bond_eval.intake.typed import NO_DAY, Text, date_of

# A date further than this beyond nearly all others in its file is a slip of the pen, not the file's period.
STRAY_DAYS = 366


def keep_authority(files: Files, authority: Authority, issues: IssueLog) -> dict[str, Stack]:
    """Each module's rows of this authority, where files are stacked over several (column LA); the rest is logged.

    Raises InputError where several authorities are there and none is the one asked for.
    """
    columns = {module: stack.text("LA") for module, stack in files.stacks.items()}
    present = {value for column in columns.values() for value in column.values}
    if len(present) < 2:
        return files.stacks
    names = {name.lower() for name in (authority.key, authority.name, authority.code, authority.old_code) if name}
    chosen = [value for value in present if value.lower() in names]
    if not chosen:
        raise InputError(
            f"The files hold {len(present)} authorities and none is {authority.key!r}: "
            "give --authority as the LA column writes it."
        )
    return {module: _own_rows(files.stacks[module], columns[module], chosen, files.names, issues) for module in columns}


def _own_rows(stack: Stack, las: Text, chosen: list[str], names: list[str], issues: IssueLog) -> Stack:
    """Rows of the authority, and those of files that have no column LA with anything in it."""
    own = np.append([value in chosen for value in las.values], False).astype(bool)[las.index]
    for index in np.unique(stack.source):
        mine = stack.source == index
        blank = mine & (las.index < 0)
        if blank.sum() == mine.sum():
            own |= mine
            continue
        issues.add(
            "authority_blank",
            "error",
            names[index],
            "the row names no authority",
            "set aside",
            column="LA",
            lines=stack.line[blank],
        )
        others = int((mine & ~own & ~blank).sum())
        if others:
            problem = f"{others} rows of {stack.module} are of other authorities"
            issues.add("other_authority", "note", names[index], problem, "set aside", column="LA")
    return stack.taken(np.flatnonzero(own))


def assign(stack: Stack, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """A submission is a file, or a year of a stacked file: (its number for each row, its name)."""
    years = stack.text("YEAR")
    width = len(years.values) + 1
    keys = stack.source.astype(np.int64) * width + years.index + 1
    present = np.flatnonzero(np.bincount(keys))
    labels = [
        names[source] + (f" [{years.values[year - 1]}]" if year else "")
        for source, year in (divmod(int(key), width) for key in present)
    ]
    return np.searchsorted(present, keys).astype(np.int16), labels


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
            last = Quarter.of(date_of(latest)).end
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

    Files other than Episodes bear no date that tells their year. A group belongs to the one submission that lies in
    its folder, else to the one whose name has the same years in it ("2018-header.csv", "oc2.csv [2018]"), else to
    the one whose children it shares most. `member` is a boolean array of submissions × children.
    """
    sizes = member.sum(axis=1)
    best = {}
    for group, name in groups.items():
        alike = _alike(name, names)
        if len(alike) != 1:
            mine = np.zeros(member.shape[1], dtype=bool)
            mine[children[of_row == group]] = True
            shared = (member & mine).sum(axis=1)
            alike = [int(np.argmax(shared / np.maximum(sizes + mine.sum() - shared, 1)))]
        best[group] = alike[0]
    return best


def _alike(name: str, names: list[str]) -> list[int]:
    folder, years = _place(name)
    places = [_place(other) for other in names]
    same_folder = [place for place, (other, _) in enumerate(places) if folder and other == folder]
    same_years = [place for place, (_, other) in enumerate(places) if years and other == years]
    return same_folder if len(same_folder) == 1 else same_years


def _place(name: str) -> tuple[str, tuple[str, ...]]:
    return name.rpartition("/")[0], tuple(re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", name))
