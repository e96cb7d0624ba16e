"""Is the best of many models better than the benchmark? Hansen's SPA test and White's reality check."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.stationary_bootstrap import checked_bootstrap, stationary_bootstrap_means


class SuperiorPredictiveAbility(NamedTuple):
    """Statistic, its p-values under the three recentrings (lower <= consistent <= upper), best column."""

    statistic: float
    lower: float
    consistent: float
    upper: float
    best: int


class RealityCheck(NamedTuple):
    """White's statistic, its p-value and the best column."""

    statistic: float
    p_value: float
    best: int


def _checked(differences: np.ndarray, n_samples: int, mean_block: float) -> np.ndarray:
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] < 3 or d.shape[1] < 1 or not np.isfinite(d).all():
        raise DataError(
            "a test of predictive ability needs loss differences",
            got=f"shape {d.shape}, {int(np.isnan(d).sum())} NaN",
            expected="a (T, K) array of finite numbers, T >= 3 and K >= 1",
            remedy="drop the periods in which a model has no loss",
        )
    checked_bootstrap(len(d), n_samples, mean_block)
    return d


def bootstrap_variance(x: np.ndarray, mean_block: float) -> np.ndarray:
    r"""Variance that the stationary bootstrap gives :math:`\sqrt T\, \bar x`, in closed form, per column.

    .. math:: \hat\omega^2 = \hat\gamma_0 + 2 \sum_{i=1}^{T-1} \kappa_i \hat\gamma_i, \qquad
              \kappa_i = \tfrac{T-i}{T} (1-q)^i + \tfrac{i}{T} (1-q)^{T-i}, \quad q = 1/L

    ``x`` (T, K) finite, ``mean_block`` L >= 1; result (K,) >= 0. O(K T log T).

    Examples
    --------
    >>> bootstrap_variance(np.array([[1.0], [-1.0], [1.0], [-1.0]]), 1.0).round(12).tolist()
    [1.0]

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, lemma 1; Hansen (2005), appendix B.
    """
    n = len(x)
    spectrum = np.fft.rfft(x - x.mean(axis=0), 2 * n, axis=0)
    covariance = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, 2 * n, axis=0)[:n] / n
    lag = np.arange(n, dtype=np.float64)
    stay = 1.0 - 1.0 / mean_block
    weight = 2.0 * ((1.0 - lag / n) * stay**lag + lag / n * stay ** (n - lag))
    weight[0] = 1.0
    return np.maximum(weight @ covariance, 0.0)


