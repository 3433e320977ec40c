"""The disclosure gate: what a table may show to an audience.

Public: a count of 1 to 5 children becomes `c`, so does a count whose complement in its whole is 1 to 5, and so does
the next smallest count of a line where a single `c` could be worked out from the total. What is worked out from a
confidential count is confidential too. Zero is shown. Internal: everything is shown.

Reference: the DfE's rule for looked-after children (counts of 1 to 5 suppressed, with secondary suppression).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.evidence.cells import CONFIDENTIAL, NOT_AVAILABLE
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import ALL, Table

MINIMUM = 6
AUDIENCES = ("public", "internal")


def protect(table: Table, frame: pd.DataFrame, audience: str) -> Protected:
    """Apply the rules to a built table. Raises InputError for an unknown audience."""
    if audience not in AUDIENCES:
        raise InputError(f"Audience {audience!r} is not known: use {' or '.join(AUDIENCES)}.")
    frame = frame.reset_index(drop=True)
    names = [value.name for value in table.values]
    missing = pd.DataFrame({name: frame[name].isna() for name in names}, index=frame.index)
    hidden = pd.DataFrame(False, index=frame.index, columns=names)
    if audience == "public":
        hidden = _hidden(table, frame)
    symbols = pd.DataFrame("", index=frame.index, columns=names)
    symbols = symbols.mask(missing, NOT_AVAILABLE).mask(hidden, CONFIDENTIAL)
    shown = frame.copy()
    for name in names:
        shown[name] = frame[name].astype(object).where(symbols[name] == "", None)
    return Protected(table, shown, symbols, audience)


def _hidden(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    hidden = pd.DataFrame(False, index=frame.index, columns=[value.name for value in table.values])
    counts = [value for value in table.values if value.guarded]
    for value in counts:
        numbers = pd.to_numeric(frame[value.name])
        hidden[value.name] = small(numbers)
        if value.of:
            hidden[value.name] |= small(pd.to_numeric(frame[value.of]) - numbers)
    for value in counts:
        hidden[value.name] = _complements(table, frame, hidden[value.name], pd.to_numeric(frame[value.name]))
    for value in table.values:
        for source in value.follows:
            hidden[value.name] |= hidden[source]
    return hidden & frame[hidden.columns].notna()


def small(numbers: pd.Series) -> pd.Series:
    """True for 1 to 5."""
    return (numbers >= 1) & (numbers < MINIMUM)


def _complements(table: Table, frame: pd.DataFrame, hidden: pd.Series, numbers: pd.Series) -> pd.Series:
    """Hide a second count wherever one alone could be worked out from its total, until no line has just one."""
    hidden = hidden.copy()
    changed = True
    while changed:
        changed = False
        for lines in _lines(table, frame):
            confidential = hidden.loc[lines]
            if confidential.sum() == 1:
                open_rows = numbers.loc[lines][~confidential].drop(labels=_totals(table, frame, lines), errors="ignore")
                # The smallest count that is not zero costs the reader least; the total only where nothing else is.
                others = open_rows[open_rows > 0]
                rest = others if len(others) else numbers.loc[lines][~confidential]
                if len(rest):
                    hidden.loc[rest.index[np.argmin(rest.to_numpy())]] = True
                    changed = True
    return hidden


def _lines(table: Table, frame: pd.DataFrame) -> list[pd.Index]:
    """Rows that add up: for each margin, its members and total, with the other labels fixed."""
    lines = []
    for margin in table.margins:
        others = [label for label in table.labels if label != margin]
        groups = frame.groupby(others, sort=False, dropna=False, observed=True) if others else [("", frame)]
        lines += [part.index for _, part in groups if (part[margin] == ALL).any() and len(part) > 1]
    return lines


def _totals(table: Table, frame: pd.DataFrame, lines: pd.Index) -> pd.Index:
    part = frame.loc[lines, list(table.margins)]
    return part.index[(part == ALL).any(axis=1)]
