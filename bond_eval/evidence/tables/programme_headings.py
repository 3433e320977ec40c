"""The headings that a programme is judged by, each with what can be said of it: rows of the tables that all share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.cells import show
from bond_eval.evidence.gate import least
from bond_eval.evidence.registry import ALL, Rows, Value, interval, table
from bond_eval.evidence.tables import programme_results as results
from bond_eval.evidence.tables.programmes import LINKED, called, once
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import (
    ALIKE,
    BACK,
    BETTER,
    FEW,
    HIGHER,
    LOWER,
    TOO_FEW,
    UNCLEAR,
    WORSE,
    changed,
    differs,
    ends_of,
)
from bond_eval.intake.register import Register
from bond_eval.methods.proportions import Estimate, wilson
from bond_eval.programmes.comparison import compare

RATE, SHARE, CHANGE, DIFFERENCE, DAYS, ALONE = (
    "Rate after ÷ before", "Share", "Mean change of a score", "Difference from others, percentage points",
    "Change in days a child", "",
)  # fmt: skip
DESCRIBED = "described, not judged: there is nothing to compare it with"
EARLY = "too early: nobody has been followed so long"
NONE = "none recorded, before or after"
NEEDS = {
    "cases": "the referrals (register/cases.csv)",
    "events": "dated events (register/events.csv)",
    "measures": "scores at the start and later (register/measures.csv)",
    "contacts": "contacts (register/contacts.csv)",
    "activity": "the number of staff and what they did, month by month (register/activity.csv)",
}
GUARDS = ("few", "rest", "before", "after")
CHANGED = {"change": "Mean change", "change_lower": "Its lower end", "change_upper": "Its upper end"}
LABELS = {"heading": "Heading", "measure": "Measure", "form": "Told as"}
VALUES = (
    Value("children", "Children"),
    Value("beside", "Of, or compared with", follows=("rest",)),
    Value("rest", "Children who were not followed so long", inward=True),
    # A share and a mean give away the number that they are of, a ratio of events only that it is few.
    Value("few", "Children that the estimate would give away", inward=True),
    Value("before", "Events before, or of the others", event="measure"),
    Value("after", "Events after", event="measure"),
    *interval("ratio", "Rate after of that before, or share", "percent", *GUARDS),
    *(Value(name, label, "decimal", follows=GUARDS) for name, label in CHANGED.items()),
    Value("shown", "Estimate (95% interval)", "text", follows=GUARDS),
    Value("said", "What can be said", "text", children=False),
)
# Heading, what is looked at (a function of SOURCES), which one of it, the form of the register that it needs.
Asked = tuple[str, str, Any, str]
Row = dict[str, Any]  # by the names of LABELS and VALUES; a value that it does not name is not available


def headings(view: View, programme: str, asked: Sequence[Asked]) -> list[Row]:
    """One row a question; one that cannot be answered says what it needs, and holds no number."""
    rows = []
    for heading, source, key, form in asked:
        measure, told, row = SOURCES[source](view, programme, key)
        register, needs = having(view, programme, form)
        said = f"cannot be said: {needs}" if register is None else NONE
        rows.append({"heading": heading, "measure": measure, "form": told, "said": said, **row})
    return rows


def having(view: View, programme: str, form: str) -> tuple[Register | None, str]:
    """The register, and ""; where it holds nothing of `form` of the programme, or none of its cases, None and why."""
    first, register = form if form == "activity" else "cases", view.register
    if register is None or not (getattr(register, first)["programme"] == programme).any():
        return None, f"needs {NEEDS[first]}"
    return (None, f"needs {NEEDS[form]}") if form in register.absent else (register, "")


def _found(view: View, frame: pd.DataFrame, programme: str, **labels: str) -> Row:
    for label, wanted in {"programme": called(view).get(programme, ""), **labels}.items():
        frame = frame[frame[label] == wanted]
    return {str(key): value for key, value in frame.iloc[0].items()} if len(frame) else {}


def told(value: float, lower: float, upper: float, kind: str) -> Any:
    """ "0.62 (0.51 to 0.75)"; a number without an interval alone; None without a number. kind: as in show, ratio or
    points, which are percentage points of a difference of shares."""
    if np.isnan(value):
        return None
    numbers = (value,) if np.isnan(lower) or np.isnan(upper) else (value, lower, upper)
    scale = 100 if kind == "points" else 1
    first, *rest = (show(scale * one, kind) for one in numbers)
    return f"{first} ({' to '.join(rest)})" if rest else first


def _estimate(ends: tuple[float, float, float], kind: str) -> Row:
    """Columns of an estimate (value, lower and upper end) that is a part of a whole or of a rate before."""
    return {"ratio": ends[0], "lower": ends[1], "upper": ends[2], "shown": told(*ends, kind)}


def _event(view: View, programme: str, key: str) -> tuple[str, str, Row]:
    row = _found(view, results.programme_events(view), programme, event=key)
    counts = {name: row[name] for name in ("children", "before", "after")} if row else {}
    return key, RATE, {**counts, **_estimate(_ends(row), "ratio"), "said": row["verdict"]} if row else {}


def _ends(row: Row) -> tuple[float, float, float]:
    return row["share"], row["lower"], row["upper"]


def _moves(view: View, programme: str, key: str) -> tuple[str, str, Row]:
    cared = results.care_changes(view).get(programme)
    if cared is None or (found := cared.moves) is None:
        return key, RATE, {}
    said = changed(found.ratio, found.people, better="down")
    counts = {"children": found.people, "after": found.ratio.n}
    return key, RATE, {**counts, **_estimate(ends_of(found.ratio), "ratio"), "said": said}


def _scale(view: View, programme: str, key: tuple[str, str]) -> tuple[str, str, Row]:
    row = _found(view, results.programme_scales(view), programme, measure=key[0], rater=key[1])
    measure = f"{key[0]} ({formats.lowered(key[1])})"
    if not row:
        return measure, CHANGE, {}
    ends, shown = _ends(row), {"children": row["pairs"], "beside": row["starters"], "said": row["verdict"]}
    return measure, CHANGE, {**shown, **dict(zip(CHANGED, ends, strict=True)), "shown": told(*ends, "decimal")}


def _outcome(view: View, programme: str, key: tuple[str, str]) -> tuple[str, str, Row]:
    row = _found(view, results.programme_outcomes(view), programme, outcome=key[0], cause=key[1])
    measure = f"{key[1]} within {results.HORIZON} days of the start"
    if not row:
        return measure, SHARE, {}
    said = TOO_FEW if row["children"] < FEW else EARLY if np.isnan(row["share"]) else DESCRIBED
    counts = {"children": row["children"], "after": row["events"], "said": said}
    if row["share"] == 0 and row["at_risk"]:
        counts |= {"beside": row["at_risk"], "rest": row["children"] - row["at_risk"]}
    return measure, SHARE, {**counts, **_estimate(_ends(row), "percent")}


def _comparison(view: View, programme: str, key: str) -> tuple[str, str, Row]:
    others = {"refused": "not accepted", "waiting": "still waiting after 60 days"}[key]
    measure = f"Became looked after, less that of children {others}"
    register, _ = having(view, programme, "cases")
    if register is None:
        return measure, DIFFERENCE, {}
    found = compare(register, view.history, view.as_of, programme, against=key, horizon=results.HORIZON)
    taken, beside = (found.frame[found.frame["treated"] == side] for side in (True, False))
    counts = {"children": len(taken), "beside": len(beside), "before": int(beside["reached"].sum()),
              "after": int(taken["reached"].sum())}  # fmt: skip
    few = min(len(taken), len(beside)) < FEW
    said = TOO_FEW if few else differs(found.difference, found.causal)
    return measure, DIFFERENCE, {**counts, **_estimate(ends_of(found.difference), "points"), "said": said}


def _care(view: View, programme: str, key: str) -> tuple[str, str, Row]:
    row = _found(view, results.programme_care(view), programme, category=key)
    if not row:
        return key, DAYS, {}
    ends, children = _ends(row), row["children"]
    estimate = None if np.isnan(ends[0]) else Estimate(*ends, children, "t interval")
    said = changed(estimate, children, better="down", null=0.0)
    return key, DAYS, {"children": children, "beside": row["of"], "shown": told(*ends, "decimal"), "said": said}


SOURCES: dict[str, Callable[[View, str, Any], tuple[str, str, Row]]] = {
    "event": _event, "moves": _moves, "scale": _scale, "outcome": _outcome, "comparison": _comparison, "care": _care,
}  # fmt: skip


def part(heading: str, measure: str, some: int, whole: int) -> Row:
    """The share that some children are of a whole, with Wilson's interval; of few children the counts alone."""
    row: Row = {"heading": heading, "measure": measure, "form": SHARE, "said": TOO_FEW if whole < FEW else DESCRIBED}
    row |= {"children": whole, "beside": whole - some, "after": some}
    return row if whole < FEW else row | _estimate(ends_of(wilson(some, whole)), "percent")


