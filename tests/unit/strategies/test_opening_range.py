"""Opening range breakout: one trade a session, levels from the range."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import opening_range
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET

STRATEGY = opening_range.define()


def session(make_bars, number, close, volume=1.0):
    return make_bars(close, wick=0.1, volume=volume, session=number, first_open=100.0)


def breakout(make_bars, volume=2.0):
    """A quiet session, then one whose eighth bar closes above the range of its first six."""
    quiet = session(make_bars, 0, 100 + 0.3 * (-1.0) ** np.arange(30))
    close = [100.4, 99.6, 100.4, 99.6, 100.4, 99.6, 100.0, 101.0]
    today = session(make_bars, 1, close)
    today["volume"][-1] = volume
    return np.concatenate((quiet, today))


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_beyond_the_range(make_bars, mirror, check_trade, side):
    bars = breakout(make_bars) if side > 0 else mirror(breakout(make_bars))
    # range 99.5 to 100.5: stop beyond its other end, target 1.5 ranges beyond the broken one
    check_trade(STRATEGY, bars, side, 1.5 + 0.5 * atr_of(bars), 1.0)


def test_conviction_by_hand(make_bars):
    bars = breakout(make_bars)
    atr = atr_of(bars)
    expected = 0.5 * (atr / (0.5 + atr) + 2.0 / 3.0)
    assert STRATEGY.scan(bars)[-1] == pytest.approx(expected, rel=1e-9)


def test_needs_volume_and_a_complete_range(make_bars):
    assert not STRATEGY.scan(breakout(make_bars, volume=1.1)).any()
    early = breakout(make_bars)[:-2]  # the range is still forming
    early["close"][-1], early["high"][-1], early["volume"][-1] = 103.0, 103.0, 5.0
    assert not STRATEGY.scan(early).any()


def test_a_session_joined_late_is_left_alone(make_bars):
    bars = breakout(make_bars)
    assert not STRATEGY.scan(np.delete(bars, 30)).any()


def test_no_second_entry_in_a_session_but_one_in_the_next(make_bars, play):
    player = play(STRATEGY)
    player.feed(breakout(make_bars))
    assert player.feed_prices(101, 102.0, 101, 101.2, 1.0, 1, 8) == 0.0
    assert player.state["exit"] == EXIT_TARGET
    assert player.feed_prices(101, 101.5, 101, 101.4, 9.0, 1, 9) == 0.0
    tomorrow = breakout(make_bars)[30:]
    tomorrow["session"] = 2
    assert player.feed(tomorrow)[-1] > 0.0


def test_stop_and_end_of_session(make_bars, play):
    player = play(STRATEGY)
    player.feed(breakout(make_bars))
    assert player.feed_prices(101, 101, float(player.state["stop"]), 101, 1.0, 1, 8) == 0.0
    assert player.state["exit"] == EXIT_STOP
    player = play(STRATEGY)
    player.feed(breakout(make_bars))
    assert player.feed_prices(101, 101, 101, 101, 1.0, 2, 0) == 0.0
    assert player.state["exit"] == EXIT_RULE