@njit(cache=True)
def _largest(means: np.ndarray, centres: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """max(0, max_k scale_k (mean_bk - centre_k)) per resample and recentring, (B, number of centres)."""
    out = np.zeros((means.shape[0], centres.shape[0]))
    for b in range(means.shape[0]):
        for c in range(centres.shape[0]):
            for k in range(means.shape[1]):
                out[b, c] = max(out[b, c], scale[k] * (means[b, k] - centres[c, k]))
    return out


def superior_predictive_ability(
    differences: np.ndarray,
    n_samples: int,
    mean_block: float,
    generator: np.random.Generator,
    *,
    studentize: bool = True,
) -> SuperiorPredictiveAbility:
    r"""Hansen's test that no model is better than the benchmark.

    .. math:: T = \max\Big(0, \max_k \frac{\sqrt n\, \bar d_k}{\hat\omega_k}\Big), \qquad
              T^*_b = \max\Big(0, \max_k \frac{\sqrt n\,(\bar d^*_{bk} - g(\bar d_k))}{\hat\omega_k}\Big),
              \qquad p = \tfrac1B \sum_b 1\{T^*_b \ge T\}

    with :math:`g_u(\bar d) = \bar d`, :math:`g_l(\bar d) = \max(0, \bar d)` and, consistent,
    :math:`g_c(\bar d) = \bar d\; 1\{\sqrt n\, \bar d_k \ge -\hat\omega_k \sqrt{2 \ln \ln n}\}`; ω² is
    `bootstrap_variance`. A small p says that the best model beats the benchmark and not by selection.

    Parameters
    ----------
    differences : (T, K) array
        Loss of the benchmark less loss of model k, T >= 3, finite: positive where the model is better
        (for returns: those of the model less those of the benchmark).
    n_samples : int
        B >= 2 resamples; p is a multiple of 1/B.
    mean_block : float
        >= 1; see `optimal_block_length`.
    generator : numpy Generator
        The only source of randomness.
    studentize : bool
        False leaves :math:`\hat\omega` out of T (it still decides the consistent recentring).

    Returns
    -------
    SuperiorPredictiveAbility
        p = 1 where no model beats the benchmark at all. A model equal to the benchmark counts as 0.

    Notes
    -----
    O(B T + B T K / mean_block); memory O(T K + B K). ``arch.bootstrap.SPA`` uses ω for the recentring only,
    whatever its ``studentize``: its p-values are those of ``studentize=False`` here.

    Raises
    ------
    DataError
        Bad differences or parameters, or a column that is constant and not 0 (it has no variance).

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> noise = g.standard_normal((250, 20))
    >>> out = superior_predictive_ability(noise, 500, 2.0, g)
    >>> out.consistent > 0.05, superior_predictive_ability(noise + 0.4, 500, 2.0, g).consistent < 0.01
    (True, True)

    References
    ----------
    Hansen (2005), A test for superior predictive ability, Journal of Business & Economic Statistics 23.
    """
    d = _checked(differences, n_samples, mean_block)
    n, mean = len(d), d.mean(axis=0)
    omega = np.sqrt(bootstrap_variance(d, mean_block))
    flat = np.ptp(d, axis=0) == 0.0
    if (flat & (mean != 0.0)).any():
        raise DataError(
            "a loss difference without dispersion cannot be tested",
            got=f"column {int(np.argmax(flat & (mean != 0.0)))} is constant",
            expected="columns that vary, or are all 0",
        )
    scale = np.where(flat, 0.0, math.sqrt(n))
    if studentize:
        np.divide(scale, omega, out=scale, where=omega > 0.0)
    floor = -omega * math.sqrt(max(0.0, 2.0 * math.log(math.log(n))) / n)
    centres = np.stack([np.maximum(mean, 0.0), np.where(mean >= floor, mean, 0.0), mean])
    score = scale * mean
    statistic = max(0.0, float(score.max()))
    simulated = _largest(stationary_bootstrap_means(d, n_samples, mean_block, generator), centres, scale)
    lower, consistent, upper = (float(p) for p in (simulated >= statistic).mean(axis=0))
    return SuperiorPredictiveAbility(statistic, lower, consistent, upper, int(score.argmax()))


def reality_check(
    differences: np.ndarray, n_samples: int, mean_block: float, generator: np.random.Generator
) -> RealityCheck:
    r"""White's reality check: `superior_predictive_ability` without studentisation or recentring.

    .. math:: V = \max_k \sqrt n\, \bar d_k, \qquad
              p = \tfrac1B \sum_b 1\{\max_k \sqrt n\,(\bar d^*_{bk} - \bar d_k) \ge V\}

    Poor and noisy models raise its p-value; prefer the SPA test. Parameters, cost and errors as there,
    but columns may be constant.

    Raises
    ------
    DataError
        Bad differences or parameters.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> reality_check(g.standard_normal((250, 3)) + 0.4, 500, 2.0, g).p_value < 0.01
    True

    References
    ----------
    White (2000), A reality check for data snooping, Econometrica 68.
    """
    d = _checked(differences, n_samples, mean_block)
    mean = d.mean(axis=0)
    score = math.sqrt(len(d)) * mean
    means = stationary_bootstrap_means(d, n_samples, mean_block, generator)
    simulated = math.sqrt(len(d)) * (means - mean).max(axis=1)
    return RealityCheck(float(score.max()), float((simulated >= score.max()).mean()), int(score.argmax()))
