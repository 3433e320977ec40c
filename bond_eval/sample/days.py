"""Days as whole numbers since 1 January 1970, and the dates that matter to the sample."""

from calendar import isleap
from datetime import date, timedelta
from functools import cache

_EPOCH = date(1970, 1, 1)
YEAR = 365.25


def day(year: int, month: int, of_month: int) -> int:
    """The day number of a calendar date."""
    return (date(year, month, of_month) - _EPOCH).days


@cache
def as_date(number: int) -> date:
    """The calendar date of a day number."""
    return _EPOCH + timedelta(days=number)


@cache
def text(number: int | None) -> str:
    """The date as the returns write it, dd/mm/yyyy; blank for None."""
    return "" if number is None else as_date(number).strftime("%d/%m/%Y")


@cache
def birthday(born: int, years: int) -> int:
    """The day a child reaches an age; someone born on 29 February has it on 1 March in other years."""
    at = as_date(born)
    if (at.month, at.day) == (2, 29) and not isleap(at.year + years):
        return day(at.year + years, 3, 1)
    return day(at.year + years, at.month, at.day)


def age(born: int, on: int) -> float:
    """Age in years, as a real number."""
    return (on - born) / YEAR


START = day(2015, 4, 1)
END = day(2020, 9, 30)
BASELINE = day(2019, 3, 31)
ASSURANCE = day(2019, 9, 4)
PROGRAMME = day(2020, 2, 1)
PANDEMIC = day(2020, 3, 23)
EASED = day(2020, 7, 1)
COUNTED = (
    day(2015, 3, 31),
    day(2016, 3, 31),
    day(2017, 3, 31),
    day(2018, 3, 31),
    BASELINE,
    day(2020, 3, 31),
    END,
)


def month_starts(first_year: int, last: int) -> list[int]:
    """First days of the months from January of a year to the day `last`."""
    starts = []
    year, month = first_year, 1
    while day(year, month, 1) <= last:
        starts.append(day(year, month, 1))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return starts
