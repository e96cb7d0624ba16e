"""The spread that is paid, and what of it the market keeps: effective and realised spread, Roll's estimate."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


class Spreads(NamedTuple):
    """Spreads of trades as fractions of the mid price at the trade, each (T,).

    ``effective = realised + impact``, exactly up to rounding.
    """

    effective: np.ndarray
    realised: np.ndarray
    impact: np.ndarray


def value_as_of(times: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The last value known at given times, (m,); NaN before the first and after the last time.

    ``times`` (n,) ascending (of equal times the last value counts), ``values`` (n,), ``at`` (m,) in the
    same unit. After the last time nothing says that the value still holds. O(m log n).

    Raises
    ------
    DataError
        The shapes do not match or the times are not ascending.

    Examples
    --------
    >>> value_as_of(np.array([0, 10]), np.array([1.0, 2.0]), np.array([-1, 9, 10, 11])).tolist()
    [nan, 1.0, 2.0, nan]
    """
    times, values, at = np.asarray(times), np.asarray(values, dtype=np.float64), np.asarray(at)
    if times.ndim != 1 or times.shape != values.shape:
        raise DataError("times and values do not match", got=(times.shape, values.shape))
    if times.size == 0:
        return np.full(at.shape, np.nan)
    if not (times[1:] >= times[:-1]).all():
        raise DataError("times are not ascending", expected="sorted times without NaN", remedy="sort them")
    place = np.searchsorted(times, at, side="right") - 1
    known = (place >= 0) & (at <= times[-1])
    return np.where(known, values[np.maximum(place, 0)], np.nan)


def spread_decomposition(
    price: np.ndarray, side: np.ndarray, mid: np.ndarray, mid_later: np.ndarray
) -> Spreads:
    r"""Effective spread of trades, divided into what the supplier keeps and the impact on the price.

    .. math:: s_e = 2 d \frac{p - m}{m}, \qquad s_r = 2 d \frac{p - m_{+}}{m}, \qquad
              s_e - s_r = 2 d \frac{m_{+} - m}{m}

    Parameters
    ----------
    price : array (T,)
        Prices of the trades.
    side : array (T,)
        d: 1 where the buyer took the initiative, -1 where the seller did, 0 where it is not known.
    mid, mid_later : array (T,)
        Mid price just before the trade and at the horizon after it (`value_as_of` finds both), > 0.

    Returns
    -------
    Spreads
        Fractions; NaN where an input is NaN, 0 where the side is. O(T).

    Raises
    ------
    DataError
        The shapes differ, a side is none of -1, 0, 1, or a mid price is not positive.

    Examples
    --------
    >>> s = spread_decomposition(np.array([101.0]), np.array([1]), np.array([100.0]), np.array([100.5]))
    >>> [round(float(x[0]), 4) for x in s]
    [0.02, 0.01, 0.01]

    References
    ----------
    Huang & Stoll (1996). Dealer versus auction markets. Journal of Financial Economics 41.
    """
    p, d, m, later = (np.asarray(a, dtype=np.float64) for a in (price, side, mid, mid_later))
    if p.ndim != 1 or not p.shape == d.shape == m.shape == later.shape:
        raise DataError("the columns differ in shape", got=(p.shape, d.shape, m.shape, later.shape))
    if not np.isin(d, (-1.0, 0.0, 1.0)).all():
        raise DataError("a side is not usable", expected="-1, 0 or 1")
    if (m <= 0.0).any() or (later <= 0.0).any():
        raise DataError("a mid price is not positive", expected="mid > 0, or NaN where it is not known")
    scale = 2.0 * d / m
    return Spreads(scale * (p - m), scale * (p - later), scale * (later - m))


def roll_dtype(window: int) -> np.dtype:
    """State of `RollSpread`: the last price and the window of its changes."""
    return np.dtype([("n", "i8"), ("price", "f8"), ("changes", rolling_dtype(window))], align=True)


@njit(cache=True)
def roll_step(s, price, window):
    """One price into a record of `roll_dtype`: the estimated spread. O(window)."""
    if math.isfinite(price):
        if s.n > 0:
            rolling_push(s.changes, price - s.price, window)
        s.price = price
        s.n += 1
    changes = s.changes
    if changes.n < window:
        return math.nan
    mean = rolling_mean(changes, window)
    total = 0.0
    i = changes.n % window
    for _ in range(window - 1):
        j = i + 1 if i + 1 < window else 0
        total += (changes.buffer[i] - mean) * (changes.buffer[j] - mean)
        i = j
    return 2.0 * math.sqrt(max(-total / (window - 1), 0.0))


@njit(cache=True)
def _roll_update(states, price, window):
    return roll_step(states[0], price, window)


@njit(cache=True)
def _roll_scan(states, prices, window):
    ys = np.empty(prices.shape[0])
    for t in range(prices.shape[0]):
        ys[t] = roll_step(states[0], prices[t], window)
    return ys


class RollSpread(StreamingKernel):
    r"""Roll's estimate of the spread from prices alone, over a rolling window.

    .. math:: s = 2 \sqrt{\max(-\mathrm{cov}(\Delta p_t, \Delta p_{t-1}), 0)}

    Parameters
    ----------
    window : int
        Number of price changes, at least 2.

    Notes
    -----
    Input: price of a trade. Output: one float >= 0, in units of price. The bounce between bid and ask
    makes neighbouring changes move against each other; where they do not (a trending window) the estimate
    is 0, which means "cannot be told". Deviations are from the mean of the whole window. Warm-up:
    ``window + 1`` prices, NaN before; a non-finite price repeats the last output. O(window).

    Raises
    ------
    ConfigError
        ``window`` is not an integer >= 2.

    Examples
    --------
    >>> RollSpread(4).transform(np.array([10.0, 11.0, 10.0, 11.0, 10.0])).tolist()[-1]
    2.0

    References
    ----------
    Roll, R. (1984). A simple implicit measure of the effective bid-ask spread. Journal of Finance 39.
    """

    _update = staticmethod(_roll_update)
    _scan = staticmethod(_roll_scan)

    def __init__(self, window: int = 60) -> None:
        window = checked_period("window", window, 2)
        self._init(roll_dtype(window), (window,), warmup=window + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest window and a usual one."""
        return [cls(2), cls(30)]
