"""The claims register: every published figure recomputed from facts, with a verdict and the reason for it.

The verdict comes from the numbers. A person's own reading (`expect`) stands beside it, so that a fact that changes
shows as a row whose verdict is no longer the one that was read.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.evidence.claims_facts import facts_frame, number, project_facts
from bond_eval.evidence.claims_formula import FormulaError, evaluate, names_in, shortened
from bond_eval.intake.reference import read_reference

EXACT, ROUNDS, DIFFERS = "exact", "rounds", "does not reconcile"
CONTRADICTS, UNTESTED = "contradicts", "not testable"
VERDICTS = (EXACT, ROUNDS, DIFFERS, CONTRADICTS, UNTESTED)
UNCHECKED = "could not be checked"
REQUIRED = ("claim_id", "value", "formula")
TEXTS = ("topic", "document", "section", "quote", "unit", "tolerance", "expect", "against", "missing", "note")
# What a decision asks first stands first.
TOPICS = (
    "Saving claimed",
    "Programme cost and options",
    "Baseline and volumes",
    "Unit costs",
    "Children reached and outcomes",
    "Domestic abuse",
    "Staffing and social value",
    "Governance and dates",
    "Other authorities",
)
_SIGNS = {"£000": ("£", "k"), "£m": ("£", "m"), "£": ("£", ""), "%": ("", "%")}
_DATED = re.compile(r"month of (?P<year>\d{4})|day of (?P<month>[A-Z][a-z]+ \d{4})")
_FLAGS = {"0": "No", "1": "Yes"}
_PLACEHOLDER = re.compile(r"\{([^{}|]{1,500})(?:\|(\d))?\}")
_NOTE_LENGTH = 2000


@dataclass(frozen=True)
class ClaimResult:
    """One published figure as checked.

    `published` is the figure as written, `value` and `recomputed` are in `unit` (None where there is none),
    `difference` is recomputed less published, `tolerance` what counts as rounding. `facts` are the names that the
    formula uses. `reason` explains the verdict in plain words; `problem` is empty unless the row needs attention:
    it could not be checked, or its verdict is not the one that a person gave after reading.
    """

    claim_id: str
    topic: str
    document: str
    section: str
    quote: str
    published: str
    value: float | None
    unit: str
    formula: str
    facts: tuple[str, ...]
    recomputed: float | None
    difference: float | None
    tolerance: float | None
    expect: str
    verdict: str
    reason: str
    problem: str


def check_claims(
    claims: pd.DataFrame, facts: Mapping[str, float], places: Mapping[str, tuple[str, str]] | None = None
) -> tuple[ClaimResult, ...]:
    """Check each row of `claims` with `facts` (name -> value), a result a row in the same order.

    places: name of a fact -> the document and section in which it stands, for the reasons.

    Columns: claim_id, value, formula, and any of TEXTS, blank where not there. A column `row_problem`, where it is
    there, names what was wrong with the row as read. Raises InputError only where one of REQUIRED is missing; what
    is wrong with a row stands in its result and the other rows are still checked.
    """
    absent = [column for column in REQUIRED if column not in claims.columns]
    if absent:
        raise InputError(
            f"a claims file has the columns {formats.listed(list(REQUIRED))}; {formats.listed(absent)} "
            f"{'is' if len(absent) == 1 else 'are'} not there: add {'it' if len(absent) == 1 else 'them'}."
        )
    rows = [{key: _text(cell) for key, cell in row.items()} for row in claims.to_dict("records")]
    values = {row["claim_id"]: number(row["value"]) for row in reversed(rows)}
    stands = dict(places or {}) | {row["claim_id"]: (row.get("document", ""), row.get("section", "")) for row in rows}
    seen: set[str] = set()
    results = []
    for place, row in enumerate(rows, 1):
        repeated = row["claim_id"] in seen
        seen.add(row["claim_id"])
        row = {column: "" for column in (*TEXTS, "row_problem")} | row
        row["claim_id"] = row["claim_id"] or f"row {place}"
        if repeated:
            row["row_problem"] = row["row_problem"] or "Its claim_id stands on an earlier row too."
        results.append(_check(row | {"by": _by(row, stands)}, facts, values))
    return tuple(results)


def project_claims() -> tuple[ClaimResult, ...]:
    """The project's own register (data/reference/claims.csv) checked against its own facts."""
    facts = facts_frame()
    places = dict(zip(facts["name"], zip(facts["document"], facts["section"], strict=True), strict=True))
    return check_claims(read_reference("claims.csv"), project_facts(), places)


