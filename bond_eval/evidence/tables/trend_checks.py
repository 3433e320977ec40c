"""More tables of notebook 04: every method on the planned series, what the comparisons rest on, how intervals cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.tables.did_the_trend_change import (
    FEWEST,
    METHOD,
    NEIGHBOUR_OUTCOMES,
    RATIO,
    SOURCE,
    designs_of,
    fewest,
    trend_of,
)
from bond_eval.evidence.trend_words import CANNOT, checks, judged, written
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import ends_of
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import day_number
from bond_eval.methods.difference import Difference
from bond_eval.methods.interrupted import COUNTS, NAMES
from bond_eval.methods.proportions import Estimate
from bond_eval.methods.regimes import FILE, measured, trusted
from bond_eval.methods.survival import cox, log_rank
from bond_eval.placements.categories import EXTERNAL
from bond_eval.placements.cohorts import stays
from bond_eval.placements.panel import neighbours_panel, peers, why_not
from bond_eval.placements.series import BEGUN
from bond_eval.placements.trend import COMPARED, OLDER, Design

SIDE_BY_SIDE = ("count_ar1", "quasi_poisson", "negative_binomial", "poisson", "newey_west")
PLANNED, OTHERS = "The planned method", "Others, as they stand"


@table(
    "trend_methods",
    title="The planned series by each method as it stands, and what is made of it",
    row="a method",
    labels={"group": "Kind", "method": "Method"},
    values=(
        *RATIO,
        Value("shown", "By itself", "text", follows=("few",)),
        Value("reading", "It would say", "text", follows=("few",)),
        Value("seasons", "With yearly seasons", "text", follows=("few",)),
        Value("covered", "Its 95% intervals held the truth in", "text"),
        Value("counts", "What counts", "text", follows=("few",)),
        Value("checks", "What is left over", "text", follows=("few",)),
    ),
    source=SOURCE,
    method="each method's own interval; what counts is that or, where it covers badly in such series, a wider one",
)
def trend_methods(view: View) -> Rows:
    """Poisson, negative binomial, quasi-Poisson and least squares beside the planned method; empty without a date."""
    trend, rows = trend_of(view), []
    start = trend.place(view.authority.programme_date) or 0
    few = fewest(trend.one(BEGUN, OLDER)[0][start:].sum())
    for method in SIDE_BY_SIDE:
        plain, seasons = trend.by_method(method), trend.by_method(method, 1)
        if plain is None or seasons is None:
            continue
        mean = plain.events / plain.n if method in COUNTS and plain.n else 0.0
        held = measured(method, "level", mean, plain.n, plain.after)
        counts = f"{plain.verdict}: {written(plain.effect)}, {judged(plain.effect)}" if plain.effect else plain.reason
        rows.append(
            (
                PLANNED if method == SIDE_BY_SIDE[0] else OTHERS, formats.capital(NAMES[method]), few,
                *ends_of(plain.alone), written(plain.alone) if plain.alone else CANNOT, judged(plain.alone),
                f"{written(seasons.alone)}, {judged(seasons.alone)}" if seasons.alone else CANNOT,
                f"{formats.percent(min(held), 1)} to {formats.percent(max(held), 1)}" if held else "not measured",
                counts, checks(Design("", "", plain.alone, "", 2, result=plain)),
            )
        )  # fmt: skip
    return rows


@table(
    "trend_comparisons",
    title="What each comparison with other children or areas rests on",
    row="a comparison",
    labels={"design": "Comparison"},
    values=(
        FEWEST,
        Value("before", "Alike before?", "text", follows=("few",)),
        Value("in_time", "Dated half-way before", "text", follows=("few",)),
        Value("leave_out", "An area left out", "text", follows=("few",)),
        Value("p", "Permutation p", "text", follows=("few",)),
        Value("weights", "Compared with", "text", follows=("few",)),
        Value("left_out", "Left out", "text"),
    ),
    source=SOURCE,
    method=METHOD,
)
def trend_comparisons(view: View) -> Rows:
    """Parallel trends or fit before, placebos in time and space, leave-one-out; the areas left out, with the reason."""
    rows = []
    for one in [one for one in designs_of(view) if one.group == COMPARED]:
        result, cells = one.result, (one.why or CANNOT, *["-"] * 4)
        if isinstance(result, Difference):
            cells = (_parallel(result.parallel), "-", "-", _permutation(result), _beside(view, result))
        elif result is not None and result.effect is not None:
            cells = (
                f"fit before: {formats.percent(result.fit, 1)} off", _ratio(result.in_time),
                " to ".join(map(_ratio, result.leave_one_out)), _permutation(result),
                "; ".join(f"{area} {formats.percent(share)}" for area, share in result.weights if share >= 0.005),
            )  # fmt: skip
        rows.append((one.name, one.few, *cells, _left_out(view, one.name)))
    return rows


def _parallel(found: Estimate | None) -> str:
    """How much faster the treated series moved before, a month or year; areas come as logarithms."""
    if found is None:
        return "too little before to tell"
    ends = [found.lower, found.value, found.upper]
    if found.method.startswith("t,"):
        ends = np.exp(ends).tolist()
    alike = "not shown to differ" if ends[0] <= 1 <= ends[2] else "trends differ"
    low, value, high = (formats.number(end, 3) for end in ends)
    return f"{alike}: × {value} ({low} to {high}) a step"


def _ratio(log: float) -> str:
    return formats.number(float(np.exp(log)), 2)


def _permutation(found: Any) -> str:
    if np.isnan(found.p_value):
        return "-"
    return f"{formats.number(found.p_value, 2)} (smallest possible {formats.number(found.smallest, 2)})"


def _beside(view: View, found: Difference) -> str:
    if found.others > 1:
        return f"the mean of {formats.number(found.others)} areas"
    reached = "the case review, TCS and Harbour reach" if view.authority.published else "other work may reach"
    return f"children under 12, whom {reached}: a contaminated control"


def _left_out(view: View, name: str) -> str:
    """Areas that are no donors: by the dated list of similar programmes, or for a gap."""
    measure = next((key for key, label in NEIGHBOUR_OUTCOMES.items() if name.startswith(label)), "")
    if not measure or why_not(view):
        return "-"
    found, frame = peers(view), neighbours_panel(view, measure)
    similar = found.neighbours.loc[found.neighbours["excluded"] != "", ["name", "excluded"]].to_numpy()
    own = frame[frame["own"] & frame["value"].notna()]["period"].min()
    gaps = sorted(set(frame.loc[frame["value"].isna() & ~frame["own"] & (frame["period"] >= own), "area"]))
    words = [f"{area}: {why}" for area, why in similar]
    words += [f"{formats.listed(gaps)}: a year is missing or suppressed"] if gaps else []
    return "; ".join(words) or "none"


@table(
    "trend_stays",
    title="Do stays at ages 12 to 17 end sooner since the programme began?",
    row="a category",
    labels={"category": "Category"},
    values=(
        Value("few", "Fewest stays or leavings behind it, where 1 to 5"),
        *interval("ratio", "Hazard ratio", "factor", "few"),
        Value("statement", "In words", "text", follows=("few",)),
    ),
    method="Cox regression of leaving on a start since the programme and on age; log-rank test; an equal time followed",
)
def trend_stays(view: View) -> Rows:
    """Leavings cannot be judged as a series where they are few a month; child by child they may be. Exploratory."""
    return [(category, *_stays(view, category)) for category in EXTERNAL] if view.authority.programme_date else []


def _stays(view: View, category: str) -> tuple[Any, ...]:
    """Smallest count behind it, hazard ratio with its ends, words: stays begun in the two years before and since."""
    began, last = day_number(view.authority.programme_date or view.as_of), day_number(view.as_of) + 1
    rows, followed = stays(view.history), last - began
    birth = view.history.people["birth"].to_numpy()[rows["child"].to_numpy()]
    rows = rows.assign(age=(rows["start"] - birth) / 365.25, since=rows["start"] >= began)
    rows = rows[(rows["category"] == category) & rows["age"].between(12, 18) & (rows["start"] >= began - 730)]
    time = np.minimum(np.minimum(rows["end"], last) - rows["start"], followed).to_numpy(dtype=float)
    left = (~rows["is_open"] & (rows["end"] - rows["start"] <= followed)).to_numpy()
    few = fewest(*(int(part.sum()) for side in (rows["since"], ~rows["since"]) for part in (side, side & left)))
    try:
        fit = cox(time, left.astype(int), rows[["since", "age"]].astype(float))
        test = log_rank(time, left.astype(int), rows["since"].to_numpy())
    except ValueError as error:
        return few, np.nan, np.nan, np.nan, f"{CANNOT}: {error}"
    found = Estimate(fit.hazard_ratios[0], fit.lower[0], fit.upper[0], fit.n, "Cox")
    word = "no clear difference" if found.lower <= 1 <= found.upper else "sooner" if found.lower > 1 else "later"
    words = f"{written(found)} times as often on any night: {word}; log-rank p {formats.number(test.p_value, 2)}"
    return few, *ends_of(found), words


def _coverage() -> pd.DataFrame:
    frame = read_reference(FILE)
    numbers = ["mean", "months", "after", "autocorrelation", "coverage"]
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in numbers})


@table(
    "trend_coverage",
    title="How often nominal 95% intervals of a change of level held the truth in simulated series without one",
    row="a method, length, months after and autocorrelation",
    labels={
        "case": "Method and length", "method": "Method", "months": "Months", "after": "After",
        "autocorrelation": "Autocorrelation",
    },
    values=(
        Value("lowest", "Lowest coverage", "percent", children=False),
        Value("highest", "Highest coverage", "percent", children=False),
        Value("accepted", "Accepted", "text", children=False),
    ),
    source=f"data/reference/{FILE}, made by benchmarks/coverage.py",
    method="500 to 2,000 seeded series a cell; over the ways of being autocorrelated and the mean counts simulated",
)  # fmt: skip
def trend_coverage(view: View) -> pd.DataFrame:
    """Lowest and highest measured coverage of each method in each regime."""
    frame = _coverage()
    frame = frame[(frame["impact"] == "level") & ~frame["process"].str.startswith("shock")]
    labels = ["method", "months", "after", "autocorrelation"]
    found = frame.groupby(labels, sort=False)["coverage"].agg(lowest="min", highest="max").reset_index()
    accepted = [trusted((low, high)) for low, high in zip(found["lowest"], found["highest"], strict=True)]
    names = [formats.capital(name) for name in found["method"].map(NAMES)]
    found = found.assign(method=names, accepted=np.where(accepted, "yes", "no"))
    return found.assign(case=[f"{row.method}: {row.months} months, {row.after} of them after"
                              for row in found.itertuples()])  # fmt: skip


@table(
    "trend_false_positives",
    title="How often a change is found though there is none, with a shock of the pandemic's length a month after",
    row="a method, handling of the shock, mean count and autocorrelation",
    labels={
        "case": "Method, shock and events a month", "method": "Method", "process": "Shock", "mean": "Events a month",
        "autocorrelation": "Autocorrelation",
    },
    values=(Value("wrong", "False positives", "percent", children=False),),
    source=f"data/reference/{FILE}, made by benchmarks/coverage.py",
    method="2,000 seeded series a cell, 66 months, 8 after; entries at 0.65 of their rate in the shock",
)  # fmt: skip
def trend_false_positives(view: View) -> pd.DataFrame:
    """Share of 95% intervals that miss no change; 5% is what they promise."""
    frame = _coverage()
    frame = frame[frame["process"].str.startswith("shock")]
    frame = frame.assign(wrong=1 - frame["coverage"], method=frame["method"].map(NAMES))
    return frame.assign(case=[f"{formats.capital(row.method)}, {row.process}, {row.mean:.0f} a month"
                              for row in frame.itertuples()])  # fmt: skip
