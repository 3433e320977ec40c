"""Tables of notebook 20: the Dartington measures of success, period by period, judged and laid out."""

from __future__ import annotations

import datetime as dt
from math import isnan

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.evidence.gate import MINIMUM, small
from bond_eval.evidence.measured import Known, known_now, known_then
from bond_eval.evidence.registry import ALL, Value, table
from bond_eval.evidence.scorecard import (
    COMPUTED_HERE,
    IMPROVING,
    NO_DATA,
    STEADY,
    WORSE,
    Measure,
    Score,
    measures,
    score,
    series,
    with_target,
    written,
)
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

SOURCE = "the return, the register, finance files and values by hand, as data/reference/measures.csv says"
METHOD = "NHS plot-the-dots rules on the periods so far; Wilson or exact 95% interval"
WANTED = {"up": "Higher is better", "down": "Lower is better", "none": "Neither is better"}
ASSURANCE_DATES = (dt.date(2019, 9, 30), dt.date(2019, 12, 31), dt.date(2020, 3, 31))
MOST_WITHHELD = 0.4  # a chart with more gaps than this says less than its row in the scorecard
THEN, NOW = "As known then", "As known now"
# Where a box of a theory of change stands, in order of how much is known.
UNMEASURED, UNJUDGED = "Not measured", "Measured, not yet judged"


def _all(view: View) -> list[tuple[Measure, pd.DataFrame, Score]]:
    """Every measure with its series and score; worked out once a view."""
    if "measures_of_success" not in view.shelf:
        known = known_now(view)
        own = [with_target(measure, known) for measure in measures().values()]
        worked = [(measure, series(known, measure)) for measure in own]
        view.shelf["measures_of_success"] = [(measure, rows, score(measure, rows)) for measure, rows in worked]
    return view.shelf["measures_of_success"]


PARTS = (
    Value("numerator", "Numerator", of="denominator"),
    Value("denominator", "Denominator"),
)


