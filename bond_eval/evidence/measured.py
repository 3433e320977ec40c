"""The measures of success that the workbook works out itself: one function a key of data/reference/measures.csv.

Each takes what is known (`Known`) and the first and last day of a period, and gives (numerator, denominator): the
denominator is NaN for a plain count, the numerator NaN where the data cannot say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.evidence.gate import LARGEST, one_childs
from bond_eval.evidence.view import View
from bond_eval.intake.register import Register
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.placements.ages import age_on
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.cohorts import stays
from bond_eval.placements.costing import OUTTURN, line_totals
from bond_eval.placements.counts import DailyCounts, daily_counts
from bond_eval.placements.flows import real_moves
from bond_eval.placements.history import History, build_history, open_on
from bond_eval.placements.moves import reentries
from bond_eval.placements.stability import Rules, long_term, three_or_more

NAN = float("nan")
CANNOT = (NAN, NAN)
CONCERN = 17  # an SDQ total from which the return's own guide speaks of concern
TOOK_PART = ("PN1", "PN2", "PN3", "PN5", "PN6")
Pair = tuple[float, float]
Indicator = Callable[[History, dt.date, Rules], tuple[int, int]]
Flag = Callable[[pd.Series], pd.Series]


@dataclass(frozen=True)
class Known:
    """A history and what it is read with: all that is known now, or what had been supplied by an earlier date."""

    view: View
    history: History

    @cached_property
    def counts(self) -> DailyCounts:
        """Children by day."""
        return daily_counts(self.history)

    @cached_property
    def placements(self) -> pd.DataFrame:
        """Real placements with the child's age at the start."""
        rows = real_moves(self.history.placements)
        birth = self.history.people["birth"].to_numpy()[rows["child"].to_numpy()]
        return rows.assign(age=age_on(birth, rows["start"].to_numpy()))

    @cached_property
    def baseline(self) -> dict[str, pd.DataFrame]:
        """The stays that were open on the baseline date, by category."""
        everyone = open_on(stays(self.history), self.view.baseline)
        return {name: everyone[everyone["category"] == name] for name in (OUTSIDE, IFA)}

    def care_days(self, first: dt.date, last: dt.date) -> float:
        """Days of care from `first` to `last`."""
        start = (first - self.counts.first).days
        return float(self.counts.cube[max(start, 0) : start + (last - first).days + 1].sum())


def known_now(view: View) -> Known:
    """Everything that was supplied, used up to the quarter's end."""
    return Known(view, view.history)


def known_then(view: View, day: dt.date) -> Known | None:
    """What the returns supplied by `day` told of it; None where none of them reached it."""
    submissions = view.data.submissions
    by_then = submissions[submissions["last_day"] <= day]
    if by_then.empty or by_then["last_day"].max() < day:
        return None
    keep = view.data.episodes["submission"].isin(by_then.index)
    # Rows of later returns are corrections that nobody had seen.
    part = replace(view.data, episodes=view.data.episodes[keep].reset_index(drop=True), submissions=by_then)
    return Known(view, build_history(part, day))


def _between(days: pd.Series, first: dt.date, last: dt.date) -> pd.Series:
    return days.between(day_number(first), day_number(last))


def stock(known: Known, first: dt.date, last: dt.date, *, categories: tuple[str, ...] = CATEGORIES) -> Pair:
    """Children of the categories on a period's last night."""
    return float(known.counts.on(last).loc[list(categories)].to_numpy().sum()), NAN


def _started(known: Known, first: dt.date, last: dt.date, *, category: str, ages: tuple[int, int] = (-1, 999)) -> Pair:
    rows = known.placements
    keep = (rows["category"] == category) & rows["age"].between(*ages)
    return float((keep & _between(rows["start"], first, last)).sum()), NAN


def _ended(rows: pd.DataFrame, first: dt.date, last: dt.date) -> Pair:
    return float((~rows["is_open"] & _between(rows["end"], first, last)).sum()), NAN


def _op_ended(known: Known, first: dt.date, last: dt.date) -> Pair:
    rows = known.placements
    return _ended(rows[rows["category"] == OUTSIDE], first, last)


