"""What the labels of a row say of its days and of its broader group: fields of data/reference/linked_cells.csv.

A label may be a day, a month ("October 2019"), a quarter, or a run of quarters ("2019-20-Q1 to 2019-20-Q4").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import cache

from bond_eval.core.periods import Quarter, month_end
from bond_eval.intake.reference import read_reference
from bond_eval.programmes.cases import UNRECORDED


def fields(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels for a concept's name: a quarter and a month by their last day, and a quarter's `eve`.

    A day's financial year is its label's name and `_year`: date_year; a year's last day `_end`: period_end. What
    stands behind a colon, or all: its `_name`. `group`: the broader group of a characteristic's value, or of "Not
    recorded" in a row without one ("-" for one in no group).
    """
    yield "group", broad_groups().get((row.get("characteristic", ""), row.get("value", UNRECORDED)), "-")
    for label, text in row.items():
        first = _quarter(text.partition(" to ")[0])
        if first:
            yield "eve", (first.start - dt.timedelta(days=1)).isoformat()
        end = _end(text)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", end):
            yield f"{label}_year", str(Quarter.of(dt.date.fromisoformat(end)))[:7]
        if re.fullmatch(r"\d{4}-\d{2}", text):
            yield f"{label}_end", _year_end(text)
        yield f"{label}_name", text.rpartition(": ")[2]
        yield label, end


@cache
def broad_groups() -> dict[tuple[str, str], str]:
    """(characteristic, value) -> the broader group that the value is put into where its own would be too small."""
    rows = read_reference("broad_groups.csv").itertuples(index=False)
    return {(name, value): group for name, value, group in rows}


def over(text: str, published: Quarter) -> bool:
    """True for a label that names a day, month, quarter or financial year that ended by the quarter published."""
    end = last_day(text)
    return end is not None and end <= published.end


def last_day(text: str) -> dt.date | None:
    """The last day that a label speaks of; None where it names no day, month, quarter or financial year."""
    end = _year_end(text) if re.fullmatch(r"\d{4}-\d{2}", text) else _end(text)
    try:
        return dt.date.fromisoformat(end)
    except ValueError:
        return None


def _year_end(year: str) -> str:
    return f"{int(year[:4]) + 1}-03-31"


def _end(text: str) -> str:
    """The last day of a quarter, run of quarters or month, as ISO; anything else as it is."""
    last = _quarter(text.rpartition(" to ")[2])
    return last.end.isoformat() if last else _month_end(text) or text


def _month_end(text: str) -> str:
    """ "October 2019" as 2019-10-31; "" for anything else."""
    try:
        first = dt.datetime.strptime(text, "%B %Y").date()
    except ValueError:
        return ""
    return month_end(first).isoformat()


def _quarter(text: str) -> Quarter | None:
    return Quarter.parse(text) if re.fullmatch(r"\d{4}-\d{2}-Q[1-4]", text) else None
