"""How sure an economic result is, and what would have to be true for it to vanish.

A model is any function of a mapping from names to numbers or arrays that computes by NumPy broadcasting. The same
function serves the seeded simulation, the tornado, the threshold grid and the break-even. Units are the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from bond_eval.economics.money import LEVEL, Numbers, Spread, Withheld, spread

Model = Callable[[Mapping[str, Any]], Any]
DRAWS = 10_000
KINDS = {"point": 1, "triangular": 3, "normal": 2, "beta": 2, "lognormal": 2}


@dataclass(frozen=True)
class Parameter:
    """A number that is not known for sure.

    kind and values: point (value,) · triangular (low, mode, high) · normal (mean, sd) · beta (a, b), from 0 to 1 ·
    lognormal (median, sd of the log). Raises ValueError for values that make no such distribution.
    """

    kind: str
    values: tuple[float, ...]
    note: str = ""

    def __post_init__(self) -> None:
        """Check the values."""
        if len(self.values) != KINDS.get(self.kind) or not np.isfinite(self.values).all():
            raise ValueError(f"{self.kind!r} with {self.values} is no distribution known here.")
        v = self.values
        sound = {
            "point": True,
            "triangular": v[0] <= v[1 % len(v)] <= v[-1] and v[0] < v[-1],
            "normal": v[-1] > 0,
            "beta": min(v) > 0,
            "lognormal": min(v) > 0,
        }
        if not sound[self.kind]:
            raise ValueError(f"{self.kind!r} with {v} is out of order or not above 0.")

    @property
    def mean(self) -> float:
        """Expected value."""
        v = self.values
        if self.kind == "triangular":
            return sum(v) / 3
        if self.kind == "beta":
            return v[0] / (v[0] + v[1])
        return v[0] * exp(v[1] ** 2 / 2) if self.kind == "lognormal" else v[0]

    @property
    def variance(self) -> float:
        """Variance."""
        v = self.values
        if self.kind == "triangular":
            low, mode, high = v
            return (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18
        if self.kind == "beta":
            return v[0] * v[1] / ((sum(v)) ** 2 * (sum(v) + 1))
        if self.kind == "lognormal":
            return self.mean**2 * (exp(v[1] ** 2) - 1)
        return v[1] ** 2 if self.kind == "normal" else 0.0

    def quantile(self, p: float) -> float:
        """The value below which a share `p` (0 to 1) lies."""
        v = self.values
        if self.kind == "point":
            return v[0]
        if self.kind == "triangular":
            return _triangular_quantile(p, *v)
        if self.kind == "beta":
            from scipy.special import betaincinv

            return float(betaincinv(v[0], v[1], p))
        if self.kind == "normal":
            return NormalDist(v[0], v[1]).inv_cdf(p)
        return exp(NormalDist(log(v[0]), v[1]).inv_cdf(p))

    def draw(self, generator: np.random.Generator, size: int) -> Numbers:
        """`size` independent draws."""
        v = self.values
        if self.kind == "point":
            return np.full(size, v[0])
        if self.kind == "triangular":
            return generator.triangular(v[0], v[1], v[2], size)
        if self.kind == "normal":
            return generator.normal(v[0], v[1], size)
        if self.kind == "beta":
            return generator.beta(v[0], v[1], size)
        return generator.lognormal(log(v[0]), v[1], size)


@dataclass(frozen=True, eq=False)
class Simulation:
    """Draws of a model's result (length `draws`), what was drawn for each parameter, and the spread."""

    result: Numbers
    inputs: Mapping[str, Numbers]
    spread: Spread
    seed: int


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
    """How many are needed to cover a cost: `exact`, and the next whole one. cost and each in one unit of money."""

    exact: float
    whole: int
    cost: float
    each: float


def monte_carlo(
    model: Model, parameters: Mapping[str, Parameter], *, seed: int, draws: int = DRAWS, level: float = LEVEL
) -> Simulation:
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
    return Simulation(result, inputs, spread(result, level), seed)


def tornado(model: Model, parameters: Mapping[str, Parameter], level: float = LEVEL) -> tuple[Swing, ...]:
    """Move one parameter at a time across its central `level` interval, the rest at their means; largest first."""
    means = {name: np.float64(parameter.mean) for name, parameter in parameters.items()}
    swings = []
    for name, parameter in parameters.items():
        low, high = parameter.quantile((1 - level) / 2), parameter.quantile((1 + level) / 2)
        ends = [float(model({**means, name: np.float64(value)})) for value in (low, high)]
        swings.append(Swing(name, low, high, ends[0], ends[1]))
    return tuple(sorted(swings, key=lambda swing: -abs(swing.swing)))


def threshold_grid(
    model: Model,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Sequence[float]],
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
    return BreakEven(exact, int(np.ceil(exact - 1e-9)), cost, each)


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


def _triangular_quantile(p: float, low: float, mode: float, high: float) -> float:
    if p * (high - low) < mode - low:
        return low + sqrt(p * (high - low) * (mode - low))
    return high - sqrt((1 - p) * (high - low) * (high - mode))
