"""What became of the children of each programme: outcomes, events, scores and days in placements."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.evidence.disclosure import small
from bond_eval.evidence.gate import least
from bond_eval.evidence.registry import Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.programmes import LINKED, NONE_OF, REGISTER, each, once
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import changed, ends_of
from bond_eval.intake.reference import read_reference
from bond_eval.programmes import care_before_after, events, outcomes, scales

HORIZON = 180  # days: the longest that most cases of 2020 could be followed by September
# A plan or another referral is a step in the work with a child, so that "before" and "after" are no comparison.
STEPS = ("cp_plan", "cin_plan", "re_referral")


@table(
    "programme_outcomes",
    title=f"What had happened {HORIZON} days after the start, of those to whom it could",
    row="a programme, outcome and cause",
    labels={"programme": "Programme", "outcome": "Outcome", "cause": "What happened"},
    values=(
        Value("children", "Children followed"),
        Value("events", "To whom it happened by then", of="children"),
        Value("at_risk", "Followed so long", of="children"),
        NONE_OF,
        *interval("share", "Cumulative incidence", "percent", "children", "events", ends=NONE_OF.name),
        Value("unlinked", "Not in the return", of="children"),
    ),
    source=LINKED,
    method="Aalen-Johansen cumulative incidence, all starters from their start, other ends competing; 95% interval",
)
@once
def programme_outcomes(view: View) -> Rows:
    """Becoming looked after (of those who were not) and leaving care (of those who were), within the horizon."""

    rows = []
    for key, name, register in each(view):
        for outcome in (outcomes.ENTRY, outcomes.EXIT):
            found = outcomes.follow_up(register, view.history, view.as_of, key, outcome=outcome)
            then = found.at(HORIZON).rename(columns={"incidence": "share"}).to_dict("records")
            rows += [{"programme": name, "outcome": outcome, "unlinked": found.unlinked, **row} for row in then]
    return rows


@table(
    "programme_events",
    title="Events before the referral and after the start, of the same children",
    row="a programme and type of event",
    labels={"programme": "Programme", "event": "Event"},
    values=(
        Value("children", "Children compared"),
        Value("few", "Children compared, where they are few", inward=True),
        Value("before", "Events before", event="event"),
        Value("after", "Events after", event="event"),
        *interval("share", "Rate after ÷ before", "ratio", "few", "before", "after"),
        *(Value(name, label, "ratio", follows=("few", "before", "after"))
          for name, label in (("recent", "Last 3 months ÷ earlier"), ("settled", "After ÷ earlier months"))),
        Value("warning", "Falling back by itself", "text", children=False),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=REGISTER,
    method="negative binomial with jackknife, or exact conditional interval where events are few; a year each side",
)  # fmt: skip
@once
def programme_events(view: View) -> Rows:
    """Rates in the year before and after; where a bad spell brought the referral about, that a fall was to come."""
    words = read_reference("register_words.csv")
    label = dict(words.loc[words["field"] == "type", ["word", "label"]].itertuples(index=False))

    rows = []
    for key, name, register in each(view):
        for kind in (kind for kind in events.event_types(register) if kind not in STEPS):
            found = events.event_change(register, view.as_of, key, kind)
            if (change := found.change) is None:
                continue
            mean = found.mean
            expected = mean is not None and mean.expected
            warning = "A fall was to be expected: the referral followed a bad spell" if expected else "No sign of it"
            recent = mean.recent.ratio if mean else None
            settled = mean.after.ratio if mean and mean.after else None
            verdict = changed(change.ratio, change.people, better="down", settled=settled if expected else None)
            # Of the children compared alone.
            counts = (change.people, least(change.people), change.before.n, change.after.n)
            rows.append((name, label.get(kind, kind), *counts, *ends_of(change.ratio), ends_of(recent)[0],
                         ends_of(settled)[0], warning, verdict))  # fmt: skip
    return rows


@table(
    "programme_scales",
    title="Scores at the start and later, by rater",
    row="a programme, measure and rater",
    labels={"programme": "Programme", "measure": "Measure", "rater": "Rater"},
    values=(
        Value("starters", "Started"),
        Value("scored", "Scored at the start", of="starters"),
        Value("pairs", "Scored again", of="scored"),
        *interval("share", "Mean change", "decimal", "pairs"),
        # With the pairs that have no norm the three add up to the pairs, so they are shown together or not at all.
        *(Value(name, label, of="pairs", follows=("better", "same", "worse", "without"))
          for name, label in (("better", "Better beyond measurement error"), ("same", "No reliable change"),
                              ("worse", "Worse"))),
        Value("without", "Pairs without a norm", of="pairs"),
        Value("gap", "Start score of those not scored again, less the rest", "decimal", follows=("pairs", "scored")),
        Value("cannot", "What cannot be worked out", "text", follows=("pairs", "without")),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=REGISTER,
    method="paired t interval; reliable change by published norms of rater and age (Jacobson and Truax 1991)",
)  # fmt: skip
@once
def programme_scales(view: View) -> Rows:
    """Mean change and reliable change; raters are never mixed, and who is missing is compared."""
    words = read_reference("register_words.csv")
    label = dict(words.loc[words["field"].isin(("measure", "rater")), ["word", "label"]].itertuples(index=False))

    rows = []
    for key, name, register in each(view):
        for one in scales.scale_changes(register, view.as_of, key):
            better = "down" if one.measure in scales.LOWER_IS_BETTER else "up"
            verdict = changed(one.change, one.pairs, better=better, null=0.0)
            without = one.reliable["No norm"]
            norm = [one.reliable[kind] if without < one.pairs else np.nan for kind in scales.RELIABLE[:3]]
            rows.append((name, label.get(one.measure, one.measure), label.get(one.rater, one.rater or "Not recorded"),
                         one.starters, one.scored, one.pairs, *ends_of(one.change), *norm, without,
                         ends_of(one.gap)[0], " ".join(one.cannot), verdict))  # fmt: skip
    return rows


@coarser("programme_scales", "Scores of which few or no children have a second are left out of what is published.")
def scales_of_many(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores that were taken again of more than a few: of the others nothing could be shown."""
    return frame[(frame["pairs"] > 0) & ~small(frame["pairs"])].reset_index(drop=True)


