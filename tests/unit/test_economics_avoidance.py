"""Avoided cost as a difference of two courses, and one child counted once."""

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics.avoidance import Course, avoided_pounds, step_up_pounds
from bond_eval.economics.money import Account, Benefit, Kind, Withheld, spread
from bond_eval.economics.overlap import overlap, published_parts
from bond_eval.economics.scenarios import totals


def test_the_published_four_million_is_one_point():
    result = avoided_pounds(72, Course(0.25, 1.0, 365), Course(0.0, 1.0, 365), 222_000)
    assert result.pounds == pytest.approx(3_996_000)
    assert (result.kind, result.account) == (Kind.AVOIDED, Account.FISCAL)


def test_two_of_twelve_looked_after_takes_most_of_it_away():
    seen = avoided_pounds(72, Course(0.25, 1.0, 365), Course(2 / 12, 1.0, 365), 222_000)
    assert seen.pounds == pytest.approx(3_996_000 / 3)
    worse = avoided_pounds(72, Course(0.1, 1.0, 365), Course(2 / 12, 1.0, 365), 222_000)
    assert worse.pounds < 0


def test_each_term_counts_and_the_replacement_is_taken_off():
    whole = avoided_pounds(10, Course(0.5, 0.4, 73), Course(0.2, 0.5, 146), 200_000, 15_000)
    by_hand = 10 * (0.5 * 0.4 * 73 / 365 - 0.2 * 0.5 * 146 / 365) * 200_000 - 15_000
    assert whole.pounds == pytest.approx(by_hand)


def test_draws_give_draws():
    p1 = np.array([0.0, 0.1, 0.25])
    result = avoided_pounds(72, Course(0.25, 1.0, 365), Course(p1, 1.0, 365), 222_000)
    assert result.pounds == pytest.approx(72 * (0.25 - p1) * 222_000)
    assert spread(result.pounds).lower == pytest.approx(119_880)


def test_step_up_counts_only_the_difference_of_fees():
    assert step_up_pounds(18, 0.3, 0.1, 365, 200_000, 40_000).pounds == pytest.approx(18 * 0.2 * 160_000)
    with pytest.raises(ValueError, match="step up"):
        step_up_pounds(18, 0.3, 0.1, 365, 40_000, 200_000)


@pytest.mark.parametrize(("p", "q", "days"), [(1.1, 1, 365), (0.5, -0.1, 365), (0.5, 1, -1), (float("nan"), 1, 1)])
def test_impossible_courses_are_refused(p, q, days):
    with pytest.raises(ValueError):
        Course(p, q, days)


def test_a_fee_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="known"):
        avoided_pounds(1, Course(1, 1, 365), Course(0, 1, 365), float("nan"))


def test_unlike_pounds_are_never_added():
    cash, avoided = Benefit(100.0, Kind.CASHABLE), Benefit(50.0, Kind.AVOIDED)
    assert (cash + cash).pounds == 200 and sum([avoided, avoided]).pounds == 100
    for other in (avoided, Benefit(1.0, Kind.CASHABLE, Account.SOCIAL), 5.0, np.ones(2), np.array([])):
        with pytest.raises(TypeError):
            _ = cash + other
        with pytest.raises(TypeError):
            _ = other + cash
    with pytest.raises(TypeError):
        float(cash)


def claims(*rows):
    return pd.DataFrame(rows, columns=["child", "programme", "period", "claimed_pounds"])


def test_a_child_in_two_programmes_is_counted_once_a_period():
    found = overlap(
        claims(
            ("a", "Route 29", "2020-21", 200_000.0),
            ("a", "ACT", "2020-21", 180_000.0),
            ("a", "ACT", "2021-22", 180_000.0),
            ("b", "TCS", "2020-21", 350_000.0),
        )
    )
    assert found.sum_of_parts_pounds == 910_000 and found.whole_pounds == 730_000
    assert found.parts.set_index("programme")["claimed_pounds"].to_dict() == {
        "ACT": 360_000,
        "Route 29": 200_000,
        "TCS": 350_000,
    }


def test_bad_claims_are_refused_or_withheld():
    with pytest.raises(InputError, match="0 or more"):
        overlap(claims(("a", "ACT", "2020-21", -1.0)))
    with pytest.raises(InputError, match="once"):
        overlap(claims(("a", "ACT", "2020-21", 1.0), ("a", "ACT", "2020-21", 2.0)))
    with pytest.raises(InputError, match="period"):
        overlap(claims(("a", "ACT", "2020-21", 1.0)).drop(columns="period"))
    assert overlap(claims(("a", "ACT", "2020-21", None))).missing == ("ACT",)


def test_published_claims_are_parts_without_a_whole():
    parts, whole = published_parts(totals())
    assert parts["amount_000"].sum() == 15_152 and len(parts) == 4
    assert isinstance(whole, Withheld)
