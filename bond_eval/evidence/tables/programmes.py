"""Tables that every programme of the register has: notebooks 10 to 14 and 21 to 23 show their own rows of them.

A programme that an authority adds to its register appears here without a line of code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.disclosure import crowded, small
from bond_eval.evidence.label_days import broad_groups
from bond_eval.evidence.registry import ALL, REGISTRY, Rows, Value, coarser, interval, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.intake.typed import NO_DAY, date_of, day_number
from bond_eval.programmes import capacity, funnel, outcomes
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.cohorts import cohort_table

REGISTER, LINKED = "programme register", "programme register and SSDA903"
# The ends of the interval of none are those of one number of children only.
NONE_OF = Value("none_of", "Followed so long, where it happened to none", of="children", inward=True)
FUNNEL = {
    "referred": "Referred", "decided": "Decided", "accepted": "Accepted", "started": "Started", "ended": "Ended",
    "completed": "Completed", "waiting": "Waiting", "refused": "Not accepted", "open": "Open",
}  # fmt: skip
# Stage -> the stage that is the rest of its whole, or (whole, part): where that is small, the stage would give it away.
BESIDE = {
    "decided": "refused", "refused": "waiting", "waiting": "refused", "open": "ended", "ended": "open",
    "started": ("accepted", "started"), "completed": ("ended", "completed"),
}  # fmt: skip


def once(build: Callable[[View], Any]) -> Callable[[View], Any]:
    """A builder whose frame or rows are worked out once a view, since other tables are made from them."""

    @wraps(build)
    def kept(view: View) -> Any:
        if build.__name__ not in view.shelf:
            view.shelf[build.__name__] = build(view)
        return view.shelf[build.__name__]

    return kept


def each(view: View) -> Iterator[tuple[str, str, Register]]:
    """(key, name, register) of each programme that has cases; nothing without a register."""
    register = view.register
    if register is None:
        return
    used = set(register.cases["programme"])
    for row in register.programmes.to_dict("records"):
        if row["programme"] in used:
            yield row["programme"], row["name"], register


def called(view: View) -> dict[str, str]:
    """Key -> name of the programmes: the register's own, else the project's."""
    frame = read_reference("programmes.csv") if view.register is None else view.register.programmes
    return dict(frame[["programme", "name"]].itertuples(index=False))


@table(
    "programme_pages",
    title="The programme that each page speaks of, as the register defines it",
    row="a programme that has a page",
    labels={"key": "Key", "programme": "Programme"},
    values=(Value("said", "What the page speaks of", "text", children=False),),
    source=f"{REGISTER}; data/reference/programmes.csv",
    method="the register's own programmes.csv, else the project's",
)
def programme_pages(view: View) -> Rows:
    """Name, first day and ages of each programme with a page; where nothing of it is registered, that this is so."""
    rows, who = [], view.authority
    for key, name in read_reference("programmes.csv")[["programme", "name"]].itertuples(index=False):
        name = called(view).get(key, name)
        said = f"{who.name} has given no register of {name}{'' if who.published else ', a programme of Salford,'} "
        said += "so this page says what it would need to answer."
        if view.register is not None and any((form["programme"] == key).any() for form in (
            view.register.cases, view.register.activity)):  # fmt: skip
            said = f"{name} is in the register of {who.name}{_defined(view.register, key)}."
        rows.append((key, name, said))
    return rows


def _defined(register: Register, key: str) -> str:
    """ ": live since 1 February 2020, for ages 12 to 17", as far as the register says."""
    words = []
    for one in register.programmes[register.programmes["programme"] == key].itertuples():
        if one.live_from != NO_DAY:
            words.append(f"live since {formats.date(date_of(one.live_from))}")
        if one.age_from == one.age_from and one.age_to == one.age_to:
            words.append(f"for ages {one.age_from:.0f} to {one.age_to:.0f}")
    return f": {', '.join(words)}" * bool(words)


@table(
    "programme_funnel",
    title="How far referrals got",
    row="a programme and stage",
    labels={"programme": "Programme", "stage": "Stage"},
    values=(
        Value("children", "Cases", of="of", follows=("beside",)),
        Value("of", "Of referrals"),
        Value("beside", "The others of the same whole", inward=True),
    ),
    source=REGISTER,
)
@once
def programme_funnel(view: View) -> Rows:
    """Cases at each stage as of the quarter's end."""

    rows = []
    for key, programme, register in each(view):
        counts = funnel.funnel(register, view.as_of, key).iloc[0]
        rows += [(programme, label, counts[name], counts["referred"], _beside(counts, name))
                 for name, label in FUNNEL.items()]  # fmt: skip
    return rows


