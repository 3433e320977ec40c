"""A table as the gate lets it out: the only thing that a notebook, figure, sentence or file gets to see."""

from __future__ import annotations

import datetime as dt
import html
import re
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.atomic import csv_text
from bond_eval.evidence.cells import NOT_APPLICABLE, NOT_AVAILABLE, Cell, show
from bond_eval.evidence.registry import ALL, Table, Value

# A number as it is written, alone or with its unit, or the symbol that stands for one.
_NUMBER = re.compile(r"^([−+-]?\(?£?[\d,.]+\)?(%|m|k| £000| £m)?|[czkx])$")


@dataclass(frozen=True)
class Protected:
    """`frame`: label columns, then value columns with None where `symbols` says why not. Tidy: one row a cell line.

    `note`: what was done to the rows or counts for publication, as a reader is told; "" where nothing was.
    """

    table: Table
    frame: pd.DataFrame
    symbols: pd.DataFrame
    audience: str
    note: str = ""

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, **labels: Any) -> Protected:
        """The rows with these labels; a list of labels takes any of them."""
        keep = pd.Series(True, index=self.frame.index)
        for name, wanted in labels.items():
            if name not in self.table.labels:
                raise KeyError(f"table {self.table.id} has no label {name!r}; it has {', '.join(self.table.labels)}")
            wanted = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
            keep &= self.frame[name].isin(wanted)
        return replace(self, frame=self.frame[keep], symbols=self.symbols[keep])

    def members(self) -> Protected:
        """The rows without totals."""
        keep = ~(self.frame[list(self.table.margins)] == ALL).any(axis=1)
        return replace(self, frame=self.frame[keep], symbols=self.symbols[keep])

    def cell(self, value: str, **labels: Any) -> Cell:
        """One value. Raises KeyError where the labels do not name exactly one row."""
        part = self.where(**labels)
        if len(part) != 1:
            raise KeyError(f"table {self.table.id}: {labels} names {len(part)} rows, not one")
        return part.cells(value)[0]

    def known_total(self, value: str) -> Cell:
        """The sum of a column that has gaps by nature (x); still withheld where a cell is confidential."""
        cells = [cell for cell in self.cells(value) if cell.symbol != NOT_AVAILABLE]
        return sum(cells, Cell(0.0, self.table.value(value).kind))

    def columns(self, *names: str, caption: str = "") -> Columns:
        """The same rows with only these labels and values, for reading; `caption` in place of the title."""
        return Columns(self, names, caption)

    def last(self, value: str, **labels: Any) -> Cell:
        """The value of the last row with these labels; z (not applicable) where no row has them."""
        found = self.where(**labels).cells(value)
        return found[-1] if found else Cell(None, self.table.value(value).kind, NOT_APPLICABLE)

    def total(self, value: str) -> Cell:
        """The sum of a column's cells; withheld where one of them is."""
        return sum(self.cells(value), Cell(0.0, self.table.value(value).kind))

    def cells(self, value: str) -> list[Cell]:
        """The values of a column, row by row."""
        spec = self.table.value(value)
        return [Cell(number if symbol == "" else None, spec.kind, symbol) for number, symbol in self._raw(spec)]

    def label(self, name: str) -> list[Any]:
        """The labels of a column, row by row."""
        return list(self.frame[name])

    def texts(self, value: str) -> list[str]:
        """A text column, row by row; "" where it is confidential."""
        return [str(text) if symbol == "" else "" for text, symbol in self._raw(self.table.value(value))]

    def numbers(self, value: str) -> list[float]:
        """The values for a chart: NaN where there is none to show."""
        return [float("nan") if cell.value is None else float(cell.value) for cell in self.cells(value)]

    def shown(self) -> pd.DataFrame:
        """Everything as text, with the headings that people read."""
        text = {}
        for name, heading in self.table.labels.items():
            text[heading] = [label_text(value) for value in self.frame[name]]
        for value in self.table.values:
            text[value.label] = [_text(cell, value) for cell in self._raw(value)]
        return pd.DataFrame(text)

    def _raw(self, value: Value) -> list[tuple[Any, str]]:
        return list(zip(self.frame[value.name], self.symbols[value.name], strict=True))

    def wide(self, rows: str, columns: str, value: str) -> Wide:
        """A cross-table of one value: labels of `rows` down, labels of `columns` across."""
        return Wide(self, rows, columns, value)

    def to_csv(self) -> str:
        """Tidy CSV: labels as ISO dates and words, values as numbers or symbols."""
        names = [value.name for value in self.table.values]
        rows = [[*self.table.labels, *names]]
        for index in self.frame.index:
            labels = [_plain(self.frame.at[index, name]) for name in self.table.labels]
            rows.append([*labels, *(self.symbols.at[index, n] or _plain(self.frame.at[index, n]) for n in names)])
        return csv_text(rows)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return _bundle(self.shown(), self.table.title, len(self.table.labels), self.note)