def claims_table() -> pd.DataFrame:
    """The project's own register as it is shown, in the order of its topics; every column is text.

    Columns: topic, claim_id, document, section, quote, published, unit, recomputed, verdict, explanation.
    """
    ordered = sorted(project_claims(), key=lambda result: TOPICS.index(result.topic))
    return pd.DataFrame([_shown_row(result) for result in ordered], dtype=str)


def _shown_row(result: ClaimResult) -> dict[str, str]:
    recomputed = "" if result.recomputed is None else shown(result.recomputed, result.published)
    published = result.published if result.value is None else shown(result.value, result.published)
    same = ("topic", "claim_id", "document", "section", "quote")
    return {name: getattr(result, name) for name in same} | {
        "published": published,
        "unit": result.unit,
        "recomputed": recomputed,
        "verdict": result.verdict,
        "explanation": " ".join(part for part in (result.reason, result.problem) if part),
    }


def shown(value: float, like: str) -> str:
    """A number with the decimals of the published figure `like`, two where it would else look the same or bare."""
    places = _places(like)
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    near = math.isclose(value, round(value, places), rel_tol=1e-9, abs_tol=1e-9)
    return formats.number(value, places if near or abs(value) >= 10_000 else max(places, 2))


def amount(figure: str, unit: str) -> str:
    """A figure with its unit as people write it: "-606" of "£000" is "−£606k", "7" of "month of 2019" "July 2019"."""
    if figure.isdecimal() and int(figure) in range(1, 32) and (dated := _DATED.fullmatch(unit)):
        if not dated["month"] and int(figure) > 12:
            return f"{figure} {unit}"
        return f"{figure} {dated['month']}" if dated["month"] else f"{dt.date(2000, int(figure), 1):%B} {dated['year']}"
    if figure and unit == "flag":
        return _FLAGS.get(figure, figure)
    if figure and "{}" in unit:
        return unit.format(figure)
    figure, (head, _, rest) = figure.replace("-", "−", 1), unit.partition(" ")
    if not figure or head not in _SIGNS:
        return f"{figure} {unit}".strip() if figure else ""
    before, after = _SIGNS[head]
    sign = "−" if figure.startswith("−") else ""
    return f"{sign}{before}{figure.removeprefix('−')}{after} {rest}".strip()


def _apart(figure: str, unit: str) -> str:
    """A distance between two figures of a unit: percentages lie percentage points apart, dates months or days."""
    if unit.startswith("%"):
        return f"{figure} percentage {'point' if figure == '1' else 'points'}"
    head = unit.split(" ")[0]
    return f"{figure} {head}s" if _DATED.fullmatch(unit) else amount(figure, head if head in _SIGNS else "")


def _text(cell: Any) -> str:
    """A cell as text; what is not there is blank."""
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell).strip()


def _check(row: dict[str, str], facts: Mapping[str, float], values: Mapping[str, float | None]) -> ClaimResult:
    try:
        if row["row_problem"]:
            raise FormulaError(row["row_problem"])
        value, tolerance = _value(row), _tolerance(row)
        recomputed = _recomputed(row, facts, values)
        verdict, problem = _verdict(row, value, recomputed, tolerance)
    except FormulaError as error:
        return _result(row, verdict=UNCHECKED, problem=str(error), value=number(row["value"]))
    reason = _reason(row, verdict, value, recomputed, tolerance)
    note = _filled(row["note"], facts)
    return _result(
        row,
        verdict=verdict,
        problem=problem,
        value=value,
        recomputed=recomputed,
        difference=None if recomputed is None else recomputed - value,
        tolerance=tolerance,
        reason=" ".join(part for part in (reason, note) if part),
    )


def _result(row: dict[str, str], *, verdict: str, problem: str, value: float | None, **parts: Any) -> ClaimResult:
    empty: dict[str, Any] = {"recomputed": None, "difference": None, "tolerance": None, "reason": ""}
    texts: dict[str, Any] = {
        name: row[name] for name in ("claim_id", "topic", "document", "section", "quote", "unit", "expect")
    }
    return ClaimResult(
        **texts,
        formula=row["formula"],
        facts=names_in(row["formula"]),
        published=row["value"],
        value=value,
        verdict=verdict,
        problem=problem,
        **(empty | parts),
    )


def _value(row: dict[str, str]) -> float:
    value = number(row["value"])
    if value is None:
        raise FormulaError(f"Its value {shortened(row['value'])} is not a number: put words in unit or note.")
    return value


