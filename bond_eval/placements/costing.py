"""What placements cost: child-days × fee / 7, and unit costs where a child has no fee.

The rule, in full:
- A child-day is a night in a placement, as in the daily counts (start counted, end not; short breaks left out).
- It costs its fee / 7: of the child's fees for the category, the one that began last and has not ended. A fee that
  names no category is for the stay that is open on its placement start (else on its own start). A fee without an
  end ends with that stay.
- A day without a fee costs the category's unit cost of that day / 7.
- A day with neither withholds the whole result, naming category and year: it never counts as nothing.
- A financial year that ends by the as-of date is an outturn. The year in progress is a projection to its 31 March: the
  days to the as-of date, and then each placement open on it, kept in its category at the fee or unit cost of that day,
  to 31 March or to the day before the child's 18th birthday, whichever is first. Nobody new is assumed to come in and
  nobody to leave sooner. Fees that begin after the as-of date are not used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.periods import financial_year_start, year_label
from bond_eval.intake.finance import Finance
from bond_eval.intake.finance_fees import next_start
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.placements.ages import birthday
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.cohorts import stays
from bond_eval.placements.history import History

IN_HOUSE, ELSEWHERE = "In-house", "Other placements"
# The lines of the published tables; In-house there is taken as the authority's own carers and homes.
LINES = {
    OUTSIDE: OUTSIDE, IFA: IFA,
    "In-house fostering": IN_HOUSE, "Connected carers": IN_HOUSE, "In-house residential": IN_HOUSE,
}  # fmt: skip
OUTTURN, PROJECTION = "outturn", "projection"
COST_COLUMNS = [
    "year", "category", "standing", "child_days", "projected_days", "cost_pounds", "fee_pounds", "unit_cost_pounds",
    "unit_cost_days", "children", "children_on_unit_cost", "largest_pounds",
]  # fmt: skip


@dataclass(frozen=True)
class Unpriced:
    """No result, and why: `missing` names each category and year in use that has neither fee nor unit cost."""

    reason: str
    missing: tuple[str, ...]


def cost_by_year(
    history: History, finance: Finance, *, categories: Sequence[str] = CATEGORIES
) -> pd.DataFrame | Unpriced:
    """Cost by financial year and category, by the rule above. COST_COLUMNS, £; only categories with child-days.

    `categories` narrow the result, and with it what can withhold it. projected_days are those of child_days after the
    as-of date; children_on_unit_cost had at least one day without a fee; largest_pounds: what one child, the dearest,
    costs in all categories of the same line (LINES). Unpriced where a day of any of the categories has neither fee
    nor unit cost.
    """
    return _summed(_priced(_nights(history, categories), history, finance), history.as_of)


def cost_by_child(history: History, finance: Finance, since: dt.date) -> pd.DataFrame | Unpriced:
    """Nights and cost from `since` to the as-of date, by the rule above and nothing projected.

    Columns child, category (a place in CATEGORIES), days, pounds. Unpriced as in `cost_by_year`.
    """
    nights = _nights(history, CATEGORIES)
    nights = nights[~nights["projected"]].assign(start=lambda rows: rows["start"].clip(lower=day_number(since)))
    nights = nights[nights["start"] < nights["end"]].reset_index(drop=True)
    priced = _priced(nights, history, finance)
    if unpriced := _unpriced(priced):
        return unpriced
    priced = priced.assign(pounds=priced["fee_pounds"] + priced["unit_pounds"])
    return priced.groupby(["child", "category"], as_index=False)[["days", "pounds"]].sum()


def line_totals(costs: pd.DataFrame) -> pd.DataFrame:
    """`cost_by_year` summed by line (LINES, else ELSEWHERE): year, line, standing, child_days, cost_pounds,
    children, each category's counted, and largest_pounds, the dearest child's."""
    line = costs["category"].astype(object).map(LINES).fillna(ELSEWHERE)
    rows = costs.assign(line=line).groupby(["year", "line", "standing"], as_index=False)
    sums = rows[["child_days", "cost_pounds", "children"]].sum()
    return sums.assign(largest_pounds=rows["largest_pounds"].max()["largest_pounds"])


def unused_fees(history: History, finance: Finance) -> pd.DataFrame:
    """Rows of `finance.fees` that price no child-day to the as-of date: the child was not in that category, or in none.

    A reconciliation to a ledger needs them: they were paid, or entered, for something that the return lacks.
    """
    joined = _joined(_nights(history, CATEGORIES), _fees(history, finance), history.as_of)
    begun = finance.fees["start"] <= day_number(history.as_of)
    return finance.fees[begun & ~finance.fees.index.isin(joined["fee"])]


def _nights(history: History, categories: Sequence[str]) -> pd.DataFrame:
    """Placements cut at the ends of years: child, category, start, end (not counted), year, projected.

    `category` is a place in CATEGORIES.
    """
    rows = history.placements[history.placements["category"].isin(list(categories))]
    now, last = day_number(history.as_of) + 1, financial_year_start(history.as_of)
    known = rows[["child", "category", "start"]].assign(end=np.minimum(rows["end"], now), projected=False)
    birth = history.people["birth"].to_numpy()[rows["child"].to_numpy()]
    until = np.minimum(birthday(birth, 18), day_number(dt.date(last + 1, 4, 1)))
    still = ((rows["start"] < now) & (rows["end"] >= now)).to_numpy()
    ahead = rows.loc[still, ["child", "category"]].assign(start=now, end=until[still], projected=True)
    both = pd.concat([known, ahead], ignore_index=True)
    parts = [both.assign(year=last)[:0]]  # the eve of the data has no year to cost
    for year in range(financial_year_start(history.first_day), last + 1):
        opens, closes = day_number(dt.date(year, 4, 1)), day_number(dt.date(year + 1, 4, 1))
        start, end = both["start"].clip(lower=opens), both["end"].clip(upper=closes)
        parts.append(both.assign(start=start, end=end, year=year)[start < end])
    nights = pd.concat(parts, ignore_index=True)
    return nights.assign(category=nights["category"].map(CATEGORIES.index).astype(int))


def _fees(history: History, finance: Finance) -> pd.DataFrame:
    """Fees as known on the as-of date, none of which overlap: child, category, start, stop (not paid), weekly_fee, fee.

    `category` is a place in CATEGORIES and `fee` the row's label in finance.fees.
    """
    fees = finance.fees[finance.fees["start"] <= day_number(history.as_of)]
    fees = fees.assign(fee=fees.index, category=pd.Index(CATEGORIES).get_indexer(fees["category"]))
    there = stays(history)[["child", "category", "start", "end"]]
    there = there.assign(category=there["category"].array.codes).astype(np.int64)
    nameless = (fees["category"] < 0).to_numpy()
    at = np.where(nameless & (fees["placement_start"] != NO_DAY), fees["placement_start"], fees["start"])
    found = _stay_after(fees.assign(at=at), there, ["child"])
    inside = (found["stay_start"] <= at).to_numpy()
    category = np.where(nameless, found["stay_category"].where(inside, -1), fees["category"])
    fees = fees.assign(category=category.astype(np.int64), at=fees["start"])
    stay_end = _stay_after(fees, there, ["child", "category"])["stay_end"].fillna(NO_DAY).to_numpy()
    stop = fees["end"].to_numpy(dtype=np.int64) + 1
    ends_with_stay = nameless | (stop > NO_DAY)
    fees = fees.assign(stop=np.where(ends_with_stay, np.minimum(stop, stay_end), stop))
    fees = fees[fees["category"] >= 0].sort_values(["child", "category", "start", "fee"], kind="stable")
    fees["stop"] = np.minimum(fees["stop"], next_start(fees))
    return fees[["child", "category", "start", "stop", "weekly_fee", "fee"]]


def _stay_after(fees: pd.DataFrame, there: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """For each fee the first stay of the same `by` that ends after the day `at`: stay_start, _end and _category."""
    named = there.assign(stay_start=there["start"], stay_end=there["end"], stay_category=there["category"])
    named = named[[*by, "stay_start", "stay_end", "stay_category"]].sort_values("stay_end", kind="stable")
    rows = fees[["at", *by]].astype(np.int64).assign(place=np.arange(len(fees))).sort_values("at", kind="stable")
    found = pd.merge_asof(
        rows, named, left_on="at", right_on="stay_end", by=by, direction="forward", allow_exact_matches=False
    )
    return found.sort_values("place").set_index(fees.index)


def _joined(nights: pd.DataFrame, fees: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Nights × the fees that are paid for them: night (its row), since, until (not counted), weekly_fee, fee."""
    rows = nights.assign(night=np.arange(len(nights)))
    pairs = rows.merge(fees.rename(columns={"start": "paid_from"}), on=["child", "category"])
    # What is paid on `as_of` is what the projection goes on with.
    runs_on = pairs["projected"].to_numpy() & (pairs["stop"] > day_number(as_of)).to_numpy()
    stop = np.where(runs_on, pairs["end"], pairs["stop"])
    since, until = np.maximum(pairs["start"], pairs["paid_from"]), np.minimum(pairs["end"], stop)
    pairs = pairs.assign(since=since, until=until)
    return pairs.loc[until > since, ["night", "since", "until", "weekly_fee", "fee"]]