def _out_of_borough(known: Known, first: dt.date, last: dt.date) -> Pair:
    rows = known.placements
    if not rows["location"].isin(("IN", "OUT")).any():
        return CANNOT
    return float(((rows["location"] == "OUT") & _between(rows["start"], first, last)).sum()), NAN


def _baseline_left(known: Known, first: dt.date, last: dt.date, *, category: str) -> Pair:
    if last < known.view.baseline:
        return CANNOT
    ends = known.baseline[category]["end"]
    return float((ends <= day_number(last)).sum()), float(len(ends))


def _entries(known: Known, first: dt.date, last: dt.date) -> Pair:
    return float(_between(known.history.periods["start"], first, last).sum()), NAN


def _exits(known: Known, first: dt.date, last: dt.date) -> Pair:
    return _ended(known.history.periods, first, last)


def _stability(known: Known, first: dt.date, last: dt.date, *, needs: int, count: Indicator) -> Pair:
    """One of the indicators of placements.stability; it cannot be told from fewer than `needs` days of data."""
    if (last - known.history.first_day).days < needs:
        return CANNOT
    children, of = count(known.history, last, Rules())
    return float(children), float(of)


def _reentry(known: Known, first: dt.date, last: dt.date) -> Pair:
    left = reentries(known.history, 365)
    mine = left[_between(left["left"] + 365, first, last)]
    return float(mine["returned"].sum()), float(len(mine))


def _missing(known: Known, first: dt.date, last: dt.date) -> Pair:
    module = known.view.data.modules.get("Missing")
    if module is None or "mis_start" not in module:
        return CANNOT
    rows = module.drop_duplicates(["child", "mis_start"])
    began = pd.to_datetime(rows["mis_start"]).between(pd.Timestamp(first), pd.Timestamp(last))
    return float(began.sum()), known.care_days(first, last)


def _oc2(known: Known, first: dt.date, last: dt.date, *, field: str, flag: Flag, of_all: bool = True) -> Pair:
    """Children whose `field` has the flag, of all in the return to a day, or of those with the field."""
    module = known.view.data.modules.get("OC2")
    if module is None or field not in module:
        return CANNOT
    days = known.view.data.submissions["last_day"]
    rows = module[module["submission"].isin(days.index[days == last])]
    rows = rows if of_all else rows[rows[field].notna()]
    return (float(flag(rows[field]).sum()), float(len(rows))) if len(rows) else CANNOT


def _yes(values: pd.Series) -> pd.Series:
    return values.astype(object).astype(str) == "1"


def _took_part(known: Known, first: dt.date, last: dt.date) -> Pair:
    module = known.view.data.modules.get("Reviews")
    if module is None or "review_code" not in module:
        return CANNOT
    rows = module.drop_duplicates(["child", "review"])
    rows = rows[pd.to_datetime(rows["review"]).between(pd.Timestamp(first), pd.Timestamp(last))]
    codes = rows["review_code"].astype(object)
    return float(codes.isin(TOOK_PART).sum()), float((codes.notna() & (codes != "PN0")).sum())


def _event(known: Known, first: dt.date, last: dt.date, *, kind: str) -> Pair:
    """Events of children while a case of theirs is open, over the days that cases are open."""
    register = known.view.register
    if register is None or register.events.empty:
        return CANNOT
    days, spans = open_events(register, kind, day_number(first), day_number(last))
    return float(len(days)), float((spans["last"] - spans["start"] + 1).clip(lower=0).sum())


