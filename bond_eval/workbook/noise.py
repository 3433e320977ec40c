"""Is a movement between two runs more than chance? Tests that need only what was published, each by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALPHA, ENOUGH = 0.05, 12
BEYOND, WITHIN, UNTESTED = "beyond noise", "within noise", "not tested"
SPC, RATIO, EQUAL = "SPC rules (XmR)", "exact rate ratio", "exact rate ratio, equal exposure"
OVERLAP = "overlap of 95% intervals"
_SHARES = ("share", "proportion", "fraction")
_EVENTS = ("cases", "children", "episodes", "moves", "placements", "referrals")


@dataclass(frozen=True)
class Judged:
    """`p` is None where the test has none. `detail` says what was compared, or why nothing was."""

    test: str
    verdict: str
    detail: str
    p: float | None = None


def rates(before: tuple[int, float], after: tuple[int, float], test: str = RATIO) -> Judged:
    """(count, exposure) of two runs: two-sided exact conditional p, and the ratio with its 95% score interval.

    Given both counts the later is binomial with share e2 / (e1 + e2). Source: Przyborowski & Wilenski 1940; the
    interval as in methods.proportions.rate_ratio. Verdict: before any adjustment.
    """
    from scipy.stats import binomtest

    from bond_eval.methods.proportions import rate_ratio

    (c1, e1), (c2, e2) = before, after
    if c1 + c2 == 0:
        return Judged(test, WITHIN, "no event in either run", 1.0)
    p = float(binomtest(c2, c1 + c2, e2 / (e1 + e2)).pvalue)
    ratio = rate_ratio(c2, e2, c1, e1)
    if not c1:
        return Judged(test, BEYOND if p < ALPHA else WITHIN, "none before, so that there is no ratio", p)
    detail = f"ratio {ratio.value:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f})"
    return Judged(test, BEYOND if p < ALPHA else WITHIN, detail, p)


def findings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Judged:
    """Two findings of one id: counts by their rate, else intervals by their overlap, else nothing."""
    if before["unit"] != after["unit"]:
        return Judged("none", UNTESTED, "the unit changed")
    if before["value"] is None or after["value"] is None:
        return Judged("none", UNTESTED, "one of the runs has no number to show")
    counts = _count(before), _count(after)
    if counts[0] and counts[1]:
        exposed = before["n"] != before["value"] and after["n"] != after["value"]
        return rates(counts[0], counts[1], RATIO if exposed else EQUAL)
    if before["interval"] and after["interval"]:
        apart = before["interval"][1] < after["interval"][0] or after["interval"][1] < before["interval"][0]
        words = "they do not overlap" if apart else "they overlap"
        return Judged(OVERLAP, BEYOND if apart else WITHIN, f"{words}; not adjusted")
    return Judged("none", UNTESTED, "no count of events and no interval is published")


def _count(finding: Mapping[str, Any]) -> tuple[int, float] | None:
    """A finding as (count, exposure): a share of n, or a complete count; None where it is neither."""
    value, n = finding["value"], finding["n"]
    if value is None:
        return None
    if finding["unit"] in _SHARES:
        if not n or abs(value * n - round(value * n)) > 1e-6 * n:
            return None
        return round(value * n), float(n)
    if finding["unit"] not in _EVENTS or finding["no_interval"] != "complete count" or value < 0 or value % 1:
        return None
    exposed = n is not None and n > 0 and n != value
    return int(value), float(n) if exposed else 1.0


def series(values: Sequence[float], new: Sequence[int], rebase_at: Sequence[int] = ()) -> Judged:
    """The new points of a flow or rate, NaN where withheld, by the XmR rules from 12 points on.

    `rebase_at`: positions at which the limits start anew, as the chart's own do.
    """
    import numpy as np

    from bond_eval.methods.spc import xmr

    known = int(np.isfinite(values[max(rebase_at, default=0) :]).sum())
    if known < ENOUGH:
        return Judged(SPC, UNTESTED, f"{known} points, {ENOUGH} are needed")
    chart = xmr(np.asarray(values, dtype=float), rebase_at=rebase_at)
    signals = [str(chart.reason[place]) for place in new if chart.reason[place]]
    if signals:
        return Judged(SPC, BEYOND, f"signal: {', '.join(dict.fromkeys(signals))}")
    return Judged(SPC, WITHIN, f"no rule is met in {known} points")


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p of each, in the order given. Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70."""
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted
