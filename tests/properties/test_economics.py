"""What must hold of the economics for any numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bond_eval.economics.appraisal import net_present_value, payback
from bond_eval.economics.avoidance import Course, avoided_pounds
from bond_eval.economics.discounting import discount_factors, discount_rates, present_value
from bond_eval.economics.money import Account, Benefit, Kind
from bond_eval.economics.overlap import overlap
from bond_eval.economics.scenarios import avoidance, evaluate, scenarios, with_baseline
from bond_eval.economics.sealing import jump
from bond_eval.economics.uncertainty import Parameter, break_even, tornado

pytestmark = pytest.mark.filterwarnings("error")
bounded = settings(max_examples=60, deadline=None, derandomize=True)
money = st.floats(-1e6, 1e6, allow_nan=False)
positive = st.floats(0.01, 1e6, allow_nan=False)
share = st.floats(0, 1)
flows = st.lists(st.tuples(money, money), min_size=1, max_size=40)
SCENARIOS, RATES = scenarios(), discount_rates()


@bounded
@given(flows, st.floats(-3, 3))
def test_present_value_is_linear(pairs, factor):
    a, b = np.array(pairs).T
    whole = present_value(a + factor * b)
    assert whole == pytest.approx(present_value(a) + factor * present_value(b), rel=1e-9, abs=1e-3)
    assert net_present_value(a, a) == pytest.approx(0)


@bounded
@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=40), st.floats(0, 0.2), st.floats(0.001, 0.1))
def test_present_value_falls_as_the_rate_rises(values, rate, more):
    assert present_value(values, rates=RATES.assign(rate=rate + more)) < present_value(
        values, rates=RATES.assign(rate=rate)
    )
    assert (np.diff(discount_factors(range(126))) < 0).all()


@bounded
@given(flows)
def test_payback_is_the_first_year_from_which_all_balances_hold(pairs):
    costs, benefits = np.abs(np.array(pairs)).T
    balance = np.cumsum((benefits - costs) * discount_factors(range(len(pairs))))
    assume((np.abs(balance) > 1e-3).all())
    year = payback(costs, benefits)
    if np.isnan(year):
        assert balance[-1] < 0
    else:
        assert (balance[int(year) :] > 0).all() and (year == 0 or balance[int(year) - 1] < 0)


@bounded
@given(st.floats(0, 200), st.floats(0, 5))
def test_scenarios_are_linear_in_volume_and_unit_cost(placements, factor):
    total = evaluate(with_baseline(SCENARIOS, placements), "do nothing", "2023-24").total_000
    assert total == pytest.approx(26_132 + (placements - 48) * 200)
    scaled = SCENARIOS.assign(
        unit_cost_000=SCENARIOS["unit_cost_000"] * factor, amount_000=SCENARIOS["amount_000"] * factor
    )
    assert avoidance(scaled, "2023-24").difference_000 == pytest.approx(5_261 * factor, abs=1e-6)


@bounded
@given(share, share, share, share, positive)
def test_avoidance_changes_sign_with_the_courses_and_is_nothing_between_equals(p0, q0, p1, q1, fee):
    a, b = Course(p0, q0, 365), Course(p1, q1, 200)
    assert avoided_pounds(9, a, b, fee).pounds == pytest.approx(-avoided_pounds(9, b, a, fee).pounds)
    assert avoided_pounds(9, a, a, fee).pounds == 0


claim = st.tuples(st.integers(0, 6), st.sampled_from("ABCD"), st.integers(0, 2), st.floats(0, 1e6))


@bounded
@given(st.lists(claim, min_size=1, max_size=40, unique_by=lambda row: row[:3]))
def test_the_whole_never_exceeds_the_parts_nor_falls_below_the_largest(rows):
    frame = pd.DataFrame(rows, columns=["child", "programme", "period", "claimed_pounds"])
    found = overlap(frame)
    assert found.whole_pounds <= found.sum_of_parts_pounds * (1 + 1e-12)
    assert found.whole_pounds >= found.parts["claimed_pounds"].max() * (1 - 1e-12)
    assert found.parts["claimed_pounds"].sum() == pytest.approx(found.sum_of_parts_pounds)
    alone = overlap(frame.drop_duplicates(["child", "period"]))
    assert alone.whole_pounds == pytest.approx(alone.sum_of_parts_pounds)


kinds = st.tuples(st.sampled_from(list(Kind)), st.sampled_from(list(Account)))


@bounded
@given(kinds, kinds, money, money)
def test_only_like_pounds_add(one, other, a, b):
    first, second = Benefit(a, *one), Benefit(b, *other)
    if one == other:
        assert (first + second).pounds == a + b
        return
    with pytest.raises(TypeError):
        _ = first + second


@bounded
@given(positive, positive)
def test_break_even_covers_and_one_fewer_does_not(cost, each):
    found = break_even(cost, each)
    assert found.whole * each >= cost * (1 - 1e-6)
    assert (found.whole - 1) * each < cost


@bounded
@given(st.floats(-100, 100), st.floats(0.1, 50), st.floats(0.1, 50), st.floats(-9, 9))
def test_linear_swings_are_slope_times_range(low, left, right, slope):
    parameter = Parameter(low, low + left, low + left + right)
    (bar,) = tornado(lambda values: slope * values["x"] + 1, {"x": parameter})
    assert low <= bar.low <= bar.high <= low + left + right
    assert bar.swing == pytest.approx(slope * (bar.high - bar.low), abs=1e-9)


@bounded
@given(money, money, money, money)
def test_a_jump_is_explained_to_the_pound(a, b, c, d):
    found = jump(a, b, c, d)
    assert found.by_rebasing_000 + found.by_outturn_000 == pytest.approx(found.difference_000, abs=1e-6)
