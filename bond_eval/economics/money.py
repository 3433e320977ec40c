"""What an economic result may be: a sum of money of one kind, or a result withheld for a stated reason.

Pounds of different kinds are not one pot. Cashable saving leaves a budget line, avoided cost never arose, a
partner's benefit is somebody else's; fiscal, economic and social value answer different questions. `Benefit`
carries both labels and refuses to be added across them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
LEVEL = 0.95


class Kind(StrEnum):
    """Whose pound it is, and whether it can be spent again."""

    CASHABLE = "cashable saving"
    AVOIDED = "avoided cost"
    PARTNER = "partner benefit"


class Account(StrEnum):
    """The account that a value belongs to in a cost-benefit analysis."""

    FISCAL = "fiscal"
    ECONOMIC = "economic"
    SOCIAL = "social"


@dataclass(frozen=True)
class Withheld:
    """No number, and why. `missing`: what was not there, by name. Arithmetic with it raises TypeError."""

    reason: str
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where no reason is given."""
        if not self.reason.strip():
            raise ValueError("A result is withheld for a reason: give it.")


@dataclass(frozen=True, eq=False)
class Benefit:
    """Pounds (£, not £000) of one kind and one account: a number, or an array of years or draws.

    Adding two of another kind or account raises TypeError, and so does adding a bare number: a sum of unlike
    pounds is what this type is there to prevent.
    """

    pounds: float | Numbers
    kind: Kind
    account: Account = Account.FISCAL
    # NumPy then leaves the arithmetic to us, and an array cannot be added element by element.
    __array_ufunc__ = None

    def __add__(self, other: object) -> Benefit:
        """The sum of two of the same kind and account."""
        if not isinstance(other, Benefit):
            raise TypeError("A benefit can only be added to a benefit of the same kind and account.")
        if (self.kind, self.account) != (other.kind, other.account):
            raise TypeError(
                f"{self.account} {self.kind} and {other.account} {other.kind} are not one pot: show them side by side."
            )
        return Benefit(self.pounds + other.pounds, self.kind, self.account)

    def __radd__(self, other: object) -> Benefit:
        """Let sum() begin at nothing; anything else raises TypeError."""
        if isinstance(other, int) and other == 0:
            return self
        raise TypeError("A benefit can only be added to a benefit of the same kind and account.")

    def scaled(self, share: float | Numbers) -> Benefit:
        """The same kind of pounds, times a number."""
        return Benefit(self.pounds * share, self.kind, self.account)


@dataclass(frozen=True, eq=False)
class Spread:
    """A distribution in short, in the unit of its draws: mean, median, 95% interval, share above zero."""

    mean: float
    median: float
    lower: float
    upper: float
    above_zero: float

    @property
    def spans_zero(self) -> bool:
        """Whether the interval holds zero, so that no gain can be claimed."""
        return self.lower <= 0 <= self.upper


def spread(draws: Sequence[float] | Numbers) -> Spread:
    """Mean, median and central 95% interval of one-dimensional draws. Raises ValueError for none or a NaN."""
    values = np.asarray(draws, dtype=float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("A spread needs a row of finite draws.")
    lower, median, upper = np.quantile(values, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    above = float((values > 0).mean())
    return Spread(float(values.mean()), float(median), float(lower), float(upper), above)
