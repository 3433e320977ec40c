"""A finding: a statement computed from data, with its estimate, interval, strength of evidence and source."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.places import REFERENCE

FINDING_MIME = "application/vnd.bond-eval.finding+json"
FILE = "findings.json"
SCHEMA = Path(__file__).with_name("finding.schema.json")
KINDS = ("descriptive", "causal", "economic", "qualitative", "reconciliation")
NO_INTERVAL = ("complete count", "qualitative", "published claim", "too few", "no upper limit yet", "not available")
# The Maryland Scientific Methods Scale: how far a design can tell an effect from what would have happened anyway.
MARYLAND = {
    1: "before and after, or with and without, uncontrolled",
    2: "before and after with other influences adjusted for, or a weak comparison",
    3: "a comparison group, before and after",
    4: "chance or a rule decided who was treated, nearly as in a trial",
    5: "a randomised trial",
}
# Words of a method and the level that it can reach at best; a method that names none of them reaches 1.
DESIGNS = {
    "interrupted time series": 2,
    "adjusted": 2,
    "negative control": 2,
    "comparison group": 3,
    "difference-in-differences": 3,
    "synthetic control": 3,
    "natural experiment": 4,
    "regression discontinuity": 4,
    "randomised": 5,
}
_UNCONTROLLED = ("uncontrolled", "no comparison", "without a comparison", "not randomised")
STRONG, STRONG_FROM = "strong evidence", 4
FEW, FEW_CAVEAT = 10, "It rests on fewer than 10 children."
# What is counted in these units is no child.
_NOT_CHILDREN = (
    "benefits", "boxes", "claims", "dials", "figures", "files", "lines", "measures", "months", "quarters", "questions",
    "requirements", "risks", "rows", "statements", "trials",
)  # fmt: skip
_ID = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
_LEVEL = re.compile(r"^Maryland ([1-5])\b")


@dataclass(frozen=True)
class Finding:
    """One statement and what it rests on.

    `interval` is (low, high) in the unit of `value`; where there is none, `no_interval` says why (one of
    NO_INTERVAL). `value` is None where it is confidential or cannot be computed. `n` is the number of children
    (or rows, months) that it rests on, None where confidential; below 10 children the caveat comes by itself.
    `strength` of a causal finding is "Maryland N", N no more than its method's design allows (DESIGNS).
    `completeness` is a share or words; `decision` is what the finding bears on; `table` the id of its table.
    """

    id: str
    statement: str
    questions: tuple[str, ...]
    kind: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None
    no_interval: str
    n: int | None
    period: str
    method: str
    strength: str
    source: str
    caveats: tuple[str, ...] = field(default=())
    table: str = ""
    completeness: str | float = ""
    decision: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError where the finding lacks what a reader needs to weigh it."""
        few = self.n is not None and self.n < FEW and self.unit not in _NOT_CHILDREN
        if few and FEW_CAVEAT not in self.caveats:
            object.__setattr__(self, "caveats", (*self.caveats, FEW_CAVEAT))
        problems = list(_problems(self))
        if problems:
            raise ValueError(f"Finding {self.id!r}: {'; '.join(problems)}.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {
            "questions": list(self.questions),
            "caveats": list(self.caveats),
            "interval": list(self.interval) if self.interval else None,
        }


@cache
def questions() -> dict[str, dict[str, str]]:
    """Evaluation questions, strategies, metrics and the rest by id, in order: data/reference/questions.csv."""
    with (REFERENCE / "questions.csv").open(encoding="utf-8", newline="") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