def _priced(nights: pd.DataFrame, history: History, finance: Finance) -> pd.DataFrame:
    """Nights with days, fee_pounds, unit_pounds, unit_days and missing_days (with neither)."""
    pieces = _joined(nights, _fees(history, finance), history.as_of)
    rates = _UnitCosts.of(finance.unit_costs, nights, history.as_of)
    code, start, end = (nights[name].to_numpy(dtype=int) for name in ("category", "start", "end"))
    at = pieces["night"].to_numpy()
    since, until = pieces["since"].to_numpy(dtype=int), pieces["until"].to_numpy(dtype=int)
    paid = np.bincount(at, until - since, minlength=len(nights)).astype(int)
    pounds = np.bincount(at, (until - since) * pieces["weekly_fee"].to_numpy(dtype=float) / 7, minlength=len(nights))
    # Unit costs are sums over time: all nights less the paid ones leaves those without a fee.
    all_pounds, all_missing = rates.over(code, start, end)
    paid_pounds, paid_missing = rates.over(code[at], since, until)
    days = end - start
    unit_pounds = all_pounds - np.bincount(at, paid_pounds, minlength=len(nights))
    missing = all_missing - np.bincount(at, paid_missing, minlength=len(nights))
    return nights.assign(
        days=days, fee_pounds=pounds, unit_pounds=unit_pounds, unit_days=days - paid, missing_days=missing
    )


