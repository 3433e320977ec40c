"""CSV bytes to a table of dictionary-encoded text, fast: nothing is typed or judged here.

pyarrow parses; this module only finds the header, the encoding and the lines that do not fit.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from bond_eval.core.errors import InputError

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class RawTable:
    """Text columns of one file. `lines` gives each row's line in the file (the header is line 1).

    `misfits` are the lines whose number of fields is not the header's; `blank` counts lines without a value;
    `encoding` is utf-8 or cp1252; `repeated` names columns that stand twice (the first is used); `unclosed` are
    the lines that leave a quote open.
    """

    name: str
    table: pa.Table
    lines: np.ndarray
    misfits: tuple[int, ...]
    blank: int
    encoding: str
    repeated: tuple[str, ...]
    unclosed: tuple[int, ...] = ()


def header_of(content: bytes) -> tuple[list[str], str, int]:
    """(normalised column names, delimiter, bytes that come before the first data line)."""
    start = len(content) - len(content.lstrip(b"\xef\xbb\xbf \r\n"))
    stop = content.find(b"\n", start)
    # Old Macintosh files end their lines with a carriage return alone.
    first, _, _ = content[start : stop if stop >= 0 else None].partition(b"\r")
    end = start + len(first)
    line = first.decode("utf-8", errors="replace")
    delimiter = max(DELIMITERS, key=line.count)
    try:
        fields = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field beyond the module's limit: no header of ours
        fields = line.split(delimiter)
    after = end + (2 if content[end : end + 2] == b"\r\n" else 1)
    return [normal_name(field) for field in fields], delimiter, min(after, len(content))


def normal_name(field: str) -> str:
    """ " Place_Provider " -> "PLACE_PROVIDER"."""
    return field.strip().strip('"').strip().upper().replace(" ", "_")


def parse(name: str, content: bytes, wanted: list[str]) -> RawTable:
    """Read the `wanted` columns (those that the header has) as dictionary-encoded text.

    Raises InputError, naming the file, where it is not a table at all.
    """
    names, delimiter, offset = header_of(content)
    unique = _unique_names(names)
    # Tabs that end the last line of a file delimited by them are blank fields, not white space.
    body = content[offset:].rstrip(b" \r\n\x1a" if delimiter == "\t" else b" \t\r\n\x1a")
    lines_before = len(content[:offset].splitlines())
    encoding = _encoding(body)
    wanted = [column for column in wanted if column in unique]
    unclosed: list[int] = []
    table, misfits = _read(name, body, unique, wanted, delimiter, encoding)
    if b'"' in body and table.num_rows + len(misfits) != body.count(b"\n") + 1:
        body, unclosed = _without_open_quotes(body, delimiter)
        table, misfits = _read(name, body, unique, wanted, delimiter, encoding)
    every = np.arange(1, table.num_rows + len(misfits) + 1, dtype=np.int32)
    lines = np.delete(every, np.array(misfits, dtype=int) - 1) + lines_before
    table, lines, blank = _without_blank_rows(table, lines)
    repeated = tuple(sorted({n for n in names if n and names.count(n) > 1}))
    outside, opened = (tuple(number + lines_before for number in numbers) for numbers in (misfits, unclosed))
    return RawTable(name, table, lines, outside, blank, encoding, repeated, opened)


def _unique_names(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for index, column in enumerate(names):
        seen[column] = seen.get(column, 0) + 1
        unique.append(column if column and seen[column] == 1 else f"{column or 'COLUMN'}#{index}")
    return unique


def _without_open_quotes(body: bytes, delimiter: str) -> tuple[bytes, list[int]]:
    """Drop the quotes of each line that leaves one open (their numbers from 1): it would swallow the lines below.

    No value of the return runs over a line's end, so that each line is one row.
    """
    lines = body.splitlines()
    opened = [number for number, line in enumerate(lines, 1) if not _closed(line, delimiter)]
    for number in opened:
        lines[number - 1] = lines[number - 1].replace(b'"', b"")
    return b"\n".join(lines), opened


def _closed(line: bytes, delimiter: str) -> bool:
    try:
        next(csv.reader([line.decode("latin-1")], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return False
    return True


def _encoding(body: bytes) -> str:
    if body.isascii():  # known without a copy of the file
        return "utf-8"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _read(
    name: str, body: bytes, names: list[str], wanted: list[str], delimiter: str, encoding: str
) -> tuple[pa.Table, list[int]]:
    if encoding == "cp1252":  # bytes that cp1252 leaves undefined become a mark, never an error
        body = body.decode("cp1252", errors="replace").encode("utf-8")
    empty = pa.table({column: pa.array([], pa.string()) for column in wanted})
    if not body.strip():
        return empty, []
    try:
        table, misfits = _arrow(body, names, wanted, delimiter, threads=True)
        if misfits:  # line numbers of misfits are known only when one thread reads
            table, misfits = _arrow(body, names, wanted, delimiter, threads=False)
    except pa.ArrowInvalid:
        # Its own text may quote a row of the file.
        raise InputError(f"{name} cannot be read as a table of {len(names)} columns: export it again.") from None
    return table, misfits


def _arrow(
    body: bytes, names: list[str], wanted: list[str], delimiter: str, *, threads: bool
) -> tuple[pa.Table, list[int]]:
    misfits: list[int] = []

    def misfit(row: pacsv.InvalidRow) -> str:
        misfits.append(row.number or 0)
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(body),
        read_options=pacsv.ReadOptions(column_names=names, use_threads=threads),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=b'"' in body,
            ignore_empty_lines=False,
            invalid_row_handler=misfit,
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=False,
        ),
    )
    return table, misfits


def _without_blank_rows(table: pa.Table, lines: np.ndarray) -> tuple[pa.Table, np.ndarray, int]:
    if not table.num_rows or not table.num_columns:
        return table, lines, 0
    filled = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        filled |= pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy()
        if filled.all():
            return table, lines, 0
    return table.filter(pa.array(filled)), lines[filled], int((~filled).sum())
