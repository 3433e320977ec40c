"""What was paid for each child: one table of fees from an authority's own list, the regional census or section 251."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import financial_year_start
from bond_eval.intake.finance_forms import RULES
from bond_eval.intake.forms import Sheet
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import EPOCH, NO_DAY, day_number

CENSUS = "Placements North West census"
VERY_HIGH = 25_000  # pounds a week
FEE_COLUMNS = [
    "child", "category", "placement_start", "start", "end", "weekly_fee", "social_care", "source", "file", "line",
]  # fmt: skip
# How the census begins to name a provision, and what that is here; any other is left to the placement in the return.
PROVISIONS = {
    "residential - external": "Outside placement",
    "residential - in house": "In-house residential",
    "fostering - independent": "IFA",
}


@cache
def category_names() -> dict[str, str]:
    """Every category's name in lower case -> as written in data/reference/placement_categories.csv."""
    return {str(name).lower(): str(name) for name in read_reference("placement_categories.csv")["category"]}


def read_fees(sheets: list[Sheet], children: np.ndarray, log: IssueLog) -> pd.DataFrame:
    """The fees of all sheets: FEE_COLUMNS, one row a fee, ordered by child, category and start; none overlap.

    child: number into `children`. category: "" where only placement_start (int32 days, NO_DAY unknown) says which
    placement. start, end: int32 days, both paid; end NO_DAY while paid. weekly_fee: £ a week of all who pay;
    social_care: the part of it that social care pays, NaN where not known.
    """
    typed = {"fees": _own, "census": _census, "section_251": _section_251}
    numbers = {str(name): number for number, name in enumerate(children)}
    parts = []
    snapshots = sorted((s for s in sheets if s.form == "census"), key=lambda s: (s.day is None, s.day or 0, s.name))
    for sheet in [*(s for s in sheets if s.form in typed and s.form != "census"), *snapshots]:
        child = _children(sheet, numbers)
        frame = typed[sheet.form](sheet)
        frame = frame.assign(child=child, file=sheet.name, line=sheet.line)
        parts.append(frame.assign(day=np.int32(NO_DAY if sheet.day is None else sheet.day))[sheet.keep])
    if not parts:
        return pd.DataFrame(columns=FEE_COLUMNS)
    fees = pd.concat(parts, ignore_index=True)
    fees = _changed_in_a_later_census(fees)
    fees = _one_from_each_day(fees, children, log)
    return _ended_before_the_next(fees, children, log)[FEE_COLUMNS].reset_index(drop=True)


def _children(sheet: Sheet, numbers: dict[str, int]) -> np.ndarray:
    """The number of each row's child; a child that the return lacks is set aside, never guessed."""
    child = np.array([numbers.get(value, -1) for value in sheet.ids("child")], dtype=np.int32)
    sheet.report("child_unknown", child < 0, "child")
    return child


def _own(sheet: Sheet) -> pd.DataFrame:
    category = sheet.words("category")
    named = np.array([category_names().get(value.lower(), "") for value in category], dtype=object)
    sheet.report("category_unknown", (named == "") & (category != ""), "category")
    placement = sheet.days("placement_start", needed=False)
    return _frame(sheet, named, placement, sheet.days("start", needed=True), sheet.days("end", needed=False))


def _census(sheet: Sheet) -> pd.DataFrame:
    """A row says what a placement costs on the census's day; it is taken to have cost that from its start."""
    provision = sheet.words("provision")
    named = [next((c for p, c in PROVISIONS.items() if value.lower().startswith(p)), "") for value in provision]
    start = sheet.days("placement_start", needed=True)
    frame = _frame(sheet, np.array(named, dtype=object), start, start, np.full(len(start), NO_DAY))
    return frame.assign(source=CENSUS)


def _section_251(sheet: Sheet) -> pd.DataFrame:
    """Cost since 1 April over the placement's days since then; the fee speaks of those days and, if open, of later."""
    sheet.report("extract_undated", np.full(len(sheet.line), sheet.day is None), "accrued")
    start, left = sheet.days("placement_start", needed=True), sheet.days("placement_end", needed=False)
    last = 0 if sheet.day is None else sheet.day
    first = day_number(dt.date(financial_year_start(EPOCH + dt.timedelta(days=last)), 4, 1))
    begun, stop = np.maximum(start, first), np.minimum(left, last + 1)
    days = stop.astype(np.int64) - begun
    sheet.report("end_before_start", left < start, "placement_end")
    sheet.report("outside_year", days <= 0, "placement_end")
    weeks = np.where(days > 0, days, 1) / 7
    end = np.where(left > last, NO_DAY, left - 1).astype(np.int32)
    nowhere = np.full(len(start), "", dtype=object)
    frame = _frame(sheet, nowhere, begun.astype(np.int32), begun.astype(np.int32), end, "accrued", weeks)
    return frame.assign(source="Section 251")


