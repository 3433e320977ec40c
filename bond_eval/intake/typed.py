"""Dictionary-encoded text to ids, codes, dates and numbers. Work is done once per distinct value, not per row."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

BLANKS = ["", "NULL", "N/A", "NA", "#N/A", "NONE", "NAN", "NAT", "-"]
NO_DAY = np.int32(np.iinfo(np.int32).max)  # a date that is not there sorts after every date that is
EPOCH = dt.date(1970, 1, 1)
_DMY = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?:[ T]00:00(?::00(?:\.0+)?)?)?$")
_YMD = re.compile(r"^(\d{4})[/\-](\d{1,2})[/\-](\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?$")
EARLIEST, LATEST = dt.date(1980, 1, 1), dt.date(2060, 12, 31)


@dataclass(frozen=True)
class Text:
    """A column as text: `index` (int32, -1 where blank) into `values` (distinct, trimmed, never blank)."""

    index: np.ndarray
    values: list[str]

    def at(self, rows: np.ndarray) -> np.ndarray:
        """The text of some rows, "" where blank."""
        table = np.array([*self.values, ""], dtype=object)
        return table[self.index[rows]]

    def taken(self, rows: np.ndarray) -> Text:
        """The same column for some rows."""
        return Text(self.index[rows], self.values)


def text(column: pa.ChunkedArray, *, upper: bool = False) -> Text:
    """Trim white space and quotes; blanks, NULL and N/A become blank."""
    array = column.dictionary_encode().combine_chunks()
    values = pc.utf8_trim_whitespace(pc.utf8_trim(pc.utf8_trim_whitespace(array.dictionary), "\"'"))
    folded = pc.utf8_upper(values)
    blank = pc.is_in(folded, value_set=pa.array(BLANKS))
    distinct = pc.if_else(blank, None, folded if upper else values).dictionary_encode()
    lookup = np.append(pc.fill_null(distinct.indices, -1).to_numpy(zero_copy_only=False), -1).astype(np.int32)
    # A null row (a column that a file lacks) takes the last place of the look-up: blank.
    index = pc.fill_null(array.indices, len(lookup) - 1).to_numpy(zero_copy_only=False)
    return Text(lookup[index], distinct.dictionary.to_pylist())


def blank_text(rows: int) -> Text:
    """A column that no file has."""
    return Text(np.full(rows, -1, dtype=np.int32), [])


def as_codes(column: Text, known: tuple[str, ...]) -> pd.Categorical:
    """Codes as a categorical whose categories are the known codes, then any others that were met."""
    unknown = sorted(set(column.values) - set(known))
    categories = [*known, *unknown]
    place = {code: index for index, code in enumerate(categories)}
    lookup = np.array([place[value] for value in column.values] + [-1], dtype=np.int32)
    return pd.Categorical.from_codes(lookup[column.index], categories=categories)


def as_days(column: Text) -> tuple[np.ndarray, np.ndarray]:
    """(days since 1970 as int32, NO_DAY where blank or unreadable; mask of rows that are unreadable)."""
    parsed = [read_day(value) for value in column.values]
    lookup = np.array([NO_DAY if day is None else day for day in parsed] + [NO_DAY], dtype=np.int32)
    bad = np.array([day is None for day in parsed] + [False])
    return lookup[column.index], bad[column.index]


@lru_cache(maxsize=2**16)  # the same days come back in every date column
def read_day(value: str) -> int | None:
    """dd/mm/yyyy or ISO to days since 1970; None for anything else, and for a day that the calendar lacks."""
    for pattern, order in ((_DMY, (3, 2, 1)), (_YMD, (1, 2, 3))):
        match = pattern.match(value)
        if match:
            try:
                day = dt.date(*(int(match.group(place)) for place in order))
            except ValueError:
                return None
            return (day - EPOCH).days if EARLIEST <= day <= LATEST else None
    return None


def as_numbers(column: Text) -> tuple[np.ndarray, np.ndarray]:
    """(values as float, NaN where blank or not a number; mask of rows that are not a number)."""
    parsed = pd.to_numeric(pd.Series(column.values, dtype=object), errors="coerce").to_numpy(dtype=float)
    lookup = np.append(parsed, np.nan)
    bad = np.append(np.isnan(parsed), False)
    return lookup[column.index], bad[column.index]


def days_to_dates(days: np.ndarray) -> np.ndarray:
    """int32 days to datetime64[s], NO_DAY to NaT."""
    dates = days.astype("datetime64[D]").astype("datetime64[s]")
    dates[days == NO_DAY] = np.datetime64("NaT")
    return dates


def dates_to_days(dates: pd.Series | np.ndarray) -> np.ndarray:
    """datetime64 to int32 days, NaT to NO_DAY."""
    array = np.asarray(dates, dtype="datetime64[D]")
    days = array.astype(np.int64)
    return np.where(np.isnat(array), np.int64(NO_DAY), days).astype(np.int32)


def day_number(day: dt.date) -> int:
    """One date as days since 1970."""
    return (day - EPOCH).days


def date_of(number: float) -> dt.date:
    """The day whose number `day_number` gives."""
    return EPOCH + dt.timedelta(days=int(number))
