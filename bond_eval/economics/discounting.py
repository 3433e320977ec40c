"""Discounting to HM Treasury's Green Book: dated rates, factors and present values.

    factor(t) = Π for s = 1..t of 1 / (1 + r(s)),   r(s) = 3.5% to year 30, 3.0% to year 75, 2.5% to year 125

Year 0 is the year that values are brought back to. Rates are real, so flows must be in constant prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Numbers
from bond_eval.economics.reference import load


@cache
def discount_rates() -> pd.DataFrame:
    """data/reference/discount_rates.csv: kind, from_year, to_year, rate, in_force_from, standing and source."""
    return load("discount_rates.csv")


def discount_factors(
    years: int | Sequence[int] | Numbers, kind: str = "standard", rates: pd.DataFrame | None = None
) -> Numbers:
    """The factor for each of `years` (whole, from 0), same shape.

    `kind`: "standard", or "health" for effects on life and health alone. Raises ValueError for a year that is
    not whole or below 0, InputError for a kind unknown or a year beyond the table.
    """
    wanted = np.asarray(years, dtype=float)
    if not (wanted >= 0).all() or (wanted % 1 != 0).any():
        raise ValueError("Years of discounting are whole numbers from 0.")
    table = discount_rates() if rates is None else rates
    table = table[table["kind"] == kind]
    last = int(wanted.max(initial=0))
    if table.empty or last > table["to_year"].max():
        raise InputError(f"data/reference/discount_rates.csv has no {kind!r} rate for year {last}.")
    factors = np.concatenate([[1.0], np.cumprod(1 / (1 + _rates(table, last)))])
    return np.asarray(factors[wanted.astype(int)], dtype=float)


def present_value(flows: Sequence[float] | Numbers, rates: pd.DataFrame | None = None) -> Numbers:
    """Present value of flows along the last axis, which begins with year 0; unit of the flows, draws kept."""
    values = np.asarray(flows, dtype=float)
    return np.asarray((values * discount_factors(range(values.shape[-1]), rates=rates)).sum(axis=-1))


def _rates(table: pd.DataFrame, last: int) -> Numbers:
    """The rate of each year from 1 to `last`."""
    years = np.arange(1, last + 1)[:, None]
    holds = (table["from_year"].to_numpy() <= years) & (years <= table["to_year"].to_numpy())
    wrong = np.flatnonzero(holds.sum(axis=1) != 1)
    if wrong.size:
        raise InputError(f"data/reference/discount_rates.csv needs one rate for year {wrong[0] + 1}, no more or less.")
    return np.asarray(table["rate"].to_numpy(dtype=float)[holds.argmax(axis=1)])
