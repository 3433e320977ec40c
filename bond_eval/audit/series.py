"""Counts over time that make one another up: one is another, or the sum of two, in every period that shows them all.

Tables need say nothing of each other for that: "begun in the quarter" of two kinds, less that of one, is that of the
other. Chance could have brought about what few periods or small numbers bear out, so that is left alone.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from bond_eval.audit.links import LONGER, PRINTED, Relation, Sum, counted, of_sums, side, sum_of
from bond_eval.audit.periods import dated
from bond_eval.audit.tables import Table
from bond_eval.core.periods import Quarter

PERIODS, TENS = 6, 8.0  # that agree, no two by the same numbers; the sum of log10 of the largest numbers in them
Series = tuple[str, Mapping[str, Sum]]


def put_together(tables: Sequence[Table]) -> Iterator[Relation]:
    """Relations between the withheld cells of series."""
    series = [one for at, table in enumerate(tables) for one in _series(at, table)]
    place_of = {period: at for at, period in enumerate(sorted({period for _, sums in series for period in sums}))}
    shown = np.full((len(series), len(place_of)), np.nan)
    for row, (_, sums) in enumerate(series):
        for period, value in sums.items():
            if not value.hidden:
                shown[row, place_of[period]] = value.shown
    told = set()
    for one in (row for row, (_, sums) in enumerate(series) if any(value.hidden for value in sums.values())):
        for signs, places in _made_up(shown, one):
            for made in _relations([series[place] for place in places], signs):
                if (key := (frozenset(made.terms), made.low)) not in told:
                    told.add(key)
                    yield made


def _series(at: int, table: Table) -> Iterator[Series]:
    """Each counted column along each label that names periods, the others fixed; and added up to longer periods."""
    for label in table.labels:
        groups: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
        for row, labels in enumerate(table.rows):
            if period := _period(labels[label]):
                groups[tuple(value for name, value in labels.items() if name != label)][period] = row
        for column in table.columns:
            if not counted(column):
                continue
            for others, rows in groups.items():
                sums = {period: sum_of(at, table, row, column.name) for period, row in rows.items()}
                known = {period: value for period, value in sums.items() if value is not None}
                name = f"{table.where} {column.name}" + (f" ({', '.join(others)})" if others else "")
                for words, reading in _readings(known):
                    if len(reading) >= PERIODS:
                        yield name + words, reading


def _readings(sums: Mapping[str, Sum]) -> Iterator[tuple[str, Mapping[str, Sum]]]:
    yield "", sums
    for words, longer, sizes in LONGER:
        members: dict[str, list[Sum]] = defaultdict(list)
        for period, value in sums.items():
            if name := longer(period):
                members[name].append(value)
        yield (
            f" summed to {words}",
            {name: sum(these, Sum(0.0)) for name, these in members.items() if len(these) in sizes},
        )


@cache
def _period(text: str) -> str | None:
    """A month, quarter or year by its name, a day by its own; a quarter's last day names the quarter."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text if dated(text) else None
    day = dt.date.fromisoformat(text)
    return str(Quarter.of(day)).lower() if Quarter.of(day).end == day else text


def _made_up(shown: np.ndarray, one: int) -> Iterator[tuple[tuple[float, ...], tuple[int, ...]]]:
    """(signs, rows) of what row `one` is made up with: those rows times their signs add up to nought."""
    counted = shown > 0
    others = [row for row in np.flatnonzero((counted & counted[one]).sum(axis=1) >= PERIODS).tolist() if row != one]
    for two in others:
        if _bears_out(shown[[one, two]], (1.0, -1.0)):
            yield (1.0, -1.0), (one, two)
    for two in others:
        for sign, three in itertools.product((1.0, -1.0), others):
            if three != two and (sign > 0 or three > two) and _bears_out(shown[[one, two, three]], (1.0, sign, -1.0)):
                yield (1.0, sign, -1.0), (one, two, three)


def _bears_out(rows: np.ndarray, signs: tuple[float, ...]) -> bool:
    """True where rows times signs are nought in every period that shows all, and chance does not explain it."""
    seen = rows[:, ~np.isnan(rows).any(axis=0)]
    if (np.abs(np.asarray(signs) @ seen) > PRINTED).any():
        return False
    different = np.unique(seen[:, (seen > 0).all(axis=0)], axis=1)  # the same numbers again say nothing new
    return different.shape[1] >= PERIODS and float(np.log10(different.max(axis=0)).sum()) >= TENS


def _relations(series: Sequence[Series], signs: Sequence[float]) -> Iterator[Relation]:
    said = " ".join(f"{'+' if sign > 0 else '-'} {name}" for (name, _), sign in zip(series, signs, strict=True))
    for period in sorted(set.intersection(*(set(sums) for _, sums in series))):
        here = [sums[period] for _, sums in series]
        why = f"{said} = 0 wherever all are shown; in {period}: {', '.join(side(value) for value in here)}"
        if made := of_sums(here, signs, why):
            yield made
