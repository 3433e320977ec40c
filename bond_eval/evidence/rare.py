"""Clocks for rare events: where each event fell, in open days of cases (t chart) or in cases in order (g chart).

A clock that stands still where nobody could have the event is fair to a caseload that grows: with twice the children
the same risk gives twice the events a week, and as many a day of an open case.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bond_eval.evidence.measured import Known, open_events
from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.spc_rare import RareChart, g_chart, t_chart
from bond_eval.placements.moves import reentries

Flags = np.ndarray | None


def rare_chart(known: Known, computed: str) -> RareChart | None:
    """The t or g chart of a computed measure up to the as-of date; None where it has none or nothing can be said."""
    return CLOCKS[computed][2](known) if computed in CLOCKS else None


def _of_open_cases(kind: str) -> Callable[[Known], RareChart | None]:
    def chart(known: Known) -> RareChart | None:
        register = known.view.register
        if register is None or register.events.empty:
            return None
        last = day_number(known.history.as_of)
        days, spans = open_events(register, kind, 0, last)
        spans = spans[spans["last"] >= spans["start"]]
        if spans.empty:
            return None
        origin = int(spans["start"].min())
        change = np.zeros(last - origin + 2)
        np.add.at(change, spans["start"].to_numpy(dtype=int) - origin, 1)
        np.add.at(change, spans["last"].to_numpy(dtype=int) - origin + 1, -1)
        clock = np.cumsum(np.cumsum(change))
        at = clock[days.astype(int) - origin]
        return t_chart(at, float(clock[-1] - at[-1]) if len(at) else 0.0)

    return chart


def _of_cases(order: Callable[[Known], Flags]) -> Callable[[Known], RareChart | None]:
    def chart(known: Known) -> RareChart | None:
        happened = order(known)
        if happened is None or not len(happened):
            return None
        at = np.flatnonzero(happened)
        return g_chart(np.diff(at) - 1.0, float(len(happened) - 1 - at[-1]) if len(at) else 0.0)

    return chart


def _came_back(known: Known) -> Flags:
    left = reentries(known.history, 365).sort_values(["left", "child"], kind="stable")
    return left["returned"].to_numpy(dtype=bool)


def _turned_away(known: Known) -> Flags:
    if known.view.register is None:
        return None
    cases = known.view.register.cases
    mine = cases[(cases["programme"] == "route29") & (cases["referral"] != NO_DAY)]
    mine = mine[mine["referral"] <= day_number(known.history.as_of)].sort_values(["referral", "case"], kind="stable")
    return (mine["reason"] == "too young").to_numpy(dtype=bool)


# What works a measure out -> chart, what lies between two events, and how it is drawn up.
CLOCKS: dict[str, tuple[str, str, Callable[[Known], RareChart | None]]] = {
    "arrest": ("t", "days of open cases between arrests", _of_open_cases("arrest")),
    "exclusion": ("t", "days of open cases between exclusions", _of_open_cases("exclusion")),
    "a_and_e": ("t", "days of open cases between attendances", _of_open_cases("a_and_e")),
    "reentry": ("g", "children who left between two who came back", _of_cases(_came_back)),
    "too_young": ("g", "referrals between two turned away for age", _of_cases(_turned_away)),
}
