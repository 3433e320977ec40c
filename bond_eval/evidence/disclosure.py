"""The disclosure plan of a release: which counts of which tables are withheld, all tables taken together.

Tables are turned into linked cells: members add up to totals, a part and the rest to its whole, and one count that
several tables give is one cell (data/reference/linked_cells.csv). What was published of a day that is over stays
known. evidence.disclosure_lp then finds what has to be withheld so that no withheld count can be worked out. The plan
names cells: no values, no hashes, and not which were withheld first.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE
from bond_eval.evidence.cells import CONFIDENTIAL
from bond_eval.evidence.disclosure_lp import Secured, System, bounds, secure
from bond_eval.evidence.label_days import fields as label_fields
from bond_eval.evidence.label_days import over
from bond_eval.evidence.registry import ALL, Table, Value
from bond_eval.intake.reference import read_reference

Built = Mapping[str, tuple[Table, pd.DataFrame]]
Name = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True)
class Rules:
    """`minimum`: smallest count shown. `round_to`: counts are shown to its multiples."""

    minimum: int
    round_to: int


@dataclass(frozen=True)
class Plan:
    """`hidden`: table id, row labels and column of each count withheld."""

    hidden: frozenset[Name] = frozenset()

    def mask(self, table: Table, frame: pd.DataFrame) -> pd.DataFrame:
        """True where a value of this table is withheld; rows by position, one column a value."""
        rows = row_names(table, frame)
        columns = {v.name: [(table.id, row, v.name) in self.hidden for row in rows] for v in table.values}
        return pd.DataFrame(columns, index=frame.index)

    def as_json(self) -> dict[str, Any]:
        """table -> column -> rows by their labels."""
        content: dict[str, dict[str, list[list[str]]]] = {}
        for table, row, column in sorted(self.hidden):
            content.setdefault(table, {}).setdefault(column, []).append(list(row))
        return {"hidden": content}


@cache
def settings() -> dict[str, Any]:
    """data/reference/disclosure.toml. Raises InputError where it is missing or cannot be read."""
    try:
        return tomllib.loads((REFERENCE / "disclosure.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"data/reference/disclosure.toml cannot be read: {error}.") from error


@cache
def rules(source: str = "", event: str = "") -> Rules:
    """The rules for a table by the source that it names, or for one of its rows by the event that is counted there."""
    for entry in settings()["source"]:
        if event in entry["events"] or any(words.lower() in source.lower() for words in entry["words"]):
            return Rules(entry["minimum"], entry["round_to"])
    return Rules(**settings()["default"])


def rule_of(table: Table, value: Value, row: Mapping[str, Any]) -> Rules:
    """The rules for a count in a row with these labels."""
    return rules(table.source, str(row[value.event]) if value.event else "")


def small(numbers: pd.Series, minimum: int | np.ndarray | None = None) -> pd.Series:
    """True for 1 up to one below the minimum (one for all or one a row; 1 to 5 where none is given)."""
    return (numbers >= 1) & (numbers < (rules().minimum if minimum is None else minimum))


def rounded(numbers: Any, step: Any) -> Any:
    """To the nearest multiple, halves up."""
    return np.floor(numbers / step + 0.5) * step


def lines(table: Table, frame: pd.DataFrame) -> list[pd.Index]:
    """Rows that add up: for each margin, its members and total, with the other labels fixed."""
    found = []
    for margin in table.margins:
        others = [label for label in table.labels if label != margin]
        groups = frame.groupby(others, sort=False, dropna=False, observed=True) if others else [("", frame)]
        found += [part.index for _, part in groups if (part[margin] == ALL).any() and len(part) > 1]
    return found


def crowded(table: Table, frame: pd.DataFrame) -> bool:
    """True where more of a table's counts than the rules allow are small, or leave a small rest of their whole."""
    guarded = [value for value in table.values if value.guarded]
    counts, minimum = frame[[value.name for value in guarded]].apply(pd.to_numeric), rules(table.source).minimum
    few = counts.apply(small, minimum=minimum)
    for value in guarded:
        if value.of in counts:
            few[value.name] |= small(counts[value.of] - counts[value.name], minimum)
    return bool(few.to_numpy().sum() > settings()["collapse"]["above"] * max(counts.notna().to_numpy().sum(), 1))


