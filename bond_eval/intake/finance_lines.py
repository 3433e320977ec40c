"""Unit costs by category and period, budget by heading and month, and spend by programme, month and source."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.finance_fees import category_names
from bond_eval.intake.forms import Sheet
from bond_eval.intake.typed import NO_DAY

UNIT_COLUMNS = ["category", "start", "end", "pounds_per_week", "price_base", "file", "line"]
BUDGET_COLUMNS = ["heading", "month", "pounds", "file", "line"]
SPEND_COLUMNS = ["programme", "month", "pounds", "funding_source", "file", "line"]


def read_unit_costs(sheets: list[Sheet]) -> pd.DataFrame:
    """UNIT_COLUMNS: start and end as int32 days, both counted, end NO_DAY for ever after; £ a child a week.

    Ordered by category and start; none overlap, as each ends at the latest the day before the next.
    """
    parts = [_unit_costs(sheet) for sheet in sheets if sheet.form == "unit_costs"]
    if not parts:
        return pd.DataFrame(columns=UNIT_COLUMNS)
    costs = pd.concat([frame.assign(sheet=number) for number, frame in enumerate(parts)], ignore_index=True)
    own = [sheet for sheet in sheets if sheet.form == "unit_costs"]
    same = costs.duplicated(["category", "start"], keep="last")
    _report(own, "unit_cost_replaced", costs[same], "start")
    costs = costs[~same].sort_values(["category", "start"], kind="stable", ignore_index=True)
    following = costs.groupby("category")["start"].shift(-1).to_numpy(dtype=float)
    runs_in = costs["end"].to_numpy() >= following
    overlap = runs_in & (costs["end"].to_numpy() != NO_DAY) & (costs["end"].to_numpy() > following)
    _report(own, "unit_cost_overlap", costs[overlap], "end")
    costs["end"] = np.where(runs_in, np.nan_to_num(following) - 1, costs["end"]).astype(np.int32)
    return costs[UNIT_COLUMNS]


def _unit_costs(sheet: Sheet) -> pd.DataFrame:
    category = [category_names().get(value.lower(), "") for value in sheet.words("category")]
    named = np.array(category, dtype=object)
    sheet.report("category_unknown", named == "", "category")
    start, end = sheet.days("start", needed=True), sheet.days("end", needed=False)
    sheet.report("end_before_start", end < start, "end")
    pounds = _amounts(sheet, "pounds_per_week")
    sheet.report("unit_cost_zero", pounds == 0, "pounds_per_week")
    frame = pd.DataFrame({"category": named, "start": start, "end": end, "pounds_per_week": pounds})
    frame = frame.assign(price_base=sheet.words("price_base"), file=sheet.name, line=sheet.line)
    return frame[sheet.keep]


def _amounts(sheet: Sheet, field: str) -> np.ndarray:
    pounds = sheet.amounts(field)
    sheet.report("amount_unreadable", np.isnan(pounds), field)
    sheet.report("amount_negative", pounds < 0, field)
    return pounds


def _report(sheets: list[Sheet], rule: str, rows: pd.DataFrame, field: str) -> None:
    for number, part in rows.groupby("sheet"):
        sheet = sheets[int(str(number))]
        sheet.report(rule, np.isin(sheet.line, part["line"].to_numpy()), field)


def read_budget(sheets: list[Sheet]) -> pd.DataFrame:
    """BUDGET_COLUMNS: month as its first day (datetime64), £; an amount below nothing takes money away."""
    return _monthly([sheet for sheet in sheets if sheet.form == "budget"], ["heading"], BUDGET_COLUMNS)


def read_spend(sheets: list[Sheet]) -> pd.DataFrame:
    """SPEND_COLUMNS: month as its first day (datetime64), £; an amount below nothing is a correction."""
    own = [sheet for sheet in sheets if sheet.form == "spend"]
    return _monthly(own, ["programme", "funding_source"], SPEND_COLUMNS)


def _monthly(sheets: list[Sheet], words: list[str], columns: list[str]) -> pd.DataFrame:
    parts = []
    for sheet in sheets:
        named = {word: sheet.words(word) for word in words}
        for word in words:
            sheet.report("text_missing", named[word] == "", word)
        month, pounds = sheet.months("month"), sheet.amounts("pounds")
        sheet.report("amount_unreadable", np.isnan(pounds), "pounds")
        frame = pd.DataFrame({**named, "month": month.astype("datetime64[s]"), "pounds": pounds})
        frame = frame.assign(file=sheet.name, line=sheet.line)
        again = frame[sheet.keep].duplicated([*words, "month"]).reindex(frame.index, fill_value=False)
        sheet.report("line_repeated", again.to_numpy(), "month")
        parts.append(frame[sheet.keep])
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
