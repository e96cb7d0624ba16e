"""Statistics of evidence: overfitting, predictive ability, the bootstrap, online allocation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

SEED = 7
PERIODS, STRATEGIES, BLOCKS = 2_520, 100, 12
MODELS, RESAMPLES, MEAN_BLOCK = 50, 500, 10
ARMS, FEATURES = 16, 8


def _overfitting(strategies: int = STRATEGIES) -> Case:
    from janus_trader.numerics.overfitting import backtest_overfitting

    returns = 0.01 * np.random.default_rng(SEED).standard_normal((PERIODS, strategies))

    def read() -> float:
        return float((returns * returns).sum())

    return Case(
        lambda: backtest_overfitting(returns, BLOCKS).logits,
        math.comb(BLOCKS, BLOCKS // 2),
        {"returns": returns, "n_blocks": BLOCKS},
        read,
    )


def _differences(n: int = 1_000, k: int = MODELS) -> np.ndarray:
    noise = np.random.default_rng(SEED).standard_normal((n, k))
    noise[1:] += 0.3 * noise[:-1]
    return noise - 0.02


def _predictive_ability(n: int = 1_000) -> Case:
    from janus_trader.numerics.superior_predictive_ability import superior_predictive_ability

    differences = _differences(n)

    def ours() -> tuple[float, float, float]:
        generator = np.random.default_rng(SEED)
        return superior_predictive_ability(differences, RESAMPLES, MEAN_BLOCK, generator, studentize=False)[
            1:4
        ]

    return Case(ours, RESAMPLES, _bootstrap_inputs(differences), _draws(n))


def _bootstrap_inputs(x: np.ndarray) -> dict[str, Any]:
    return {"x": x, "n_samples": RESAMPLES, "mean_block": MEAN_BLOCK, "seed": SEED}


def _draws(n: int) -> Callable[[], Any]:
    return lambda: np.random.default_rng(SEED).random((RESAMPLES, n))


def _bootstrap_means() -> Case:
    from janus_trader.numerics.stationary_bootstrap import stationary_bootstrap_means

    x = _differences()

    def ours() -> np.ndarray:
        return stationary_bootstrap_means(x, RESAMPLES, MEAN_BLOCK, np.random.default_rng(SEED))

    return Case(ours, RESAMPLES, _bootstrap_inputs(x), _draws(len(x)))


def _block_length(n: int = 5_000) -> Case:
    from janus_trader.numerics.stationary_bootstrap import optimal_block_length

    x = _differences(n, 1)[:, 0].copy()
    return Case(lambda: optimal_block_length(x), 1, {"x": x})


def _meta_allocation() -> Case:
    from janus_trader.portfolio.meta_allocator import MetaAllocator

    generator = np.random.default_rng(SEED)
    contexts = generator.standard_normal((50, ARMS, FEATURES))
    rewards = 0.01 * generator.standard_normal((50, ARMS))
    allocator = MetaAllocator(ARMS, FEATURES)

    def ours() -> np.ndarray:
        allocator.reset()
        for x, r in zip(contexts, rewards, strict=True):
            weights = allocator.weights(x)
            allocator.learn(x, r)
        return weights

    inputs = {"contexts": contexts, "rewards": rewards, "config": allocator.config}
    return Case(ours, len(contexts), inputs)


WORKS = (
    Work(
        "statistics.overfitting",
        f"probability of backtest overfitting, {PERIODS} days x {STRATEGIES} strategies, {BLOCKS} blocks, all "
        f"{math.comb(BLOCKS, BLOCKS // 2)} splits; limit: reading the returns once",
        "split",
        _overfitting,
        growth=_overfitting,
        sizes=(25, 100, 400),
    ),
    Work(
        "statistics.predictive_ability",
        f"SPA test, unstudentised as the peer's, 1000 x {MODELS} loss differences, {RESAMPLES} resamples, mean "
        f"block {MEAN_BLOCK}; limit: drawing the uniforms",
        "resample",
        _predictive_ability,
        growth=_predictive_ability,
        sizes=(250, 1_000, 4_000),
    ),
    Work(
        "statistics.bootstrap_means",
        f"means of {RESAMPLES} stationary-bootstrap resamples of 1000 x {MODELS}; limit: drawing the uniforms",
        "resample",
        _bootstrap_means,
    ),
    Work(
        "statistics.block_length",
        "automatic block length of a series of 5000",
        "series",
        _block_length,
        growth=_block_length,
        sizes=(500, 5_000, 50_000),
    ),
    Work(
        "statistics.meta_allocation.py",
        f"LinUCB with tail penalty, {ARMS} strategies x {FEATURES} features: weights, then learning",
        "decision",
        _meta_allocation,
    ),
)
