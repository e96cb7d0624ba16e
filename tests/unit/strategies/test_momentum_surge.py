"""Momentum surge: the first pullback, once."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import momentum_surge
from janus_trader.strategies.momentum_surge import MomentumSurgeConfig
from janus_trader.strategies.trade import EXIT_STOP, EXIT_TARGET

STRATEGY = momentum_surge.define()


def surge(make_bars, pullback=1.0, spike=6.0):
    """A quiet market, three bars of 2 points up on heavy volume, one bar back."""
    quiet = 100 + 0.1 * (-1.0) ** np.arange(40)
    close = np.concatenate((quiet, [102.0, 104.0, 106.0, 106.0 - pullback]))
    bars = make_bars(close, wick=0.05, volume=1.0)
    bars["volume"][40:43] = spike
    return bars


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_on_the_first_pullback(make_bars, mirror, check_trade, side):
    bars = surge(make_bars) if side > 0 else mirror(surge(make_bars))
    atr = atr_of(bars)
    check_trade(STRATEGY, bars, side, 1.5 * atr, 3.0 * atr)


def test_confidence_by_hand(make_bars):
    bars = surge(make_bars)
    origin = bars["close"][42 - 15]
    ratio = 6.0 / bars["volume"][22:42].mean()
    kept = (105.0 - origin) / (bars["high"][42] - origin)
    expected = (np.tanh((106.0 / origin - 1) / 0.05) + ratio / (1 + ratio) + kept) / 3
    assert STRATEGY.scan(bars)[-1] == pytest.approx(expected, rel=1e-9)


def test_needs_volume_size_and_a_pullback(make_bars):
    assert not STRATEGY.scan(surge(make_bars, spike=2.0)).any()
    assert not STRATEGY.scan(surge(make_bars, pullback=0.2)).any()
    assert not STRATEGY.scan(surge(make_bars, pullback=7.0)).any()  # all of it given back
    larger = momentum_surge.define(MomentumSurgeConfig(surge=0.08))
    assert not larger.scan(surge(make_bars)).any()


def test_one_entry_a_surge_and_expiry(make_bars, play):
    player = play(STRATEGY)
    player.feed(surge(make_bars))
    stop = float(player.state["stop"])
    assert player.feed_prices(105, 105, stop, 105, volume=1.0) == 0.0
    assert player.state["exit"] == EXIT_STOP
    assert player.feed_prices(105, 105, 104, 104.5, volume=1.0) == 0.0
    late = play(STRATEGY)
    late.feed(surge(make_bars)[:-1])
    waiting = 106.05 + 0.001 * np.arange(16)
    assert not late.feed(make_bars(waiting, volume=1.0)).any()
    assert late.feed_prices(106.0, 106.0, 104.9, 105.0, volume=1.0) == 0.0


def test_target(make_bars, play):
    player = play(STRATEGY)
    player.feed(surge(make_bars))
    assert player.feed_prices(105, float(player.state["target"]), 105, 106, volume=1.0) == 0.0
    assert player.state["exit"] == EXIT_TARGET
