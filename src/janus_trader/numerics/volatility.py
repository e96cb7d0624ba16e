"""Volatility of returns: exponentially weighted, and realised over a window."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_push, rolling_std
from janus_trader.numerics.streaming import StreamingKernel

EWMA_VOLATILITY_DTYPE = np.dtype([("n", "i8"), ("weight", "f8"), ("squares", "f8")], align=True)
EWMA_VARIANCE_DTYPE = EWMA_VOLATILITY_DTYPE


def halflife_alpha(halflife: float) -> float:
    """Weight of the newest value when weights halve every ``halflife`` steps: ``1 - 2^(-1/halflife)``.

    >>> halflife_alpha(1.0)
    0.5
    """
    if not (math.isfinite(halflife) and halflife > 0.0):
        raise ConfigError(
            "halflife is not usable", got=halflife, expected="a number > 0", remedy="set halflife=20, say"
        )
    return 1.0 - math.exp(-math.log(2.0) / halflife)


def realised_volatility_dtype(window: int) -> np.dtype:
    """State of the realised volatility: the rolling window itself.

    >>> realised_volatility_dtype(5) == rolling_dtype(5)
    True
    """
    return rolling_dtype(window)


@njit(cache=True)
def ewma_variance_step(s, r, alpha):
    """One step of ``sum(w r^2) / sum(w)`` on a record of `EWMA_VARIANCE_DTYPE`, newest weight ``alpha``.

    The mean of returns is taken as 0. Dividing by the sum of the weights removes the bias of the first
    steps. A non-finite ``r`` is ignored and the last variance comes back, NaN when there is none. O(1).

    Examples
    --------
    >>> state = np.zeros(1, EWMA_VARIANCE_DTYPE)
    >>> ewma_variance_step(state[0], 1.0, 0.5), ewma_variance_step(state[0], 2.0, 0.5)
    (1.0, 3.0)
    """
    if math.isfinite(r):
        s.weight = (1.0 - alpha) * s.weight + alpha
        s.squares = (1.0 - alpha) * s.squares + alpha * r * r
        s.n += 1
    if s.n == 0:
        return math.nan
    return s.squares / s.weight


@njit(cache=True)
def realised_volatility_step(s, r, window):
    """One step on a `realised_volatility_dtype` record: the window's standard deviation. O(1) on average."""
    rolling_push(s, r, window)
    return rolling_std(s, window)


@njit(cache=True)
def _ewma_update(states, r, alpha, warmup):
    variance = ewma_variance_step(states[0], r, alpha)
    if states[0].n < warmup:
        return math.nan
    return math.sqrt(variance)


@njit(cache=True)
def _ewma_scan(states, rs, alpha, warmup):
    ys = np.empty(rs.shape[0])
    for t in range(rs.shape[0]):
        ys[t] = _ewma_update(states, rs[t], alpha, warmup)
    return ys


@njit(cache=True)
def _realised_update(states, r, window):
    return realised_volatility_step(states[0], r, window)


@njit(cache=True)
def _realised_scan(states, rs, window):
    ys = np.empty(rs.shape[0])
    for t in range(rs.shape[0]):
        ys[t] = realised_volatility_step(states[0], rs[t], window)
    return ys


class EwmaVolatility(StreamingKernel):
    """Exponentially weighted volatility of returns.

    ``sigma_t = sqrt(sum_k w_k r_{t-k}^2 / sum_k w_k)`` with ``w_k = 2^(-k / halflife)``.

    Parameters
    ----------
    halflife : float
        Steps after which a return counts half, greater than 0.

    Notes
    -----
    Input: one return (fraction). Output: its standard deviation around 0 per step (not annualised),
    >= 0. Warm-up: ``ceil(halflife)`` finite returns, at least 2, NaN before; a non-finite input repeats
    the last output. O(1).

    Raises
    ------
    ConfigError
        ``halflife`` is not a positive number.

    Examples
    --------
    >>> EwmaVolatility(1.0).transform(np.array([0.01, -0.01, 0.01])).round(6).tolist()
    [nan, 0.01, 0.01]

    References
    ----------
    J.P. Morgan/Reuters (1996). RiskMetrics Technical Document, 4th ed., section 5.2.
    """

    _update = staticmethod(_ewma_update)
    _scan = staticmethod(_ewma_scan)

    def __init__(self, halflife: float = 20.0) -> None:
        alpha = halflife_alpha(halflife)
        warmup = max(2, math.ceil(halflife))
        self._init(EWMA_VOLATILITY_DTYPE, (alpha, warmup), warmup=warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        """A short and a usual half-life."""
        return [cls(1.5), cls(20.0)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Returns."""
        return rng.standard_normal(n) * 0.01


class RealisedVolatility(StreamingKernel):
    """Standard deviation (ddof = 0) of the last ``w`` returns.

    Parameters
    ----------
    window : int
        Number ``w`` of finite returns, at least 2.

    Notes
    -----
    Input: one return (fraction). Output: per step, not annualised, >= 0. Warm-up: ``w`` finite
    returns, NaN before; a non-finite input repeats the last output. O(w).

    Raises
    ------
    ConfigError
        ``window`` is not an integer of at least 2.

    Examples
    --------
    >>> RealisedVolatility(2).transform(np.array([0.01, 0.03, 0.03])).round(6).tolist()
    [nan, 0.01, 0.0]
    """

    _update = staticmethod(_realised_update)
    _scan = staticmethod(_realised_scan)

    def __init__(self, window: int = 20) -> None:
        window = checked_period("window", window, at_least=2)
        self._init(realised_volatility_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """A usual window."""
        return [cls(20)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Returns."""
        return rng.standard_normal(n) * 0.01
