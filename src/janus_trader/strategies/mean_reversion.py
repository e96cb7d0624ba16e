"""Mean reversion: a close at the edge of its Bollinger bands, confirmed by RSI, back to the middle.

With the bands ``m +- 2 sigma`` over 20 closes and the position ``b`` = (close - lower) / (upper - lower):
entry long at ``b <= 0.05``, short at ``b >= 0.95``, when the bands are at least 2 % of ``m`` wide and, unless
``use_rsi`` is off, RSI_14 is at most 30 (long) or at least 70 (short). Conviction is the mean of
``tanh(|close - m| / (2 sigma))`` and ``|RSI - 50| / 50`` (the first alone without RSI). Exit when the
middle band, which moves, is reached (the target), or at a stop of 2 ATR. After a stop the same side
waits until the price has been inside the bands again.

Data: closes are enough; on close-only data the true range is |close - previous close|.
Source: specification, section 7.2; parameters of the first implementation.
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
from janus_trader.numerics.bollinger import bollinger_dtype, bollinger_step
from janus_trader.numerics.rsi import RSI_DTYPE, rsi_step
from janus_trader.strategies.definition import WEEK_SECONDS, CompiledStrategy, Family, params_record
from janus_trader.strategies.trade import EXIT_STOP, enter, known, leave_if_touched, trade_dtype

NAME = "mean_reversion"
FAMILY = Family.REVERSION
FIELDS = frozenset({Field.CLOSE})
HORIZON = (60.0, WEEK_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (0.5, 0.3, 1.0, 0.2, 0.6, 0.2, 0.5)


class MeanReversionConfig(Config, frozen=True):
    """Parameters of the mean reversion."""

    window: Annotated[int, Meta(ge=5, le=500, description="bars of the bands")] = 20
    width: Annotated[float, Meta(gt=0, le=10, description="half-width of the bands, standard deviations")] = (
        2.0
    )
    entry: Annotated[
        float, Meta(ge=0, lt=0.5, description="share of the bands that counts as their edge")
    ] = 0.05
    min_width: Annotated[
        float, Meta(ge=0, le=1, description="least width of the bands over their middle")
    ] = 0.02
    use_rsi: Annotated[bool, Meta(description="whether RSI must confirm")] = True
    rsi_period: Annotated[int, Meta(ge=2, le=200, description="period of the RSI, bars")] = 14
    rsi_low: Annotated[float, Meta(ge=0, le=50, description="oversold level")] = 30.0
    rsi_high: Annotated[float, Meta(ge=50, le=100, description="overbought level")] = 70.0
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 2.0


def state_dtype(config: MeanReversionConfig) -> np.dtype:
    """State of one instrument; ``barred`` is the side that was stopped and has to wait."""
    return trade_dtype(
        [("bands", bollinger_dtype(config.window)), ("rsi", RSI_DTYPE), ("atr", ATR_DTYPE), ("barred", "f8")]
    )


@njit(cache=True)
def _entry(params, state, bar, middle, upper, lower, rsi, atr) -> float:
    """Enter at the edge of wide enough bands."""
    place = (bar.close - lower) / (upper - lower)
    side = 0.0
    if place <= params.entry:
        side = 1.0
    elif place >= 1.0 - params.entry:
        side = -1.0
    if side != state.barred:
        state.barred = 0.0
    if side == 0.0 or side == state.barred or upper - lower < params.min_width * middle:
        return 0.0
    conviction = math.tanh(abs(bar.close - middle) / (upper - middle))
    if params.use_rsi:
        confirmed = rsi <= params.rsi_low if side > 0.0 else rsi >= params.rsi_high
        if not confirmed:
            return 0.0
        conviction = 0.5 * (conviction + abs(rsi - 50.0) / 50.0)
    return enter(state, side, bar.close, params.stop_atr * atr, abs(middle - bar.close), conviction)


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(window)."""
    if not known(bar):
        return state.output
    middle, upper, lower = bollinger_step(state.bands, bar.close, params.window, params.width)
    rsi = rsi_step(state.rsi, bar.close, params.rsi_period)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    state.previous = bar.close
    if state.position != 0.0:
        state.target = middle
        side = state.position
        if leave_if_touched(state, bar) and state.exit == EXIT_STOP:
            state.barred = side
        return state.output
    if upper > lower and atr > 0.0:
        return _entry(params, state, bar, middle, upper, lower, rsi, atr)
    return 0.0


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: MeanReversionConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config)


def define(config: MeanReversionConfig = MeanReversionConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'mean_reversion'
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
