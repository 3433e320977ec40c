"""Tables of notebook 03: who moves where, how stable placements are, who comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import financial_year_start, year_label
from bond_eval.evidence.coarse import fold
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.placement_trends import with_totals
from bond_eval.evidence.view import View
from bond_eval.intake.reference import labels
from bond_eval.intake.typed import day_number
from bond_eval.methods.proportions import share_of
from bond_eval.placements.categories import IFA
from bond_eval.placements.flows import real_moves
from bond_eval.placements.moves import (
    BUDGETS,
    ORDER,
    RESIDENTIAL,
    STABILITIES,
    marks,
    moves_between,
    overall,
    reentries,
)
from bond_eval.placements.stability import VARIANTS, long_term, three_or_more

MOVES = Value("moves", "Moves")
SHARE = (
    Value("children", "Children", of="of"),
    Value("of", "Of"),
    *interval("share", "Share", "percent", "children", "of"),
)
BEFORE, SINCE = "Before the baseline", "Since the baseline"
OWN, OTHER_CARE, LEFT = "In-house or connected carers", "Other care", "Left care, or placed for adoption"
GROUPS = {
    "In-house fostering": OWN, "Connected carers": OWN, "Home, left care": LEFT, "Adoption or guardianship": LEFT,
    "Independence or adulthood": LEFT,
    **dict.fromkeys(("Other residential", "With parents, in care", "Supported", "Other"), OTHER_CARE),
}  # fmt: skip


def _windows(view: View) -> dict[str, tuple[dt.date, dt.date]]:
    """The time since the baseline, and as long a time before it, as far as the data go back."""
    length = view.as_of - view.baseline
    before = max(view.baseline - length + dt.timedelta(days=1), view.history.first_day)
    return {BEFORE: (before, view.baseline), SINCE: (view.baseline + dt.timedelta(days=1), view.as_of)}


@table(
    "moves_matrix",
    title="Placements that ended since the baseline: from where to where",
    row="a category left and what followed",
    labels={"origin": "From", "destination": "To"},
    values=(MOVES,),
    margins=("origin", "destination"),
)
def moves_matrix(view: View) -> pd.DataFrame:
    """Moves and leavings since the baseline, with totals both ways."""
    first, last = _windows(view)[SINCE]
    moves = moves_between(view.history, first, last)
    counts = pd.crosstab(moves["origin"], moves["destination"])
    counts = counts.reindex(
        index=[name for name in ORDER if name in counts.index],
        columns=[name for name in ORDER if name in counts.columns],
    )
    return with_totals(counts, "origin", "destination", "moves")


@coarser("moves_matrix", said="Categories are put together, since many moves between two of them were few.")
def _moves_together(frame: pd.DataFrame) -> pd.DataFrame:
    """The authority's own carers as one, all care but theirs and the external as one, all ways out of care as one."""
    sides = {side: frame[side].map(GROUPS).fillna(frame[side]) for side in ("origin", "destination")}
    # Placed for adoption is in care as an origin; as a destination it stands with those who left.
    sides["origin"] = sides["origin"].replace(LEFT, OTHER_CARE)
    return frame.assign(**sides).groupby(["destination", "origin"], sort=False, as_index=False)["moves"].sum()


@table(
    "move_marks",
    title="Moves within care, by effect on the budget and on the child's stability",
    row="a window, effect on the budget and stability",
    labels={"window": "Window", "budget": "Budget", "stability": "Stability", "mark": "Mark"},
    values=(MOVES,),
    source="SSDA903 episodes; data/reference/cost_order.csv and move_reasons.csv",
)
def move_marks(view: View) -> Rows:
    """Two marks a move: cheaper or dearer, planned or unplanned. A cheaper unplanned move is never green."""
    rows = []
    for window, (first, last) in _windows(view).items():
        marked = marks(moves_between(view.history, first, last))
        counts = marked.groupby(["budget", "stability"]).size()
        for budget in BUDGETS:
            for stability in STABILITIES:
                n = int(counts.get((budget, stability), 0))
                rows.append((window, budget, stability, overall(budget, stability), n))
    return rows


@table(
    "stability_measures",
    title="Stability of placements at each year end, by what is counted as a placement",
    row="a measure, rule and date",
    labels={"measure": "Measure", "rule": "What counts", "date": "Date"},
    values=(
        Value("children", "Children", of="of", follows=("gap",)),
        Value("of", "Of"),
        Value("gap", "Differs from a rule above by a few", inward=True),
        *interval("share", "Share", "percent", "children", "of", "gap"),
    ),
    margins=("date",),
    method="NI062 and NI063; Wilson 95% interval",
)
def stability_measures(view: View) -> Rows:
    """Three or more placements in the year, and the same placement for two years, under each disputed rule."""
    rows: list[Any] = []
    measures = {
        "Three or more placements in the year": (three_or_more, 364),
        # Two and a half years in care have to lie within the data.
        "Same placement for two years": (long_term, 912),
    }
    for day in view.year_ends():
        for measure, (count, needs) in measures.items():
            if (day - view.history.first_day).days < needs:
                continue
            counts = [(rules.label, *count(view.history, day, rules)) for rules in VARIANTS]
            rows += _by_rule(measure, day, counts)
    return rows


