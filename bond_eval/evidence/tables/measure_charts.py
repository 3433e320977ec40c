"""Tables of notebook 20: the charts of the measures of success, where they start anew, and those of rare events."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.measured import known_now
from bond_eval.evidence.rare import CLOCKS, rare_chart
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.scorecard import MOST_WITHHELD, NO_DATA, RARE_CHARTS, Measure, measures_of, scored, starts
from bond_eval.evidence.tables.measures_of_success import PARTS, SOURCE
from bond_eval.evidence.view import View
from bond_eval.methods.spc import ENOUGH
from bond_eval.methods.spc import TOO_FEW as UNJUDGED
from bond_eval.methods.spc_rare import TOO_FEW, RareChart

TENS = 10  # a number of events told by whole tens gives no few of them away, from release to release either


@table(
    "measure_series",
    title="Charted measures, period by period",
    row="a measure and period",
    labels={"measure": "Measure", "date": "Period's last day"},
    values=(
        *PARTS,
        Value("value", "Value", "decimal", follows=("numerator", "denominator")),
        Value("mean", "Mean", "decimal", follows=("numerator", "denominator"), over="measure"),
        Value("lower", "Lower limit", "decimal", follows=("numerator", "denominator"), over="measure"),
        Value("upper", "Upper limit", "decimal", follows=("numerator", "denominator"), over="measure"),
        Value("verdict", "Verdict", "text", children=False),
        Value("rebased", "Re-based because", "text", children=False),
        Value("unit", "Unit", "text", children=False),
    ),
    source=SOURCE,
    method="XmR chart, moving ranges screened; limits only where no period is withheld",
)
def measure_series(view: View) -> pd.DataFrame | Rows:
    """Series with an XmR chart. In public a series with a small period has neither mean nor limits: they are sums."""
    parts = [_charted(view, measure, rows) for measure, rows, _ in scored(view) if measure.chart == "xmr"]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else []


def _charted(view: View, measure: Measure, rows: pd.DataFrame) -> pd.DataFrame:
    from bond_eval.methods.spc import xmr

    rows = rows[rows["value"].notna()]
    if rows.empty:
        return rows
    anew = starts(measure, rows["first"])
    values = rows["value"].to_numpy(dtype=float)
    chart = xmr(values, better=measure.better, rebase_at=anew).frame()  # type: ignore[arg-type]
    money = measure.unit == "£"
    frame = pd.DataFrame(
        {
            "measure": measure.name,
            "date": list(rows["last"]),
            "numerator": np.nan if money else rows["numerator"].to_numpy(),
            "denominator": rows["denominator"].to_numpy() if measure.unit == "share" else np.nan,
            "unit": {"£": "£000", "share": "%", "rate": f"per {formats.number(measure.per)} {measure.denominator}"}.get(
                measure.unit, ""
            ),
            "rebased": [anew.get(place, "") for place in range(len(rows))],
            "value": rows["value"].to_numpy() / (1000 if money else 1) * (100 if measure.unit == "share" else 1),
        }
    )
    scale = 100 if measure.unit == "share" else 1 / 1000 if money else 1
    limits = chart[["mean", "lower", "upper"]].mask(chart["verdict"] == UNJUDGED).to_numpy() * scale
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
    "rebasings",
    title="Where a chart's limits start anew, and why",
    row="a re-basing",
    labels={"measure": "Measure", "date": "From"},
    values=(
        Value("reason", "Why", "text", children=False),
        Value("before", "Points before", children=False),
        Value("since", "Points since", children=False),
        Value("judged", "Judged since", "text", children=False),
    ),
    source="measures/rebasings.csv",
    method="limits from the points since the date alone; a stretch of fewer than 12 is not judged",
)
def rebasings(view: View) -> Rows:
    """Every re-basing that an authority stated, those that meet no chart among them."""
    rows = []
    for measure, frame, _ in scored(view):
        have = frame[frame["value"].notna()]
        days = [*(day for day, _ in measure.rebased), dt.date.max]
        for (day, reason), until in zip(measure.rebased, days[1:], strict=True):
            since = int(have["first"].between(day, until, inclusive="left").sum())
            charted = measure.chart == "xmr" and len(starts(measure, have["first"])) > 0
            judged = "not charted" if not charted else "yes" if since >= ENOUGH else f"not yet: {ENOUGH} are needed"
            rows.append((measure.name, day, reason, int((have["first"] < day).sum()), since, judged))
    return rows


@table(
    "rare_events",
    title="Rare events: is the time between them longer or shorter than before?",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("between", "What is charted", "text", children=False),
        Value("chart", "Chart", "text", children=False),
        Value("gaps", "Gaps", "text", children=False),
        Value("verdict", "Last gap", "text", children=False),
    ),
    source=SOURCE,
    method="t chart (gaps to the power 1/3.6) or g chart (geometric limits), from 12 gaps on",
)
def rare_events(view: View) -> Rows:
    """Measures with a t or g chart. In public gaps are told by tens: their number is that of events."""
    rows = []
    for measure, chart in _rare(view):
        kind, between, _ = CLOCKS[measure.computed]
        count = 0 if chart is None else len(chart.gaps)
        told = formats.number(count)
        if view.public:
            told = f"{count // TENS * TENS} or more" if count >= TENS else f"fewer than {TENS}"
        rows.append((measure.name, between, kind, told if chart else "none", chart.verdict if chart else NO_DATA))
    return rows


@table(
    "rare_series",
    title="Gaps between rare events, event by event (internal edition)",
    row="a measure and gap",
    labels={"measure": "Measure", "gap": "Gap"},
    values=(
        Value("value", "Length", "decimal", children=False),
        Value("mean", "Centre", "decimal", children=False),
        Value("lower", "Lower limit", "decimal", children=False),
        Value("upper", "Upper limit", "decimal", children=False),
        Value("verdict", "Verdict", "text", children=False),
    ),
    source=SOURCE,
    method="t chart (gaps to the power 1/3.6) or g chart (geometric limits), from 12 gaps on",
)
def rare_series(view: View) -> pd.DataFrame | Rows:
    """Every gap of the t and g charts; none in public, where the day of a single event could be worked out."""
    parts = []
    for measure, chart in _rare(view) if not view.public else ():
        if chart is None:
            continue
        limits = (np.nan,) * 3 if chart.verdict == TOO_FEW else (chart.centre, chart.lower, chart.upper)
        frame = pd.DataFrame({"measure": measure.name, "gap": range(1, len(chart.gaps) + 1), "value": chart.gaps})
        frame = frame.assign(mean=limits[0], lower=limits[1], upper=limits[2])
        beyond = (frame["value"] > limits[2]) | (frame["value"] < limits[1])
        parts.append(frame.assign(verdict=np.where(beyond, "signal: outside", chart.verdict)))
    return pd.concat(parts, ignore_index=True) if parts else []


def _rare(view: View) -> list[tuple[Measure, RareChart | None]]:
    """Measures with a t or g chart, and the chart where there is one."""
    known = known_now(view)
    mine = [one for one in measures_of(view).values() if one.chart in RARE_CHARTS]
    return [(one, rare_chart(known, one.computed)) for one in mine]