def _tolerance(row: dict[str, str]) -> float:
    """What counts as rounding: as given, else half a unit of the last digit written."""
    if not row["tolerance"]:
        return 0.5 * 10.0 ** -_places(row["value"])
    given = number(row["tolerance"])
    if given is None or given < 0:
        raise FormulaError(f"Its tolerance {shortened(row['tolerance'])} is not a number of 0 or more.")
    return given


def _places(text: str) -> int:
    """The decimals that a figure is written with, at most nine."""
    found = re.search(r"\.(\d{1,9})", text)
    return len(found[1]) if found else 0


def _recomputed(row: dict[str, str], facts: Mapping[str, float], values: Mapping[str, float | None]) -> float | None:
    """The formula's value; without a formula, the value of the fact or claim that the row is against."""
    if row["formula"]:
        return evaluate(row["formula"], facts)
    others = [facts.get(name, values.get(name)) for name in map(str.strip, row["against"].split(";")) if name]
    return next((other for other in others if other is not None), None)


def _verdict(row: dict[str, str], value: float, recomputed: float | None, tolerance: float) -> tuple[str, str]:
    """(verdict, problem). Only the numbers decide, but for what a person says cannot be tested or is against."""
    agrees = _agreement(value, recomputed, tolerance)
    problem = ""
    if row["missing"] or (recomputed is None and not row["against"]):
        verdict = UNTESTED
    elif row["against"]:
        verdict = agrees or CONTRADICTS
        problem = f"It no longer contradicts {row['against'][:80]}." if agrees else ""
    else:
        verdict = agrees or DIFFERS
    if row["expect"] and row["expect"] not in VERDICTS:
        problem = f"Its expect {shortened(row['expect'])} is no verdict: write {formats.listed(list(VERDICTS))}."
    elif row["expect"] not in ("", verdict) and not problem:
        problem = f"Read as '{row['expect']}', it now comes out as '{verdict}': a figure has changed since."
    return verdict, problem


def _agreement(value: float, recomputed: float | None, tolerance: float) -> str:
    if recomputed is None:
        return ""
    if math.isclose(value, recomputed, rel_tol=1e-9, abs_tol=1e-9):
        return EXACT
    # A recomputed value on the very edge may round either way; floating error must not decide.
    return ROUNDS if abs(recomputed - value) <= tolerance * (1 + 1e-9) else ""


def _reason(row: dict[str, str], verdict: str, value: float, recomputed: float | None, tolerance: float) -> str:
    other = "" if recomputed is None else amount(shown(recomputed, row["value"]), row["unit"])
    if verdict == EXACT:
        return "The figure follows from the others."
    if verdict == ROUNDS:
        how = f"within {_apart(f'{tolerance:,.10g}', row['unit'])} of the figure as written"
        return f"Worked out {other}, {how if row['tolerance'] else 'which rounds to the figure as written'}."
    if verdict == UNTESTED:
        missing = row["missing"] or "a formula"
        return formats.sentence(f"Not given: {missing}") + (f" What is given makes {other}." if other else "")
    if verdict == CONTRADICTS:
        return f"By {row['by']} it is {other}." if other else f"Against {row['by']}."
    gap = _apart(shown(abs(recomputed - value), row["value"]), row["unit"]) if recomputed is not None else ""
    return f"Worked out {other}, {gap} {'more' if (recomputed or 0) > value else 'less'} than published."


def _by(row: dict[str, str], stands: Mapping[str, tuple[str, str]]) -> str:
    """What a row is against, as a reader needs it: where that claim or fact stands, or the words as given."""
    against = row.get("against", "").rstrip(".")[:200]
    document, section = stands.get(against, ("", ""))
    if not section:
        return against
    where = section if re.fullmatch(r"[\d.]+", section) else f"the {formats.lowered(section)}"
    claim = f" ({against})" if re.fullmatch(r"C\d+", against) else ""
    return f"{where} of the {'same document' if document == row.get('document') else document}{claim}"


def _filled(note: str, facts: Mapping[str, float]) -> str:
    """The note with each {formula} or {formula|places} worked out, so that no number in it can go stale."""
    if len(note) > _NOTE_LENGTH:
        return note[:_NOTE_LENGTH]

    def fill(match: re.Match[str]) -> str:
        try:
            return formats.number(evaluate(match[1], facts), int(match[2] or 0))
        except (FormulaError, ArithmeticError):
            return match[0]  # not a formula of ours: the writer's own brackets

    return _PLACEHOLDER.sub(fill, note)
