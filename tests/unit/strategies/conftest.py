"""Bars by hand, their mirror image, and a player that keeps a strategy's state in view."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.market import BAR_DTYPE


class Player:
    """One strategy on one instrument; ``state`` is its record."""

    def __init__(self, strategy):
        self.strategy = strategy
        self.lane = strategy.bind(1)
        self.last = np.zeros(1)

    @property
    def state(self):
        return self.lane.states[0]

    def feed(self, bars):
        out = np.zeros((len(bars), 1))
        self.lane.advance(bars.reshape(-1, 1), np.ones(out.shape, bool), self.last, out)
        return out[:, 0]

    def feed_prices(self, opened, high, low, close, volume=np.nan, session=0, bar_of_session=0):
        bar = np.zeros(1, BAR_DTYPE)
        bar[0] = (opened, high, low, close, volume, session, bar_of_session)
        return self.feed(bar)[0]


def _make_bars(close, *, wick=0.0, volume=np.nan, session=0, first_open=None, close_only=False):
    """Bars that open at the close before; ``wick`` is added on both sides."""
    close = np.asarray(close, float)
    bars = np.zeros(len(close), BAR_DTYPE)
    bars["close"] = close
    start = close[0] if first_open is None else first_open
    bars["open"] = close if close_only else np.concatenate(([start], close[:-1]))
    bars["high"] = np.maximum(bars["open"], close) + wick
    bars["low"] = np.minimum(bars["open"], close) - wick
    bars["volume"] = volume
    bars["session"] = session
    bars["bar_of_session"] = np.arange(len(close))
    return bars


def _mirror(bars, about=100.0):
    """Every price reflected about a level: rises become falls."""
    out = bars.copy()
    out["open"], out["close"] = 2 * about - bars["open"], 2 * about - bars["close"]
    out["high"], out["low"] = 2 * about - bars["low"], 2 * about - bars["high"]
    return out


def _check_trade(strategy, bars, side, stop_distance, target_distance):
    """The last bar enters on ``side`` with the levels given; then stop, target, and both at once."""
    fresh = Player(strategy)
    outputs = fresh.feed(bars)
    assert outputs[-2] == 0.0
    assert np.sign(outputs[-1]) == side
    assert 0.0 < abs(outputs[-1]) <= 1.0
    entry = bars["close"][-1]
    state = fresh.state
    assert state["position"] == side
    assert state["entry"] == entry
    assert state["stop"] == pytest.approx(entry - side * stop_distance, rel=1e-9)
    if np.isfinite(target_distance):
        assert state["target"] == pytest.approx(entry + side * target_distance, rel=1e-9)
    else:
        assert np.isinf(state["target"])


@pytest.fixture
def make_bars():
    return _make_bars


@pytest.fixture
def mirror():
    return _mirror


@pytest.fixture
def play():
    return Player


@pytest.fixture
def check_trade():
    return _check_trade
