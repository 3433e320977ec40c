"""Files beside a return to sheets: a form is known by its columns (a reference table), never by a file's name."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import Quarter
from bond_eval.intake.delimited import DELIMITERS, RawTable, header_of, normal_name, parse
from bond_eval.intake.reference import CATEGORIES, read_reference
from bond_eval.intake.sources import READABLE, Source, files_below, read_file
from bond_eval.intake.typed import NO_DAY, Text, as_days, as_numbers, blank_text, date_of, day_number, read_day, text
from bond_eval.intake.workbooks import OLD_WORKBOOKS, WORKBOOKS, workbook_sheets

Rule = tuple[str, str, str]
# rule -> (severity, what was done, what is the matter): those that any form may meet
RULES: dict[str, Rule] = {
    "file_not_read": ("error", "set aside", ""),  # the sentence is the error's own
    "file_not_recognised": ("warning", "set aside", "no form of this folder has these columns"),
    "sheet_empty": ("note", "set aside", "a sheet without any value"),
    "row_misfit": ("error", "set aside", "the line's number of fields is not the header's"),
    "quote_unclosed": ("warning", "corrected", "a quote on the line is not closed on it"),
    "encoding": ("note", "kept", "read as Windows-1252"),
    "column_repeated": ("warning", "kept", "the column stands twice; the first is read"),
    "text_missing": ("error", "set aside", "the line does not say what it is about"),
    "date_unreadable": ("error", "set aside", "not a date that can be read"),
    "end_before_start": ("error", "set aside", "ends before it starts"),
}
_MONTH_WORD = re.compile(r"^([A-Za-z]{3})[a-z]*[ \-](\d{4}|\d{2})$")
_MONTH = re.compile(r"^(\d{4})-(\d{1,2})$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_QUARTER = re.compile(r"(?<!\d)(\d{4}-\d{2})[ _-]*(Q[1-4])|(Q[1-4])[ _-]*(\d{4}-\d{2})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Forms:
    """The forms of one folder: their reference table, their rules, and the field that holds a child's number.

    `others`: columns that are no field of the form are read too, as fields under their own name in small letters.
    """

    table: str
    rules: Mapping[str, Rule]
    child: str = "child"
    others: bool = False

    def say(self, log: IssueLog, file: str, rule: str, problem: str = "", **where: Any) -> None:
        """Log a rule for a file; `where`: column, lines, values, children, as core.issues.IssueLog.add takes them."""
        severity, action, words = self.rules[rule]
        log.add(rule, severity, file, problem or words, action, **where)


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
    forms: Forms
    day: int | None = None

    def text(self, field: str) -> Text:
        """A field; blank where the file lacks it."""
        return self.fields.get(field) or blank_text(len(self.line))

    def words(self, field: str) -> np.ndarray:
        """A field's text row by row, "" where blank."""
        return self.text(field).at(np.arange(len(self.line)))

    def ids(self, field: str) -> np.ndarray:
        """A field of numbers of children as text; a spreadsheet may have made 101 into 101.0."""
        plain = [v[:-2] if v.endswith(".0") and v[:-2].isdigit() else v for v in self.text(field).values]
        return Text(self.text(field).index, plain).at(np.arange(len(self.line)))

    def report(self, rule: str, mask: np.ndarray, field: str) -> None:
        """Log a rule for the rows of `mask` that are still kept, and set them aside where the rule says so."""
        rows = np.flatnonzero(mask & self.keep)
        values, children = self.text(field).at(rows), self.text(self.forms.child).at(rows)
        say = partial(self.forms.say, self.log, self.name, rule)
        say(column=field, lines=self.line[rows], values=values, children=children)
        if self.forms.rules[rule][1] == "set aside":
            self.keep[rows] = False

    def days(self, field: str, *, needed: bool, rule: str = "date_unreadable") -> np.ndarray:
        """A field as int32 days, NO_DAY where blank; an unreadable one, or a blank one that is needed, is reported."""
        days, unreadable = as_days(self.text(field))
        self.report(rule, (days == NO_DAY) & (unreadable | needed), field)
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

    def numbers(self, field: str, rule: str, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
        """A field as float, NaN where blank, unreadable or outside low to high; the last two are reported.

        Where the rule sets rows aside, a blank one is reported too.
        """
        values = self.amounts(field)
        values = np.where((values < low) | (values > high), np.nan, values)
        blank_too = self.forms.rules[rule][1] == "set aside"
        self.report(rule, np.isnan(values) & ((self.text(field).index >= 0) | blank_too), field)
        return values

    def coded(self, field: str, known: Mapping[str, str], rule: str, *, needed: bool = False) -> np.ndarray:
        """A field's words as `known` has them (folded word -> word); "" where blank or unknown, which is reported."""
        column = self.text(field)
        names = [known.get(folded(value)) for value in column.values]
        unknown = np.array([name is None for name in names] + [needed])[column.index]
        self.report(rule, unknown, field)
        return np.array([*(name or "" for name in names), ""], dtype=object)[column.index]


def folded(word: str) -> str:
    """A word as it is compared: "Looked_After " -> "looked after"."""
    return " ".join(word.lower().replace("_", " ").replace("-", " ").split())


@cache
def categories() -> dict[str, str]:
    """Folded placement category -> as written in data/reference/placement_categories.csv."""
    return {folded(str(name)): str(name) for name in read_reference(CATEGORIES)["category"]}


@dataclass
class Folder:
    """What a folder's files hold: their sheets, the log of their issues, and file -> SHA-256 of those recognised."""

    sheets: list[Sheet]
    log: IssueLog
    hashes: dict[str, str]

    def of(self, form: str) -> list[Sheet]:
        """The sheets of one form."""
        return [sheet for sheet in self.sheets if sheet.form == form]

    def stacked(self, readers: Mapping[str, Callable[[Sheet], pd.DataFrame]]) -> pd.DataFrame:
        """The typed rows of some forms' sheets (form -> what reads one), kept or not, with file, line, sheet (a number)
        and row; empty for none."""
        parts = [
            readers[sheet.form](sheet).assign(
                file=sheet.name, line=sheet.line, sheet=number, row=np.arange(len(sheet.line))
            )
            for number, sheet in enumerate(self.sheets)
            if sheet.form in readers
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"sheet": [], "row": []})

    def kept(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those of some stacked rows that no rule has set aside."""
        if rows.empty:
            return rows
        first = np.cumsum([0, *(len(sheet.keep) for sheet in self.sheets)])
        keep = np.concatenate([sheet.keep for sheet in self.sheets])
        return rows[keep[first[rows["sheet"].to_numpy(dtype=int)] + rows["row"].to_numpy(dtype=int)]]

    def tell(self, rule: str, rows: pd.DataFrame, field: str) -> None:
        """Report a rule for stacked rows of any sheets."""
        for number, part in rows.groupby("sheet"):
            sheet = self.sheets[int(str(number))]
            sheet.report(rule, np.isin(np.arange(len(sheet.line)), part["row"].to_numpy(dtype=int)), field)

    def last_stands(self, rows: pd.DataFrame, key: list[str], rule: str, field: str) -> None:
        """Report a rule for those of some stacked rows after which another, not set aside, has the same `key`."""
        kept = self.kept(rows)
        if len(kept):
            self.tell(rule, kept[kept.duplicated(key, keep="last")], field)

    @staticmethod
    def finished(rows: pd.DataFrame, spec: Mapping[str, str]) -> pd.DataFrame:
        """The columns of `spec` (name -> dtype) of rows as a table of its own; no rows give an empty one."""
        if rows.empty:
            return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in spec.items()})
        return rows.reset_index(drop=True)[list(spec)].astype(spec)

    def accounts(self) -> pd.DataFrame:
        """file, form, rows_in, kept, set_aside, once every row has been judged: rows_in = kept + set_aside."""
        rows = [(s.name, s.form, s.rows_in, int(s.keep.sum())) for s in self.sheets]
        frame = pd.DataFrame(rows, columns=["file", "form", "rows_in", "kept"])
        return frame.assign(set_aside=frame["rows_in"] - frame["kept"])


def read_folder(folder: Path, forms: Forms, as_of: dt.date | None = None, *, strict: bool = True) -> Folder | None:
    """Read every CSV, zip and Excel workbook below a folder as sheets; None where there is none.

    A file that cannot be read raises InputError, or, unless `strict`, is an issue (file_not_read), and the next
    is read. A file of no form is an issue. `as_of`: the last day of a file whose name gives none.
    """
    if not folder.is_dir() and folder.parent.is_dir():  # named with a capital, as the return's reader allows too
        folder = next((one for one in sorted(folder.parent.iterdir()) if one.name.lower() == folder.name), folder)
    kinds = (*READABLE, *WORKBOOKS, *OLD_WORKBOOKS, ".zip")
    files = files_below(folder) if folder.is_dir() else []
    # Excel keeps a lock beside a workbook that is open.
    files = [(path, name) for path, name in files if path.suffix.lower() in kinds and not path.name.startswith("~$")]
    if not files:
        return None
    found = Folder([], IssueLog(), {})
    for path, name in files:
        try:
            for source, file, digest in list(_sources(path, name)):
                sheet = read_sheet(source, forms, found.log, as_of)
                if sheet is not None:
                    found.sheets.append(sheet)
                    found.hashes[file] = digest
        except InputError as error:
            if strict:
                raise InputError(f"{folder.name}/{error}") from error
            forms.say(found.log, name, "file_not_read", str(error))
    return found


def _sources(path: Path, name: str) -> Iterator[tuple[Source, str, str]]:
    """Each source of a file, the name that its hash goes by, and the hash: a workbook has one for all its sheets."""
    if path.suffix.lower() in (*WORKBOOKS, *OLD_WORKBOOKS):
        digest = ""
        for source in workbook_sheets(path, name):
            digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
            yield source, name, digest
    else:
        for source in read_file(path, name):
            yield source, source.name, hashlib.sha256(source.content).hexdigest()


def read_sheet(source: Source, forms: Forms, log: IssueLog, as_of: dt.date | None) -> Sheet | None:
    """One file as the form that its columns are those of; None, with an issue, for no form.

    The sheet's day is that in the file's name (a date or a quarter), else `as_of`. Raises InputError for a file
    that is no table.
    """
    say = partial(forms.say, log, source.name)
    if not source.content:
        say("sheet_empty")
        return None
    content, folds = _header_on_one_line(source.content)
    header, _, _ = header_of(content)
    form, columns = recognise(header, forms.table)
    if not form:
        say("file_not_recognised")
        return None
    if forms.others:
        columns |= {name.lower(): name for name in header if name and name not in columns.values()}
    raw = parse(source.name, content, sorted(set(columns.values())))
    say_shape(raw, say, columns.values(), folds)
    fields = {field: text(raw.table.column(column)) for field, column in columns.items()}
    rows = raw.table.num_rows
    last = day_in_name(source.name) or as_of
    return Sheet(
        source.name, form, fields, raw.lines.astype(np.int32) + folds, rows + len(raw.misfits), log,
        np.ones(rows, dtype=bool), forms, None if last is None else day_number(last),
    )  # fmt: skip


def say_shape(raw: RawTable, say: Callable[..., None], columns: Collection[str], folds: int = 0) -> None:
    """Log what is the matter with a table as such: its lines (`folds` further down), encoding, names of `columns`."""
    for rule, lines in (("row_misfit", raw.misfits), ("quote_unclosed", raw.unclosed)):
        say(rule, lines=np.array(lines, dtype=np.int64) + folds)
    if raw.encoding != "utf-8":
        say("encoding")
    for column in set(raw.repeated) & set(columns):
        say("column_repeated", column=column)


@cache
def form_table(table: str) -> dict[str, tuple[dict[str, str], ...]]:
    """Form -> its fields, from a reference table: form, field, column, match, required, kind, meaning, example.

    `required`: yes, no, or any (one at least of those so marked is needed).
    """
    return {
        str(form): tuple(part.to_dict("records")) for form, part in read_reference(table).groupby("form", sort=False)
    }


def recognise(header: list[str], table: str) -> tuple[str, dict[str, str]]:
    """(form, field -> column of `header`) of the form with most columns there and all that it needs; ("", {}) else."""
    best: tuple[str, dict[str, str]] = ("", {})
    for form, rows in form_table(table).items():
        found = {row["field"]: _column(row, header) for row in rows}
        needed = [found[row["field"]] for row in rows if row["required"] == "yes"]
        one_of = [found[row["field"]] for row in rows if row["required"] == "any"]
        columns = {field: column for field, column in found.items() if column}
        if all(needed) and (any(one_of) or not one_of) and len(columns) > len(best[1]):
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
        return None if days is None else date_of(days)
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
        return date_of(day).replace(day=1)
    plain, worded = _MONTH.match(value), _MONTH_WORD.match(value)
    if plain:
        year, month = int(plain.group(1)), int(plain.group(2))
    elif worded and worded.group(1).lower() in _MONTHS:
        year, month = int(worded.group(2)), _MONTHS.index(worded.group(1).lower()) + 1
        year += 2000 if year < 100 else 0
    else:
        return None
    return dt.date(year, month, 1) if 1 <= month <= 12 and 1980 <= year <= 2060 else None