@dataclass(frozen=True)
class Columns:
    """Some columns of a protected table, for reading."""

    source: Protected
    names: tuple[str, ...]
    caption: str = ""

    def shown(self) -> pd.DataFrame:
        """Text, in the order asked for. Raises KeyError for a column that is not there."""
        table = self.source.table
        headings = {**table.labels, **{value.name: value.label for value in table.values}}
        return self.source.shown()[[headings[name] for name in self.names]]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        labels = sum(name in self.source.table.labels for name in self.names)
        return _bundle(self.shown(), self.caption or self.source.table.title, labels, self.source.note)


@dataclass(frozen=True)
class Wide:
    """A protected table laid out in two directions, for reading."""

    source: Protected
    rows: str
    columns: str
    value: str

    def shown(self) -> pd.DataFrame:
        """Text, one row a label of `rows`."""
        frame = self.source.frame
        value = self.source.table.value(self.value)
        text = [_text(pair, value) for pair in self.source._raw(value)]
        heading = self.source.table.labels[self.rows]
        down, across = list(dict.fromkeys(frame[self.rows])), list(dict.fromkeys(frame[self.columns]))
        cells = dict(zip(zip(frame[self.rows], frame[self.columns], strict=True), text, strict=True))
        table: dict[str, list[str]] = {heading: [label_text(row) for row in down]}
        for column in across:
            name = label_text(column)
            # A number alone does not say of what it is.
            name = f"{self.source.table.labels[self.columns]} {name}" if isinstance(column, float) else name
            table[name] = [cells.get((row, column), "") for row in down]
        return pd.DataFrame(table)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        value = self.source.table.value(self.value)
        caption = f"{self.source.table.title}: {formats.lowered(value.label)}"
        return _bundle(self.shown(), caption, 1, self.source.note)


def _text(pair: tuple[Any, str], value: Value) -> str:
    number, symbol = pair
    if symbol:
        return symbol
    return str(number) if value.kind == "text" else show(float(number), value.kind)


def label_text(value: Any) -> str:
    """A label as read: a date in words, anything else as it is."""
    return formats.date(value) if isinstance(value, dt.date) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def html_table(frame: pd.DataFrame, caption: str, labels: int) -> str:
    """An accessible table: caption, column and row headers, every text escaped."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    body = []
    for row in frame.itertuples(index=False):
        cells = [
            f'<th scope="row">{html.escape(str(text))}</th>' if place == 0 else _cell(str(text), place >= labels)
            for place, text in enumerate(row)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<caption>{html.escape(caption)}</caption>"
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cell(text: str, value: bool) -> str:
    numeric = value and bool(_NUMBER.match(text))
    return f"<td{' class=number' if numeric else ''}>{html.escape(text)}</td>"


def _bundle(frame: pd.DataFrame, caption: str, labels: int, note: str) -> dict[str, str]:
    """A table as a notebook shows it, for a page and for a terminal."""
    page = html_table(frame, caption, labels) + (f"<p>{html.escape(note)}</p>" if note else "")
    lines = frame.to_string(index=False) if len(frame) else "(no rows)"
    return {"text/html": page, "text/plain": lines + (f"\n{note}" if note else "")}