def _few(row: Row) -> float:
    """Of a ratio of events the number of children where it is small; of any other estimate the number all the same."""
    few = least(row.get("children", np.nan), row.get("beside", np.nan))
    return few or (0.0 if row["form"] == RATE else row.get("children", np.nan))


_SAID = (
    (BETTER, "Better"), (LOWER, "Better"), (WORSE, "Worse"), (HIGHER, "Worse"), (BACK, "No clear change"),
    (UNCLEAR, "No clear change"), (ALIKE, "No clear change"), (TOO_FEW, "Too few or too early"),
    (EARLY, "Too few or too early"), (NONE, "Too few or too early"), (DESCRIBED, "Described only"),
)  # fmt: skip
CANNOT = "Cannot be said"


def summary(verdicts: Iterable[str]) -> list[tuple[str, int]]:
    """How many measures of a page moved which way."""
    kinds = [next((kind for start, kind in _SAID if text.startswith(start)), CANNOT) for text in verdicts]
    names = [*dict.fromkeys(kind for _, kind in _SAID), CANNOT]
    return [*((name, kinds.count(name)) for name in names), (ALL, len(kinds))]


def summed_up(counts: Mapping[str, int]) -> str:
    """What the counts of `summary` come to: which way the measures that can be judged moved; then the others."""
    better, worse, steady = (counts[name] for name in ("Better", "Worse", "No clear change"))
    judged = f"{formats.plural(better + worse + steady, 'measure')} that can be judged"
    said = f"none of {judged} moved by more than chance"
    if better + worse:
        said = f"of {judged}, {better} moved for the better and {worse} for the worse by more than chance"
    elif not steady:
        said = f"none of {formats.plural(counts[ALL], 'measure')} can be judged"
    rest = {"Too few or too early": "too few or too early", "Described only": "only described",
            CANNOT: "that cannot be worked out from what was supplied"}  # fmt: skip
    others = formats.listed([f"{counts[name]} {words}" for name, words in rest.items() if counts[name]])
    return f"{said}; not judged: {others}" if others else said


