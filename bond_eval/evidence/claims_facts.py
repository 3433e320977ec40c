"""Published facts by name, for formulas. A fact that another reference table already holds is read from there.

So a figure stands in one place: to change it there changes what the economics works out and what the claims say.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.evidence.claims_formula import FUNCTIONS, MOST, NAME
from bond_eval.intake.reference import read_reference

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d{1,3})?", re.IGNORECASE)


def facts_frame() -> pd.DataFrame:
    """The project's facts, one a row, each with its value.

    Columns: name, value (float), unit, document, section, price_base, same_as (table.csv:column:key=value;... where
    the value is read from another reference table), note. Raises InputError where a fact has no value.
    """
    frame = read_reference("facts.csv")
    elsewhere = sorted({text.partition(":")[0] for text in frame["same_as"] if text})
    tables: dict[str, Any] = {name: read_reference(name).to_dict("records") for name in elsewhere}
    frame["value"] = [
        _looked_up(row["name"], row["same_as"], tables) if row["same_as"] else number(row["value"])
        for row in frame.to_dict("records")
    ]
    wrong = frame[frame["value"].isna() | frame["name"].duplicated() | ~frame["name"].map(usable)]
    if len(wrong):
        name = wrong["name"].iloc[0]
        raise InputError(f"data/reference/facts.csv: fact {name!r} has no number, stands twice or is no name.")
    return frame.astype({"value": float})


def project_facts() -> dict[str, float]:
    """Name -> value of the project's own facts."""
    frame = facts_frame()
    return dict(zip(frame["name"], frame["value"], strict=True))


def usable(name: str) -> bool:
    """True for a name that a formula can use: small letters, digits and _, at most 80, no function's name."""
    return len(name) <= 80 and bool(NAME.fullmatch(name)) and name not in FUNCTIONS


def number(text: str) -> float | None:
    """A number as people write it: 9,600, £4.8, 71.7%, (606) for minus 606. None where it is not one."""
    bare = text.strip()[:60] if len(text) < 200 else ""
    sign = -1.0 if bare.startswith("(") and bare.endswith(")") else 1.0
    bare = bare.strip("()").replace("−", "-").replace("£", "").replace(",", "").replace(" ", "").rstrip("%")
    if not _NUMBER.fullmatch(bare):
        return None
    value = sign * float(bare)
    return value if abs(value) <= MOST else None


def _looked_up(name: str, same_as: str, tables: dict[str, list[dict[str, str]]]) -> float | None:
    """The one cell that `same_as` names. Raises InputError where it names none or several."""
    table, column, keys = same_as.split(":", 2)
    wanted = dict(part.split("=", 1) for part in keys.split(";"))
    absent = [key for key in (column, *wanted) if key not in (tables[table] or [{}])[0]]
    if absent:
        raise InputError(f"data/reference/facts.csv: {name} reads {table}, which has no column {absent[0]}.")
    rows = [row for row in tables[table] if all(row[key] == value for key, value in wanted.items())]
    if len(rows) != 1:
        raise InputError(f"data/reference/facts.csv: {name} should name one row of {table}; it names {len(rows)}.")
    return number(rows[0][column])