def _beside(counts: pd.Series, name: str) -> float:
    rest = BESIDE.get(name)
    if rest is None:
        return np.nan
    return float(counts[rest] if isinstance(rest, str) else counts[rest[0]] - counts[rest[1]])


@table(
    "programme_waits",
    title="How long each step took",
    row="a programme and step",
    labels={"programme": "Programme", "step": "Step"},
    values=(
        Value("children", "Cases"),
        Value("reached", "Got there", of="children"),
        *interval("median", "Median days", "number", "reached"),
    ),
    source=REGISTER,
    method="Kaplan-Meier, so that those still waiting count; 95% interval of the median",
)
@once
def programme_waits(view: View) -> Rows:
    """Median days from referral to decision and start; a median that was not reached is not available."""

    return [
        (name, wait.step, wait.n, wait.observed, wait.median, wait.lower, wait.upper)
        for key, name, register in each(view)
        for wait in funnel.waits(register, view.as_of, key)
    ]


@table(
    "programme_cohorts",
    title="Who was referred, taken on and seen",
    row="a programme, characteristic and value",
    labels={"programme": "Programme", "characteristic": "Characteristic", "value": "Value"},
    values=(
        Value("referred", "Referred"),
        Value("started", "Started", of="referred"),
    ),
    margins=("value",),
    source=LINKED,
)
def programme_cohorts(view: View) -> Rows:
    """Children (each once) by status at referral, age, sex, ethnicity, disability, deprivation and link."""

    rows: list[Any] = []
    for key, programme, register in each(view):
        for name, part in cohort_table(register, view.as_of, key).groupby("characteristic", sort=False):
            counts = part[["value", "referred", "started"]].itertuples(index=False)
            rows += [(programme, formats.capital(name), formats.capital(value), *numbers) for value, *numbers in counts]
            rows.append((programme, formats.capital(name), ALL, *part[["referred", "started"]].sum()))
    return rows


BROAD = (
    "Groups of children are put together into broader ones for publication, since too many of their counts would be "
    "small; a characteristic by which even these are small is left out."
)


def in_broad_groups(frame: pd.DataFrame, counts: list[str]) -> pd.DataFrame:
    """Rows of one broad group (data/reference/broad_groups.csv) added up; the other columns are taken as labels."""
    groups = broad_groups()
    value = [groups.get(pair, pair[1]) for pair in zip(frame["characteristic"], frame["value"], strict=True)]
    labels = [name for name in frame.columns if name not in counts]
    return frame.assign(value=value).groupby(labels, sort=False, as_index=False)[counts].sum()


def told_apart(frame: pd.DataFrame, few: pd.Series, within: list[str]) -> pd.DataFrame:
    """The characteristics of each part (`within`) that have no row of a few; where none has, the part's total alone."""
    crowd = few.groupby([frame[name] for name in (*within, "characteristic")]).transform("any")
    totals = frame[frame["value"] == ALL].drop_duplicates(within)
    whole = pd.MultiIndex.from_frame(totals[within]).isin(pd.MultiIndex.from_frame(frame.loc[~crowd, within]))
    return pd.concat([frame[~crowd], totals[~whole].assign(characteristic=ALL)]).sort_index().reset_index(drop=True)


