"""Excel workbooks to sources: each sheet as CSV bytes, line for row. Values only: no macro or formula is ever run."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.intake.sources import Source, printable, refuse_unsafe

WORKBOOKS = (".xlsx", ".xlsm")
OLD_WORKBOOKS = (".xls", ".xlsb")
MAX_ROWS, MAX_COLUMNS, LAST_ROW = 1_000_000, 200, 1_048_576
MAX_UNPACKED = 1024**3
# What openpyxl and the standard library raise over damaged, hostile or half-written workbooks.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, SyntaxError,
    ArithmeticError, NotImplementedError, RuntimeError,
)  # fmt: skip


def workbook_sheets(path: Path, name: str) -> Iterator[Source]:
    """Each sheet as a Source named "name [Sheet]", its content b"" where it is empty.

    Dates become ISO text (the time of day is left out), whole numbers lose their ".0", yes/no cells become yes
    and no, and a formula gives the value that was last saved. Raises InputError for a workbook that cannot be
    read, has a password, is of an old kind, or is too large.
    """
    if path.suffix.lower() in OLD_WORKBOOKS:
        raise InputError(f"{name} is an Excel workbook of an old kind: save it as .xlsx, or each sheet as CSV.")
    try:
        content = path.read_bytes()
        if content.startswith(b"\xd0\xcf\x11\xe0"):
            raise InputError(f"{name} has a password or is of an old kind: save it as .xlsx without a password.")
        yield from _sheets(content, name)
    except DAMAGE as error:
        # The error's own text may quote a cell.
        raise InputError(f"{name} is not an Excel workbook that can be read: save it anew, or as CSV.") from error


def _sheets(content: bytes, name: str) -> Iterator[Source]:
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        refuse_unsafe(members, name, len(content))
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise InputError(f"{name} would unpack to more than a gigabyte: save its sheets as CSV.")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the size that a sheet states may be wrong
        yield Source(f"{name} [{printable(sheet.title)}]", _csv(sheet, f"{name}, sheet {printable(sheet.title)},"))


def _csv(sheet: Any, name: str) -> bytes:
    """The sheet's rows as CSV, one line each, so that a line's number is the row's; b"" without a value."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    blank, width = 0, 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [_text(value) for value in row]
        while values and not values[-1]:
            values.pop()
        if number > LAST_ROW or (values and number > MAX_ROWS):
            raise InputError(f"{name} has more than {MAX_ROWS:,} rows: save it as CSV.")
        if len(values) > MAX_COLUMNS:
            raise InputError(f"{name} has more than {MAX_COLUMNS} columns: leave in those of the form.")
        if not values:
            blank += 1
            continue
        width = width or len(values)
        # Rows before the header are blank lines; later ones have all fields, as a table's rows do.
        stream.write("\n" * blank if stream.tell() == 0 else ("," * (width - 1) + "\n") * blank)
        blank = 0
        writer.writerow(values + [""] * (width - len(values)))
    return stream.getvalue().encode()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # A line break inside a cell would end the line.
    return " ".join(str(value).split())
