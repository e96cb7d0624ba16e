"""Trend pullback: Fibonacci retracements within a trend, confirmed by RSI and a candle.

Side ``d`` = sign(EMA_50 - EMA_200). Over the 20 bars before, let ``H`` be the highest high and ``L`` the
lowest low; in an uptrend the low must have come first. Entry in direction ``d`` when the candle
touches one of the levels ``H - f (H - L)`` (mirrored in a downtrend), ``f`` in {0.382, 0.5, 0.618}, within
0.02 of the swing ``H - L``, and

* momentum agrees: within the last bars RSI_14 was stretched against the trend (at most 30 + 10 in an
  uptrend, at least 70 - 10 in a downtrend), or it diverges: RSI is milder than it was at the extreme
  of the swing's start while the price has come back towards it; and
* the candle turns: a pin bar (wick of at least 2 bodies) or an engulfing candle in direction ``d``.

Conviction is the mean of ``s / (1 + s)`` with ``s = |EMA_50 - EMA_200| / ATR_14`` and
``1 - |2 r - 1|`` with the retraced share ``r`` of the swing at the close. Exit at a stop of 1 ATR, a
target of 2 ATR, or when the averages cross.

Data: closes are enough. On close-only data highs and lows are closes, pin bars do not occur and an
engulfing candle is a close that outdoes the opposite move of the bar before.
Source: specification, section 7.1; parameters of the first implementation. That the tolerance is a
share of the swing, and how long a stretched RSI is remembered, are our choices.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.market import Field
from janus_trader.foundation.config import Config
from janus_trader.numerics.atr import ATR_DTYPE, atr_step
from janus_trader.numerics.candlestick import candle, engulfing, pin_bar
from janus_trader.numerics.ema import EMA_DTYPE, ema_step, span_alpha
from janus_trader.numerics.rsi import RSI_DTYPE, rsi_step
from janus_trader.strategies.definition import (
    WEEK_SECONDS,
    CompiledStrategy,
    Family,
    params_record,
    require_increasing,
)
from janus_trader.strategies.trade import (
    EXIT_RULE,
    enter,
    known,
    leave,
    leave_if_touched,
    sign,
    surplus,
    trade_dtype,
)

NAME = "trend_pullback"
FAMILY = Family.TREND
FIELDS = frozenset({Field.CLOSE})
HORIZON = (60.0, WEEK_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (1.0, 0.8, 0.3, 0.2, 0.9, 0.5, 0.6)


class TrendPullbackConfig(Config, frozen=True):
    """Parameters of the trend pullback."""

    fast: Annotated[int, Meta(ge=2, le=500, description="period of the fast average, bars")] = 50
    slow: Annotated[int, Meta(ge=3, le=1000, description="period of the slow average, bars")] = 200
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    rsi_period: Annotated[int, Meta(ge=2, le=200, description="period of the RSI, bars")] = 14
    rsi_low: Annotated[float, Meta(ge=0, le=50, description="oversold level")] = 30.0
    rsi_high: Annotated[float, Meta(ge=50, le=100, description="overbought level")] = 70.0
    rsi_buffer: Annotated[float, Meta(ge=0, le=30, description="widening of both levels")] = 10.0
    rsi_memory: Annotated[int, Meta(ge=0, le=100, description="bars a stretched RSI is remembered")] = 5
    swing: Annotated[int, Meta(ge=5, le=500, description="bars of the swing")] = 20
    fib_shallow: Annotated[float, Meta(gt=0, lt=1, description="shallow retracement")] = 0.382
    fib_middle: Annotated[float, Meta(gt=0, lt=1, description="middle retracement")] = 0.5
    fib_deep: Annotated[float, Meta(gt=0, lt=1, description="deep retracement")] = 0.618
    tolerance: Annotated[
        float, Meta(ge=0, le=0.2, description="distance that counts as a touch, of the swing")
    ] = 0.02
    pin_wick: Annotated[float, Meta(ge=0.5, le=20, description="least wick of a pin bar, bodies")] = 2.0
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 1.0
    target_atr: Annotated[float, Meta(gt=0, le=50, description="target distance, ATR")] = 2.0
    warmup: Annotated[int, Meta(ge=1, le=5000, description="bars before the first entry")] = 50

    def __post_init__(self) -> None:
        require_increasing(self, "fast", "slow")
        require_increasing(self, "fib_shallow", "fib_middle", "fib_deep")


def state_dtype(config: TrendPullbackConfig) -> np.dtype:
    """State of one instrument; the rings hold highs, lows and RSI of the swing's bars."""
    ring = (config.swing,)
    return trade_dtype(
        [
            ("fast", EMA_DTYPE),
            ("slow", EMA_DTYPE),
            ("atr", ATR_DTYPE),
            ("rsi", RSI_DTYPE),
            ("highs", "f8", ring),
            ("lows", "f8", ring),
            ("strengths", "f8", ring),
            ("stretched_low", "i8"),
            ("stretched_high", "i8"),
            ("before_open", "f8"),
        ]
    )


