"""Finance files to sheets: a form is known by its columns (reference table finance_files), never by a file's name."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import Quarter
from bond_eval.intake.delimited import DELIMITERS, header_of, normal_name, parse
from bond_eval.intake.reference import read_reference
from bond_eval.intake.sources import Source
from bond_eval.intake.typed import NO_DAY, Text, as_numbers, blank_text, day_number, read_day, text

# rule -> (severity, what was done, what is the matter)
RULES = {
    "file_not_read": ("error", "set aside", "an Excel workbook: save each sheet as CSV"),
    "file_not_recognised": ("warning", "set aside", "no finance form has these columns"),
    "row_misfit": ("error", "set aside", "the line's number of fields is not the header's"),
    "quote_unclosed": ("warning", "corrected", "a quote on the line is not closed on it"),
    "encoding": ("note", "kept", "read as Windows-1252"),
    "column_repeated": ("warning", "kept", "the column stands twice; the first is read"),
    "child_unknown": ("warning", "set aside", "the return has no child of this number"),
    "category_unknown": ("error", "set aside", "no placement category has this name"),
    "text_missing": ("error", "set aside", "the line does not say what the amount is for"),
    "date_unreadable": ("error", "set aside", "not a date that can be read"),
    "end_before_start": ("error", "set aside", "ends before it starts"),
    "amount_unreadable": ("error", "set aside", "no amount, or none that can be read"),
    "amount_negative": ("error", "set aside", "an amount below nothing"),
    "fee_zero": ("warning", "set aside", "a fee of nothing is taken as one that is not known"),
    "fee_very_high": ("warning", "kept", "above £25,000 a week: a yearly amount?"),
    "fee_repeated": ("note", "set aside", "the same fee from the same day again"),
    "fee_replaced": ("warning", "set aside", "another fee from the same day stands further down or in a later file"),
    "fee_without_end": ("warning", "corrected", "no end, and a later fee begins: ends the day before that"),
    "fee_overlap": ("warning", "corrected", "runs into a later fee: ends the day before that begins"),
    "extract_undated": ("error", "set aside", "the extract's last day is not known: write it in the file's name"),
    "outside_year": ("warning", "set aside", "no day of the placement is in the extract's financial year"),
    "unit_cost_zero": ("note", "kept", "stated as nothing, and counted as nothing"),
    "unit_cost_replaced": ("warning", "set aside", "another unit cost from the same day stands further down"),
    "unit_cost_overlap": ("warning", "corrected", "runs into a later unit cost: ends the day before that begins"),
    "line_repeated": ("warning", "kept", "another line has the same heading and month: they add up"),
}
_MONTH_WORD = re.compile(r"^([A-Za-z]{3})[a-z]*[ \-](\d{4}|\d{2})$")
_MONTH = re.compile(r"^(\d{4})-(\d{1,2})$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_QUARTER = re.compile(r"(?<!\d)(\d{4}-\d{2})[ _-]*(Q[1-4])|(Q[1-4])[ _-]*(\d{4}-\d{2})(?!\d)", re.IGNORECASE)


@dataclass
class Sheet:
    """One file of one form, as text by field. `keep` marks the rows not yet set aside; `day` is its last day."""

    name: str
    form: str
    fields: dict[str, Text]
    line: np.ndarray
    rows_in: int
    log: IssueLog
    keep: np.ndarray
    day: int | None = None

    def text(self, field: str) -> Text:
        """A field; blank where the file lacks it."""
        return self.fields.get(field) or blank_text(len(self.line))

    def words(self, field: str) -> np.ndarray:
        """A field's text row by row, "" where blank."""
        return self.text(field).at(np.arange(len(self.line)))

    def report(self, rule: str, mask: np.ndarray, field: str) -> None:
        """Log a rule for the rows of `mask` that are still kept, and set them aside where the rule says so."""
        severity, action, problem = RULES[rule]
        rows = np.flatnonzero(mask & self.keep)
        children = self.words("child")[rows]
        self.log.add(
            rule, severity, self.name, problem, action,
            column=field, lines=self.line[rows], values=self.text(field).at(rows), children=children,
        )  # fmt: skip
        if action == "set aside":
            self.keep[rows] = False

    def days(self, field: str, *, needed: bool) -> np.ndarray:
        """A field as int32 days, NO_DAY where blank; an unreadable one, or a blank one that is needed, is reported."""
        column = self.text(field)
        parsed = [read_day(value) for value in column.values]
        days = np.array([NO_DAY if one is None else one for one in parsed] + [NO_DAY], dtype=np.int32)[column.index]
        self.report("date_unreadable", (days == NO_DAY) & ((column.index >= 0) | needed), field)
        return days

    def amounts(self, field: str) -> np.ndarray:
        """A field as pounds, "£1,234.50" as 1234.5; NaN where blank or no finite number. Nothing is reported."""
        column = self.text(field)
        plain = [value.replace("£", "").replace(",", "").strip() for value in column.values]
        values, _ = as_numbers(Text(column.index, plain))
        return np.where(np.isfinite(values), values, np.nan)

    def months(self, field: str) -> np.ndarray:
        """A field as the first day of its month (datetime64[D]), NaT where blank or unreadable, which is reported."""
        column = self.text(field)
        parsed = [read_month(value) for value in column.values]
        table = np.array([*parsed, None], dtype="datetime64[D]")
        months = table[column.index]
        self.report("date_unreadable", np.isnat(months), field)
        return months


