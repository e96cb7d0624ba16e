"""What sampling does to the eigenvalues of a covariance matrix, and two ways to undo it."""

from __future__ import annotations

import math

import numpy as np

from janus_trader.contracts.errors import DataError

_FIXED_POINT_STEPS = 100


def _checked(cov: np.ndarray, observations: int) -> np.ndarray:
    a = np.asarray(cov, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape[0] == 0 or not np.isfinite(a).all():
        raise DataError("not a covariance matrix", got=f"shape {a.shape}", expected="(n, n) finite numbers")
    if not np.allclose(a, a.T, rtol=0.0, atol=1e-9 * abs(np.diag(a)).mean()) or not (np.diag(a) > 0.0).all():
        raise DataError(
            "not a covariance matrix",
            got="an asymmetric matrix or a variance that is not positive",
            expected="symmetric, positive variances",
        )
    if observations < 2:
        raise DataError("too few observations", got=observations, expected="at least 2")
    return 0.5 * (a + a.T)


def eigen_risk_adjustment(
    cov: np.ndarray,
    observations: int,
    rng: np.random.Generator,
    *,
    simulations: int = 200,
    scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Covariance whose eigenvalues are corrected for the bias that sampling gives them.

    Optimised portfolios load on eigenvectors of little sample variance, which have more in truth. With
    :math:`\Sigma = U D U^\top` taken as the truth, ``simulations`` samples of as many ``observations``
    are drawn; with :math:`\hat\Sigma_m = \hat U_m \hat D_m \hat U_m^\top` of sample m,

    .. math:: v_k^2 = \frac1M \sum_m \frac{\hat u_{mk}^\top \Sigma\, \hat u_{mk}}{\hat D_{mk}}, \qquad
              \tilde v_k = 1 + a (v_k - 1), \qquad \tilde\Sigma = U\, \tilde v^2 D\, U^\top

    Parameters
    ----------
    cov : (n, n) array
        Symmetric, positive definite, from ``observations`` > n rows.
    observations : int
        Rows the estimate rests on (for an exponentially weighted one, the effective number).
    rng : numpy.random.Generator
        Draws the samples; advanced by ``simulations`` · ``observations`` · n normals.
    simulations : int
        M >= 1.
    scale : float
        a >= 0; 1 is right for normal returns, Barra uses 1.4 for real ones, 0 changes nothing.

    Returns
    -------
    covariance : (n, n) array
    bias : (n,) array
        :math:`\tilde v`, in ascending order of eigenvalues: above 1 where risk was too low.

    Notes
    -----
    NaN is refused. O(M (T n² + n³)), by LAPACK: equal to rounding between machines.

    Raises
    ------
    DataError
        Not such a matrix; not positive definite; observations <= n; a parameter out of range.

    Examples
    --------
    >>> adjusted, bias = eigen_risk_adjustment(np.diag([1.0, 2.0, 3.0]), 30, np.random.default_rng(0))
    >>> bool(bias[0] > 1.0 > bias[2])
    True

    References
    ----------
    Menchero, Wang & Orr (2011), Eigen-adjusted covariance matrices; Barra USE4 methodology notes.
    """
    a = _checked(cov, observations)
    n = len(a)
    if observations <= n or simulations < 1 or not 0.0 <= scale < math.inf:
        raise DataError(
            "eigen-risk adjustment: out of range",
            got=f"{observations} observations of {n} instruments, simulations={simulations}, scale={scale}",
            expected="observations > n, simulations >= 1, scale >= 0",
            remedy="use a factor model or shrinkage where instruments outnumber observations",
        )
    values, vectors = np.linalg.eigh(a)
    if not values[0] > 1e-14 * values[-1]:
        raise DataError("not positive definite", got=f"least eigenvalue {values[0]:.3g}", expected="> 0")
    ratio = np.zeros(n)
    root = np.sqrt(values)
    for _ in range(simulations):  # in the eigenbasis of Σ, where the truth is diagonal
        draw = rng.standard_normal((observations, n)) * root
        draw -= draw.mean(axis=0)
        sample, turned = np.linalg.eigh(draw.T @ draw / (observations - 1))
        ratio += (turned**2 * values[:, None]).sum(axis=0) / sample
    bias = 1.0 + scale * (np.sqrt(ratio / simulations) - 1.0)
    adjusted = (vectors * (values * bias * bias)) @ vectors.T
    return 0.5 * (adjusted + adjusted.T), bias


def marchenko_pastur_edge(n: int, observations: int, noise: float = 1.0) -> float:
    r"""The largest eigenvalue that noise alone gives: :math:`\lambda_+ = s (1 + \sqrt{n / T})^2`.

    ``noise`` is s, the variance of the noise; T = ``observations`` >= 1, n >= 1. O(1); raises nothing.

    Examples
    --------
    >>> marchenko_pastur_edge(25, 100)
    2.25

    References
    ----------
    Marchenko & Pastur (1967).
    """
    return noise * (1.0 + math.sqrt(n / observations)) ** 2


def marchenko_pastur_clip(cov: np.ndarray, observations: int) -> tuple[np.ndarray, int]:
    r"""Covariance whose correlation keeps only the eigenvalues that noise cannot explain.

    Eigenvalues of the correlation matrix up to :math:`\lambda_+` (`marchenko_pastur_edge`) are replaced
    by their mean, which keeps the trace; then the diagonal is put back to 1 and the variances back.
    The variance of the noise is the mean of the eigenvalues it explains, found as a fixed point from 1.

    Parameters
    ----------
    cov : (n, n) array
        Symmetric, positive variances.
    observations : int
        Rows the estimate rests on, >= 2.

    Returns
    -------
    covariance : (n, n) array
        With the variances of ``cov``; positive definite unless all noise has variance 0.
    signals : int
        How many eigenvalues were kept.

    Notes
    -----
    NaN is refused. O(n³), by LAPACK: equal to rounding between machines.

    Raises
    ------
    DataError
        Not such a matrix, or too few observations.

    Examples
    --------
    >>> marchenko_pastur_clip(np.array([[1.0, 0.1], [0.1, 4.0]]), 50)[0].tolist()
    [[1.0, 0.0], [0.0, 4.0]]

    References
    ----------
    Laloux, Cizeau, Bouchaud & Potters (1999), Noise dressing of financial correlation matrices.
    """
    a = _checked(cov, observations)
    n = len(a)
    sigma = np.sqrt(np.diag(a))
    values, vectors = np.linalg.eigh(a / np.outer(sigma, sigma))
    noise, is_noise = 1.0, np.zeros(n, np.bool_)
    for _ in range(_FIXED_POINT_STEPS):
        found = values <= marchenko_pastur_edge(n, observations, noise)
        if not found.any() or np.array_equal(found, is_noise):
            break
        is_noise, noise = found, float(values[found].mean())
    if is_noise.any():
        values = np.where(is_noise, max(float(values[is_noise].mean()), 0.0), values)
    clipped = (vectors * values) @ vectors.T
    scale = sigma / np.sqrt(np.diag(clipped))
    clipped *= np.outer(scale, scale)
    clipped = 0.5 * (clipped + clipped.T)
    clipped[np.diag_indices(n)] = np.diag(a)
    clipped[np.abs(clipped) < 1e-15 * np.outer(sigma, sigma)] = 0.0
    return clipped, int((~is_noise).sum())
