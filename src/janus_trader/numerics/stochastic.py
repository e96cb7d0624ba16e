"""Stochastic oscillator: where the close lies in the range of a window, fast and slow."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.atr import example_bars
from janus_trader.numerics.donchian import donchian_dtype, donchian_step
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.numerics.streaming import StreamingKernel

NEUTRAL_STOCHASTIC = 50.0


def stochastic_dtype(window: int, smooth: int, signal: int) -> np.dtype:
    """State: bars seen, the channel, the last fast %K, the windows of the two averages.

    >>> stochastic_dtype(14, 3, 3).names
    ('n', 'channel', 'fast', 'smooth', 'signal')
    """
    return np.dtype(
        [
            ("n", "i8"),
            ("channel", donchian_dtype(window)),
            ("fast", "f8"),
            ("smooth", rolling_dtype(smooth)),
            ("signal", rolling_dtype(signal)),
        ],
        align=True,
    )


@njit(cache=True)
def stochastic_step(s, high, low, close, window, smooth, signal):
    """One step on a `stochastic_dtype` record: ``(fast %K, slow %K, slow %D)``, each NaN in its warm-up.

    A bar with a non-finite field is ignored and the last output comes back. O(window).

    Examples
    --------
    >>> state = np.zeros(1, stochastic_dtype(1, 1, 1))
    >>> stochastic_step(state[0], 5.0, 1.0, 4.0, 1, 1, 1)
    (75.0, 75.0, 75.0)
    """
    if math.isfinite(high) and math.isfinite(low) and math.isfinite(close):
        _, highest, lowest = donchian_step(s.channel, high, low, window)
        s.n += 1
        if s.n >= window:
            spread = highest - lowest
            s.fast = 100.0 * (close - lowest) / spread if spread > 0.0 else NEUTRAL_STOCHASTIC
            rolling_push(s.smooth, s.fast, smooth)
            rolling_push(s.signal, rolling_mean(s.smooth, smooth), signal)
    fast = s.fast if s.n >= window else math.nan
    return fast, rolling_mean(s.smooth, smooth), rolling_mean(s.signal, signal)


@njit(cache=True)
def _fill(s, bars, t, window, smooth, signal, ys, row):
    fast, slow, average = stochastic_step(s, bars[t, 0], bars[t, 1], bars[t, 2], window, smooth, signal)
    ready = s.signal.n >= signal
    ys[row, 0] = fast if ready else math.nan
    ys[row, 1] = slow if ready else math.nan
    ys[row, 2] = average


@njit(cache=True)
def _update(states, bar, window, smooth, signal):
    y = np.empty((1, 3))
    _fill(states[0], bar.reshape((1, 3)), 0, window, smooth, signal, y, 0)
    return y[0]


@njit(cache=True)
def _scan(states, bars, window, smooth, signal):
    ys = np.empty((bars.shape[0], 3))
    for t in range(bars.shape[0]):
        _fill(states[0], bars, t, window, smooth, signal, ys, t)
    return ys


class Stochastic(StreamingKernel):
    """Stochastic oscillator, fast and slow.

    ``fast %K = 100 (c - L) / (H - L)`` with the highest high ``H`` and the lowest low ``L`` of the last
    ``window`` bars, the newest included; ``slow %K`` is its mean over ``smooth`` bars (which is also the
    fast %D), ``slow %D`` the mean of slow %K over ``signal`` bars.

    Parameters
    ----------
    window, smooth, signal : int
        At least 1; usually 14, 3, 3.

    Notes
    -----
    Input: a row (high, low, close). Output: a row (fast %K, slow %K, slow %D) in [0, 100] where the close
    lies between low and high; 50 where the window has no range (TA-Lib gives 0 there, which reads as the
    weakest close). Warm-up: ``window + smooth + signal - 2`` bars, NaN before; a bar with a non-finite
    field repeats the last output. O(window).

    Raises
    ------
    ConfigError
        A parameter is not a positive integer.

    Examples
    --------
    >>> bars = np.array([[5.0, 1.0, 2.0], [6.0, 3.0, 6.0], [6.0, 4.0, 4.0]])
    >>> Stochastic(2, 1, 2).transform(bars).tolist()[-1]
    [33.333333333333336, 33.333333333333336, 66.66666666666667]

    References
    ----------
    Lane, G. C. (1984). Lane's Stochastics. Technical Analysis of Stocks & Commodities 2.
    """

    WIDTH = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 14, smooth: int = 3, signal: int = 3) -> None:
        window, smooth = checked_period("window", window), checked_period("smooth", smooth)
        signal = checked_period("signal", signal)
        dtype = stochastic_dtype(window, smooth, signal)
        self._init(dtype, (window, smooth, signal), warmup=window + smooth + signal - 2)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest and the usual periods."""
        return [cls(1, 1, 1), cls()]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk."""
        return example_bars(rng, n)