def collapsed(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The table in fewer rows, step by step, while too many of its counts are small and it says how; else as it is."""
    for shorten in table.coarser or ():
        if crowded(table, frame):
            frame = shorten(frame)
    return frame


def row_names(table: Table, frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Each row's labels as text, dates as ISO."""
    columns = [[_text(value) for value in frame[label]] for label in table.labels]
    return list(zip(*columns, strict=True)) if columns else [()] * len(frame)


def make_plan(
    built: Built,
    facts: Mapping[str, str],
    previous: Sequence[Mapping[str, Any]] = (),
    more: frozenset[Name] = frozenset(),
) -> Plan:
    """The plan of a release from its tables, unprotected. `facts`: as_of and baseline, ISO dates.

    `previous`: earlier published releases as `earlier` reads them. `more`: cells withheld whatever they hold, but for
    those that earlier releases give. Raises InputError where what is published already gives away a count that may not
    be seen.
    """
    model = model_of(built, facts, previous)
    model.asked |= {model.cells[name] for name in more & model.cells.keys()}
    found = model.secured()
    asked = model.asked - model.primary
    given = asked & model.known | {cell for cell in asked & found.exposed if model.exact(cell, found)}
    return Plan((model.plan(found).hidden | more) - {name for cell in given for name in model.names[cell]})


def earlier(folder: Path, quarter: Quarter) -> dict[str, Any]:
    """A published release to plan against: {"quarter", "tables": id -> CSV as text} of a run's folder."""
    files = sorted((folder / "tables").glob("*.csv"))
    tables = {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in files}
    return {"quarter": quarter, "tables": tables}


def model_of(built: Built, facts: Mapping[str, str], previous: Sequence[Mapping[str, Any]] = ()) -> Model:
    """The linked cells of a release."""
    model = Model(facts)
    for table, frame in built.values():
        model.add(table, frame.reset_index(drop=True))
    for release in previous:
        model.remember(release, {id: table for id, (table, _) in built.items()})
    model.link()
    return model


@dataclass(frozen=True)
class _Link:
    value: str
    where: Mapping[str, str]
    concept: str
    part_of: tuple[str, ...]


@cache
def _links() -> dict[str, list[_Link]]:
    """Table -> what data/reference/linked_cells.csv says of it."""
    found: dict[str, list[_Link]] = {}
    for row in read_reference("linked_cells.csv").to_dict("records"):
        where = dict(part.split("=", 1) for part in row["where"].split("; ") if part)
        parts = tuple(part for part in row["part_of"].split("; ") if part)
        found.setdefault(row["table"], []).append(_Link(row["value"], where, row["concept"], parts))
    return found


@dataclass
class Model:
    """Linked cells as they are gathered. A cell is a number here; `names`: cell -> the places that show it.

    `primary`: cells that may not be seen; `asked`: cells withheld by an earlier release, or since an attack needs them.
    """

    facts: Mapping[str, str]
    values: list[float] = field(default_factory=list)
    minimum: list[int] = field(default_factory=list)
    names: list[list[Name]] = field(default_factory=list)
    relations: list[dict[int, float]] = field(default_factory=list)
    follows: dict[int, set[int]] = field(default_factory=dict)
    primary: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    unshown: set[int] = field(default_factory=set)
    known: set[int] = field(default_factory=set)
    cells: dict[Name, int] = field(default_factory=dict)
    _concepts: dict[str, dict[float, int]] = field(default_factory=dict)
    _parts: dict[str, dict[int, float]] = field(default_factory=dict)
    _below: set[tuple[str, int]] = field(default_factory=set)

    def add(self, table: Table, frame: pd.DataFrame) -> None:
        """Take in a table: its counts, what they add up to, and what is withheld with them."""
        rows = row_names(table, frame)
        if len(set(rows)) < len(rows):
            raise InputError(f"Table {table.id} has two rows with the same labels: give each row its own.")
        guarded = [value for value in table.values if value.guarded]
        numbers = {value.name: pd.to_numeric(frame[value.name]).to_numpy(dtype=float) for value in guarded}
        for name, column in numbers.items():
            for place in np.flatnonzero(~np.isnan(column)):
                self._cell(table, (table.id, rows[place], name), float(column[place]))
        self._facts(table, frame, rows)
        names = {value.name: [self.cells.get((table.id, row, value.name)) for row in rows] for value in guarded}
        for value in guarded:
            if value.of in names:
                self._remainders(names[value.name], names[value.of])
            for line in lines(table, frame):
                self._line([names[value.name][i] for i in line], [rows[i] for i in line])
        self._followers(table, names)

    def remember(self, release: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
        """Keep what an earlier release showed of a period that was over: shown stays known, withheld stays withheld."""
        for id, frame in release["tables"].items():
            labels = list(tables[id].labels) if id in tables else []
            if not labels or not set(labels) <= set(frame.columns):
                continue
            for row in frame.to_dict("records"):
                name = tuple(row[label] for label in labels)
                if not any(over(text, release["quarter"]) for text in name):
                    continue
                for value in tables[id].values:
                    cell = self.cells.get((id, name, value.name))
                    if cell is None or value.name not in row:
                        continue
                    if row[value.name] == CONFIDENTIAL:
                        self.asked.add(cell)
                    step = rule_of(tables[id], value, row).round_to
                    if row[value.name] == f"{rounded(self.values[cell], step):.10g}":
                        self.known.add(cell)

    def link(self) -> None:
        """Tie together what linked_cells.csv says belongs together, as far as the numbers bear it out."""
        for whole, parts in self._parts.items():
            for cell in self._concepts.get(whole, {}).values():
                if sum(sign * self.values[part] for part, sign in parts.items()) == self.values[cell]:
                    self._relate({**parts, cell: parts.get(cell, 0.0) - 1.0})
        for whole, part in sorted(self._below):
            for cell in self._concepts.get(whole, {}).values():
                self._remainders([part], [cell])

    def system(self) -> System:
        """The cells as evidence.disclosure_lp takes them. A count costs by its size and the places that show it."""
        values = np.array(self.values)
        prices = (1.0 + values) * np.array([max(len(names), 1) for names in self.names])
        follows = {cell: frozenset(others) for cell, others in self.follows.items()}
        relations, unshown, known = tuple(self.relations), frozenset(self.unshown), frozenset(self.known)
        return System(values, relations, np.array(self.minimum), prices, follows, unshown, known)

    def secured(self) -> Secured:
        """What to withhold. Raises InputError where earlier releases give a small count away.

        That they narrow down another does no harm: what it stood before, a count or a rest, is judged by itself.
        """
        found = secure(self.system(), self.primary | self.asked - self.known)
        for cell in sorted(cell for cell in found.exposed if 0 < self.values[cell] < self.minimum[cell]):
            table, row, _ = self.names[cell][0] if self.names[cell] else ("", (), "")
            raise InputError(
                f"Table {table or 'of a remainder'}, row {', '.join(row) or 'not named'}: what is published already "
                "gives away a small count; take the row out of this release, or correct what was published."
            )
        return found

    def plan(self, found: Secured) -> Plan:
        """The plan of what `secured` found."""
        return Plan(frozenset(name for cell in found.hidden for name in self.names[cell]))

    def exact(self, cell: int, found: Secured) -> bool:
        """True where a withheld cell is known all the same, and not only narrowed down."""
        low, high = bounds(self.system(), found.hidden, cell)
        return high - low < 0.5

    def split(self) -> list[str]:
        """Concepts that tables do not agree on: their counts are not linked."""
        return sorted(concept for concept, cells in self._concepts.items() if len(cells) > 1)

    def _cell(self, table: Table, name: Name, value: float) -> None:
        """The cell of a place, one with the others that show the same count."""
        row = dict(zip(table.labels, name[1], strict=True))
        fields = {**self.facts, **dict(label_fields(row))}
        links = [link for link in _links().get(table.id, ()) if _applies(link, name[2], fields)]
        # The first row that applies names the concept. Where tables disagree, each of their counts is its own cell.
        concept = next((_filled(link.concept, fields) for link in links if link.concept), "")
        cell = self._concepts.setdefault(concept, {}).get(value) if concept else None
        minimum = rule_of(table, table.value(name[2]), row).minimum
        cell = self._new(value, minimum) if cell is None else self._judged(cell, minimum)
        self.names[cell].append(name)
        self.cells[name] = cell
        if concept:
            self._concepts[concept][value] = cell
        for whole in (_filled(whole, fields) for link in links for whole in link.part_of):
            if whole[0] == "<":
                self._below.add((whole[1:], cell))
            else:
                self._parts.setdefault(whole.lstrip("-"), {})[cell] = -1.0 if whole[0] == "-" else 1.0

    def _facts(self, table: Table, frame: pd.DataFrame, rows: Sequence[tuple[str, ...]]) -> None:
        """Take in published figures that linked_cells.csv names: anyone knows them, whatever is withheld here."""
        named = {link.value for link in _links().get(table.id, ())}
        for value in (value for value in table.values if value.name in named and not value.guarded):
            column = pd.to_numeric(frame[value.name]).to_numpy(dtype=float)
            for place in np.flatnonzero(column > 0):
                name = (table.id, rows[int(place)], value.name)
                self._cell(table, name, float(column[place]))
                self.known.add(cell := self.cells.pop(name))
                self.names[cell].remove(name)  # it stays where it is, and is no count of this release
                self.primary -= {cell} if not self.names[cell] else set()

    def _new(self, value: float, minimum: int) -> int:
        self.values.append(value)
        self.minimum.append(minimum)
        self.names.append([])
        return self._judged(len(self.values) - 1, minimum)

    def _judged(self, cell: int, minimum: int) -> int:
        """The cell, withheld where it is small by the strictest rule of the tables that show it."""
        self.minimum[cell] = max(minimum, self.minimum[cell])
        if 0 < self.values[cell] < self.minimum[cell]:
            self.primary.add(cell)
        return cell

    def _remainders(self, parts: Sequence[int | None], wholes: Sequence[int | None]) -> None:
        """A part and what is left make the whole; a part of which few are left is withheld."""
        for part, whole in zip(parts, wholes, strict=True):
            if part is None or whole is None or part == whole or self.values[part] > self.values[whole]:
                continue
            rest = self._new(self.values[whole] - self.values[part], self.minimum[part])
            if rest in self.primary:
                self.primary.remove(rest)
                self.primary |= {part} if self.values[part] else set()
            self.unshown.add(rest)
            self._relate({part: 1.0, rest: 1.0, whole: -1.0})

    def _line(self, cells: list[int | None], rows: list[tuple[str, ...]]) -> None:
        """Members and their total; members that do not add up to it are each at most the total."""
        totals = [place for place, row in enumerate(rows) if row.count(ALL) == max(r.count(ALL) for r in rows)]
        total = cells[totals[0]]
        if total is None or len(totals) > 1:
            return
        members = [cell for place, cell in enumerate(cells) if place != totals[0]]
        known = [cell for cell in members if cell is not None]
        if len(known) == len(members) and sum(self.values[cell] for cell in known) == self.values[total]:
            relation = {total: -1.0}
            for cell in known:
                relation[cell] = relation.get(cell, 0.0) + 1.0
            self._relate(relation)
        else:
            self._remainders(members, [total] * len(members))

    def _relate(self, relation: Mapping[int, float]) -> None:
        kept = {cell: weight for cell, weight in relation.items() if weight}
        if len(kept) > 1:
            self.relations.append(kept)

    def _followers(self, table: Table, names: Mapping[str, Sequence[int | None]]) -> None:
        """Counts withheld where another of their row is, in one step or over a column of another kind; never zero."""
        for value in names:
            behind: set[str] = set()
            todo = [value]
            while todo:
                source = todo.pop()
                fresh = {v.name for v in table.values if source in v.follows} - behind
                behind |= fresh
                todo += fresh - set(names)
            for follower in sorted(behind & set(names) - {value}):
                for cell, other in zip(names[value], names[follower], strict=True):
                    if cell is not None and other is not None and cell != other and self.values[other]:
                        self.follows.setdefault(cell, set()).add(other)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _applies(link: _Link, value: str, fields: Mapping[str, str]) -> bool:
    return link.value == value and all(fields.get(label) == text for label, text in link.where.items())


def _filled(template: str, fields: Mapping[str, str]) -> str:
    return template.format_map(fields)
