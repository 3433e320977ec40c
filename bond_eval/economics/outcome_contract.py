"""An outcome-based contract: between which tariffs both sides break even, what a cap does, who carries which risk.

    provider's tariff     = cost of the service / outcomes expected
    commissioner's tariff = value of an outcome × (1 − deadweight)

Pounds (£). A bond was once put to the market for such a service and no bid was able to achieve the outcomes
(Southampton Cabinet decision August 2017, reason 2): a range that looks wide is no proof that anybody will bid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.economics.money import Numbers, Withheld
from bond_eval.economics.reference import load


@dataclass(frozen=True)
class Tariffs:
    """£ an outcome: below `provider` the provider loses, above `commissioner` the commissioner does."""

    provider: float
    commissioner: float

    @property
    def can_agree(self) -> bool:
        """Whether any tariff leaves neither worse off."""
        return self.provider <= self.commissioner


def break_even_tariffs(
    cost: float, expected_outcomes: float, value_each: float, deadweight: float
) -> Tariffs | Withheld:
    """The two break-even tariffs (£ an outcome). Withheld where no outcome is expected.

    cost: of the service, £; value_each: avoided cost of an outcome, £; deadweight: share of the outcomes that
    would have come anyway and are paid for all the same. Raises ValueError for a share beyond 0 to 1.
    """
    if not 0 <= deadweight <= 1 or cost < 0 or value_each < 0:
        raise ValueError("Cost and value are 0 or more, deadweight a share from 0 to 1.")
    if not expected_outcomes > 0:
        return Withheld("No tariff breaks even where no outcome is expected")
    return Tariffs(cost / expected_outcomes, value_each * (1 - deadweight))


def payments(outcomes: float | Sequence[float] | Numbers, tariff: float, cap: float) -> Numbers:
    """What is paid (£) for each number of outcomes (a number or draws): outcomes × tariff, at most `cap`."""
    count = np.asarray(outcomes, dtype=float)
    if tariff < 0 or cap < 0 or not (count >= 0).all():
        raise ValueError("Outcomes, tariff and cap are 0 or more.")
    return np.minimum(count * tariff, cap)


def risks() -> pd.DataFrame:
    """data/reference/contract_risks.csv: who carries each risk in-house, on a block and on an outcome contract."""
    return load("contract_risks.csv")
