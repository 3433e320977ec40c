"""Tables of notebook 13: notifications by week and month, MARAC, plans, the perpetrator pilot, Harbour's claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import Quarter
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.tables.programmes import activity, latest
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import TOO_FEW, UNCLEAR, changed, ends_of
from bond_eval.intake.typed import date_of, dates_to_days, day_number
from bond_eval.methods.proportions import Estimate, rate_ratio, relative_risk, share_of
from bond_eval.programmes.cases import cases_at

PROGRAMME = "domestic_abuse"
ACTIVITY = "programme register (activity)"
REFERRALS = "Operation Encompass referrals"
ENCOMPASS = {REFERRALS: "Notifications", "Operation Encompass events": "Police call-outs",
             "Operation Encompass children": "Children first notified"}  # fmt: skip
ROSE = "they rose by more than chance"
FELL = "they fell by more than chance"
SHARE = (
    Value("children", "Of them", of="of"),
    Value("of", "Of"),
    *interval("share", "Share", "percent", "children", "of"),
)
NOTHING = ("nothing", "none")


def by_period(rows: pd.DataFrame, length: str) -> pd.DataFrame:
    """Counts by week from Monday ("W") or calendar month ("M"): start (day number), value, days (counted, of it).

    Empty where a row crosses from one to the next: what belongs to which cannot be told.
    """
    first, last = (pd.to_datetime(rows[name], unit="D").dt.to_period(length) for name in ("first", "last"))
    if rows.empty or (first != last).any():
        return pd.DataFrame({"start": [], "value": [], "days": []})
    frame = rows.assign(start=dates_to_days(first.dt.start_time), days=rows["last"] - rows["first"] + 1)
    covered = frame.drop_duplicates(["first", "last"]).groupby("start")["days"].sum()
    return frame.groupby("start")["value"].sum().to_frame().assign(days=covered).reset_index()


def direction(chart: pd.DataFrame) -> str:
    """What an XmR chart says of a series, by its latest signal: rose, fell, no clear change or too few points."""
    if (chart["verdict"] == "too few points").all():
        return TOO_FEW
    signs = chart[["outside", "shift", "two_of_three", "trend"]].apply(np.sign).sum(axis=1)
    signs = signs[signs != 0]
    return UNCLEAR if signs.empty else ROSE if signs.iloc[-1] > 0 else FELL


@table(
    "encompass_weeks",
    title="Operation Encompass by week",
    row="a measure and whole week",
    labels={"measure": "Measure", "week": "Week"},
    values=(
        Value("value", "Number"),
        Value("mean", "Mean", "decimal", follows=("value",), over="measure"),
        Value("lower", "Lower limit", "decimal", follows=("value",), over="measure"),
        Value("upper", "Upper limit", "decimal", follows=("value",), over="measure"),
        Value("verdict", "Verdict", "text", children=False),
        Value("said", "Series as a whole", "text", children=False),
    ),
    source=ACTIVITY,
    method="XmR chart of weeks of seven days, moving ranges screened; judged from 12 weeks on",
)
def encompass_weeks(view: View) -> pd.DataFrame | Rows:
    """Whole weeks from Monday; in public a series with a small week has neither mean nor limits: they are sums."""
    from bond_eval.methods.spc import xmr

    parts = []
    for name, label in ENCOMPASS.items():
        weeks = by_period(activity(view, PROGRAMME, name), "W")
        weeks = weeks[weeks["days"] == 7]
        if weeks.empty:
            continue
        chart = xmr(weeks["value"].to_numpy(dtype=float)).frame()
        signal = chart["verdict"] == "neutral"
        if view.public and small(weeks["value"]).any():
            chart[["mean", "lower", "upper"]] = np.nan
        days = [date_of(start) for start in weeks["start"]]
        parts.append(chart.assign(
            measure=label,
            week=[f"{day:%b %Y}, week of {day.day}" for day in days],
            verdict=chart["verdict"].mask(signal, "signal: out of the ordinary"),
            said=direction(chart),
        ))  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else []


@table(
    "encompass_months",
    title="Operation Encompass by month",
    row="a measure and month",
    labels={"measure": "Measure", "month": "Month"},
    values=(Value("value", "Number"), Value("days", "Days covered", "number", children=False)),
    source=ACTIVITY,
)
def encompass_months(view: View) -> Rows:
    """Every month that a count touches, with the days of it that the counts are of."""
    return [
        (label, formats.month(date_of(row.start)), row.value, row.days)
        for name, label in ENCOMPASS.items()
        for row in by_period(activity(view, PROGRAMME, name), "M").itertuples()
    ]


@table(
    "encompass_published",
    title="Operation Encompass: averages and peaks worked out, beside those published",
    row="a figure",
    labels={"line": "Figure"},
    values=(
        Value("computed", "Worked out"),
        Value("published", "Published", "number", follows=("computed",)),
        Value("gap", "Difference", "signed", follows=("computed",)),
        Value("when", "When", "text", children=False),
        Value("claim", "Claim", "text", children=False),
    ),
    source=f"{ACTIVITY}; data/reference/facts.csv",
    method="notifications ÷ calendar weeks or months that hold a day of the counts, rounded; the highest of each",
)
def encompass_published(view: View) -> Rows:
    """Average and highest week and month of notifications."""
    rows, found = activity(view, PROGRAMME, REFERRALS), []
    facts = project_facts() if view.authority.published else {}
    for period, stem, parts, claims in (
        ("week", "weekly", by_period(rows, "W"), ("C067", "C125")),
        ("month", "monthly", by_period(rows, "M"), ("C068", "C127")),
    ):
        if parts.empty:
            continue
        peak = parts.loc[parts["value"].idxmax()]
        when = date_of(peak["start"])
        at = f"week of {formats.date(when)}" if period == "week" else formats.month(when)
        for name, value, text, claim in (
            ("average", formats.half_up(parts["value"].mean()), f"{len(parts)} calendar {period}s", claims[0]),
            ("peak", peak["value"], at, claims[1]),
        ):
            told = facts.get(f"encompass_{stem}_{name}", np.nan)
            line = f"Average a {period}" if name == "average" else f"Most in a {period}"
            found.append((line, value, told, value - told, text, claim if facts else "none"))
    return found


CHILD_PROTECTION = "On a child protection plan, with domestic abuse a factor"
IN_NEED = "In need, domestic abuse the main concern"
ALL_CASES = "Of all cases of children's services, with a concern of domestic abuse"
REPEATS, REPEATS_BEFORE = "MARAC repeats, latest year", "MARAC repeats, year before"
REACH = "Children taken on, of those notified in that time"
BOTH = "Children notified in that time, of those taken on"
# One count stands as a part of two wholes: it goes where what it leaves of either is small.
APART = Value("apart", "Left of the other whole", inward=True)
PART = replace(SHARE[0], follows=("apart",))


@table(
    "domestic_abuse_shares",
    title="Domestic abuse: who is in which part of the system",
    row="a share",
    labels={"line": "What is counted"},
    values=(
        PART,
        *SHARE[1:],
        APART,
        Value("computed", "Share in %", "rate", follows=("children", "of")),
        Value("published", "Published in %", "rate", follows=("children", "of")),
        Value("claim", "Claim", "text", children=False),
    ),
    source=f"{ACTIVITY}, cases and events; data/reference/facts.csv",
    method="Wilson 95% interval; a count without the whole it is part of has no share",
)
def domestic_abuse_shares(view: View) -> Rows:
    """Plans, MARAC repeats and reach; a line whose counts are absent is there only if it was published."""
    facts = project_facts() if view.authority.published else {}
    published = {CHILD_PROTECTION: ("cp_da_share", "C069"), REPEATS: ("marac_repeat_share", "none"),
                 IN_NEED: ("", "C121"), ALL_CASES: ("da_case_share", "C122")} if facts else {}  # fmt: skip
    rows, reach = [], _reach(view)
    apart = {line: rest for line, _, _, rest in reach}
    unknown = [(ALL_CASES, np.nan, np.nan)] if facts else []
    for line, n, of in [*_plans(view), *unknown, *_marac_shares(view), *(one[:3] for one in reach)]:
        fact, claim = published.get(line, ("", "none"))
        found = share_of(n, of)
        rows.append((line, *found, apart.get(line, np.nan), found[2] * 100, facts.get(fact, np.nan), claim))
    return rows


def _plans(view: View) -> list[tuple[str, float, float]]:
    plans = latest(activity(view, PROGRAMME, "child protection plans"))
    need = latest(activity(view, PROGRAMME, "children in need with domestic abuse"))
    found = [(CHILD_PROTECTION, plans["with domestic abuse"], plans.sum())] if "with domestic abuse" in plans else []
    return [*found, *([(IN_NEED, need.sum(), np.nan)] if len(need) else [])]


def _marac(view: View, since: int | None = None) -> list[tuple[float, float]]:
    """(repeats, cases) of the year to now, or since a day, and of the same a year before; whole rows only."""
    rows = activity(view, PROGRAMME, "MARAC cases")
    ends = [day_number(view.as_of.replace(year=view.as_of.year - back)) for back in range(3)]
    length = ends[0] - (ends[1] if since is None else since)
    found = []
    for last in ends[:2]:
        before = last - length
        mine = rows[(rows["first"] > before) & (rows["last"] <= last)].groupby("breakdown")["value"].sum()
        found.append((mine.get("repeat", np.nan), mine.sum()))
    return found


def _marac_shares(view: View) -> list[tuple[str, float, float]]:
    lines = zip((REPEATS, REPEATS_BEFORE), _marac(view), strict=True)
    return [(line, *pair) for line, pair in lines if pair[1] > 0]


def _reach(view: View) -> list[tuple[str, float, float, float]]:
    """Children known to be both notified and taken on, of the first and of the second, and what is left of the other.

    How many are both is not available without dated notifications.
    """
    rows, register = activity(view, PROGRAMME, "Operation Encompass children"), view.register
    if register is None:
        return []
    cases = cases_at(register, view.as_of, PROGRAMME)
    seen = set(cases.loc[cases["started"], "child"])
    if rows.empty or not seen:
        return []
    told = register.events[register.events["type"] == "domestic_abuse_notification"]
    told = told[told["day"].between(rows["first"].min(), rows["last"].max())]
    both, taken, of = float(len(seen & set(told["child"]))), float(len(seen)), float(rows["value"].sum())
    both = both if len(told) and both <= of else np.nan
    return [(REACH, both, of, taken - both), (BOTH, both, taken, of - both)]


@table(
    "harbour_reach",
    title="Children notified, and children taken on",
    row="a group of children",
    labels={"line": "Which children"},
    values=(replace(PART, label="Children"), SHARE[1], APART),
    source=f"{ACTIVITY}, cases and events",
)
def harbour_reach(view: View) -> Rows:
    """The counts behind the reach, for a chart."""
    names, found = {REACH: "Notified", BOTH: "Taken on"}, _reach(view)
    rows = [(names[line], of, np.nan, np.nan) for line, _, of, _ in found]
    return [*rows, *(("Both", n, of, apart) for line, n, of, apart in found if line == BOTH)]


@table(
    "perpetrator_pilot",
    title="The perpetrator pilot: how far men and women referred have come",
    row="a step",
    labels={"step": "Step"},
    values=(
        *SHARE,
        Value("cost", "Published cost for each", "pounds", follows=("children", "of")),
        Value("claim", "Claim", "text", children=False),
    ),
    source=f"{ACTIVITY}; data/reference/facts.csv",
    method="each step of the step before; Wilson 95% interval; adults, and no outcome is recorded of any",
)
def perpetrator_pilot(view: View) -> Rows:
    """Referred, started, completed; the cost of the whole pilot over those who got so far."""
    counts = activity(view, PROGRAMME, "perpetrator pilot").groupby("breakdown")["value"].sum()
    cost = project_facts()["perpetrator_pilot"] if view.authority.published else np.nan
    rows = []
    for step, before in (("referred", ""), ("started", "referred"), ("completed", "started")):
        if counts.get(step, 0):
            each = cost / counts[step]
            found = share_of(counts[step], counts.get(before, np.nan))
            rows.append((step.capitalize(), *found, each, "C071" if cost == cost else "none"))
    return rows


@table(
    "marac_change",
    title="MARAC: the latest year against the year before",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("before", "Year before"),
        Value("after", "Latest year"),
        *interval("ratio", "Rate ratio", "ratio", "before", "after"),
        Value("published", "Published", "text", children=False),
        Value("claim", "Claim", "text", children=False),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=f"{ACTIVITY}; data/reference/facts.csv",
    method="score interval of a ratio of rates; Katz's of a ratio of shares; repeats taken as independent, so narrow",
)
def marac_change(view: View) -> Rows:
    """Cases, and the share that are repeats; more cases may be more harm, or more that comes to light."""
    facts = project_facts() if view.authority.published else {}
    told = {
        "year": (f"{formats.number(facts['marac_increase'])} more over the year", "none"),
        "part": (f"{formats.number(facts['marac_predicted_increase'])}% more predicted for the year", "C070"),
        "repeats": (f"{formats.number(facts['marac_repeat_share'])}% repeats", "none"),
    } if facts else {}  # fmt: skip
    rows = []
    (again, now), (again_before, before) = _marac(view)
    since = _marac(view, day_number(Quarter(view.quarter.year, 1).start) - 1)
    for line, key, (after, was) in (
        ("Cases, latest year", "year", (now, before)),
        ("Cases, financial year so far, against the same months", "part", (since[0][1], since[1][1])),
    ):
        if after > 0 and was > 0:
            ratio = rate_ratio(int(after), 1, int(was), 1)
            rows.append((line, was, after, *ends_of(ratio), *told.get(key, NOTHING), direction_of(ratio)))
    if repeats := _repeat_ratio(again, now, again_before, before):
        said, line = changed(repeats, int(min(now, before)), better="down"), "Share of cases that are repeats"
        rows.append((line, again_before, again, *ends_of(repeats), *told.get("repeats", NOTHING), said))
    return rows


def direction_of(ratio: Estimate) -> str:
    """Rose, fell or no clear change, where neither is better by itself."""
    return UNCLEAR if ratio.lower <= 1 <= ratio.upper else ROSE if ratio.value > 1 else FELL


def _repeat_ratio(again: float, now: float, again_before: float, before: float) -> Estimate | None:
    if not 0 <= again <= now or not 0 <= again_before <= before or again + again_before == 0:
        return None
    return relative_risk(int(again), int(now), int(again_before), int(before))


@table(
    "harbour_claim",
    title="Harbour's published claim, worked out again",
    row="a reading of the claim",
    labels={"line": "Reading"},
    values=(
        Value("children", "Children"),
        Value("pounds", "Worth", "pounds", follows=("children",)),
        Value("each", "Each", "pounds", follows=("children",)),
        Value("share", "Of the whole claim", "percent", children=False),
        Value("claim", "Claim", "text", children=False),
    ),
    source="data/reference/facts.csv",
    method="published worth ÷ children; nobody published what a child's not becoming a victim is worth, or how often",
)
def harbour_claim(view: View) -> Rows:
    """The whole, the quarter as published, and a quarter of the whole; only where the claim is published."""
    if not view.authority.published:
        return []
    facts = project_facts()
    whole, quarter = facts["da_claim"] * 1000, facts["da_quarter_claim"] * 1000
    children, few = facts["da_children"], facts["da_break_even_children"]
    part = facts["da_quarter_share"] / 100
    rows = [("All children, as published", children, whole, "C064"), ("A quarter, as published", few, quarter, "C062"),
            ("A quarter of the whole", part * children, part * whole, "C063")]  # fmt: skip
    return [(line, n, pounds, pounds / n, pounds / whole, claim) for line, n, pounds, claim in rows]
