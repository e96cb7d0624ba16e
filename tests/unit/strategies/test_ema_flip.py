"""EMA flip: levels by hand, the three ways out, and a brute-force oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.strategies import ema_flip
from janus_trader.strategies.ema_flip import EmaFlipConfig
from janus_trader.strategies.trade import EXIT_RULE, EXIT_STOP

STRATEGY = ema_flip.define()


def rising_after_a_fall(make_bars):
    """Falls for 40 bars, then rises until the averages have crossed."""
    close = np.concatenate((100 - 0.5 * np.arange(40), 80.5 + 2.0 * np.arange(1, 8)))
    bars = make_bars(close, wick=0.1)
    outputs = STRATEGY.scan(bars)
    first = int(np.flatnonzero(outputs > 0)[0])
    return bars[: first + 1]


def atr_of(bars):
    return talib.ATR(bars["high"].copy(), bars["low"].copy(), bars["close"].copy(), 14)[-1]


def test_enters_long_and_short_at_the_flip(make_bars, mirror, check_trade, play):
    bars = rising_after_a_fall(make_bars)
    # the falling leg itself holds a short, so the flip goes from short to long at once
    player = play(STRATEGY)
    outputs = player.feed(bars)
    assert outputs[-2] <= 0.0 < outputs[-1]
    state = player.state
    assert state["stop"] == pytest.approx(bars["close"][-1] - 1.5 * atr_of(bars), rel=1e-9)
    assert np.isinf(state["target"])
    short = play(STRATEGY)
    assert short.feed(mirror(bars))[-1] == pytest.approx(-outputs[-1], abs=1e-12)


def test_conviction_is_the_stated_confidence(make_bars, play):
    bars = rising_after_a_fall(make_bars)
    slow = pd.Series(bars["close"]).ewm(span=21, adjust=False).mean().iloc[-1]
    expected = np.tanh((bars["close"][-1] - slow) / atr_of(bars))
    assert expected >= 0.7
    assert play(STRATEGY).feed(bars)[-1] == pytest.approx(expected, rel=1e-9)


def test_stop_is_touched_by_the_low(make_bars, play):
    player = play(STRATEGY)
    player.feed(rising_after_a_fall(make_bars))
    stop, close = player.state["stop"], player.state["entry"]
    assert player.feed_prices(close, close + 0.1, stop + 1e-6, close) > 0.0
    assert player.feed_prices(close, close + 0.1, stop - 1e-6, close) == 0.0
    assert player.state["exit"] == EXIT_STOP
    assert player.state["position"] == 0.0


def test_opposite_cross_ends_the_trade(make_bars, play):
    player = play(STRATEGY)
    bars = rising_after_a_fall(make_bars)
    player.feed(bars)
    top = bars["close"][-1] + 2.0 * np.arange(1, 30)
    assert (player.feed(make_bars(top, wick=0.1)) > 0).all()
    down = top[-1] - 1.5 * np.arange(1, 25)
    outputs = player.feed(make_bars(down, wick=0.1))
    first = int(np.flatnonzero(outputs <= 0)[0])
    assert player.state["exit"] == EXIT_RULE
    assert down[first] > bars["close"][-1]  # far above the stop: the cross it was


def test_pullback_re_enters_in_the_trend(make_bars, play):
    player = play(STRATEGY)
    player.feed(rising_after_a_fall(make_bars))
    stop = player.state["stop"]
    close = float(player.state["entry"])
    assert player.feed_prices(close, close, stop - 0.1, close + 0.5) == 0.0
    fast = float(player.state["fast"]["value"])
    assert player.feed_prices(close + 0.5, close + 3.0, fast - 0.5, close + 3.0) > 0.0


def oracle(bars):
    """Plain loop over indicators from pandas and TA-Lib."""
    close = bars["close"]
    fast = pd.Series(close).ewm(span=8, adjust=False).mean().to_numpy()
    slow = pd.Series(close).ewm(span=21, adjust=False).mean().to_numpy()
    atr = talib.ATR(bars["high"].copy(), bars["low"].copy(), close.copy(), 14)
    out, position, stop, conviction, before = np.zeros(len(close)), 0, 0.0, 0.0, 0.0
    for t in range(len(close)):
        side = np.sign(fast[t] - slow[t])
        flipped = side * before < 0
        before = side or before
        if position:
            hit = bars["low"][t] <= stop if position > 0 else bars["high"][t] >= stop
            if hit:
                position = 0
                continue
            if side != -position:
                out[t] = position * conviction
                continue
            position = 0
        if t < 20 or side == 0 or np.isnan(atr[t]):
            continue
        low, high = bars["low"][t], bars["high"][t]
        dipped = (low <= fast[t] < close[t]) if side > 0 else (close[t] < fast[t] <= high)
        confidence = np.tanh(side * (close[t] - slow[t]) / atr[t])
        if (flipped or dipped) and confidence >= 0.7:
            position, conviction = int(side), confidence
            stop = close[t] - side * 1.5 * atr[t]
            out[t] = position * conviction
    return out


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_loop(make_bars, seed):
    rng = np.random.default_rng(seed)
    bars = make_bars(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 800))), wick=0.3)
    expected = oracle(bars)
    assert (expected > 0).any()
    assert (expected < 0).any()
    np.testing.assert_allclose(STRATEGY.scan(bars), expected, atol=1e-9)


def test_low_confidence_stays_out(make_bars):
    bars = rising_after_a_fall(make_bars)
    strict = ema_flip.define(EmaFlipConfig(min_confidence=0.999999))
    assert not strict.scan(bars).any()


def test_refuses_averages_out_of_order():
    with pytest.raises(ConfigError, match="fast < slow"):
        EmaFlipConfig(fast=30)
