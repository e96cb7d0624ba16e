"""VWAP scalper within constructed sessions."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.contracts.market import Field
from janus_trader.strategies import vwap_scalper
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP, EXIT_TARGET

STRATEGY = vwap_scalper.define()


def excursion(make_bars, volume=2.0, quiet=25, drop=0.6):
    """One quiet session, then another whose last bar drops on volume."""
    first = make_bars(100 + 0.05 * (-1.0) ** np.arange(30), wick=0.02, volume=1.0)
    close = np.append(100 + 0.05 * (-1.0) ** np.arange(quiet), 100 - drop)
    second = make_bars(close, wick=0.02, volume=1.0, session=1)
    second["volume"][-1] = volume
    return np.concatenate((first, second))


def session_vwap(bars):
    today = bars[bars["session"] == bars["session"][-1]]
    typical = (today["high"] + today["low"] + today["close"]) / 3
    centre = np.average(typical, weights=today["volume"])
    return centre, np.sqrt(np.average((typical - centre) ** 2, weights=today["volume"]))


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_against_the_excursion(make_bars, mirror, check_trade, side):
    bars = excursion(make_bars) if side > 0 else mirror(excursion(make_bars))
    centre, _ = session_vwap(bars)
    check_trade(STRATEGY, bars, side, 1.5 * atr_of(bars), abs(centre - bars["close"][-1]))


def test_conviction_by_hand(make_bars):
    bars = excursion(make_bars)
    centre, sigma = session_vwap(bars)
    expected = 0.5 * (np.tanh((centre - bars["close"][-1]) / (2 * sigma)) + 2.0 / 3.0)
    assert STRATEGY.scan(bars)[-1] == pytest.approx(expected, rel=1e-9)


def test_needs_volume_distance_and_a_few_bars(make_bars):
    assert not STRATEGY.scan(excursion(make_bars, volume=1.4)).any()
    assert not STRATEGY.scan(excursion(make_bars, drop=0.0)).any()
    assert not STRATEGY.scan(excursion(make_bars, quiet=4)).any()


def test_target_stop_and_end_of_session(make_bars, play):
    player = play(STRATEGY)
    player.feed(excursion(make_bars))
    assert player.feed_prices(99.5, 100.0, 99.5, 100.0, 1.0, 1, 26) == 0.0
    assert player.state["exit"] == EXIT_TARGET
    player = play(STRATEGY)
    player.feed(excursion(make_bars))
    stop = float(player.state["stop"])
    assert player.feed_prices(99.4, 99.4, stop, 99.4, 1.0, 1, 26) == 0.0
    assert player.state["exit"] == EXIT_STOP
    player = play(STRATEGY)
    player.feed(excursion(make_bars))
    assert player.feed_prices(99.4, 99.4, 99.4, 99.4, 1.0, 2, 0) == 0.0
    assert player.state["exit"] == EXIT_RULE


def test_daily_data_cannot_carry_it():
    daily = frozenset(Field) - {Field.INTRADAY}
    assert not STRATEGY.carried_by(daily, 86_400.0)
    assert STRATEGY.carried_by(frozenset(Field), 300.0)