def read_sheet(source: Source, log: IssueLog, as_of: dt.date | None) -> Sheet | None:
    """One file as the form that its columns are those of; None, with an issue, for no form.

    The sheet's day is that in the file's name (a date or a quarter), else `as_of`. Raises InputError for a file
    that is no table.
    """
    content, folded = _header_on_one_line(source.content)
    header, _, _ = header_of(content)
    form, columns = recognise(header)
    if not form:
        _log_file(log, "file_not_recognised", source.name)
        return None
    raw = parse(source.name, content, sorted(set(columns.values())))
    for rule, lines in (("row_misfit", raw.misfits), ("quote_unclosed", raw.unclosed)):
        severity, action, problem = RULES[rule]
        log.add(rule, severity, source.name, problem, action, lines=np.array(lines, dtype=np.int64) + folded)
    if raw.encoding != "utf-8":
        _log_file(log, "encoding", source.name)
    for column in set(raw.repeated) & set(columns.values()):
        _log_file(log, "column_repeated", source.name, column)
    fields = {field: text(raw.table.column(column)) for field, column in columns.items()}
    rows = raw.table.num_rows
    last = day_in_name(source.name) or as_of
    return Sheet(
        source.name, form, fields, raw.lines.astype(np.int32) + folded, rows + len(raw.misfits), log,
        np.ones(rows, dtype=bool), None if last is None else day_number(last),
    )  # fmt: skip


def _log_file(log: IssueLog, rule: str, name: str, column: str = "") -> None:
    severity, action, problem = RULES[rule]
    log.add(rule, severity, name, problem, action, column=column)


def log_unread(log: IssueLog, name: str) -> None:
    """Say that an Excel workbook in the folder was not read."""
    _log_file(log, "file_not_read", name)


@cache
def _forms() -> dict[str, tuple[dict[str, str], ...]]:
    table = read_reference("finance_files.csv")
    return {str(form): tuple(part.to_dict("records")) for form, part in table.groupby("form", sort=False)}


def recognise(header: list[str]) -> tuple[str, dict[str, str]]:
    """(form, field -> column of `header`) of the form with most columns there and all that it needs; ("", {}) else."""
    best: tuple[str, dict[str, str]] = ("", {})
    for form, rows in _forms().items():
        found = {row["field"]: _column(row, header) for row in rows}
        needed = [found[row["field"]] for row in rows if row["required"] == "yes"]
        columns = {field: column for field, column in found.items() if column}
        if all(needed) and len(columns) > len(best[1]):
            best = (form, columns)
    return best


def _column(row: dict[str, str], header: list[str]) -> str:
    wanted = normal_name(row["column"])
    matches: Callable[[str], bool] = wanted.__eq__ if row["match"] == "exact" else lambda name: name.startswith(wanted)
    return next((name for name in header if matches(name)), "")


def _header_on_one_line(content: bytes) -> tuple[bytes, int]:
    """The bytes with line breaks inside the header's quotes made spaces, and how many there were.

    The sentences that head a census are broken over lines where they were typed into a spreadsheet.
    """
    lines = content.lstrip(b"\xef\xbb\xbf \r\n").splitlines(keepends=True)
    head, used = b"", 0
    while used < min(len(lines), 60) and (not used or head.count(b'"') % 2):
        head, used = head + lines[used], used + 1
    if used < 2 or head.count(b'"') % 2:
        return content, 0
    words = head.decode("utf-8", errors="replace")
    delimiter = max(DELIMITERS, key=words.count)
    try:
        names = next(csv.reader(io.StringIO(words, newline=""), delimiter=delimiter), [])
    except csv.Error:  # no header of ours
        return content, 0
    flat = io.StringIO(newline="")
    csv.writer(flat, delimiter=delimiter, lineterminator="\n").writerow([" ".join(name.split()) for name in names])
    return flat.getvalue().encode() + b"".join(lines[used:]), used - 1


def day_in_name(name: str) -> dt.date | None:
    """The day that a file's name gives: 2020-09-30, or the last day of 2020-21-Q2 or Q2 2020-21; None without one."""
    found = _ISO_DAY.search(name)
    if found:
        days = read_day(found.group(1))
        return None if days is None else dt.date.fromordinal(days + dt.date(1970, 1, 1).toordinal())
    quarter = _QUARTER.search(name)
    if not quarter:
        return None
    year, number = (quarter.group(1), quarter.group(2)) if quarter.group(1) else (quarter.group(4), quarter.group(3))
    try:
        return Quarter.parse(f"{year}-{number.upper()}").end
    except InputError:  # 2020-25-Q1 is no quarter, and so no day
        return None


def read_month(value: str) -> dt.date | None:
    """2020-04, April 2020, Apr-20 or any day of the month -> its first day; None for anything else."""
    day = read_day(value)
    if day is not None:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).replace(day=1)
    plain, worded = _MONTH.match(value), _MONTH_WORD.match(value)
    if plain:
        year, month = int(plain.group(1)), int(plain.group(2))
    elif worded and worded.group(1).lower() in _MONTHS:
        year, month = int(worded.group(2)), _MONTHS.index(worded.group(1).lower()) + 1
        year += 2000 if year < 100 else 0
    else:
        return None
    return dt.date(year, month, 1) if 1 <= month <= 12 and 1980 <= year <= 2060 else None
