"""How a table of many small counts is put together into fewer rows (registry.coarser)."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bond_eval.evidence.disclosure import rules, small
from bond_eval.evidence.registry import ALL


def fold(frame: pd.DataFrame, label: str, value: str, name: Callable[[pd.DataFrame], str]) -> pd.DataFrame:
    """One row, named by `name` of them, in the place of all rows of a small count.

    The next smallest join it until it is large enough itself, or else a total would give it away. Other columns are
    taken from the smallest row. Totals (ALL) stay; where all members are put together only the total is left.
    """
    totals = frame[frame[label] == ALL]
    members = frame.drop(totals.index).sort_values(value, kind="stable")
    numbers = pd.to_numeric(members[value])
    if not small(numbers).any():
        return frame
    least = rules().minimum
    few = (numbers < least) | (numbers.cumsum() - numbers < least)
    if few.all() and len(totals):
        return totals.reset_index(drop=True)
    part = members[few]
    row = part.head(1).assign(**{label: name(part), value: numbers[few].sum()})
    return pd.concat([frame[frame.index.isin(members.index[~few])], row, totals], ignore_index=True)
