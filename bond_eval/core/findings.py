"""A finding: a statement computed from data, with its estimate, interval, strength of evidence and source."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

FINDING_MIME = "application/vnd.bond-eval.finding+json"
KINDS = ("descriptive", "causal", "economic", "qualitative", "reconciliation")
NO_INTERVAL = ("complete count", "qualitative", "published claim", "too few", "not available")
_ID = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")


@dataclass(frozen=True)
class Finding:
    """One statement and what it rests on.

    `interval` is (low, high) in the unit of `value`; where there is none, `no_interval` says why (one of
    NO_INTERVAL). `value` is None where it is confidential or cannot be computed. `n` is the number of children
    (or rows, months) that it rests on, None where confidential.
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

    def __post_init__(self) -> None:
        """Raise ValueError where the finding lacks what a reader needs to weigh it."""
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


def _problems(finding: Finding) -> list[str]:
    checks = {
        "its id is lower-case words joined by dots": bool(_ID.match(finding.id)),
        f"its kind is one of {', '.join(KINDS)}": finding.kind in KINDS,
        "it names an evaluation question": bool(finding.questions),
        "its statement is a sentence": finding.statement.endswith(".") and len(finding.statement) > 15,
        "it names its source, method, strength and period": all(
            (finding.source, finding.method, finding.strength, finding.period)
        ),
        "it has an interval or says why not": bool(finding.interval) != (finding.no_interval in NO_INTERVAL),
        "its interval holds its value": _holds(finding),
    }
    return [f"must hold: {text}" for text, met in checks.items() if not met]


def _holds(finding: Finding) -> bool:
    if finding.interval is None or finding.value is None:
        return True
    low, high = finding.interval
    return low <= finding.value <= high
