"""Momentum surge: the first pullback after a sudden move on a spike of volume.

A surge of side ``d`` is a bar whose return over 15 bars is at least 5 % in direction ``d``, which itself
closed in that direction, on a volume of at least 3 times the mean of the 20 bars before. Entry in
direction ``d`` at the first later bar (within 15) that has come back from the surge's extreme by at
least 0.5 % and still closes beyond the level where the surge began. Confidence, also the conviction,
is the mean of ``tanh(|return| / 5 %)``, ``v / (1 + v)`` of the volume ratio ``v``, and the share of the surge
that is kept; it must reach 0.5. Exit at a stop of 1.5 ATR or a target of 3 ATR. One entry a surge.

Data: volume is required; inactive without it. A bar whose volume is not known repeats the last output.
Source: specification, section 7.1; parameters of the first implementation. The 5 % are not scaled by
volatility: set ``surge`` to suit the length of the bars.
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
from janus_trader.strategies.definition import DAY_SECONDS, CompiledStrategy, Family, params_record
from janus_trader.strategies.trade import enter, known, leave_if_touched, sign, surplus, trade_dtype

NAME = "momentum_surge"
FAMILY = Family.TREND
FIELDS = frozenset({Field.CLOSE, Field.VOLUME})
HORIZON = (60.0, DAY_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (0.9, 0.7, 0.3, 0.4, 0.8, 1.0, 0.3)


class MomentumSurgeConfig(Config, frozen=True):
    """Parameters of the momentum surge."""

    lookback: Annotated[
        int, Meta(ge=2, le=500, description="bars of the surge's return, and of its life")
    ] = 15
    surge: Annotated[float, Meta(gt=0, le=1, description="least return of a surge, fraction")] = 0.05
    volume_window: Annotated[int, Meta(ge=2, le=500, description="bars of the mean volume")] = 20
    volume_factor: Annotated[float, Meta(ge=0, le=50, description="least volume over its mean")] = 3.0
    pullback: Annotated[
        float, Meta(gt=0, le=0.5, description="least way back from the extreme, fraction")
    ] = 0.005
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_atr: Annotated[float, Meta(gt=0, le=20, description="stop distance, ATR")] = 1.5
    target_atr: Annotated[float, Meta(gt=0, le=50, description="target distance, ATR")] = 3.0
    min_confidence: Annotated[float, Meta(ge=0, lt=1, description="least confidence to enter")] = 0.5


def state_dtype(config: MomentumSurgeConfig) -> np.dtype:
    """State of one instrument: closes of the look-back, and the surge that waits for its pullback."""
    return trade_dtype(
        [
            ("atr", ATR_DTYPE),
            ("volume", rolling_dtype(config.volume_window)),
            ("closes", "f8", (config.lookback,)),
            ("side", "f8"),
            ("origin", "f8"),
            ("extreme", "f8"),
            ("strength", "f8"),
            ("ratio", "f8"),
            ("age", "i8"),
        ]
    )


@njit(cache=True)
def _track(params, state, bar, ratio) -> bool:
    """Find a surge, follow its extreme, let it expire. True where one began in this bar."""
    origin = state.closes[state.n % params.lookback]
    change = bar.close / origin - 1.0
    side = sign(change)
    with_volume = ratio >= params.volume_factor and side * (bar.close - state.previous) > 0.0
    if abs(change) >= params.surge and with_volume:
        state.side = side
        state.origin = origin
        state.extreme = bar.high if side > 0.0 else bar.low
        state.strength = abs(change)
        state.ratio = ratio
        state.age = 0
        return True
    if state.side != 0.0:
        state.age += 1
        state.extreme = max(state.extreme, bar.high) if state.side > 0.0 else min(state.extreme, bar.low)
        if state.age > params.lookback or state.side * (bar.close - state.origin) <= 0.0:
            state.side = 0.0
    return False


@njit(cache=True)
def _entry(params, state, bar, atr) -> float:
    """Enter at the first pullback of the surge that waits; either way that pullback is used up."""
    side = state.side
    if side == 0.0 or side * (state.extreme - bar.close) < params.pullback * state.extreme:
        return 0.0
    state.side = 0.0
    kept = (bar.close - state.origin) / (state.extreme - state.origin)
    confidence = (math.tanh(state.strength / params.surge) + surplus(state.ratio) + kept) / 3.0
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
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    ratio = bar.volume / mean_volume if mean_volume > 0.0 else 0.0
    began = state.n >= params.lookback and _track(params, state, bar, ratio)
    output = 0.0
    if state.position != 0.0:
        leave_if_touched(state, bar)
        output = state.output
    elif not began and atr > 0.0:
        output = _entry(params, state, bar, atr)
    state.closes[state.n % params.lookback] = bar.close
    state.n += 1
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


def params(config: MomentumSurgeConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config)


def define(config: MomentumSurgeConfig = MomentumSurgeConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'momentum_surge'
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
