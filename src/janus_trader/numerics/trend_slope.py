"""Slope of a price over a window, measured against what a random walk would show."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel


def slope_weights(window: int) -> np.ndarray:
    r"""Weights (window,) that make the standardised least-squares slope out of the returns, oldest first.

    The least-squares slope of a path over ``window + 1`` points is a weighted sum of its ``window``
    increments, with parabolic weights :math:`c_j \propto j (N + 1 - j)`; divided by their length they
    give a sum with the variance of one increment when increments are uncorrelated.

    >>> slope_weights(3).round(4).tolist(), float(np.sum(slope_weights(64) ** 2))
    ([0.5145, 0.686, 0.5145], 1.0)
    """
    j = np.arange(1.0, checked_period("window", window, at_least=2) + 1.0)
    weights = j * (window + 1.0 - j)
    return weights / math.sqrt(float(np.sum(weights * weights)))


@njit(cache=True)
def slope_score(r: np.ndarray, weights: np.ndarray) -> float:
    """``sum(w r) / sqrt(mean(r^2))``; 0 where nothing moved. Within +-sqrt(T). O(T).

    >>> round(slope_score(np.full(3, 0.01), np.array([0.5145, 0.686, 0.5145])), 3)
    1.715
    """
    n = r.shape[0]
    largest = 0.0
    for t in range(n):
        largest = max(largest, abs(r[t]))
    if not largest > 0.0:
        return 0.0
    total, squares = 0.0, 0.0
    for t in range(n):
        x = r[t] / largest
        total += weights[t] * x
        squares += x * x
    return total / math.sqrt(squares / n)


@njit(cache=True)
def _update(states: Any, x: float, weights: np.ndarray) -> float:
    s = states[0]
    if math.isfinite(x):
        mirrored_push(s, x)
    if s.n < s.ring.shape[0] // 2:
        return math.nan
    return slope_score(mirrored_window(s), weights)


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], weights)
    return ys


class TrendSlope(StreamingKernel):
    r"""Least-squares slope of the log price over the last ``window`` returns, as a z-score.

    .. math:: z = \frac{\sum_j w_j r_j}{\sqrt{\tfrac1N\sum_j r_j^2}}, \qquad
              w_j = \frac{j(N+1-j)}{\lVert j(N+1-j) \rVert}

    the slope over its standard deviation under a random walk without drift (not over the residual's: that
    t-value calls nearly every random walk a trend). No adaptive average enters, so it is evidence about
    the trend that the divergence from such an average is not.

    Parameters
    ----------
    window : int
        N, at least 2.

    Notes
    -----
    Input: one (log) return. Output: about N(0, 1) on a random walk, within :math:`\pm\sqrt N`; 0 where
    nothing moved. Warm-up: ``window`` finite returns, NaN before; a value that is not finite repeats the
    last output. Summed afresh at every step, so there is no drift. O(window).

    Raises
    ------
    ConfigError
        ``window`` is not an integer of at least 2.

    Examples
    --------
    >>> TrendSlope(3).transform(np.array([0.01, 0.01, 0.01, -0.01])).round(3).tolist()
    [nan, nan, 1.715, 0.686]

    References
    ----------
    Durlauf & Phillips (1988), Trends versus random walks in time series analysis, Econometrica 56: the
    slope of N points of a random walk has variance :math:`6\sigma^2/(5N)` in the limit.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 64) -> None:
        weights = slope_weights(window)
        self._init(mirrored_ring_dtype(window), (weights,), warmup=weights.size)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window, and a short one."""
        return [cls(), cls(5)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Returns."""
        return rng.standard_normal(n) * 0.01
