"""Moving averages of a window: equal weights and linear weights."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import RollingMean, rolling_dtype, rolling_push
from janus_trader.numerics.streaming import StreamingKernel

#: The simple moving average is the rolling mean.
SMA = RollingMean


@njit(cache=True)
def wma_step(s, x, window):
    """One step on a record of `rolling_dtype`; NaN until the window is full.

    A non-finite ``x`` is ignored and the last output comes back. O(window).

    Examples
    --------
    >>> state = np.zeros(1, rolling_dtype(2))
    >>> wma_step(state[0], 1.0, 2), wma_step(state[0], 4.0, 2)
    (nan, 3.0)
    """
    rolling_push(s, x, window)
    if s.n < window:
        return math.nan
    oldest = s.n % window
    total = 0.0
    for i in range(oldest, window):
        total += (i - oldest + 1) * s.buffer[i]
    for i in range(oldest):
        total += (i - oldest + window + 1) * s.buffer[i]
    return total / (window * (window + 1) / 2)


@njit(cache=True)
def _update(states, x, window):
    return wma_step(states[0], x, window)


@njit(cache=True)
def _scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = wma_step(states[0], xs[t], window)
    return ys


class WMA(StreamingKernel):
    """Linearly weighted moving average ``y_t = sum_i i x_{t-w+i} / (w (w + 1) / 2)``, ``i = 1 ... w``.

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 1; the newest has weight ``w``, the oldest 1.

    Notes
    -----
    Input and output: one float. Warm-up: ``w`` finite inputs, NaN before; a non-finite input repeats
    the last output. O(w).

    Raises
    ------
    ConfigError
        ``window`` is not a positive integer.

    Examples
    --------
    >>> WMA(2).transform(np.array([1.0, 4.0, 7.0])).tolist()
    [nan, 3.0, 6.0]

    References
    ----------
    Murphy, J. J. (1999). Technical Analysis of the Financial Markets.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int) -> None:
        window = checked_period("window", window)
        self._init(rolling_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """A window of one value and a usual one."""
        return [cls(1), cls(14)]
