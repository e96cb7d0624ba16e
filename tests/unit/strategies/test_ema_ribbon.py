"""EMA ribbon scalper on constructed pullbacks."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import ema_ribbon
from janus_trader.strategies.ema_ribbon import EmaRibbonConfig
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET

STRATEGY = ema_ribbon.define()


def pullback(make_bars, volume=2.0):
    """A rise of 35 bars, one bar down to the fast average, one bar up on volume."""
    close = np.concatenate((85 + 0.5 * np.arange(35), [100.2, 102.0]))
    bars = make_bars(close, wick=0.2, volume=1.0)
    bars["volume"][-1] = volume
    return bars


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_on_the_pullback(make_bars, mirror, check_trade, side):
    bars = pullback(make_bars) if side > 0 else mirror(pullback(make_bars))
    atr = atr_of(bars)
    check_trade(STRATEGY, bars, side, 1.5 * atr, 3.0 * atr)


def test_conviction_is_the_mean_of_its_parts(make_bars, play):
    bars = pullback(make_bars)
    player = play(STRATEGY)
    output = player.feed(bars)[-1]
    spread = float(player.state["fast"]["value"] - player.state["slow"]["value"])
    body = (102.0 - 100.2) / (102.2 - 100.0)
    expected = (np.tanh(spread / atr_of(bars)) + body + 2.0 / 3.0) / 3.0
    assert output == pytest.approx(expected, rel=1e-9)


def test_needs_volume_body_and_order(make_bars):
    assert not STRATEGY.scan(pullback(make_bars, volume=1.25)).any()
    thin = pullback(make_bars)
    thin["open"][-1] = 101.5  # body 0.5 of a range of 2.2
    assert not STRATEGY.scan(thin).any()
    flat = make_bars(np.full(60, 100.0), wick=0.5, volume=np.linspace(1, 9, 60) ** 3)
    assert not STRATEGY.scan(flat).any()
    assert not ema_ribbon.define(EmaRibbonConfig(warmup=38)).scan(pullback(make_bars)).any()


def test_stop_target_and_stop_first(make_bars, play):
    for touch, reason in (("stop", EXIT_STOP), ("target", EXIT_TARGET), ("both", EXIT_STOP)):
        player = play(STRATEGY)
        player.feed(pullback(make_bars))
        stop, target = float(player.state["stop"]), float(player.state["target"])
        high = target if touch in ("target", "both") else 102.1
        low = stop if touch in ("stop", "both") else 101.9
        assert player.feed_prices(102.0, high, low, 102.0, volume=1.0) == 0.0
        assert player.state["exit"] == reason


def test_leaves_when_the_ribbon_turns(make_bars, play):
    player = play(ema_ribbon.define(EmaRibbonConfig(stop_atr=20.0)))
    player.feed(pullback(make_bars))
    player.feed(make_bars(102.0 - 0.7 * np.arange(1, 16), wick=0.1, volume=1.0))
    assert player.state["exit"] == EXIT_RULE


def test_unknown_volume_repeats_the_last_output(make_bars, play):
    player = play(STRATEGY)
    held = player.feed(pullback(make_bars))[-1]
    before = player.lane.state()
    assert player.feed_prices(102.0, 200.0, 1.0, 102.0, volume=np.nan) == held
    assert player.lane.state() == before
