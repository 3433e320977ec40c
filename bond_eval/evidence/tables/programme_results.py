"""What became of the children of each programme: outcomes, comparisons, events, scores and care."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.evidence.disclosure import small
from bond_eval.evidence.registry import Value, coarser, table
from bond_eval.evidence.tables.programmes import LINKED, REGISTER, each, of_each, once
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import changed, differs
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.programmes import care_before_after, comparison, events, outcomes, scales

HORIZON = 180  # days: the longest that most cases of 2020 could be followed by September
# A plan or another referral is a step in the work with a child, so that "before" and "after" are no comparison.
STEPS = ("cp_plan", "cin_plan", "re_referral")
BOUNDS = ("share", "lower", "upper")


def _estimate(found: Any) -> tuple[float, float, float]:
    return (found.value, found.lower, found.upper) if found is not None else (np.nan,) * 3


@table(
    "programme_outcomes",
    title=f"What had happened {HORIZON} days after the start, of all who started",
    row="a programme, outcome and cause",
    labels={"programme": "Programme", "outcome": "Outcome", "cause": "What happened"},
    values=(
        Value("children", "Children followed"),
        Value("events", "To whom it happened by then", of="children"),
        Value("at_risk", "Followed so long", of="children"),
        *(Value(name, label, "percent", follows=("children", "events"))
          for name, label in zip(BOUNDS, ("Cumulative incidence", "Lower", "Upper"), strict=True)),
        Value("unlinked", "Not in the return", of="children"),
    ),
    source=LINKED,
    method="Aalen-Johansen cumulative incidence, all starters from their start, other ends competing; 95% interval",
)  # fmt: skip
@once
def programme_outcomes(view: View) -> pd.DataFrame:
    """Becoming looked after (of those who were not) and leaving care (of those who were), within the horizon."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for outcome in (outcomes.ENTRY, outcomes.EXIT):
            found = outcomes.follow_up(register, view.history, view.as_of, key, outcome=outcome)
            for row in found.at(HORIZON).to_dict("records"):
                rows.append((outcome, row["cause"], row["children"], row["events"], row["at_risk"], row["incidence"],
                             row["lower"], row["upper"], found.unlinked))  # fmt: skip
        return rows

    names = ["outcome", "cause", "children", "events", "at_risk", *BOUNDS, "unlinked"]
    return of_each(view, names, build)