coarser("programme_cohorts", BROAD)(lambda frame: in_broad_groups(frame, ["referred", "started"]))


@coarser("programme_cohorts")
def cohorts_told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each programme the characteristics by which no group, nor those of it who did not start, are a few."""
    left = frame["referred"] - frame["started"]
    few = small(frame["referred"]) | small(frame["started"]) | small(left)
    return told_apart(frame, few & (frame["value"] != ALL), ["programme"])


@table(
    "programme_flow",
    title="Caseload: opening, taken on, closed, closing",
    row="a programme and quarter",
    labels={"programme": "Programme", "quarter": "Quarter"},
    values=(
        Value("opening", "Opening"),
        # Each of the four can be worked out from the other three.
        Value("accepted", "Taken on", follows=("closed", "opening", "closing")),
        Value("closed", "Closed", follows=("accepted", "opening", "closing")),
        Value("closing", "Closing"),
    ),
    source=REGISTER,
    method="complete count; opening + taken on − closed = closing in every quarter",
)
@once
def programme_flow(view: View) -> Rows:
    """Cases by quarter; what came and what went are withheld together."""
    columns = ["quarter", "opening", "accepted", "closed", "closing"]
    return [
        (name, *row)
        for key, name, register in each(view)
        for row in capacity.flow(register, view.as_of, key)[columns].itertuples(index=False)
    ]


@coarser(
    "programme_flow",
    "Quarters of a programme with few children are put together for publication, into financial years or, where these "
    "are small too, into one period.",
)
def flow_in_longer_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """Each programme in the shortest periods of which not too many counts are small."""
    parts = []
    for _, part in frame.groupby("programme", sort=False):
        for alike in (len("2020-21"), 0):  # how much of a quarter's name those of one period share
            if crowded(REGISTRY["programme_flow"], part):
                periods = part.groupby(part["quarter"].str[:alike], sort=False)
                kept = {name: (name, "first") for name in ("programme", "opening")}
                sums = {name: (name, "sum") for name in ("accepted", "closed")}
                part = periods.agg(**kept, quarter=("quarter", _span), **sums, closing=("closing", "last"))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else frame


def _span(quarters: pd.Series) -> str:
    """ "2019-20-Q1 to 2019-20-Q4"; one quarter by its name."""
    first, last = quarters.iloc[0].partition(" to ")[0], quarters.iloc[-1].rpartition(" to ")[2]
    return first if first == last else f"{first} to {last}"


@table(
    "programme_unmet",
    title="Cases not accepted, by reason",
    row="a programme and reason",
    labels={"programme": "Programme", "reason": "Reason"},
    values=(Value("children", "Children"),),
    margins=("reason",),
    source=REGISTER,
)
@once
def programme_unmet(view: View) -> Rows:
    """Children turned away and why: the register's only sight of unmet need."""

    rows = []
    for key, name, register in each(view):
        counts = capacity.unmet(register, view.as_of, key).groupby("reason")["children"].sum()
        rows += [(name, formats.capital(reason), int(n)) for reason, n in [*counts.items(), (ALL, counts.sum())]]
    return rows


@coarser(
    "programme_unmet",
    "Reasons other than that the child was too young are put together for publication, since too many of their counts "
    "would be small; of a programme in which these are small too only the total is left.",
)
def unmet_by_age(frame: pd.DataFrame) -> pd.DataFrame:
    """Too young, any other reason, and all of them."""
    reason = frame["reason"].where(frame["reason"].isin((formats.capital(capacity.TOO_YOUNG), ALL)), "Any other reason")
    found = frame.assign(reason=reason).groupby(["programme", "reason"], sort=False, as_index=False)["children"].sum()
    few = small(found["children"]) & (found["reason"] != ALL)
    return found[~few.groupby(found["programme"]).transform("any") | (found["reason"] == ALL)].reset_index(drop=True)


