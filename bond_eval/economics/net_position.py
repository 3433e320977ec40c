"""What a year of the programmes costs net of what they avoid, as one function of dials.

    net = baseline placements that would still be there + edge of care + step-ups − programme cost

The first three are each a difference of two courses. The dials are those of data/reference/assumptions.csv that are
used in "net position"; money in them is in £000 a year. The function computes on numbers and on arrays alike, so
that the simulation, the tornado, the grid and the break-evens share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bond_eval.economics.appraisal import attributable
from bond_eval.economics.avoidance import DAYS_IN_YEAR, Course, avoided_pounds, step_up_pounds
from bond_eval.economics.money import Benefit

THOUSAND = 1000.0
Dials = Mapping[str, Any]


def avoided(dials: Dials) -> dict[str, Benefit]:
    """Avoided cost (£ a year) by part; a part below 0 is a cost added. Raises ValueError for an impossible dial."""
    return {
        "Outside placements of the baseline": _baseline(dials, "op"),
        "IFAs of the baseline": _baseline(dials, "ifa"),
        "Edge of care": _edge_of_care(dials),
        "Step-ups of children looked after": step_up_pounds(
            dials["step_up_children"],
            dials["step_up_0"],
            dials["step_up_1"],
            _days(dials),
            dials["op_fee_000"] * THOUSAND,
            dials["ifa_fee_000"] * THOUSAND,
        ),
    }


def avoided_000(dials: Dials) -> Any:
    """All that is avoided, £000 a year."""
    first, *rest = avoided(dials).values()
    return sum(rest, first).pounds / THOUSAND


def net_000(dials: Dials) -> Any:
    """Avoided cost less the programmes' cost, £000 a year: above 0 they pay for themselves."""
    return avoided_000(dials) - dials["cost_000"]


def _baseline(dials: Dials, what: str) -> Benefit:
    """Baseline placements that go on for the year on one course and not on the other, less the care that comes after.

    Without the programme fewer may be left than with it: the result can be below 0.
    """
    each = (dials[f"{what}_fee_000"] - dials[f"after_{what}_000"]) * THOUSAND
    without, within = (Course(dials[f"{what}_still{on}"], 1.0, DAYS_IN_YEAR) for on in ("_without", ""))
    whole = avoided_pounds(dials[f"{what}_baseline"], without, within, each)
    return attributable(whole, deadweight=0.0, attribution=dials["attribution"])


def _edge_of_care(dials: Dials) -> Benefit:
    """The difference of the two courses, less other care for what was avoided."""
    without, within = (Course(dials[p], dials["op_if_looked_after"], _days(dials)) for p in ("p0", "p1"))
    spared = dials["edge_children"] * np.maximum(without.years() - within.years(), 0)
    instead = spared * dials["edge_instead_000"] * THOUSAND
    return avoided_pounds(dials["edge_children"], without, within, dials["op_fee_000"] * THOUSAND, instead)


def _days(dials: Dials) -> Any:
    return dials["stay"] * DAYS_IN_YEAR
