"""Multi-timeframe trend: EMA 50/200 with ADX strength and a higher timeframe that agrees.

Side ``d`` = sign(EMA_50 - EMA_200). The higher timeframe joins 5 bars into one; it agrees when its last
*closed* bar lies on side ``d`` of its own EMA_20. Entry in direction ``d`` when ADX_14 exceeds 25 with the
directional indicators on side ``d``, the higher timeframe agrees, the averages have just crossed or
the candle comes within 1 % of the fast one (or through it) and closes beyond it, and the candle's body
points in direction ``d`` and is at least 0.6 of its range. Conviction is the mean of
``min(1, ADX / 50)``, the body fraction and ``s / (1 + s)``, ``s = |EMA_50 - EMA_200| / ATR_14``. Exit at
a stop of 2 ATR, a target of 4 ATR, or when the averages cross back. Warm-up 210 bars.

Data: closes are enough. On close-only data directional movement and true range come from closes and a
body is always its whole range, so that only its direction decides.
Source: specification, section 7.1; parameters of the first implementation. The ratio of the
timeframes and the higher average are our choices.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.market import Field
from janus_trader.foundation.config import Config
from janus_trader.numerics.adx import ADX_DTYPE, adx_step
from janus_trader.numerics.atr import ATR_DTYPE, atr_step
from janus_trader.numerics.candlestick import body_fraction, candle
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
    surplus,
    trade_dtype,
)

NAME = "multi_timeframe_trend"
FAMILY = Family.TREND
FIELDS = frozenset({Field.CLOSE})
HORIZON = (60.0, WEEK_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (1.0, 0.9, 0.2, 0.5, 0.7, 0.8, 0.7)


class MultiTimeframeTrendConfig(Config, frozen=True):
    """Parameters of the multi-timeframe trend."""

    fast: Annotated[int, Meta(ge=2, le=500, description="period of the fast average, bars")] = 50
    slow: Annotated[int, Meta(ge=3, le=1000, description="period of the slow average, bars")] = 200
    adx_period: Annotated[int, Meta(ge=2, le=200, description="period of the ADX, bars")] = 14
    min_adx: Annotated[float, Meta(gt=0, le=50, description="least ADX to enter")] = 25.0
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 2.0
    target_atr: Annotated[float, Meta(gt=0, le=50, description="target distance, ATR")] = 4.0
    tolerance: Annotated[
        float, Meta(ge=0, le=0.2, description="distance that counts as a touch, fraction")
    ] = 0.01
    min_body: Annotated[float, Meta(ge=0, le=1, description="least body over range")] = 0.6
    ratio: Annotated[int, Meta(ge=2, le=100, description="bars in one bar of the higher timeframe")] = 5
    higher_period: Annotated[
        int, Meta(ge=2, le=500, description="period of the higher average, its bars")
    ] = 20
    warmup: Annotated[int, Meta(ge=1, le=5000, description="bars before the first entry")] = 210

    def __post_init__(self) -> None:
        require_increasing(self, "fast", "slow")


STATE_DTYPE = trade_dtype(
    [
        ("side", "f8"),
        ("fast", EMA_DTYPE),
        ("slow", EMA_DTYPE),
        ("adx", ADX_DTYPE),
        ("atr", ATR_DTYPE),
        ("higher", EMA_DTYPE),
        ("higher_side", "f8"),
    ]
)


@njit(cache=True)
def _entry(params, state, bar, side, crossed, fast, slow, adx, atr) -> float:
    """Enter when both timeframes, the strength, the place and the candle agree."""
    directed = side * (state.adx.plus_di - state.adx.minus_di) > 0.0
    if not (adx > params.min_adx and directed and state.higher_side == side):
        return 0.0
    opened, high, low = candle(state.previous, bar)
    body = side * body_fraction(opened, high, low, bar.close)
    extreme = low if side > 0.0 else high
    touched = side * (extreme - fast) <= params.tolerance * fast and side * (bar.close - fast) > 0.0
    if not ((crossed or touched) and body >= params.min_body):
        return 0.0
    strength = min(1.0, 0.5 * adx / params.min_adx)
    conviction = (strength + body + surplus(abs(fast - slow) / atr)) / 3.0
    return enter(state, side, bar.close, params.stop_atr * atr, params.target_atr * atr, conviction)


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(1)."""
    if not known(bar):
        return state.output
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    adx = adx_step(state.adx, bar.high, bar.low, bar.close, params.adx_period)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    if state.n % params.ratio == 0:
        state.higher_side = sign(bar.close - ema_step(state.higher, bar.close, params.higher_alpha))
    side = sign(fast - slow)
    crossed = side * state.side < 0.0
    if side != 0.0:
        state.side = side
    output = 0.0
    if state.position != 0.0:
        if not leave_if_touched(state, bar):
            if side == -state.position:
                leave(state, EXIT_RULE)
            output = state.output
    elif state.n >= params.warmup and side != 0.0 and atr > 0.0:
        output = _entry(params, state, bar, side, crossed, fast, slow, adx, atr)
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


def params(config: MultiTimeframeTrendConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(
        config,
        fast_alpha=span_alpha(config.fast),
        slow_alpha=span_alpha(config.slow),
        higher_alpha=span_alpha(config.higher_period),
    )


def define(config: MultiTimeframeTrendConfig = MultiTimeframeTrendConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'multi_timeframe_trend'
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
