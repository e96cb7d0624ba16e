"""Risk-adjusted performance and how far it may be believed.

Sharpe, Sortino and Calmar ratios; the probabilistic and the deflated Sharpe ratio and the least track
record; a stationary bootstrap interval for the difference of two Sharpe ratios.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.special import ndtr, ndtri

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.drawdown import max_drawdown
from janus_trader.numerics.stationary_bootstrap import (
    checked_bootstrap,
    first_index,
    next_index,
    uniform_chunks,
)

EULER_MASCHERONI = 0.5772156649015329


class ReturnMoments(NamedTuple):
    """Sample moments of a series of returns: ``std`` with ddof 1, raw kurtosis (3 for a normal law)."""

    n: int
    mean: float
    std: float
    skew: float
    kurtosis_raw: float


def _returns(returns: np.ndarray, least: int) -> np.ndarray:
    r = np.ascontiguousarray(returns, dtype=np.float64)
    if r.ndim != 1 or r.size < least or not np.isfinite(r).all():
        raise DataError(
            "a performance ratio needs returns",
            got=f"shape {r.shape}, {int(np.isnan(r).sum())} NaN",
            expected=f"a 1-D array of at least {least} finite returns",
            remedy="drop missing rows, or wait for more of them",
        )
    return r


def _positive(value: float, name: str) -> None:
    if not value > 0:
        raise DataError(f"{name} must be positive", got=value, expected="> 0")


@njit(cache=True)
def _mean_and_deviation(r: np.ndarray) -> tuple[float, float]:
    """Mean and ddof-1 deviation in two passes; a dispersion of rounding errors counts as none."""
    n = r.shape[0]
    total = 0.0
    largest = 0.0
    for i in range(n):
        total += r[i]
        largest = max(largest, abs(r[i]))
    mean = total / n
    squares = 0.0
    for i in range(n):
        squares += (r[i] - mean) ** 2
    deviation = math.sqrt(squares / (n - 1))
    return mean, deviation if deviation > 1e-14 * largest else 0.0


def return_moments(returns: np.ndarray) -> ReturnMoments:
    """Moments of returns (T,) as the deflated Sharpe ratio needs them. O(T).

    Skewness and kurtosis are the population (biased) ones; both are NaN for a constant series.

    Raises
    ------
    DataError
        Fewer than two returns, or one that is not finite.

    Examples
    --------
    >>> m = return_moments(np.array([-1.0, 1.0, -1.0, 1.0]))
    >>> m.n, m.mean, m.skew, m.kurtosis_raw
    (4, 0.0, 0.0, 1.0)
    """
    r = _returns(returns, 2)
    mean, deviation = _mean_and_deviation(r)
    if deviation == 0.0:
        return ReturnMoments(r.size, mean, 0.0, math.nan, math.nan)
    z = r - mean
    m2 = float(np.mean(z * z))
    skew = float(np.mean(z**3)) / m2**1.5
    return ReturnMoments(r.size, mean, deviation, skew, float(np.mean(z**4)) / m2**2)


def sharpe(returns: np.ndarray, periods_per_year: float) -> float:
    r"""Annualised Sharpe ratio of excess returns.

    .. math:: SR = \sqrt{P}\; \bar r / s, \qquad s^2 = \tfrac{1}{T-1}\sum_t (r_t - \bar r)^2

    ``returns`` (T,) are simple returns in excess of the financing rate, as fractions. A series
    without dispersion has no Sharpe ratio: NaN, never 0. O(T).

    Raises
    ------
    DataError
        Fewer than two returns, one that is not finite, or ``periods_per_year`` <= 0.

    Examples
    --------
    >>> round(sharpe(np.array([0.01, -0.005, 0.012, 0.003]), 252), 3)
    10.304

    References
    ----------
    Sharpe (1994), The Sharpe ratio, Journal of Portfolio Management.
    """
    _positive(periods_per_year, "periods_per_year")
    mean, deviation = _mean_and_deviation(_returns(returns, 2))
    return math.sqrt(periods_per_year) * mean / deviation if deviation > 0.0 else math.nan


def sortino(returns: np.ndarray, periods_per_year: float, target: float = 0.0) -> float:
    r"""Annualised Sortino ratio: mean excess over the downside deviation.

    .. math:: \sqrt{P}\; (\bar r - \tau) \Big/ \sqrt{\tfrac1T \sum_t \min(r_t - \tau, 0)^2}

    ``target`` is per period. NaN where no return lies below the target. O(T).

    Raises
    ------
    DataError
        As in `sharpe`.

    Examples
    --------
    >>> round(sortino(np.array([0.02, -0.01, 0.02, -0.01]), 1.0), 4)
    0.7071

    References
    ----------
    Sortino & Price (1994), Performance measurement in a downside risk framework.
    """
    _positive(periods_per_year, "periods_per_year")
    excess = _returns(returns, 2) - target
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return math.sqrt(periods_per_year) * float(np.mean(excess)) / downside if downside > 0.0 else math.nan


def calmar(returns: np.ndarray, periods_per_year: float) -> float:
    r"""Annual compound growth over the maximum drawdown of the compounded curve.

    .. math:: \big(W_T^{P/T} - 1\big) / \mathrm{MDD}(1, W_1, \dots, W_T), \quad W_t=\prod_{s\le t}(1+r_s)

    NaN where there was no drawdown; -1 over the drawdown where the book was ruined. O(T).

    Raises
    ------
    DataError
        As in `sharpe`.

    Examples
    --------
    >>> round(calmar(np.array([0.10, -0.05, 0.10]), 3.0), 3)
    2.99

    References
    ----------
    Young (1991), Calmar ratio: a smoother tool.
    """
    _positive(periods_per_year, "periods_per_year")
    r = _returns(returns, 2)
    wealth = np.concatenate((np.ones(1), np.cumprod(1.0 + r)))
    worst = max_drawdown(wealth)
    growth = float(wealth[-1]) ** (periods_per_year / r.size) - 1.0 if wealth.min() > 0.0 else -1.0
    return growth / worst if worst > 0.0 else math.nan


def _sharpe_variance(ratio: float, n_obs: int, skew: float, kurtosis_raw: float, benchmark: float) -> float:
    """Variance of sqrt(T - 1) times the estimated Sharpe ratio; refuses what no sample can show."""
    variance = 1.0 - skew * ratio + 0.25 * (kurtosis_raw - 1.0) * ratio**2
    if n_obs < 2 or not math.isfinite(variance) or variance <= 0.0 or not math.isfinite(benchmark):
        raise DataError(
            "the Sharpe ratio's standard error is undefined",
            got=f"n_obs={n_obs}, skew={skew}, kurtosis_raw={kurtosis_raw}, sharpe={ratio}",
            expected="n_obs >= 2 and finite moments with kurtosis_raw >= 1 + skew**2",
            remedy="pass the raw kurtosis (3 for a normal law) and a per-period Sharpe ratio",
        )
    return variance


def probabilistic_sharpe(
    sharpe_per_period: float, n_obs: int, skew: float, kurtosis_raw: float, benchmark: float = 0.0
) -> float:
    r"""Probability that the true Sharpe ratio exceeds ``benchmark``, given the estimate.

    .. math:: \Phi\!\left( (\hat S - S^*) \sqrt{T-1} \Big/
              \sqrt{1 - \gamma_3 \hat S + \tfrac{\gamma_4 - 1}{4} \hat S^2} \right)

    Both ratios are per period (not annualised); :math:`\gamma_4` is the raw kurtosis. Result in
    [0, 1]; O(1).

    Raises
    ------
    DataError
        ``n_obs`` < 2, a number that is not finite, or moments no distribution has.

    Examples
    --------
    >>> probabilistic_sharpe(0.0, 100, 0.0, 3.0)
    0.5

    References
    ----------
    Bailey & Lopez de Prado (2012), The Sharpe ratio efficient frontier.
    """
    variance = _sharpe_variance(sharpe_per_period, n_obs, skew, kurtosis_raw, benchmark)
    return float(ndtr((sharpe_per_period - benchmark) * math.sqrt(n_obs - 1.0) / math.sqrt(variance)))


def minimum_track_record(
    sharpe_per_period: float,
    skew: float,
    kurtosis_raw: float,
    benchmark: float = 0.0,
    confidence: float = 0.95,
) -> float:
    r"""Periods after which the Sharpe ratio would exceed ``benchmark`` with the given confidence.

    .. math:: 1 + \Big(1 - \gamma_3 \hat S + \tfrac{\gamma_4 - 1}{4} \hat S^2\Big)
              \left( \frac{\Phi^{-1}(c)}{\hat S - S^*} \right)^2

    The length at which `probabilistic_sharpe` reaches c; not rounded, infinite where the estimate does
    not exceed the benchmark. Arguments as there, ``confidence`` in (0.5, 1); O(1).

    Raises
    ------
    DataError
        A number that is not finite, moments no distribution has, or ``confidence`` out of range.

    Examples
    --------
    >>> round(minimum_track_record(2.0 / 12**0.5, -0.72, 5.78, 1.0 / 12**0.5) / 12, 2)
    4.99

    References
    ----------
    Bailey & Lopez de Prado (2012), The Sharpe ratio efficient frontier, section 6.
    """
    variance = _sharpe_variance(sharpe_per_period, 2, skew, kurtosis_raw, benchmark)
    if not 0.5 < confidence < 1.0:
        raise DataError("no such confidence", got=confidence, expected="0.5 < confidence < 1")
    excess = sharpe_per_period - benchmark
    return 1.0 + variance * (float(ndtri(confidence)) / excess) ** 2 if excess > 0.0 else math.inf


def max_sharpe_expected(n_trials: int, std: float) -> float:
    r"""Expected maximum of the Sharpe ratios of ``n_trials`` independent trials without skill.

    .. math:: S_0 = \sigma \left[(1-\gamma)\,\Phi^{-1}(1-\tfrac1N)
              + \gamma\,\Phi^{-1}\!\big(1-\tfrac1{Ne}\big)\right], \qquad \gamma = 0.5772\dots

    ``std`` is the standard deviation of the Sharpe ratio over the trials, in the unit wanted back;
    one trial is no selection: 0. O(1).

    Raises
    ------
    DataError
        ``n_trials`` < 1 or ``std`` negative or not finite.

    Examples
    --------
    >>> round(max_sharpe_expected(100, 1.0), 4)
    2.5306

    References
    ----------
    Bailey & Lopez de Prado (2014), The deflated Sharpe ratio, eq. (1).
    """
    if n_trials < 1 or not (math.isfinite(std) and std >= 0.0):
        raise DataError(
            "no such set of trials", got=f"n_trials={n_trials}, std={std}", expected="n_trials >= 1, std >= 0"
        )
    if n_trials == 1:
        return 0.0
    upper = float(ndtri(1.0 - 1.0 / n_trials))
    tail = float(ndtri(1.0 - 1.0 / (n_trials * math.e)))
    return std * ((1.0 - EULER_MASCHERONI) * upper + EULER_MASCHERONI * tail)


def deflated_sharpe_probability(
    sharpe_per_period: float,
    n_obs: int,
    skew: float,
    kurtosis_raw: float,
    n_trials: int,
    sharpe_std_over_trials: float,
) -> float:
    """Probability that the best of ``n_trials`` has skill: the deflated Sharpe ratio.

    `probabilistic_sharpe` against the benchmark `max_sharpe_expected`. All Sharpe ratios (and their
    standard deviation over the trials) are per period. Result in [0, 1]; O(1).

    Raises
    ------
    DataError
        As in `probabilistic_sharpe` and `max_sharpe_expected`.

    Examples
    --------
    >>> daily = 250**0.5
    >>> round(deflated_sharpe_probability(2.5 / daily, 1250, -3.0, 10.0, 100, 0.5**0.5 / daily), 4)
    0.9004

    References
    ----------
    Bailey & Lopez de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management.
    """
    benchmark = max_sharpe_expected(n_trials, sharpe_std_over_trials)
    return probabilistic_sharpe(sharpe_per_period, n_obs, skew, kurtosis_raw, benchmark)


@njit(cache=True)
def _resampled_differences(a: np.ndarray, b: np.ndarray, u: np.ndarray, restart: float) -> np.ndarray:
    """Per-period Sharpe difference of each resample; row ``k`` of ``u`` drives resample ``k``."""
    n = a.shape[0]
    out = np.empty(u.shape[0])
    x = np.empty(n)
    y = np.empty(n)
    for k in range(u.shape[0]):
        at = first_index(u[k, 0], n)
        for t in range(n):
            if t > 0:
                at = next_index(at, u[k, t], restart, n)
            x[t] = a[at]
            y[t] = b[at]
        mean_x, dev_x = _mean_and_deviation(x)
        mean_y, dev_y = _mean_and_deviation(y)
        out[k] = (mean_x / dev_x if dev_x > 0.0 else 0.0) - (mean_y / dev_y if dev_y > 0.0 else 0.0)
    return out


def stationary_bootstrap_sharpe_difference(
    a: np.ndarray,
    b: np.ndarray,
    periods_per_year: float,
    n_samples: int,
    mean_block: float,
    generator: np.random.Generator,
) -> tuple[float, float, float]:
    """Bootstrap of ``sharpe(a) - sharpe(b)``: mean and 95 % percentile interval.

    Both series are resampled with the same rows (`stationary_indices`), so that their cross-correlation
    and their own dependence survive. O(n_samples T); memory O(1e6 + T).

    Parameters
    ----------
    a, b : (T,) array
        Returns of the two books over the same periods, T >= 2, finite.
    periods_per_year : float
        > 0; annualises both ratios.
    n_samples, mean_block : int, float
        Resamples, >= 2, and mean block length in periods, >= 1 (1: independent draws).
    generator : numpy Generator
        The only source of randomness.

    A resample without dispersion counts as a Sharpe ratio of 0.

    Raises
    ------
    DataError
        Bad returns, series of different length, or a parameter out of range.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> r = 0.01 * g.standard_normal(500)
    >>> mean, lo, hi = stationary_bootstrap_sharpe_difference(r + 0.002, r, 252, 500, 5.0, g)
    >>> bool(0 < lo < mean < hi)
    True

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, JASA; Ledoit & Wolf (2008), Robust performance
    hypothesis testing with the Sharpe ratio.
    """
    _positive(periods_per_year, "periods_per_year")
    x, y = _returns(a, 2), _returns(b, 2)
    if x.shape != y.shape:
        raise DataError("cannot bootstrap", got=f"{x.size} and {y.size} returns", expected="equal lengths")
    checked_bootstrap(x.size, n_samples, mean_block)
    parts = [
        _resampled_differences(x, y, u, 1.0 / mean_block)
        for u in uniform_chunks(n_samples, x.size, generator)
    ]
    differences = math.sqrt(periods_per_year) * np.concatenate(parts)
    lo, hi = np.quantile(differences, (0.025, 0.975))
    return float(np.mean(differences)), float(lo), float(hi)
