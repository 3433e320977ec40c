"""From population to referral, acceptance, start, completion, outcome: does each group get as far as the others?"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import day_number
from bond_eval.methods.equity import relative_rate
from bond_eval.placements.history import History
from bond_eval.programmes.cases import CHARACTERISTICS, UNRECORDED, cases_at
from bond_eval.programmes.outcomes import follow_up

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

REFERRED, ACCEPTED, STARTED, COMPLETED, STAYED = (
    "Referred", "Accepted", "Started", "Completed", "Stayed out of care",
)  # fmt: skip
STAGES = (REFERRED, ACCEPTED, STARTED, COMPLETED, STAYED)
HORIZON = 180  # days
COLUMNS = [
    "stage", "characteristic", "value", "before", "reached", "rate", "relative_rate", "lower", "upper", "moved",
    "differs", "method",
]  # fmt: skip


def stages(
    register: Register, history: History, as_of: dt.date, programme: str, *, population: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Children at each stage by characteristic, with the relative rate index against all other recorded children.

    Columns: COLUMNS. before: children of the group at the stage before; reached: of them, this one. A child whose value
    is not recorded is counted in a row of its own ("Not recorded") and in no comparison. population: characteristic,
    value, children (of the ages that the programme takes); without it nothing can be said of referral. Completion and
    staying out of care are within HORIZON days of the start, of children who started at least so long ago; the second
    of those who were not looked after then. Some thirty comparisons at 95% would show one or two differences by chance
    alone.
    """
    cases = cases_at(register, as_of, programme)
    people = cases.drop_duplicates("child").set_index("child")[list(CHARACTERISTICS)]
    sets = _reached(cases, register, history, as_of, programme)
    rows = []
    for name in CHARACTERISTICS:
        if population is not None:
            known = population[population["characteristic"] == name].groupby("value")["children"].sum()
            rows += compare(REFERRED, name, known, people[name].value_counts())
        for stage, (before, reached) in sets.items():
            counts = (people.loc[sorted(ids), name].value_counts() for ids in (before, reached))
            rows += compare(stage, name, *counts)
    return pd.DataFrame(rows, columns=COLUMNS)


def _reached(
    cases: pd.DataFrame, register: Register, history: History, as_of: dt.date, programme: str
) -> dict[str, tuple[set[int], set[int]]]:
    """Stage -> (children at the stage before, children who reached it)."""
    decided = set(cases.loc[~cases["waiting"], "child"])
    accepted, started = (set(cases.loc[cases[flag], "child"]) for flag in ("accepted", "started"))
    long_ago = day_number(as_of) + 1 - HORIZON
    old = cases[cases["started"] & (cases["start"] <= long_ago)]
    done = old["completed"] & (old["end"] - old["start"] <= HORIZON)
    frame = follow_up(register, history, as_of, programme).frame
    frame = frame[(frame["clock"] <= long_ago) & (frame["entry"] == 0)]
    entered = frame["child"][(frame["cause"] == 1) & (frame["time"] <= HORIZON)]
    return {
        ACCEPTED: (decided | accepted, accepted),
        STARTED: (accepted, started),
        COMPLETED: (set(old["child"]), set(old.loc[done, "child"])),
        STAYED: (set(frame["child"]), set(frame["child"]) - set(entered)),
    }


def compare(stage: str, name: str, before: pd.Series, reached: pd.Series) -> list[tuple]:
    """One row a value; the comparison is with all other recorded values together."""
    table = pd.DataFrame({"before": before, "reached": reached}).fillna(0).astype(int)
    known = table[table.index != UNRECORDED].sum()
    rows = []
    for value, (there, here) in zip(table.index, table.to_numpy(), strict=True):
        others = known["before"] - there, known["reached"] - here
        possible = value != UNRECORDED and 0 <= here <= there and 0 <= others[1] <= others[0]
        rate = here / there if there and here <= there else np.nan
        if not possible or not there or not others[0] or not known["reached"]:
            rows.append((stage, name, value, there, here, rate, np.nan, np.nan, np.nan, pd.NA, False, ""))
            continue
        found = relative_rate(int(here), int(there), int(others[1]), int(others[0]))
        ratio = found.estimate
        moved = pd.NA if found.moved is None else found.moved
        rows.append(
            (stage, name, value, there, here, rate, ratio.value, ratio.lower, ratio.upper, moved, found.differs,
             ratio.method)
        )  # fmt: skip
    return rows


def missing(register: Register, as_of: dt.date, programme: str = "") -> pd.DataFrame:
    """How much cannot be seen: columns characteristic, children, not_recorded."""
    people = cases_at(register, as_of, programme).drop_duplicates("child")
    rows = [(name, len(people), int((people[name] == UNRECORDED).sum())) for name in CHARACTERISTICS]
    return pd.DataFrame(rows, columns=["characteristic", "children", "not_recorded"])