@njit(cache=True)
def _swing(state, window):
    """Highest high and lowest low of the ring, how many bars ago each was, and the RSI there."""
    high, low, high_age, low_age = -math.inf, math.inf, 0, 0
    high_rsi, low_rsi = math.nan, math.nan
    for age in range(window):
        k = (state.n - 1 - age) % window
        if state.highs[k] > high:
            high, high_age, high_rsi = state.highs[k], age, state.strengths[k]
        if state.lows[k] < low:
            low, low_age, low_rsi = state.lows[k], age, state.strengths[k]
    return high, low, high_age, low_age, high_rsi, low_rsi


@njit(cache=True)
def _at_level(params, start, extent, near, far) -> bool:
    """Whether the candle, in retraced shares from ``near`` to ``far``, touches a Fibonacci level."""
    shallow = (start - near) / extent - params.tolerance
    deep = (start - far) / extent + params.tolerance
    return (
        shallow <= params.fib_shallow <= deep
        or shallow <= params.fib_middle <= deep
        or shallow <= params.fib_deep <= deep
    )


@njit(cache=True)
def _entry(params, state, bar, fast, slow, atr, rsi) -> float:
    """Enter when trend, retracement, RSI and candle agree. Reads the rings before this bar is in."""
    side = sign(fast - slow)
    opened, top, bottom = candle(state.previous, bar)
    turned = side == pin_bar(opened, top, bottom, bar.close, params.pin_wick) or side == engulfing(
        state.before_open, state.previous, opened, bar.close
    )
    if side == 0.0 or not turned:
        return 0.0
    high, low, high_age, low_age, high_rsi, low_rsi = _swing(state, params.swing)
    extent = high - low
    if not extent > 0.0 or side * (low_age - high_age) <= 0.0:
        return 0.0
    if side > 0.0:
        touched = _at_level(params, high, extent, top, bottom)
        stretched = state.n - state.stretched_low <= params.rsi_memory
        diverging = bottom <= low + params.fib_shallow * extent and rsi > low_rsi
        retraced = (high - bar.close) / extent
    else:
        touched = _at_level(params, -low, extent, -bottom, -top)
        stretched = state.n - state.stretched_high <= params.rsi_memory
        diverging = top >= high - params.fib_shallow * extent and rsi < high_rsi
        retraced = (bar.close - low) / extent
    if not (touched and (stretched or diverging)):
        return 0.0
    depth = max(0.0, 1.0 - abs(2.0 * retraced - 1.0))
    conviction = 0.5 * (surplus(abs(fast - slow) / atr) + depth)
    return enter(state, side, bar.close, params.stop_atr * atr, params.target_atr * atr, conviction)


@njit(cache=True)
def _remember(params, state, bar, rsi) -> None:
    """Put the bar in the rings."""
    k = state.n % params.swing
    state.highs[k] = bar.high
    state.lows[k] = bar.low
    state.strengths[k] = rsi
    state.n += 1
    opened, _, _ = candle(state.previous, bar)
    state.before_open = opened
    state.previous = bar.close


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(swing)."""
    if not known(bar):
        return state.output
    if state.n == 0:
        state.stretched_low = -params.rsi_memory - 1
        state.stretched_high = -params.rsi_memory - 1
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    rsi = rsi_step(state.rsi, bar.close, params.rsi_period)
    if rsi <= params.rsi_low + params.rsi_buffer:
        state.stretched_low = state.n
    if rsi >= params.rsi_high - params.rsi_buffer:
        state.stretched_high = state.n
    output = 0.0
    if state.position != 0.0:
        if not leave_if_touched(state, bar):
            if state.position * (fast - slow) < 0.0:
                leave(state, EXIT_RULE)
            output = state.output
    elif state.n + 1 >= params.warmup and state.n >= params.swing and atr > 0.0:
        output = _entry(params, state, bar, fast, slow, atr, rsi)
    _remember(params, state, bar, rsi)
    return output


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: TrendPullbackConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config, fast_alpha=span_alpha(config.fast), slow_alpha=span_alpha(config.slow))


def define(config: TrendPullbackConfig = TrendPullbackConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'trend_pullback'
    """
    return CompiledStrategy(
        NAME,
        FAMILY,
        FIELDS,
        HORIZON,
        REGIMES,
        params=params(config),
        state_dtype=state_dtype(config),
        step=step,
        run=run,
        config=config,
    )
