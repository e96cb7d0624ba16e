"""VWAP scalper: an excursion from the session's volume-weighted average price, back to it.

With the session's VWAP ``p`` and the volume-weighted standard deviation ``sigma`` of its typical prices
(high + low + close) / 3: entry long at a close at or below ``p - 2 sigma``, short at or above
``p + 2 sigma``, on a volume of at least 1.5 times the mean of the 20 bars before, from the sixth bar of
the session on. Conviction is the mean of ``tanh(|close - p| / (2 sigma))`` and ``v / (1 + v)`` of the
volume ratio ``v``. Exit when the VWAP, which moves, is reached (the target), at a stop of 1.5 ATR, or at
the first bar of another session: no position is meant to outlive its VWAP.

Data: volume and intraday bars are required; inactive without them. A bar whose volume is not known
repeats the last output.
Source: specification, section 7.2; parameters of the first implementation. The bars a session needs
before an entry are our choice: the deviation of a few prices means nothing.
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
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.numerics.vwap import VWAP_DTYPE, vwap_step
from janus_trader.strategies.definition import HOUR_SECONDS, CompiledStrategy, Family, params_record
from janus_trader.strategies.trade import (
    EXIT_RULE,
    enter,
    known,
    leave,
    leave_if_touched,
    surplus,
    trade_dtype,
)

NAME = "vwap_scalper"
FAMILY = Family.REVERSION
FIELDS = frozenset({Field.CLOSE, Field.VOLUME, Field.INTRADAY})
HORIZON = (1.0, HOUR_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (0.6, 0.4, 1.0, 0.2, 0.6, 0.3, 0.6)


class VwapScalperConfig(Config, frozen=True):
    """Parameters of the VWAP scalper."""

    width: Annotated[float, Meta(gt=0, le=10, description="excursion, standard deviations")] = 2.0
    volume_window: Annotated[int, Meta(ge=2, le=500, description="bars of the mean volume")] = 20
    volume_factor: Annotated[float, Meta(ge=0, le=20, description="least volume over its mean")] = 1.5
    min_bars: Annotated[int, Meta(ge=1, le=500, description="bars of a session before an entry")] = 5
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 1.5


def state_dtype(config: VwapScalperConfig) -> np.dtype:
    """State of one instrument; ``session`` and ``bars`` follow the session at hand."""
    return trade_dtype(
        [
            ("vwap", VWAP_DTYPE),
            ("atr", ATR_DTYPE),
            ("volume", rolling_dtype(config.volume_window)),
            ("session", "i8"),
            ("bars", "i8"),
        ]
    )


@njit(cache=True)
def _entry(params, state, bar, centre, sigma, atr, ratio) -> float:
    """Enter at an excursion on volume."""
    away = bar.close - centre
    if not (abs(away) >= params.width * sigma and ratio >= params.volume_factor):
        return 0.0
    side = -1.0 if away > 0.0 else 1.0
    conviction = 0.5 * (math.tanh(abs(away) / (params.width * sigma)) + surplus(ratio))
    return enter(state, side, bar.close, params.stop_atr * atr, abs(away), conviction)


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(window)."""
    if not (known(bar) and math.isfinite(bar.volume)):
        return state.output
    if state.n == 0 or bar.session != state.session:
        state.session = bar.session
        state.bars = 0
        if state.position != 0.0:
            leave(state, EXIT_RULE)
    mean_volume = rolling_mean(state.volume, params.volume_window)
    rolling_push(state.volume, bar.volume, params.volume_window)
    centre, sigma = vwap_step(state.vwap, bar.session, (bar.high + bar.low + bar.close) / 3.0, bar.volume)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    state.n += 1
    state.bars += 1
    state.previous = bar.close
    if state.position != 0.0:
        state.target = centre
        leave_if_touched(state, bar)
        return state.output
    if state.bars > params.min_bars and atr > 0.0 and mean_volume > 0.0 and sigma > 0.0:
        return _entry(params, state, bar, centre, sigma, atr, bar.volume / mean_volume)
    return 0.0


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: VwapScalperConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config)


def define(config: VwapScalperConfig = VwapScalperConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'vwap_scalper'
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
