"""Simulated markets that several tests look at."""

from __future__ import annotations

import numpy as np

from janus_trader.simulation.book_market import (
    BookMarket,
    MarketConfig,
    default_flow,
    informed,
    market_maker,
    mean_reverting,
    metaorder,
    momentum,
    noise,
)

SECOND = 10**9


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def everybody():
    return [
        market_maker(),
        market_maker(half_spread=2.0, size=20, skew=0.01, jitter_ns=200_000),
        momentum(),
        mean_reverting(),
        informed(permanent=0.001),
        noise(),
        metaorder(side=1, quantity=300, start_ns=5 * SECOND, duration_ns=10 * SECOND, period_ns=SECOND // 2),
    ]


def market(kind="queue_reactive", agents=None, seed=1, **config):
    return BookMarket(default_flow(kind), agents or [], philox(seed), MarketConfig(**config))


def digest(seed):
    """Everything that a market wrote down, as bytes."""
    m = market("queue_reactive", everybody(), seed).run(seconds=5.0)
    return m.recording().messages.tobytes() + m.trades().tobytes() + m.fundamental().tobytes()
