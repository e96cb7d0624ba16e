"""True range and Wilder's average of it."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period, ema_next
from janus_trader.numerics.streaming import StreamingKernel

ATR_DTYPE = np.dtype([("n", "i8"), ("previous_close", "f8"), ("value", "f8")], align=True)


@njit(cache=True)
def true_range(high, low, previous_close):
    """``max(high, c') - min(low, c')``, the range of a bar and the previous close ``c'``. O(1).

    With closes only (high = low = close) this is the absolute change of the close.

    >>> true_range(12.0, 11.0, 9.0)
    3.0
    """
    return max(high, previous_close) - min(low, previous_close)


@njit(cache=True)
def atr_step(s, high, low, close, period):
    """One step of Wilder's average on a record of `ATR_DTYPE`; NaN until ``period + 1`` bars.

    A bar with a non-finite field is ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, ATR_DTYPE)
    >>> [atr_step(state[0], x, x, x, 2) for x in (10.0, 12.0, 11.0, 11.0)]
    [nan, nan, 1.5, 0.75]
    """
    if math.isfinite(high) and math.isfinite(low) and math.isfinite(close):
        if s.n > 0:
            tr = true_range(high, low, s.previous_close)
            if s.n < period:
                s.value += tr
            elif s.n == period:
                s.value = (s.value + tr) / period
            else:
                s.value = ema_next(s.value, tr, 1.0 / period)
        s.previous_close = close
        s.n += 1
    if s.n <= period:
        return math.nan
    return s.value


@njit(cache=True)
def _update(states, bar, period):
    return atr_step(states[0], bar[0], bar[1], bar[2], period)


@njit(cache=True)
def _scan(states, bars, period):
    ys = np.empty(bars.shape[0])
    for t in range(bars.shape[0]):
        ys[t] = _update(states, bars[t], period)
    return ys


def example_bars(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` rows (high, low, close) of a random walk, for the laws of kernels that read bars.

    >>> example_bars(np.random.default_rng(0), 5).shape
    (5, 3)
    """
    close = 100.0 + np.cumsum(rng.standard_normal(n)) * 0.5
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) + rng.random(n)
    low = np.minimum(opened, close) - rng.random(n)
    return np.column_stack((high, low, close))


class ATR(StreamingKernel):
    """Average true range.

    ``TR_t = max(h, c') - min(l, c')`` with the previous close ``c'``; the mean of the first ``period``
    true ranges, then ``A_t = A_{t-1} + (TR_t - A_{t-1}) / period``.

    Parameters
    ----------
    period : int
        At least 1; Wilder uses 14.

    Notes
    -----
    Input: a row (high, low, close), price units. Output: one float >= 0, price units. Warm-up:
    ``period + 1`` bars (the first has no previous close), NaN before; a bar with a non-finite field
    repeats the last output. O(1).

    Raises
    ------
    ConfigError
        ``period`` is not a positive integer.

    Examples
    --------
    >>> bars = np.array([[10.0, 9.0, 9.5], [12.0, 9.5, 11.0], [11.0, 10.0, 10.0]])
    >>> ATR(2).transform(bars).tolist()
    [nan, nan, 1.75]

    References
    ----------
    Wilder, J. W. (1978). New Concepts in Technical Trading Systems.
    """

    WIDTH = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, period: int = 14) -> None:
        period = checked_period("period", period)
        self._init(ATR_DTYPE, (period,), warmup=period + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest and the usual period."""
        return [cls(1), cls(14)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk."""
        return example_bars(rng, n)
