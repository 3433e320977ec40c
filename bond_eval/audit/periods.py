"""Months, quarters and financial years as labels of published tables write them."""

from __future__ import annotations

import re

_MONTH = re.compile(r"^(\d{4})-(\d\d)(?:-\d\d)?$")
_QUARTER = re.compile(r"^(\d{4}-\d\d)-q([1-4])$")
_NAMES = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
          "november", "december")  # fmt: skip
_SPOKEN = re.compile(rf"^({'|'.join(_NAMES)}) (\d{{4}})$")


def _month(text: str) -> tuple[int, int] | None:
    if (match := _MONTH.match(text)) and 1 <= int(match[2]) <= 12:
        return int(match[1]), int(match[2])
    if match := _SPOKEN.match(text):
        return int(match[2]), 1 + _NAMES.index(match[1])
    return None


def quarter_of(text: str) -> str | None:
    """The financial quarter of a month: "2019-04" and "April 2019" give "2019-20-q1"."""
    month = _month(text)
    return f"{_year(*month)}-q{(month[1] - 4) % 12 // 3 + 1}" if month else None


def year_of(text: str) -> str | None:
    """The financial year of a month or quarter: "2019-04" and "2019-20-q1" give "2019-20"."""
    if match := _QUARTER.match(text):
        return match[1]
    month = _month(text)
    return _year(*month) if month else None


def _year(year: int, month: int) -> str:
    first = year if month >= 4 else year - 1
    return f"{first}-{(first + 1) % 100:02d}"
