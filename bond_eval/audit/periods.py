"""Months, quarters and financial years as labels of published tables write them."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from functools import cache

from bond_eval.core.periods import Quarter

_NAMES = [name.lower() for name in calendar.month_name]
_MONTH = re.compile(r"^([12]\d{3})-(0[1-9]|1[0-2])(?:-\d\d)?$")
_SPOKEN = re.compile(rf"^({'|'.join(_NAMES[1:])}) ([12]\d{{3}})$")
_QUARTER = re.compile(r"^(\d{4}-\d\d)-q[1-4]$")


@cache
def quarter_of(text: str) -> str | None:
    """The financial quarter of a month: "2019-04" and "april 2019" give "2019-20-q1"."""
    if match := _MONTH.match(text):
        return str(Quarter.of(dt.date(int(match[1]), int(match[2]), 1))).lower()
    match = _SPOKEN.match(text)
    return str(Quarter.of(dt.date(int(match[2]), _NAMES.index(match[1]), 1))).lower() if match else None


@cache
def year_of(text: str) -> str | None:
    """The financial year of a month or quarter: "2019-04" and "2019-20-q1" give "2019-20"."""
    match = _QUARTER.match(quarter_of(text) or text)
    return match[1] if match else None


@cache
def dated(text: str) -> bool:
    """True for a day, month, quarter or financial year."""
    return bool(year_of(text) or re.fullmatch(r"\d{4}-\d\d", text))


@cache
def goes_on(text: str, release: str, months: int = 0) -> bool:
    """True for a month, quarter or financial year that had not ended when the quarter of a release had ("2019-20-Q3").

    A count of it is another one a quarter later. `months`: for how long what it counts is followed. False where
    either names no period.
    """
    if not re.fullmatch(r"\d{4}-\d\d-Q[1-4]", release):
        return False
    release = str(Quarter.parse(release).next(-(-months // -3)))
    year = re.fullmatch(r"(\d{4})-(\d\d)", text)
    whole = year and (int(year[1]) + 1) % 100 == int(year[2])
    last = f"{text}-q4" if whole else quarter_of(text) or (text if _QUARTER.match(text) else "")
    return last > release.lower()
