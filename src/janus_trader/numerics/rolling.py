"""Statistics of the last ``window`` values: mean, standard deviation, maximum, minimum.

The state is a ring buffer. Each statistic is computed afresh over the window, oldest value first, so
that it is a function of the values in the window alone: no running sum, no drift, however long the
stream.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.streaming import StreamingKernel


def rolling_dtype(window: int) -> np.dtype:
    """State of a rolling window: ``n`` finite values seen, and the ring buffer of the last ones.

    >>> rolling_dtype(4)["buffer"].shape
    (4,)
    """
    return np.dtype([("n", "i8"), ("buffer", "f8", (checked_period("window", window),))], align=True)


@njit(cache=True)
def rolling_push(s, x, window):
    """Put ``x`` in the ring buffer of a `rolling_dtype` record; a non-finite ``x`` is ignored. O(1)."""
    if math.isfinite(x):
        s.buffer[s.n % window] = x
        s.n += 1


@njit(cache=True)
def rolling_mean(s, window):
    """Mean of the window; NaN until it is full. O(window)."""
    if s.n < window:
        return math.nan
    oldest = s.n % window
    total = 0.0
    for i in range(oldest, window):
        total += s.buffer[i]
    for i in range(oldest):
        total += s.buffer[i]
    return total / window


@njit(cache=True)
def rolling_std(s, window):
    """Standard deviation of the window (ddof = 0), in two passes; NaN until it is full. O(window)."""
    if s.n < window:
        return math.nan
    mean = rolling_mean(s, window)
    oldest = s.n % window
    total = 0.0
    for i in range(oldest, window):
        total += (s.buffer[i] - mean) ** 2
    for i in range(oldest):
        total += (s.buffer[i] - mean) ** 2
    return math.sqrt(total / window)


@njit(cache=True)
def rolling_max(s, window):
    """Largest value of the window; NaN until it is full. O(window)."""
    if s.n < window:
        return math.nan
    best = s.buffer[0]
    for i in range(1, window):
        if s.buffer[i] > best:
            best = s.buffer[i]
    return best


@njit(cache=True)
def rolling_min(s, window):
    """Smallest value of the window; NaN until it is full. O(window)."""
    if s.n < window:
        return math.nan
    best = s.buffer[0]
    for i in range(1, window):
        if s.buffer[i] < best:
            best = s.buffer[i]
    return best


@njit(cache=True)
def _mean_update(states, x, window):
    rolling_push(states[0], x, window)
    return rolling_mean(states[0], window)


@njit(cache=True)
def _mean_scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _mean_update(states, xs[t], window)
    return ys


@njit(cache=True)
def _std_update(states, x, window):
    rolling_push(states[0], x, window)
    return rolling_std(states[0], window)


@njit(cache=True)
def _std_scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _std_update(states, xs[t], window)
    return ys


@njit(cache=True)
def _max_update(states, x, window):
    rolling_push(states[0], x, window)
    return rolling_max(states[0], window)


@njit(cache=True)
def _max_scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _max_update(states, xs[t], window)
    return ys


@njit(cache=True)
def _min_update(states, x, window):
    rolling_push(states[0], x, window)
    return rolling_min(states[0], window)


@njit(cache=True)
def _min_scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _min_update(states, xs[t], window)
    return ys


class _Rolling(StreamingKernel):
    """What the four statistics share: the window and its state."""

    def __init__(self, window: int) -> None:
        window = checked_period("window", window)
        self._init(rolling_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """A window of one value and a usual one."""
        return [cls(1), cls(20)]


class RollingMean(_Rolling):
    """Simple moving average ``y_t = (x_{t-w+1} + ... + x_t) / w``.

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 1.

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
    >>> RollingMean(2).transform(np.array([1.0, 3.0, 7.0])).tolist()
    [nan, 2.0, 5.0]
    """

    _update = staticmethod(_mean_update)
    _scan = staticmethod(_mean_scan)


class RollingStd(_Rolling):
    """Standard deviation ``sqrt(mean((x - mean(x))^2))`` of the last ``w`` values (ddof = 0).

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 1.

    Notes
    -----
    Input and output: one float, output >= 0. Two passes over the window, so no cancellation for a
    small spread on a high level. Warm-up: ``w`` finite inputs, NaN before; a non-finite input repeats
    the last output. O(w).

    Raises
    ------
    ConfigError
        ``window`` is not a positive integer.

    Examples
    --------
    >>> RollingStd(2).transform(np.array([1.0, 3.0, 7.0])).tolist()
    [nan, 1.0, 2.0]
    """

    _update = staticmethod(_std_update)
    _scan = staticmethod(_std_scan)


class RollingMax(_Rolling):
    """Largest of the last ``w`` values (a Donchian channel's upper side).

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 1.

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
    >>> RollingMax(2).transform(np.array([3.0, 1.0, 2.0])).tolist()
    [nan, 3.0, 2.0]
    """

    _update = staticmethod(_max_update)
    _scan = staticmethod(_max_scan)


class RollingMin(_Rolling):
    """Smallest of the last ``w`` values (a Donchian channel's lower side).

    Parameters
    ----------
    window : int
        Number ``w`` of finite values, at least 1.

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
    >>> RollingMin(2).transform(np.array([3.0, 1.0, 2.0])).tolist()
    [nan, 1.0, 1.0]
    """

    _update = staticmethod(_min_update)
    _scan = staticmethod(_min_scan)
