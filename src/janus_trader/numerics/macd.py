"""Moving average convergence and divergence: two exponential averages, their difference, its average."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import EMA_DTYPE, checked_period, ema_step, span_alpha
from janus_trader.numerics.streaming import StreamingKernel

MACD_DTYPE = np.dtype(
    [("n", "i8"), ("fast", EMA_DTYPE), ("slow", EMA_DTYPE), ("signal", EMA_DTYPE)], align=True
)


def checked_macd_periods(fast: int, slow: int, signal: int) -> tuple[int, int, int]:
    """The three periods, as ints.

    Raises
    ------
    ConfigError
        A period is not a positive integer or ``fast >= slow``.

    Examples
    --------
    >>> checked_macd_periods(12, 26, 9)
    (12, 26, 9)
    """
    fast = checked_period("fast", fast)
    slow = checked_period("slow", slow, at_least=2)
    signal = checked_period("signal", signal)
    if fast >= slow:
        raise ConfigError(
            "the fast period must be shorter than the slow one",
            got=f"fast={fast}, slow={slow}",
            expected="fast < slow",
            remedy="set fast=12, slow=26, say",
        )
    return fast, slow, signal


@njit(cache=True)
def macd_step(s, x, alpha_fast, alpha_slow, alpha_signal):
    """One step on a record of `MACD_DTYPE`: ``(macd, signal, histogram)``.

    Values from the first finite input on (`MACD` adds the warm-up); the three averages seed with
    their first value. A non-finite ``x`` is ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, MACD_DTYPE)
    >>> macd_step(state[0], 1.0, 0.5, 0.25, 0.5), macd_step(state[0], 5.0, 0.5, 0.25, 0.5)
    ((0.0, 0.0, 0.0), (1.0, 0.5, 0.5))
    """
    if math.isfinite(x):
        difference = ema_step(s.fast, x, alpha_fast) - ema_step(s.slow, x, alpha_slow)
        ema_step(s.signal, difference, alpha_signal)
        s.n += 1
    if s.n == 0:
        return math.nan, math.nan, math.nan
    macd = s.fast.value - s.slow.value
    return macd, s.signal.value, macd - s.signal.value


@njit(cache=True)
def _fill(s, x, alpha_fast, alpha_slow, alpha_signal, warmup, out):
    macd, signal, histogram = macd_step(s, x, alpha_fast, alpha_slow, alpha_signal)
    if s.n < warmup:
        out[:] = math.nan
    else:
        out[0] = macd
        out[1] = signal
        out[2] = histogram


@njit(cache=True)
def _update(states, x, alpha_fast, alpha_slow, alpha_signal, warmup):
    y = np.empty(3)
    _fill(states[0], x, alpha_fast, alpha_slow, alpha_signal, warmup, y)
    return y


@njit(cache=True)
def _scan(states, xs, alpha_fast, alpha_slow, alpha_signal, warmup):
    ys = np.empty((xs.shape[0], 3))
    for t in range(xs.shape[0]):
        _fill(states[0], xs[t], alpha_fast, alpha_slow, alpha_signal, warmup, ys[t])
    return ys


class MACD(StreamingKernel):
    """Moving average convergence/divergence.

    ``macd = EMA_fast(x) - EMA_slow(x)``, ``signal = EMA_signal(macd)``, ``histogram = macd - signal``.

    Parameters
    ----------
    fast, slow, signal : int
        Periods, ``1 <= fast < slow``, ``signal >= 1``; usually 12, 26, 9.

    Notes
    -----
    Input: one price. Output: a row (macd, signal, histogram), price units. Warm-up:
    ``slow + signal - 1`` finite inputs, NaN before; a non-finite input repeats the last output. O(1).
    The averages seed with their first value.

    Raises
    ------
    ConfigError
        A period is not a positive integer or ``fast >= slow``.

    Examples
    --------
    >>> MACD(1, 3, 1).transform(np.array([2.0, 4.0, 8.0])).tolist()
    [[nan, nan, nan], [nan, nan, nan], [2.5, 2.5, 0.0]]

    References
    ----------
    Appel, G. (2005). Technical Analysis: Power Tools for Active Investors.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        fast, slow, signal = checked_macd_periods(fast, slow, signal)
        warmup = slow + signal - 1
        alphas = (span_alpha(fast), span_alpha(slow), span_alpha(signal))
        self._init(MACD_DTYPE, (*alphas, warmup), warmup=warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual periods."""
        return [cls()]
