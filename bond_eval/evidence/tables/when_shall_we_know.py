"""Tables of notebook 42: the smallest effect that could be seen, when an expected one would show, what to find out."""

from __future__ import annotations

import numpy as np

from bond_eval.evidence.dials import worked_table
from bond_eval.evidence.measured import COMPUTED, known_now
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.scorecard import measures_of, periods
from bond_eval.evidence.tables.programmes import once
from bond_eval.evidence.tables.what_would_change_the_answer import simulated
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

FILE = "expected_effects.csv"
NOT_WITHIN, NONE_EXPECTED = "not within 20 years", "no change was expected"


def _split(view: View, name: str) -> tuple[list[float], list[float]] | None:
    """Counts of a measure by whole quarter before the programme's date and since; None without date or data."""
    start = view.authority.programme_date
    if start is None:
        return None
    known, count = known_now(view), COMPUTED[measures_of(view)[name].computed]
    before, since = [], []
    for _, first, last in periods(view.history.first_day, view.as_of, "quarter"):
        number = count(known, first, last)[0]
        if np.isnan(number):
            continue
        # The quarter in which the programme began belongs to neither.
        if last < start:
            before.append(number)
        elif first >= start:
            since.append(number)
    return (before, since) if before and since else None


@table(
    "detectable_effects",
    title="The smallest change that could be seen now, and when the expected one would show",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("events", "Events before"),
        Value("quarters", "Quarters before", children=False),
        Value("after", "Quarters since", children=False),
        Value("dispersion", "Spread against chance alone", "rate", children=False),
        Value("fall", "Smallest fall that would be seen", "percent", follows=("events",)),
        Value("rise", "Smallest rise that would be seen", "percent", follows=("events",)),
        Value("expected", "Change that was expected", "percent", children=False),
        Value("visible", "When the expected change would show", "text", children=False),
        Value("questions", "Questions", "text", children=False),
    ),
    source="SSDA903 episodes; data/reference/expected_effects.csv",
    method="exact comparison of two rates, 80% power, 5% level, counts scaled by their spread between quarters",
)
@once
def detectable_effects(view: View) -> Rows:
    """Charted flows with an expected effect; without data or a programme_date a measure is left out."""
    from bond_eval.methods.power import detectable, periods_until

    rows = []
    for row in worked_table(FILE, "ratio").to_dict("records"):
        measure = measures_of(view)[row["measure"]]
        split = _split(view, measure.id)
        if split is None:
            continue
        before, since = split
        events, spread = int(sum(before)), _dispersion(before)
        seen = detectable(events, len(before), len(since), dispersion=spread)
        visible = NONE_EXPECTED
        if row["ratio"] < 1:
            further = periods_until(row["ratio"], events, len(before), len(since), dispersion=spread)
            visible = NOT_WITHIN if further is None else str(view.quarter.next(further)) if further else "already"
        rows.append(
            (measure.name, events, len(before), len(since), spread, 1 - seen.fall, seen.rise - 1, 1 - row["ratio"],
             visible, ", ".join(measure.questions))
        )  # fmt: skip
    return rows


def _dispersion(counts: list[float]) -> float:
    """Variance over mean of the quarters before, 1 at least: what chance alone would give is 1."""
    mean = float(np.mean(counts))
    return max(float(np.var(counts, ddof=1)) / mean, 1.0) if len(counts) > 2 and mean > 0 else 1.0


@table(
    "when_known",
    title="For each question: the smallest effect that could be seen now, and when we shall know more",
    row="a question",
    labels={"question": "Question"},
    values=(
        Value("measure", "Best measure", "text", children=False),
        Value("fall", "Smallest fall that would be seen", "percent", children=False),
        Value("visible", "When the expected change would show", "text", children=False),
        Value("missing", "What is missing most", "text", children=False),
        Value("uncounted", "No count can tell", children=False),
    ),
    source="SSDA903 episodes; data/reference/expected_effects.csv and questions.csv",
    method="the measure of the question that would show the smallest fall",
)
def when_known(view: View) -> Rows:
    """Dartington's ten questions; those that no count can answer say what would."""
    seen = detectable_effects(view)
    told = {name: set(text.split(", ")) for name, text in zip(seen["measure"], seen["questions"], strict=True)}
    rows = []
    questions = read_reference("questions.csv")
    for question in questions[questions["kind"] == "question"].to_dict("records"):
        bears = np.array([question["id"] in told[name] for name in seen["measure"]], dtype=bool)
        mine = seen[bears].dropna(subset=["fall"])
        if mine.empty:
            rows.append((question["id"], "none that counts events", np.nan, "", question["data_needed"], 1))
            continue
        best = mine.sort_values("fall").iloc[0]
        rows.append((question["id"], best["measure"], best["fall"], best["visible"], question["data_needed"], 0))
    return rows


@table(
    "information_worth",
    title="What it would be worth to know before choosing whether to fund",
    row="an unknown",
    labels={"unknown": "Unknown"},
    values=(
        Value("worth", "Worth knowing, £ a year", "pounds", children=False),
        Value("told_by", "What would tell", "text", children=False),
        Value("field", "Where it would be recorded", "text", children=False),
    ),
    source="data/reference/assumptions.csv and information.csv",
    method="expected value of perfect information from seeded draws of the net position, one unknown at a time",
)
def information_worth(view: View) -> Rows:
    """Unknowns by worth for the choice between a year of the programmes and none; the last row is knowing them all."""
    from bond_eval.methods.value_of_information import value_of_information

    drawn = simulated(view)
    worth = value_of_information(drawn.result * 1000, drawn.inputs)
    rows = [
        (row["unknown"], round(worth.parts[row["dial"]], -2), row["told_by"], row["field"])
        for row in read_reference("information.csv").to_dict("records")
        if row["dial"] in worth.parts
    ]
    rows.sort(key=lambda row: -row[1])
    return [*rows, ("All of them", round(worth.whole, -2), "Certainty, which nobody has", "")]
