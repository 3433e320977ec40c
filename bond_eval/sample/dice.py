"""A stream of random draws that is quick one value at a time."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@cache
def _cumulative(weights: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(accumulate(weights))


class Dice:
    """Scalar draws from one seeded numpy generator.

    Uniform numbers are drawn in blocks because a scalar call to numpy costs more than all else in a life
    simulated event by event. Same seed, same sequence.
    """

    def __init__(self, *seed: int, block: int = 4096) -> None:
        self._generator = np.random.default_rng(seed)
        self._size = block
        self._block: list[float] = []

    def uniform(self) -> float:
        """A number in [0, 1)."""
        if not self._block:
            self._block = self._generator.random(self._size).tolist()
        return self._block.pop()

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def exponential(self, mean: float) -> float:
        """An exponential waiting time, in the unit of its mean."""
        return -math.log(1.0 - self.uniform()) * mean

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included; high below low gives low."""
        return low if high <= low else low + int(self.uniform() * (high - low + 1))

    def real(self, low: float, high: float) -> float:
        """A real number in [low, high)."""
        return low + self.uniform() * (high - low)

    def one(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self.uniform() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One key of a mapping, in proportion to its weight."""
        steps = _cumulative(tuple(weights.values()))
        at = bisect_right(steps, self.uniform() * steps[-1])
        return list(weights)[min(at, len(steps) - 1)]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Count of the options without repetition (all of them when there are fewer), in random order."""
        left = list(options)
        chosen = []
        for at in range(min(count, len(left))):
            other = at + int(self.uniform() * (len(left) - at))
            left[at], left[other] = left[other], left[at]
            chosen.append(left[at])
        return chosen

    def gamma(self, shape: float) -> float:
        """A gamma number with mean 1 (used as a child's own tendency to move)."""
        return float(self._generator.gamma(shape, 1.0 / shape))

    def poisson(self, mean: float) -> int:
        """A Poisson count."""
        return int(self._generator.poisson(mean))
