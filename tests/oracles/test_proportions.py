"""Proportions and rates against published worked examples."""

import csv
from math import inf, sqrt
from pathlib import Path

import pytest

from bond_eval.methods.proportions import (
    Estimate,
    clopper_pearson,
    difference,
    rate,
    rate_ratio,
    relative_risk,
    wilson,
)

pytestmark = pytest.mark.filterwarnings("error")
ORACLE = Path(__file__).parents[3] / "shared" / "oracles" / "proportions.csv"

# Newcombe 1998, Statistics in Medicine 17:857-872, Table I: x, n, method 3 (Wilson), method 5 (exact).
NEWCOMBE = [
    (81, 263, 0.2553, 0.3662, 0.2527, 0.3676),
    (15, 148, 0.0624, 0.1605, 0.0578, 0.1617),
    (0, 20, 0.0, 0.1611, 0.0, 0.1684),
    (1, 29, 0.0061, 0.1718, 0.0009, 0.1776),
]


def limits(estimate: Estimate) -> tuple[float, float]:
    return estimate.lower, estimate.upper


@pytest.mark.parametrize(("x", "n", "wilson_lo", "wilson_hi", "cp_lo", "cp_hi"), NEWCOMBE)
def test_single_proportions_newcombe_1998(x, n, wilson_lo, wilson_hi, cp_lo, cp_hi):
    assert limits(wilson(x, n)) == pytest.approx((wilson_lo, wilson_hi), abs=5e-5)
    assert limits(clopper_pearson(x, n)) == pytest.approx((cp_lo, cp_hi), abs=5e-5)
    assert wilson(x, n).value == clopper_pearson(x, n).value == x / n


def test_the_typed_rows_are_the_files():
    if not ORACLE.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    with ORACLE.open(newline="") as file:
        rows = [tuple(map(float, row)) for row in list(csv.reader(file))[1:]]
    assert rows == [tuple(map(float, row)) for row in NEWCOMBE]


def test_difference_newcombe_1998_method_10():
    found = difference(56, 70, 48, 80)
    assert found.value == pytest.approx(0.2)
    assert limits(found) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.n == 150


def test_relative_risk_physicians_health_study_1989():
    """Heart attacks, placebo 189 of 11,034 against aspirin 104 of 11,037 (Agresti 2002, section 3.1)."""
    found = relative_risk(189, 11034, 104, 11037)
    assert (found.value, *limits(found)) == pytest.approx((1.818, 1.433, 2.306), abs=5e-4)
    assert found.method == "Katz log"


@pytest.mark.parametrize(("count", "lower", "upper"), [(0, 0.0, 3.689), (1, 0.02532, 5.572), (10, 4.795, 18.39)])
def test_rate_exact_poisson_garwood_1936(count, lower, upper):
    assert limits(rate(count, 1)) == pytest.approx((lower, upper), rel=5e-4)


def test_a_rate_is_per_so_many_of_its_exposure():
    found = rate(10, 5000, per=10_000)
    assert (found.value, found.n) == (pytest.approx(20), 10)
    assert limits(found) == pytest.approx((9.59, 36.78), abs=5e-3)


@pytest.mark.parametrize(
    ("c1", "e1", "c2", "e2"), [(15, 19017, 41, 28010), (3, 10, 5, 40), (0, 10, 6, 10), (4, 7, 0, 9)]
)
def test_rate_ratio_limits_are_where_the_score_test_turns(c1, e1, c2, e2):
    """At a limit r the score statistic (c1 - c2 r d) / sqrt((c1 + c2) r d), d = e1/e2, is ±1.96."""
    found, d = rate_ratio(c1, e1, c2, e2), e1 / e2
    assert found.value == pytest.approx(inf if c2 == 0 else (c1 / e1) / (c2 / e2))
    for limit, z in ((found.lower, 1.959964), (found.upper, -1.959964)):
        if limit not in (0, inf):
            assert (c1 - c2 * limit * d) / sqrt((c1 + c2) * limit * d) == pytest.approx(z, abs=1e-5)
    assert (found.lower == 0) == (c1 == 0)
    assert (found.upper == inf) == (c2 == 0)


def test_rate_ratio_is_the_librarys_score_interval_where_both_counts_are_above_zero():
    from statsmodels.stats.rates import confint_poisson_2indep

    library = confint_poisson_2indep(41, 28010, 15, 19017, compare="ratio", method="score")
    assert limits(rate_ratio(41, 28010, 15, 19017)) == pytest.approx(library, rel=1e-5)


def score(x1: int, n1: int, x2: int, n2: int, ratio: float) -> float:
    """Miettinen & Nurminen 1985, by hand: the restricted proportions are a root of a quadratic."""
    n = n1 + n2
    a, b, c = n * ratio, -(n1 * ratio + x1 + n2 + x2 * ratio), x1 + x2
    p2 = (-b - sqrt(max(b * b - 4 * a * c, 0))) / (2 * a)
    p1 = ratio * p2
    variance = (p1 * (1 - p1) / n1 + ratio**2 * p2 * (1 - p2) / n2) * n / (n - 1)
    return (x1 / n1 - ratio * x2 / n2) / sqrt(variance)


@pytest.mark.parametrize(("n1", "x2", "n2"), [(10, 3, 10), (1, 1, 1), (60, 60, 60), (5, 2, 40)])
def test_a_relative_risk_with_an_empty_group_has_the_score_interval(n1, x2, n2):
    none_here, none_there = relative_risk(0, n1, x2, n2), relative_risk(x2, n2, 0, n1)
    assert none_here.method == none_there.method == "Miettinen-Nurminen score"
    assert (none_here.value, none_here.lower, none_there.value, none_there.upper) == (0, 0, inf, inf)
    assert none_here.upper == pytest.approx(1 / none_there.lower)
    assert score(0, n1, x2, n2, none_here.upper) == pytest.approx(-1.959964, abs=1e-5)


def test_a_relative_risk_where_everybody_had_the_event_is_not_certain():
    found = relative_risk(10, 10, 8, 8)
    assert found.value == 1 and found.lower < 0.8 and found.upper > 1.25
    assert score(10, 10, 8, 8, found.upper) == pytest.approx(-1.959964, abs=1e-5)
    assert score(10, 10, 8, 8, found.lower) == pytest.approx(1.959964, abs=1e-5)


def test_confidence_is_used():
    """A higher confidence gives a wider interval, everywhere."""
    for call in (
        lambda c: wilson(8, 20, c),
        lambda c: clopper_pearson(8, 20, c),
        lambda c: difference(8, 20, 3, 20, c),
        lambda c: relative_risk(8, 20, 3, 20, c),
        lambda c: rate(8, 20, 1, c),
        lambda c: rate_ratio(8, 20, 3, 20, c),
    ):
        assert call(0.99).lower < call(0.8).lower < call(0.8).value < call(0.8).upper < call(0.99).upper


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: wilson(-1, 5),
        lambda: wilson(1.5, 5),
        lambda: wilson(float("nan"), 5),
        lambda: wilson(1, 5, 95),
        lambda: difference(1, 5, 6, 5),
        lambda: relative_risk(0, 5, 0, 5),
        lambda: rate(1, 0),
        lambda: rate(1, 5, per=0),
        lambda: rate_ratio(0, 5, 0, 5),
    ],
)
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match=r"[a-z].*\."):
        call()
