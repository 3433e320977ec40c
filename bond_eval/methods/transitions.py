"""Daily intensities of moving between states, and of arriving, with what their counts leave unsure.

    λ(s, o → d) ~ Gamma(n + w·m,  T + w)        per day

n moves from o to d seen in stratum s during T days at risk; m is the mean to which they are shrunk and w its weight
in days. The mean is o's intensity of moving to d over all strata, times how much more often d is reached in
stratum s than in all: it needs no more from a stratum than that. A move that no origin made in a stratum has
intensity 0 there. Source: the conjugate gamma model of exponential waiting times (Gelman and others, Bayesian Data
Analysis, 3rd edition, 2.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
WEIGHT_DAYS = 730.0  # two years at risk: below that a stratum rests more on the mean than on itself
WEIGHT_ARRIVALS = 1.0


@dataclass(frozen=True, eq=False)
class Gammas:
    """Independent gamma distributions of intensities per day: `shape` of any form, `days` broadcastable to it."""

    shape: Numbers
    days: Numbers

    @property
    def mean(self) -> Numbers:
        """Expected intensity per day; 0 where there were neither moves nor days."""
        return np.divide(self.shape, self.days, out=np.zeros_like(self.shape), where=self.days > 0)

    def draw(self, generator: np.random.Generator, size: int) -> Numbers:
        """`size` draws: an array of size × the form of `shape`."""
        drawn = generator.standard_gamma(np.broadcast_to(self.shape, (size, *self.shape.shape)))
        return np.divide(drawn, self.days, out=np.zeros_like(drawn), where=np.broadcast_to(self.days > 0, drawn.shape))


def intensities(events: Numbers, days: Numbers, weight: float = WEIGHT_DAYS) -> Gammas:
    """Intensities of moving, shrunk as above. `events`: strata × origins × destinations; `days`: strata × origins.

    Raises ValueError for shapes that do not fit, a negative number, or events without a day at risk.
    """
    events, days = np.asarray(events, dtype=float), np.asarray(days, dtype=float)
    if events.ndim != 3 or events.shape[:2] != days.shape:
        raise ValueError("Events are strata × origins × destinations and days strata × origins.")
    if (events < 0).any() or (days < 0).any() or weight <= 0:
        raise ValueError("Events, days and weight are not negative, and the weight is above 0.")
    if (events.sum(axis=2)[days == 0] > 0).any():
        raise ValueError("There are events in a stratum without a day at risk.")
    overall = events.sum(axis=(0, 1)) / max(float(days.sum()), 1.0)
    by_origin = (events.sum(axis=0) + weight * overall) / (days.sum(axis=0) + weight)[:, None]
    by_stratum = (events.sum(axis=1) + weight * overall) / (days.sum(axis=1) + weight)[:, None]
    by_stratum = np.where(events.sum(axis=1) > 0, by_stratum, 0.0)
    relative = np.divide(by_stratum, overall, out=np.zeros_like(by_stratum), where=overall > 0)
    mean = by_origin[None] * relative[:, None]
    return Gammas(events + weight * mean, days[..., None] + weight)


def arrivals(counts: Numbers, days: float) -> Gammas:
    """Intensities of arriving per day by stratum × origin, from counts of `days` days.

    The total is Gamma(N + 1) and its division Dirichlet: the same as independent gammas. WEIGHT_ARRIVALS are spread as
    strata and origins divide separately, so that a pair not seen can be met. Raises ValueError for no days.
    """
    counts = np.asarray(counts, dtype=float)
    if days <= 0 or (counts < 0).any():
        raise ValueError("Arrivals need days, and counts that are not negative.")
    total = max(float(counts.sum()), 1.0)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total**2
    return Gammas(counts + WEIGHT_ARRIVALS * expected, np.full((1, 1), float(days)))
