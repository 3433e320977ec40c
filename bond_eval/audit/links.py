"""What published tables say of each other's cells: sums, parts, shares, products, and the same cell met twice.

Nothing is taken on trust but what the release declares (margins, parts of a whole). A relation that is guessed has to
hold in every place where all its cells are shown, and in enough of them that chance could not have brought it about.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bond_eval.audit.periods import dated, quarter_of, year_of
from bond_eval.audit.tables import ALL, HIDDEN, Column, Number, Table, alike

Cell = tuple[int, int, str]
_SHARE = ("percent", "rate", "ratio", "factor", "decimal")
_FREE = re.compile(r"\b(difference|gap|change|net|surplus|variance|less|error)\b", re.I)
PRINTED = 1e-6  # a CSV has ten significant digits
LONGER = (("quarters", quarter_of, (3,)), ("years", year_of, (4, 12)))  # to what, how, of how many
ENOUGH, ENOUGH_TENS = 3, 5.5  # cells in common; the sum of log10 of the values that agree


@dataclass(frozen=True)
class Relation:
    """low <= sum of coefficient × hidden cell <= high. `why`: where it comes from; `shown`: cells that it rests on."""

    terms: tuple[tuple[Cell, float], ...]
    low: float
    high: float
    why: str
    shown: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Sum:
    """A shown number plus hidden cells; `cells`: those that show it."""

    shown: float
    hidden: tuple[Cell, ...] = ()
    cells: tuple[Cell, ...] = ()

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.shown + other.shown, self.hidden + other.hidden, self.cells + other.cells)


def relations(tables: Sequence[Table]) -> list[Relation]:
    """Every relation that holds between hidden cells."""
    found: list[Relation] = []
    for at, table in enumerate(tables):
        if HIDDEN in table.cells.values():
            found += [*_margins(at, table), *_parts(at, table), *_within_rows(at, table), *_carried(at, table)]
    return found + list(_same_cells(tables))


def free(column: Column, table: Table) -> bool:
    """True where a number may be below nought."""
    spoken = not column.guarded and _FREE.search(column.heading)
    return column.kind == "signed" or bool(spoken) or bool((table.matrix([column.name]) < 0).any())


def _relation(parts: Sequence[tuple[Any, Cell, float]], half: float, why: str, slack: float = 0) -> Relation | None:
    """Sum of coefficient × cell = 0, within `half`; the shown cells go to the other side."""
    terms = [(cell, factor) for value, cell, factor in parts if value == HIDDEN]
    shown = sum(factor * value.value for value, _, factor in parts if isinstance(value, Number))
    if not terms or any(value is None for value, _, _ in parts):
        return None
    merged: dict[Cell, float] = defaultdict(float)
    for cell, factor in terms:
        merged[cell] += factor
    left = tuple((cell, factor) for cell, factor in merged.items() if factor)
    known = tuple(cell for value, cell, _ in parts if isinstance(value, Number) and value.value)
    return Relation(left, -shown - half - slack, half - shown, why, known) if left else None


def _margins(at: int, table: Table) -> Iterator[Relation]:
    for margin in table.margins:
        if margin not in table.labels:
            continue
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for row, labels in enumerate(table.rows):
            groups[tuple(value for name, value in labels.items() if name != margin)].append(row)
        for column in table.columns:
            if column.kind in (*_SHARE, "text"):
                continue
            lines = []
            for rows in groups.values():
                totals = [row for row in rows if table.rows[row][margin] in ALL]
                members = [row for row in rows if row not in totals]
                if len(totals) == 1 and members:
                    lines.append([(totals[0], -1.0), *((row, 1.0) for row in members)])
            # Counts of children are declared to add up; of anything else some line has to show it.
            shown = any(all(isinstance(table.cells[row, column.name], Number) for row, _ in line) for line in lines)
            if (column.guarded or shown) and not any(_contradicts(table, column, line) for line in lines):
                for line in lines:
                    of = ", ".join(v for n, v in table.rows[line[0][0]].items() if n != margin) or "all rows"
                    why = f"{table.id}: {column.name} of {of} over {margin} add up to All"
                    yield from _made(
                        [(table.cells[row, column.name], (at, row, column.name), f) for row, f in line], why
                    )


def _contradicts(table: Table, column: Column, line: Sequence[tuple[int, float]]) -> bool:
    """True where the shown cells of a line cannot add up to its total."""
    values = [(table.cells[row, column.name], factor) for row, factor in line]
    if any(value is None for value, _ in values):
        return False
    shown = sum(factor * value.value for value, factor in values if isinstance(value, Number))
    tolerance = _half(value for value, _ in values) + PRINTED * max(1, abs(shown))
    total = values[0][0]
    if isinstance(total, Number) and total.value == 0 and HIDDEN in [value for value, _ in values]:
        return True  # a nought is shown, so that what is withheld is something else
    if all(isinstance(value, Number) for value, _ in values):
        return abs(shown) > tolerance
    return isinstance(total, Number) and not free(column, table) and shown > tolerance


def _half(values: Iterator[Any]) -> float:
    return sum(value.half for value in values if isinstance(value, Number))


def _made(parts: Sequence[tuple[Any, Cell, float]], why: str) -> Iterator[Relation]:
    values = [value for value, _, _ in parts]
    if HIDDEN in values and None not in values:
        made = _relation(parts, _half(iter(values)), f"{why}: {_told(parts)}")
        yield from [made] if made else ()


def _told(parts: Sequence[tuple[Any, Cell, float]]) -> str:
    """ "70 = 6 + 16 + c + c", the side with minus signs first."""

    def side(sign: int) -> str:
        words = [
            (f"{abs(f):g} × " if abs(f) != 1 else "") + (v if v == HIDDEN else f"{v.value:g}")
            for v, _, f in parts
            if f * sign > 0 and (v == HIDDEN or v.value)
        ]
        return " + ".join(words) or "0"

    return f"{side(-1)} = {side(1)}"


def _parts(at: int, table: Table) -> Iterator[Relation]:
    for column in table.columns:
        for row in range(len(table.rows) if column.whole else 0):
            pair = [(table.cells.get((row, name)), (at, row, name)) for name in (column.name, column.whole)]
            signed = [(value, cell, factor) for (value, cell), factor in zip(pair, (1.0, -1.0), strict=True)]
            half, why = _half(value for value, _ in pair), f"{table.id}: {column.name} is a part of {column.whole}"
            made = _relation(signed, half, why, math.inf)
            if made:
                yield made


def _within_rows(at: int, table: Table) -> Iterator[Relation]:
    """Relations between columns of one row: a sum, a difference, a share or a product, tested where all is shown."""
    numeric = [column for column in table.columns if column.kind != "text"]
    counts = [column.name for column in numeric if column.kind not in _SHARE][:14]
    once = list(counts)
    parted = {(column.name, column.whole) for column in numeric}
    for total, twin in itertools.combinations(counts, 2):
        if (total, twin) in parted or (twin, total) in parted:
            continue  # a part is shown where its complement is not small, as where it is the whole
        yield from (equal := list(_columns(at, table, counts, [(total, -1.0), (twin, 1.0)])))
        if equal and twin in once:
            once.remove(twin)  # what holds for the one holds for the other
    for size in (2, 3, 4):
        for total in once:
            for parts in itertools.combinations([name for name in once if name != total], size):
                yield from _columns(at, table, counts, [(total, -1.0), *((name, 1.0) for name in parts)])
    for two in itertools.combinations(once, 2):
        for other in itertools.combinations([name for name in once if name not in two], 2):
            if two < other:
                signs = [*((name, -1.0) for name in two), *((name, 1.0) for name in other)]
                yield from _columns(at, table, counts, signs)
    for share in (column.name for column in numeric if column.kind in _SHARE):
        for part, whole in itertools.permutations(counts, 2):
            yield from _ratio(at, table, share, part, whole)


def _columns(at: int, table: Table, counts: Sequence[str], signs: Sequence[tuple[str, float]]) -> Iterator[Relation]:
    values = table.matrix([name for name, _ in signs])
    if not np.isposinf(values).any():
        return
    shown = values[np.isfinite(values).all(axis=1)]
    telling = shown[(shown != 0).sum(axis=1) > len(signs) / 2]
    # A column that is nought wherever it is shown could stand on either side.
    if not telling.any(axis=0).all() or len(np.unique(telling, axis=0)) < max(ENOUGH, len(signs)):
        return
    sums = shown @ np.array([sign for _, sign in signs])
    if (np.abs(sums) <= PRINTED * np.maximum(1.0, np.abs(shown[:, 0]))).all():
        # Two columns that are equal there, one on each side, make no relation of what is left.
        if len(signs) > 2 and _cancels(shown, [sign for _, sign in signs]):
            return
        # A column that is nought in those rows and withheld in others may be what the relation lacks.
        others = table.matrix([name for name in counts if name not in dict(signs)] or [signs[0][0]])
        nought = (others[np.isfinite(values).all(axis=1)] == 0).all(axis=0)
        if (nought & np.isposinf(others).any(axis=0)).any():
            return
        told = np.isfinite(values).all(axis=1)
        sides = [" + ".join(name for name, sign in signs if sign * way > 0) for way in (-1, 1)]
        why = f"{table.id}: {sides[0]} = {sides[1]} in all {len(shown)} rows that show them"
        for row in map(int, np.flatnonzero(np.isposinf(values).any(axis=1))):
            if len(signs) > 2 or _like(table, row, told):
                yield from _made([(table.cells[row, name], (at, row, name), sign) for name, sign in signs], why)


def _like(table: Table, row: int, told: Any) -> bool:
    """False where all rows that told have one date (or other label) and this row has another."""
    said = {label: {table.rows[at][label] for at in np.flatnonzero(told)} for label in table.labels}
    return all(len(labels) > 1 or table.rows[row][label] in labels for label, labels in said.items())


def _cancels(shown: Any, signs: Sequence[float]) -> bool:
    pairs = itertools.combinations(range(len(signs)), 2)
    return any(signs[a] != signs[b] and (shown[:, a] == shown[:, b]).all() for a, b in pairs)


def _ratio(at: int, table: Table, share: str, part: str, whole: str) -> Iterator[Relation]:
    """share = part ÷ whole (or × 100, 1,000 or 10,000), as all rows that show the three have it."""
    values = table.matrix([share, part, whole])
    hidden = np.isfinite(values[:, 0]) & (values[:, 0] != 0) & np.isposinf(values[:, 1:]).any(axis=1)
    hidden &= ~np.isnan(values).any(axis=1)
    shown = values[np.isfinite(values).all(axis=1) & (values[:, 1:] != 0).all(axis=1)]
    if not hidden.any() or len(np.unique(shown[:, :2], axis=0)) < 2:
        return
    half = max(cell.half for (_, name), cell in table.cells.items() if name == share and isinstance(cell, Number))
    rough = (half if half > 1e-8 else 0.0) + 1e-9 * np.maximum(1.0, np.abs(values[:, 0]))
    among = rough[np.isfinite(values).all(axis=1) & (values[:, 1:] != 0).all(axis=1)]
    for scale in (1.0, 100.0, 1000.0, 10000.0):
        if (np.abs(shown[:, 0] - scale * shown[:, 1] / shown[:, 2]) <= among).all():
            break
    else:
        return
    for row in map(int, np.flatnonzero(hidden)):
        why = f"{table.id}: {share} {values[row, 0]:g} is {part} ÷ {whole}, as in all {len(shown)} rows that show them"
        for sign in (-1, 1):  # part − edge × whole is at least nought at the lower edge, at most at the upper
            edge = (values[row, 0] + sign * rough[row]) / scale
            signs = ((part, 1.0), (whole, -edge))
            made = _relation([(table.cells[row, name], (at, row, name), f) for name, f in signs], 0, why)
            if made:
                low, high = (made.low, math.inf) if sign < 0 else (-math.inf, made.high)
                yield Relation(made.terms, low, high, why, (*made.shown, (at, row, share)))


def _carried(at: int, table: Table) -> Iterator[Relation]:
    """A column that takes up where another left off in the row before: open at the start is open at the last end."""
    if len(table.labels) == 0:
        return
    along = table.labels[-1]
    kept = [{name: value for name, value in row.items() if name != along} for row in table.rows]
    steps = [row for row in range(1, len(table.rows)) if kept[row] == kept[row - 1]]
    for first, last in itertools.permutations([column.name for column in table.columns if column.guarded], 2):
        pairs = [
            [(table.cells[row, first], (at, row, first), 1.0), (table.cells[row - 1, last], (at, row - 1, last), -1.0)]
            for row in steps
        ]
        shown = [(a[0].value, b[0].value) for a, b in pairs if isinstance(a[0], Number) and isinstance(b[0], Number)]
        if len({a for a, _ in shown if a}) >= ENOUGH and all(a == b for a, b in shown):
            both = [all(isinstance(cell, Number) for cell, _, _ in pair) for pair in pairs]
            told = np.isin(np.arange(len(table.rows)), list(itertools.compress(steps, both)))
            for pair in (pair for row, pair in zip(steps, pairs, strict=True) if _like(table, row, told)):
                yield from _made(pair, f"{table.id}: {first} is {last} of the row before, in all {len(shown)} shown")


def _same_cells(tables: Sequence[Table]) -> Iterator[Relation]:
    """Equalities of cells (or sums of cells) that two columns show under the same labels."""
    slices: list[tuple[int, str, str, dict[tuple[str, ...], Sum]]] = []
    for at, table in enumerate(tables):
        for column in table.columns:
            if counted(column):
                slices += [(at, column.name, said, keys) for said, keys in _slices(at, table, column)]
    by_key: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, (_, _, _, keys) in enumerate(slices):
        for key in keys:
            by_key[key].append(place)
    told = set()
    for at, name, said, keys in (one for one in slices if any(value.hidden for value in one[3].values())):
        others = {other for key in keys for other in by_key[key] if slices[other][0] != at}
        for other in others:
            at2, name2, said2, keys2 = slices[other]
            same = tables[at].id == tables[at2].id
            fixed, fixed2 = said.partition("(")[2], said2.partition("(")[2]
            if same and fixed and fixed2 and fixed != fixed2:
                continue  # parts of one table that share a total are no more alike in two releases than in one
            common = {key: (one, keys2[key]) for key, one in keys.items() if key in keys2}  # a set would have no order
            again = same and name == name2
            if again:
                sums = ((key, [(*v.cells, *v.hidden) for v in pair]) for key, pair in common.items())
                common = {key: common[key] for key, pair in sums if alike(pair, tables)}
            if not _agree(list(common.values()), again):
                continue
            seen = (key for key, (one, two) in common.items() if not one.hidden and not two.hidden)
            days = {text for key in seen for text in key if dated(text)}
            why = f"{tables[at].where} {name}{said} = {tables[at2].where} {name2}{said2}, which agree wherever shown"
            for key, (one, two) in common.items():
                if len(days) == 1 and any(dated(text) and text not in days for text in key):
                    continue  # that they are equal on one day says nothing of another
                made = of_sums((one, two), (1.0, -1.0), f"{why}: {side(one)} = {side(two)}")
                way = min(made.terms)[1] if made else 0  # the same relation, whichever side is named first
                mark = made and (frozenset((c, f * way) for c, f in made.terms), abs(round(one.shown - two.shown, 6)))
                if made and mark not in told:
                    told.add(mark)
                    yield made


def of_sums(sums: Sequence[Sum], signs: Sequence[float], why: str) -> Relation | None:
    """Sums times signs = 0: what that says of their hidden cells."""
    signed = list(zip(sums, signs, strict=True))
    parts: list[tuple[Any, Cell, float]] = [(HIDDEN, cell, sign) for one, sign in signed for cell in one.hidden]
    parts.append((Number(sum(one.shown * sign for one, sign in signed), 0), (-1, -1, ""), 1.0))
    made = _relation(parts, PRINTED, why)
    return made and replace(made, shown=tuple(cell for one in sums for cell in one.cells))


def counted(column: Column) -> bool:
    """True for counts of children, and for numbers that are neither ends of an interval nor medians."""
    plain = column.kind in ("count", "number") and not re.search("lower|upper|median", column.name)
    return column.guarded or plain


def side(value: Sum) -> str:
    """ "7 + c", as a proof says it."""
    shown = [f"{value.shown:g}"] if value.shown or not value.hidden else []
    return " + ".join([*shown, *("c" for _ in value.hidden)])


def _agree(common: Sequence[tuple[Sum, Sum]], same: bool) -> bool:
    """True where no pair differs and so many agree that chance is no explanation; `same`: one table in two releases."""
    shown = [(one.shown, two.shown) for one, two in common if not one.hidden and not two.hidden]
    if any(abs(a - b) > PRINTED for a, b in shown) or len(shown) == len(common):
        return False
    values = {a for a, _ in shown if a > 5}
    tens = sum(math.log10(a) for a, _ in shown if a > 5)
    return len(values) >= ENOUGH and (same or tens >= ENOUGH_TENS)


def _slices(at: int, table: Table, column: Column) -> Iterator[tuple[str, dict[tuple[str, ...], Sum]]]:
    """The column under every way to read its rows: as it is, summed over a label or to a longer period, or with one
    label fixed. Keys are the labels that are left, without "All"."""
    rows = [(labels, sum_of(at, table, row, column.name)) for row, labels in enumerate(table.rows)]
    whole = [(labels, value) for labels, value in rows if value is not None]
    readings = [("", whole)]
    for label in table.labels:
        if label not in table.margins:
            readings.append((f" summed over {label}", _summed(whole, label, lambda _: "all", ())))
        for words, period, sizes in LONGER:
            longer = _summed(whole, label, period, sizes)
            if longer:
                readings.append((f" summed to {words}", longer))
    for words, reading in readings:
        yield from ((words, keys) for keys in [_keyed(reading, "")] if len(keys) >= ENOUGH)
        for label in table.labels if len(table.labels) > 1 else ():
            fixed = defaultdict(list)
            for labels, value in reading:
                fixed[labels[label]].append((labels, value))
            for value_of, part in fixed.items():
                keys = _keyed(part, label)
                if len(keys) >= ENOUGH:
                    yield f"{words} ({label} {value_of})", keys


def sum_of(at: int, table: Table, row: int, name: str) -> Sum | None:
    """One cell as a sum; None where it holds no number and none is withheld."""
    value = table.cells[row, name]
    if value == HIDDEN:
        return Sum(0.0, ((at, row, name),))
    return Sum(value.value, cells=((at, row, name),)) if isinstance(value, Number) else None


def _keyed(rows: Sequence[tuple[dict[str, str], Sum]], without: str) -> dict[tuple[str, ...], Sum]:
    keys: dict[tuple[str, ...], Sum] = {}
    twice: set[tuple[str, ...]] = set()
    for labels, value in rows:
        key = tuple(sorted(v for name, v in labels.items() if name != without and v not in ALL))
        (twice.add if key in keys else lambda _: None)(key)
        keys[key] = value
    return {key: value for key, value in keys.items() if key not in twice}


def _summed(
    rows: Sequence[tuple[dict[str, str], Sum]], label: str, period: Callable[[str], str | None], sizes: tuple[int, ...]
) -> list[tuple[dict[str, str], Sum]]:
    """Rows added up where `period` gives their label one name, and there are as many as one of `sizes` says, if any."""
    groups: dict[tuple[tuple[str, str], ...], list[Sum]] = defaultdict(list)
    for labels, value in rows:
        if name := period(labels[label]):
            groups[tuple((labels | {label: name}).items())].append(value)
    return [
        (dict(key), sum(members, Sum(0.0))) for key, members in groups.items() if not sizes or len(members) in sizes
    ]