def made_from(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What findings rest on, of a release's facts: equal for two runs that could share them."""
    files = [(item["file"], item["sha256"]) for name in ("inputs", "other_inputs") for item in facts.get(name, ())]
    digest = hashlib.sha256(json.dumps(files).encode("utf-8")).hexdigest()
    return {name: facts[name] for name in ("authority", "quarter", "audience", "seed")} | {"inputs": digest}


def interval_text(interval: Sequence[float], unit: str) -> str:
    """An interval in its unit: "£190,000 to £2.4m", "−£3.08m to £656k", "10.5% to 20.0%", "36 to 48 children"."""
    low, high = interval
    if unit in ("£", "pounds"):
        return f"{formats.money(low)} to {formats.money(high)}"
    if unit == "£000":
        return f"{formats.said(low)} to {formats.said(high)}"
    if unit in ("share", "proportion", "fraction"):
        return f"{formats.percent(low, 1)} to {formats.percent(high, 1)}"
    whole_numbers = float(low).is_integer() and float(high).is_integer()
    places = 0 if whole_numbers else 2 if max(abs(low), abs(high)) < 10 else 1
    text = f"{formats.number(low, places)} to {formats.number(high, places)}"
    return f"{text}%" if unit in ("%", "per cent") else f"{text} {unit}"


def value_text(value: float, unit: str) -> str:
    """A value in its unit: "52.4%", "£10,284k", "42 children", "0.88 rate ratio", "1 measure"."""
    if unit in ("£", "pounds"):
        return formats.money(value)
    if unit == "£000":
        return f"{'−' if value <= -0.5 else ''}£{formats.number(abs(value))}k"
    if unit in ("share", "proportion", "fraction"):
        return formats.percent(value, 1)
    places = 0 if float(value).is_integer() else 2 if abs(value) < 10 else 1
    return f"{formats.number(value, places)} {unit.removesuffix('s') if value == 1 else unit}"


def unanswered(finding: Mapping[str, Any]) -> bool:
    """True where a finding says only that nothing supplied can answer it; a value without interval is an answer."""
    return finding["value"] is None and finding["no_interval"] == "not available"


def anchor(finding_id: str) -> str:
    """The permanent id of a finding's block on its page."""
    return f"finding-{finding_id}"


def maryland(strength: str) -> int | None:
    """The level of "Maryland 2"; None for a strength of another scale."""
    match = _LEVEL.match(strength)
    return int(match[1]) if match else None


def design_cap(method: str) -> int:
    """The highest Maryland level that a method can reach: that of the best design it names, else 1."""
    text = method.lower()
    if any(words in text for words in _UNCONTROLLED):
        return 1
    return max((level for words, level in DESIGNS.items() if words in text), default=1)


def _problems(finding: Finding) -> list[str]:
    checks = {
        "its id is lower-case words joined by dots": bool(_ID.match(finding.id)),
        f"its kind is one of {', '.join(KINDS)}": finding.kind in KINDS,
        "it names an evaluation question": bool(finding.questions),
        "its questions stand in questions.csv": set(finding.questions) <= set(questions()),
        "its statement is a sentence": finding.statement.endswith(".") and len(finding.statement) > 15,
        "it names its source, method, strength and period": all(
            (finding.source, finding.method, finding.strength, finding.period)
        ),
        "it has an interval or says why not": bool(finding.interval) != (finding.no_interval in NO_INTERVAL),
        "its interval holds its value": _holds(finding),
        "a causal finding has a Maryland level, and none that its method does not name the design of": _graded(finding),
        f"it speaks of {STRONG} only from Maryland {STRONG_FROM} on": _modest(finding),
    }
    return [f"must hold: {text}" for text, met in checks.items() if not met]


def _holds(finding: Finding) -> bool:
    if finding.interval is None or finding.value is None:
        return True
    low, high = finding.interval
    return low <= finding.value <= high


def _graded(finding: Finding) -> bool:
    level = maryland(finding.strength)
    return finding.kind != "causal" or (level is not None and level <= design_cap(finding.method))


def _modest(finding: Finding) -> bool:
    level = maryland(finding.strength) if finding.kind == "causal" else None
    return STRONG not in finding.statement.lower() or (level or 0) >= STRONG_FROM
