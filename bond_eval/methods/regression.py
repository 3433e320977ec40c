"""Least squares with Newey-West errors and log-linear regressions of counts, for many series at once.

statsmodels fits one series at a time, and a coverage map needs some hundred thousand fits: these are the textbook
formulas on the first axis, tested against statsmodels and a published example.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bond_eval.methods.ar1 import FloatArray

_MOST_STEPS, _SETTLED = 40, 1e-7


@dataclass(frozen=True, eq=False)
class Fit:
    """m series, k coefficients. coefficients (m, k), covariance (m, k, k), dispersion (m,), degrees (inf: normal).

    design and response (m, n, k) and (m, n): the rows of the least-squares problem that the fit solves (for counts,
    weighted working values); residuals (m, n): of those rows.
    """

    coefficients: FloatArray
    covariance: FloatArray
    dispersion: FloatArray
    degrees: float
    design: FloatArray
    response: FloatArray

    @property
    def residuals(self) -> FloatArray:
        """What the fit leaves of each row (for counts, Pearson's residuals)."""
        return self.response - _fitted(self.design, self.coefficients)


def newey_west(design: FloatArray, response: FloatArray, lags: int) -> Fit:
    """Ordinary least squares, design (m, n, k), response (m, n), with Newey-West covariance (Bartlett weights).

    The covariance is multiplied by n / (n - k) and read with n - k degrees of freedom. Source: Newey & West 1987,
    Econometrica 55:703-708; the correction as in Stata's newey and statsmodels' use_correction.
    """
    _, n, k = design.shape
    turned = design.transpose(0, 2, 1)
    bread = np.linalg.inv(turned @ design)
    beta = (bread @ (turned @ response[:, :, None]))[:, :, 0]
    left = response - _fitted(design, beta)
    scores = design * left[:, :, None]
    meat = scores.transpose(0, 2, 1) @ scores
    for lag in range(1, lags + 1):
        cross = scores[:, lag:].transpose(0, 2, 1) @ scores[:, :-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.transpose(0, 2, 1))
    covariance: FloatArray = bread @ meat @ bread * n / (n - k)
    spread: FloatArray = (left**2).sum(axis=1) / (n - k)
    return Fit(beta, covariance, spread, n - k, design, response)


def log_linear(design: FloatArray, counts: FloatArray, offset: FloatArray, family: str) -> Fit:
    """Regress counts (m, n) on design (m, n, k) with a log link and log-exposure offset (n,).

    family: "poisson" (variance = mean, normal intervals), "quasi_poisson" (variance = phi × mean, phi from Pearson's
    chi-square, t intervals) or "negative_binomial" (variance = mean + alpha × mean², alpha at which Pearson's
    chi-square equals its degrees of freedom, 0 to 8). dispersion: phi, or alpha. Coefficients are NaN where the fit
    does not settle (a group of rows with hardly an event). Source: McCullagh & Nelder 1989, chapters 6 and 9;
    Breslow 1984, Applied Statistics 33:38-44 (alpha by moments).
    """
    n, k = design.shape[1:]
    alpha = np.zeros(len(design))
    beta = _scored(design, counts, offset, alpha)
    if family == "negative_binomial":
        wide = np.flatnonzero(_chi_square(design, counts, offset, beta, alpha) > n - k)  # false where it is NaN
        alpha[wide], beta[wide] = _by_moments(design[wide], counts[wide], offset, beta[wide])
    settled = np.nan_to_num(beta)  # so that one series that does not settle leaves the others be
    mean = np.exp(_fitted(design, settled) + offset)
    root = np.sqrt(mean / (1 + alpha[:, None] * mean))
    x, y = design * root[:, :, None], root * (np.log(mean) - offset + (counts - mean) / mean)
    inverse = np.asarray(np.linalg.pinv(x.transpose(0, 2, 1) @ x, hermitian=True), dtype=np.float64)
    phi: FloatArray = _chi_square(design, counts, offset, settled, alpha) / (n - k)
    if family == "quasi_poisson":
        inverse *= phi[:, None, None]
        return Fit(beta, inverse, phi, n - k, x, y)
    return Fit(beta, inverse, alpha if family == "negative_binomial" else phi, np.inf, x, y)


def _by_moments(
    design: FloatArray, counts: FloatArray, offset: FloatArray, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """alpha and coefficients of series that vary more than Poisson; chi-square falls as alpha grows, so by halving."""
    low, high = np.zeros(len(design)), np.full(len(design), 8.0)
    for _ in range(12):
        alpha = (low + high) / 2
        tried = _scored(design, counts, offset, alpha, beta)
        beta = np.where(np.isfinite(tried), tried, beta)
        over = _chi_square(design, counts, offset, beta, alpha) > design.shape[1] - design.shape[2]
        low, high = np.where(over, alpha, low), np.where(over, high, alpha)
    return low, _scored(design, counts, offset, low, beta)


def _fitted(design: FloatArray, beta: FloatArray) -> FloatArray:
    return (design @ beta[:, :, None])[:, :, 0]


def _scored(
    design: FloatArray, counts: FloatArray, offset: FloatArray, alpha: FloatArray, start: FloatArray | None = None
) -> FloatArray:
    """Coefficients by iteratively re-weighted least squares; NaN for a series that does not settle."""
    mean = counts + 0.5 if start is None else np.exp(_fitted(design, start) + offset)
    beta = np.zeros((len(design), design.shape[2])) if start is None else start
    step = np.full(len(design), np.inf)
    turned = design.transpose(0, 2, 1)
    for _ in range(_MOST_STEPS):
        weight = mean / (1 + alpha[:, None] * mean)
        working = np.log(mean) - offset + (counts - mean) / mean
        gram, aim = (turned * weight[:, None, :]) @ design, turned @ (weight * working)[:, :, None]
        # A trace of ridge, far below what is printed: a group without events would make the system singular.
        ridge = 1e-12 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(gram.shape[1])
        new = np.linalg.solve(gram + ridge, aim)[:, :, 0]
        step, beta = np.abs(new - beta).max(axis=1, initial=0.0), new
        if (step < _SETTLED).all():
            break
        mean = np.exp(np.clip(_fitted(design, beta) + offset, -30, 30))
    return np.where((step < 1e-5)[:, None], beta, np.nan)


def _chi_square(
    design: FloatArray, counts: FloatArray, offset: FloatArray, beta: FloatArray, alpha: FloatArray
) -> FloatArray:
    mean = np.exp(_fitted(design, beta) + offset)
    return ((counts - mean) ** 2 / (mean * (1 + alpha[:, None] * mean))).sum(axis=1)
