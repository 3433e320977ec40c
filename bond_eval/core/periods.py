"""Financial years and quarters as English local government writes them.

A financial year runs from 1 April to 31 March and is written 2020-21; its quarters are Q1 April-June,
Q2 July-September, Q3 October-December and Q4 January-March, written 2020-21-Q2.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from bond_eval.core.errors import InputError

FIRST_MONTH = {1: 4, 2: 7, 3: 10, 4: 1}
YEARS = (1990, 2101)
_PATTERN = re.compile(r"^(\d{4})-(\d{2})-Q([1-4])$")


@dataclass(frozen=True, order=True)
class Quarter:
    """One financial quarter. `year` is the calendar year in which the financial year begins."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read "2020-21-Q2". Raises InputError, naming the form expected, for anything else."""
        match = _PATTERN.match(str(text).strip())
        if match:
            year, tail, number = (int(part) for part in match.groups())
            if (year + 1) % 100 == tail and year in range(*YEARS):
                return cls(year, number)
        import difflib

        every = [str(cls(year, number)) for year in range(*YEARS) for number in FIRST_MONTH]
        every = [one for one in every if one[:4] == str(text).strip()[:4]] or every
        near = difflib.get_close_matches(str(text).strip(), every, n=1, cutoff=0.5) or ["2020-21-Q2"]
        raise InputError(f"Quarter {text!r} is not one: write a financial quarter such as {near[0]}.")

    @classmethod
    def of(cls, day: dt.date) -> Quarter:
        """The quarter that holds a day."""
        return cls(financial_year_start(day), (day.month - 4) % 12 // 3 + 1)

    @property
    def start(self) -> dt.date:
        """First day."""
        return dt.date(self.year + (self.number == 4), FIRST_MONTH[self.number], 1)

    @property
    def end(self) -> dt.date:
        """Last day."""
        return self.next().start - dt.timedelta(days=1)

    @property
    def financial_year(self) -> str:
        """The year as written: 2020-21."""
        return year_label(self.year)

    def next(self, steps: int = 1) -> Quarter:
        """The quarter `steps` later (earlier if negative)."""
        index = self.year * 4 + self.number - 1 + steps
        return Quarter(index // 4, index % 4 + 1)

    def __str__(self) -> str:
        return f"{self.financial_year}-Q{self.number}"


def year_label(first_calendar_year: int) -> str:
    """2020 -> "2020-21"."""
    return f"{first_calendar_year}-{(first_calendar_year + 1) % 100:02d}"


def financial_year_start(day: dt.date) -> int:
    """The calendar year in which the day's financial year begins: 31 March 2020 -> 2019."""
    return day.year if day.month >= 4 else day.year - 1


def year_ends(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every 31 March from `first` to `last`, both included."""
    days = [dt.date(year, 3, 31) for year in range(first.year, last.year + 1)]
    return [day for day in days if first <= day <= last]


def month_starts(first: dt.date, last: dt.date) -> list[dt.date]:
    """The first day of each whole month from `first` to `last`; a month that ends after `last` is left out."""
    day = dt.date(first.year, first.month, 1)
    if day < first:
        day = next_month(day)
    months = []
    while month_end(day) <= last:
        months.append(day)
        day = next_month(day)
    return months


def next_month(day: dt.date) -> dt.date:
    """The first day of the month after `day`'s."""
    return month_end(day) + dt.timedelta(days=1)


def month_end(day: dt.date, months: int = 0) -> dt.date:
    """The last day of the month that lies `months` months after (before, if negative) the month of `day`."""
    after = day.year * 12 + day.month + months
    return dt.date(after // 12, after % 12 + 1, 1) - dt.timedelta(days=1)