@table(
    "programme_headlines",
    title="Published headlines beside the register",
    row="a programme and headline",
    labels={"programme": "Programme", "line": "Headline"},
    values=(
        Value("computed", "Worked out"),
        Value("published", "Published", follows=("computed",)),
        Value("gap", "Difference", "signed", follows=("computed", "published")),
        Value("verdict", "Verdict", "text", follows=("computed", "published")),
        Value("claim", "Claim", "text", children=False),
    ),
    source=f"{LINKED}; data/reference/programme_headlines.csv and facts.csv",
    method="complete count beside the published figure; the claims register has the quotation",
)
@once
def programme_headlines(view: View) -> Rows:
    """Each published headline of a programme's register; only where the authority's figures are published."""
    if not view.authority.published:
        return []
    lines, facts, rows = read_reference("programme_headlines.csv"), project_facts(), []
    for key, name, register in each(view):
        closed = outcomes.closed_breakdown(register, view.history, view.as_of, key).set_index("line")["children"]
        for row in lines[lines["programme"] == key].to_dict("records"):
            found, told = _headline(view, register, key, row["computed"], closed), facts[row["fact"]]
            gap = found - told
            open_ended = row["line"].endswith("(over)")
            agrees = gap == 0 or (open_ended and gap > 0)
            verdict = "not in the register" if np.isnan(found) else "agrees" if agrees else "differs"
            rows.append((name, row["line"], found, told, gap, verdict, row["claim_id"]))
    return rows


def _headline(view: View, register: Register, key: str, computed: str, closed: pd.Series) -> float:
    """One figure: funnel, breakdown, contacts, open_but, open_on, activity or stock, a colon, and the name of it."""
    kind, _, name = computed.partition(":")
    if kind == "funnel":
        return float(funnel.funnel(register, view.as_of, key).iloc[0][name])
    if kind == "breakdown":
        return float(closed[name])
    if kind == "contacts":
        mine = register.contacts[(register.contacts["programme"] == key) & (register.contacts["kind"] == name)]
        return float(mine["child"].nunique()) if len(mine) else np.nan
    if kind == "open_but":
        mine = cases_at(register, view.as_of, key)
        mine = mine[mine["accepted"] & ~mine["ended"] & (mine["status"] != name)]
        today = np.full(len(mine), day_number(view.as_of))
        return float((~outcomes.periods_from(view.history, mine["care"].to_numpy(), today)["in_care"]).sum())
    name, _, part = name.partition(":")
    if kind == "open_on":
        then = cases_at(register, dt.date.fromisoformat(name), key)
        return float((then["accepted"] & ~then["ended"] & ((then["status"] == part) | (part == ""))).sum())
    return activity_sum(view, key, name, part)


def activity(view: View, programme: str, name: str) -> pd.DataFrame:
    """Rows of the register's activity of one name: breakdown, first and last (days since 1970), value, note."""
    if view.register is None:
        return pd.DataFrame(columns=["breakdown", "first", "last", "value", "note"])
    rows = view.register.activity
    return rows[(rows["programme"] == programme) & (rows["activity"] == name)]


def activity_sum(view: View, programme: str, name: str, part: str = "") -> float:
    """Sum of an activity's values, of one breakdown where it is named; NaN where the register has no row of it."""
    rows = activity(view, programme, name)
    rows = rows[rows["breakdown"] == part] if part else rows
    return float(rows["value"].sum()) if len(rows) else np.nan


def months(first: float, last: float) -> str:
    """ "June 2020 to August 2020", of two days' numbers; one month by its name."""
    return " to ".join(dict.fromkeys(formats.month(date_of(day)) for day in (first, last)))


def latest(rows: pd.DataFrame) -> pd.Series:
    """Values of an activity's latest day by breakdown, for counts of a day."""
    return rows[rows["last"] == rows["last"].max()].groupby("breakdown")["value"].sum()
