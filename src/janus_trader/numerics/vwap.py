"""Volume-weighted average price of a session, and the spread of prices around it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.numerics.bollinger import checked_width
from janus_trader.numerics.streaming import StreamingKernel

VWAP_DTYPE = np.dtype(
    [("n", "i8"), ("session", "f8"), ("volume", "f8"), ("mean", "f8"), ("squares", "f8")], align=True
)


@njit(cache=True)
def vwap_step(s, session, price, volume):
    """One step on a record of `VWAP_DTYPE`: ``(vwap, std)``; a new ``session`` number starts afresh.

    NaN while the session has no volume. An input with a non-finite field or a negative volume is
    ignored and the last output comes back. O(1).

    Examples
    --------
    >>> state = np.zeros(1, VWAP_DTYPE)
    >>> vwap_step(state[0], 1, 10.0, 1.0), vwap_step(state[0], 1, 14.0, 1.0), vwap_step(state[0], 2, 5.0, 3.0)
    ((10.0, 0.0), (12.0, 2.0), (5.0, 0.0))
    """
    if math.isfinite(session) and math.isfinite(price) and math.isfinite(volume) and volume >= 0.0:
        if s.n == 0 or session != s.session:
            s.session = session
            s.volume = 0.0
            s.mean = 0.0
            s.squares = 0.0
        if volume > 0.0:
            s.volume += volume
            offset = price - s.mean
            s.mean += offset * (volume / s.volume)
            s.squares += volume * offset * (price - s.mean)
        s.n += 1
    if s.volume <= 0.0:
        return math.nan, math.nan
    return s.mean, math.sqrt(max(s.squares / s.volume, 0.0))


@njit(cache=True)
def _update(states, row):
    y = np.empty(2)
    y[0], y[1] = vwap_step(states[0], row[0], row[1], row[2])
    return y


@njit(cache=True)
def _scan(states, rows):
    ys = np.empty((rows.shape[0], 2))
    for t in range(rows.shape[0]):
        ys[t, 0], ys[t, 1] = vwap_step(states[0], rows[t, 0], rows[t, 1], rows[t, 2])
    return ys


@njit(cache=True)
def _bands_update(states, row, width):
    centre, spread = vwap_step(states[0], row[0], row[1], row[2])
    y = np.empty(3)
    y[0] = centre
    y[1] = centre + width * spread
    y[2] = centre - width * spread
    return y


@njit(cache=True)
def _bands_scan(states, rows, width):
    ys = np.empty((rows.shape[0], 3))
    for t in range(rows.shape[0]):
        ys[t] = _bands_update(states, rows[t], width)
    return ys


class _Session(StreamingKernel):
    """What the price and its bands share: the input row."""

    WIDTH = 3

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """A random walk in sessions of 40 rows; some rows have no volume."""
        price = 100.0 + np.cumsum(rng.standard_normal(n)) * 0.5
        volume = np.where(rng.random(n) < 0.2, 0.0, rng.exponential(50.0, n))
        return np.column_stack((np.arange(n) // 40, price, volume))


class VWAP(_Session):
    """Volume-weighted average price since the start of the session, with its standard deviation.

    ``vwap = sum(v p) / sum(v)``, ``std = sqrt(sum(v (p - vwap)^2) / sum(v))``, both by the weighted
    form of Welford's recursion, so that a small spread on a high price loses no digits.

    Notes
    -----
    Input: a row (session, price, volume): any number that changes with the session (a day count,
    say), the price, the volume >= 0. Output: a row (vwap, std), price units; NaN while the session
    has no volume. Warm-up: one finite row. A row with a non-finite field or a negative volume repeats
    the last output. O(1).

    Examples
    --------
    >>> VWAP().transform(np.array([[1.0, 10.0, 1.0], [1.0, 14.0, 3.0], [2.0, 5.0, 2.0]])).round(3).tolist()
    [[10.0, 0.0], [13.0, 1.732], [5.0, 0.0]]

    References
    ----------
    West, D. H. D. (1979). Updating mean and variance estimates: an improved method.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self) -> None:
        self._init(VWAP_DTYPE, (), warmup=1)


class VWAPBands(_Session):
    """Bands ``vwap``, ``vwap + k std``, ``vwap - k std`` of the session.

    Parameters
    ----------
    width : float
        Number ``k`` of volume-weighted standard deviations, greater than 0.

    Notes
    -----
    Input, session, warm-up and NaN as in `VWAP`. Output: a row (vwap, upper, lower), price units. O(1).

    Raises
    ------
    ConfigError
        ``width`` is not a finite number > 0.

    Examples
    --------
    >>> VWAPBands(2.0).transform(np.array([[1.0, 10.0, 1.0], [1.0, 14.0, 1.0]])).tolist()
    [[10.0, 10.0, 10.0], [12.0, 16.0, 8.0]]
    """

    _update = staticmethod(_bands_update)
    _scan = staticmethod(_bands_scan)

    def __init__(self, width: float = 2.0) -> None:
        self._init(VWAP_DTYPE, (checked_width(width),), warmup=1)
