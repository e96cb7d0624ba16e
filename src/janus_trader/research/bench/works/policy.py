"""The learned policy: a night's gradient steps, and one bar's choices."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

SIZES, BATCH, STEPS, BOOK = (49, 24, 4), 256, 12, 20


def _data(rows: int) -> np.ndarray:
    return np.tanh(np.random.default_rng(0).standard_normal((rows, SIZES[0])))


def _night() -> Case:
    from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic, ActorCriticConfig

    config = ActorCriticConfig()
    core = ActorCritic(SIZES, config, np.random.default_rng(1))
    start = core.state()
    rng, states = np.random.default_rng(2), _data(STEPS * BATCH).reshape(STEPS, BATCH, SIZES[0])
    advantages, returns = rng.standard_normal((STEPS, BATCH, 3)), rng.standard_normal((STEPS, BATCH))
    weights = np.ones(BATCH)

    def ours() -> np.ndarray:
        core.load(start)
        for x, a, y in zip(states, advantages, returns, strict=True):
            core.step(x, core.probabilities(x), a, y, weights)
        return core.network.theta

    inputs: dict[str, Any] = {
        "sizes": SIZES,
        "theta": start["theta"],
        "states": states,
        "advantages": advantages,
        "returns": returns,
        "config": config,
    }
    return Case(ours, STEPS, inputs)


def _choice() -> Case:
    from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic, ActorCriticConfig

    core, states = ActorCritic(SIZES, ActorCriticConfig(), np.random.default_rng(1)), _data(BOOK)

    def ours() -> np.ndarray:
        return core.probabilities(states)

    inputs = {"sizes": SIZES, "theta": core.state()["theta"], "states": states}
    return Case(ours, 1, inputs)


WORKS = (
    Work(
        "policy.night",
        f"actor-critic {SIZES[0]}-{SIZES[1]}-{SIZES[2]}, gradient, clipping and AdamW on {BATCH} rows a step, f64",
        "step",
        _night,
        goal_ratio=1.2,
    ),
    Work(
        "policy.choice",
        f"probabilities of short, flat and long for {BOOK} instruments by the same network",
        "bar",
        _choice,
        goal_ratio=2.0,
    ),
)
