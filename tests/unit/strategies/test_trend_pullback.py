"""Trend pullback on a constructed swing, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import trend_pullback
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET
from janus_trader.strategies.trend_pullback import TrendPullbackConfig

#: RSI at most 60 counts as stretched, so that a short constructed swing suffices.
STRATEGY = trend_pullback.define(TrendPullbackConfig(rsi_buffer=30.0))


def retracement(make_bars, wick=0.05):
    """A rise, then half of the last 20 bars' swing given back, then an engulfing bar."""
    rise = 70 + 0.4 * np.arange(75)
    top = rise[-1]
    close = np.concatenate((rise, top - np.array([1.0, 2.0, 3.0, 4.0]), [top - 2.9]))
    return make_bars(close, wick=wick)


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_at_the_retracement(make_bars, mirror, check_trade, side):
    bars = retracement(make_bars) if side > 0 else mirror(retracement(make_bars))
    atr = atr_of(bars)
    check_trade(STRATEGY, bars, side, atr, 2.0 * atr)


def test_conviction_by_hand(make_bars, play):
    bars = retracement(make_bars)
    player = play(STRATEGY)
    output = player.feed(bars)[-1]
    window = bars[-21:-1]
    high, low = window["high"].max(), window["low"].min()
    retraced = (high - bars["close"][-1]) / (high - low)
    spread = float(player.state["fast"]["value"] - player.state["slow"]["value"]) / atr_of(bars)
    expected = 0.5 * (spread / (1 + spread) + 1 - abs(2 * retraced - 1))
    assert output == pytest.approx(expected, rel=1e-9)


def test_needs_the_turning_candle_and_the_level(make_bars):
    still_falling = retracement(make_bars)
    still_falling["close"][-1] = still_falling["open"][-1] - 0.2
    still_falling["low"][-1] = still_falling["close"][-1] - 0.05
    assert STRATEGY.scan(still_falling)[-1] == 0.0
    shallow = retracement(make_bars)[:77].copy()  # a fifth of the swing, then up again
    shallow["open"][-1], shallow["close"][-1] = 98.5, 99.7
    shallow["high"][-1], shallow["low"][-1] = 99.75, 98.45
    assert STRATEGY.scan(shallow)[-1] == 0.0


def test_the_low_of_an_uptrend_swing_comes_first(make_bars, play):
    """A collapse and a bounce to the middle of it is no pullback: the low is younger than the high."""
    rise = 70 + 0.4 * np.arange(75)
    close = np.concatenate((rise, rise[-1] - 1.5 * np.arange(1, 7), [rise[-1] - 4.0]))
    player = play(STRATEGY)
    assert player.feed(make_bars(close, wick=0.05))[-1] == 0.0
    assert player.state["fast"]["value"] > player.state["slow"]["value"]


def test_needs_the_rsi(make_bars):
    default = trend_pullback.define()
    assert default.scan(retracement(make_bars))[-1] == 0.0
    assert STRATEGY.scan(retracement(make_bars))[-1] > 0.0


def test_pin_bar_counts_as_a_turn(make_bars):
    bars = retracement(make_bars)[:-1].copy()
    last = bars[-1:].copy()
    close = bars["close"][-1]
    last["open"], last["close"] = close, close + 0.1
    last["high"], last["low"] = close + 0.12, close - 1.0
    assert STRATEGY.scan(np.concatenate((bars, last)))[-1] > 0.0


def test_stop_target_and_turned_trend(make_bars, play):
    for touch, reason in (("stop", EXIT_STOP), ("target", EXIT_TARGET)):
        player = play(STRATEGY)
        player.feed(retracement(make_bars))
        entry, level = float(player.state["entry"]), float(player.state[touch])
        assert player.feed_prices(entry, max(entry, level), min(entry, level), entry) == 0.0
        assert player.state["exit"] == reason
    player = play(trend_pullback.define(TrendPullbackConfig(rsi_buffer=30.0, stop_atr=20.0, target_atr=50.0)))
    player.feed(retracement(make_bars))
    player.lane.states["stop"] = 1.0  # out of reach, so that the cross comes first
    player.feed(make_bars(player.state["entry"] - 0.3 * np.arange(120), wick=0.01))
    assert player.state["exit"] == EXIT_RULE


def test_default_parameters_trade_both_ways_on_random_walks(make_bars):
    rng = np.random.default_rng(5)
    outputs = np.concatenate(
        [
            trend_pullback.define().scan(
                make_bars(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 1500))), close_only=True)
            )
            for _ in range(6)
        ]
    )
    assert (outputs > 0).any()
    assert (outputs < 0).any()
