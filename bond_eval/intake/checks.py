"""What makes a row of the return wrong, and how that is logged.

Each rule says what was done with the row: kept, corrected or set aside. Nothing is dropped silently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.issues import IssueLog
from bond_eval.intake.recognise import Stack
from bond_eval.intake.reference import codes, modules

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
}
NEEDED_CODES = {"Episodes": ("RNE", "LS", "PLACE"), "Header": ("SEX",)}
TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
NO_PROVIDER_EXPECTED = (*TEMPORARY, "Z1", "Z11", "Z12", "Z13", "Z14")


def provider_problems(place: pd.Categorical, provider: pd.Categorical) -> tuple[np.ndarray, np.ndarray]:
    """Masks of rows that lack a provider, and of temporary placements that have one."""
    exempt = np.append(np.isin(place.categories, NO_PROVIDER_EXPECTED), True)[place.codes]
    temporary = np.append(np.isin(place.categories, TEMPORARY), False)[place.codes]
    has = provider.codes >= 0
    return ~exempt & ~has, temporary & has


@dataclass(frozen=True)
class Ledger:
    """What every report needs: the files' names, the children's ids and the log."""

    names: list[str]
    children: np.ndarray
    log: IssueLog


@dataclass(frozen=True)
class RowReport:
    """Reports rows of one stack; `child` is each row's number into the ledger's children, -1 where blank."""

    ledger: Ledger
    stack: Stack
    child: np.ndarray

    def __call__(self, rule: str, severity: str, mask: np.ndarray, column: str, action: str, extra: str = "") -> None:
        """Log `rule` for the rows of `mask`, with the raw value of `column` for the internal report."""
        rows = np.flatnonzero(mask)
        if not len(rows):
            return
        names = np.array(self.ledger.names)[self.stack.source[rows]]
        ids = np.append(self.ledger.children, "")[self.child[rows]]
        self.ledger.log.add(
            rule, severity, names, RULES[rule] + extra, action,
            column=column, lines=self.stack.line[rows], values=self.stack.text(column).at(rows), children=ids,
        )  # fmt: skip

    def codes(self, frame: pd.DataFrame, submission: np.ndarray, submissions: pd.DataFrame) -> None:
        """Log codes of `frame` (categoricals named as in the return) that their submission's year does not list."""
        needed = NEEDED_CODES.get(self.stack.module, ())
        for column in (c for c in modules()[self.stack.module] if c.kind == "code" and c.name in frame.columns):
            values = frame[column.name].array
            # A row a submission, the last for rows of none (-1), which are not judged; a blank is the last column.
            valid = np.ones((len(submissions) + 1, len(values.categories) + 1), dtype=bool)
            valid[:-1, -1] = column.name not in needed
            for place, year in enumerate(submissions["year"]):
                valid[place, :-1] = np.isin(values.categories, codes(column.code_set, int(year)))
            wrong = ~valid[submission, values.codes]
            known = np.append(np.isin(values.categories, codes(column.code_set)), False)[values.codes]
            self("code_blank", "warning", wrong & (values.codes < 0), column.name, "kept")
            self("code_unknown", "warning", wrong & (values.codes >= 0) & ~known, column.name, "kept")
            self("code_not_in_year", "note", wrong & known, column.name, "kept")
