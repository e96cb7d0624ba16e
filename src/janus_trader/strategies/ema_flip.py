"""EMA flip: the crossing of two exponential averages, and pullbacks to the fast one.

Side ``d`` = sign(EMA_8 - EMA_21). Entry in direction ``d`` at the bar where the side flips, or where
the candle dips to the fast average and closes beyond it, provided that the confidence
``tanh(d (close - EMA_21) / ATR_14)`` is at least 0.7; it is also the conviction. Exit at a stop of
1.5 ATR or when the side turns against the trade, which may flip it at once.

Data: closes are enough. On close-only data the true range is |close - previous close| and a pullback
is a close that regains the fast average from the other side of it.
Source: specification, section 7.1; parameters of the first implementation.
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
from janus_trader.numerics.candlestick import candle
from janus_trader.numerics.ema import EMA_DTYPE, ema_step, span_alpha
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
    trade_dtype,
)

NAME = "ema_flip"
FAMILY = Family.TREND
FIELDS = frozenset({Field.CLOSE})
HORIZON = (60.0, WEEK_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (1.0, 0.9, 0.3, 0.5, 0.8, 0.8, 0.7)


class EmaFlipConfig(Config, frozen=True):
    """Parameters of the EMA flip."""

    fast: Annotated[int, Meta(ge=2, le=500, description="period of the fast average, bars")] = 8
    slow: Annotated[int, Meta(ge=3, le=1000, description="period of the slow average, bars")] = 21
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 1.5
    min_confidence: Annotated[float, Meta(ge=0, lt=1, description="least confidence to enter")] = 0.7

    def __post_init__(self) -> None:
        require_increasing(self, "fast", "slow")


STATE_DTYPE = trade_dtype([("side", "f8"), ("fast", EMA_DTYPE), ("slow", EMA_DTYPE), ("atr", ATR_DTYPE)])


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(1)."""
    if not known(bar):
        return state.output
    _, high, low = candle(state.previous, bar)
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    state.previous = bar.close
    side = sign(fast - slow)
    flipped = side * state.side < 0.0
    if side != 0.0:
        state.side = side

    if state.position != 0.0:
        if leave_if_touched(state, bar):
            return 0.0
        if side != -state.position:
            return state.output
        leave(state, EXIT_RULE)
    if state.n < params.slow or side == 0.0 or not atr > 0.0:
        return 0.0
    extreme = low if side > 0.0 else high
    pulled_back = side * (extreme - fast) <= 0.0 and side * (bar.close - fast) > 0.0
    confidence = math.tanh(side * (bar.close - slow) / atr)
    if (flipped or pulled_back) and confidence >= params.min_confidence:
        return enter(state, side, bar.close, params.stop_atr * atr, math.inf, confidence)
    return 0.0


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: EmaFlipConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config, fast_alpha=span_alpha(config.fast), slow_alpha=span_alpha(config.slow))


def define(config: EmaFlipConfig = EmaFlipConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'ema_flip'
    """
    return CompiledStrategy(
        NAME,
        FAMILY,
        FIELDS,
        HORIZON,
        REGIMES,
        params=params(config),
        state_dtype=STATE_DTYPE,
        step=step,
        run=run,
        config=config,
    )
