"""Candlesticks, also where only closes are known.

A bar without range (open = high = low = close) is read as the candle from the previous close to this
close. On close-only data a body is then always its whole range, an engulfing candle is a move that
outdoes the opposite move before it, and a pin bar cannot occur.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def candle(previous: float, bar) -> tuple[float, float, float]:
    """Open, high and low of the bar's candle; ``previous`` is the close before it (0 when unknown)."""
    if bar.high > bar.low or previous <= 0.0:
        return bar.open, bar.high, bar.low
    return previous, max(previous, bar.close), min(previous, bar.close)


@njit(cache=True)
def body_fraction(opened: float, high: float, low: float, close: float) -> float:
    """Signed body over range, (close - open) / (high - low), in [-1, 1]; 0 without range."""
    return (close - opened) / (high - low) if high > low else 0.0


@njit(cache=True)
def pin_bar(opened: float, high: float, low: float, close: float, wick_ratio: float) -> float:
    """1 for a rejected low, -1 for a rejected high, else 0.

    The wick on the rejected side is at least ``wick_ratio`` bodies long, longer than the other wick,
    and the close lies in the far half of the range.
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
    """1 when a rising body covers the falling body before it, -1 for the mirror image, else 0."""
    if before_close < before_open and close > opened:
        covered = opened <= before_close and close >= before_open
        return 1.0 if covered else 0.0
    if before_close > before_open and close < opened:
        covered = opened >= before_close and close <= before_open
        return -1.0 if covered else 0.0
    return 0.0
