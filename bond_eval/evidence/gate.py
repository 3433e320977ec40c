"""The disclosure gate: what a table may show to an audience.

Public: a count of 1 to 5 children becomes `c`, so does a count whose complement in its whole is 1 to 5, and so does
what the release's plan (evidence.disclosure) withholds. A table that stands alone, without a plan, withholds the next
smallest count of a line where a single `c` could be worked out from the total. What is worked out from a confidential
count is confidential too, and so is money that rests on very few children. Zero is shown. Internal: all is shown.

Reference: the DfE's rule for looked-after children (counts of 1 to 5 suppressed, with secondary suppression);
data/reference/disclosure.toml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from bond_eval.core import AUDIENCES, formats
from bond_eval.core.errors import InputError
from bond_eval.evidence.cells import CONFIDENTIAL, NOT_AVAILABLE
from bond_eval.evidence.disclosure import Plan, lines, rounded, rule_of, rules, settings, small
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import ALL, Table, Value

MINIMUM = rules().minimum
MONEY = ("pounds", "money", "thousands")
FEWEST, LARGEST = (settings()["money"][name] for name in ("fewest", "largest_share"))
FEWER = "Rows are put together for publication, since too many of their counts would be small."
ROUNDED = "Counts of hospital data{} are to the nearest {}, and what is worked out from them to two figures."


def least(*numbers: float) -> float:
    """The smallest number from 1 to 5 among these, which together would give it away; 0 where there is none."""
    return min((float(number) for number in numbers if 1 <= number < MINIMUM), default=0.0)


def protect(
    table: Table, frame: pd.DataFrame, audience: str, plan: Plan | None = None, fewer: bool = False
) -> Protected:
    """Apply the rules to a built table, and the release's plan where there is one. `fewer`: its rows were put together.

    Raises InputError for an audience that is not known.
    """
    if audience not in AUDIENCES:
        raise InputError(f"Audience {audience!r} is not known: use {' or '.join(AUDIENCES)}.")
    frame = frame.reset_index(drop=True)
    names = [value.name for value in table.values]
    missing = pd.DataFrame({name: frame[name].isna() for name in names}, index=frame.index)
    hidden, steps = pd.DataFrame(False, index=frame.index, columns=names), dict[str, np.ndarray]()
    if audience == "public":
        least, steps = _limits(table, frame)
        hidden = _hidden(table, frame, plan, least)
    symbols = pd.DataFrame("", index=frame.index, columns=names)
    symbols = symbols.mask(missing, NOT_AVAILABLE).mask(hidden, CONFIDENTIAL)
    shown = frame[[*table.labels, *names]].copy()
    for value in table.values:
        column = _rounded(value, frame[value.name], steps).astype(object)
        shown[value.name] = column.where(symbols[value.name] == "", None)
    step = max((int(column.max()) for column in steps.values() if len(column)), default=1)
    named = {str(frame.at[row, one.event]) for one in table.values if one.event and one.name in steps
             for row in np.flatnonzero(steps[one.name] > 1)}  # fmt: skip
    told = f" ({formats.listed(sorted(named))})" if named else ""
    notes = [table.said or FEWER] * fewer + [ROUNDED.format(told, step)] * (step > 1)
    if audience == "public":
        table = replace(table, values=tuple(value for value in table.values if not value.inward))
    names = [value.name for value in table.values]
    return Protected(table, shown[[*table.labels, *names]], symbols[names], audience, " ".join(notes))


def _hidden(table: Table, frame: pd.DataFrame, plan: Plan | None, least: Mapping[str, np.ndarray]) -> pd.DataFrame:
    hidden = pd.DataFrame(False, index=frame.index, columns=[value.name for value in table.values])
    counts = [value for value in table.values if value.guarded]
    for value in counts:
        numbers, minimum = pd.to_numeric(frame[value.name]), least[value.name]
        hidden[value.name] = small(numbers, minimum)
        if value.of:
            few_left = small(pd.to_numeric(frame[value.of]) - numbers, minimum)
            # None of a few: the few are withheld themselves, and none is no secret.
            hidden[value.name] |= few_left & ((numbers != 0) | (not table.value(value.of).guarded))
    if plan is not None:
        hidden |= plan.mask(table, frame)
    for value in counts if plan is None else ():
        hidden[value.name] = _complements(table, frame, hidden[value.name], pd.to_numeric(frame[value.name]))
    for value in table.values:
        if value.kind in MONEY or value.largest:
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
                behind = cells[source] & some.get(value.name, True)
                if value.over:
                    behind = pd.Series(behind).groupby(frame[value.over].to_numpy()).transform("any").to_numpy()
                cells[value.name] = cells[value.name] | behind
    return pd.DataFrame(cells, index=frame.index)


def _rests_on_few(value: Value, frame: pd.DataFrame) -> pd.Series:
    """Money of fewer children than the rules ask for, or of which one child makes up too much."""
    few = pd.Series(False, index=frame.index)
    if "children" in value.follows:
        children = pd.to_numeric(frame["children"])
        few |= (children >= 1) & (children < FEWEST)
    if value.largest:
        few |= pd.to_numeric(frame[value.largest]) > LARGEST
    return few


def one_childs(costs: pd.DataFrame) -> pd.Series:
    """For lines of cost (cost_pounds, children, largest_pounds; £): the share that one child makes up, and 1 where
    the children are so few that the cost is withheld, so that no sum with another line gives it away."""
    share = costs["largest_pounds"] / costs["cost_pounds"].where(costs["cost_pounds"] > 0)
    return share.fillna(0.0).mask(small(costs["children"]), 1.0)


def _limits(table: Table, frame: pd.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of each guarded column, row by row: the smallest count shown, and to which multiple it is."""
    events = {value: frame.get(value.event, [""] * len(frame)) for value in table.values if value.guarded}
    found = {v.name: [rule_of(table, v, {v.event: event}) for event in rows] for v, rows in events.items()}
    least = {name: np.array([rule.minimum for rule in rows]) for name, rows in found.items()}
    return least, {name: np.array([rule.round_to for rule in rows]) for name, rows in found.items()}


def _rounded(value: Value, column: pd.Series, steps: Mapping[str, np.ndarray]) -> pd.Series:
    """A count to its multiple; a number worked out from such counts to two figures, or it would give them away."""
    rough = [steps[name] > 1 for name in ((value.name,) if value.guarded else value.follows) if name in steps]
    if not np.any(rough):
        return column
    if value.kind == "text":
        told = column.map(lambda text: re.sub(r"\d+\.\d+", _two_figures, text) if isinstance(text, str) else text)
        return column.mask(np.any(rough, axis=0), told)
    numbers = pd.to_numeric(column).astype(float)
    unit = 10.0 ** (np.floor(np.log10(numbers.abs().where(numbers != 0, 1.0))) - 1)
    return column.mask(np.any(rough, axis=0), rounded(numbers, steps[value.name] if value.guarded else unit))


def _two_figures(number: re.Match[str]) -> str:
    value = float(f"{float(number[0]):.1e}")
    return f"{value:.0f}" if value >= 10 or not value else f"{value:#.2g}"


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
