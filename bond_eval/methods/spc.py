"""XmR charts (individual values and moving ranges) judged by the NHS "Making Data Count" plot-the-dots rules.

A series is its own yardstick: the natural limits say how far it strays by chance alone, and four rules say
when it does more than that. Sources: Wheeler, Understanding Variation (1993); NHS England, Making Data Count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]
Better = Literal["none", "up", "down"]

ENOUGH = 12  # points; fewer give limits too loose to judge by
RUN = 7  # points in a shift or a trend
LIMIT = 2.66  # 3 / 1.128, turns a mean moving range of two into three sigma
SCREEN = 3.267  # a moving range above this many means is a signal itself and would widen the limits
RULES = ("outside", "shift", "two_of_three", "trend")  # the order in which they decide a verdict
COMMON, TOO_FEW, MISSING = "common cause", "too few points", "missing"


@dataclass(frozen=True, eq=False)
class XmR:
    """An XmR chart; every array has one entry a point, missing points among them.

    n: points with a value. mean, lower, upper, moving_range (the mean moving range used): they step where the
    chart is re-based. outside, shift, trend, two_of_three: 0, or +1 (above the mean, rising) or -1 (below,
    falling). reason: the rule that decided, "" if none. verdict: "improvement", "concern" or "neutral" (a
    special cause where neither way is better), "common cause", "too few points" or "missing".
    """

    n: int
    values: FloatArray
    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    moving_range: FloatArray
    better: Better
    outside: IntArray
    shift: IntArray
    trend: IntArray
    two_of_three: IntArray
    reason: Words
    verdict: Words

    def frame(self) -> "pd.DataFrame":
        """One row a point: value, mean, lower, upper, the four flags, reason, verdict."""
        import pandas as pd

        columns = ("mean", "lower", "upper", "outside", "shift", "trend", "two_of_three", "reason", "verdict")
        return pd.DataFrame({"value": self.values} | {name: getattr(self, name) for name in columns})


def xmr(
    values: Sequence[float] | FloatArray,
    *,
    better: Better = "none",
    rebase_at: Iterable[int] = (),
    screened: bool = True,
) -> XmR:
    """Chart a series in time order, one value a period.

    better: the direction that is an improvement. rebase_at: positions (from 0) at which the limits start
    anew, for a known change of process; rules, like limits, look no further back than that. screened: leave
    moving ranges above 3.267 times their mean out and take the mean again, once.

    Limits are mean ± 2.66 mean moving ranges. A point counts for "two of three" in the outer third of the way
    to a limit and not beyond it, all three on one side. A verdict goes by the first rule met, in the order
    outside, shift, two of three, trend: the side of the mean decides whether it is good, save for a trend,
    where its direction does. A stretch of fewer than 12 points has limits but is not judged.

    Missing values (NaN) are marked so and never judged. The mean leaves them out, no moving range is taken
    across them, and runs pass over them as though the neighbours stood side by side. Raises ValueError for no
    values at all, infinite values, an unknown `better` or a re-base outside the series.
    """
    y = np.asarray(values, dtype=float)
    if y.ndim != 1 or np.isnan(y).all() or np.isinf(y).any():
        raise ValueError("A chart needs one series of numbers with at least one value and none infinite.")
    if better not in ("none", "up", "down"):
        raise ValueError(f'What is better is "none", "up" or "down", not {better!r}.')
    starts = sorted({index(position) for position in rebase_at})
    if any(not 0 < position < y.size for position in starts):
        raise ValueError(f"Each re-base is a position from 1 to {y.size - 1}, not {starts}.")

    stretches = [slice(*ends) for ends in zip([0, *starts], [*starts, y.size], strict=True)]
    lines, flags = np.full((2, y.size), np.nan), {rule: np.zeros(y.size, dtype=np.int64) for rule in RULES}
    judged = np.zeros(y.size, dtype=bool)
    for stretch in stretches:
        mean, moving_range = centre(y[stretch], screened=screened)
        lines[:, stretch] = [[mean], [moving_range]]
        present = np.flatnonzero(~np.isnan(y[stretch])) + stretch.start
        if present.size >= ENOUGH and not np.isnan(moving_range):
            judged[stretch] = True
            for rule, found in _judge(y[present], mean, moving_range).items():
                flags[rule][present] = found

    reason, verdict = _verdicts(flags, better)
    verdict = np.where(judged, verdict, TOO_FEW)
    mean_line, ranges = lines
    return XmR(
        n=int((~np.isnan(y)).sum()),
        values=y,
        mean=mean_line,
        lower=mean_line - LIMIT * ranges,
        upper=mean_line + LIMIT * ranges,
        moving_range=ranges,
        better=better,
        reason=reason,
        verdict=np.where(np.isnan(y), MISSING, verdict),
        **flags,
    )


def centre(values: FloatArray, *, screened: bool = True) -> tuple[float, float]:
    """Mean of the values and mean of the moving ranges used; NaN where there is nothing to average."""
    moving = np.abs(np.diff(values))
    moving = moving[~np.isnan(moving)]
    present = values[~np.isnan(values)]
    mean = float(present.mean()) if present.size else float("nan")
    if not moving.size:
        return mean, float("nan")
    if screened:
        moving = moving[moving <= SCREEN * moving.mean()]
    return mean, float(moving.mean())


def seven_one_side(side: npt.ArrayLike) -> IntArray:
    """1 at each point that ends seven in a row on one side of the mean. side: -1, 0 (on it) or 1."""
    sides = np.asarray(side, dtype=np.int64)
    found = np.zeros(sides.size, dtype=np.int64)
    found[RUN - 1 :] = np.abs(_window_sums(sides, RUN)) == RUN
    return found


def seven_trend(values: npt.ArrayLike) -> IntArray:
    """1 at each point that ends seven rising values, -1 seven falling; two equal neighbours break a trend."""
    steps = np.sign(np.diff(np.asarray(values, dtype=float))).astype(np.int64)
    found = np.zeros(np.size(values), dtype=np.int64)
    sums = _window_sums(steps, RUN - 1)
    found[RUN - 1 :] = np.where(np.abs(sums) == RUN - 1, np.sign(sums), 0)
    return found


def part_of_seven(ends: npt.ArrayLike) -> IntArray:
    """Spread each flag at a run's end back over its seven points; a point of two runs has the earlier's."""
    flags = np.asarray(ends, dtype=np.int64)
    members = np.zeros_like(flags)
    for end in np.flatnonzero(flags)[::-1]:
        members[max(end - RUN + 1, 0) : end + 1] = flags[end]
    return members


def two_in_three(near: npt.ArrayLike, side: npt.ArrayLike) -> IntArray:
    """1 at every point of three in a row, all on one side of the mean, of which two or more are near a limit.

    near: 1 for a point near a limit, else 0. side: -1, 0 or 1.
    """
    nears, sides = np.asarray(near, dtype=np.int64), np.asarray(side, dtype=np.int64)
    hits = (_window_sums(nears, 3) >= 2) & (np.abs(_window_sums(sides, 3)) == 3)
    members = np.zeros(nears.size, dtype=np.int64)
    for start in np.flatnonzero(hits):
        members[start : start + 3] = 1
    return members


def part_of_two_in_three(near: npt.ArrayLike, side: npt.ArrayLike) -> IntArray:
    """Of the points that `two_in_three` finds, those that are themselves near the limit."""
    return np.where(np.asarray(near) != 0, two_in_three(near, side), 0)


def _judge(y: FloatArray, mean: float, moving_range: float) -> dict[str, IntArray]:
    # Rounding must not put a point beside a line it lies on: a flat series of 0.1 has a mean just below 0.1.
    slack = 1e-12 * float(np.abs(y).max())
    away = y - mean
    side = np.where(np.abs(away) <= slack, 0, np.sign(away)).astype(np.int64)
    beyond = np.abs(away) > LIMIT * moving_range + slack
    near = (np.abs(away) > LIMIT * moving_range * 2 / 3 + slack) & ~beyond
    return {
        "outside": beyond * side,
        "shift": part_of_seven(seven_one_side(side)) * side,
        "two_of_three": part_of_two_in_three(near, side) * side,
        "trend": part_of_seven(seven_trend(y)),
    }


def _verdicts(flags: dict[str, IntArray], better: Better) -> tuple[Words, Words]:
    met = [flags[rule] != 0 for rule in RULES]
    reason = np.select(met, RULES, default="")
    direction = np.select(met, [flags[rule] for rule in RULES], default=0)
    good = {"up": 1, "down": -1, "none": 0}[better]
    special = np.where(good == 0, "neutral", np.where(direction == good, "improvement", "concern"))
    return reason, np.where(direction == 0, COMMON, special)


def _window_sums(values: IntArray, width: int) -> IntArray:
    if values.size < width:
        return np.zeros(0, dtype=np.int64)
    sums: IntArray = np.lib.stride_tricks.sliding_window_view(values, width).sum(axis=1)
    return sums
