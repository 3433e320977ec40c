"""Published tables as cells with roles: which columns count children, which numbers are shown, which are withheld.

Roles come from the release's own tables/schema.json where it has one. A heading that speaks of people makes a column
of small whole numbers a count of them whatever the schema says; without a schema the headings are all there is.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from bond_eval.audit.periods import dated, goes_on
from bond_eval.audit.read import CLAIM, CLAIMS_PAGE, Grid, Published
from bond_eval.core import formats
from bond_eval.core.places import REFERENCE

FEWEST, MINIMUM = 1, 6
ALL = ("all", "total", "totals")
HIDDEN, MISSING = "c", ("x", "z", "k", "", "-", "–")
PEOPLE = re.compile(
    r"\b(child(ren)?|young (people|persons?)|people|persons?|pupils?|staff|workers|in post|parents?|famil(y|ies)"
    r"|carers?|boys|girls|siblings|babies|care leavers)\b",
    re.I,
)
# In the headings of a table without a schema these too count people or what happened to one.
_EVENTS = re.compile(
    r"\b(cases?|placements?|moves?|entries|referrals?|referred|started|ended|starters|accepted|closed|closing|open"
    r"|opening|events?|reached|pairs|scored|count|n|of|numerator|denominator|all|total)\b",
    re.I,
)
_NOT_COUNT = re.compile(
    r"£|%|\b(share|rate|ratio|days?|months?|years?|quarters?|weeks?|mean|median|limit|lower|upper|per|each|cost|worth"
    r"|money|hours|points|files|rank|percent|average|change|difference|gap|fewer than|published|stated|claimed|age)\b",
    re.I,
)
_QUOTED = re.compile(r"\b(published|stated|claimed|says?|reported)\b", re.I)
SINCE = re.compile(r"\b(since|so far|to date)\b", re.I)
_NUMBER = re.compile(r"^([−+-]?)\(?£?(\d[\d,]*(?:\.\d+)?|\.\d+)\)?(%|m|k| £000| £m)?$")
_SCALE = {"%": 0.01, "m": 1e6, "k": 1e3, " £m": 1e6}
_TIME = re.compile(r"^(date|day|week|month|quarter|year|period|return|to|months)$", re.I)
_ISO = re.compile(r"^\d{4}-\d\d-\d\d$")
_FOLLOWED = re.compile(r"^(\d+) months$")
_DAY = re.compile(r"^(\d{1,2}) ([A-Z][a-z]+) (\d{4})$")


@dataclass(frozen=True)
class Number:
    """A number as written, and half a unit of its last digit."""

    value: float
    half: float


@dataclass(frozen=True)
class Column:
    """A value column. `guarded`: it counts children, staff or what happened to one; `whole`: it is part of this one.

    `event`: the label that names what each row counts.
    """

    name: str
    heading: str
    guarded: bool
    kind: str
    whole: str = ""
    event: str = ""


@dataclass
class Table:
    """`rows`: labels by name, normalised; `cells`: (row, column) -> Number, HIDDEN or None for no number.

    `release`: the other release that it is of, where it is.
    """

    id: str
    where: str
    title: str
    margins: tuple[str, ...]
    columns: tuple[Column, ...]
    labels: tuple[str, ...]
    rows: list[dict[str, str]]
    cells: dict[tuple[int, str], Number | str | None]
    lines: list[tuple[str, ...]]
    heads: tuple[str, ...] = ()
    given: set[tuple[int, str]] = field(default_factory=set)
    release: str = ""
    spans: dict[str, frozenset[str]] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)

    def span(self, label: str) -> frozenset[str]:
        """What a label can be: what its total is of."""
        if label not in self.spans:
            self.spans[label] = frozenset(row[label] for row in self.rows)
        return self.spans[label]

    def matrix(self, names: Sequence[str]) -> Any:
        """Columns as an array: infinity where a number is withheld, NaN where there is none."""
        for name in names:
            if name not in self.arrays:
                cells = [self.cells[row, name] for row in range(len(self.rows))]
                numbers = [one.value if isinstance(one, Number) else np.nan if one is None else np.inf for one in cells]
                self.arrays[name] = np.array(numbers, dtype=float)
        return np.column_stack([self.arrays[name] for name in names])

    def rule(self, row: int, column: Column) -> tuple[int, int]:
        """The smallest count that may be shown there, and to which multiple it is rounded."""
        return _rules().get(self.rows[row].get(column.event, ""), (MINIMUM, 1)) if column.guarded else (MINIMUM, 1)

    def place(self, row: int, column: str) -> str:
        """How a cell is told."""
        labels = ", ".join(f"{name} {value}" for name, value in self.rows[row].items() if value)
        return f"{self.where}: {column} of {labels or f'row {row + 2}'}"


@cache
def _rules() -> dict[str, tuple[int, int]]:
    """What a row counts -> its rule, where it has one of its own: data/reference/disclosure.toml."""
    sources = tomllib.loads((REFERENCE / "disclosure.toml").read_text(encoding="utf-8"))["source"]
    return {tidy(event): (one["minimum"], one["round_to"]) for one in sources for event in one["events"]}


def number(text: str) -> Number | None:
    """ "1,234", "(606)", "−5", "8%" and "£2.8m" as numbers; None for what is none."""
    match = _NUMBER.match(text.strip())
    if not match:
        return None
    digits = match[2].replace(",", "")
    scale = _SCALE.get(match[3] or "", 1.0)
    sign = -1 if match[1] in ("−", "-") or text.strip().startswith("(") else 1
    places = len(digits.partition(".")[2])
    whole = places == 0 and not match[3]
    return Number(sign * float(digits) * scale, 0.0 if whole else 0.5 * 10.0**-places * scale)


def tidy(text: str) -> str:
    """A label in one form: lower case, dates as ISO."""
    if match := _DAY.match(text.strip()):
        try:
            return dt.datetime.strptime(" ".join(match.groups()), "%d %B %Y").date().isoformat()
        except ValueError:
            pass  # the words only look like a date
    return " ".join(text.lower().split())


def tables_of(found: Published) -> list[Table]:
    """Every CSV as a table; tables of pages and sheets laid against them; those that fit none stand alone."""
    from_csv = {grid.title: grid for grid in found.grids if grid.where.endswith(".csv")}
    tables = {name: _table(grid, found.schema.get(name)) for name, grid in from_csv.items()}
    alone = []
    for grid in found.grids:
        if grid.where.endswith(".csv"):
            continue
        fits = [table for table in tables.values() if _title(grid.title).startswith(_title(table.title))]
        if not any(_lay(grid, table, found.schema[table.id]) for table in fits if table.id in found.schema):
            alone.append(_table(_long(grid), None))
    for text in found.texts:
        if text.kind == "alt":
            for table in tables.values():
                _overhear(text.text, table)
    return [*tables.values(), *alone]


def _overhear(alternative: str, table: Table) -> None:
    """Take from a text alternative that names a table what it says of a cell that the table withholds."""
    said = _title(alternative)
    if not table.margins + table.labels or _title(table.title) not in said:
        return
    for (row, name), cell in list(table.cells.items()):
        column = next(one for one in table.columns if one.name == name)
        if cell == HIDDEN and column.guarded:
            first, *rest = [re.escape(_spoken(label)) for label in table.rows[row].values()] or [""]
            start, number_of = r"(?:: |, |; |\. |^)", r" (\d[\d,]*)(?=[;,.](?:\s|$)|$)"
            ways = [rf"{start}{first}{number_of}"] if not rest else []
            for one, two in ((first, rest[0]), (rest[0], first)) if len(rest) == 1 else ():
                ways.append(rf"{start}{one}: (?:[^;]*?, )?{two}{number_of}")
            ways += [rf"{start}{first} to {rest[0]}{number_of}"] if len(rest) == 1 else []
            if match := next((m for way in ways if (m := re.search(way, said))), None):
                table.cells[row, name] = number(match[1])
                table.given.add((row, name))


def _spoken(label: str) -> str:
    return _title(formats.date(dt.date.fromisoformat(label))) if _ISO.match(label) else label


def _title(text: str) -> str:
    return " ".join(text.lower().split())


def _table(grid: Grid, spec: dict[str, Any] | None) -> Table:
    parsed = [[number(cell) for cell in row] for row in grid.rows]
    if spec:
        labels = tuple(name for name in grid.heads if name in spec["labels"])
        margins = tuple(spec["margins"])
        columns = tuple(_declared(value) for value in spec["values"] if value["name"] in grid.heads)
        title = spec["title"]
    else:
        values = [place for place in range(len(grid.heads)) if _holds_numbers(grid, parsed, place)]
        labels = tuple(dict.fromkeys(head for place, head in enumerate(grid.heads) if place not in values))
        margins = tuple(head for head in labels if any(row[grid.heads.index(head)].lower() in ALL for row in grid.rows))
        columns = tuple(_guessed(grid, place) for place in dict.fromkeys(values))
        title = grid.title
    rows = [{name: tidy(row[grid.heads.index(name)]) for name in labels} for row in grid.rows]
    table = Table(grid.title, grid.where, title, margins, columns, labels, rows, {}, list(grid.rows), grid.heads)
    for column in columns:
        place = grid.heads.index(column.name)
        for at, row in enumerate(grid.rows):
            seen, step = parsed[at][place], table.rule(at, column)[1]
            # A count of 30 to the nearest 5 is one of 28 to 32.
            shown = Number(seen.value, step / 2) if seen and step > 1 else seen
            table.cells[at, column.name] = HIDDEN if row[place] == HIDDEN else shown
    return table


def _declared(value: dict[str, Any]) -> Column:
    people = bool(PEOPLE.search(value["label"]) or PEOPLE.search(value["name"]))
    counted = value["kind"] == "count" and value["children"]
    by_heading = people and value["kind"] in ("count", "number") and not _NOT_COUNT.search(value["label"])
    quoted = people and value["kind"] in ("count", "number") and bool(_QUOTED.search(value["label"]))
    guarded = counted or by_heading or quoted
    return Column(value["name"], value["label"], guarded, value["kind"], value["of"], value.get("event", ""))


def _guessed(grid: Grid, place: int) -> Column:
    head = grid.heads[place]
    words = head.replace("_", " ")
    about = f"{words} {grid.title}" if tidy(head) in ("number", "value") else words
    counts = bool(PEOPLE.search(about) or _EVENTS.search(about)) and not _NOT_COUNT.search(words)
    seen = [one for row in grid.rows if (one := number(row[place]))]
    whole = all(one.half == 0 for one in seen)
    return Column(head, head, counts and whole, "count" if whole else "decimal")


def _holds_numbers(grid: Grid, parsed: list[list[Number | None]], place: int) -> bool:
    texts = [row[place].strip() for row in grid.rows]
    fit = [bool(parsed[at][place]) or text == HIDDEN or text in MISSING for at, text in enumerate(texts)]
    any_number = any(parsed[at][place] or text == HIDDEN for at, text in enumerate(texts))
    return all(fit) and any_number and not _TIME.match(grid.heads[place])


def _long(grid: Grid) -> Grid:
    """A table in two directions, known by a total's row or column, as one column of values."""
    across = [head for head in grid.heads[1:]]
    if not any(head.lower() in ALL for head in across) or len(across) < 3:
        return grid
    value = grid.title.rsplit(":", 1)[-1].strip() if ":" in grid.title else grid.title
    rows = tuple((row[0], head, cell) for row in grid.rows for head, cell in zip(across, row[1:], strict=False))
    return Grid(grid.where, grid.title, (grid.heads[0] or "row", "column", f"Number: {value}"), rows)


