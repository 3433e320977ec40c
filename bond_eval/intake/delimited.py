"""CSV bytes to a table of dictionary-encoded text, fast: nothing is typed or judged here.

pyarrow parses; this module only finds the header, the encoding and the lines that do not fit.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from bond_eval.core.errors import InputError

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class RawTable:
    """Text columns of one file. `lines` gives each row's line in the file (the header is line 1).

    `misfits` are the lines whose number of fields is not the header's; `blank` counts lines without a value;
    `encoding` is utf-8 or cp1252; `repeated` names columns that stand twice (the first is used).
    """

    name: str
    table: pa.Table
    lines: np.ndarray
    misfits: tuple[int, ...]
    blank: int
    encoding: str
    repeated: tuple[str, ...]


def header_of(content: bytes) -> tuple[list[str], str, int]:
    """(normalised column names, delimiter, bytes that come before the first data line)."""
    start = len(content) - len(content.lstrip(b"\xef\xbb\xbf \r\n"))
    end = content.find(b"\n", start)
    if end < 0:  # old Macintosh files end their lines with a carriage return alone
        end = content.find(b"\r", start)
    line = content[start : end if end >= 0 else len(content)].decode("utf-8", errors="replace")
    delimiter = max(DELIMITERS, key=line.count)
    fields = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    return [normal_name(field) for field in fields], delimiter, (end + 1 if end >= 0 else len(content))


def normal_name(field: str) -> str:
    """" Place_Provider " -> "PLACE_PROVIDER"."""
    return field.strip().strip('"').strip().upper().replace(" ", "_")


def parse(name: str, content: bytes, wanted: list[str]) -> RawTable:
    """Read the `wanted` columns (those that the header has) as dictionary-encoded text.

    Raises InputError, naming the file, where it is not a table at all.
    """
    names, delimiter, offset = header_of(content)
    unique = _unique_names(names)
    body = content[offset:].rstrip(b" \t\r\n\x1a")
    lines_before = content[:offset].count(b"\n") or 1
    encoding = _encoding(body)
    table, misfits = _read(name, body, unique, [w for w in wanted if w in unique], delimiter, encoding)
    lines = _line_numbers(table.num_rows, misfits) + lines_before
    table, lines, blank = _without_blank_rows(table, lines)
    repeated = tuple(sorted({n for n in names if n and names.count(n) > 1}))
    return RawTable(name, table, lines, tuple(m + lines_before for m in misfits), blank, encoding, repeated)


def _unique_names(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for index, column in enumerate(names):
        seen[column] = seen.get(column, 0) + 1
        unique.append(column if column and seen[column] == 1 else f"{column or 'COLUMN'}#{index}")
    return unique


def _encoding(body: bytes) -> str:
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
    text = pa.dictionary(pa.int32(), pa.string())
    empty = pa.table({column: pa.array([], text) for column in wanted})
    if not body.strip():
        return empty, []
    try:
        table, misfits = _arrow(body, names, wanted, delimiter, threads=True)
        if misfits:  # line numbers of misfits are known only when one thread reads
            table, misfits = _arrow(body, names, wanted, delimiter, threads=False)
    except pa.ArrowInvalid as error:
        raise InputError(f"{name} cannot be read as a table of {len(names)} columns: export it again.") from error
    return table.unify_dictionaries().combine_chunks(), misfits


def _arrow(
    body: bytes, names: list[str], wanted: list[str], delimiter: str, *, threads: bool
) -> tuple[pa.Table, list[int]]:
    misfits: list[int] = []

    def misfit(row: pacsv.InvalidRow) -> str:
        misfits.append(row.number or 0)
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(body),
        # A field may hold newlines only inside quotes; blocks larger than any file keep such rows whole.
        read_options=pacsv.ReadOptions(column_names=names, use_threads=threads),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=b'"' in body,
            ignore_empty_lines=False,
            invalid_row_handler=misfit,
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=wanted,
            column_types={column: pa.dictionary(pa.int32(), pa.string()) for column in wanted},
            strings_can_be_null=False,
        ),
    )
    return table, misfits


def _line_numbers(rows: int, misfits: list[int]) -> np.ndarray:
    """Lines of the rows kept, counted from 1, given the numbers (from 1) of those left out."""
    if not misfits:
        return np.arange(1, rows + 1, dtype=np.int32)
    keep = np.ones(rows + len(misfits), dtype=bool)
    keep[np.asarray(misfits) - 1] = False
    return (np.flatnonzero(keep) + 1).astype(np.int32)


def _without_blank_rows(table: pa.Table, lines: np.ndarray) -> tuple[pa.Table, np.ndarray, int]:
    if not table.num_rows or not table.num_columns:
        return table, lines, 0
    filled = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        array = column.chunk(0)
        has_value = np.array([bool((value or "").strip()) for value in array.dictionary.to_pylist()], dtype=bool)
        filled |= has_value[array.indices.to_numpy(zero_copy_only=False)]
        if filled.all():
            return table, lines, 0
    return table.filter(pa.array(filled)), lines[filled], int((~filled).sum())
