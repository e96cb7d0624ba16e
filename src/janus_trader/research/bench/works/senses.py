"""The thalamus: features of a book of instruments, attention over modalities, books of several venues."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

INSTRUMENTS, WARM, BARS = 20, 200, 10
WIDTH, HEADS, MODALITIES, FAMILIES = 16, 2, 9, 4
VENUES, LEVELS = 3, 10


def _features() -> Case:
    from janus_trader.brain.thalamus import PriceFusion, PriceFusionConfig
    from janus_trader.contracts.market import BAR_DTYPE

    rng = np.random.default_rng(0)
    engine, bars = PriceFusion(PriceFusionConfig(), INSTRUMENTS), np.zeros(INSTRUMENTS, BAR_DTYPE)
    closes = 100.0 * np.exp(np.cumsum(rng.standard_normal((WARM + BARS, INSTRUMENTS)), axis=0) * 0.01)
    present = np.ones(INSTRUMENTS, np.bool_)

    def run(rows: np.ndarray) -> np.ndarray:
        for row in rows:
            bars["close"] = row
            last = engine.update(bars, present)
        return last

    run(closes[:WARM])
    return Case(lambda: run(closes[WARM:]), BARS)


def attention_inputs() -> dict[str, Any]:
    """Random weights, queries and keys of one attention layer."""
    rng = np.random.default_rng(1)
    d = WIDTH
    shapes = {"in_w": (3 * d, d), "in_b": (3 * d,), "out_w": (d, d), "out_b": (d,)}
    inputs: dict[str, Any] = {name: rng.standard_normal(shape) * 0.3 for name, shape in shapes.items()}
    inputs["queries"], inputs["keys"] = (
        rng.standard_normal((FAMILIES, d)),
        rng.standard_normal((MODALITIES, d)),
    )
    inputs["present"] = np.arange(MODALITIES) < 6
    return inputs


def _attention() -> Case:
    from janus_trader.numerics.cross_attention import AttentionWeights, cross_attention_kernel

    inputs = attention_inputs()
    one, none = np.ones(WIDTH), np.zeros(WIDTH)
    weights = AttentionWeights(one, none, one, none, *(inputs[k] for k in ("in_w", "in_b", "out_w", "out_b")))
    queries, keys, present = inputs["queries"], inputs["keys"], inputs["present"]
    return Case(lambda: cross_attention_kernel(queries, keys, present, weights, HEADS, False), 1, inputs)


def _books() -> Case:
    from janus_trader.numerics.book_fusion import fuse_kernel

    rng = np.random.default_rng(2)
    steps = np.cumsum(rng.uniform(0.01, 0.05, (2, VENUES, LEVELS)), axis=2)
    bid_price, ask_price = 100.0 - steps[0], 100.0 + steps[1]
    bid_size, ask_size = rng.uniform(1.0, 50.0, (2, VENUES, LEVELS))
    weights = np.array([1.0, 0.7, 0.4])
    inputs = {
        "bid_price": bid_price,
        "bid_size": bid_size,
        "ask_price": ask_price,
        "ask_size": ask_size,
        "weights": weights,
    }
    return Case(lambda: fuse_kernel(bid_price, bid_size, ask_price, ask_size, weights, 10.0), 1, inputs)


WORKS: tuple[Work, ...] = (
    Work(
        name="senses.features.20",
        title="twelve features of 20 instruments, one bar: fractal vector, slope, noise, volatility ratio",
        unit="bar",
        prepare=_features,
        goal_ns=25_000.0,
    ),
    Work(
        name="senses.attention",
        title="cross-attention with residual, 4 queries over 9 keys of which 6 are there, d = 16, 2 heads, float64",
        unit="call",
        prepare=_attention,
        goal_ratio=5.0,
    ),
    Work(
        name="senses.books",
        title="3 venues of 10 levels to one book: best prices, micro-price, imbalance, dispersion",
        unit="call",
        prepare=_books,
        goal_ratio=5.0,
    ),
)