def _frame(
    sheet: Sheet, category: np.ndarray, placement: np.ndarray, start: np.ndarray, end: np.ndarray,
    amount: str = "weekly_fee", weeks: np.ndarray | float = 1.0,
) -> pd.DataFrame:  # fmt: skip
    """Check days and amounts, which are those of `weeks` weeks."""
    sheet.report("end_before_start", end < start, "end")
    fee = sheet.amounts(amount) / weeks
    sheet.report("amount_unreadable", np.isnan(fee), amount)
    sheet.report("amount_negative", fee < 0, amount)
    sheet.report("fee_zero", fee == 0, amount)
    sheet.report("fee_very_high", fee > VERY_HIGH, amount)
    own = sheet.amounts("social_care") / weeks
    return pd.DataFrame(
        {
            "category": category, "placement_start": placement.astype(np.int32), "start": start.astype(np.int32),
            "end": end.astype(np.int32), "weekly_fee": fee, "social_care": own, "source": sheet.words("source"),
        }
    )  # fmt: skip


def _changed_in_a_later_census(fees: pd.DataFrame) -> pd.DataFrame:
    """A cost that differs from the last census's is paid from the later census's day, where that is known."""
    census = fees[fees["source"] == CENSUS]
    key = [census[name] for name in ("child", "category", "start")]
    before = census["weekly_fee"].groupby(key).shift()
    same = before == census["weekly_fee"]
    dated = before.notna() & (census["day"] != NO_DAY)
    since = census["start"].where(~dated, census[["start", "day"]].max(axis=1))
    # A cost that stays as it was goes on from the day that it was first seen.
    fees.loc[census.index, "start"] = since.where(~same).groupby(key).ffill().astype(np.int32)
    return fees


def _one_from_each_day(fees: pd.DataFrame, children: np.ndarray, log: IssueLog) -> pd.DataFrame:
    """Of several fees for one child and category from one day, the last stands."""
    key = ["child", "category", "start"]
    same = fees.duplicated([*key, "end", "weekly_fee"], keep="last")
    _report(log, "fee_repeated", fees[same], "start", children)
    fees = fees[~same]
    other = fees.duplicated(key, keep="last")
    _report(log, "fee_replaced", fees[other], "start", children)
    return fees[~other]


def _ended_before_the_next(fees: pd.DataFrame, children: np.ndarray, log: IssueLog) -> pd.DataFrame:
    fees = fees.sort_values(["child", "category", "start"], kind="stable", ignore_index=True)
    following = next_start(fees)
    runs_in = fees["end"].to_numpy() >= following
    is_open = fees["end"].to_numpy() == NO_DAY
    # The census has no ends, so that an open fee there is no fault; and a fee that ends on the day that the next
    # begins is how many write it.
    faulty = runs_in & (following != NO_DAY)
    own = (fees["source"] != CENSUS).to_numpy()
    _report(log, "fee_without_end", fees[faulty & is_open & own], "end", children)
    overlap = faulty & ~is_open & (fees["end"].to_numpy() > following)
    _report(log, "fee_overlap", fees[overlap], "end", children)
    return fees.assign(end=np.where(faulty, following - 1, fees["end"]).astype(np.int32))


def next_start(fees: pd.DataFrame) -> np.ndarray:
    """For each fee of a frame in order, when the same child's next in its category starts; NO_DAY for none."""
    following = fees.groupby(["child", "category"])["start"].shift(-1).to_numpy(dtype=float)
    return np.where(np.isnan(following), NO_DAY, following).astype(np.int32)


def _report(log: IssueLog, rule: str, rows: pd.DataFrame, column: str, children: np.ndarray) -> None:
    severity, action, problem = RULES[rule]
    for name, part in rows.groupby("file"):
        values = ["" if day == NO_DAY else str(EPOCH + dt.timedelta(days=int(day))) for day in part[column]]
        ids = children[part["child"].to_numpy(dtype=int)].astype(object)
        log.add(
            rule, severity, str(name), problem, action,
            column=column, lines=part["line"].to_numpy(), values=np.array(values, dtype=object), children=ids,
        )  # fmt: skip
