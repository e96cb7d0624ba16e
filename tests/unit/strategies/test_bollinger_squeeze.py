"""Bollinger squeeze: the breakout after enough narrow bars."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import bollinger_squeeze
from janus_trader.strategies.bollinger_squeeze import BollingerSqueezeConfig
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET

STRATEGY = bollinger_squeeze.define()


def breakout(make_bars, quiet=60, jump=2.0, noise=0.1):
    """A narrow, slightly rising market and one bar out of it."""
    t = np.arange(quiet)
    close = 100 + 0.01 * t + noise * (-1.0) ** t
    return make_bars(np.append(close, close[-1] + jump), close_only=True)


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_at_the_breakout(make_bars, mirror, check_trade, side):
    bars = breakout(make_bars) if side > 0 else mirror(breakout(make_bars))
    atr = atr_of(bars)
    check_trade(STRATEGY, bars, side, 2.0 * atr, 4.0 * atr)


def test_confidence_by_hand(make_bars, play):
    bars = breakout(make_bars)
    upper, _, _ = talib.BBANDS(bars["close"].copy(), 20, 2.0, 2.0)
    player = play(STRATEGY)
    output = player.feed(bars)[-1]
    adx = float(player.state["adx"]["value"])
    beyond = np.tanh((bars["close"][-1] - upper[-2]) / atr_of(bars))
    assert output == pytest.approx((beyond + 1.0 + min(1.0, adx / 25.0)) / 3, rel=1e-7)


def test_needs_a_squeeze_that_lasts(make_bars):
    wide = breakout(make_bars, noise=2.0, jump=20.0)
    assert not STRATEGY.scan(wide).any()
    # 60 quiet bars fill the bands of 20 from the 20th on: 41 squeezed bars
    longer = bollinger_squeeze.define(BollingerSqueezeConfig(min_bars=42))
    assert not longer.scan(breakout(make_bars)).any()
    just_long_enough = bollinger_squeeze.define(BollingerSqueezeConfig(min_bars=41))
    assert just_long_enough.scan(breakout(make_bars))[-1] > 0.0


def test_a_squeeze_may_be_relative_to_the_usual_width(make_bars):
    t = np.arange(230)
    noise = np.where(t < 200, 4.0, 1.0) * (-1.0) ** t
    close = np.append(100 + 0.01 * t + noise, 112.0)
    bars = make_bars(close, close_only=True)
    assert STRATEGY.scan(bars)[-1] > 0.0
    absolute = bollinger_squeeze.define(BollingerSqueezeConfig(relative_squeeze=0.0))
    assert absolute.scan(bars)[-1] == 0.0


def test_stop_target_and_return_to_the_middle(make_bars, play):
    for level, reason in (("stop", EXIT_STOP), ("target", EXIT_TARGET)):
        player = play(STRATEGY)
        player.feed(breakout(make_bars))
        entry, price = float(player.state["entry"]), float(player.state[level])
        assert player.feed_prices(entry, max(entry, price), min(entry, price), entry) == 0.0
        assert player.state["exit"] == reason
    player = play(bollinger_squeeze.define(BollingerSqueezeConfig(stop_atr=20.0)))
    player.feed(breakout(make_bars))
    player.feed(make_bars([100.0, 99.9], close_only=True))
    assert player.state["exit"] == EXIT_RULE
