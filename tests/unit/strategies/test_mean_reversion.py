"""Mean reversion against TA-Lib's bands and RSI in a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from janus_trader.strategies import mean_reversion
from janus_trader.strategies.mean_reversion import MeanReversionConfig
from janus_trader.strategies.trade import EXIT_STOP, EXIT_TARGET

STRATEGY = mean_reversion.define()


def plunge(make_bars, depth=3.0):
    """A quiet market, then two falls."""
    quiet = 100 + 0.3 * (-1.0) ** np.arange(40)
    return make_bars(np.concatenate((quiet, [99.7 - depth, 99.7 - 2 * depth])), close_only=True)


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


@pytest.mark.parametrize("side", [1, -1])
def test_enters_at_the_edge(make_bars, mirror, check_trade, side):
    bars = plunge(make_bars) if side > 0 else mirror(plunge(make_bars))
    middle = bars["close"][-20:].mean()
    check_trade(STRATEGY, bars, side, 2.0 * atr_of(bars), abs(middle - bars["close"][-1]))


def test_needs_rsi_unless_told_not_to(make_bars):
    mild = plunge(make_bars, depth=1.5)
    assert not STRATEGY.scan(mild).any()
    assert mean_reversion.define(MeanReversionConfig(use_rsi=False)).scan(mild)[-1] > 0.0


def test_needs_wide_bands(make_bars):
    narrow = plunge(make_bars)
    for name in ("open", "high", "low", "close"):
        narrow[name] = 100 + (narrow[name] - 100) / 20
    assert not STRATEGY.scan(narrow).any()
    assert mean_reversion.define(MeanReversionConfig(min_width=0.0)).scan(narrow)[-1] > 0.0


def test_target_follows_the_middle_band(make_bars, play):
    player = play(STRATEGY)
    bars = plunge(make_bars)
    player.feed(bars)
    assert player.feed_prices(95.0, 95.0, 95.0, 95.0) > 0.0
    middle = np.append(bars["close"][-19:], 95.0).mean()
    assert player.state["target"] == pytest.approx(middle, rel=1e-12)
    assert player.feed_prices(100.0, 100.0, 100.0, 100.0) == 0.0
    assert player.state["exit"] == EXIT_TARGET


def test_a_stopped_side_waits_until_the_price_has_been_inside(make_bars, play):
    player = play(STRATEGY)
    player.feed(plunge(make_bars))
    stop = float(player.state["stop"])
    fall = [stop - 1.0, stop - 3.0, stop - 6.0]
    assert not player.feed(make_bars(fall, close_only=True)).any()
    assert player.state["exit"] == EXIT_STOP
    assert player.state["barred"] == 1.0
    inside = float(np.mean(fall))
    player.feed(make_bars([inside + 3.0] * 3, close_only=True))
    assert player.state["barred"] == 0.0


def oracle(bars):
    close = bars["close"].copy()
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    rsi = talib.RSI(close, 14)
    atr = talib.ATR(bars["high"].copy(), bars["low"].copy(), close, 14)
    out, position, stop, conviction, barred = np.zeros(len(close)), 0, 0.0, 0.0, 0
    for t in range(20, len(close)):
        if position:
            stopped = bars["low"][t] <= stop if position > 0 else bars["high"][t] >= stop
            reached = bars["high"][t] >= middle[t] if position > 0 else bars["low"][t] <= middle[t]
            if stopped:
                barred = position
            if stopped or reached:
                position = 0
            out[t] = position * conviction
            continue
        place = (close[t] - lower[t]) / (upper[t] - lower[t])
        side = 1 if place <= 0.05 else -1 if place >= 0.95 else 0
        if side != barred:
            barred = 0
        wide = (upper[t] - lower[t]) / middle[t] >= 0.02
        confirmed = rsi[t] <= 30 if side > 0 else rsi[t] >= 70
        if side and side != barred and wide and confirmed:
            depth = np.tanh(abs(close[t] - middle[t]) / (upper[t] - middle[t]))
            position, conviction = side, 0.5 * (depth + abs(rsi[t] - 50) / 50)
            stop = close[t] - side * 2.0 * atr[t]
            out[t] = position * conviction
    return out


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_loop(make_bars, seed):
    rng = np.random.default_rng(seed)
    bars = make_bars(100 * np.exp(np.cumsum(rng.normal(0, 0.012, 1500))), wick=0.2)
    expected = oracle(bars)
    assert (expected > 0).any()
    assert (expected < 0).any()
    np.testing.assert_allclose(STRATEGY.scan(bars), expected, atol=1e-8)
