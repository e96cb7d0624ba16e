"""EMA ribbon scalper: pullbacks within an ordered ribbon of three averages, confirmed by volume.

The ribbon has side ``d`` when EMA_8, EMA_13, EMA_21 are strictly ordered. Entry in direction ``d``
when the candle comes within 0.2 % of the fast average (or through it) and closes beyond it on the
trend's side, its body points in direction ``d`` and is at least 0.45 of its range, and the volume is
at least 1.3 times the mean of the 20 bars before. Confidence, also the conviction, is the mean of
``tanh(|EMA_8 - EMA_21| / ATR_14)``, the body fraction and ``v / (1 + v)`` of the volume ratio ``v``; it
must reach 0.55. Exit at a stop of 1.5 ATR, a target of 3 ATR, or when EMA_8 and EMA_21 cross back.

Data: volume is required (it is the confirmation, not an ornament); inactive without it. A bar whose
volume is not known repeats the last output, as one without prices does.
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
from janus_trader.numerics.candlestick import body_fraction, candle
from janus_trader.numerics.ema import EMA_DTYPE, ema_step, span_alpha
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.strategies.definition import (
    DAY_SECONDS,
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
    surplus,
    trade_dtype,
)

NAME = "ema_ribbon"
FAMILY = Family.TREND
FIELDS = frozenset({Field.CLOSE, Field.VOLUME})
HORIZON = (60.0, DAY_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (1.0, 0.8, 0.4, 0.3, 0.8, 0.8, 0.6)


class EmaRibbonConfig(Config, frozen=True):
    """Parameters of the EMA ribbon scalper."""

    fast: Annotated[int, Meta(ge=2, le=500, description="period of the fast average, bars")] = 8
    middle: Annotated[int, Meta(ge=3, le=500, description="period of the middle average, bars")] = 13
    slow: Annotated[int, Meta(ge=4, le=1000, description="period of the slow average, bars")] = 21
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 1.5
    target_atr: Annotated[float, Meta(gt=0, le=50, description="target distance, ATR")] = 3.0
    volume_window: Annotated[int, Meta(ge=2, le=500, description="bars of the mean volume")] = 20
    volume_factor: Annotated[float, Meta(ge=0, le=20, description="least volume over its mean")] = 1.3
    min_body: Annotated[float, Meta(ge=0, le=1, description="least body over range")] = 0.45
    tolerance: Annotated[
        float, Meta(ge=0, le=0.1, description="distance that counts as a touch, fraction")
    ] = 0.002
    min_confidence: Annotated[float, Meta(ge=0, lt=1, description="least confidence to enter")] = 0.55
    warmup: Annotated[int, Meta(ge=1, le=5000, description="bars before the first entry")] = 25

    def __post_init__(self) -> None:
        require_increasing(self, "fast", "middle", "slow")


def state_dtype(config: EmaRibbonConfig) -> np.dtype:
    """State of one instrument."""
    return trade_dtype(
        [
            ("fast", EMA_DTYPE),
            ("middle", EMA_DTYPE),
            ("slow", EMA_DTYPE),
            ("atr", ATR_DTYPE),
            ("volume", rolling_dtype(config.volume_window)),
        ]
    )


@njit(cache=True)
def _entry(params, state, bar, fast, middle, slow, atr, ratio) -> float:
    """Enter when the ribbon, the pullback, the candle and the volume agree."""
    if fast > middle > slow:
        side = 1.0
    elif fast < middle < slow:
        side = -1.0
    else:
        return 0.0
    opened, high, low = candle(state.previous, bar)
    body = side * body_fraction(opened, high, low, bar.close)
    extreme = low if side > 0.0 else high
    touched = side * (extreme - fast) <= params.tolerance * fast and side * (bar.close - fast) > 0.0
    if not (touched and body >= params.min_body and ratio >= params.volume_factor):
        return 0.0
    confidence = (math.tanh(abs(fast - slow) / atr) + body + surplus(ratio)) / 3.0
    if confidence < params.min_confidence:
        return 0.0
    return enter(state, side, bar.close, params.stop_atr * atr, params.target_atr * atr, confidence)


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(window)."""
    if not (known(bar) and math.isfinite(bar.volume)):
        return state.output
    mean_volume = rolling_mean(state.volume, params.volume_window)
    rolling_push(state.volume, bar.volume, params.volume_window)
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    middle = ema_step(state.middle, bar.close, params.middle_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    output = 0.0
    if state.position != 0.0:
        if not leave_if_touched(state, bar):
            if state.position * (fast - slow) < 0.0:
                leave(state, EXIT_RULE)
            output = state.output
    elif state.n >= params.warmup and atr > 0.0 and mean_volume > 0.0:
        output = _entry(params, state, bar, fast, middle, slow, atr, bar.volume / mean_volume)
    state.previous = bar.close
    return output


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: EmaRibbonConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(
        config,
        fast_alpha=span_alpha(config.fast),
        middle_alpha=span_alpha(config.middle),
        slow_alpha=span_alpha(config.slow),
    )


def define(config: EmaRibbonConfig = EmaRibbonConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'ema_ribbon'
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
