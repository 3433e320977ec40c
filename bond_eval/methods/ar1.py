"""Linear regression whose errors may be autocorrelated, with the autocorrelation itself uncertain.

A short series says little about its autocorrelation, and an interval that takes one estimate of it for the truth is too
narrow. The errors are taken to be autoregressive, alone or with independent noise on top, as counts have it:
    corr(e_t, e_s) = (1 - noise) rho^|t-s|   for t != s.
Every pair (rho, noise) of a grid counts by how well it explains the series: given the pair, generalised least squares
gives each coefficient a t distribution with n - k degrees of freedom; the intervals are those of the mixture. Nothing
is drawn at random. All functions take many series at once (first axis), so that the coverage benchmark runs the very
code that users run.

Sources: Harville 1974, Biometrika 61:383-385 (the likelihood without the coefficients); Zellner & Tiao 1964, JASA
59:763-778 (the mixture over rho, flat prior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Below -0.5 is not asked for: taking that for -0.5 errs towards wide intervals.
ERRORS = np.array(
    [(rho / 20, 0.0) for rho in range(-10, 20)]
    + [(rho, noise) for noise in (0.2, 0.4, 0.6) for rho in (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)]
)
LAG1 = (1 - ERRORS[:, 1]) * ERRORS[:, 0]
_STEPS = 40  # halvings of a bracket


@dataclass(frozen=True, eq=False)
class Mixture:
    """For m series, p contrasts and R pairs ERRORS: weights (m, R), centres and scales (m, R, p), degrees n - k."""

    weights: FloatArray
    centres: FloatArray
    scales: FloatArray
    degrees: int

    @property
    def estimates(self) -> FloatArray:
        """Mean of each contrast, (m, p)."""
        return np.einsum("mr,mrp->mp", self.weights, self.centres)

    @property
    def errors(self) -> FloatArray:
        """Standard deviation of each contrast, (m, p): within each pair and between them."""
        within = self.scales**2 * self.degrees / (self.degrees - 2)
        between = (self.centres - self.estimates[:, None, :]) ** 2
        return np.sqrt(np.einsum("mr,mrp->mp", self.weights, within + between))

    @property
    def lag1(self) -> FloatArray:
        """Mean lag-1 autocorrelation, (m,)."""
        return self.weights @ LAG1

    def below(self, values: FloatArray | float) -> FloatArray:
        """Share of each contrast's distribution that lies below `values` (broadcast to m, 1, p), (m, p)."""
        from scipy.special import stdtr

        shares = stdtr(self.degrees, (values - self.centres) / self.scales)
        return np.einsum("mr,mrp->mp", self.weights, shares)

    def quantile(self, share: float) -> FloatArray:
        """The value below which `share` (0-1) of each contrast's distribution lies, (m, p)."""
        from scipy.special import stdtrit

        reach = np.abs(stdtrit(self.degrees, min(share, 1 - share) / 1e3)) * self.scales
        low, high = (self.centres - reach).min(axis=1), (self.centres + reach).max(axis=1)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            under = self.below(middle[:, None, :]) < share
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return (low + high) / 2


def integrated(design: FloatArray, response: FloatArray, times: FloatArray, contrasts: FloatArray) -> Mixture:
    """Regress each series on its design with autocorrelated errors.

    design (m, n, k), response (m, n), times (n,) in steps (a missing step leaves a gap), contrasts (p, k).
    Raises ValueError where a series leaves hardly a degree of freedom.
    """
    m, n, k = design.shape
    if n - k < 3:
        raise ValueError(f"{n} points are too few for {k} coefficients and an autocorrelation.")
    apart = np.abs(times[:, None] - times[None, :])
    # One wide matrix of all series, so that each pair of the grid costs one product.
    together = np.concatenate([design, response[:, :, None]], axis=2).transpose(1, 0, 2).reshape(n, -1)
    weights, centres, scales = [], [], []
    for rho, noise in ERRORS:
        root = np.linalg.cholesky((1 - noise) * rho**apart + noise * np.eye(n))
        white = (np.linalg.inv(root) @ together).reshape(n, m, k + 1).transpose(1, 0, 2)
        moments = white.transpose(0, 2, 1) @ white
        inverse = np.linalg.inv(moments[:, :k, :k])
        beta = (inverse @ moments[:, :k, k:])[:, :, 0]
        residual = ((white[:, :, k] - (white[:, :, :k] @ beta[:, :, None])[:, :, 0]) ** 2).sum(axis=1)
        log_det = 2 * np.log(np.diag(root)).sum() - np.linalg.slogdet(inverse)[1]
        weights.append(-log_det / 2 - (n - k) / 2 * np.log(residual))
        centres.append(beta @ contrasts.T)
        variance = np.einsum("pi,mij,pj->mp", contrasts, inverse, contrasts, optimize=True)
        scales.append(np.sqrt(variance * (residual / (n - k))[:, None]))
    logs = np.array(weights).T
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return Mixture(share, np.stack(centres, axis=1), np.stack(scales, axis=1), n - k)
