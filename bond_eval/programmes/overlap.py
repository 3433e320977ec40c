"""Children in more than one programme: each counted once, and each outcome once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from bond_eval.placements.history import History
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.outcomes import ENTRY, FollowUp, follow_up

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

TOGETHER = " + "


def membership(register: Register, as_of: dt.date, stage: str = "started") -> pd.DataFrame:
    """Children by programme: index child, one bool column a programme; those in none are left out.

    stage: started or referred.
    """
    cases = cases_at(register, as_of)
    rows = cases if stage == "referred" else cases[cases[stage]]
    return pd.crosstab(rows["child"], rows["programme"]).astype(bool)


def combinations(register: Register, as_of: dt.date) -> pd.DataFrame:
    """What an UpSet chart draws: columns programmes (joined by " + "), number (of programmes), children (who started).

    Each child is in one row, so the rows add up to the children of all programmes; most children first.
    """
    table = membership(register, as_of)
    names = [TOGETHER.join(table.columns[row]) for row in table.to_numpy()]
    counts = pd.Series(names, dtype=object).value_counts().rename_axis("programmes").reset_index(name="children")
    counts["number"] = counts["programmes"].str.count(TOGETHER.replace("+", r"\+")) + 1
    order = counts.sort_values(["children", "programmes"], ascending=[False, True], ignore_index=True)
    return order[["programmes", "number", "children"]]


def shared_outcome(
    register: Register, history: History, as_of: dt.date, days: int, outcome: str = ENTRY
) -> tuple[pd.DataFrame, FollowUp]:
    """One child, one outcome. Children with the outcome's first cause within `days`, beside what adding up would give.

    First: columns programme, children, events, of each programme's own starters. Second: the follow-up of all, from
    each child's first start in any programme; its events may be fewer than the sum, never counted twice.
    """
    rows = []
    for name in sorted(register.cases["programme"].unique()):
        found = follow_up(register, history, as_of, name, outcome=outcome)
        events = int(((found.frame["cause"] == 1) & (found.frame["time"] <= days)).sum())
        rows.append((name, len(found.frame), events))
    table = pd.DataFrame(rows, columns=["programme", "children", "events"])
    return table, follow_up(register, history, as_of, outcome=outcome)