Builder = Callable[[View], pd.DataFrame]


def page(module: str, stem: str, title: str, people: str, rows: Callable[[View], list[Row]]) -> tuple[Builder, Builder]:
    """Register `stem`_headings, whose rows are `rows` of a view, and `stem`_summary as tables of the page `module`."""
    method = f"the same {people} before and after, a year each side at most; uncontrolled unless a row names others"

    def headed(view: View) -> Rows:
        """Every heading, whether or not the register can answer it."""
        return [row | {"few": _few(row)} for row in rows(view)]

    def counted(view: View) -> Rows:
        """Measures by verdict, and what they come to."""
        counts = summary(judged(view)["said"])
        return [(name, number, summed_up(dict(counts)) * (name == ALL)) for name, number in counts]

    names = f"{stem}_headings", f"{stem}_summary"
    for build, name in zip((headed, counted), names, strict=True):
        build.__module__, build.__name__ = module, name
    asked = table(names[0], title=title, row="a heading and measure", labels=LABELS, values=VALUES, source=LINKED,
                  method=method)  # fmt: skip
    judged = asked(once(headed))
    told = table(
        names[1], title="How many measures can be judged, and which way they went", row="a verdict",
        labels={"said": "Verdict"}, margins=("said",), source=LINKED, method=f"count of the measures of {names[0]}",
        values=(Value("measures", "Measures", children=False),
                Value("told", "What it comes to", "text", children=False)),
    )  # fmt: skip
    return judged, told(counted)
