"""Each wording of a change and of a difference, at and beside its edges."""

import pytest

from bond_eval.evidence.wording import (
    ALIKE,
    BACK,
    BETTER,
    CAUSE,
    TOO_FEW,
    UNCLEAR,
    UNLIKE,
    WORSE,
    changed,
    differs,
)
from bond_eval.methods.proportions import Estimate


def an(value, lower, upper):
    return Estimate(value, lower, upper, 40, "test")


@pytest.mark.parametrize(
    ("estimate", "people", "better", "null", "expected"),
    [
        (an(0.6, 0.4, 0.9), 40, "down", 1.0, BETTER), (an(0.6, 0.4, 0.9), 40, "up", 1.0, WORSE),
        (an(1.6, 1.1, 2.0), 40, "down", 1.0, WORSE), (an(1.6, 1.1, 2.0), 40, "up", 1.0, BETTER),
        (an(0.6, 0.4, 1.0), 40, "down", 1.0, UNCLEAR), (an(1.0, 0.8, 1.2), 40, "down", 1.0, UNCLEAR),
        (an(0.6, 0.4, 0.9), 9, "down", 1.0, TOO_FEW), (an(0.6, 0.4, 0.9), 10, "down", 1.0, BETTER),
        (None, 40, "down", 1.0, TOO_FEW), (an(-3, -5, -1), 40, "down", 0.0, BETTER),
        (an(-3, -5, 1), 40, "up", 0.0, UNCLEAR),
    ],
)  # fmt: skip
def test_wording_of_a_change(estimate, people, better, null, expected):
    assert changed(estimate, people, better=better, null=null) == expected


def test_a_fall_that_was_to_come_is_not_called_better():
    fall = an(0.6, 0.4, 0.9)
    assert changed(fall, 40, better="down", settled=an(0.95, 0.7, 1.3)) == BACK
    assert changed(fall, 40, better="down", settled=an(0.6, 0.4, 0.9)) == BETTER
    # A rise is never put down to it.
    assert changed(an(1.6, 1.1, 2.0), 40, better="down", settled=an(1.0, 0.7, 1.3)) == WORSE


@pytest.mark.parametrize(
    ("estimate", "causal", "parts"),
    [
        (an(-0.2, -0.3, -0.1), True, ("lower", "better", CAUSE)), (an(-0.2, -0.3, -0.1), False, ("lower", UNLIKE)),
        (an(0.2, 0.1, 0.3), True, ("higher", "worse", CAUSE)), (an(0.1, -0.1, 0.3), True, (ALIKE,)),
        (None, True, (TOO_FEW,)),
    ],
)  # fmt: skip
def test_wording_of_a_difference(estimate, causal, parts):
    found = differs(estimate, causal)
    assert all(part in found for part in parts)
    assert causal or CAUSE not in found


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="up or down"):
        changed(None, 3, better="sideways")
