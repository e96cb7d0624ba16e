"""What a trade does to the price: Kyle's lambda and Amihud's illiquidity over a rolling window."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


def kyle_dtype(window: int) -> np.dtype:
    """State of `KyleLambda`: the windows of price changes and of signed flows."""
    return np.dtype(
        [("n", "i8"), ("change", rolling_dtype(window)), ("flow", rolling_dtype(window))], align=True
    )


def amihud_dtype(window: int) -> np.dtype:
    """State of `Amihud`: the window of ratios."""
    return rolling_dtype(window)


@njit(cache=True)
def kyle_step(s, change, flow, window):
    """One (price change, signed flow) into a record of `kyle_dtype`: slope and its error. O(window)."""
    if math.isfinite(change) and math.isfinite(flow):
        rolling_push(s.change, change, window)
        rolling_push(s.flow, flow, window)
        s.n += 1
    if s.n < window:
        return math.nan, math.nan
    mean_y, mean_x = rolling_mean(s.change, window), rolling_mean(s.flow, window)
    sxx, sxy, syy = 0.0, 0.0, 0.0
    oldest = s.n % window
    for k in range(window):
        i = oldest + k
        if i >= window:
            i -= window
        x, y = s.flow.buffer[i] - mean_x, s.change.buffer[i] - mean_y
        sxx += x * x
        sxy += x * y
        syy += y * y
    if not sxx > 0.0:
        return math.nan, math.nan
    slope = sxy / sxx
    residual = max(syy - slope * sxy, 0.0)
    return slope, math.sqrt(residual / (window - 2) / sxx)


@njit(cache=True)
def amihud_step(s, change, value, window):
    """One (return, traded value) into a record of `amihud_dtype`: the mean ratio. O(window)."""
    if math.isfinite(change) and value > 0.0 and math.isfinite(value):
        rolling_push(s, abs(change) / value, window)
    return rolling_mean(s, window)


@njit(cache=True)
def _kyle_update(states, x, window):
    out = np.empty(2)
    out[0], out[1] = kyle_step(states[0], x[0], x[1], window)
    return out


@njit(cache=True)
def _kyle_scan(states, xs, window):
    out = np.empty((xs.shape[0], 2))
    for t in range(xs.shape[0]):
        out[t, 0], out[t, 1] = kyle_step(states[0], xs[t, 0], xs[t, 1], window)
    return out


@njit(cache=True)
def _amihud_update(states, x, window):
    return amihud_step(states[0], x[0], x[1], window)


@njit(cache=True)
def _amihud_scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = amihud_step(states[0], xs[t, 0], xs[t, 1], window)
    return ys


class KyleLambda(StreamingKernel):
    r"""Price impact per unit of signed flow, by least squares over a rolling window.

    .. math:: \Delta p_t = a + \lambda\, q_t + \varepsilon_t, \qquad
              \mathrm{se}(\lambda)^2 = \frac{\sum \hat\varepsilon_t^2}{(w - 2) \sum (q_t - \bar q)^2}

    Parameters
    ----------
    window : int
        Number w of intervals, at least 3.

    Notes
    -----
    Input: a row (price change, signed flow) for each interval, flow positive where buyers took the
    initiative. Output: (:math:`\lambda` in price per unit of flow, its standard error); both NaN where all
    flows of the window are equal. Warm-up: ``w`` rows, NaN before; a row with a non-finite field repeats
    the last output. Two passes over the window, O(w).

    Raises
    ------
    ConfigError
        ``window`` is not an integer >= 3.

    Examples
    --------
    >>> rows = np.array([[2.0, 1.0], [4.0, 2.0], [6.0, 3.0]])
    >>> KyleLambda(3).transform(rows)[-1].tolist()
    [2.0, 0.0]

    References
    ----------
    Kyle, A. S. (1985). Continuous auctions and insider trading. Econometrica 53. Hasbrouck, J. (2009).
    Trading costs and returns for U.S. equities. Journal of Finance 64.
    """

    WIDTH = 2
    _update = staticmethod(_kyle_update)
    _scan = staticmethod(_kyle_scan)

    def __init__(self, window: int = 50) -> None:
        window = checked_period("window", window, 3)
        self._init(kyle_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest window and a usual one."""
        return [cls(3), cls(30)]


class Amihud(StreamingKernel):
    r"""Amihud's illiquidity over a rolling window.

    .. math:: \mathrm{ILLIQ} = \frac1w \sum_{t} \frac{|r_t|}{v_t}

    Parameters
    ----------
    window : int
        Number w of intervals, at least 1.

    Notes
    -----
    Input: a row (return, traded value in money). Output: one float >= 0, return per unit of money (tables
    often show it times 1e6). An interval without trading has no ratio: a row whose value is not positive,
    or with a non-finite field, repeats the last output. Warm-up: ``w`` rows, NaN before. O(w).

    Raises
    ------
    ConfigError
        ``window`` is not a positive integer.

    Examples
    --------
    >>> Amihud(2).transform(np.array([[0.01, 100.0], [-0.03, 100.0]])).round(6).tolist()
    [nan, 0.0002]

    References
    ----------
    Amihud, Y. (2002). Illiquidity and stock returns. Journal of Financial Markets 5.
    """

    WIDTH = 2
    _update = staticmethod(_amihud_update)
    _scan = staticmethod(_amihud_scan)

    def __init__(self, window: int = 20) -> None:
        window = checked_period("window", window)
        self._init(amihud_dtype(window), (window,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """One interval and a usual window."""
        return [cls(1), cls(20)]
