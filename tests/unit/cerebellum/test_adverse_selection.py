"""Markouts: a resting quote earns its spread among noise and loses to those who know."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.brain.cerebellum import AdverseSelection, AdverseSelectionConfig
from janus_trader.simulation.book_market import BookMarket, MarketConfig, default_flow, informed, market_maker

MAKER = 1


def markouts(with_informed: bool, seed: int, seconds: float = 240.0) -> AdverseSelection:
    """Fills of a market maker in a simulated book, mids twice a second."""
    knowing = [informed(size=20, period_ns=200_000_000, latency_ns=100_000) for _ in range(3)]
    agents = [market_maker(), *(knowing if with_informed else [])]
    # what is known moves, and in the end the market follows it; without the informed nothing is to be known
    config = (
        MarketConfig(volatility=8.0, pull=0.3) if with_informed else MarketConfig(volatility=0.0, pull=0.0)
    )
    market = BookMarket(default_flow(), agents, np.random.Generator(np.random.Philox(seed)), config)
    mids = []
    while market.now_ns < seconds * 1e9:
        market.run(seconds=0.5)
        bid, ask = market.best()
        mids.append((market.now_ns, 0.5 * (bid + ask) if min(bid, ask) > 0 else np.nan))
    trades = market.trades()
    # the aggressor's side: where it bought, the resting maker sold
    events = [
        (int(t["ts"]), 0, float(t["price"]), -1.0 if t["side"] == 0 else 1.0)
        for t in trades[(trades["maker"] == MAKER) & (trades["taker"] != MAKER)]
    ]
    a = AdverseSelection(AdverseSelectionConfig())
    for ts, kind, price, side in sorted(events + [(ts, 1, mid, 0.0) for ts, mid in mids]):
        if kind:
            a.price(ts, "SIM", price)
        else:
            a.fill(ts, "SIM", side, price)
    return a


@pytest.mark.parametrize("seed", [1, 2])
def test_informed_flow_is_found_and_noise_is_not(seed: int) -> None:
    noise, toxic = markouts(False, seed).markout(), markouts(True, seed).markout()
    assert toxic.toxic
    assert not noise.toxic
    assert noise.mean_bps > toxic.mean_bps + 3.0 * toxic.error_bps


def stream(mean: float, n: int, seed: int = 0, **changes) -> AdverseSelection:
    a, rng = AdverseSelection(AdverseSelectionConfig(horizon_ns=1, **changes)), np.random.default_rng(seed)
    for t in range(n):
        side = 1.0 if rng.random() < 0.5 else -1.0
        a.fill(10 * t, "A", side, 100.0)
        a.price(10 * t + 1, "A", 100.0 * (1.0 + side * 1e-4 * (mean + 2.0 * rng.standard_normal())))
    return a


def test_false_alarms_are_as_rare_as_the_alarm_says() -> None:
    alarms = [stream(0.0, 300, seed).markout().toxic for seed in range(400)]
    assert np.mean(alarms) < 0.01  # three deviations: 0.13 % where the mean is that of independent markouts


def test_planted_losses_are_found_and_measured() -> None:
    m = stream(-1.0, 400).markout()
    assert m.toxic
    assert abs(m.mean_bps + 1.0) < 3.0 * m.error_bps


def test_a_fill_counts_only_at_its_horizon_and_only_once() -> None:
    a = AdverseSelection(AdverseSelectionConfig(horizon_ns=100, warmup=2))
    a.fill(0, "A", 1.0, 100.0)
    a.price(99, "A", 90.0)
    a.price(100, "B", 90.0)
    assert a.count == 0
    a.price(101, "A", 101.0)
    a.price(300, "A", 50.0)
    assert a.count == 1
    assert a._mean == pytest.approx(100.0)


def test_fills_of_one_moment_are_one_piece_of_evidence() -> None:
    a = AdverseSelection(AdverseSelectionConfig(horizon_ns=1))
    for _ in range(50):
        a.fill(0, "A", 1.0, 100.0)
    a.price(1, "A", 99.0)
    assert a.count == 1


def test_it_is_silent_without_prices_and_deaf_to_nonsense() -> None:
    a = AdverseSelection(AdverseSelectionConfig(warmup=2))
    for t in range(10):
        a.fill(t, "A", 1.0, 100.0)
        a.fill(t, "A", 1.0, float("nan"))
        a.fill(t, "A", 0.5, 100.0)
        a.price(t, "A", float("nan"))
    m = a.markout()
    assert np.isnan(m.mean_bps)
    assert not m.toxic
    b = AdverseSelection(a.config)
    b.put_state(a.state())
    assert b.state() == a.state()
