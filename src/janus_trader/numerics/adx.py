"""Directional movement and the average directional index after Wilder."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.atr import example_bars, true_range
from janus_trader.numerics.ema import checked_period, ema_next
from janus_trader.numerics.streaming import StreamingKernel

ADX_DTYPE = np.dtype(
    [
        ("n", "i8"),
        ("previous_high", "f8"),
        ("previous_low", "f8"),
        ("previous_close", "f8"),
        ("true_range", "f8"),
        ("plus_dm", "f8"),
        ("minus_dm", "f8"),
        ("plus_di", "f8"),
        ("minus_di", "f8"),
        ("value", "f8"),
    ],
    align=True,
)


@njit(cache=True)
def directional_movement(up, down):
    """``(+DM, -DM)``: the larger of the high's rise and the low's fall where it is positive, else 0. O(1).

    >>> directional_movement(2.0, 1.0), directional_movement(-1.0, 3.0), directional_movement(1.0, 1.0)
    ((2.0, 0.0), (0.0, 3.0), (0.0, 0.0))
    """
    plus = up if up > down and up > 0.0 else 0.0
    minus = down if down > up and down > 0.0 else 0.0
    return plus, minus


@njit(cache=True)
def directional_index(plus, minus):
    """``DX = 100 |+DM - -DM| / (+DM + -DM)`` of smoothed movements; 0 when there is none. O(1).

    The true range cancels from the usual form with directional indicators.

    >>> directional_index(3.0, 1.0), directional_index(0.0, 0.0)
    (50.0, 0.0)
    """
    total = plus + minus
    if total <= 0.0:
        return 0.0
    return 100.0 * abs(plus - minus) / total


@njit(cache=True)
def set_directional_indicators(s):
    """Set ``s.plus_di`` and ``s.minus_di``, in [0, 100], of an `ADX_DTYPE` record; 0 without any range. O(1)."""
    s.plus_di = 0.0
    s.minus_di = 0.0
    if s.true_range > 0.0:
        s.plus_di = 100.0 * s.plus_dm / s.true_range
        s.minus_di = 100.0 * s.minus_dm / s.true_range


@njit(cache=True)
def _movement(s, high, low, period):
    """Smooth the true range and the two directional movements (Wilder's sums, not means)."""
    plus, minus = directional_movement(high - s.previous_high, s.previous_low - low)
    keep = 1.0 if s.n <= period else 1.0 - 1.0 / period
    s.true_range = keep * s.true_range + true_range(high, low, s.previous_close)
    s.plus_dm = keep * s.plus_dm + plus
    s.minus_dm = keep * s.minus_dm + minus


@njit(cache=True)
def adx_step(s, high, low, close, period):
    """One step on a record of `ADX_DTYPE`; NaN until ``2 period`` bars.

    ``s.plus_di`` and ``s.minus_di`` hold the directional indicators, valid from ``period + 1`` bars
    on (0 before). A bar with a non-finite field is ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, ADX_DTYPE)
    >>> [adx_step(state[0], x, x, x, 2) for x in (1.0, 2.0, 3.0, 4.0)]
    [nan, nan, nan, 100.0]
    """
    if math.isfinite(high) and math.isfinite(low) and math.isfinite(close):
        if s.n > 0:
            _movement(s, high, low, period)
            if s.n >= period:
                set_directional_indicators(s)
                dx = directional_index(s.plus_dm, s.minus_dm)
                if s.n < 2 * period - 1:
                    s.value += dx
                elif s.n == 2 * period - 1:
                    s.value = (s.value + dx) / period
                else:
                    s.value = ema_next(s.value, dx, 1.0 / period)
        s.previous_high = high
        s.previous_low = low
        s.previous_close = close
        s.n += 1
    if s.n < 2 * period:
        return math.nan
    return s.value


@njit(cache=True)
def _update(states, bar, period):
    return adx_step(states[0], bar[0], bar[1], bar[2], period)


@njit(cache=True)
def _scan(states, bars, period):
    ys = np.empty(bars.shape[0])
    for t in range(bars.shape[0]):
        ys[t] = _update(states, bars[t], period)
    return ys


class ADX(StreamingKernel):
    """Average directional index: the strength of a trend, whatever its direction.

    ``+DM`` is the rise of the high when it exceeds the fall of the low and 0, ``-DM`` the reverse.
    With ``S`` the sum over the first ``period`` bars, then ``S_t = S_{t-1} (1 - 1/period) + x_t``:
    ``+DI = 100 S(+DM) / S(TR)``, ``-DI`` alike, ``DX = 100 |+DI - -DI| / (+DI + -DI)``; ADX is the
    mean of the first ``period`` DX, then Wilder's average.

    Parameters
    ----------
    period : int
        At least 1; Wilder uses 14.

    Notes
    -----
    Input: a row (high, low, close); closes alone go in as high = low = close. Output: in [0, 100];
    ``DX = 0`` where both indicators are 0, so flat prices stay finite. Warm-up: ``2 period`` bars,
    NaN before; a bar with a non-finite field repeats the last output. O(1). TA-Lib sums one bar less
    at the start, a difference that decays as ``(1 - 1/period)^t``.

    Raises
    ------
    ConfigError
        ``period`` is not a positive integer.

    Examples
    --------
    >>> adx = ADX(2)
    >>> for price in (1.0, 2.0, 3.0, 2.5, 4.0):
    ...     y = adx.update(np.array([price, price, price]))
    >>> round(y, 3), round(adx.plus_di, 3), round(adx.minus_di, 3)
    (72.222, 88.889, 11.111)

    References
    ----------
    Wilder, J. W. (1978). New Concepts in Technical Trading Systems.
    """

    WIDTH = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, period: int = 14) -> None:
        period = checked_period("period", period)
        self._init(ADX_DTYPE, (period,), warmup=2 * period)

    @property
    def plus_di(self) -> float:
        """Upward directional indicator in [0, 100] after the last bar (0 before it is defined)."""
        return float(self._state["plus_di"][0])

    @property
    def minus_di(self) -> float:
        """Downward directional indicator in [0, 100] after the last bar (0 before it is defined)."""
        return float(self._state["minus_di"][0])

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest and the usual period."""
        return [cls(1), cls(14)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk."""
        return example_bars(rng, n)