@table(
    "programme_comparison",
    title=f"Becoming looked after within {HORIZON} days: children taken on beside children who were not, or not yet",
    row="a programme and comparison group",
    labels={"programme": "Programme", "against": "Comparison group"},
    values=(
        Value("children", "Taken on"),
        Value("others", "Compared with"),
        Value("entered", "Taken on and became looked after", of="children"),
        Value("others_entered", "Of the others", of="others"),
        *(Value(name, label, "percent", follows=("children", "others", "entered", "others_entered"))
          for name, label in (("share", "Difference"), ("lower", "Lower"), ("upper", "Upper"))),
        Value("apart", "Largest standardised difference at the start", "decimal", follows=("children", "others")),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=LINKED,
    method="Mantel-Haenszel difference within status at referral, Klingenberg's 95% interval; no immortal time",
)  # fmt: skip
@once
def programme_comparison(view: View) -> pd.DataFrame:
    """Against refused cases, and against those still waiting at 60 days; cause is spoken of only where alike."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for against in comparison.DESIGNS:
            found = comparison.compare(register, view.history, view.as_of, key, against=against, horizon=HORIZON)
            sides = [found.frame[found.frame["treated"] == side] for side in (True, False)]
            if not all(len(side) for side in sides):
                continue
            apart = found.balance["smd"].abs().max() if len(found.balance) else np.nan
            verdict = differs(found.difference, found.causal, better="down")
            rows.append((against, *(len(side) for side in sides), *(int(side["reached"].sum()) for side in sides),
                         *_estimate(found.difference), apart, verdict))  # fmt: skip
        return rows

    names = ["against", "children", "others", "entered", "others_entered", *BOUNDS, "apart", "verdict"]
    return of_each(view, names, build)


@table(
    "programme_events",
    title="Events before the referral and after the start, of the same children",
    row="a programme and type of event",
    labels={"programme": "Programme", "event": "Event"},
    values=(
        Value("children", "Children compared"),
        Value("before", "Events before", event="event"),
        Value("after", "Events after", event="event"),
        *(Value(name, label, "factor", follows=("children", "before", "after"))
          for name, label in (("share", "Rate after ÷ before"), ("lower", "Lower"), ("upper", "Upper"))),
        *(Value(name, label, "factor", follows=("children", "before", "after"))
          for name, label in (("recent", "Last 3 months ÷ earlier"), ("settled", "After ÷ earlier months"))),
        Value("warning", "Falling back by itself", "text", children=False),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=REGISTER,
    method="negative binomial with jackknife, or exact conditional interval where events are few; a year each side",
)  # fmt: skip
@once
def programme_events(view: View) -> pd.DataFrame:
    """Rates in the year before and after; where a bad spell brought the referral about, that a fall was to come."""
    words = read_reference("register_words.csv")
    label = dict(words.loc[words["field"] == "type", ["word", "label"]].itertuples(index=False))

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for kind in (kind for kind in events.event_types(register) if kind not in STEPS):
            found = events.event_change(register, view.as_of, key, kind)
            if found.change is None:
                continue
            frame, mean = found.frame, found.mean
            before = int(frame["earlier"].sum() + frame["recent"].sum())
            expected = mean is not None and mean.expected
            warning = "A fall was to be expected: the referral followed a bad spell" if expected else "No sign of it"
            ratios = (
                (mean.recent.ratio.value, mean.after.ratio.value if mean.after else np.nan) if mean else (np.nan,) * 2
            )
            settled = mean.after.ratio if mean and mean.after else None
            verdict = changed(
                found.change.ratio, found.change.people, better="down", settled=settled if expected else None
            )
            rows.append((label.get(kind, kind), found.change.people, before, int(frame["after"].sum()),
                         *_estimate(found.change.ratio), *ratios, warning, verdict))  # fmt: skip
        return rows

    names = ["event", "children", "before", "after", *BOUNDS, "recent", "settled", "warning", "verdict"]
    return of_each(view, names, build)


@table(
    "programme_scales",
    title="Scores at the start and later, by rater",
    row="a programme, measure and rater",
    labels={"programme": "Programme", "measure": "Measure", "rater": "Rater"},
    values=(
        Value("starters", "Started"),
        Value("scored", "Scored at the start", of="starters"),
        Value("pairs", "Scored again", of="scored"),
        *(Value(name, label, "decimal", follows=("pairs",))
          for name, label in (("share", "Mean change"), ("lower", "Lower"), ("upper", "Upper"))),
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
def programme_scales(view: View) -> pd.DataFrame:
    """Mean change and reliable change; raters are never mixed, and who is missing is compared."""
    words = read_reference("register_words.csv")
    label = dict(words.loc[words["field"].isin(("measure", "rater")), ["word", "label"]].itertuples(index=False))

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for one in scales.scale_changes(register, view.as_of, key):
            better = "down" if one.measure in scales.LOWER_IS_BETTER else "up"
            verdict = changed(one.change, one.pairs, better=better, null=0.0)
            without = one.reliable["No norm"]
            norm = [one.reliable[name] if without < one.pairs else np.nan for name in scales.RELIABLE[:3]]
            rows.append((label.get(one.measure, one.measure), label.get(one.rater, one.rater or "Not recorded"),
                         one.starters, one.scored, one.pairs, *_estimate(one.change), *norm, without,
                         _estimate(one.gap)[0], " ".join(one.cannot), verdict))  # fmt: skip
        return rows

    names = ["measure", "rater", "starters", "scored", "pairs", *BOUNDS, "better", "same", "worse", "without",
             "gap", "cannot", "verdict"]  # fmt: skip
    return of_each(view, names, build)


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
        *(Value(name, label, "decimal", follows=("children",))
          for name, label in (("share", "Mean change a child"), ("lower", "Lower"), ("upper", "Upper"))),
    ),
    source=LINKED,
    method="windows of one length on both sides, a year at most; t interval; describes, proves no effect",
)  # fmt: skip
@once
def programme_care(view: View) -> pd.DataFrame:
    """Child-days by category on both sides; in public only where six children or more had a day in it, or none."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        found = care_changes(view)[key]
        return [(r["category"], r["placed"], found.children, r["before"], r["after"], *_estimate(r["change"]))
                for r in found.days.to_dict("records")]  # fmt: skip

    return of_each(view, ["category", "children", "of", "before", "after", *BOUNDS], build)


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


@table(
    "programme_moves",
    title="Moves within care before and after the start",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("children", "Children"),
        Value("events", "Moves on both sides"),
        *(Value(name, label, "factor", follows=("children", "events"))
          for name, label in (("share", "Rate after ÷ before"), ("lower", "Lower"), ("upper", "Upper"))),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=LINKED,
    method="moves for each day in care, as for events; temporary placements and one carer's changes left out",
)  # fmt: skip
@once
def programme_moves(view: View) -> pd.DataFrame:
    """Rate of moves after over before, of children looked after at the start."""

    def build(key: str, register: Register) -> list[tuple[Any, ...]]:
        found = care_changes(view)[key].moves
        if found is None:
            return []
        verdict = changed(found.ratio, found.people, better="down")
        return [(found.people, found.ratio.n, *_estimate(found.ratio), verdict)]

    return of_each(view, ["children", "events", *BOUNDS, "verdict"], build)
