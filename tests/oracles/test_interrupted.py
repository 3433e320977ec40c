"""Interrupted time series against a published example, statsmodels, and formulas worked out step by step."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.linalg import toeplitz
from scipy.stats import multivariate_normal

from bond_eval.methods.ar1 import ERRORS, LAG1, integrated
from bond_eval.methods.interrupted import LEVEL, SLOPE, Model, design, interrupted
from bond_eval.methods.regression import log_linear, newey_west

pytestmark = pytest.mark.filterwarnings("error")

# Packs of cigarettes sold a head in California, 1970 to 2000: Abadie, Diamond & Hainmueller 2010, JASA 105:493-505
# (Orzechowski & Walker, Tax Burden on Tobacco), in one decimal.
CALIFORNIA = (
    "123.0 121.0 123.5 124.4 126.7 127.1 128.0 126.4 126.1 121.9 120.2 118.6 115.4 110.8 104.8 102.8 99.7 97.5 90.1 "
    "82.4 77.8 68.7 67.5 63.4 58.6 56.4 54.5 53.8 52.3 47.2 41.6"
)
TOBACCO = np.array(CALIFORNIA.split(), dtype=float)


def test_newey_west_california_tobacco():
    """Segmented regression, interruption 1989, time since = 0 in 1989, one lag, small-sample correction."""
    found = interrupted(TOBACCO, 1989 - 1970, Model("newey_west", "both", lags=1))
    terms = [found.term(name) for name in ("Trend before", LEVEL, SLOPE)]
    assert [term.value for term in terms] == pytest.approx([-1.779474, -20.0581, -1.494652], abs=2e-6, rel=1e-6)
    assert [term.error for term in terms] == pytest.approx([0.383419, 4.724395, 0.436820], abs=1e-6)
    # Thirty-one points are no regime in which such an interval is known to cover.
    assert (found.verdict, found.effect) == ("refused", None) and "has not been measured" in found.reason


@pytest.fixture(scope="module")
def counts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    _, x = design(60, 48, Model("poisson", "both"))
    time = rng.uniform(500, 900, 60)
    mean = time * np.exp(-5 + 0.01 * x[:, 1] - 0.4 * x[:, 2])
    return x, rng.negative_binomial(2, 2 / (2 + mean)).astype(float), time


@pytest.mark.parametrize("lags", [0, 1, 5])
def test_newey_west_as_statsmodels(counts, lags):
    x, y, _ = counts
    theirs = sm.OLS(y, x).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    ours = newey_west(x[None], y[None], lags)
    assert ours.coefficients[0] == pytest.approx(theirs.params)
    assert ours.covariance[0] == pytest.approx(theirs.cov_params())


def test_poisson_and_quasi_poisson_as_statsmodels(counts):
    x, y, time = counts
    model = sm.GLM(y, x, family=sm.families.Poisson(), offset=np.log(time))
    for family, theirs in (("poisson", model.fit()), ("quasi_poisson", model.fit(scale="X2"))):
        ours = log_linear(x[None], y[None], np.log(time), family)
        assert ours.coefficients[0] == pytest.approx(theirs.params, abs=1e-6)
        assert np.sqrt(np.diag(ours.covariance[0])) == pytest.approx(theirs.bse, rel=1e-5)
        assert ours.residuals[0] == pytest.approx(theirs.resid_pearson, abs=1e-5)
        assert ours.dispersion[0] == pytest.approx(theirs.pearson_chi2 / theirs.df_resid, rel=1e-5)


def test_negative_binomial_as_statsmodels_at_the_same_alpha(counts):
    x, y, time = counts
    ours = log_linear(x[None], y[None], np.log(time), "negative_binomial")
    alpha = float(ours.dispersion[0])
    theirs = sm.GLM(y, x, family=sm.families.NegativeBinomial(alpha=alpha), offset=np.log(time)).fit()
    assert alpha == pytest.approx(0.5, abs=0.35)
    assert theirs.pearson_chi2 == pytest.approx(theirs.df_resid, rel=0.01)  # alpha by moments
    assert ours.coefficients[0] == pytest.approx(theirs.params, abs=1e-5)
    assert np.sqrt(np.diag(ours.covariance[0])) == pytest.approx(theirs.bse, rel=1e-4)


def test_a_group_without_events_leaves_the_other_series_be(counts):
    x, y, time = counts
    none_after = np.where(np.arange(60) >= 48, 0.0, y)
    alone, both = (log_linear(np.broadcast_to(x, (len(s), *x.shape)), s, np.log(time), "poisson") for s in
                   (y[None], np.stack([y, none_after])))  # fmt: skip
    assert both.coefficients[0] == pytest.approx(alone.coefficients[0])


def test_given_the_autocorrelation_it_is_generalised_least_squares():
    _, x = design(31, 19, Model("ols_ar1", "both"))
    found = integrated(x[None], TOBACCO[None], np.arange(31.0), np.eye(4))
    for place, (rho, noise) in enumerate(ERRORS):
        sigma = toeplitz((1 - noise) * rho ** np.arange(31)) + noise * np.eye(31)
        theirs = sm.GLS(TOBACCO, x, sigma=sigma).fit()
        assert found.centres[0, place] == pytest.approx(theirs.params, rel=1e-6)
        assert found.scales[0, place] == pytest.approx(theirs.bse, rel=1e-6)
    assert found.degrees == 27


def test_the_weights_are_the_likelihood_of_what_the_coefficients_leave():
    """REML: the density of n - k contrasts free of the design, its scale integrated out, computed another way."""
    _, x = design(31, 19, Model("ols_ar1"))
    found = integrated(x[None], TOBACCO[None], np.arange(31.0), np.eye(3))
    q, _ = np.linalg.qr(x, mode="complete")
    free = q[:, 3:].T  # (28, 31), orthogonal to the design
    left, grid = free @ TOBACCO, np.exp(np.linspace(-1, 9, 4001))
    direct = []
    for rho, noise in ERRORS[[6, 16, 22, 30]]:
        shape = free @ (toeplitz((1 - noise) * rho ** np.arange(31)) + noise * np.eye(31)) @ free.T
        log_density = multivariate_normal(cov=shape).logpdf
        # Integrate over the variance with the prior 1 / variance, on the grid of its logarithm.
        direct.append(np.mean([np.exp(log_density(left / s) - 28 * np.log(s)) for s in np.sqrt(grid)]))
    weights = found.weights[0, [6, 16, 22, 30]]
    assert weights / weights[0] == pytest.approx(np.array(direct) / direct[0], rel=1e-3)


def test_quantiles_of_the_mixture():
    _, x = design(31, 19, Model("ols_ar1"))
    found = integrated(x[None], TOBACCO[None], np.arange(31.0), np.eye(3))
    for share in (0.005, 0.025, 0.5, 0.975):
        assert found.below(found.quantile(share)[:, None, :]) == pytest.approx(np.full((1, 3), share), abs=1e-6)
    assert found.weights.sum() == pytest.approx(1)
    assert 0.8 < found.lag1[0] <= LAG1.max()


def test_a_missing_month_keeps_its_place():
    """A gap of two steps is a correlation of rho squared: the fit is that of the rows left, at their own times."""
    y = np.random.default_rng(3).normal(size=60)
    gap = y.copy()
    gap[20] = np.nan
    found = interrupted(gap, 48, Model("ols_ar1"))
    _, x = design(60, 48, Model("ols_ar1"))
    kept = np.flatnonzero(np.isfinite(gap))
    by_hand = integrated(x[None, kept], y[None, kept], kept.astype(float), np.eye(3))
    assert found.term(LEVEL).value == pytest.approx(by_hand.estimates[0, 2])
    assert found.n == 59
