"""Black–Litterman: returns that a book implies, corrected by views with their doubt."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.portfolio.covariance import checked_covariance

_SINGULAR = 1e-12  # least pivot, as a fraction of the largest, of the views' covariance


class Views(NamedTuple):
    """Statements ``P r = Q`` about returns, each with its doubt.

    Attributes
    ----------
    p : (k, n) array
        Portfolios of the views: a row (1, 0, −1) says how much the first beats the third.
    q : (k,) array
        Their expected returns per period.
    omega : (k,) or (k, k) array, optional
        Variance or covariance of the views' errors.
    confidence : (k,) array, optional
        Instead of ``omega``: 0 (no view) to 1 (certain). With neither, a view is as doubtful as the
        prior is about it (confidence ½).
    """

    p: np.ndarray
    q: np.ndarray
    omega: np.ndarray | None = None
    confidence: np.ndarray | None = None


class Posterior(NamedTuple):
    """Mean (n,) of returns and their covariance (n, n), which includes the doubt about the mean."""

    mean: np.ndarray
    covariance: np.ndarray


def implied_returns(cov: np.ndarray, weights: np.ndarray, risk_aversion: float) -> np.ndarray:
    r"""Expected returns under which a book is optimal: :math:`\pi = \gamma \Sigma w`.

    ``cov`` (n, n) as in `checked_covariance`, ``weights`` (n,) finite, γ > 0 finite. NaN is refused. O(n³).

    Raises
    ------
    DataError
        Inputs out of range or of the wrong shape.

    Examples
    --------
    >>> implied_returns(np.eye(2) * 0.04, np.array([0.75, 0.25]), 2.0).round(6).tolist()
    [0.06, 0.02]

    References
    ----------
    Black & Litterman (1992), Global portfolio optimization.
    """
    matrix = checked_covariance(cov)
    w = _vector(weights, len(matrix), "weights")
    if not 0.0 < risk_aversion < math.inf:
        raise DataError("risk aversion out of range", got=risk_aversion, expected="> 0 and finite")
    return risk_aversion * (matrix @ w)


def _vector(value: np.ndarray, n: int, name: str) -> np.ndarray:
    a = np.asarray(value, dtype=np.float64)
    if a.shape != (n,) or not np.isfinite(a).all():
        raise DataError(f"{name} do not fit", got=f"shape {a.shape}", expected=f"({n},) finite numbers")
    return a


def _doubt(views: Views, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ω (k, k) and which views count; ``spread`` is the prior variance PτΣPᵀ of the views."""
    k = len(spread)
    everyone = np.ones(k, np.bool_)
    if views.omega is not None and views.confidence is not None:
        raise DataError("a view has omega or a confidence", got="both", expected="one of them")
    if views.omega is not None:
        omega = np.asarray(views.omega, dtype=np.float64)
        omega = np.diag(omega) if omega.ndim == 1 else omega
        bad = omega.shape != (k, k) or not np.isfinite(omega).all() or not np.allclose(omega, omega.T)
        if bad or (k > 0 and np.linalg.eigvalsh(omega)[0] < -1e-10 * max(np.trace(omega), 1e-300)):
            raise DataError("unusable omega", got=omega.shape, expected=f"({k}, {k}) positive semidefinite")
        return omega, everyone
    if views.confidence is None:
        return np.diag(np.diag(spread)), everyone
    confidence = _vector(views.confidence, k, "confidences")
    if ((confidence < 0.0) | (confidence > 1.0)).any():
        raise DataError("confidence out of range", got=confidence, expected="0 to 1")
    counts = confidence > 0.0
    factor = np.where(counts, (1.0 - confidence) / np.where(counts, confidence, 1.0), 0.0)
    return np.diag(factor * np.diag(spread)), counts


def black_litterman(cov: np.ndarray, prior: np.ndarray, views: Views, *, tau: float = 0.05) -> Posterior:
    r"""Posterior of returns from a prior and views.

    .. math:: \mu = \pi + \tau\Sigma P^\top (P \tau\Sigma P^\top + \Omega)^{-1} (Q - P\pi), \qquad
              \Sigma_\text{post} = \Sigma + \tau\Sigma
                 - \tau\Sigma P^\top (P \tau\Sigma P^\top + \Omega)^{-1} P \tau\Sigma

    A confidence c gives :math:`\omega = \frac{1-c}{c}\, p\, \tau\Sigma\, p^\top`, Walters' closed form of
    Idzorek's search: the view moves the share c of the way from the prior to certainty.

    Parameters
    ----------
    cov : (n, n)
        Σ of returns per period, as in `checked_covariance`.
    prior : (n,)
        π, see `implied_returns`.
    views : Views
        None of them (k = 0) leaves the prior.
    tau : float
        Variance of the prior mean as a fraction of Σ, > 0.

    Returns
    -------
    Posterior

    Notes
    -----
    Σ need not be invertible. NaN is refused. O(n³), by LAPACK: equal to rounding between machines.

    Raises
    ------
    DataError
        Inputs that do not fit, out of range or not finite.
    Infeasible
        Views without doubt that repeat or contradict each other.

    Examples
    --------
    >>> sure = Views(np.array([[1.0, 0.0]]), np.array([0.1]), confidence=np.array([1.0]))
    >>> black_litterman(np.eye(2) * 0.04, np.array([0.02, 0.03]), sure).mean.round(6).tolist()
    [0.1, 0.03]

    References
    ----------
    Black & Litterman (1992); He & Litterman (1999); Idzorek (2005); Walters (2014), The Black–Litterman
    model in detail.
    """
    matrix = checked_covariance(cov)
    n = len(matrix)
    pi = _vector(prior, n, "prior returns")
    if not 0.0 < tau < math.inf:
        raise DataError("tau out of range", got=tau, expected="> 0 and finite")
    p = np.asarray(views.p, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != n or not np.isfinite(p).all() or not (np.abs(p).sum(axis=1) > 0.0).all():
        raise DataError(
            "unusable views", got=f"shape {p.shape}", expected=f"(k, {n}) finite, no row of zeros"
        )
    q = _vector(views.q, len(p), "views' returns")
    omega, counts = _doubt(views, tau * p @ matrix @ p.T)
    p, q, omega = p[counts], q[counts], omega[np.ix_(counts, counts)]
    if len(p) == 0:
        return Posterior(pi.copy(), (1.0 + tau) * matrix)
    cross = tau * matrix @ p.T
    total = p @ cross + omega
    scale = np.sqrt(np.diag(total))
    if not (scale > 0.0).all() or np.linalg.eigvalsh(total / np.outer(scale, scale))[0] < _SINGULAR:
        raise Infeasible(
            "views that are certain repeat or contradict each other",
            got=f"{len(p)} views",
            expected="independent views, or some doubt",
            remedy="give omega, or confidences below 1",
        )
    gain = np.linalg.solve(total, cross.T)
    covariance = (1.0 + tau) * matrix - cross @ gain
    return Posterior(pi + gain.T @ (q - p @ pi), 0.5 * (covariance + covariance.T))
