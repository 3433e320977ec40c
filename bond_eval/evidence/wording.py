"""What may be said of an estimate: one wording each for better, worse, no clear change and too few."""

from __future__ import annotations

import math

from bond_eval.methods.proportions import Estimate

FEW = 10  # people or pairs below which nothing is judged
BETTER, WORSE, UNCLEAR, TOO_FEW = (
    "changed for the better by more than chance",
    "changed for the worse by more than chance",
    "no clear change: chance alone could have done it",
    "too few to judge",
)
BACK = "a fall, but no more than would come by itself after a bad spell"
LOWER, HIGHER, ALIKE = "lower", "higher", "no clear difference"
CAUSE = "the groups were alike in what is recorded"
UNLIKE = "the groups differed from the start, so this says nothing of the cause"


def ends_of(estimate: Estimate | None) -> tuple[float, float, float]:
    """Value, lower and upper end; NaN where there is none, or none that is finite."""
    ends = (estimate.value, estimate.lower, estimate.upper) if estimate else (math.nan,) * 3
    value, lower, upper = (math.nan if math.isinf(end) else end for end in ends)
    return value, lower, upper


def changed(
    estimate: Estimate | None, people: int, *, better: str, null: float = 1.0, settled: Estimate | None = None
) -> str:
    """Wording of a change: a ratio against 1 or a difference against `null`, of `people`; `better` is "up" or "down".

    `settled`: the change against the time before a bad spell; where that is not clear either, a fall was to come.
    Raises ValueError for an unknown direction.
    """
    if better not in ("up", "down"):
        raise ValueError(f"What is better is up or down, not {better!r}.")
    if estimate is None or people < FEW:
        return TOO_FEW
    if estimate.lower <= null <= estimate.upper:
        return UNCLEAR
    good = (estimate.value > null) == (better == "up")
    if good and settled is not None and settled.lower <= null <= settled.upper:
        return BACK
    return BETTER if good else WORSE


def differs(estimate: Estimate | None, causal: bool) -> str:
    """Wording of a difference between two groups, where fewer is better; of cause only where `causal`."""
    if estimate is None:
        return TOO_FEW
    if estimate.lower <= 0 <= estimate.upper:
        return ALIKE
    side, judged = (HIGHER, "worse") if estimate.value > 0 else (LOWER, "better")
    return f"{side} among those taken on ({judged}): {CAUSE if causal else UNLIKE}"
