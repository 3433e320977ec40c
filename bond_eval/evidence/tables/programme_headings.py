"""The headings that a programme is judged by, each with what can be said of it: rows of the tables that all share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.cells import show
from bond_eval.evidence.registry import ALL, Value
from bond_eval.evidence.tables import programme_results as results
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import ALIKE, BACK, BETTER, FEW, HIGHER, LOWER, TOO_FEW, UNCLEAR, WORSE, changed
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.methods.proportions import Estimate, wilson

RATE, SHARE, CHANGE, DIFFERENCE, DAYS, ALONE = (
    "Rate after ÷ before", "Share", "Mean change of a score", "Difference from others", "Change in days a child", "",
)  # fmt: skip
DESCRIBED = "described, not judged: there is nothing to compare it with"
EARLY = "too early: nobody has been followed so long"
NONE = "none recorded, before or after"
NEEDS = {
    "cases": "the referrals (register/cases.csv)",
    "events": "dated events (register/events.csv)",
    "measures": "scores at the start and later (register/measures.csv)",
    "contacts": "contacts (register/contacts.csv)",
    "activity": "counts of posts and activity (register/activity.csv)",
}
GUARDS = ("children", "beside", "before", "after")
LABELS = {"heading": "Heading", "measure": "Measure", "form": "Told as"}
VALUES = (
    Value("children", "Children"),
    Value("beside", "Of, or compared with"),
    Value("before", "Events before, or of the others", event="measure"),
    Value("after", "Events after", event="measure"),
    *(Value(name, label, "percent", follows=GUARDS)
      for name, label in (("ratio", "Rate after of that before, or share"), ("lower", "Lower"), ("upper", "Upper"))),
    Value("shown", "Estimate (95% interval)", "text", follows=GUARDS),
    Value("said", "What can be said", "text", children=False),
)  # fmt: skip
COLUMNS = [*LABELS, *(value.name for value in VALUES)]
# Heading, what is looked at (a function of SOURCES), which one of it, the form of the register that it needs.
Asked = tuple[str, str, Any, str]
Row = dict[str, Any]


def headings(view: View, programme: str, asked: Sequence[Asked]) -> pd.DataFrame:
    """One row a question in COLUMNS; one that cannot be answered says what it needs, and holds no number."""
    name = called(view).get(programme, "")
    rows = []
    for heading, source, key, form in asked:
        measure, told, row = SOURCES[source](view, name, key)
        missing = lacking(view.register, programme, form)
        said = f"cannot be said: needs {NEEDS[missing]}" if missing else NONE
        rows.append({"heading": heading, "measure": measure, "form": told, "said": said, **row})
    return pd.DataFrame(rows, columns=COLUMNS)


def called(view: View) -> dict[str, str]:
    """Key -> name of the programmes: the register's own, else the project's."""
    frame = read_reference("programmes.csv") if view.register is None else view.register.programmes
    return dict(frame[["programme", "name"]].itertuples(index=False))


def lacking(register: Register | None, programme: str, form: str) -> str:
    """The form of the register without which nothing can be said: cases before `form`; "" where all is there."""
    if register is None:
        return "cases" if form != "activity" else form
    if form == "activity":
        return "" if (register.activity["programme"] == programme).any() else form
    if not (register.cases["programme"] == programme).any():
        return "cases"
    return form if form in register.absent else ""


def _found(frame: pd.DataFrame, name: str, **labels: str) -> Row:
    for label, wanted in {"programme": name, **labels}.items():
        frame = frame[frame[label] == wanted]
    return {str(key): value for key, value in frame.iloc[0].items()} if len(frame) else {}


def told(value: float, lower: float, upper: float, kind: str) -> Any:
    """ "0.62 (0.51 to 0.75)"; a number without an interval alone; None without a number. kind: as in show, or ratio."""
    if np.isnan(value):
        return None
    numbers = (value,) if np.isnan(lower) or np.isnan(upper) else (value, lower, upper)
    words = [formats.number(one, 2) if kind == "ratio" else show(one, kind) for one in numbers]
    first, *rest = (one.replace("-", "−") for one in words)
    return f"{first} ({' to '.join(rest)})" if rest else first


def _bounds(row: Row, kind: str) -> Any:
    return told(row["share"], row["lower"], row["upper"], kind)


def _numbers(row: Row) -> Row:
    return {"ratio": row["share"], "lower": row["lower"], "upper": row["upper"], "children": row["children"]}


def _rate(row: Row, **counts: float) -> Row:
    return {**counts, **_numbers(row), "shown": _bounds(row, "ratio"), "said": row["verdict"]}


def _event(view: View, name: str, key: str) -> tuple[str, str, Row]:
    row = _found(results.programme_events(view), name, event=key)
    return key, RATE, _rate(row, before=row["before"], after=row["after"]) if row else {}


def _moves(view: View, name: str, key: str) -> tuple[str, str, Row]:
    row = _found(results.programme_moves(view), name)
    return key, RATE, _rate(row, after=row["events"]) if row else {}


def _scale(view: View, name: str, key: tuple[str, str]) -> tuple[str, str, Row]:
    row = _found(results.programme_scales(view), name, measure=key[0], rater=key[1])
    measure = f"{key[0]} ({key[1][0].lower()}{key[1][1:]})"
    if not row:
        return measure, CHANGE, {}
    shown = {"children": row["pairs"], "beside": row["starters"], "shown": _bounds(row, "decimal")}
    return measure, CHANGE, {**shown, "said": row["verdict"]}


def _outcome(view: View, name: str, key: tuple[str, str]) -> tuple[str, str, Row]:
    row = _found(results.programme_outcomes(view), name, outcome=key[0], cause=key[1])
    measure = f"{key[1]} within {results.HORIZON} days of the start"
    if not row:
        return measure, SHARE, {}
    few, early = row["children"] < FEW, np.isnan(row["share"])
    said = TOO_FEW if few else EARLY if early else DESCRIBED
    counts = {"after": row["events"], "said": said}
    if row["share"] == 0 and row["at_risk"]:
        # Where nothing happened the curve has no interval; those who were followed so long give one.
        none = wilson(0, int(row["at_risk"]))
        row, counts = {**row, "lower": 0.0, "upper": none.upper}, {**counts, "beside": none.n}
    return measure, SHARE, {**counts, **_numbers(row), "shown": _bounds(row, "percent")}


def _comparison(view: View, name: str, key: str) -> tuple[str, str, Row]:
    row = _found(results.programme_comparison(view), name, against=key)
    others = {"refused": "not accepted", "waiting": "still waiting"}[key]
    measure = f"Became looked after, less that of children {others}"
    if not row:
        return measure, DIFFERENCE, {}
    counts = {**_numbers(row), "beside": row["others"], "before": row["others_entered"]}
    few = min(row["children"], row["others"]) < FEW
    return measure, DIFFERENCE, {**counts, "after": row["entered"], "shown": _bounds(row, "percent"),
                                 "said": TOO_FEW if few else row["verdict"]}  # fmt: skip


def _care(view: View, name: str, key: str) -> tuple[str, str, Row]:
    row = _found(results.programme_care(view), name, category=key)
    if not row:
        return key, DAYS, {}
    known = not np.isnan(row["share"])
    estimate = Estimate(row["share"], row["lower"], row["upper"], row["children"], "t interval") if known else None
    said = changed(estimate, row["children"], better="down", null=0.0)
    return key, DAYS, {"children": row["children"], "beside": row["of"], "shown": _bounds(row, "decimal"), "said": said}


SOURCES: dict[str, Callable[[View, str, Any], tuple[str, str, Row]]] = {
    "event": _event, "moves": _moves, "scale": _scale, "outcome": _outcome, "comparison": _comparison, "care": _care,
}  # fmt: skip


def alone(heading: str, measure: str, form: str, said: str, **row: Any) -> pd.DataFrame:
    """One row of COLUMNS that a page works out by itself."""
    return pd.DataFrame([{"heading": heading, "measure": measure, "form": form, "said": said, **row}], columns=COLUMNS)


def part(heading: str, measure: str, some: int, whole: int) -> pd.DataFrame:
    """One row of COLUMNS: the share that some children are of a whole, with Wilson's interval."""
    counts: Row = {"children": whole, "beside": whole - some, "after": some}
    if whole < FEW:
        return alone(heading, measure, SHARE, TOO_FEW, **counts)
    one = wilson(some, whole)
    counts |= {"ratio": one.value, "lower": one.lower, "upper": one.upper}
    return alone(heading, measure, SHARE, DESCRIBED, **counts, shown=told(one.value, one.lower, one.upper, "percent"))


def stacked(frames: Iterator[pd.DataFrame] | Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of COLUMNS under each other, the rows of one heading together."""
    rows = [row for frame in frames for row in frame.to_dict("records")]
    order = list(dict.fromkeys(row["heading"] for row in rows))
    return pd.DataFrame(sorted(rows, key=lambda row: order.index(row["heading"])), columns=COLUMNS)


SUMMARY_VALUES = (Value("measures", "Measures", children=False),)
_SAID = (
    (BETTER, "Better"), (LOWER, "Better"), (WORSE, "Worse"), (HIGHER, "Worse"), (BACK, "No clear change"),
    (UNCLEAR, "No clear change"), (ALIKE, "No clear change"), (TOO_FEW, "Too few or too early"),
    (EARLY, "Too few or too early"), (NONE, "Too few or too early"), (DESCRIBED, "Described only"),
)  # fmt: skip
CANNOT = "Cannot be said"


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """How many measures of a page moved which way: columns said, measures."""
    kinds = [next((kind for start, kind in _SAID if text.startswith(start)), CANNOT) for text in frame["said"]]
    names = [*dict.fromkeys(kind for _, kind in _SAID), CANNOT]
    rows = [*((name, kinds.count(name)) for name in names), (ALL, len(kinds))]
    return pd.DataFrame(rows, columns=["said", "measures"])
