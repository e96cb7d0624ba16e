"""Donchian channel: highest high and lowest low of a window."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.atr import example_bars
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_max, rolling_min, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


def donchian_dtype(window: int) -> np.dtype:
    """State of the channel: bars seen, and the windows of highs and lows.

    >>> donchian_dtype(20).names
    ('n', 'high', 'low')
    """
    rolling = rolling_dtype(window)
    return np.dtype([("n", "i8"), ("high", rolling), ("low", rolling)], align=True)


@njit(cache=True)
def donchian_step(s, high, low, window):
    """One step on a `donchian_dtype` record: ``(middle, upper, lower)``, NaN until the window is full.

    A bar with a non-finite field is ignored and the last output comes back. O(window).

    Examples
    --------
    >>> state = np.zeros(1, donchian_dtype(2))
    >>> donchian_step(state[0], 5.0, 3.0, 2), donchian_step(state[0], 4.0, 1.0, 2)
    ((nan, nan, nan), (3.0, 5.0, 1.0))
    """
    if math.isfinite(high) and math.isfinite(low):
        rolling_push(s.high, high, window)
        rolling_push(s.low, low, window)
        s.n += 1
    upper = rolling_max(s.high, window)
    lower = rolling_min(s.low, window)
    return 0.5 * (upper + lower), upper, lower


@njit(cache=True)
def _update(states, bar, window):
    y = np.empty(3)
    y[0], y[1], y[2] = donchian_step(states[0], bar[0], bar[1], window)
    return y


@njit(cache=True)
def _scan(states, bars, window):
    ys = np.empty((bars.shape[0], 3))
    for t in range(bars.shape[0]):
        ys[t, 0], ys[t, 1], ys[t, 2] = donchian_step(states[0], bars[t, 0], bars[t, 1], window)
    return ys


class Donchian(StreamingKernel):
    """Donchian channel: ``upper = max h``, ``lower = min l`` of the last ``w`` bars, and their middle.

    Parameters
    ----------
    window : int
        Number ``w`` of bars, at least 1, the newest included: a bar that breaks out moves the channel. For
        a break of the channel before it, compare with the previous output.

    Notes
    -----
    Input: a row (high, low). Output: a row (middle, upper, lower), price units. Warm-up: ``w`` bars, NaN
    before; a bar with a non-finite field repeats the last output. O(w).

    Raises
    ------
    ConfigError
        ``window`` is not a positive integer.

    Examples
    --------
    >>> Donchian(2).transform(np.array([[5.0, 3.0], [4.0, 1.0], [6.0, 4.0]])).tolist()
    [[nan, nan, nan], [3.0, 5.0, 1.0], [3.5, 6.0, 1.0]]

    References
    ----------
    Donchian, R. D. (1960). High finance in copper. Financial Analysts Journal 16(6).
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 20) -> None:
        window = checked_period("window", window)
        self._init(donchian_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """A window of one bar and the usual one."""
        return [cls(1), cls()]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Highs and lows of a random walk."""
        return np.ascontiguousarray(example_bars(rng, n)[:, :2])