@table(
    "programme_care",
    title="Days in placements before and after the start, of children looked after when it came",
    row="a programme and category",
    labels={"programme": "Programme", "category": "Category"},
    values=(
        Value("children", "Children with a day in it", of="of"),
        Value("of", "Children compared"),
        Value("before", "Days before", "number", follows=("children",)),
        Value("after", "Days after", "number", follows=("children",)),
        *interval("share", "Mean change a child", "decimal", "children", "of"),
    ),
    source=LINKED,
    method="windows of one length on both sides, a year at most; t interval; describes, proves no effect",
)
@once
def programme_care(view: View) -> Rows:
    """Child-days by category on both sides; in public only where six children or more had a day in it, or none."""

    return [
        (name, row["category"], row["placed"], found.children, row["before"], row["after"], *ends_of(row["change"]))
        for key, name, _ in each(view)
        for found in [care_changes(view)[key]]
        for row in found.days.to_dict("records")
    ]


@coarser("programme_care", "Categories in which few children had a day are left out of what is published.")
def care_of_many(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories in which nobody, or not only a few, had a day: of the others nothing could be shown."""
    return frame[~small(frame["children"])].reset_index(drop=True)


def care_changes(view: View) -> dict[str, care_before_after.CareChange]:
    """Programme -> its starters' days and moves before and after, worked out once a view."""
    if "care_changes" not in view.shelf:
        found = {key: care_before_after.care_change(register, view.history, view.as_of, key)
                 for key, _, register in each(view)}  # fmt: skip
        view.shelf["care_changes"] = found
    kept: dict[str, care_before_after.CareChange] = view.shelf["care_changes"]
    return kept
