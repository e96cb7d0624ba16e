"""Statistics of the last ``window`` values: mean, standard deviation, maximum, minimum.

The values are cut into blocks of ``window``. The window is then the tail of the last whole block and the
head of the current one: sums over every tail are taken once, when a block ends, sums over the head grow
with each value. Nothing is ever subtracted, so a value that has left the window leaves no trace and no
error builds up, however long the stream; a step is O(1) on average and O(window) where a block ends.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.streaming import StreamingKernel

#: Below this share of the shifted squares a sum of squares has lost digits and is taken in two passes.
CANCELLED = 1e-3


def rolling_dtype(window: int) -> np.dtype:
    """State of a rolling window.

    ``n`` finite values seen; ``filled`` of them in the current block; ``total``, ``offset`` and
    ``squares`` its sums of ``x``, ``x - shift`` and ``(x - shift)^2``; ``buffer`` the ring buffer of the
    last values; ``after_*[k]`` the same sums over the last block from its place ``k`` on.

    >>> rolling_dtype(4)["buffer"].shape
    (4,)
    """
    window = checked_period("window", window)
    sums = [(name, "f8") for name in ("shift", "total", "offset", "squares")]
    tails = [(f"after_{name}", "f8", (window + 1,)) for name in ("total", "offset", "squares")]
    return np.dtype([("n", "i8"), ("filled", "i8"), *sums, ("buffer", "f8", (window,)), *tails], align=True)


@njit(cache=True)
def end_block(s, shift, window):
    """Sums over every tail of the block in ``s.buffer``, about ``shift``. O(window)."""
    total = 0.0
    offset = 0.0
    squares = 0.0
    for i in range(window - 1, -1, -1):
        x = s.buffer[i]
        distance = x - shift
        total += x
        offset += distance
        squares += distance * distance
        s.after_total[i] = total
        s.after_offset[i] = offset
        s.after_squares[i] = squares


@njit(cache=True)
def rolling_push(s, x, window):
    """Put ``x`` in the window of a `rolling_dtype` record; a non-finite ``x`` is ignored.

    O(1) on average, O(window) at most.
    """
    if not math.isfinite(x):
        return
    if s.filled == window:
        s.shift = s.total / window
        end_block(s, s.shift, window)
        s.filled = 0
        s.total = 0.0
        s.offset = 0.0
        s.squares = 0.0
    elif s.n == 0:
        s.shift = x
    distance = x - s.shift
    s.buffer[s.filled] = x
    s.total += x
    s.offset += distance
    s.squares += distance * distance
    s.filled += 1
    s.n += 1


@njit(cache=True)
def _squared_deviations(s, window):
    """Sum of squared deviations from the mean, in two passes over the ring buffer. O(window)."""
    mean = 0.0
    for i in range(window):
        mean += s.buffer[i]
    mean /= window
    total = 0.0
    for i in range(window):
        total += (s.buffer[i] - mean) ** 2
    return total


@njit(cache=True)
def spread_of_sums(s, offset, squares, window):
    """Standard deviation of a full window from its sums about the shift. O(1), rarely O(window).

    Where the level has moved so far from the shift that the difference would lose digits, the window is
    read again.
    """
    deviations = squares - offset * offset * (1.0 / window)
    if not deviations >= CANCELLED * squares:
        deviations = _squared_deviations(s, window)
    return math.sqrt(deviations * (1.0 / window))


@njit(cache=True)
def rolling_mean(s, window):
    """Mean of the window; NaN until it is full. O(1)."""
    if s.n < window:
        return math.nan
    return (s.after_total[s.filled] + s.total) / window


@njit(cache=True)
def rolling_std(s, window):
    """Standard deviation of the window (ddof = 0); NaN until it is full. O(1), rarely O(window)."""
    if s.n < window:
        return math.nan
    offset = s.after_offset[s.filled] + s.offset
    return spread_of_sums(s, offset, s.after_squares[s.filled] + s.squares, window)


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
    the last output. O(1) on average, O(w) once in ``w`` steps.

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
    Input and output: one float, output >= 0. Sums about a value near the window, and two passes where
    that loses digits, so no cancellation for a small spread on a high level. Warm-up: ``w`` finite
    inputs, NaN before; a non-finite input repeats the last output. O(1) on average, O(w) once in ``w``
    steps.

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
    """Largest of the last ``w`` values.

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
    """Smallest of the last ``w`` values.

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
