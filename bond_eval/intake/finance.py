"""An authority's own finance files: fees, unit costs, budget and programme spend, typed, checked and accounted for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.intake import forms
from bond_eval.intake.finance_fees import ended_before_next, read_fees
from bond_eval.intake.forms import Folder, Forms, Rule, Sheet, categories, read_folder

FOLDER = "finance"
# rule -> (severity, what was done, what is the matter)
RULES: dict[str, Rule] = {
    **forms.RULES,
    "child_unknown": ("warning", "set aside", "the return has no child of this number"),
    "category_unknown": ("error", "set aside", "no placement category has this name"),
    "amount_unreadable": ("error", "set aside", "no amount, or none that can be read"),
    "amount_negative": ("error", "set aside", "an amount below nothing"),
    "fee_zero": ("warning", "set aside", "a fee of nothing is taken as one that is not known"),
    "fee_very_high": ("warning", "kept", "above £25,000 a week: a yearly amount?"),
    "fee_repeated": ("note", "set aside", "the same fee from the same day again"),
    "fee_replaced": ("warning", "set aside", "another fee from the same day stands further down or in a later file"),
    "fee_without_end": ("warning", "corrected", "no end, and a later fee begins: ends the day before that"),
    "fee_overlap": ("warning", "corrected", "runs into a later fee: ends the day before that begins"),
    "extract_undated": ("error", "set aside", "the extract's last day is not known: write it in the file's name"),
    "outside_year": ("warning", "set aside", "no day of the placement is in the extract's financial year"),
    "unit_cost_zero": ("note", "kept", "stated as nothing, and counted as nothing"),
    "unit_cost_replaced": ("warning", "set aside", "another unit cost from the same day stands further down"),
    "unit_cost_overlap": ("warning", "corrected", "runs into a later unit cost: ends the day before that begins"),
    "line_repeated": ("warning", "kept", "another line has the same heading and month: they add up"),
}
FORMS = Forms("finance_files.csv", RULES)
UNIT_COLUMNS = ["category", "start", "end", "pounds_per_week", "price_base", "file", "line"]
BUDGET_COLUMNS = ["heading", "month", "pounds", "file", "line"]
SPEND_COLUMNS = ["programme", "month", "pounds", "funding_source", "file", "line"]


@dataclass(frozen=True)
class Finance:
    """What the finance files say. `fees` is of children: confidential, and so are values and ids in `issues`.

    `fees`: finance_fees.FEE_COLUMNS. `unit_costs`: UNIT_COLUMNS, £ a child a week; start and end are int32 days, both
    counted, end NO_DAY for ever after; ordered by category and start, none overlapping. `budget`, `spend`:
    BUDGET_COLUMNS, SPEND_COLUMNS; month is its first day (datetime64), £ below nothing a correction. Each row has its
    file and line. `issues`: core.issues.COLUMNS. `accounts`: file, form, rows_in, kept, set_aside (rows_in = kept +
    set_aside). `hashes`: file -> SHA-256.
    """

    fees: pd.DataFrame
    unit_costs: pd.DataFrame
    budget: pd.DataFrame
    spend: pd.DataFrame
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]


def load_finance(
    folder: Path, children: np.ndarray, as_of: dt.date | None = None, *, strict: bool = True
) -> Finance | None:
    """Read the files below `folder` (the `finance` folder beside a return); None where there is none.

    `children`: the return's ids (`Return.children`), to which fees are matched. `as_of`: the last day of an
    extract whose name gives no day; without either, a section-251 extract is set aside, as it states no day.
    Raises InputError for a file that cannot be read; unless `strict`, it is an issue and the next is read.
    """
    found = read_folder(folder, FORMS, as_of, strict=strict)
    if found is None:
        return None
    fees, costs = read_fees(found, children), _all_unit_costs(found)
    budget, spend = _by_month(found, "budget", BUDGET_COLUMNS), _by_month(found, "spend", SPEND_COLUMNS)
    return Finance(fees, costs, budget, spend, found.log.frame(), found.accounts(), found.hashes)


def _all_unit_costs(found: Folder) -> pd.DataFrame:
    rows = found.stacked({"unit_costs": _unit_costs})
    if rows.empty:
        return pd.DataFrame(columns=UNIT_COLUMNS)
    found.last_stands(rows, ["category", "start"], "unit_cost_replaced", "start")
    return ended_before_next(found, found.kept(rows), ["category"], "unit_cost_overlap")[UNIT_COLUMNS]


def _unit_costs(sheet: Sheet) -> pd.DataFrame:
    named = sheet.coded("category", categories(), "category_unknown", needed=True)
    start, end = sheet.days("start", needed=True), sheet.days("end", needed=False)
    sheet.report("end_before_start", end < start, "end")
    pounds = sheet.amounts("pounds_per_week")
    sheet.report("amount_unreadable", np.isnan(pounds), "pounds_per_week")
    sheet.report("amount_negative", pounds < 0, "pounds_per_week")
    sheet.report("unit_cost_zero", pounds == 0, "pounds_per_week")
    frame = {"category": named, "start": start, "end": end, "pounds_per_week": pounds}
    return pd.DataFrame({**frame, "price_base": sheet.words("price_base")})


def _by_month(found: Folder, form: str, columns: list[str]) -> pd.DataFrame:
    words = [name for name in columns if name not in ("month", "pounds", "file", "line")]
    rows = found.kept(found.stacked({form: partial(_monthly, words=words)}))
    return rows.reset_index(drop=True)[columns] if len(rows) else pd.DataFrame(columns=columns)


def _monthly(sheet: Sheet, words: list[str]) -> pd.DataFrame:
    named = {word: sheet.words(word) for word in words}
    for word in words:
        sheet.report("text_missing", named[word] == "", word)
    month, pounds = sheet.months("month"), sheet.amounts("pounds")
    sheet.report("amount_unreadable", np.isnan(pounds), "pounds")
    frame = pd.DataFrame({**named, "month": month.astype("datetime64[s]"), "pounds": pounds})
    again = frame[sheet.keep].duplicated([*words, "month"]).reindex(frame.index, fill_value=False)
    sheet.report("line_repeated", again.to_numpy(), "month")
    return frame
