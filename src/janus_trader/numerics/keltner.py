"""Keltner channel: an exponential average and average true ranges around it."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.atr import ATR_DTYPE, atr_step, example_bars
from janus_trader.numerics.bollinger import checked_width
from janus_trader.numerics.ema import EMA_DTYPE, checked_period, ema_step, span_alpha
from janus_trader.numerics.streaming import StreamingKernel

KELTNER_DTYPE = np.dtype([("n", "i8"), ("ema", EMA_DTYPE), ("atr", ATR_DTYPE)], align=True)


@njit(cache=True)
def keltner_step(s, high, low, close, alpha, atr_period, width):
    """One step on a record of `KELTNER_DTYPE`: ``(middle, upper, lower)``.

    The sides are NaN until ``atr_period + 1`` bars; the middle has a value from the first bar on
    (`Keltner` adds the warm-up). A bar with a non-finite field is ignored and the last output comes
    back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, KELTNER_DTYPE)
    >>> out = keltner_step(state[0], 5.0, 3.0, 4.0, 0.5, 1, 2.0)
    >>> keltner_step(state[0], 7.0, 5.0, 6.0, 0.5, 1, 2.0)
    (5.0, 11.0, -1.0)
    """
    middle = s.ema.value if s.n > 0 else math.nan
    if math.isfinite(high) and math.isfinite(low) and math.isfinite(close):
        middle = ema_step(s.ema, close, alpha)
        s.n += 1
    offset = width * atr_step(s.atr, high, low, close, atr_period)
    return middle, middle + offset, middle - offset


@njit(cache=True)
def _fill(s, bars, t, alpha, atr_period, width, warmup, ys, row):
    middle, upper, lower = keltner_step(s, bars[t, 0], bars[t, 1], bars[t, 2], alpha, atr_period, width)
    ready = s.n >= warmup
    ys[row, 0] = middle if ready else math.nan
    ys[row, 1] = upper if ready else math.nan
    ys[row, 2] = lower if ready else math.nan


@njit(cache=True)
def _update(states, bar, alpha, atr_period, width, warmup):
    y = np.empty((1, 3))
    _fill(states[0], bar.reshape((1, 3)), 0, alpha, atr_period, width, warmup, y, 0)
    return y[0]


@njit(cache=True)
def _scan(states, bars, alpha, atr_period, width, warmup):
    ys = np.empty((bars.shape[0], 3))
    for t in range(bars.shape[0]):
        _fill(states[0], bars, t, alpha, atr_period, width, warmup, ys, t)
    return ys


class Keltner(StreamingKernel):
    """Keltner channel ``EMA(c)``, ``EMA(c) + k ATR``, ``EMA(c) - k ATR``.

    Parameters
    ----------
    ema_period, atr_period : int
        At least 1.
    width : float
        Number ``k`` of average true ranges, greater than 0.

    Notes
    -----
    Input: a row (high, low, close). Output: a row (middle, upper, lower), price units. Warm-up:
    ``max(ema_period, atr_period + 1)`` bars, NaN before; a bar with a non-finite field repeats the last
    output. O(1). The exponential average seeds with its first value.

    Raises
    ------
    ConfigError
        A parameter is out of range.

    Examples
    --------
    >>> Keltner(1, 1, 2.0).transform(np.array([[5.0, 3.0, 4.0], [7.0, 5.0, 6.0]])).tolist()
    [[nan, nan, nan], [6.0, 12.0, 0.0]]

    References
    ----------
    Keltner, C. W. (1960). How to Make Money in Commodities; the form with exponential averages and the
    average true range is L. B. Raschke's.
    """

    WIDTH = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, ema_period: int = 20, atr_period: int = 10, width: float = 2.0) -> None:
        ema_period = checked_period("ema_period", ema_period)
        atr_period = checked_period("atr_period", atr_period)
        warmup = max(ema_period, atr_period + 1)
        args = (span_alpha(ema_period), atr_period, checked_width(width), warmup)
        self._init(KELTNER_DTYPE, args, warmup=warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual channel, and one whose range warms up last."""
        return [cls(), cls(3, 14, 1.5)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk."""
        return example_bars(rng, n)
