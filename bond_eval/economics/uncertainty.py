"""How sure an economic result is, and what would have to be true for it to vanish.

A model is any function of a mapping from names to numbers or arrays that computes by NumPy broadcasting. The same
function serves the seeded simulation, the tornado, the threshold grid and the break-even. Units are the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from bond_eval.economics.money import LEVEL, Numbers, Withheld

Model = Callable[[Mapping[str, Any]], Any]
DRAWS = 10_000


@dataclass(frozen=True)
class Parameter:
    """A number that is not known for sure: triangular from `low` by `mode` to `high`; known where the ends meet.

    Raises ValueError for values that are not finite or out of order.
    """

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        """Check the values."""
        values = (self.low, self.mode, self.high)
        if not np.isfinite(values).all() or not self.low <= self.mode <= self.high:
            raise ValueError(f"{values} is no low, most likely and high value in order.")

    @property
    def mean(self) -> float:
        """Expected value."""
        return (self.low + self.mode + self.high) / 3

    def quantile(self, p: float) -> float:
        """The value below which a share `p` (0 to 1) lies."""
        low, mode, high = self.low, self.mode, self.high
        if p * (high - low) < mode - low:
            return low + sqrt(p * (high - low) * (mode - low))
        return high - sqrt((1 - p) * (high - low) * (high - mode))

    def draw(self, generator: np.random.Generator, size: int) -> Numbers:
        """`size` independent draws."""
        if self.low == self.high:
            return np.full(size, self.mode)
        return generator.triangular(self.low, self.mode, self.high, size)


@dataclass(frozen=True, eq=False)
class Simulation:
    """Draws of a model's result (length `draws`), and what was drawn for each parameter."""

    result: Numbers
    inputs: Mapping[str, Numbers]


@dataclass(frozen=True)
class Swing:
    """One bar of a tornado: the result with one parameter low, then high, the others at their means."""

    parameter: str
    low: float
    high: float
    result_low: float
    result_high: float

    @property
    def swing(self) -> float:
        """Result at the high value less result at the low one."""
        return self.result_high - self.result_low


@dataclass(frozen=True)
class BreakEven:
    """How many are needed to cover a cost: `exact`, and the next whole one."""

    exact: float
    whole: int


def monte_carlo(model: Model, parameters: Mapping[str, Parameter], *, seed: int, draws: int = DRAWS) -> Simulation:
    """Run the model once on `draws` draws of every parameter, independent of one another.

    Each parameter has a stream of its own, named by seed and parameter, so that another parameter added, or a
    change of order, leaves the draws of the rest as they were. Raises ValueError where the model's result is
    not one number a draw.
    """
    inputs = {
        name: parameter.draw(np.random.default_rng([seed, crc32(name.encode())]), draws)
        for name, parameter in parameters.items()
    }
    result = np.asarray(model(inputs), dtype=float)
    if result.shape != (draws,):
        raise ValueError(f"The model gave {result.shape} for {draws} draws: it must compute on whole arrays.")
    return Simulation(result, inputs)


def tornado(model: Model, parameters: Mapping[str, Parameter]) -> tuple[Swing, ...]:
    """Move one parameter at a time across its central 95% interval, the rest at their means; largest first."""
    means = {name: np.float64(parameter.mean) for name, parameter in parameters.items()}
    swings = []
    for name, parameter in parameters.items():
        low, high = parameter.quantile((1 - LEVEL) / 2), parameter.quantile((1 + LEVEL) / 2)
        ends = [float(model({**means, name: np.float64(value)})) for value in (low, high)]
        swings.append(Swing(name, low, high, ends[0], ends[1]))
    return tuple(sorted(swings, key=lambda swing: -abs(swing.swing)))


def threshold_grid(
    model: Model,
    x: tuple[str, Sequence[float] | Numbers],
    y: tuple[str, Sequence[float] | Numbers],
    others: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The result at each pair of values: one row a value of y, one column a value of x, the others held.

    Where the sign turns is the threshold. Raises ValueError where x and y are one parameter.
    """
    if x[0] == y[0]:
        raise ValueError("A grid needs two parameters, not one twice.")
    across, down = np.asarray(x[1], dtype=float)[None, :], np.asarray(y[1], dtype=float)[:, None]
    held = {name: np.float64(value) for name, value in (others or {}).items()}
    values = np.broadcast_to(model({**held, x[0]: across, y[0]: down}), (down.shape[0], across.shape[1]))
    index, columns = pd.Index(down[:, 0], name=y[0]), pd.Index(across[0], name=x[0])
    return pd.DataFrame(np.array(values, dtype=float), index=index, columns=columns)


def break_even(cost: float, each: float) -> BreakEven | Withheld:
    """How many, each worth `each`, cover `cost` (one unit of money). Withheld where each is worth nothing."""
    if cost < 0:
        raise ValueError("A cost to cover is 0 or more.")
    if not each > 0:
        return Withheld("Nothing breaks even: each one saves nothing")
    exact = cost / each
    # 13.000000000000002 is 13, not 14.
    return BreakEven(exact, int(np.ceil(exact - 1e-9)))


def break_even_value(
    model: Model, name: str, low: float, high: float, others: Mapping[str, float] | None = None
) -> float | Withheld:
    """The value of one parameter, between low and high, at which the result is 0. Withheld where it never is."""
    from scipy.optimize import brentq

    held = {key: np.float64(value) for key, value in (others or {}).items()}

    def at(value: float) -> float:
        return float(model({**held, name: np.float64(value)}))

    if at(low) * at(high) > 0:
        return Withheld(f"The result keeps its sign for every {name} from {low:g} to {high:g}")
    return float(brentq(at, low, high))
