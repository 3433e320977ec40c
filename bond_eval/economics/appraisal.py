"""Appraisal of costs against benefits to HM Treasury's Green Book, each kind of benefit by itself.

    net present value = PV(benefits) − PV(costs)          benefit-cost ratio = PV(benefits) / PV(costs)

Benefits are taken net of what would have happened anyway (deadweight) and of what others did (attribution), costs
are raised and benefits lowered for optimism by the quality of their data. Money is in pounds (£), constant prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.discounting import discount_factors, present_value
from bond_eval.economics.money import Account, Benefit, Kind, Numbers
from bond_eval.economics.reference import load

COST, BENEFIT = "cost", "benefit"


@dataclass(frozen=True)
class Grade:
    """A data-quality grade: the share by which costs rise and benefits fall, and how far that share is checked."""

    grade: int
    adjustment: float
    description: str
    standing: str
    source: str


@dataclass(frozen=True, eq=False)
class Worth:
    """One kind of benefit against the whole cost, £: never to be added to another row, for each bears all the cost.

    payback: the first year from which the discounted balance stays at or above 0; NaN where it never does.
    Values are numbers, or one a draw.
    """

    kind: Kind
    account: Account
    pv_benefit: Numbers
    pv_cost: Numbers
    npv: Numbers
    ratio: Numbers
    payback: Numbers


def net_present_value(costs: Sequence[float] | Numbers, benefits: Sequence[float] | Numbers) -> Numbers:
    """PV of benefits less PV of costs (£), years along the last axis from year 0."""
    return np.asarray(present_value(benefits) - present_value(costs))


def benefit_cost_ratio(costs: Sequence[float] | Numbers, benefits: Sequence[float] | Numbers) -> Numbers:
    """PV of benefits over PV of costs; NaN where the costs come to nothing, for no ratio exists there."""
    benefit, cost = np.broadcast_arrays(present_value(benefits), present_value(costs))
    return np.asarray(np.divide(benefit, cost, out=np.full(cost.shape, np.nan), where=cost > 0))


def payback(costs: Sequence[float] | Numbers, benefits: Sequence[float] | Numbers) -> Numbers:
    """First year (0, 1, …) from which the running discounted balance stays at or above 0; NaN where it ends below."""
    balance = np.asarray(benefits, dtype=float) - np.asarray(costs, dtype=float)
    years = balance.shape[-1]
    balance = balance * discount_factors(range(years))
    # Without the hair, a balance that comes to nought can fall below it by rounding alone.
    below = np.cumsum(balance, axis=-1) < -1e-9 * np.abs(balance).max(initial=1.0)
    first = np.where(below.any(axis=-1), years - np.argmax(below[..., ::-1], axis=-1), 0).astype(float)
    return np.asarray(np.where(first == years, np.nan, first))


def attributable(benefit: Benefit, *, deadweight: float | Numbers, attribution: float | Numbers) -> Benefit:
    """benefit × (1 − deadweight) × attribution: what the programme itself brought about.

    deadweight: share that would have come anyway; attribution: share of the rest that is this programme's.
    Raises ValueError for a share beyond 0 to 1.
    """
    for name, share in (("Deadweight", deadweight), ("Attribution", attribution)):
        if not ((np.asarray(share) >= 0) & (np.asarray(share) <= 1)).all():
            raise ValueError(f"{name} is a share: from 0 to 1.")
    return benefit.scaled((1 - np.asarray(deadweight)) * np.asarray(attribution))


def grades(table: pd.DataFrame | None = None) -> tuple[Grade, ...]:
    """The data-quality grades, best first, from data/reference/optimism_bias.csv or a table like it."""
    table = load("optimism_bias.csv") if table is None else table
    return tuple(
        Grade(int(row["grade"]), row["adjustment"], row["description"], row["standing"], row["document"])
        for row in table.sort_values("grade").to_dict("records")
    )


def adjust_for_optimism(
    value: float | Numbers, grade: int, side: str, table: pd.DataFrame | None = None
) -> tuple[Numbers, Grade]:
    """`value` after optimism bias and the grade used: costs × (1 + share), benefits × (1 − share).

    Raises InputError for a grade that is not in the table, ValueError for a side other than cost or benefit.
    """
    if side not in (COST, BENEFIT):
        raise ValueError(f"A side is {COST!r} or {BENEFIT!r}, not {side!r}.")
    found = [item for item in grades(table) if item.grade == grade]
    if not found:
        raise InputError(f"data/reference/optimism_bias.csv has no grade {grade}.")
    share = found[0].adjustment if side == COST else -found[0].adjustment
    return np.asarray(value, dtype=float) * (1 + share), found[0]


def appraise(costs: Sequence[float] | Numbers, benefits: Sequence[Benefit]) -> tuple[Worth, ...]:
    """Each kind and account of benefit against the whole of the costs (£ by year, last axis, from year 0).

    Benefits of one kind and account are added up first; those of different kinds never are. Raises ValueError
    where a benefit does not have as many years as the costs.
    """
    flows = np.asarray(costs, dtype=float)
    pots: dict[tuple[Account, Kind], Benefit] = {}
    for benefit in benefits:
        if np.shape(benefit.pounds)[-1:] != flows.shape[-1:]:
            raise ValueError("Costs and benefits must have the same years.")
        key = (benefit.account, benefit.kind)
        pots[key] = pots[key] + benefit if key in pots else benefit
    return tuple(_worth(flows, pot) for pot in pots.values())


def _worth(costs: Numbers, pot: Benefit) -> Worth:
    values = np.asarray(pot.pounds, dtype=float)
    cost, benefit = present_value(costs), present_value(values)
    ratio, years = benefit_cost_ratio(costs, values), payback(costs, values)
    return Worth(pot.kind, pot.account, benefit, cost, net_present_value(costs, values), ratio, years)