def open_events(register: Register, kind: str, start: int, end: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Days of the events of a kind from `start` to `end` that fell in an open case of the child's, in order; and the
    cases with child, start and last, the days within those two on which each was open (last before start: none)."""
    cases = register.cases[register.cases["start"] != NO_DAY]
    ends = np.where(cases["end"] == NO_DAY, end, cases["end"])
    spans = cases.assign(last=ends)[["child", "start", "last"]]
    events = register.events[(register.events["type"] == kind) & register.events["day"].between(start, end)]
    met = events.reset_index().merge(spans, on="child")
    inside = met[(met["day"] >= met["start"]) & (met["day"] <= met["last"])].drop_duplicates("index")
    within = spans.assign(start=spans["start"].clip(lower=start), last=spans["last"].clip(upper=end))
    return np.sort(inside["day"].to_numpy(dtype=float)), within


def _activity(known: Known, first: dt.date, last: dt.date, *, activity: str, of: str = "") -> Pair:
    """A count of no child: summed over the rows that end in the period; a stock where it has a whole (`of`)."""
    mine = _rows_of(known, activity, first, last)
    if not of or mine.empty:
        return (float(mine["value"].sum()), NAN) if len(mine) else CANNOT
    whole = _rows_of(known, of, first, last)
    return (float(mine["value"].sum()), float(whole["value"].sum())) if len(whole) else CANNOT


def _marac_repeat(known: Known, first: dt.date, last: dt.date) -> Pair:
    rows = _rows_of(known, "MARAC cases", first, last)
    heard = float(rows["value"].sum())
    return (float(rows.loc[rows["breakdown"] == "repeat", "value"].sum()), heard) if heard else CANNOT


def _rows_of(known: Known, activity: str, first: dt.date, last: dt.date) -> pd.DataFrame:
    """The register's rows of an activity that end in the period; none without a register."""
    register = known.view.register
    if register is None:
        return pd.DataFrame(columns=["value", "breakdown"])
    rows = register.activity
    return rows[(rows["activity"] == activity) & _between(rows["last"], first, last)]


def _referrals(known: Known, first: dt.date, last: dt.date) -> Pair:
    cases = _cases(known)
    # Before the first referral there was no register, which is not a count of nobody.
    if cases is None or day_number(last) < cases.loc[cases["referral"] != NO_DAY, "referral"].min():
        return CANNOT
    return float(_between(cases["referral"], first, last).sum()), NAN


def _too_young(known: Known, first: dt.date, last: dt.date) -> Pair:
    cases = _cases(known)
    if cases is None:
        return CANNOT
    mine = cases[(cases["programme"] == "route29") & _between(cases["referral"], first, last)]
    return (float((mine["reason"] == "too young").sum()), float(len(mine))) if len(mine) else CANNOT


def _re_referral(known: Known, first: dt.date, last: dt.date) -> Pair:
    cases = _cases(known)
    if cases is None:
        return CANNOT
    closed = cases[(cases["end"] != NO_DAY) & _between(cases["end"] + 365, first, last)]
    again = closed.merge(cases[["child", "referral"]], on="child", suffixes=("", "_next"))
    gap = again["referral_next"] - again["end"]
    back = again.loc[gap.between(1, 365), "case"].nunique()
    return (float(back), float(len(closed))) if len(closed) else CANNOT


def stayed_out(known: Known, programme: str, last: dt.date) -> Pair:
    """(children who have not come into care since the start, all not looked after at referral), begun by `last`.

    A status is that of the referral: a child that came into care between it and the start counts as staying out.
    """
    cases = _cases(known)
    if cases is None:
        return CANNOT
    mine = cases[(cases["programme"] == programme) & (cases["start"] != NO_DAY)]
    mine = mine[(mine["start"] <= day_number(last)) & (mine["status"] != "looked after")].drop_duplicates("child")
    if mine.empty:
        return CANNOT
    care = known.view.register.people["care"].to_numpy()[mine["child"].to_numpy()]  # type: ignore[union-attr]
    entries = known.history.periods[["child", "start"]].rename(columns={"child": "care", "start": "entry"})
    met = mine.assign(care=care).merge(entries[entries["entry"] <= day_number(last)], on="care")
    became = met.loc[met["entry"] >= met["start"], "case"].nunique()
    return float(len(mine) - became), float(len(mine))


def _caseload(known: Known, first: dt.date, last: dt.date) -> Pair:
    cases, posts = _cases(known), COMPUTED["staff_in_post"](known, first, last)[0]
    if cases is None or not posts > 0:
        return CANNOT
    day = day_number(last)
    started = (cases["programme"] == "route29") & (cases["start"] != NO_DAY) & (cases["start"] <= day)
    return float((started & ((cases["end"] == NO_DAY) | (cases["end"] > day))).sum()), posts


def _paired(known: Known, first: dt.date, last: dt.date, *, measure: str) -> Pair:
    """Of cases closed in the period, those with two scores by one rater, the later near the end or after it."""
    cases = _cases(known)
    if cases is None:
        return CANNOT
    closed = cases[(cases["end"] != NO_DAY) & _between(cases["end"], first, last)]
    scores = known.view.register.measures  # type: ignore[union-attr]
    scores = scores[scores["measure"] == measure]
    if closed.empty or scores.empty:  # not in use: that is no measurement, and not a share of nothing
        return CANNOT
    pairs = scores[scores["child"].isin(closed["child"])].groupby(["child", "rater"]).size()
    with_both = pairs.index.get_level_values("child")[(pairs >= 2).to_numpy()]
    return float(closed["child"].isin(with_both).sum()), float(len(closed))


def _cases(known: Known) -> pd.DataFrame | None:
    register = known.view.register
    return None if register is None or register.cases.empty else register.cases


def _external_cost(known: Known, first: dt.date, last: dt.date) -> Pair:
    costs = known.view.costs
    if not isinstance(costs, pd.DataFrame):
        return CANNOT
    mine = costs[(costs["year"] == Quarter.of(last).financial_year) & costs["category"].isin((OUTSIDE, IFA))]
    mine = mine[mine["standing"] == OUTTURN]
    if known.view.public and (one_childs(line_totals(mine)) > LARGEST).any():
        return CANNOT  # with the other line, shown elsewhere, it would give away what few children cost
    return (float(mine["cost_pounds"].sum()), NAN) if len(mine) else CANNOT


def _spend(known: Known, first: dt.date, last: dt.date) -> Pair:
    finance = known.view.finance
    if finance is None or finance.spend.empty:
        return CANNOT
    months = pd.to_datetime(finance.spend["month"])
    mine = finance.spend[months.between(pd.Timestamp(first), pd.Timestamp(last))]
    return (float(mine["pounds"].sum()), NAN) if len(mine) else CANNOT


COMPUTED: dict[str, Callable[[Known, dt.date, dt.date], Pair]] = {
    "op_open": partial(stock, categories=(OUTSIDE,)),
    "looked_after": stock,
    "op_baseline_left": partial(_baseline_left, category=OUTSIDE),
    "ifa_baseline_left": partial(_baseline_left, category=IFA),
    "op_started": partial(_started, category=OUTSIDE),
    "op_started_12_17": partial(_started, category=OUTSIDE, ages=(12, 17)),
    "ifa_started": partial(_started, category=IFA),
    "op_ended": _op_ended,
    "out_of_borough_started": _out_of_borough,
    "entries": _entries,
    "exits": _exits,
    "three_or_more": partial(_stability, needs=364, count=three_or_more),
    "long_term": partial(_stability, needs=912, count=long_term),
    "reentry": _reentry,
    "missing": _missing,
    "convicted": partial(_oc2, field="convicted", flag=_yes),
    "substance_misuse": partial(_oc2, field="substance_misuse", flag=_yes),
    "sdq_completed": partial(_oc2, field="sdq_score", flag=pd.notna),
    "sdq_high": partial(_oc2, field="sdq_score", flag=lambda score: score >= CONCERN, of_all=False),
    "review_participation": _took_part,
    "staff_in_post": partial(_activity, activity="posts filled", of="posts established"),
    "positive_behaviour": partial(_activity, activity="positive behaviour programmes"),
    "trained": partial(_activity, activity="practitioners trained"),
    "encompass": partial(_activity, activity="Operation Encompass referrals"),
    "marac_repeat": _marac_repeat,
    "arrest": partial(_event, kind="arrest"),
    "exclusion": partial(_event, kind="exclusion"),
    "a_and_e": partial(_event, kind="a_and_e"),
    "referrals": _referrals,
    "too_young": _too_young,
    "re_referral": _re_referral,
    "home_safely": lambda known, first, last: stayed_out(known, "domestic_abuse", last),
    "caseload": _caseload,
    "sdq_paired": partial(_paired, measure="sdq_total"),
    "family_resilience": partial(_paired, measure="family_resilience"),
    "external_cost": _external_cost,
    "programme_spend": _spend,
}
