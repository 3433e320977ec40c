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

from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.registry import ALL, Value, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.intake.typed import day_number
from bond_eval.programmes import capacity, funnel, outcomes
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.cohorts import cohort_table

REGISTER, LINKED = "programme register", "programme register and SSDA903"
FUNNEL = {
    "referred": "Referred", "decided": "Decided", "accepted": "Accepted", "started": "Started", "ended": "Ended",
    "completed": "Completed", "waiting": "Waiting", "refused": "Not accepted", "open": "Open",
}  # fmt: skip
# Stage -> the stage that is the rest of its whole, or (whole, part): where that is small, the stage would give it away.
BESIDE = {
    "decided": "refused", "refused": "waiting", "waiting": "refused", "open": "ended", "ended": "open",
    "started": ("accepted", "started"), "completed": ("ended", "completed"),
}  # fmt: skip


def once(build: Callable[[View], pd.DataFrame]) -> Callable[[View], pd.DataFrame]:
    """A builder whose frame is worked out once a view, since other tables are made from it."""

    @wraps(build)
    def kept(view: View) -> pd.DataFrame:
        if build.__name__ not in view.shelf:
            view.shelf[build.__name__] = build(view)
        frame: pd.DataFrame = view.shelf[build.__name__]
        return frame

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


def of_each(view: View, columns: list[str], build: Callable[[str, Register], list[tuple[Any, ...]]]) -> pd.DataFrame:
    """Rows of every programme with its name in front."""
    rows = [(name, *row) for key, name, register in each(view) for row in build(key, register)]
    frame = pd.DataFrame(rows, columns=["programme", *columns])
    # A ratio to nothing has no end; "not available" says so.
    return frame.replace([np.inf, -np.inf], np.nan)


@table(
    "programme_funnel",
    title="How far referrals got",
    row="a programme and stage",
    labels={"programme": "Programme", "stage": "Stage"},
    values=(
        Value("children", "Cases", of="of", follows=("beside",)),
        Value("of", "Of referrals"),
        Value("beside", "The others of the same whole"),
    ),
    source=REGISTER,
)
@once
def programme_funnel(view: View) -> pd.DataFrame:
    """Cases at each stage as of the quarter's end."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        counts = funnel.funnel(register, view.as_of, key).iloc[0]
        return [(label, counts[name], counts["referred"], _beside(counts, name)) for name, label in FUNNEL.items()]

    return of_each(view, ["stage", "children", "of", "beside"], build)


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
        Value("median", "Median days", "number", follows=("reached",)),
        Value("lower", "Lower", "number", follows=("reached",)),
        Value("upper", "Upper", "number", follows=("reached",)),
    ),
    source=REGISTER,
    method="Kaplan-Meier, so that those still waiting count; 95% interval of the median",
)
@once
def programme_waits(view: View) -> pd.DataFrame:
    """Median days from referral to decision and start; a median that was not reached is not available."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        found = funnel.waits(register, view.as_of, key)
        return [(w.step, w.n, w.observed, *(np.nan if v is None else v for v in (w.median, w.lower, w.upper)))
                for w in found]  # fmt: skip

    return of_each(view, ["step", "children", "reached", "median", "lower", "upper"], build)


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
def programme_cohorts(view: View) -> pd.DataFrame:
    """Children (each once) by status at referral, age, sex, ethnicity, disability, deprivation and link."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for name, part in cohort_table(register, view.as_of, key).groupby("characteristic", sort=False):
            counts = part[["value", "referred", "started"]].itertuples(index=False)
            rows += [(_named(name), _named(value), *numbers) for value, *numbers in counts]
            rows.append((_named(name), ALL, *part[["referred", "started"]].sum()))
        return rows

    return of_each(view, ["characteristic", "value", "referred", "started"], build)


def _named(word: str) -> str:
    return word[:1].upper() + word[1:]


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
def programme_flow(view: View) -> pd.DataFrame:
    """Cases by quarter; what came and what went are withheld together."""
    columns = ["opening", "accepted", "closed", "closing"]

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        return list(capacity.flow(register, view.as_of, key)[["quarter", *columns]].itertuples(index=False))

    return of_each(view, ["quarter", *columns], build)


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
def programme_unmet(view: View) -> pd.DataFrame:
    """Children turned away and why: the register's only sight of unmet need."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        counts = capacity.unmet(register, view.as_of, key).groupby("reason")["children"].sum()
        return [*((str(reason), int(n)) for reason, n in counts.items()), (ALL, int(counts.sum()))]

    return of_each(view, ["reason", "children"], build)


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
def programme_headlines(view: View) -> pd.DataFrame:
    """Each published headline of a programme's register; only where the authority's figures are published."""
    columns = ["programme", "line", "computed", "published", "gap", "verdict", "claim"]
    if not view.authority.published:
        return pd.DataFrame(columns=columns)
    lines, facts = read_reference("programme_headlines.csv"), project_facts()

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        closed = outcomes.closed_breakdown(register, view.history, view.as_of, key).set_index("line")["children"]
        for row in lines[lines["programme"] == key].to_dict("records"):
            found, told = _headline(view, key, row["computed"], closed), facts[row["fact"]]
            gap = found - told
            open_ended = row["line"].endswith("(over)")
            agrees = gap == 0 or (open_ended and gap > 0)
            verdict = "not in the register" if np.isnan(found) else "agrees" if agrees else "differs"
            rows.append((row["line"], found, told, gap, verdict, row["claim_id"]))
        return rows

    return of_each(view, columns[1:], build)


def _headline(view: View, key: str, computed: str, closed: pd.Series) -> float:
    """One figure: funnel, breakdown, contacts, open_but, open_on, activity or stock, a colon, and the name of it."""
    kind, _, name = computed.partition(":")
    register = view.register
    assert register is not None
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
    return activity_sum(register, key, name, part)


def activity_sum(register: Register, programme: str, name: str, part: str = "") -> float:
    """Sum of an activity's values, of one breakdown where it is named; NaN where the register has no row of it."""
    rows = register.activity[(register.activity["programme"] == programme) & (register.activity["activity"] == name)]
    rows = rows[rows["breakdown"] == part] if part else rows
    return float(rows["value"].sum()) if len(rows) else np.nan
