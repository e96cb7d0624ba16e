"""Opening range breakout: the first close beyond the range of a session's first bars, on volume.

The range is the highest high ``H`` and lowest low ``L`` of bars 0 to 5 of the session. Afterwards, a close
above ``H`` (below ``L``) on a volume of at least 1.2 times the mean of the 20 bars before enters long
(short), once a session. The stop lies 0.5 ATR_14 beyond the other end of the range, the target
``1.5 (H - L)`` beyond the broken one. Conviction is the mean of ``ATR / (ATR + x)``, ``x`` the distance of
the close from the broken level (an entry far beyond it has less left to gain), and of ``v / (1 + v)`` of
the volume ratio ``v``. Exit at stop or target, or at the first bar of another session.

Data: highs and lows, volume and intraday bars are required; inactive without them. A session that is
joined after its first bar is left alone. A bar whose volume is not known repeats the last output.
Source: specification, section 7.2 (which groups it with the reverting strategies; the trade itself
follows the breakout); parameters of the first implementation.
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

NAME = "opening_range"
FAMILY = Family.REVERSION
FIELDS = frozenset({Field.CLOSE, Field.HIGH_LOW, Field.VOLUME, Field.INTRADAY})
HORIZON = (1.0, HOUR_SECONDS)
#: Bull, bear, ranging, crisis, recovery, bubble, deflation.
REGIMES = (0.8, 0.7, 0.7, 0.3, 0.8, 0.7, 0.6)


class OpeningRangeConfig(Config, frozen=True):
    """Parameters of the opening range breakout."""

    bars: Annotated[int, Meta(ge=1, le=200, description="bars of the opening range")] = 6
    atr_period: Annotated[int, Meta(ge=2, le=200, description="period of the true range, bars")] = 14
    stop_offset_atr: Annotated[float, Meta(ge=0, le=20, description="stop beyond the range, ATR")] = 0.5
    target_ranges: Annotated[float, Meta(gt=0, le=20, description="target beyond the range, ranges")] = 1.5
    volume_window: Annotated[int, Meta(ge=2, le=500, description="bars of the mean volume")] = 20
    volume_factor: Annotated[float, Meta(ge=0, le=20, description="least volume over its mean")] = 1.2


def state_dtype(config: OpeningRangeConfig) -> np.dtype:
    """State of one instrument; ``armed`` is 1 while the session may still be entered."""
    return trade_dtype(
        [
            ("atr", ATR_DTYPE),
            ("volume", rolling_dtype(config.volume_window)),
            ("session", "i8"),
            ("armed", "i8"),
            ("high", "f8"),
            ("low", "f8"),
        ]
    )


@njit(cache=True)
def _follow_session(params, state, bar) -> bool:
    """Start a session, widen its opening range; True once the range is complete."""
    if state.n == 0 or bar.session != state.session:
        if state.position != 0.0:
            leave(state, EXIT_RULE)
        state.session = bar.session
        state.armed = 1 if bar.bar_of_session == 0 else 0
        state.high = -math.inf
        state.low = math.inf
    if bar.bar_of_session < params.bars:
        state.high = max(state.high, bar.high)
        state.low = min(state.low, bar.low)
        return False
    return True


@njit(cache=True)
def _entry(params, state, bar, atr, ratio) -> float:
    """Enter at the session's first close beyond the range on volume."""
    extent = state.high - state.low
    if bar.close > state.high:
        side, beyond = 1.0, bar.close - state.high
    elif bar.close < state.low:
        side, beyond = -1.0, state.low - bar.close
    else:
        return 0.0
    left = params.target_ranges * extent - beyond
    if ratio < params.volume_factor or not left > 0.0:
        return 0.0
    state.armed = 0
    conviction = 0.5 * (atr / (beyond + atr) + surplus(ratio))
    stop_distance = beyond + extent + params.stop_offset_atr * atr
    return enter(state, side, bar.close, stop_distance, left, conviction)


@njit(cache=True)
def step(params, state, bar) -> float:
    """Desired exposure in [-1, 1] after one bar; an unknown bar repeats the last output. O(window)."""
    if not (known(bar) and math.isfinite(bar.volume)):
        return state.output
    mean_volume = rolling_mean(state.volume, params.volume_window)
    rolling_push(state.volume, bar.volume, params.volume_window)
    atr = atr_step(state.atr, bar.high, bar.low, bar.close, params.atr_period)
    complete = _follow_session(params, state, bar)
    state.n += 1
    state.previous = bar.close
    if state.position != 0.0:
        leave_if_touched(state, bar)
        return state.output
    if complete and state.armed == 1 and atr > 0.0 and mean_volume > 0.0:
        return _entry(params, state, bar, atr, bar.volume / mean_volume)
    return 0.0


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


def params(config: OpeningRangeConfig) -> np.ndarray:
    """The parameters as compiled code reads them."""
    return params_record(config)


def define(config: OpeningRangeConfig = OpeningRangeConfig()) -> CompiledStrategy:
    """The strategy with these parameters.

    >>> define().name
    'opening_range'
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
