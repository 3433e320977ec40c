"""Tables of notebook 20: the Dartington measures of success, period by period, judged and laid out."""

from __future__ import annotations

from math import isnan

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.evidence.registry import ALL, Rows, Value, table
from bond_eval.evidence.scorecard import (
    COMPUTED_HERE,
    IMPROVING,
    NO_DATA,
    SPECIAL,
    STEADY,
    WORSE,
    Score,
    scored,
    written,
)
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

SOURCE = "the return, the register, finance files and values by hand, as data/reference/measures.csv says"
METHOD = "NHS plot-the-dots rules on the periods so far; Wilson or exact 95% interval"
WANTED = {"up": "higher", "down": "lower", "none": "neither"}
# Where a box of a theory of change stands, in order of how much is known.
UNMEASURED, UNJUDGED = "Not measured", "Measured, not yet judged"


PARTS = (
    Value("numerator", "Numerator", of="denominator", event="measure"),
    Value("denominator", "Denominator"),
)


@table(
    "scorecard",
    title="Measures of success: where each stands",
    row="a measure",
    labels={"metric": "Metric", "measure": "Measure"},
    values=(
        *PARTS,
        Value("each", "Number that it is for each of", inward=True),
        Value("counted", "What is counted", "text", children=False),
        Value("shown", "Latest", "text", follows=("numerator", "denominator", "each")),
        Value("interval", "95% interval", "text", follows=("numerator", "denominator", "each")),
        Value("period", "Period", "text", children=False),
        Value("target", "Target", "text", children=False),
        Value("wanted", "Better", "text", children=False),
        Value("variation", "Variation", "text", children=False),
        Value("side", "Side of the mean", "text", children=False),
        Value("assurance", "Assurance", "text", children=False),
        Value("complete", "Periods with a value", "percent", children=False),
        Value("points", "Points", "count", children=False),
        Value("known", "Last updated", "text", children=False),
        Value("owner", "Owner", "text", children=False),
        Value("horizon", "Horizon", "text", children=False),
    ),
    source=SOURCE,
    method=METHOD,
)
def scorecard(view: View) -> Rows:
    """One row a measure, those without data among them."""
    return [_score_row(one) for *_, one in scored(view)]


def _score_row(one: Score) -> dict[str, object]:
    measure = one.measure
    interval = f"{written(measure, one.lower)} to {written(measure, one.upper)}" if not isnan(one.lower) else one.basis
    return {
        "metric": measure.metric,
        "measure": measure.name,
        "numerator": one.numerator if measure.unit != "£" else np.nan,
        "denominator": one.denominator if measure.unit == "share" else np.nan,
        "each": one.denominator if measure.each else np.nan,
        "counted": measure.counted,
        "shown": written(measure, one.value),
        "interval": interval,
        "period": one.period,
        "target": written(measure, measure.target) or "none",
        "wanted": WANTED[measure.better],
        "variation": one.variation,
        "side": ("high" if one.high else "low") if one.variation in (IMPROVING, WORSE, SPECIAL, STEADY) else "",
        "assurance": one.assurance,
        "complete": one.completeness,
        "points": one.points,
        "known": f"{one.known_on.day} {one.known_on:%b %Y}" if one.known_on else "never",
        "owner": measure.owner,
        "horizon": measure.horizon,
    }


@table(
    "scorecard_summary",
    title="How many measures stand where",
    row="a verdict",
    labels={"verdict": "Verdict"},
    values=(Value("measures", "Measures", children=False),),
    source=SOURCE,
    method=METHOD,
)
def scorecard_summary(view: View) -> Rows:
    """Measures by what can be said of them."""
    counts = pd.Series([one.variation for *_, one in scored(view)]).value_counts()
    order = dict.fromkeys((IMPROVING, WORSE, STEADY, NO_DATA, *counts.index))
    return [(name, int(counts.get(name, 0))) for name in order]


