"""What it is worth to know more before a choice: the expected loss from choosing on what is known now.

Source: Strong, Oakley and Brennan, Estimating multiparameter partial expected value of perfect information from a
probabilistic sensitivity analysis sample (2014); here with bins in place of a regression, for one parameter at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BINS = 40


@dataclass(frozen=True)
class Worth:
    """`whole`: worth of knowing everything; `parts`: of knowing one parameter; both in the unit of the net benefit."""

    whole: float
    parts: dict[str, float]
    draws: int


def value_of_information(net: FloatArray, inputs: Mapping[str, FloatArray]) -> Worth:
    """Worth of information for the choice between a net benefit `net` (a draw each) and none.

    The better choice now is that with the higher mean. Knowing all would let each draw be chosen apart; knowing one
    parameter lets each bin of its values be. Parameters that do not vary are worth nothing. Raises ValueError where
    draws are too few (40 a bin) or lengths differ.
    """
    net = np.asarray(net, dtype=float)
    if net.size < BINS * 40:
        raise ValueError(f"At least {BINS * 40} draws are needed.")
    if any(np.size(values) != net.size for values in inputs.values()):
        raise ValueError("Each parameter has as many draws as the net benefit.")
    now = max(float(net.mean()), 0.0)
    whole = float(np.maximum(net, 0).mean()) - now
    parts = {name: _part(net, np.asarray(values, dtype=float), now) for name, values in inputs.items()}
    return Worth(whole, parts, net.size)


def _part(net: FloatArray, values: FloatArray, now: float) -> float:
    if values.min() == values.max():
        return 0.0
    rows = np.array_split(np.argsort(values, kind="stable"), BINS)
    means = np.array([net[part].mean() for part in rows])
    sizes = np.array([part.size for part in rows])
    # A bin's mean strays by chance, and max() takes only the lucky half of it: a parameter in no order at all shows by
    # how much.
    shuffled = np.array([net[part].mean() for part in np.array_split(np.arange(net.size), BINS)])
    chance = float((np.maximum(shuffled, 0) * sizes).sum() / net.size) - now
    return max(float((np.maximum(means, 0) * sizes).sum() / net.size) - now - max(chance, 0.0), 0.0)
