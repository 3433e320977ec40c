"""Power of a rate ratio against simulation, and the value of information against closed forms."""

import numpy as np
import pytest
from scipy import stats

from bond_eval.methods.power import detectable, periods_until, power_of
from bond_eval.methods.value_of_information import value_of_information


@pytest.mark.parametrize(
    ("ratio", "events", "before", "after"), [(0.5, 200, 48, 12), (0.7, 400, 60, 24), (1.5, 150, 36, 12)]
)
def test_power_agrees_with_simulation(ratio, events, before, after):
    generator = np.random.default_rng(11)
    n0 = generator.poisson(events, 4000)
    n1 = generator.poisson(events / before * after * ratio, 4000)
    p = (
        stats.binom.cdf(n1, n0 + n1, after / (before + after)),
        stats.binom.sf(n1 - 1, n0 + n1, after / (before + after)),
    )
    assert power_of(ratio, events, before, after) == pytest.approx((np.minimum(*p) <= 0.025).mean(), abs=0.02)


def test_the_smallest_effect_has_the_power_asked_for():
    found = detectable(200, 48, 8)
    for ratio in (found.fall, found.rise):
        assert power_of(ratio, 200, 48, 8) == pytest.approx(0.8, abs=0.01)
    assert found.fall < 1 < found.rise


def test_more_events_see_smaller_effects_and_dispersion_hides_them():
    few, many = detectable(50, 48, 8), detectable(500, 48, 8)
    assert few.fall < many.fall < 1
    assert detectable(50, 48, 8, dispersion=2.0).rise > few.rise


def test_a_fall_that_nothing_could_show_is_said():
    assert np.isnan(detectable(4, 48, 3).fall)
    assert np.isnan(detectable(0, 48, 3).rise)


def test_an_effect_shows_later_the_smaller_it_is():
    half, tenth = (periods_until(ratio, 200, 58, 8) for ratio in (0.5, 0.9))
    assert half is not None
    assert tenth is None or tenth > half
    assert periods_until(0.999, 200, 58, 8) is None
    assert periods_until(0.2, 2000, 58, 8) == 0


@pytest.mark.parametrize("bad", [(5, 0, 1), (5, 1, 0), (-1, 1, 1), (5, float("nan"), 1)])
def test_impossible_exposures_are_refused(bad):
    with pytest.raises(ValueError, match=r"above 0|or more"):
        detectable(*bad)


def test_worth_of_knowing_all_of_a_normal_net_benefit():
    """For a net benefit N(0, s) choosing now loses s × the normal density at 0 (Raiffa and Schlaifer 1961)."""
    generator = np.random.default_rng(3)
    known, unknown = generator.normal(0, 3, 40_000), generator.normal(0, 4, 40_000)
    worth = value_of_information(known + unknown, {"known": known, "unknown": unknown, "fixed": np.ones(40_000)})
    density = 1 / np.sqrt(2 * np.pi)
    assert worth.whole == pytest.approx(5 * density, rel=0.05)
    assert worth.parts["known"] == pytest.approx(3 * density, rel=0.07)
    assert worth.parts["unknown"] == pytest.approx(4 * density, rel=0.07)
    assert worth.parts["fixed"] == 0


def test_information_that_changes_no_choice_is_worth_nothing():
    generator = np.random.default_rng(4)
    net, noise = generator.normal(100, 1, 4000), generator.normal(0, 1, 4000)
    worth = value_of_information(net, {"noise": noise})
    assert worth.whole == 0
    assert worth.parts["noise"] == 0


def test_irrelevant_parameters_are_worth_next_to_nothing():
    generator = np.random.default_rng(5)
    net, noise = generator.normal(0, 5, 10_000), generator.normal(0, 1, 10_000)
    worth = value_of_information(net, {"noise": noise})
    assert worth.parts["noise"] < 0.05 * worth.whole


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="draws"):
        value_of_information(np.zeros(10), {})
    with pytest.raises(ValueError, match="as many"):
        value_of_information(np.zeros(4000), {"a": np.zeros(3)})
