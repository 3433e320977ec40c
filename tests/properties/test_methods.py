"""What must hold of the statistics for any data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bond_eval.methods.proportions import clopper_pearson, difference, rate, rate_ratio, relative_risk, wilson
from bond_eval.methods.spc import xmr
from bond_eval.methods.survival import cumulative_incidence, kaplan_meier

pytestmark = pytest.mark.filterwarnings("error")
bounded = settings(max_examples=60, deadline=None, derandomize=True)

follow_up = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=40)
series = st.lists(st.integers(-20, 20), min_size=12, max_size=30)
groups = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
FLAGS = ("outside", "shift", "trend", "two_of_three")
SLACK = 1e-9


@bounded
@given(follow_up)
def test_kaplan_meier_never_rises_and_lies_within_its_limits(subjects):
    time, cause = np.array(subjects).T
    curve = kaplan_meier(time, cause > 0)
    assert (np.diff(curve.survival, prepend=1) <= SLACK).all()
    assert ((curve.survival >= 0) & (curve.survival <= 1)).all()
    above = curve.survival > 0
    assert np.isfinite(curve.lower[above]).all() and np.isnan(curve.upper[~above]).all()
    assert (curve.lower[above] >= 0).all() and (curve.lower[above] <= curve.survival[above] + SLACK).all()
    assert (curve.upper[above] <= 1).all() and (curve.upper[above] >= curve.survival[above] - SLACK).all()
    assert curve.events_at.sum() == curve.events and curve.at_risk[0] == curve.n


@bounded
@given(follow_up)
def test_incidences_and_survival_add_to_one(subjects):
    time, cause = np.array(subjects).T
    found = cumulative_incidence(time, cause, causes=3)
    assert found.incidence.sum(axis=1) + found.survival == pytest.approx(np.ones(found.time.size))
    assert (np.diff(found.incidence, axis=0, prepend=0) >= -SLACK).all()
    known = np.isfinite(found.lower)
    assert (known == np.isfinite(found.upper)).all()
    inside = (found.lower >= 0) & (found.lower <= found.incidence + SLACK)
    inside &= (found.upper <= 1) & (found.upper >= found.incidence - SLACK)
    assert inside[known].all()
    left = found.survival > SLACK
    assert (known == ((found.incidence > SLACK) & left[:, None])).all()


@bounded
@given(groups)
def test_intervals_of_a_proportion_hold_it_and_lie_in_0_to_1(group):
    x, n = group
    score, exact = wilson(x, n), clopper_pearson(x, n)
    for found in (score, exact):
        assert 0 <= found.lower <= x / n <= found.upper <= 1
        assert found.lower < found.upper
    mirror = wilson(n - x, n)
    assert (mirror.lower, mirror.upper) == pytest.approx((1 - score.upper, 1 - score.lower))


@bounded
@given(groups, groups)
def test_comparisons_hold_their_value_and_turn_with_the_groups(first, second):
    there, back = difference(*first, *second), difference(*second, *first)
    assert -1 <= there.lower <= there.value + SLACK and there.value - SLACK <= there.upper <= 1
    assert (back.lower, back.upper) == pytest.approx((-there.upper, -there.lower), abs=1e-9)
    if first[0] + second[0]:
        ratio, inverse = rate_ratio(*first, *second), rate_ratio(*second, *first)
        assert 0 <= ratio.lower <= ratio.value <= ratio.upper
        assert ratio.lower * inverse.upper == pytest.approx(1, rel=1e-6) or ratio.lower == 0
        risk = relative_risk(*first, *second)
        assert 0 <= risk.lower <= risk.value <= risk.upper and risk.lower < risk.upper


@bounded
@given(st.integers(0, 500), st.floats(0.1, 1e6))
def test_a_rate_lies_within_its_limits(count, exposure):
    found = rate(count, exposure, per=1000)
    assert 0 <= found.lower <= found.value < found.upper


@bounded
@given(series, st.integers(-10_000, 10_000), st.booleans())
def test_adding_a_constant_moves_the_chart_and_changes_no_flag(values, constant, screened):
    chart = xmr(values, better="up", screened=screened)
    moved = xmr([value + constant for value in values], better="up", screened=screened)
    for line in ("mean", "lower", "upper"):
        assert getattr(moved, line) == pytest.approx(getattr(chart, line) + constant)
    for flag in (*FLAGS, "verdict", "reason"):
        assert list(getattr(moved, flag)) == list(getattr(chart, flag))


@bounded
@given(series)
def test_turning_what_is_better_swaps_improvement_and_concern(values):
    swap = {"improvement": "concern", "concern": "improvement"}
    up, down, neither = (xmr(values, better=better) for better in ("up", "down", "none"))
    assert [swap.get(verdict, verdict) for verdict in up.verdict] == list(down.verdict)
    assert set(neither.verdict) <= {"neutral", "common cause"}
    assert list(neither.verdict == "neutral") == list(np.isin(up.verdict, list(swap)))


@bounded
@given(series)
def test_turning_the_series_upside_down_turns_every_flag(values):
    chart, mirror = xmr(values, better="up"), xmr([-value for value in values], better="down")
    for flag in FLAGS:
        assert list(getattr(mirror, flag)) == list(-getattr(chart, flag))
    assert list(mirror.verdict) == list(chart.verdict)
