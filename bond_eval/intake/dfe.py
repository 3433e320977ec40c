"""The DfE's "explore education statistics" files on children looked after, and which authorities are compared.

A file is known by its columns (reference table dfe_files); every column that is neither place, time nor number is a
filter. Published small numbers stay as the symbol that the DfE printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import year_label
from bond_eval.intake import forms
from bond_eval.intake.forms import Forms, Sheet, read_folder
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import Text, as_numbers

FOLDER = "dfe"
SYMBOLS = {
    "c": "confidential", "k": "rounds to zero", "x": "not available", "z": "not applicable", ":": "not available",
    "low": "rounds to zero", "u": "low reliability", "~": "rounds to zero", "*": "confidential", "..": "not available",
}  # fmt: skip
RULES = {
    **forms.RULES,
    "column_unread": ("note", "kept", "numbers under a name that is not known: the column is not used"),
    "period_unknown": ("error", "set aside", "no year to 31 March that can be read"),
    "level_unread": ("note", "set aside", "neither England, a region nor an authority"),
    "area_missing": ("error", "set aside", "the area has no code"),
    "value_unreadable": ("warning", "kept", "neither a number nor a symbol of the DfE: no value"),
    "figure_replaced": ("note", "kept", "stands again in a later edition, or further down: that one is used"),
    "set_undated": ("error", "set aside", "the year of the neighbour set is not known: write it in the file's name"),
    "neighbour_unreadable": ("error", "set aside", "needs the codes of both and the year of the set"),
}
FORMS = Forms("dfe_files.csv", RULES, others=True)
INDICATORS = ("children_count", "children_percent", "population_estimate", "rate_per_10000")
# Level -> columns of its code, its name and its older code.
LEVELS = {
    "National": ("country_code", "country_name", ""),
    "Regional": ("region_code", "region_name", ""),
    "Local authority": ("new_la_code", "la_name", "old_la_code"),
}
PLACE = ("time_period", "time_identifier", "geographic_level", "country_code", "country_name", "region_code",
         "region_name", "old_la_code", "la_name", "new_la_code")  # fmt: skip
COLUMNS = ["file", "line", "series", "period", "year", "level", "key", "code", "area", "region", "indicator", "value",
           "symbol"]  # fmt: skip
NEIGHBOUR_COLUMNS = ["authority", "neighbour", "name", "rank", "set_year", "source", "excluded"]


@dataclass(frozen=True)
class Dfe:
    """What the files say. All of it is published: nothing here is confidential.

    `rows`: COLUMNS, one row a figure. `series`: the filters as "column=value; column=value"; `period`: the financial
    year (2020-21) and `year` the one in which it ends (2021); `key`: an authority's older DfE code where it has one,
    which outlives changes of its ONS code, else the code; `value` is NaN where `symbol` says why. `neighbours`:
    NEIGHBOUR_COLUMNS, the sets in the folder. `issues`, `accounts` and `hashes`: as intake.finance.Finance.
    """

    rows: pd.DataFrame
    neighbours: pd.DataFrame
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]


def load_dfe(folder: Path, *, strict: bool = True) -> Dfe | None:
    """Read the files below `folder` (the `dfe` folder beside a return); None where there is none.

    Raises InputError for a file that cannot be read; unless `strict`, it is an issue and the next is read.
    """
    found = read_folder(folder, FORMS, strict=strict)
    if found is None:
        return None
    figures = [_figures(sheet) for sheet in found.of("figures")]
    sets = [_own_set(sheet) for sheet in found.of("neighbours")] + [_model(s) for s in found.of("neighbour_model")]
    rows = _latest(_joined(figures, COLUMNS), found.log)
    return Dfe(rows, _joined(sets, NEIGHBOUR_COLUMNS), found.log.frame(), found.accounts(), found.hashes)


def reference_neighbours() -> pd.DataFrame:
    """The project's own neighbour sets (data/reference/neighbours.csv): NEIGHBOUR_COLUMNS."""
    frame = read_reference("neighbours.csv").assign(excluded="")
    return frame.astype({"rank": int, "set_year": int})[NEIGHBOUR_COLUMNS]


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [part[columns] for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _figures(sheet: Sheet) -> pd.DataFrame:
    """The tidy rows of one file, a row an indicator."""
    numbers = [name for name in INDICATORS if name in sheet.fields]
    filters = [name for name in sheet.fields if name not in numbers and name not in PLACE]
    for name in [name for name in filters if _all_numbers(sheet.text(name))]:
        filters.remove(name)
        FORMS.say(sheet.log, sheet.name, "column_unread", column=name)
    frame = pd.DataFrame({name: sheet.words(name) for name in PLACE})
    levels = {forms.folded(name): name for name in LEVELS}
    frame["level"] = [levels.get(forms.folded(name), "") for name in frame["geographic_level"]]
    frame["year"] = _years(frame["time_period"], frame["time_identifier"])
    frame = _placed(frame.assign(file=sheet.name, line=sheet.line, region=frame["region_code"]))
    words = [name + "=" + pd.Series(sheet.words(name), dtype=object) for name in filters]
    frame["series"] = words[0].str.cat(words[1:], sep="; ") if words else ""
    sheet.report("period_unknown", (frame["year"] == 0).to_numpy(), "time_period")
    sheet.report("level_unread", (frame["level"] == "").to_numpy(), "geographic_level")
    sheet.report("area_missing", (frame["key"] == "").to_numpy(), "new_la_code")
    parts = []
    for name in numbers:
        value, symbol = _values(sheet.text(name))
        sheet.report("value_unreadable", symbol == "?", name)
        parts.append(frame.assign(indicator=name, value=value, symbol=symbol)[sheet.keep])
    tidy = pd.concat(parts, ignore_index=True)
    return tidy.assign(period=[year_label(year - 1) for year in tidy["year"]])


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with code, key and name of their area, by their level."""
    placed = {name: np.full(len(frame), "", dtype=object) for name in ("code", "key", "area")}
    for level, (code, name, older) in LEVELS.items():
        mine = (frame["level"] == level).to_numpy()
        rows = frame[mine]
        placed["code"][mine], placed["area"][mine] = rows[code], rows[name]
        placed["key"][mine] = rows[older].where(rows[older] != "", rows[code]) if older else rows[code]
    return frame.assign(**placed)


def _years(period: pd.Series, identifier: pd.Series) -> np.ndarray:
    """The year in which each period ends: 2021 or 202021 (2020-21) is 2021; 0 for no year to 31 March."""
    digits = period.str.replace(r"\D", "", regex=True)
    first = pd.to_numeric(digits.str[:4], errors="coerce").fillna(0).astype(int)
    tail = pd.to_numeric(digits.str[4:], errors="coerce").fillna(-1).astype(int)
    years = np.where(digits.str.len() == 4, first, np.where(tail == (first + 1) % 100, first + 1, 0))
    suits = identifier.str.lower().str.startswith(("reporting year", "financial year")) | (identifier == "")
    return np.where(suits & (years >= 1990) & (years <= 2100), years, 0)


def _values(column: Text) -> tuple[np.ndarray, np.ndarray]:
    """(number, NaN where there is none; symbol: the DfE's, "?" for text that is neither, "" else)."""
    numbers, _ = as_numbers(Text(column.index, [value.replace(",", "") for value in column.values]))
    value = np.where(np.isfinite(numbers), numbers, np.nan)
    known = [one.lower() if one.lower() in SYMBOLS else "?" for one in column.values]
    symbol = np.array([*known, ""], dtype=object)[column.index]
    return value, np.where(np.isnan(value), symbol, "")


def _all_numbers(column: Text) -> bool:
    """True where each value is a number or symbol: an indicator under a name that is not known."""
    _, symbol = _values(column)
    return bool((column.index >= 0).any() and (symbol != "?").all())


def _latest(rows: pd.DataFrame, log: IssueLog) -> pd.DataFrame:
    """One row a figure: that of the edition (file) that runs furthest, of equals the last by name, and last line."""
    edition = rows.groupby("file")["year"].transform("max")
    ordered = rows.assign(edition=edition).sort_values(["edition", "file", "line"], kind="stable")
    again = ordered.duplicated(["level", "key", "year", "series", "indicator"], keep="last")
    for file, part in ordered[again].groupby("file"):
        FORMS.say(log, str(file), "figure_replaced", lines=np.unique(part["line"].to_numpy()))
    return ordered[~again].drop(columns="edition").reset_index(drop=True)


def _own_set(sheet: Sheet) -> pd.DataFrame:
    frame = pd.DataFrame({name: sheet.words(name) for name in NEIGHBOUR_COLUMNS})
    for name in ("set_year", "rank"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").fillna(0).astype(int)
    bad = (frame["set_year"] == 0) | (frame["authority"] == "") | (frame["neighbour"] == "")
    sheet.report("neighbour_unreadable", bad.to_numpy(), "set_year")
    return frame.assign(source=frame["source"].where(frame["source"] != "", sheet.name))[sheet.keep]


def _model(sheet: Sheet) -> pd.DataFrame:
    """The published neighbour model: one row an authority, its neighbours across; the year is in the file's name."""
    year = re.search(r"(?<!\d)(20\d\d)(?!\d)", sheet.name)
    sheet.report("set_undated", np.full(len(sheet.line), year is None), "old_la_code")
    authority = sheet.words("old_la_code")
    names = dict(zip(authority, sheet.words("la_name"), strict=True))
    across = {1: "nearest"} | {int(name[3:]): name for name in sheet.fields if re.fullmatch(r"sn_\d+", name)}
    parts = [
        pd.DataFrame({"authority": authority, "neighbour": sheet.words(name), "rank": rank})[sheet.keep]
        for rank, name in across.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(name=frame["neighbour"].map(names).fillna(""), set_year=int(year.group(1)) if year else 0)
    return frame[frame["neighbour"] != ""].assign(source=f"statistical neighbour model, {sheet.name}", excluded="")
