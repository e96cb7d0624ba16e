"""Prioritised replay with a million transitions."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

CAPACITY, OBSERVATION, ADDED, SAMPLED = 1 << 20, 64, 64, 256
WIDTH = 2 * OBSERVATION + 3


def _cycle(capacity: int) -> Case:
    from janus_trader.brain.hippocampus import PrioritisedReplay, ReplayConfig
    from janus_trader.numerics.transition_ring import TransitionRing

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4096, WIDTH), dtype=np.float32)
    priorities = rng.uniform(0.1, 1.0, capacity)
    news = rng.uniform(0.1, 1.0, (64, SAMPLED))
    ring, replay = TransitionRing(capacity, WIDTH), PrioritisedReplay(ReplayConfig(), capacity)
    for first in range(0, capacity, 4096):
        replay.add_many(ring.append(rows[: min(4096, capacity - first)]))
    replay.update(np.arange(capacity), priorities)
    held, batch = np.empty(0, np.int64), rows[:ADDED]
    turn = [0]

    def ours() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        replay.add_many(ring.append(batch))
        slots, weights = replay.sample(SAMPLED, held, capacity, rng)
        transitions = ring.gather(slots)
        turn[0] = (turn[0] + 1) % len(news)
        replay.update(slots, news[turn[0]])
        return slots, weights, transitions

    def limit() -> np.ndarray:
        return ring.gather(rng.integers(0, capacity, SAMPLED))

    inputs = {"capacity": capacity, "rows": rows, "priorities": priorities, "news": news}
    return Case(ours, 1, inputs, limit)


def _prepare() -> Case:
    return _cycle(CAPACITY)


def _draws() -> Case:
    """The tree alone, where the peer has one too: draw and set, no transitions."""
    from janus_trader.numerics.sum_tree import SumTree

    rng = np.random.default_rng(0)
    tree = SumTree(CAPACITY)
    priorities = rng.uniform(0.1, 1.0, CAPACITY)
    tree.set_many(np.arange(CAPACITY), priorities)
    uniforms, news = rng.random((64, SAMPLED)), rng.uniform(0.1, 1.0, (64, SAMPLED))
    turn = [0]

    def ours() -> np.ndarray:
        turn[0] = (turn[0] + 1) % len(news)
        slots = tree.sample_stratified(uniforms[turn[0]])
        tree.set_many(slots, news[turn[0]])
        return slots

    return Case(ours, 1, {"priorities": priorities, "uniforms": uniforms, "news": news})


WORKS: tuple[Work, ...] = (
    Work(
        name="replay.cycle.1m",
        title="prioritised replay of 1,048,576 transitions of 131 float32: add 64, sample 256, update 256",
        unit="cycle",
        prepare=_prepare,
        goal_ratio=4.0,
        growth=_cycle,
        sizes=(1 << 14, 1 << 17, 1 << 20),
    ),
    Work(
        name="replay.tree.1m",
        title="sum tree of 1,048,576 priorities: draw 256 stratified, set 256",
        unit="cycle",
        prepare=_draws,
    ),
)
