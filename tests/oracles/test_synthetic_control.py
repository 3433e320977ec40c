"""Synthetic control and difference-in-differences against published results, pysyncon, and cases done by hand."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from bond_eval.methods.difference import count_difference, panel_difference
from bond_eval.methods.panel import Panel, panel
from bond_eval.methods.synthetic_control import simplex_weights, synthetic_control

pytestmark = pytest.mark.filterwarnings("error")
SALES = Path(__file__).parents[3] / "shared" / "oracles" / "prop99_cigsales.csv"


@pytest.fixture(scope="module")
def states() -> pd.DataFrame:
    if not SALES.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    return pd.read_csv(SALES)


@pytest.fixture(scope="module")
def california(states: pd.DataFrame) -> Panel:
    long = states.melt("Year", var_name="area", value_name="value").rename(columns={"Year": "period"})
    return panel(long, "California", 1989)


def test_proposition_99_as_published(california: Panel):
    """Arkhangelsky et al. 2021, American Economic Review 111:4088-4118, Table 1: SC -19.6, DID -27.3.

    Their weights stop a little short of the optimum, hence the tolerance.
    """
    found = synthetic_control(california)
    assert found.effect.value == pytest.approx(-19.6, abs=0.15)
    assert panel_difference(california).effect.value == pytest.approx(-27.3, abs=0.05)
    # Abadie, Diamond & Hainmueller 2010: about 26 packs in 2000, and 39 states, so 1/39 at the least.
    assert found.gaps[-1] == pytest.approx(-26, abs=1)
    assert (found.smallest, len(found.weights)) == (1 / 39, 38)


def test_weights_as_pysyncon(states: pd.DataFrame, california: Panel):
    pysyncon = pytest.importorskip("pysyncon")
    before = states[states["Year"] < 1989].set_index("Year")
    theirs = pysyncon.Synth()
    others, own = before.drop(columns="California"), before["California"]
    # It divides each year by its variance, which these weights of the years undo.
    theirs.fit(X0=others, X1=own, Z0=others, Z1=own, custom_V=before.var(axis=1).to_numpy())
    ours = dict(synthetic_control(california).weights)
    assert [ours[state] for state in others.columns] == pytest.approx(list(theirs.W), abs=2e-3)
    assert theirs.mspe(Z0=others, Z1=own) >= synthetic_control(california).fit ** 2 - 1e-6


def test_weights_by_brute_force():
    rng = np.random.default_rng(5)
    others, y = rng.normal(size=(9, 3)), rng.normal(size=9)
    weights = simplex_weights(y, others)
    steps = np.arange(0, 101) / 100
    grid = [(a, b, 1 - a - b) for a, b in product(steps, steps) if a + b <= 1]
    best = min(((y - others @ np.array(w)) ** 2).sum() for w in grid)
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
    assert ((y - others @ weights) ** 2).sum() <= best + 1e-12


def made(extra: float = -2.0) -> Panel:
    """Ten years of a treated area that is 0.3 A + 0.7 B, and falls by 2 in the last two."""
    rng = np.random.default_rng(11)
    others = rng.normal(10, 2, size=(12, 6))
    y = others[:, :2] @ [0.3, 0.7] + extra * (np.arange(12) >= 10)
    return Panel(tuple("ABCDEF"), tuple(range(12)), y, others, 10)


def test_an_area_that_is_a_mixture_is_found_exactly():
    found = synthetic_control(made())
    assert dict(found.weights) == pytest.approx({"A": 0.3, "B": 0.7, "C": 0, "D": 0, "E": 0, "F": 0}, abs=1e-8)
    assert found.effect.value == pytest.approx(-2) and found.fit == pytest.approx(0, abs=1e-8)
    assert found.p_value == pytest.approx(found.smallest) == pytest.approx(1 / 7)
    assert found.in_time == pytest.approx(0, abs=1e-8)
    assert found.leave_one_out[0] <= found.leave_one_out[1]
    assert found.confidence == pytest.approx(5 / 7)


def test_the_same_numbers_give_the_same_answer():
    one, two = synthetic_control(made()), synthetic_control(made())
    assert one.weights == two.weights and (one.gaps == two.gaps).all() and one.effect == two.effect


def test_difference_by_hand():
    """Two years before, two after; changes of four others are 1, 2, 3 and 6, the treated area's is 9."""
    others = np.array([[0, 0, 0, 0], [2, 2, 2, 2], [2, 3, 4, 7], [2, 3, 4, 7]], dtype=float)
    y = np.array([5.0, 5, 14, 14])
    found = panel_difference(Panel(tuple("ABCD"), (1, 2, 3, 4), y, others, 2))
    reach = t.ppf(0.975, 3) * np.std([1, 2, 3, 6], ddof=1) * np.sqrt(1 + 1 / 4)
    assert (found.effect.value, found.effect.lower, found.effect.upper) == pytest.approx((6, 6 - reach, 6 + reach))
    assert (found.p_value, found.smallest, found.others) == (1 / 5, 1 / 5, 4)


def test_parallel_trends_are_the_slopes_before():
    years = np.arange(10.0)
    others = np.column_stack([years * slope for slope in (1.0, 2.0, 3.0, 2.0)])
    found = panel_difference(Panel(tuple("ABCD"), tuple(range(10)), years * 4.0, others, 8))
    assert found.parallel.value == pytest.approx(2)
    assert found.parallel.lower < 2 < found.parallel.upper


def test_count_difference_is_the_exact_conditional_odds_ratio():
    """20 and 10 after, 30 and 60 before at the same exposures; the limits where each tail of the exact law is 2.5%."""
    from math import comb

    months = 30
    a = np.concatenate([np.tile([1.0, 0, 2], 10), np.full(10, 2.0)])
    b = np.concatenate([np.full(30, 2.0), np.full(10, 1.0)])
    time = np.ones(months + 10)
    found = count_difference(a, b, months, (time, time))

    def tail(odds: Fraction | float, upper: bool) -> float:
        weights = {k: comb(30, k) * comb(90, 50 - k) * float(odds) ** k for k in range(0, 31)}
        chosen = sum(w for k, w in weights.items() if (k >= 20 if upper else k <= 20))
        return chosen / sum(weights.values())

    assert found.dispersion < 1  # so that nothing is widened
    assert tail(found.effect.lower, True) == pytest.approx(0.025, abs=2e-4)
    assert tail(found.effect.upper, False) == pytest.approx(0.025, abs=2e-4)
    assert found.effect.value == pytest.approx(20 / 10 * 60 / 30, rel=0.03)  # conditional: a little nearer to 1


def test_exposure_takes_its_share():
    """Twice the time at risk after, and twice the events, is no change."""
    a = np.concatenate([np.tile([2.0, 4], 10), np.tile([4.0, 8], 5)])
    b = np.full(30, 3.0)
    time = np.concatenate([np.full(20, 100.0), np.full(10, 200.0)])
    found = count_difference(a, b, 20, (time, np.full(30, 100.0)))
    assert found.effect.value == pytest.approx(1, abs=0.02)
    assert found.parallel.lower <= 1 <= found.parallel.upper
