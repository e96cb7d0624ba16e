"""Bollinger squeeze: the breakout that ends a spell of narrow bands.

The bands ``m +- 2 sigma`` over 20 closes are squeezed while ``(upper - lower) / m`` is at most 3 %, or at
most ``relative_squeeze`` of its own slow average. After at least 5 squeezed bars in a row, a close above
the upper (below the lower) band of the bar before gives side ``d`` = 1 (-1). Confidence, also the
conviction, is the mean of ``tanh(distance beyond that band / ATR_14)``, of 1 where sign(EMA_50 - EMA_200)
is ``d`` and 0 elsewhere, and of ``min(1, ADX_14 / 25)``; it must reach 0.6. Exit at a stop of 2 ATR, a
target of 4 ATR, or when the close is back on the other side of the middle band.

Data: closes are enough. On close-only data ADX and true range come from closes.
Source: specification, section 7.2 (which groups it with the reverting strategies, because a squeeze is
a ranging market's state; the trade itself follows the breakout); parameters of the first
implementation. The relative squeeze is our choice: 3 % of the price means something else for each
asset class and bar length; 0 turns it off.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.market import Field
from janus_trader.foundation.config import Config
from janus_trader.numerics.adx import ADX_DTYPE, adx_step
from janus_trader.numerics.atr import ATR_DTYPE, atr_step
from janus_trader.numerics.bollinger import bollinger_dtype, bollinger_step
from janus_trader.numerics.ema import EMA_DTYPE, ema_step, span_alpha
from janus_trader.strategies.definition import (
    WEEK_SECONDS,
    CompiledStrategy,
    Family,
    params_record,
    require_increasing,
)
from janus_trader.strategies.trade import EXIT_RULE, enter, known, leave, leave_if_touched, sign, trade_dtype

NAME = "bollinger_squeeze"
FAMILY = Family.REVERSION
FIELDS = frozenset({Field.CLOSE})
HORIZON = (60.0, WEEK_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (0.7, 0.5, 1.0, 0.2, 0.7, 0.5, 0.7)


class BollingerSqueezeConfig(Config, frozen=True):
    """Parameters of the Bollinger squeeze."""

    window: Annotated[int, Meta(ge=5, le=500, description="bars of the bands")] = 20
    width: Annotated[float, Meta(gt=0, le=10, description="half-width of the bands, standard deviations")] = (
        2.0
    )
    squeeze: Annotated[float, Meta(ge=0, le=1, description="width over middle that counts as a squeeze")] = (
        0.03
    )
    relative_squeeze: Annotated[
        float, Meta(ge=0, lt=1, description="the same over the slow average width")
    ] = 0.6
    relative_period: Annotated[int, Meta(ge=10, le=2000, description="period of the slow average width")] = (
        100
    )
    min_bars: Annotated[int, Meta(ge=1, le=200, description="squeezed bars before a breakout counts")] = 5
    fast: Annotated[int, Meta(ge=2, le=500, description="period of the fast average, bars")] = 50
    slow: Annotated[int, Meta(ge=3, le=1000, description="period of the slow average, bars")] = 200
    adx_period: Annotated[int, Meta(ge=2, le=200, description="period of the ADX, bars")] = 14
    full_adx: Annotated[float, Meta(gt=0, le=100, description="ADX that gives full confidence")] = 25.0
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 2.0
    target_atr: Annotated[float, Meta(gt=0, le=50, description="target distance, ATR")] = 4.0
    min_confidence: Annotated[float, Meta(ge=0, lt=1, description="least confidence to enter")] = 0.6

    def __post_init__(self) -> None:
        require_increasing(self, "fast", "slow")


def state_dtype(config: BollingerSqueezeConfig) -> np.dtype:
    """State of one instrument: indicators, the last bands and the squeezed bars in a row."""
    return trade_dtype(
        [
            ("bands", bollinger_dtype(config.window)),
            ("fast", EMA_DTYPE),
            ("slow", EMA_DTYPE),
            ("adx", ADX_DTYPE),
            ("atr", ATR_DTYPE),
            ("usual_width", EMA_DTYPE),
            ("upper", "f8"),
            ("lower", "f8"),
            ("squeezed", "i8"),
        ]
    )


@njit(cache=True)
def _entry(params, state, bar, trend, adx, atr) -> float:
    """Enter when a squeeze has lasted and the close escapes the bands of the bar before."""
    if state.squeezed < params.min_bars:
        return 0.0
    if bar.close > state.upper:
        side, distance = 1.0, bar.close - state.upper
    elif bar.close < state.lower:
        side, distance = -1.0, state.lower - bar.close
    else:
        return 0.0
    aligned = 1.0 if trend == side else 0.0
    confidence = (math.tanh(distance / atr) + aligned + min(1.0, adx / params.full_adx)) / 3.0
    if not confidence >= params.min_confidence:
        return 0.0
    return enter(state, side, bar.close, params.stop_atr * atr, params.target_atr * atr, confidence)


@njit(cache=True)
def _follow_width(params, state, middle, upper, lower) -> None:
    """Count the squeezed bars in a row and keep this bar's bands for the next."""
    if middle > 0.0:
        width = (upper - lower) / middle
        limit = max(params.squeeze, params.relative_squeeze * state.usual_width.value)
        state.squeezed = state.squeezed + 1 if width <= limit else 0
        ema_step(state.usual_width, width, params.relative_alpha)
        state.upper = upper
        state.lower = lower


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(window)."""
    if not known(bar):
        return state.output
    middle, upper, lower = bollinger_step(state.bands, bar.close, params.window, params.width)
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    adx = adx_step(state.adx, bar.high, bar.low, bar.close, params.adx_period)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    state.previous = bar.close
    output = 0.0
    if state.position != 0.0:
        if not leave_if_touched(state, bar):
            if state.position * (bar.close - middle) < 0.0:
                leave(state, EXIT_RULE)
            output = state.output
    elif atr > 0.0:
        output = _entry(params, state, bar, sign(fast - slow), adx, atr)
    _follow_width(params, state, middle, upper, lower)
    return output


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: BollingerSqueezeConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(
        config,
        fast_alpha=span_alpha(config.fast),
        slow_alpha=span_alpha(config.slow),
        relative_alpha=span_alpha(config.relative_period),
    )


def define(config: BollingerSqueezeConfig = BollingerSqueezeConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'bollinger_squeeze'
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
