"""Distributions against their closed forms, tornado, grid, break-evens and a seeded simulation."""

import time

import numpy as np
import pytest

from bond_eval.economics.break_evens import children_needed, placements_needed
from bond_eval.economics.money import Withheld, spread
from bond_eval.economics.options import option_items, programme_costs
from bond_eval.economics.scenarios import scenarios, totals
from bond_eval.economics.uncertainty import (
    Parameter,
    break_even,
    break_even_value,
    monte_carlo,
    threshold_grid,
    tornado,
)

DISTRIBUTIONS = [Parameter(2.0, 3.0, 7.0), Parameter(0.0, 0.0, 1.0), Parameter(4.0, 4.0, 4.0)]


def variance(parameter):
    """Of a triangular distribution, in closed form."""
    low, mode, high = parameter.low, parameter.mode, parameter.high
    return (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18


def linear(values):
    return 3 * values["a"] - 2 * values["b"] + 5


@pytest.mark.parametrize("parameter", DISTRIBUTIONS, ids=str)
def test_draws_have_the_moments_and_quantiles_of_their_closed_forms(parameter):
    draws = parameter.draw(np.random.default_rng(1), 400_000)
    assert draws.mean() == pytest.approx(parameter.mean, rel=0.005)
    assert draws.var() == pytest.approx(variance(parameter), rel=0.02, abs=1e-12)
    for p in (0.025, 0.3, 0.9):
        assert np.quantile(draws, p) == pytest.approx(parameter.quantile(p), rel=0.01)


def test_triangular_moments():
    parameter = Parameter(2.0, 3.0, 7.0)
    assert parameter.mean == 4
    assert [parameter.quantile(p) for p in (0, 0.2, 1)] == pytest.approx([2, 3, 7])


@pytest.mark.parametrize("values", [(3, 2, 7), (1, 2, 1), (float("nan"), 1, 2), (0, 1, float("inf"))])
def test_impossible_distributions_are_refused(values):
    with pytest.raises(ValueError):
        Parameter(*values)


def test_simulation_of_a_linear_model_matches_its_closed_form():
    parameters = {"a": Parameter(0.0, 1.0, 2.0), "b": Parameter(0.0, 1.0, 2.0)}
    found = monte_carlo(linear, parameters, seed=7, draws=200_000)
    assert found.result.mean() == pytest.approx(6, abs=0.02)
    assert found.result.var() == pytest.approx((9 + 4) * variance(parameters["a"]), rel=0.02)
    assert found.result.size == 200_000


def test_simulation_is_seeded_and_a_parameter_more_leaves_the_rest():
    first = {"a": DISTRIBUTIONS[0], "b": DISTRIBUTIONS[1]}
    more = {"c": DISTRIBUTIONS[2], "b": DISTRIBUTIONS[1], "a": DISTRIBUTIONS[0]}
    one, again, other = (monte_carlo(linear, p, seed=s) for p, s in ((first, 1), (more, 1), (first, 2)))
    assert (one.result == again.result).all() and not (one.result == other.result).any()
    twins = monte_carlo(linear, {"a": DISTRIBUTIONS[1], "b": DISTRIBUTIONS[1]}, seed=1)
    assert abs(np.corrcoef(twins.inputs["a"], twins.inputs["b"])[0, 1]) < 0.05
    with pytest.raises(ValueError, match="whole arrays"):
        monte_carlo(lambda values: values["a"].mean(), first, seed=1)


def test_ten_thousand_draws_of_twenty_years_take_under_two_seconds():
    from bond_eval.economics.appraisal import net_present_value

    def model(values):
        years = np.ones(20)
        return net_present_value(values["cost"][:, None] * years, values["gain"][:, None] * years)

    start = time.perf_counter()
    found = monte_carlo(model, {"cost": DISTRIBUTIONS[0], "gain": DISTRIBUTIONS[1]}, seed=3)
    assert time.perf_counter() - start < 2 and found.result.size == 10_000


def test_tornado_of_a_linear_model():
    parameters = {
        "b": Parameter(0.0, 1.0, 2.0),
        "a": Parameter(0.0, 1.0, 2.0),
        "c": Parameter(1.0, 1.0, 1.0),
    }
    bars = tornado(linear, parameters)
    assert [bar.parameter for bar in bars] == ["a", "b", "c"]
    for bar, slope in zip(bars, (3, -2, 0), strict=True):
        assert bar.swing == pytest.approx(slope * (bar.high - bar.low))
    base = 3 * parameters["a"].mean - 2 * parameters["b"].mean + 5
    assert (bars[1].result_low + bars[1].result_high) / 2 == pytest.approx(base)


def test_threshold_grid_turns_sign_where_it_should():
    grid = threshold_grid(
        lambda v: v["n"] * v["unit"] - v["cost"], ("n", [10, 13, 17]), ("unit", [160, 200]), {"cost": 2591}
    )
    assert grid.loc[200, 13] == 9 and grid.loc[160, 13] == -511
    assert (grid > 0).to_numpy().tolist() == [[False, False, True], [False, True, True]]
    assert threshold_grid(lambda v: v["n"] * 1.0, ("n", [1, 2]), ("unit", [5, 6])).shape == (2, 2)
    with pytest.raises(ValueError, match="two parameters"):
        threshold_grid(linear, ("a", [1]), ("a", [2]))


def test_placements_that_pay_for_the_programme():
    found = placements_needed(scenarios(), programme_costs(), option_items())
    down, avoided = found["stepped down to an IFA"], found["avoided outright"]
    assert (round(down.exact, 1), down.whole) == (16.2, 17) and (round(avoided.exact, 1), avoided.whole) == (13.0, 13)


def test_children_that_pay_for_harbour():
    frame = children_needed(programme_costs(), option_items(), totals())
    assert frame.groupby("cost_base", sort=False)["whole"].apply(list).to_dict() == {
        "two contracts": [4, 5],
        "whole domestic abuse line": [7, 9],
    }
    assert frame["cost_000"].tolist() == [177, 177, 348, 348]
    assert frame["each_000"].tolist() == pytest.approx([50.423, 40.154, 50.423, 40.154], abs=1e-3)


def test_break_even_edges():
    assert break_even(39.0, 3.0).whole == 13 and break_even(39.1, 3.0).whole == 14 and break_even(0, 1).whole == 0
    assert isinstance(break_even(1.0, 0.0), Withheld)
    with pytest.raises(ValueError, match="0 or more"):
        break_even(-1, 1)
    assert break_even_value(linear, "a", -10, 10, {"b": 1}) == pytest.approx(-1)
    assert isinstance(break_even_value(linear, "a", 0, 10, {"b": 1}), Withheld)


def test_a_spread_says_when_it_spans_zero():
    assert spread(np.arange(-50, 51)).spans_zero and not spread(np.arange(1, 100)).spans_zero
    assert spread([1.0, 3.0, -1.0, 5.0]).above_zero == 0.75
    for bad in ([], [1.0, float("nan")], [[1.0]]):
        with pytest.raises(ValueError):
            spread(bad)