def _by_rule(measure: str, day: dt.date | str, counts: Sequence[tuple[str, int, int]]) -> Iterator[tuple[Any, ...]]:
    """Rows of one measure and date, the rules in order: label, children, of."""
    for place, (rule, n, of) in enumerate(counts):
        # Two rules that differ by a few children would give those few away.
        gap = min((abs(n - other) for _, other, _ in counts[:place] if other != n), default=0)
        _, _, *share = share_of(n, of)
        yield measure, rule, day, n, of, gap if gap < MINIMUM else 0, *share


@coarser(
    "stability_measures",
    said="All dates are put together for each rule but the first, since at one date the "
    "rules differ by few children; a child is then counted once a date.",
)
def _stability_together(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rule at each date; every rule over all dates together, a child once a date."""
    rows = []
    for measure, part in frame.groupby("measure", sort=False):
        rows += part[part["rule"] == VARIANTS[0].label].itertuples(index=False, name=None)
        sums = part.groupby("rule", sort=False)[["children", "of"]].sum()
        rows += _by_rule(str(measure), ALL, list(sums.itertuples(name=None)))
    return pd.DataFrame(rows, columns=frame.columns)


@table(
    "reentries",
    title="Children who came back into care after leaving",
    row="a length of time and the financial year of leaving",
    labels={"within": "Within", "year": "Left in"},
    values=SHARE,
    margins=("year",),
    method="leavings that can be followed for the whole time; Wilson 95% interval",
)
def reentry_table(view: View) -> Rows:
    """Of leavings that can be followed for 12 (24) months, how many children came back in that time."""
    rows = []
    # Twelve and twenty-four months beside each other would give the few between them away.
    spans = (("12 months", 365),) if view.public else (("12 months", 365), ("24 months", 730))
    for label, days in spans:
        left = reentries(view.history, days)
        dates = left["left"].to_numpy().astype("datetime64[D]").astype(object)
        years = pd.Series([year_label(financial_year_start(day)) for day in dates], index=left.index, dtype=object)
        groups = [(str(year), part) for year, part in left.groupby(years)] if len(left) else []
        for year, part in [*groups, (ALL, left)]:
            rows.append((label, year, *share_of(int(part["returned"].sum()), len(part))))
    return rows


@table(
    "new_out_of_area",
    title="New out-of-borough placements since the baseline, by what brought them about",
    row="a reason",
    labels={"reason": "What brought it about"},
    values=(Value("placements", "Placements"),),
    margins=("reason",),
    source="SSDA903 episodes; PL_LOCATION or the authority's postcodes.csv",
)
def new_out_of_area(view: View) -> Rows:
    """Placements out of borough begun since the baseline: entry to care, or why the placement before ended."""
    placements = real_moves(view.history.placements)
    same = np.append(False, placements["period"].to_numpy()[1:] == placements["period"].to_numpy()[:-1])
    before = placements["reason"].astype(object).shift().where(same[: len(placements)])
    words = labels("REASON_PLACE_CHANGE")
    reason = before.map(words).where(before.notna(), "Reason not recorded")
    reason = reason.where(same[: len(placements)], "Came into care")
    first, last = (day_number(day) for day in _windows(view)[SINCE])
    new = (placements["location"] == "OUT") & placements["start"].between(first, last)
    if not placements["location"].isin(("IN", "OUT")).any():
        return []  # not known is not none
    counts = reason[new].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return [*((str(name), int(n)) for name, n in counts.items()), (ALL, int(counts.sum()))]


@coarser("new_out_of_area", said="Reasons of few placements are put together in one row.")
def _reasons_together(frame: pd.DataFrame) -> pd.DataFrame:
    """Reasons of few placements as one row."""
    return fold(frame, "reason", "placements", lambda few: f"{len(few)} other reasons")


@table(
    "ifa_to_residential",
    title="IFA placements followed by residential care, before and since the baseline",
    row="a window",
    labels={"window": "Window"},
    values=(Value("covers", "Covers", "text", children=False), *SHARE),
    method="of IFA placements that ended; the return gives what followed and not the cause; Wilson 95% interval",
)
def ifa_to_residential(view: View) -> Rows:
    """Of IFA placements that ended, how many were followed by a residential one."""
    rows = []
    for window, (first, last) in _windows(view).items():
        moves = moves_between(view.history, first, last)
        ended = moves[moves["category"] == IFA]
        covers = f"{round((last - first).days / 30.4)} months to {formats.date(last)}"
        rows.append((window, covers, *share_of(int(ended["following"].isin(RESIDENTIAL).sum()), len(ended))))
    return rows
