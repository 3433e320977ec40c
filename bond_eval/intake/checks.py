"""What makes a row wrong: codes by the return's year (pandera schemas) and rules across fields.

Each rule says what was done with the row: kept, corrected or set aside. Nothing is dropped silently.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.reference import Column, codes, modules

# Every rule of the report, in words, so that the data-quality page can explain each.
RULES = {
    "file_not_recognised": "The columns are those of no module of the return",
    "column_repeated": "A column stands twice; the first is used",
    "column_missing": "A column of the module is not in the file",
    "lines_blank": "Lines without any value",
    "row_misfit": "The line has more or fewer fields than the header",
    "quote_unclosed": "A quote is not closed on its line; the line's quotes are left out",
    "other_authority": "Rows of other authorities in a file stacked over several",
    "authority_blank": "The row names no authority in a file stacked over several",
    "encoding": "The file is in Windows-1252, not UTF-8",
    "child_blank": "The row has no child id",
    "date_unreadable": "The date is not a day of the calendar",
    "decom_missing": "The episode has no start date",
    "dec_before_decom": "The episode ends before it starts",
    "date_outlier": "The date lies after the period that the file covers",
    "code_unknown": "The code is in no year's list",
    "code_not_in_year": "The code is not valid in the return's year",
    "code_blank": "A needed code is blank",
    "provider_missing": "The placement should have a provider",
    "provider_unexpected": "A temporary placement should have no provider",
    "rec_without_dec": "A reason for ending but no end date",
    "dec_without_rec": "An end date but no reason for ending",
    "number_unreadable": "The value is not a number",
    "no_header": "The child has no header row: age, sex and ethnicity are not known",
    "dob_missing": "The child has no date of birth",
    "dob_conflict": "Two returns give different dates of birth; the latest is used",
    "born_after_start": "The episode starts before the child was born",
    "over_18": "The episode starts after the 18th birthday",
    "location_unknown": "The placement's authority is not known",
}
NEEDED_CODES = {"Episodes": ("RNE", "LS", "PLACE"), "Header": ("SEX",)}
TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
NO_PROVIDER_EXPECTED = (*TEMPORARY, "Z1", "Z11", "Z12", "Z13", "Z14")


def code_failures(frame: pd.DataFrame, module: str, year: int) -> pd.DataFrame:
    """Rows whose codes are unknown, not valid in `year` or blank where needed: columns column, index, value, rule.

    `frame` holds the module's code columns as categoricals; `year` is that in which the return begins.
    """
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    columns = [c for c in modules()[module] if c.kind == "code" and c.name in frame.columns]
    needed = NEEDED_CODES.get(module, ())
    schema = pa.DataFrameSchema(
        {
            column.name: pa.Column(
                checks=pa.Check.isin(codes(column.code_set, year)), nullable=column.name not in needed
            )
            for column in columns
        }
    )
    names = [column.name for column in columns]
    try:
        schema.validate(frame[names], lazy=True)
    except SchemaErrors as errors:
        return _as_rules(errors.failure_cases, {column.name: column for column in columns})
    return pd.DataFrame(columns=["column", "index", "value", "rule"])


def _as_rules(cases: pd.DataFrame, columns: dict[str, Column]) -> pd.DataFrame:
    found = cases[cases["index"].notna()].copy()
    found["value"] = found["failure_case"].astype(object).fillna("").astype(str)
    ever = {name: set(codes(column.code_set)) for name, column in columns.items()}
    blank = found["check"] == "not_nullable"
    known = [value in ever[column] for value, column in zip(found["value"], found["column"], strict=True)]
    found["rule"] = np.where(blank, "code_blank", np.where(known, "code_not_in_year", "code_unknown"))
    found.loc[blank, "value"] = ""
    found["index"] = found["index"].astype("int64")
    return found[["column", "index", "value", "rule"]]


def provider_problems(place: pd.Categorical, provider: pd.Categorical) -> tuple[np.ndarray, np.ndarray]:
    """Masks of rows that lack a provider, and of temporary placements that have one."""
    exempt = np.append(np.isin(place.categories, NO_PROVIDER_EXPECTED), True)[place.codes]
    temporary = np.append(np.isin(place.categories, TEMPORARY), False)[place.codes]
    has = provider.codes >= 0
    return ~exempt & ~has, temporary & has


def doubtful(frame: pd.DataFrame, module: str, submission: np.ndarray, years: np.ndarray) -> list[int]:
    """Submissions (places in `years`) in which a code that occurs is not valid, or a needed one is blank.

    Counted once a distinct code, so that schemas judge row by row only where there is something to find.
    """
    needed, found = NEEDED_CODES.get(module, ()), set()
    known = submission >= 0
    for column in (c for c in modules()[module] if c.kind == "code" and c.name in frame.columns):
        values = frame[column.name].array
        width = len(values.categories) + 1
        met = np.bincount(
            submission[known].astype(np.int64) * width + values.codes[known] + 1, minlength=len(years) * width
        ).reshape(len(years), width)
        for place, year in enumerate(years):
            valid = np.isin(values.categories, codes(column.code_set, int(year)))
            if met[place, 1:][~valid].any() or (column.name in needed and met[place, 0]):
                found.add(place)
    return sorted(found)
