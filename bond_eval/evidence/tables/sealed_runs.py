"""Tables of what the runs of earlier quarters sealed, held against what came (shown in notebook 05).

Only the first value sealed is scored. What came is counted from the return as it stands now. Children are counted at
a quarter's end in outside placements and IFAs alone, as 01 shows them by month, so that no total is given away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE
from bond_eval.economics.sealing import FORECAST, Seal, SealedRun, in_force, read_seals
from bond_eval.evidence.gate import one_childs
from bond_eval.evidence.registry import Value, table
from bond_eval.evidence.tables.benefits_realisation import SEALS as PUBLISHED_SEALS
from bond_eval.evidence.view import View
from bond_eval.placements.costing import OUTTURN, line_totals

CHILDREN, COST, AVOIDED, PUBLISHED = "children: ", "cost of a year: ", "avoided: ", "published: "
SOURCE = "sealed.json of earlier quarters' runs"
METHOD = "SHA-256 chain; the value first sealed is scored, another is a re-basing"
LABELS = {"made_in": "Sealed by", "about": "Of", "target": "For"}
CHANGED = Value("changed", "Changed since", "text")
SEAL = Value("seal", "Seal begins", "text")


@table(
    "sealed_quarters",
    title="What the runs of earlier quarters sealed",
    row="an earlier quarter",
    labels={"made_in": "Sealed by"},
    values=(
        Value("figures", "Figures", children=False),
        Value("due", "Due by now", children=False),
        Value("words", "In words", "text"),
        Value("file", "SHA-256 begins", "text"),
    ),
    source=SOURCE,
    method=METHOD,
)
def sealed_quarters(view: View) -> pd.DataFrame:
    """One row a sealed quarter, with what is wrong with it; empty where no earlier run was found."""
    rows = []
    for run in view.seals:
        sealed = [item for item in run.seals if item.kind == FORECAST]
        due = len(list(_due(view, CHILDREN, run))) + len(list(_due(view, COST, run)))
        words = (
            f"{run.quarter}: {run.problem}" if run.problem else f"{run.quarter} sealed "
            f"{formats.plural(len(sealed), 'figure')}, {formats.number(due)} of them to be scored by now."
        )  # fmt: skip
        rows.append((run.quarter, len(sealed), due, words, run.sha256[:12]))
    return pd.DataFrame(rows, columns=["made_in", "figures", "due", "words", "file"])


@table(
    "sealed_scores",
    title="What earlier quarters forecast of placements, and what came",
    row="a sealed forecast whose quarter is over",
    labels=LABELS,
    values=(
        Value("made_on", "Made on data to", "text"),
        Value("forecast", "Forecast, children", "number"),
        Value("lower", "Lower limit, 80%", "number"),
        Value("upper", "Upper limit, 80%", "number"),
        Value("came", "Came, children"),
        Value("error", "Came less forecast", "signed", follows=("came",)),
        Value("inside", "Within the band", "text", follows=("came",)),
        CHANGED,
        SEAL,
    ),
    source=f"{SOURCE}; SSDA903 episodes",
    method=METHOD,
)
def sealed_scores(view: View) -> pd.DataFrame:
    """Children forecast for the ends of quarters that are over; what was tampered with or never sealed is not here."""
    counts = view.counts.by_category() if view.seals else None
    rows = []
    for run in view.seals:
        for item, about in _due(view, CHILDREN, run):
            day = pd.Timestamp(Quarter.parse(item.target).end)
            came = np.nan if counts is None or day not in counts.index else float(counts.loc[day, about])
            rows.append((*_labels(item, about), *_scored(item, came), changes(run, item), item.hash[:12]))
    columns = [*LABELS, "made_on", "forecast", "lower", "upper", "came", "error", "inside", "changed", "seal"]
    return pd.DataFrame(rows, columns=columns)


@table(
    "sealed_pounds",
    title="Costs and do-nothings that earlier quarters sealed, and what came, £000",
    row="a sealed sum of money",
    labels=LABELS,
    values=(
        Value("made_on", "Made on data to", "text"),
        Value("sealed", "Sealed £000", "thousands"),
        Value("lower", "Lower limit £000", "thousands"),
        Value("upper", "Upper limit £000", "thousands"),
        Value("children", "Children"),
        Value("came", "Came £000", "thousands", follows=("children",), largest="largest"),
        Value("error", "Came less sealed £000", "signed", follows=("children",), largest="largest"),
        Value("inside", "Within the band", "text", follows=("children", "came")),
        Value("moved", "Moved since £000", "signed"),
        CHANGED,
        Value("prices", "Price base", "text"),
        SEAL,
    ),
    source=f"{SOURCE}; SSDA903 episodes and the authority's finance files",
    method=f"{METHOD}; moved: the published forecast in force now less the sealed one",
)
def sealed_pounds(view: View) -> pd.DataFrame:
    """A year's cost is scored at its end; a do-nothing never comes, but one moved since is shown with its pounds."""
    rows, now = [], published_in_force(view.as_of)
    for run in view.seals:
        for item, about in (pair for kind in (COST, AVOIDED, PUBLISHED) for pair in _due(view, kind, run)):
            children, came, largest = _cost(view, item, about)
            moved = now[about].value - item.value if item.name.startswith(PUBLISHED) and about in now else np.nan
            scored = _scored(item, came)
            values = (*scored[:4], children, *scored[4:], moved, changes(run, item), item.price_base, item.hash[:12])
            rows.append((*_labels(item, item.name), *values, largest))
    columns = [*LABELS, "made_on", "sealed", "lower", "upper", "children", "came", "error", "inside", "moved",
               "changed", "prices", "seal", "largest"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def published_in_force(day: dt.date) -> dict[str, Seal]:
    """Name -> the published forecast or re-basing in force on a day (data/reference/sealed_forecasts.jsonl)."""
    known = (item for item in read_seals(REFERENCE / PUBLISHED_SEALS) if dt.date.fromisoformat(item.made_on) <= day)
    return {item.name: item for item in known}


def changes(run: SealedRun, item: Seal) -> str:
    """How a sealed figure was changed by a re-run of its quarter, with the effect; "no" where it was not."""
    latest = in_force(run.seals, item.name, item.target) or item
    if latest.hash == item.hash:
        return "no"
    effect = formats.number(latest.value - item.value, 1)
    return f"{latest.basis.split(';')[0]}: by {effect} {item.unit} to {formats.number(latest.value, 1)}"


def _due(view: View, kind: str, run: SealedRun) -> Iterator[tuple[Seal, str]]:
    """First seals of a kind whose quarter is over, with what they are about."""
    for item in run.seals:
        over = Quarter.parse(item.target) <= view.quarter
        if item.kind == FORECAST and item.name.startswith(kind) and over:
            yield item, item.name.removeprefix(kind)


def _labels(item: Seal, about: str) -> tuple[str, str, str]:
    return item.made_in, about, item.target


def _scored(item: Seal, came: float) -> tuple[object, ...]:
    """made_on, value, lower, upper, came, error, inside."""
    made_on = formats.date(dt.date.fromisoformat(item.made_on))
    lower, upper = (np.nan if limit is None else limit for limit in (item.lower, item.upper))
    inside = "-" if np.isnan([came, lower, upper]).any() else "yes" if lower <= came <= upper else "no"
    return made_on, item.value, lower, upper, came, came - item.value, inside


def _cost(view: View, item: Seal, about: str) -> tuple[float, float, float]:
    """Children, £000 and one child's share of the outturn that a sealed cost speaks of; NaN where there is none."""
    if not item.name.startswith(COST) or not isinstance(view.costs, pd.DataFrame):
        return (np.nan,) * 3
    lines = line_totals(view.costs)
    year = Quarter.parse(item.target).financial_year
    mine = lines[(lines["year"] == year) & (lines["line"] == about) & (lines["standing"] == OUTTURN)]
    found = zip(mine["children"], mine["cost_pounds"] / 1000, one_childs(mine), strict=True)
    return next(found, (np.nan,) * 3)
