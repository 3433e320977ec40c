"""Relative rates, balance and a stratified difference against published answers and independent work."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bond_eval.methods.balance import comparable, standardised_differences, stratified_difference
from bond_eval.methods.equity import relative_rate
from bond_eval.methods.proportions import difference

pytestmark = pytest.mark.filterwarnings("error")


def covers_one(found) -> bool:
    return found.estimate.lower <= 1 <= found.estimate.upper


def test_relative_rate_physicians_health_study_1989():
    """189 of 11,034 against 104 of 11,037 (Agresti 2002, section 3.1)."""
    found = relative_rate(189, 11034, 104, 11037)
    assert (found.estimate.value, found.estimate.lower, found.estimate.upper) == pytest.approx(
        (1.818, 1.433, 2.306), abs=5e-4
    )
    assert found.differs


@pytest.mark.parametrize("counts", [(189, 11034, 104, 11037), (8, 40, 60, 100), (30, 30, 40, 90), (0, 20, 40, 60)])
def test_the_number_moved_is_the_fewest_that_changes_the_answer(counts):
    reached, before, *others = counts
    found = relative_rate(*counts)
    way = -1 if found.estimate.value > 1 else 1
    assert found.moved > 0 and not covers_one(found)
    assert covers_one(relative_rate(reached + way * found.moved, before, *others))
    assert not covers_one(relative_rate(reached + way * (found.moved - 1), before, *others))


def test_an_interval_that_covers_one_needs_nobody_moved():
    found = relative_rate(10, 20, 48, 100)
    assert found.moved == 0 and not found.differs


def by_hand(x1: int, n1: int, x2: int, n2: int, ratio: float) -> float:
    """Miettinen & Nurminen's statistic, its restricted proportions found by search and not by formula."""
    from scipy.optimize import minimize_scalar

    def less_likely(p2: float) -> float:
        return -(stats.binom.logpmf(x1, n1, min(ratio * p2, 1 - 1e-12)) + stats.binom.logpmf(x2, n2, p2))

    p2 = minimize_scalar(
        less_likely, bounds=(1e-9, min(1, 1 / ratio) - 1e-9), method="bounded", options={"xatol": 1e-12}
    ).x
    p1, n = ratio * p2, n1 + n2
    variance = (p1 * (1 - p1) / n1 + ratio**2 * p2 * (1 - p2) / n2) * n / (n - 1)
    return (x1 / n1 - ratio * x2 / n2) / sqrt(variance)


@pytest.mark.parametrize("counts", [(3, 8, 30, 60), (7, 8, 40, 60), (2, 30, 9, 31), (58, 60, 20, 29)])
def test_small_cells_have_the_score_interval(counts):
    found = relative_rate(*counts).estimate
    assert found.method == "Miettinen-Nurminen score"
    assert by_hand(*counts, found.lower) == pytest.approx(1.959964, abs=1e-3)
    assert by_hand(*counts, found.upper) == pytest.approx(-1.959964, abs=1e-3)


def test_nobody_reached_it_is_refused():
    with pytest.raises(ValueError, match="needs at least one event"):
        relative_rate(0, 5, 0, 9)


def test_stratified_difference_is_statsmodels_mantel_haenszel_and_its_interval_turns_the_test():
    """Mantel-Haenszel weights by hand; at each limit the statistic with Sato's variance is ±1.96."""
    x1, n1, x2, n2 = (np.array(part, dtype=float) for part in ([4, 9, 7], [10, 15, 20], [2, 6, 8], [12, 11, 16]))
    found = stratified_difference(x1, n1, x2, n2)
    weights = n1 * n2 / (n1 + n2)
    assert found.value == pytest.approx(np.average(x1 / n1 - x2 / n2, weights=weights))
    for limit, z in ((found.lower, 1.959964), (found.upper, -1.959964)):
        p = (n1**2 * x2 - n2**2 * x1 + n1 * n2 * (n2 - n1) / 2) / (n1 + n2) ** 2
        q = (x1 * (n2 - x2) + x2 * (n1 - x1)) / (2 * (n1 + n2))
        variance = (limit * p.sum() + q.sum()) / weights.sum() ** 2
        assert (found.value - limit) / sqrt(variance) == pytest.approx(z, abs=1e-4)
    assert found.n == 84


def test_a_confounder_is_taken_out():
    """In both strata the risks are alike; crude, the treated do worse, being more often of the riskier stratum."""
    counts = ([5, 40], [50, 80], [9, 10], [90, 20])
    assert stratified_difference(*counts).value == pytest.approx(0)
    assert sum(counts[0]) / sum(counts[1]) - sum(counts[2]) / sum(counts[3]) > 0.15


def test_strata_of_one_group_are_left_out_and_none_is_refused():
    found = stratified_difference([4, 3], [10, 5], [2, 0], [12, 0])
    alone = stratified_difference([4], [10], [2], [12])
    assert (found.value, found.n) == (alone.value, alone.n) == (pytest.approx(4 / 10 - 2 / 12), 22)
    with pytest.raises(ValueError, match="nobody to compare"):
        stratified_difference([1], [2], [0], [0])
    with pytest.raises(ValueError, match="some of its people"):
        stratified_difference([3], [2], [0], [1])


def test_no_event_at_all_is_not_certainty():
    found, newcombe = stratified_difference([0, 0], [8, 5], [0, 0], [8, 5]), difference(0, 13, 0, 13)
    assert (found.lower, found.upper) == (newcombe.lower, newcombe.upper)
    assert found.lower < 0 < found.upper


def test_standardised_differences_austin_2009():
    """Numbers by the pooled SD; a share by sqrt((p1 q1 + p2 q2)/2)."""
    one = pd.DataFrame({"age": [12.0, 14, 16], "sex": ["F", "F", "M"]})
    two = pd.DataFrame({"age": [11.0, 13, 15, 17], "sex": ["F", "M", "M", ""]})
    table = standardised_differences(one, two).set_index(["covariate", "level"])
    assert table.loc[("age", ""), "smd"] == pytest.approx((14 - 14) / 1)
    share = (2 / 3 - 1 / 4) / sqrt((np.var([1, 1, 0], ddof=1) + np.var([1, 0, 0, 0], ddof=1)) / 2)
    assert table.loc[("sex", "F"), "smd"] == pytest.approx(share)
    assert table.loc[("sex", "Not recorded"), "others"] == 0.25
    assert not comparable(table)


def test_only_known_and_small_differences_allow_a_wording_of_cause():
    table = pd.DataFrame({"smd": [0.1, -0.25]})
    assert comparable(table)
    assert not comparable(pd.DataFrame({"smd": [0.1, -0.26]}))
    assert not comparable(pd.DataFrame({"smd": [0.1, np.nan]}))
    assert not comparable(pd.DataFrame({"smd": []}))
