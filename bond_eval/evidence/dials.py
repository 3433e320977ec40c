"""Reference tables whose figures are formulas in the names of published facts, and the dials among them.

A figure of a report is written here by its name and so stands in one place; a number that has no source is typed and
its row is marked "assumed".
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.uncertainty import Parameter
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.claims_formula import FormulaError, evaluate
from bond_eval.intake.reference import read_reference

FILE = "assumptions.csv"
NET, OPTIONS, APPRAISAL, CONTRACT, MONITORING = "net position", "options", "appraisal", "contract", "monitoring"


def worked_table(name: str, *columns: str) -> pd.DataFrame:
    """A table of data/reference with the formulas of `columns` worked out, blanks as NaN.

    Raises InputError, naming file, row and column, for a formula that cannot be.
    """
    frame, facts = read_reference(name), project_facts()
    for column in columns:
        frame[column] = [_worked(text, facts, f"data/reference/{name}, line {row}, column {column!r}")
                         for row, text in enumerate(frame[column], 2)]  # fmt: skip
    return frame.astype(dict.fromkeys(columns, float))


def _worked(text: str, facts: dict[str, float], where: str) -> float:
    try:
        return evaluate(text, facts) if text.strip() else np.nan
    except FormulaError as error:
        raise InputError(f"{where}: {error}") from error


def assumptions() -> pd.DataFrame:
    """data/reference/assumptions.csv: name, used_in, label, low, most_likely, high (floats), unit and source."""
    return worked_table(FILE, "low", "most_likely", "high")


def dials(used_in: str) -> dict[str, Parameter]:
    """The dials of one use, by name. Raises InputError where low, most likely and high are not in order."""
    found = {}
    table = assumptions()
    for row in table[table["used_in"] == used_in].to_dict("records"):
        try:
            found[str(row["name"])] = Parameter(row["low"], row["most_likely"], row["high"])
        except ValueError as error:
            raise InputError(f"data/reference/{FILE}, dial {row['name']!r}: {error}") from error
    return found
