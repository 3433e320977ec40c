"""Price bases: nominal money of one year in the prices of another, with the standing of the deflator beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Numbers
from bond_eval.economics.reference import load


@dataclass(frozen=True, eq=False)
class Repriced:
    """Money by year, as paid and in the prices of one year; unit of what was given.

    standing: that of the deflators used, "published" only where all are.
    """

    years: tuple[str, ...]
    nominal: Numbers
    real: Numbers
    standing: str
    source: str


def deflators() -> pd.DataFrame:
    """data/reference/deflators.csv: year, index, base, standing, as_at and source. The user may replace the file."""
    return load("deflators.csv")


def real_terms(
    nominal: Sequence[float] | Numbers, years: Sequence[str], price_year: str, table: pd.DataFrame | None = None
) -> Repriced:
    """Nominal money of `years` (2018-19) in the prices of `price_year`: nominal × index(price year) / index(year).

    Raises InputError, naming the year, where the table lacks it, and ValueError where lengths differ.
    """
    table = deflators() if table is None else table
    index = _index(table, [*years, price_year])
    values = np.asarray(nominal, dtype=float)
    if values.shape[-1:] != (len(years),):
        raise ValueError("One amount for each year is needed.")
    real = values * index[price_year] / np.array([index[year] for year in years])
    used = table[table["year"].isin([*years, price_year])]
    standings = sorted(set(used["standing"]) - {"published"})
    source = f"{used['document'].iloc[0]}; {used['section'].iloc[0]}"
    return Repriced(tuple(years), values, real, "; ".join(standings) or "published", source)


def _index(table: pd.DataFrame, years: Sequence[str]) -> dict[str, float]:
    index = dict(zip(table["year"], table["index"], strict=True))
    for year in years:
        if not index.get(year, 0) > 0:
            raise InputError(f"data/reference/deflators.csv has no index for {year}: add it or choose another year.")
    return index
