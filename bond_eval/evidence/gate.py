"""The disclosure gate: what a table may show to an audience.

Public: a count of 1 to 5 children becomes `c`, so does a count whose complement in its whole is 1 to 5, and so does
what the release's plan (evidence.disclosure) withholds. A table that stands alone, without a plan, withholds the next
smallest count of a line where a single `c` could be worked out from the total. What is worked out from a confidential
count is confidential too, and so is money that rests on very few children. Zero is shown. Internal: all is shown.

Reference: the DfE's rule for looked-after children (counts of 1 to 5 suppressed, with secondary suppression);
data/reference/disclosure.toml.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.evidence.cells import CONFIDENTIAL, NOT_AVAILABLE
from bond_eval.evidence.disclosure import Plan, lines, rules, settings, small
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import ALL, Table, Value

__all__ = ["AUDIENCES", "MINIMUM", "protect", "small"]

MINIMUM = rules().minimum
MONEY = ("pounds", "money", "thousands")
AUDIENCES = ("public", "internal")


def protect(table: Table, frame: pd.DataFrame, audience: str, plan: Plan | None = None) -> Protected:
    """Apply the rules to a built table, and the release's plan where there is one. Raises InputError for an audience
    that is not known."""
    if audience not in AUDIENCES:
        raise InputError(f"Audience {audience!r} is not known: use {' or '.join(AUDIENCES)}.")
    frame = frame.reset_index(drop=True)
    names = [value.name for value in table.values]
    missing = pd.DataFrame({name: frame[name].isna() for name in names}, index=frame.index)
    hidden = pd.DataFrame(False, index=frame.index, columns=names)
    if audience == "public":
        hidden = _hidden(table, frame, plan)
    symbols = pd.DataFrame("", index=frame.index, columns=names)
    symbols = symbols.mask(missing, NOT_AVAILABLE).mask(hidden, CONFIDENTIAL)
    shown = frame[[*table.labels, *names]].copy()
    step = rules(table.source).round_to if audience == "public" else 1
    for value in table.values:
        column = _rounded(frame[value.name], step) if value.guarded and step > 1 else frame[value.name]
        shown[value.name] = column.astype(object).where(symbols[value.name] == "", None)
    return Protected(table, shown, symbols, audience)


def _hidden(table: Table, frame: pd.DataFrame, plan: Plan | None) -> pd.DataFrame:
    hidden = pd.DataFrame(False, index=frame.index, columns=[value.name for value in table.values])
    counts = [value for value in table.values if value.guarded]
    minimum = rules(table.source).minimum
    for value in counts:
        numbers = pd.to_numeric(frame[value.name])
        hidden[value.name] = small(numbers, minimum)
        if value.of:
            few_left = small(pd.to_numeric(frame[value.of]) - numbers, minimum)
            # None of a few: the few are withheld themselves, and none is no secret.
            hidden[value.name] |= few_left & ((numbers != 0) | (not table.value(value.of).guarded))
    if plan is not None:
        hidden[[value.name for value in counts]] |= plan.mask(table, frame)
    for value in counts if plan is None else ():
        hidden[value.name] = _complements(table, frame, hidden[value.name], pd.to_numeric(frame[value.name]))
    for value in table.values:
        if value.kind in MONEY:
            hidden[value.name] |= _rests_on_few(value, frame)
    return _followed(table, frame, hidden) & frame[hidden.columns].notna()


def _followed(table: Table, frame: pd.DataFrame, hidden: pd.DataFrame) -> pd.DataFrame:
    """What is withheld, with what is worked out from it. A count of no child is shown all the same."""
    cells = {name: hidden[name].to_numpy(dtype=bool) for name in hidden.columns}
    some = {v.name: (pd.to_numeric(frame[v.name]) != 0).to_numpy() for v in table.values if v.guarded}
    before = -1
    while before != (before := sum(int(column.sum()) for column in cells.values())):
        for value in table.values:  # again and again, for a column may follow one that follows another
            for source in value.follows:
                cells[value.name] = cells[value.name] | (cells[source] & some.get(value.name, True))
    return pd.DataFrame(cells, index=frame.index)


def _rests_on_few(value: Value, frame: pd.DataFrame) -> pd.Series:
    """Money of fewer children than the rules ask for, or of which one child makes up too much."""
    limits = settings()["money"]
    few = pd.Series(False, index=frame.index)
    if "children" in value.follows:
        children = pd.to_numeric(frame["children"])
        few |= (children >= 1) & (children < limits["fewest"])
    if value.largest:
        few |= pd.to_numeric(frame[value.largest]) > limits["largest_share"]
    return few


def _rounded(numbers: pd.Series, step: int) -> pd.Series:
    """To the nearest multiple, halves up."""
    return np.floor(pd.to_numeric(numbers) / step + 0.5) * step


def _complements(table: Table, frame: pd.DataFrame, hidden: pd.Series, numbers: pd.Series) -> pd.Series:
    """Hide a second count wherever one alone could be worked out from its total, until no line has just one."""
    hidden = hidden.copy()
    changed = True
    while changed:
        changed = False
        for line in lines(table, frame):
            confidential = hidden.loc[line]
            if confidential.sum() == 1:
                open_rows = numbers.loc[line][~confidential].drop(labels=_totals(table, frame, line), errors="ignore")
                # The smallest count that is not zero costs the reader least; the total only where nothing else is.
                others = open_rows[open_rows > 0]
                rest = others if len(others) else numbers.loc[line][~confidential]
                if len(rest):
                    hidden.loc[rest.index[np.argmin(rest.to_numpy())]] = True
                    changed = True
    return hidden


def _totals(table: Table, frame: pd.DataFrame, line: pd.Index) -> pd.Index:
    part = frame.loc[line, list(table.margins)]
    return part.index[(part == ALL).any(axis=1)]
