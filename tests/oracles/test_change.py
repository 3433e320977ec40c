"""Change on a scale and before/after rates against published examples and independent libraries."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bond_eval.methods.change import (
    added_value,
    error_of_difference,
    mean_estimate,
    missing_pairs,
    paired_change,
    reliable_change,
)
from bond_eval.methods.event_rates import exact_ratio, rate_change, regression_to_the_mean

pytestmark = pytest.mark.filterwarnings("error")
ORACLE = Path(__file__).parents[3] / "shared" / "oracles" / "reliable_change.csv"
BEFORE, AFTER = [12, 9, 15, 20, 8, 14, 11], [10, 9, 11, 13, 9, 12, 8]


def limits(estimate) -> tuple[float, float]:
    return estimate.lower, estimate.upper


def test_reliable_change_jacobson_truax_1991():
    """Pre 32.5, post 47.5, SD 7.5, reliability 0.80: SE of the difference 4.74, index 3.16."""
    assert error_of_difference(7.5, 0.8) == pytest.approx(4.7434, abs=5e-5)
    assert reliable_change(32.5, 47.5, 7.5, 0.8) == pytest.approx(3.1623, abs=5e-5)
    assert reliable_change([32.5, 47.5], [47.5, 32.5], 7.5, 0.8) == pytest.approx([3.1623, -3.1623], abs=5e-5)


def test_the_typed_example_is_the_files():
    if not ORACLE.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    row = pd.read_csv(ORACLE).iloc[0]
    assert reliable_change(row["pre"], row["post"], row["sd_pre"], row["reliability"]) == pytest.approx(
        row["rc"], abs=5e-5
    )


def test_paired_change_is_scipys_paired_t():
    found, library = paired_change(BEFORE, AFTER), stats.ttest_rel(AFTER, BEFORE)
    assert found.value == pytest.approx(np.mean(np.subtract(AFTER, BEFORE)))
    assert limits(found) == pytest.approx(tuple(library.confidence_interval()))
    assert (found.n, found.method) == (7, "paired t")


def test_missing_pairs_is_scipys_welch():
    left, stayed = [18.0, 22, 25, 19], [12.0, 14, 11, 16, 13, 20]
    found, library = missing_pairs(left, stayed), stats.ttest_ind(left, stayed, equal_var=False)
    assert found.value == pytest.approx(np.mean(left) - np.mean(stayed))
    assert limits(found) == pytest.approx(tuple(library.confidence_interval()))
    assert found.n == 10


def test_added_value_of_the_published_formula():
    """2.3 + 0.8 × 20 + 0.2 × 5 - 0.3 × 6 - 15 = 2.5: two and a half points better than expected."""
    assert added_value(20, 5, 6, 15) == pytest.approx(2.5)
    assert added_value([20, 10], [5, 0], [6, 0], [15, 12]) == pytest.approx([2.5, -1.7])


def test_exact_ratio_is_the_exact_conditional_test_turned_round():
    """At a limit the binomial tail probability is 2.5%."""
    found = exact_ratio(3, 10.0, 11, 12.0)
    for limit, tail in (
        (found.lower, lambda p: stats.binom.sf(2, 14, p)),
        (found.upper, lambda p: stats.binom.cdf(3, 14, p)),
    ):
        share = limit * 10 / (limit * 10 + 12)
        assert tail(share) == pytest.approx(0.025, abs=1e-8)
    none = exact_ratio(0, 10.0, 5, 10.0)
    assert none.value == none.lower == 0 and none.upper == pytest.approx(1.0916, abs=5e-4)


def test_negative_binomial_ratio_is_statsmodels_own_fit():
    """Equal exposures: the estimate is the ratio of the means, and the discrete model's own, fitted by likelihood."""
    import statsmodels.api as sm

    dice = np.random.default_rng(5)
    level = dice.gamma(1, 2, 80)
    before, after, days = dice.poisson(level), dice.poisson(level * 0.6), np.full(80, 365.0)
    found = rate_change(before, days, after, days)
    design = sm.add_constant(np.repeat([0.0, 1.0], 80))
    library = sm.NegativeBinomial(np.concatenate([before, after]), design).fit(disp=0)
    assert found.ratio.value == pytest.approx(after.sum() / before.sum())
    assert found.ratio.value == pytest.approx(np.exp(library.params[1]), rel=1e-4)
    assert found.dispersion == pytest.approx(library.params[2], rel=0.35)
    # Pairing makes it narrower than the model that takes the two sides as different children.
    assert found.ratio.lower > np.exp(library.conf_int()[1][0])
    assert found.ratio.method.startswith("negative binomial") and found.people == 80


def test_unequal_exposure_counts():
    """Twice the time and twice the events is no change."""
    dice = np.random.default_rng(6)
    before = dice.poisson(3, 60)
    found = rate_change(before, np.full(60, 100.0), before * 2, np.full(60, 200.0))
    assert found.ratio.value == pytest.approx(1)
    assert found.before.value == pytest.approx(found.after.value) == pytest.approx(before.sum() / 6000 * 365.25)


def test_few_events_give_the_exact_interval_and_people_without_a_side_stay_out():
    found = rate_change([3, 0, 2, 9], [100, 100, 100, 100], [1, 0, 0, 0], [100, 100, 50, 0])
    assert found.ratio.method == "exact conditional binomial"
    assert (found.people, found.ratio.n) == (3, 6)
    assert limits(found.ratio) == limits(exact_ratio(1, 250.0, 5, 300.0))


def test_events_of_one_person_alone_are_no_ground_for_a_model():
    before = np.r_[np.full(20, 2), 0]
    after = np.r_[np.zeros(20), 30]
    assert rate_change(before, np.full(21, 365.0), after, np.full(21, 365.0)).ratio.method.startswith("exact")


def test_everybody_alike_is_not_certainty():
    found = rate_change(np.full(30, 2), np.full(30, 365.0), np.full(30, 1), np.full(30, 365.0)).ratio
    assert found.method.startswith("exact") and found.lower < 0.5 < found.upper


def test_a_bad_spell_before_a_referral_is_noticed():
    people, year = 40, np.full(40, 365.0)
    days = [year * 0.75, year * 0.25, year]
    calm, spell = np.full(people, 1), np.r_[np.full(people // 2, 4), np.full(people // 2, 1)]
    found = regression_to_the_mean([calm, spell, calm], days)
    assert found.expected and found.recent.ratio.value == pytest.approx(2.5 * 3)
    steady = regression_to_the_mean([calm * 3, calm, calm * 4], days)
    assert not steady.expected and steady.recent.ratio.value == pytest.approx(1)
    assert steady.after.ratio.value == pytest.approx(1)
    assert regression_to_the_mean([calm, spell, calm * 0], [year, year, year * 0]).after is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: error_of_difference(0, 0.8),
        lambda: error_of_difference(5, 1),
        lambda: mean_estimate([1.0]),
        lambda: mean_estimate([1.0, float("nan")]),
        lambda: mean_estimate([2.0, 2.0]),
        lambda: paired_change([1, 2], [1]),
        lambda: missing_pairs([1.0], [1.0, 2.0]),
        lambda: missing_pairs([1.0, 1.0], [2.0, 2.0]),
        lambda: rate_change([1], [0], [0], [5]),
        lambda: rate_change([0], [5], [0], [5]),
        lambda: rate_change([0.5], [5], [1], [5]),
        lambda: rate_change([1, 2], [5, 5], [1], [5]),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_a_sentence(call):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        call()