@table(
    "theory_of_change",
    title="Theories of change, each box marked by what is known",
    row="a box of a diagram",
    labels={"diagram": "Theory", "stage": "Stage", "box": "Box"},
    values=(
        Value("status", "What is known", "text", children=False),
        Value("leads_to", "Leads to", "text", children=False),
        Value("measured_by", "Measured by", "text", children=False),
        Value("assumption", "Assumption", "text", children=False),
    ),
    source="data/reference/theory_of_change.csv; the scorecard",
    method="the least favourable verdict among a box's measures that have data",
)
def theory_of_change(view: View) -> Rows:
    """Each box with the verdict of its measures; a box without measure, or whose measures have no data, says so."""
    scores = {measure.id: one for measure, _, one in scored(view)}
    rows = []
    for line, row in enumerate(read_reference("theory_of_change.csv").to_dict("records"), start=2):
        ids = [name for name in row["measures"].split("|") if name]
        unknown = [name for name in ids if name not in scores]
        if unknown:
            where = f"data/reference/theory_of_change.csv line {line}"
            raise InputError(f"{where}: measure {unknown[0]!r} is not in measures.csv.")
        named = formats.listed([scores[name].measure.name for name in ids]) or "nothing yet"
        status = box_status([scores[name].variation for name in ids])
        rows.append((row["diagram"], row["stage"], row["box"], status, row["leads_to"], named, row["assumption"]))
    return rows


@table(
    "theory_summary",
    title="How much of each theory of change is known",
    row="a diagram",
    labels={"diagram": "Theory"},
    values=(
        Value("boxes", "Boxes", children=False),
        Value("judged", "Rest on a measure that can be judged", children=False),
        Value("blank", "Have no measure with data", children=False),
    ),
    source="data/reference/theory_of_change.csv; the scorecard",
    margins=("diagram",),
)
def theory_summary(view: View) -> pd.DataFrame:
    """Boxes of each diagram, those judged and those blank, and of all."""
    status = theory_of_change(view).assign(boxes=1)
    status["judged"] = status["status"].isin((WORSE, STEADY, IMPROVING)).astype(int)
    status["blank"] = (status["status"] == UNMEASURED).astype(int)
    sums = status.groupby("diagram", sort=False)[["boxes", "judged", "blank"]].sum().reset_index()
    return pd.concat([sums, pd.DataFrame([{"diagram": ALL, **sums.drop(columns="diagram").sum()}])], ignore_index=True)


def box_status(verdicts: list[str]) -> str:
    """What is known of a box, from the variation of its measures: the least favourable that is judged."""
    for verdict in (WORSE, STEADY, IMPROVING):
        if verdict in verdicts:
            return verdict
    measured = [verdict for verdict in verdicts if verdict != NO_DATA]
    return UNJUDGED if measured else UNMEASURED


@table(
    "measure_conflicts",
    title="Values by hand beside computed ones: the computed value counts",
    row="a measure and period",
    labels={"measure": "Measure", "period": "Period"},
    values=(
        Value("numerator", "Computed"),
        Value("hand", "By hand"),
        Value("gap", "Difference", "signed", follows=("numerator", "hand")),
    ),
    source="measures/values.csv beside the computed measures",
)
def measure_conflicts(view: View) -> Rows:
    """Periods for which both are there and differ: nothing is replaced silently."""
    rows: list[tuple[object, ...]] = []
    if view.measures is None:
        return rows
    for measure, found, _ in scored(view):
        hand = view.measures.values[view.measures.values["measure_id"] == measure.id]
        both = found[found["source"] == COMPUTED_HERE].merge(
            hand[["period", "value"]], on="period", suffixes=("", "_hand")
        )
        for row in both.to_dict("records"):
            if measure.unit == "count" and row["value"] != row["value_hand"]:
                gap = row["value_hand"] - row["value"]
                rows.append((measure.name, row["period"], row["value"], row["value_hand"], gap))
    return rows
