"""Relative strength index after Wilder."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period, ema_next
from janus_trader.numerics.streaming import StreamingKernel

NEUTRAL_RSI = 50.0

RSI_DTYPE = np.dtype([("n", "i8"), ("previous", "f8"), ("gain", "f8"), ("loss", "f8")], align=True)


@njit(cache=True)
def relative_strength(gain, loss):
    """``100 gain / (gain + loss)`` of two averages >= 0; `NEUTRAL_RSI` where both are 0. O(1).

    >>> relative_strength(3.0, 1.0), relative_strength(0.0, 0.0)
    (75.0, 50.0)
    """
    total = gain + loss
    if total <= 0.0:
        return NEUTRAL_RSI
    return 100.0 * (gain / total)


@njit(cache=True)
def _output(s, period):
    if s.n <= period:
        return math.nan
    return relative_strength(s.gain, s.loss)


@njit(cache=True)
def rsi_step(s, x, period):
    """One step of Wilder's index on a record of `RSI_DTYPE`; NaN until ``period + 1`` finite prices.

    A non-finite ``x`` is ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, RSI_DTYPE)
    >>> [rsi_step(state[0], x, 2) for x in (1.0, 3.0, 2.0)]
    [nan, nan, 66.66666666666666]
    """
    if not math.isfinite(x):
        return _output(s, period)
    if s.n > 0:
        change = x - s.previous
        gain = max(change, 0.0)
        loss = max(-change, 0.0)
        if s.n < period:
            s.gain += gain
            s.loss += loss
        elif s.n == period:
            s.gain = (s.gain + gain) / period
            s.loss = (s.loss + loss) / period
        else:
            s.gain = ema_next(s.gain, gain, 1.0 / period)
            s.loss = ema_next(s.loss, loss, 1.0 / period)
    s.previous = x
    s.n += 1
    return _output(s, period)


@njit(cache=True)
def _update(states, x, period):
    return rsi_step(states[0], x, period)


@njit(cache=True)
def _scan(states, xs, period):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = rsi_step(states[0], xs[t], period)
    return ys


class RSI(StreamingKernel):
    """Relative strength index ``100 G / (G + L)``.

    ``G`` and ``L`` are the averages of gains and losses: the mean of the first ``period`` changes,
    then ``G_t = G_{t-1} + (gain_t - G_{t-1}) / period``.

    Parameters
    ----------
    period : int
        At least 1; Wilder uses 14.

    Notes
    -----
    Input: one price. Output: in [0, 100]; 50 when no price of the memory moved (TA-Lib gives 0 there,
    which reads as the strongest fall). Warm-up: ``period + 1`` finite inputs, NaN before; a non-finite
    input repeats the last output. O(1).

    Raises
    ------
    ConfigError
        ``period`` is not a positive integer.

    Examples
    --------
    >>> RSI(2).transform(np.array([1.0, 2.0, 3.0, 1.0])).tolist()
    [nan, nan, 100.0, 33.33333333333333]

    References
    ----------
    Wilder, J. W. (1978). New Concepts in Technical Trading Systems.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, period: int = 14) -> None:
        period = checked_period("period", period)
        self._init(RSI_DTYPE, (period,), warmup=period + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest and the usual period."""
        return [cls(1), cls(14)]