@dataclass(frozen=True)
class _UnitCosts:
    """Running sums over days from `origin`, by category: pounds (nothing where unknown) and days without a cost."""

    origin: int
    pounds: np.ndarray
    missing: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, nights: pd.DataFrame, as_of: dt.date) -> _UnitCosts:
        """From a table of unit costs; the rate on `as_of` holds from then on."""
        now, last = day_number(as_of) + 1, day_number(dt.date(financial_year_start(as_of) + 1, 4, 1))
        origin = int(nights["start"].min()) if len(nights) else now - 1
        rates = np.full((len(CATEGORIES), last - origin), np.nan)
        for row in table.itertuples():
            since, until = max(int(row.start) - origin, 0), max(int(row.end) + 1 - origin, 0)
            rates[CATEGORIES.index(str(row.category)), since:until] = float(row.pounds_per_week)
        rates[:, now - origin :] = rates[:, [now - 1 - origin]]
        gap = np.isnan(rates)
        ready = ((0, 0), (1, 0))
        pounds = np.pad(np.cumsum(np.where(gap, 0.0, rates) / 7, axis=1), ready)
        return cls(origin, pounds, np.pad(np.cumsum(gap, axis=1), ready))

    def over(self, code: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(pounds, days without a unit cost) from `start` to the day before `end`, by category code."""
        first, last = start - self.origin, end - self.origin
        pounds = self.pounds[code, last] - self.pounds[code, first]
        return pounds, self.missing[code, last] - self.missing[code, first]


def _unpriced(priced: pd.DataFrame) -> Unpriced | None:
    gaps = priced[priced["missing_days"] > 0].groupby(["category", "year"]).size()
    missing = tuple(f"{CATEGORIES[category]}, {year_label(year)}" for category, year in gaps.index)
    return Unpriced(f"Neither fee nor unit cost for {'; '.join(missing)}", missing) if missing else None


def _summed(priced: pd.DataFrame, as_of: dt.date) -> pd.DataFrame | Unpriced:
    keys = ["category", "year"]
    if unpriced := _unpriced(priced):
        return unpriced
    without = priced.assign(unit_child=priced["child"].where(priced["unit_days"] > 0))
    summed = without.assign(projected_days=without["days"].where(without["projected"], 0)).groupby(keys, as_index=False)
    totals = summed.agg(
        child_days=("days", "sum"), projected_days=("projected_days", "sum"), fee_pounds=("fee_pounds", "sum"),
        unit_cost_pounds=("unit_pounds", "sum"), unit_cost_days=("unit_days", "sum"), children=("child", "nunique"),
        children_on_unit_cost=("unit_child", "nunique"),
    )  # fmt: skip
    line = np.array([LINES.get(name, ELSEWHERE) for name in CATEGORIES])
    each = priced.assign(line=line[priced["category"]], pounds=priced["fee_pounds"] + priced["unit_pounds"])
    dearest = each.groupby(["line", "year", "child"])["pounds"].sum().groupby(["line", "year"]).max()
    keyed = zip(line[totals["category"]], totals["year"], strict=True)
    totals["largest_pounds"] = [dearest[key] for key in keyed]
    in_progress = financial_year_start(as_of + dt.timedelta(days=1)) == financial_year_start(as_of)
    standing = np.where(in_progress & (totals["year"] == financial_year_start(as_of)), PROJECTION, OUTTURN)
    totals = totals.assign(
        standing=standing, cost_pounds=totals["fee_pounds"] + totals["unit_cost_pounds"],
        category=pd.Categorical.from_codes(totals["category"], categories=list(CATEGORIES)),
    )  # fmt: skip
    totals = totals.sort_values(["year", "category"], ignore_index=True)
    return totals.assign(year=[year_label(int(year)) for year in totals["year"]])[COST_COLUMNS]