def _lay(grid: Grid, table: Table, spec: dict[str, Any]) -> bool:
    """Lay a page's table against its CSV: a cell withheld there and shown here is known. False where it fits not."""
    names = {heading: name for name, heading in spec["labels"].items()}
    values = {value["label"]: value["name"] for value in spec["values"]}
    shown: Iterator[tuple[dict[str, str], str, str]]
    if _title(grid.title) == _title(table.title) and set(grid.heads) <= {*names, *values}:
        shown = (
            ({names[h]: tidy(cell) for h, cell in zip(grid.heads, row, strict=True) if h in names}, values[head], cell)
            for row in grid.rows
            for head, cell in zip(grid.heads, row, strict=True)
            if head in values
        )
    else:
        tail = _title(grid.title)[len(_title(table.title)) :].lstrip(": ")
        value = next((name for heading, name in values.items() if heading.lower() == tail), "")
        down = names.get(grid.heads[0], "")
        across = next((n for n in table.labels if n != down and _within(grid.heads[1:], table, n)), "")
        if not (value and down and across):
            return False
        shown = (
            ({down: tidy(row[0]), across: tidy(head)}, value, cell)
            for row in grid.rows
            for head, cell in zip(grid.heads[1:], row[1:], strict=True)
        )
    rows: dict[tuple[str, ...], list[int]] = {}
    for labels, column, text in shown:
        if not rows:  # every cell of a table is found by the same labels
            for row, named in enumerate(table.rows):
                rows.setdefault(tuple(named[name] for name in labels), []).append(row)
        seen = number(text) or (HIDDEN if text == HIDDEN else None)
        at = rows.get(tuple(labels.values()), []) if seen else []
        # Withheld here and shown there, whichever way round.
        if len(at) == 1 and (own := table.cells.get((at[0], column))) != seen and HIDDEN in (own, seen) and own:
            table.cells[at[0], column] = own if seen == HIDDEN else seen
            table.given.add((at[0], column))
    return True


