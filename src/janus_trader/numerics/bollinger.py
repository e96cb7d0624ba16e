"""Bollinger bands: a moving average and its standard deviations."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push, rolling_std
from janus_trader.numerics.streaming import StreamingKernel


def bollinger_dtype(window: int) -> np.dtype:
    """State of the bands: the rolling window itself.

    >>> bollinger_dtype(20) == rolling_dtype(20)
    True
    """
    return rolling_dtype(window)


def checked_width(width: float) -> float:
    """The width of a band, as a float.

    Raises
    ------
    ConfigError
        ``width`` is not a finite number > 0.

    Examples
    --------
    >>> checked_width(2)
    2.0
    """
    if not (math.isfinite(width) and width > 0.0):
        raise ConfigError("width is not usable", got=width, expected="a number > 0", remedy="set width=2")
    return float(width)


@njit(cache=True)
def bollinger_step(s, x, window, width):
    """One step on a `bollinger_dtype` record: ``(middle, upper, lower)``, NaN until the window is full.

    A non-finite ``x`` is ignored and the last output comes back. O(1) on average.

    Examples
    --------
    >>> state = np.zeros(1, bollinger_dtype(2))
    >>> bollinger_step(state[0], 1.0, 2, 2.0), bollinger_step(state[0], 3.0, 2, 2.0)
    ((nan, nan, nan), (2.0, 4.0, 0.0))
    """
    rolling_push(s, x, window)
    middle = rolling_mean(s, window)
    offset = width * rolling_std(s, window)
    return middle, middle + offset, middle - offset


@njit(cache=True)
def _update(states, x, window, width):
    y = np.empty(3)
    y[0], y[1], y[2] = bollinger_step(states[0], x, window, width)
    return y


@njit(cache=True)
def _scan(states, xs, window, width):
    ys = np.empty((xs.shape[0], 3))
    for t in range(xs.shape[0]):
        ys[t, 0], ys[t, 1], ys[t, 2] = bollinger_step(states[0], xs[t], window, width)
    return ys


class Bollinger(StreamingKernel):
    """Bollinger bands ``m``, ``m + k sigma``, ``m - k sigma`` over the last ``w`` values.

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 2.
    width : float
        Number ``k`` of standard deviations (ddof = 0), greater than 0.

    Notes
    -----
    Input: one price. Output: a row (middle, upper, lower). Warm-up: ``w`` finite inputs, NaN before;
    a non-finite input repeats the last output. O(1) on average, O(w) once in ``w`` steps.

    Raises
    ------
    ConfigError
        ``window`` or ``width`` is out of range.

    Examples
    --------
    >>> Bollinger(2, 2.0).transform(np.array([1.0, 3.0, 3.0])).tolist()
    [[nan, nan, nan], [2.0, 4.0, 0.0], [3.0, 3.0, 3.0]]

    References
    ----------
    Bollinger, J. (2001). Bollinger on Bollinger Bands.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 20, width: float = 2.0) -> None:
        window = checked_period("window", window, at_least=2)
        self._init(bollinger_dtype(window), (window, checked_width(width)), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual bands."""
        return [cls(20, 2.0)]
