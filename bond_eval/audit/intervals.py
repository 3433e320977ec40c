"""What the ends of an interval say of the counts behind it: Wilson's are of one part and one whole only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from bond_eval.audit.links import Relation
from bond_eval.audit.tables import HIDDEN, Number, Table

LARGEST = 5000
_Z2 = 1.9599639845400545**2


def sizes(tables: Sequence[Table]) -> Iterator[Relation]:
    """Part and whole of each share whose 95% interval is shown while one of them is withheld."""
    for at, table in enumerate(tables):
        names = {column.name for column in table.columns}
        shares = [name for name in names - {"lower", "upper"} if re.search("share|estimate|value|rate", name)]
        pairs = [(column.name, column.whole) for column in table.columns if column.whole in names]
        if {"lower", "upper"} <= names and pairs:
            yield from (one for share in sorted(shares) for pair in pairs for one in _of_pair(at, table, share, *pair))


def _of_pair(at: int, table: Table, share: str, part: str, whole: str) -> Iterator[Relation]:
    for row in range(len(table.rows)):
        counts = [table.cells[row, name] for name in (part, whole)]
        ends = [table.cells[row, name] for name in (share, "lower", "upper")]
        shown = [end for end in ends if isinstance(end, Number)]
        if HIDDEN not in counts or len(shown) < 3:
            continue
        fits = _fits(shown)
        for value, number in zip(counts, (0, 1), strict=True):
            if isinstance(value, Number):
                fits = [fit for fit in fits if fit[number] == value.value]
        if len(fits) == 1:
            why = f"{table.id}: {share} {shown[0].value:g} with these ends is {part} ÷ {whole} of one pair of counts"
            rests = tuple((at, row, name) for name in (share, "lower", "upper"))
            for name, value, known in zip((part, whole), counts, fits[0], strict=True):
                if value == HIDDEN:
                    yield Relation((((at, row, name), 1.0),), known, known, why, rests)


def _fits(shown: Sequence[Number]) -> list[tuple[int, int]]:
    """(part, whole) of which a share with these ends (each as printed) can be."""
    share, low, high = shown
    scale = 100.0 if high.value > 1 else 1.0
    if not 0 <= low.value <= share.value <= high.value <= scale:
        return []  # a change, or a number that is no share
    n = np.arange(1, LARGEST)
    k = np.round(n * share.value / scale)
    middle = (k + _Z2 / 2) / (n + _Z2)
    half = np.sqrt(_Z2 * (k * (n - k) / n + _Z2 / 4)) / (n + _Z2)
    good = np.full(len(n), True)
    for end, found in ((share, k / n), (low, middle - half), (high, middle + half)):
        good &= np.abs(found - end.value / scale) <= max(end.half / scale, 1e-8)
    return list(zip(k[good].astype(int).tolist(), n[good].tolist(), strict=True))
