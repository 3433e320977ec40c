"""What was paid for each child: one table of fees from an authority's own list, the regional census or section 251."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from bond_eval.core.periods import financial_year_start
from bond_eval.intake.forms import Folder, Sheet, categories
from bond_eval.intake.typed import NO_DAY, date_of, day_number

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


def read_fees(found: Folder, children: np.ndarray) -> pd.DataFrame:
    """The fees of a folder: FEE_COLUMNS, one row a fee, ordered by child, category and start; none overlap.

    child: number into `children`. category: "" where only placement_start (int32 days, NO_DAY unknown) says which
    placement. start, end: int32 days, both paid; end NO_DAY while paid. weekly_fee: £ a week of all who pay;
    social_care: the part of it that social care pays, NaN where not known.
    """
    numbers = {str(name): number for number, name in enumerate(children)}
    forms = {"fees": _own, "census": _census, "section_251": _section_251}
    rows = found.stacked({form: partial(_of_children, numbers=numbers, read=read) for form, read in forms.items()})
    if rows.empty:
        return pd.DataFrame(columns=FEE_COLUMNS)
    # Censuses come last, in the order of their days.
    fees = _changed_in_a_later_census(found.kept(rows).sort_values("day", kind="stable", ignore_index=True))
    key = ["child", "category", "start"]
    found.last_stands(fees, [*key, "end", "weekly_fee"], "fee_repeated", "start")
    found.last_stands(fees, key, "fee_replaced", "start")
    return ended_before_next(found, found.kept(fees), key[:2], "fee_overlap", "fee_without_end")[FEE_COLUMNS]


def _of_children(sheet: Sheet, numbers: dict[str, int], read: Callable[[Sheet], pd.DataFrame]) -> pd.DataFrame:
    """Rows with the number of each one's child; a child that the return lacks is set aside, never guessed."""
    child = np.array([numbers.get(value, -1) for value in sheet.ids("child")], dtype=np.int32)
    sheet.report("child_unknown", child < 0, "child")
    return read(sheet).assign(child=child)


def _own(sheet: Sheet) -> pd.DataFrame:
    named = sheet.coded("category", categories(), "category_unknown")
    placement = sheet.days("placement_start", needed=False)
    return _frame(sheet, named, placement, sheet.days("start", needed=True), sheet.days("end", needed=False))


def _census(sheet: Sheet) -> pd.DataFrame:
    """A row says what a placement costs on the census's day; it is taken to have cost that from its start."""
    provision = sheet.words("provision")
    named = [next((c for p, c in PROVISIONS.items() if value.lower().startswith(p)), "") for value in provision]
    start = sheet.days("placement_start", needed=True)
    frame = _frame(sheet, np.array(named, dtype=object), start, start, np.full(len(start), NO_DAY))
    return frame.assign(source=CENSUS, day=np.int32(NO_DAY if sheet.day is None else sheet.day))


def _section_251(sheet: Sheet) -> pd.DataFrame:
    """Cost since 1 April over the placement's days since then; the fee speaks of those days and, if open, of later."""
    sheet.report("extract_undated", np.full(len(sheet.line), sheet.day is None), "accrued")
    start, left = sheet.days("placement_start", needed=True), sheet.days("placement_end", needed=False)
    last = 0 if sheet.day is None else sheet.day
    first = day_number(dt.date(financial_year_start(date_of(last)), 4, 1))
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
            "day": np.int32(0),
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


def ended_before_next(
    found: Folder, rows: pd.DataFrame, key: list[str], overlapping: str, unended: str = ""
) -> pd.DataFrame:
    """Kept stacked rows in the order of `key` and start, each ended at the latest the day before the next of its key.

    `overlapping`: the rule for one that ran on beyond the next one's start; `unended`: for one without an end.
    """
    rows = rows.sort_values([*key, "start"], kind="stable", ignore_index=True)
    start, end = next_start(rows, key), rows["end"].to_numpy()
    runs_in, is_open = (end >= start) & (start != NO_DAY), end == NO_DAY
    if unended:
        # The census has no ends, so that an open fee there is no fault.
        found.tell(unended, rows[runs_in & is_open & (rows["source"] != CENSUS).to_numpy()], "end")
    # One that ends on the day that the next begins is how many write it.
    found.tell(overlapping, rows[runs_in & ~is_open & (end > start)], "end")
    return rows.assign(end=np.where(runs_in, start - 1, end).astype(np.int32))


def next_start(rows: pd.DataFrame, key: Sequence[str] = ("child", "category")) -> np.ndarray:
    """For each row of a frame in order, when the next of its `key` starts (int32 days); NO_DAY for none."""
    following = rows.groupby(list(key))["start"].shift(-1).to_numpy(dtype=float)
    return np.where(np.isnan(following), NO_DAY, following).astype(np.int32)