def _within(heads: tuple[str, ...], table: Table, name: str) -> bool:
    return {tidy(head) for head in heads} <= {row[name] for row in table.rows}


def quoted(table: Table, row: int, column: Column) -> bool:
    """True for a quotation of a published document under its claim id, which the claims page answers for."""
    claim = any(CLAIM.search(cell) for cell in table.lines[row])
    return claim and (CLAIMS_PAGE in table.where or "claims" in table.id or bool(_QUOTED.search(column.heading)))


def named(table: Table, release: str) -> Table:
    """The table as one of another release."""
    return replace(table, where=f"{release}: {table.where}", release=release)


def met_again(now: Sequence[Table], earlier: Sequence[Table]) -> Iterator[tuple[int, int, Table, int]]:
    """(table, row, the table a release ago, row there) of rows that two releases show under the same labels."""
    before = {table.id: table for table in earlier if table.where.endswith(".csv")}
    for place, table in enumerate(now):
        if old := before.get(table.id):
            rows = {tuple(sorted(labels.items())): row for row, labels in enumerate(old.rows)}
            keys = (tuple(sorted(labels.items())) for labels in table.rows)
            yield from ((place, at, old, rows[key]) for at, key in enumerate(keys) if key in rows)


def alike(sums: Sequence[Sequence[tuple[int, int, str]]], tables: Sequence[Table]) -> bool:
    """True for the cells of two sums, of one table in two releases, that can be one count.

    They are of the same rows and periods, none of which goes on, and no part was revised.
    """
    found = []
    for cells in sums:
        table = tables[cells[0][0]]
        rows = [table.rows[row] for _, row, _ in cells]
        texts = {text for labels in rows for text in labels.values()}
        months = max((int(match[1]) for text in texts if (match := _FOLLOWED.match(text))), default=0)
        if any(goes_on(text, table.release, months) for text in texts):
            return False
        told = (sorted(text for text in map(str.lower, table.lines[row]) if dated(text)) for _, row, _ in cells)
        lines = sorted((*labels.values(), *dates) for labels, dates in zip(rows, told, strict=True))
        spans = {name: table.span(name) for labels in rows for name, text in labels.items() if text in ALL}
        shown = {(*table.rows[row].values(), name): table.cells[row, name] for _, row, name in cells}
        found.append((lines, spans, {key: cell for key, cell in shown.items() if cell != HIDDEN}))
    (lines, spans, one), (lines2, spans2, two) = found
    return lines == lines2 and spans == spans2 and all(one[key] == two[key] for key in one.keys() & two.keys())


def differences(now: Sequence[Table], earlier: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """(cell, what) where a count since a fixed day grew by 1 to 5 from one release to the next: that is a count too."""
    for place, at, old, row in met_again(now, earlier):
        table = now[place]
        for column in (c for c in table.columns if c.guarded and SINCE.search(f"{table.title} {c.heading}")):
            two = table.cells[at, column.name], old.cells.get((row, column.name))
            if all(isinstance(one, Number) for one in two):
                grown = two[0].value - two[1].value  # type: ignore[union-attr]
                if 1 <= grown <= 5:
                    yield (
                        table.place(at, column.name),
                        f"{grown:.0f} more than in the release before, since a fixed day",
                    )