@table(
    "scorecard",
    title="Measures of success: where each stands",
    row="a measure",
    labels={"metric": "Metric", "measure": "Measure"},
    values=(
        *PARTS,
        Value("shown", "Latest", "text", follows=("numerator", "denominator")),
        Value("interval", "95% interval", "text", follows=("numerator", "denominator")),
        Value("period", "Period", "text", children=False),
        Value("target", "Target", "text", children=False),
        Value("wanted", "Direction", "text", children=False),
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
def scorecard(view: View) -> pd.DataFrame:
    """One row a measure, those without data among them."""
    return pd.DataFrame([_score_row(one) for *_, one in _all(view)])


def _score_row(one: Score) -> dict[str, object]:
    measure = one.measure
    interval = f"{written(measure, one.lower)} to {written(measure, one.upper)}" if not isnan(one.lower) else one.basis
    return {
        "metric": measure.metric,
        "measure": measure.name,
        "numerator": one.numerator if measure.unit != "£" else np.nan,
        "denominator": one.denominator if measure.unit == "share" else np.nan,
        "shown": written(measure, one.value),
        "interval": interval,
        "period": one.period,
        "target": written(measure, measure.target) or "none set",
        "wanted": WANTED[measure.better],
        "variation": one.variation,
        "side": "high" if one.high else "low",
        "assurance": one.assurance,
        "complete": one.completeness,
        "points": one.points,
        "known": formats.date(one.known_on) if one.known_on else "never",
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
def scorecard_summary(view: View) -> pd.DataFrame:
    """Measures by what can be said of them."""
    counts = pd.Series([one.variation for *_, one in _all(view)]).value_counts()
    first = (IMPROVING, WORSE, STEADY, NO_DATA)
    order = [*first, *(verdict for verdict in counts.index if verdict not in first)]
    return pd.DataFrame({"verdict": order, "measures": [int(counts.get(name, 0)) for name in order]})


@table(
    "measure_series",
    title="Charted measures, period by period",
    row="a measure and period",
    labels={"measure": "Measure", "date": "Period's last day"},
    values=(
        *PARTS,
        Value("value", "Value", "decimal", follows=("numerator", "denominator")),
        Value("mean", "Mean", "decimal", children=False),
        Value("lower", "Lower limit", "decimal", children=False),
        Value("upper", "Upper limit", "decimal", children=False),
        Value("verdict", "Verdict", "text", children=False),
    ),
    source=SOURCE,
    method="XmR chart, moving ranges screened; limits only where no period is withheld",
)
def measure_series(view: View) -> pd.DataFrame:
    """Series with an XmR chart. In public a series with a small period has neither mean nor limits: they are sums."""
    parts = [_charted(view, measure, rows) for measure, rows, _ in _all(view) if measure.chart == "xmr"]
    columns = ["measure", "date", "numerator", "denominator", "value", "mean", "lower", "upper", "verdict"]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _charted(view: View, measure: Measure, rows: pd.DataFrame) -> pd.DataFrame:
    from bond_eval.methods.spc import xmr

    rows = rows[rows["value"].notna()]
    if rows.empty:
        return rows
    chart = xmr(rows["value"].to_numpy(dtype=float), better=measure.better).frame()  # type: ignore[arg-type]
    money = measure.unit == "£"
    frame = pd.DataFrame(
        {
            "measure": measure.name,
            "date": list(rows["last"]),
            "numerator": np.nan if money else rows["numerator"].to_numpy(),
            "denominator": rows["denominator"].to_numpy() if measure.unit == "share" else np.nan,
            "value": rows["value"].to_numpy() / (1000 if money else 1) * (100 if measure.unit == "share" else 1),
        }
    )
    scale = 100 if measure.unit == "share" else 1 / 1000 if money else 1
    limits = chart[["mean", "lower", "upper"]].to_numpy() * scale
    whole = pd.to_numeric(frame["numerator"])
    of = pd.to_numeric(frame["denominator"])
    few = small(whole) | small(of - whole) | small(of)
    if view.public and few.mean() > MOST_WITHHELD:
        return rows.head(0)
    withheld = view.public and bool(few.any())
    limits = np.full_like(limits, np.nan) if withheld else limits
    return frame.assign(mean=limits[:, 0], lower=limits[:, 1], upper=limits[:, 2], verdict=_spoken(chart))


def _spoken(chart: pd.DataFrame) -> list[str]:
    signals = chart["reason"].ne("") & chart["verdict"].isin(("improvement", "concern", "neutral"))
    return [
        f"signal: {verdict}" if signal else str(verdict)
        for verdict, signal in zip(chart["verdict"], signals, strict=True)
    ]


@table(
    "assurance_view",
    title="The assurance timetable: external placements at each date, as known then and as known now",
    row="a date, mode and measure",
    labels={"date": "Date", "mode": "Mode", "measure": "Measure"},
    values=(
        Value("gap", "Differs from a number shown by"),
        Value("numerator", "Numerator", of="denominator", follows=("gap",)),
        Value("denominator", "Denominator"),
        Value("shown", "Value", "text", follows=("numerator", "denominator", "gap")),
    ),
    source=SOURCE,
    method="the returns that had been supplied by the date, or all of them",
)
def assurance_view(view: View) -> pd.DataFrame:
    """At each date of the timetable and each quarter since: the key measures, by what was known."""
    names = ("op_open", "op_started", "op_baseline_left", "ifa_baseline_left", "entries", "looked_after")
    rows = []
    now = known_now(view)
    for day in _assurance_days(view):
        for mode, known in ((THEN, known_then(view, day)), (NOW, now)):
            rows += [_assured(known, measures()[name], day, mode) for name in names if name in measures()]
    columns = ["date", "mode", "measure", "numerator", "denominator", "shown"]
    return _with_gaps(pd.DataFrame(rows, columns=columns))


def _with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the gap to a number that is shown: what differs by a few children would give those few away.

    A cohort's count only grows, so each of its steps is a number of children; what was known then is set beside what
    is known now.
    """
    gaps = pd.Series(0.0, index=frame.index)
    for name, part in frame[frame["mode"] == NOW].groupby("measure", sort=False):
        if "left" not in str(name):
            continue
        shown = part["numerator"].iloc[-1]
        for index in part.index[-2::-1]:
            gaps[index] = abs(shown - frame.at[index, "numerator"])
            if not 0 < gaps[index] < MINIMUM:
                shown, gaps[index] = frame.at[index, "numerator"], 0.0
    now = frame[frame["mode"] == NOW].set_index(["date", "measure"])["numerator"]
    for index, row in frame[frame["mode"] == THEN].iterrows():
        at = frame.index[(frame["mode"] == NOW) & (frame["date"] == row["date"]) & (frame["measure"] == row["measure"])]
        apart = abs(now[row["date"], row["measure"]] - row["numerator"])
        gaps[index] = apart if 0 < apart < MINIMUM else gaps[at[0]]
    frame.insert(3, "gap", gaps)
    return frame


def _assurance_days(view: View) -> list[dt.date]:
    from bond_eval.core.periods import Quarter

    days = [day for day in ASSURANCE_DATES if view.history.first_day < day <= view.as_of]
    quarter = Quarter.of(days[-1]).next() if days else view.quarter
    while quarter <= view.quarter:
        days.append(quarter.end)
        quarter = quarter.next()
    return days


def _assured(known: Known | None, measure: Measure, day: dt.date, mode: str) -> tuple[object, ...]:
    from bond_eval.core.periods import Quarter
    from bond_eval.evidence.measured import COMPUTED

    if known is None:
        return (day, mode, measure.name, np.nan, np.nan, "no return had reached this date")
    numerator, denominator = COMPUTED[measure.computed](known, Quarter.of(day).start, day)
    value = numerator / denominator * measure.per if measure.parts and denominator else numerator
    return (
        day,
        mode,
        measure.name,
        numerator,
        denominator if measure.unit == "share" else np.nan,
        written(measure, value),
    )


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
def theory_of_change(view: View) -> pd.DataFrame:
    """Each box with the verdict of its measures; a box without measure, or whose measures have no data, says so."""
    scores = {measure.id: one for measure, _, one in _all(view)}
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
    columns = ["diagram", "stage", "box", "status", "leads_to", "measured_by", "assumption"]
    return pd.DataFrame(rows, columns=columns)


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
def measure_conflicts(view: View) -> pd.DataFrame:
    """Periods for which both are there and differ: nothing is replaced silently."""
    columns = ["measure", "period", "numerator", "hand", "gap"]
    if view.measures is None:
        return pd.DataFrame(columns=columns)
    rows = []
    for measure, found, _ in _all(view):
        hand = view.measures.values[view.measures.values["measure_id"] == measure.id]
        both = found[found["source"] == COMPUTED_HERE].merge(
            hand[["period", "value"]], on="period", suffixes=("", "_hand")
        )
        for row in both.to_dict("records"):
            if measure.unit == "count" and row["value"] != row["value_hand"]:
                gap = row["value_hand"] - row["value"]
                rows.append((measure.name, row["period"], row["value"], row["value_hand"], gap))
    return pd.DataFrame(rows, columns=columns)
