"""Charts for events too rare to count by the month, and the assurance that a chart gives against a target.

A count that is mostly 0 and 1 has no useful limits. The time between events (t chart) or the number of cases
between them (g chart) has: it grows when events become rarer. Sources: Nelson, A control chart for
parts-per-million nonconforming items (1994) for the power 1/3.6; Benneyan, Number-between g-type statistical
quality control charts (2001).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bond_eval.methods.spc import ENOUGH, LIMIT, Better, FloatArray, XmR, centre, xmr
from bond_eval.methods.spc import TOO_FEW as UNJUDGED

POWER = 1 / 3.6  # makes exponential waiting times nearly symmetrical
RARER, COMMONER, COMMON, TOO_FEW = "rarer", "more frequent", "common cause", "too few events"
PASS, FAIL, EITHER, NO_TARGET, NOT_JUDGED = (
    "always meets it", "never meets it", "sometimes meets it", "no target", "too few points",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class RareChart:
    """A t or g chart. `gaps`: days (t) or cases (g) between events; `centre`, `lower`, `upper` in the same unit.

    `verdict` speaks of the last gap, or of the gap in progress where it is past the upper limit already: RARER,
    COMMONER, COMMON, TOO_FEW.
    """

    kind: str
    gaps: FloatArray
    centre: float
    lower: float
    upper: float
    verdict: str


def t_chart(days_of_events: Sequence[float] | FloatArray, running: float = 0.0) -> RareChart:
    """Chart the days between events from the days on which they fell (any origin, any order, any clock).

    Events on one day are half a day apart: a gap of nothing has no root. `running`: days since the last event. The
    roots are judged by all four rules of an XmR chart. Raises ValueError where days are not finite.
    """
    days = np.sort(np.asarray(days_of_events, dtype=float))
    if not np.isfinite(days).all():
        raise ValueError("Days of events are finite numbers.")
    gaps = np.maximum(np.diff(days), 0.5) if days.size > 1 else np.zeros(0)
    roots = gaps**POWER
    mean, moving = centre(roots) if gaps.size else (np.nan, np.nan)
    low, high = max(mean - LIMIT * moving, 0.0), mean + LIMIT * moving
    line, lower, upper = (float(value ** (1 / POWER)) for value in (mean, low, high))
    told = str(xmr(roots, better="up").verdict[-1]) if gaps.size >= ENOUGH else ""
    verdict = {"improvement": RARER, "concern": COMMONER}.get(told, COMMON)
    return RareChart("t", gaps, line, lower, upper, _verdict(gaps, verdict, running > upper))


def g_chart(cases_between: Sequence[float] | FloatArray, running: float = 0.0) -> RareChart:
    """Chart the number of cases between events, by the geometric distribution's three-sigma limits.

    `running`: cases since the last event. Raises ValueError for a count below nothing.
    """
    gaps = np.asarray(cases_between, dtype=float)
    if gaps.size and not (gaps >= 0).all():
        raise ValueError("Cases between events are counts of 0 or more.")
    mean = float(gaps.mean()) if gaps.size else np.nan
    spread = 3 * float(np.sqrt(mean * (mean + 1)))
    lower, upper = max(mean - spread, 0.0), mean + spread
    verdict = COMMON if not gaps.size else RARER if gaps[-1] > upper else COMMONER if gaps[-1] < lower else COMMON
    return RareChart("g", gaps, mean, lower, upper, _verdict(gaps, verdict, running > upper))


def _verdict(gaps: FloatArray, last: str, overdue: bool) -> str:
    return TOO_FEW if gaps.size < ENOUGH else RARER if overdue else last


def assurance(chart: XmR, target: float, better: Better) -> str:
    """Whether a process as it stands meets a target: NHS assurance, from the limits of the last stretch.

    Raises ValueError where neither direction is better: such a measure has no target.
    """
    if np.isnan(target):
        return NO_TARGET
    if better not in ("up", "down"):
        raise ValueError("A target needs a direction that is better: up or down.")
    if chart.verdict[~np.isnan(chart.values)][-1] == UNJUDGED:
        return NOT_JUDGED
    low, high = float(chart.lower[-1]), float(chart.upper[-1])
    if better == "up":
        return PASS if low >= target else FAIL if high < target else EITHER
    return PASS if high <= target else FAIL if low > target else EITHER
