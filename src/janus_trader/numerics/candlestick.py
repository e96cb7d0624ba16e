"""Candlestick patterns, also where only closes are known.

A bar without range (open = high = low = close) is read as the candle from the previous close to this
close. On close-only data a body is then always its whole range, an engulfing candle is a move that
outdoes the opposite move before it, and a pin bar cannot occur.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.atr import example_bars
from janus_trader.numerics.streaming import StreamingKernel

CANDLESTICK_DTYPE = np.dtype(
    [
        ("n", "i8"),
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("out", "f8", (5,)),
    ],
    align=True,
)


@njit(cache=True)
def candle(previous: float, bar) -> tuple[float, float, float]:
    """Open, high and low of the bar's candle; ``previous`` is the close before it (0 when unknown)."""
    if bar.high > bar.low or previous <= 0.0:
        return bar.open, bar.high, bar.low
    return previous, max(previous, bar.close), min(previous, bar.close)


@njit(cache=True)
def body_fraction(opened: float, high: float, low: float, close: float) -> float:
    """Signed body over range, (close - open) / (high - low), in [-1, 1]; 0 without range.

    >>> body_fraction(10.0, 12.0, 8.0, 11.0)
    0.25
    """
    return (close - opened) / (high - low) if high > low else 0.0


@njit(cache=True)
def pin_bar(opened: float, high: float, low: float, close: float, wick_ratio: float) -> float:
    """1 for a rejected low, -1 for a rejected high, else 0.

    The wick on the rejected side is at least ``wick_ratio`` bodies long, longer than the other wick,
    and the close lies in the far half of the range (a hammer, or a shooting star).

    >>> pin_bar(10.0, 10.6, 8.0, 10.5, 2.0), pin_bar(10.5, 12.5, 9.9, 10.0, 2.0)
    (1.0, -1.0)
    """
    body = abs(close - opened)
    lower, upper = min(opened, close) - low, high - max(opened, close)
    middle = 0.5 * (high + low)
    if lower > upper and lower >= wick_ratio * body and close >= middle:
        return 1.0
    if upper > lower and upper >= wick_ratio * body and close <= middle:
        return -1.0
    return 0.0


@njit(cache=True)
def engulfing(before_open: float, before_close: float, opened: float, close: float) -> float:
    """1 when a rising body covers the falling body before it, -1 for the mirror image, else 0.

    >>> engulfing(10.0, 9.0, 8.9, 10.1), engulfing(9.0, 10.0, 10.1, 8.9)
    (1.0, -1.0)
    """
    if before_close < before_open and close > opened:
        covered = opened <= before_close and close >= before_open
        return 1.0 if covered else 0.0
    if before_close > before_open and close < opened:
        covered = opened >= before_close and close <= before_open
        return -1.0 if covered else 0.0
    return 0.0


@njit(cache=True)
def doji(opened: float, high: float, low: float, close: float, body_limit: float) -> float:
    """1 when the body is at most ``body_limit`` of a positive range, else 0.

    >>> doji(10.0, 11.0, 9.0, 10.1, 0.1), doji(10.0, 11.0, 9.0, 10.5, 0.1), doji(10.0, 10.0, 10.0, 10.0, 0.1)
    (1.0, 0.0, 0.0)
    """
    return 1.0 if high > low and abs(close - opened) <= body_limit * (high - low) else 0.0


@njit(cache=True)
def inside_bar(before_high: float, before_low: float, high: float, low: float) -> float:
    """1 when the bar's range lies within the range of the bar before it, else 0.

    >>> inside_bar(12.0, 8.0, 11.0, 9.0), inside_bar(12.0, 8.0, 13.0, 9.0)
    (1.0, 0.0)
    """
    return 1.0 if high <= before_high and low >= before_low else 0.0


@njit(cache=True)
def _patterns(s, bar, wick_ratio, body_limit):
    if not (
        math.isfinite(bar[0]) and math.isfinite(bar[1]) and math.isfinite(bar[2]) and math.isfinite(bar[3])
    ):
        return
    opened, high, low, close = bar[0], bar[1], bar[2], bar[3]
    s.out[0] = body_fraction(opened, high, low, close)
    s.out[1] = doji(opened, high, low, close, body_limit)
    s.out[2] = pin_bar(opened, high, low, close, wick_ratio)
    s.out[3] = engulfing(s.open, s.close, opened, close)
    s.out[4] = inside_bar(s.high, s.low, high, low)
    s.open, s.high, s.low, s.close = opened, high, low, close
    s.n += 1


@njit(cache=True)
def _update(states, bar, wick_ratio, body_limit):
    _patterns(states[0], bar, wick_ratio, body_limit)
    return states[0].out.copy() if states[0].n >= 2 else np.full(5, math.nan)


@njit(cache=True)
def _scan(states, bars, wick_ratio, body_limit):
    ys = np.empty((bars.shape[0], 5))
    for t in range(bars.shape[0]):
        ys[t] = _update(states, bars[t], wick_ratio, body_limit)
    return ys


class CandlestickPatterns(StreamingKernel):
    """Body fraction, doji, pin bar, engulfing candle and inside bar of each bar.

    See `body_fraction`, `doji`, `pin_bar`, `engulfing` and `inside_bar` for the definitions, which compare a
    candle with itself and the one before it only (TA-Lib's compare with averages of ten bars).

    Parameters
    ----------
    wick_ratio : float
        Least wick of a pin bar, in bodies, > 0.
    body_limit : float
        Largest body of a doji, as a share of the range, in [0, 1].

    Notes
    -----
    Input: a row (open, high, low, close). Output: a row (body fraction in [-1, 1], doji 0 or 1, pin bar -1,
    0 or 1, engulfing -1, 0 or 1, inside bar 0 or 1). Warm-up: 2 bars, NaN before; a bar with a non-finite
    field repeats the last output. O(1).

    Raises
    ------
    ConfigError
        A parameter is out of range.

    Examples
    --------
    >>> bars = np.array([[10.0, 10.2, 8.8, 9.0], [8.9, 10.3, 8.7, 10.1]])
    >>> CandlestickPatterns().transform(bars)[-1].round(2).tolist()
    [0.75, 0.0, 0.0, 1.0, 0.0]

    References
    ----------
    Nison, S. (1991). Japanese Candlestick Charting Techniques.
    """

    WIDTH = 4
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, wick_ratio: float = 2.0, body_limit: float = 0.1) -> None:
        if not (math.isfinite(wick_ratio) and wick_ratio > 0.0 and 0.0 <= body_limit <= 1.0):
            raise ConfigError(
                "candlestick limits are not usable",
                got=f"wick_ratio={wick_ratio}, body_limit={body_limit}",
                expected="wick_ratio > 0, 0 <= body_limit <= 1",
                remedy="set wick_ratio=2, body_limit=0.1",
            )
        self._init(CANDLESTICK_DTYPE, (float(wick_ratio), float(body_limit)), warmup=2)

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk, each opening at the close before it."""
        bars = example_bars(rng, n)
        return np.column_stack((np.concatenate(([100.0], bars[:-1, 2])), bars))
