"""Multi-timeframe trend: the higher timeframe is made of closed bars only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib

from janus_trader.strategies import multi_timeframe_trend
from janus_trader.strategies.multi_timeframe_trend import MultiTimeframeTrendConfig
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET

STRATEGY = multi_timeframe_trend.define()


def touch(make_bars, length=240):
    """A long even rise, two bars back to the fast average, one bar up."""
    rise = 76 + 0.1 * np.arange(length)
    close = np.concatenate((rise, rise[-1] + np.array([-0.75, -1.5, -0.9])))
    return make_bars(close, close_only=True)


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_at_the_fast_average(make_bars, mirror, check_trade, side):
    bars = touch(make_bars) if side > 0 else mirror(touch(make_bars))
    atr = atr_of(bars)
    check_trade(STRATEGY, bars, side, 2.0 * atr, 4.0 * atr)


def test_waits_for_the_warm_up(make_bars):
    assert STRATEGY.scan(touch(make_bars, length=206)).any() == np.False_
    assert STRATEGY.scan(touch(make_bars, length=207))[-1] > 0.0


def test_conviction_by_hand(make_bars, play):
    bars = touch(make_bars)
    close = pd.Series(bars["close"])
    spread = (close.ewm(span=50, adjust=False).mean() - close.ewm(span=200, adjust=False).mean()).iloc[-1]
    player = play(STRATEGY)
    output = player.feed(bars)[-1]
    strength = min(1.0, float(player.state["adx"]["value"]) / 50.0)
    s = spread / atr_of(bars)
    assert output == pytest.approx((strength + 1.0 + s / (1 + s)) / 3, rel=1e-9)


def test_needs_strength_place_and_candle(make_bars):
    assert (
        not multi_timeframe_trend.define(MultiTimeframeTrendConfig(min_adx=50.0))
        .scan(make_bars(100 + np.sin(np.arange(600)), close_only=True))
        .any()
    )
    far = touch(make_bars)[:-3]  # nothing but the rise: 2 % above the fast average
    assert not STRATEGY.scan(far).any()
    thin = touch(make_bars)
    thin["open"][-1], thin["high"][-1] = thin["close"][-1] - 0.1, thin["close"][-1] + 0.5
    thin["low"][-1] = thin["close"][-1] - 0.6
    assert not STRATEGY.scan(thin).any()


def test_higher_timeframe_uses_closed_bars_only(play, make_bars):
    rng = np.random.default_rng(2)
    bars = make_bars(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 203))), close_only=True)
    player = play(STRATEGY)
    player.feed(bars)
    higher = pd.Series(bars["close"][4:200:5])
    average = higher.ewm(span=20, adjust=False).mean()
    assert player.state["higher"]["n"] == 40
    assert player.state["higher"]["value"] == pytest.approx(average.iloc[-1], rel=1e-12)
    assert player.state["higher_side"] == np.sign(higher.iloc[-1] - average.iloc[-1])


def test_disagreeing_higher_timeframe_blocks(play, make_bars):
    bars = touch(make_bars)
    player = play(STRATEGY)
    player.feed(bars[:-1])
    player.lane.states["higher_side"] = -1.0
    assert player.feed(bars[-1:])[0] == 0.0


def test_stop_target_and_cross(make_bars, play):
    for level, reason in (("stop", EXIT_STOP), ("target", EXIT_TARGET)):
        player = play(STRATEGY)
        player.feed(touch(make_bars))
        entry, price = float(player.state["entry"]), float(player.state[level])
        assert player.feed_prices(entry, max(entry, price), min(entry, price), entry) == 0.0
        assert player.state["exit"] == reason
    player = play(multi_timeframe_trend.define(MultiTimeframeTrendConfig(stop_atr=20.0, target_atr=50.0)))
    player.feed(touch(make_bars))
    entry = float(player.state["entry"])
    player.lane.states["stop"] = 1.0  # out of reach, so that the cross comes first
    player.feed(make_bars(entry - 0.2 * np.arange(120), close_only=True))
    assert player.state["exit"] == EXIT_RULE
