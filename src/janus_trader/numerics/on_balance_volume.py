"""On-balance volume."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.numerics.streaming import StreamingKernel

ON_BALANCE_VOLUME_DTYPE = np.dtype([("n", "i8"), ("previous", "f8"), ("value", "f8")], align=True)


@njit(cache=True)
def on_balance_volume_step(s, close, volume):
    """One step on a record of `ON_BALANCE_VOLUME_DTYPE`; 0 after the first bar, NaN before it.

    A bar with a non-finite field or a negative volume is ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, ON_BALANCE_VOLUME_DTYPE)
    >>> [on_balance_volume_step(state[0], x, 5.0) for x in (1.0, 2.0, 2.0, 1.0)]
    [0.0, 5.0, 5.0, 0.0]
    """
    if math.isfinite(close) and math.isfinite(volume) and volume >= 0.0:
        if s.n > 0:
            if close > s.previous:
                s.value += volume
            elif close < s.previous:
                s.value -= volume
        s.previous = close
        s.n += 1
    if s.n == 0:
        return math.nan
    return s.value


@njit(cache=True)
def _update(states, row):
    return on_balance_volume_step(states[0], row[0], row[1])


@njit(cache=True)
def _scan(states, rows):
    ys = np.empty(rows.shape[0])
    for t in range(rows.shape[0]):
        ys[t] = on_balance_volume_step(states[0], rows[t, 0], rows[t, 1])
    return ys


class OnBalanceVolume(StreamingKernel):
    """On-balance volume: the volume of rising closes less that of falling ones.

    ``y_0 = 0``, ``y_t = y_{t-1} + sign(c_t - c_{t-1}) v_t``.

    Notes
    -----
    Input: a row (close, volume), volume >= 0. Output: one float, units of volume; only its changes mean
    something (TA-Lib starts with the first volume instead of 0). Warm-up: one finite row. A row with a
    non-finite field or a negative volume repeats the last output. O(1). Exact for whole volumes below 2^53.

    Examples
    --------
    >>> OnBalanceVolume().transform(np.array([[1.0, 9.0], [2.0, 5.0], [1.5, 3.0]])).tolist()
    [0.0, 5.0, 2.0]

    References
    ----------
    Granville, J. E. (1963). Granville's New Key to Stock Market Profits.
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self) -> None:
        self._init(ON_BALANCE_VOLUME_DTYPE, (), warmup=1)

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Closes of a random walk and volumes."""
        close = 100.0 + np.cumsum(rng.standard_normal(n)) * 0.5
        return np.column_stack((close, rng.exponential(50.0, n)))
