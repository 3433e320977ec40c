"""The table registry: every table that a page can show has an id, a description and one pure builder.

A builder takes a `View` (the data of one authority and quarter) and gives a tidy frame: label columns, then value
columns. What each column is decides how the gate treats it, so it is declared here and not guessed later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import pandas as pd

ALL = "All"
KINDS = (
    "factor", "pounds", "count", "percent", "rate", "ratio", "decimal", "money", "thousands", "signed", "text",
    "number", "chance",
)  # fmt: skip

Shorter = Callable[[pd.DataFrame], pd.DataFrame]
Rows = Sequence[tuple[Any, ...] | Mapping[str, Any]]  # in the order of the declared columns, or by their names


@dataclass(frozen=True)
class Value:
    """A value column.

    `kind`: how it is written; only `count` is a number of children (or rows of children). `of`: the count column
    that this count is a part of (so that its complement is guarded). `follows`: count columns from which this value
    is worked out; it is shown only where they are. `children` False: a count of no child (files, months). `largest`:
    for money, the column with the share of it that the child with the largest makes up. `event`: the label that
    names what is counted, where that decides which rules hold (data/reference/disclosure.toml: a row of hospital data).
    `over`: the label of whose rows this is a mean or limit: where one of them is withheld, it is so in all of them.
    """

    name: str
    label: str
    kind: str = "count"
    of: str = ""
    follows: tuple[str, ...] = ()
    children: bool = True
    largest: str = ""
    event: str = ""
    inward: bool = False
    over: str = ""

    @property
    def guarded(self) -> bool:
        """True where a small value would speak of few children."""
        return self.kind == "count" and self.children


def interval(name: str, label: str, kind: str, *follows: str, ends: str = "") -> tuple[Value, Value, Value]:
    """Columns of an estimate and of its interval: `name`, lower and upper. `ends`: what these two alone follow."""
    value = Value(name, label, kind, follows=follows)
    behind = replace(value, follows=(*follows, ends) if ends else follows)
    return value, replace(behind, name="lower", label="Lower"), replace(behind, name="upper", label="Upper")


@dataclass(frozen=True)
class Table:
    """What a registered table is. `margins` are label columns with a total row named ALL over the rest.

    `coarser`: steps, each of which puts the built frame into fewer rows, for a release in which too many of its counts
    would be small; `said`: what a reader is told of it. A value that is `inward` is no column of a public table.
    """

    id: str
    notebook: str
    title: str
    row: str
    labels: dict[str, str]
    values: tuple[Value, ...]
    margins: tuple[str, ...]
    source: str
    method: str
    build: Callable[[Any], pd.DataFrame]
    coarser: tuple[Shorter, ...] = ()
    said: str = ""

    def value(self, name: str) -> Value:
        """A value column by name. Raises KeyError, naming those there are."""
        for value in self.values:
            if value.name == name:
                return value
        raise KeyError(f"table {self.id} has no value {name!r}; it has {', '.join(v.name for v in self.values)}")


REGISTRY: dict[str, Table] = {}
# Tables of the second stage: their builders take the first stage's findings (evidence.found.Found), not a View.
OF_FINDINGS: dict[str, Table] = {}


def table(
    id: str,
    *,
    title: str,
    row: str,
    labels: dict[str, str],
    values: tuple[Value, ...],
    margins: tuple[str, ...] = (),
    source: str = "SSDA903 episodes",
    method: str = "complete count",
    of_findings: bool = False,
) -> Callable[[Callable[[Any], pd.DataFrame | Rows]], Callable[[Any], pd.DataFrame]]:
    """Register a builder of a frame, or of rows, of which the declared columns make one; of no rows an empty one.

    The notebook that shows the table is named by the builder's module.
    """
    largest = (value.largest for value in values if value.largest)
    columns = [*dict.fromkeys((*labels, *(value.name for value in values), *largest))]

    def register(build: Callable[[Any], pd.DataFrame | Rows]) -> Callable[[Any], pd.DataFrame]:
        @wraps(build)
        def framed(data: Any) -> pd.DataFrame:
            found = build(data)
            return found if isinstance(found, pd.DataFrame) else pd.DataFrame(list(found), columns=columns)

        if id in REGISTRY or id in OF_FINDINGS:
            raise ValueError(f"table {id!r} is registered twice")
        unknown = [value.name for value in values if value.kind not in KINDS]
        if unknown:
            raise ValueError(f"table {id!r}: {unknown[0]} has a kind that is not known")
        notebook = build.__module__.rsplit(".", 1)[-1]
        registry = OF_FINDINGS if of_findings else REGISTRY
        registry[id] = Table(id, notebook, title, row, labels, values, margins, source, method, framed)
        return framed

    return register


def coarser(id: str, said: str = "") -> Callable[[Shorter], Shorter]:
    """Say how a registered table is put together into fewer rows, and in words what a reader then sees.

    Declared again, it is a further step, taken where the first was not enough.
    """

    def declare(shorten: Shorter) -> Shorter:
        spec = REGISTRY[id]
        REGISTRY[id] = replace(spec, coarser=(*spec.coarser, shorten), said=said or spec.said)
        return shorten

    return declare


def registered() -> dict[str, Table]:
    """Every table, once the modules that register them are read."""
    from bond_eval.evidence import tables

    tables.read_all()
    return REGISTRY


def of_findings() -> dict[str, Table]:
    """Every table of the second stage."""
    registered()
    return OF_FINDINGS
