"""The project's own reference tables: columns of the return, code lists, placement categories, published figures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.formats import listed
from bond_eval.core.places import REFERENCE

CATEGORIES = "placement_categories.csv"
RULE = ("place", "provider", "valid_from", "valid_to", "category")


@dataclass(frozen=True)
class Column:
    """One column of a module: what it holds (id, date, code, number, postcode, text) and its code set."""

    name: str
    kind: str
    code_set: str
    required: bool


def read_reference(name: str) -> pd.DataFrame:
    """A reference table as text, blanks as "". Raises InputError where the file is missing."""
    path = REFERENCE / name
    if not path.exists():
        raise InputError(f"data/reference/{name} is missing: the project's own files are not whole.")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def read_companion(path: Path, columns: list[str]) -> pd.DataFrame:
    """A small table beside a return as text. Raises InputError where it cannot be read or lacks one of the columns."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path.name} cannot be read as a CSV table: save it again.") from error
    if not set(columns) <= set(table.columns):
        raise InputError(f"{path.name} should have the columns {listed(columns)}: rename them.")
    return table


def own_categories(folder: Path) -> tuple[tuple[tuple[str, ...], ...], str]:
    """Rules of the placement_categories.csv beside a return (place, provider, valid_from, valid_to, category), and its
    SHA-256; none and "" where there is no such file.

    Raises InputError where it cannot be read, lacks a column, or names a code or category that is not known.
    """
    path = folder / CATEGORIES
    if not path.is_file():
        return (), ""
    table = read_companion(path, ["place", "provider", "category"])
    table = table.reindex(columns=list(RULE), fill_value="").apply(lambda column: column.str.strip())
    known = {
        "place": set(codes("PLACE")),
        "provider": {*codes("PLACE_PROVIDER"), "*"},
        "category": set(read_reference(CATEGORIES)["category"]),
    }
    for line, row in enumerate(table.to_dict("records"), 2):
        for column, may in known.items():
            for word in row[column].split("|") if column != "category" else [row[column]]:
                if word not in may:
                    raise InputError(f"{CATEGORIES} line {line}: {column} {word!r} is not known; correct it.")
        if any(row[column] and not row[column].isdecimal() for column in ("valid_from", "valid_to")):
            raise InputError(f"{CATEGORIES} line {line}: write valid_from and valid_to as years, such as 2019.")
    return tuple(table.itertuples(index=False, name=None)), hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def modules() -> dict[str, tuple[Column, ...]]:
    """Module name -> its columns, from data/reference/modules.csv."""
    frame = read_reference("modules.csv")
    return {
        str(module): tuple(
            Column(row["column"], row["kind"], row["code_set"], row["required"] == "yes")
            for row in part.to_dict("records")
        )
        for module, part in frame.groupby("module", sort=False)
    }


@cache
def code_table() -> pd.DataFrame:
    """Every code with its label and the returns (by the year they begin in) in which it is valid."""
    frame = read_reference("codes.csv")
    frame["valid_from"] = pd.to_numeric(frame["valid_from"]).fillna(1900).astype(int)
    frame["valid_to"] = pd.to_numeric(frame["valid_to"]).fillna(2999).astype(int)
    return frame


@cache
def codes(code_set: str, year: int | None = None) -> tuple[str, ...]:
    """The codes of a set; those valid in the return that begins in `year` where it is given."""
    rows = _code_rows().get(code_set, ())
    return tuple(code for code, first, last in rows if year is None or first <= year <= last)


@cache
def _code_rows() -> dict[str, list[tuple[str, int, int]]]:
    rows: dict[str, list[tuple[str, int, int]]] = {}
    columns = ["code_set", "code", "valid_from", "valid_to"]
    for name, *row in code_table()[columns].itertuples(index=False):
        rows.setdefault(name, []).append(tuple(row))
    return rows


@cache
def labels(code_set: str) -> dict[str, str]:
    """Code -> label in plain words."""
    frame = code_table()
    frame = frame[frame["code_set"] == code_set]
    return dict(zip(frame["code"], frame["label"], strict=True))


def published(key: str) -> pd.DataFrame:
    """Published figures of an authority: columns key, series, period, value, unit, document, section, note."""
    frame = read_reference("published.csv")
    frame = frame[frame["authority"] == key].copy()
    frame["value"] = pd.to_numeric(frame["value"])
    return frame.reset_index(drop=True)
