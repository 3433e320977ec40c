"""The room's reference tables with their numbers read as numbers. Every amount is in £000, one fact a row."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.intake.reference import read_reference

NUMERIC = {
    "scenarios.csv": ("volume", "unit_cost_000", "amount_000", "sign"),
    "scenario_totals.csv": ("amount_000", "number"),
    "programme_costs.csv": ("amount_000",),
    "funding.csv": ("amount_000",),
    "options.csv": ("amount_000", "months", "staff", "avoidance_kept"),
    "discount_rates.csv": ("from_year", "to_year", "rate"),
    "deflators.csv": ("index",),
    "optimism_bias.csv": ("grade", "adjustment"),
    "contract_risks.csv": (),
}


def load(name: str) -> pd.DataFrame:
    """A table of data/reference: number columns as floats (blank = NaN), the others as text (blank = "").

    Raises InputError where the file is missing or a number is none, naming the file, row and column.
    """
    return numeric(read_reference(name), NUMERIC[name], f"data/reference/{name}")


def numeric(frame: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """A copy with `columns` as floats, a blank as NaN. Raises InputError as `load` does."""
    frame = frame.copy()
    for column in columns:
        if column not in frame:
            raise InputError(f"{name} has no column {column!r}: add it, blank where there is no figure.")
        text = frame[column].astype("string").fillna("").str.strip()
        values = pd.to_numeric(text.mask(text == ""), errors="coerce").astype(float)
        bad = text.ne("") & ~(values.abs() < float("inf"))
        if bad.any():
            row = int(bad.to_numpy().argmax()) + 2  # the header is line 1
            raise InputError(f"{name}, line {row}, column {column!r}: not a number. Correct it or leave it blank.")
        frame[column] = values
    return frame


def amount_000(frame: pd.DataFrame, **where: str) -> float:
    """The one `amount_000` (£000) of the row where each named column has its value. Raises InputError otherwise."""
    keep = pd.Series(True, index=frame.index)
    for column, value in where.items():
        keep &= frame[column] == value
    found = frame.loc[keep, "amount_000"]
    wanted = ", ".join(f"{column} {value!r}" for column, value in where.items())
    if len(found) != 1 or found.isna().any():
        raise InputError(f"Reference data has {len(found)} amounts for {wanted}: exactly one is needed.")
    return float(found.iloc[0])
