"""Exponential moving average, seeded with the first value."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.streaming import StreamingKernel

EMA_DTYPE = np.dtype([("n", "i8"), ("value", "f8")], align=True)


def checked_period(name: str, value: int | np.integer, at_least: int = 1) -> int:
    """The window or period given to a kernel, as an int.

    Raises
    ------
    ConfigError
        ``value`` is not an integer of at least ``at_least``.

    Examples
    --------
    >>> checked_period("window", 20)
    20
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ConfigError(
            f"{name} is not usable",
            got=repr(value),
            expected=f"an integer >= {at_least}",
            remedy=f"set {name} to {max(at_least, 20)}, say",
        )
    return int(value)


def span_alpha(period: int) -> float:
    """Smoothing weight of an exponential average that is named by a period: ``2 / (period + 1)``.

    >>> span_alpha(3)
    0.5
    """
    return 2.0 / (checked_period("period", period) + 1.0)


@njit(cache=True)
def ema_next(value, x, alpha):
    """Next value ``y + alpha (x - y)`` of an exponential average; Wilder's has ``alpha = 1 / period``.

    This form keeps a constant exactly. O(1).

    >>> ema_next(4.0, 6.0, 0.5)
    5.0
    """
    return value + alpha * (x - value)


@njit(cache=True)
def ema_step(s, x, alpha):
    """One step ``y = y + alpha (x - y)`` on a record of `EMA_DTYPE`; the first value seeds.

    Returns a value from the first finite input on (`EMA` adds the warm-up). A non-finite ``x`` is
    ignored: the last value comes back, NaN when there is none. O(1).

    Examples
    --------
    >>> state = np.zeros(1, EMA_DTYPE)
    >>> ema_step(state[0], 4.0, 0.5), ema_step(state[0], 6.0, 0.5)
    (4.0, 5.0)
    """
    if math.isfinite(x):
        if s.n == 0:
            s.value = x
        else:
            s.value = ema_next(s.value, x, alpha)
        s.n += 1
    if s.n == 0:
        return math.nan
    return s.value


@njit(cache=True)
def _update(states, x, alpha, warmup):
    y = ema_step(states[0], x, alpha)
    if states[0].n < warmup:
        return math.nan
    return y


@njit(cache=True)
def _scan(states, xs, alpha, warmup):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], alpha, warmup)
    return ys


class EMA(StreamingKernel):
    """Exponential moving average.

    ``y_0 = x_0``, ``y_t = y_{t-1} + a (x_t - y_{t-1})`` with ``a = 2 / (period + 1)``.

    Parameters
    ----------
    period : int
        At least 1; 1 repeats the input.

    Notes
    -----
    Input: one float. Output: one float in the range of the inputs. Warm-up: ``period`` finite inputs,
    NaN before; a non-finite input repeats the last output. O(1). Libraries that seed with the mean of
    the first ``period`` values differ by a term that decays as ``(1 - a)^t``.

    Raises
    ------
    ConfigError
        ``period`` is not a positive integer.

    Examples
    --------
    >>> ema = EMA(3)
    >>> [ema.update(x) for x in (2.0, 4.0, 6.0, 8.0)]
    [nan, nan, 4.5, 6.25]

    References
    ----------
    Roberts, S. W. (1959). Control chart tests based on geometric moving averages. The recursion is
    that of ``pandas`` with ``ewm(span=period, adjust=False)``.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, period: int) -> None:
        period = checked_period("period", period)
        self._init(EMA_DTYPE, (span_alpha(period), period), warmup=period)

    @classmethod
    def examples(cls) -> list[Self]:
        """A short and a longer average."""
        return [cls(1), cls(9)]
