"""Prioritised replay: cpprb."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Peer

OBSERVATION, ADDED, SAMPLED = 64, 64, 256


def _fields(rows: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "obs": np.ascontiguousarray(rows[:, :OBSERVATION]),
        "next_obs": np.ascontiguousarray(rows[:, OBSERVATION : 2 * OBSERVATION]),
        "act": np.ascontiguousarray(rows[:, -3]),
        "rew": np.ascontiguousarray(rows[:, -2]),
        "done": np.ascontiguousarray(rows[:, -1]),
    }


def _cpprb(inputs, compressed: bool):
    from cpprb import PrioritizedReplayBuffer

    capacity, rows, priorities = inputs["capacity"], inputs["rows"], inputs["priorities"]
    shapes = {"obs": {"shape": OBSERVATION}, "act": {}, "rew": {}, "done": {}}
    fields = _fields(rows)
    if compressed:
        buffer = PrioritizedReplayBuffer(capacity, shapes, next_of="obs", alpha=0.6)
    else:
        buffer = PrioritizedReplayBuffer(capacity, {**shapes, "next_obs": {"shape": OBSERVATION}}, alpha=0.6)
    for first in range(0, capacity, len(rows)):
        size = min(len(rows), capacity - first)
        buffer.add(
            **{k: v[:size] for k, v in fields.items()}, priorities=priorities[first : first + size].copy()
        )
    batch = {k: v[:ADDED] for k, v in fields.items()}
    turn = [0]

    def cycle():
        buffer.add(**batch)
        sample = buffer.sample(SAMPLED, beta=0.4)
        turn[0] = (turn[0] + 1) % len(inputs["news"])
        buffer.update_priorities(sample["indexes"], inputs["news"][turn[0]].copy())
        return sample

    return cycle


def _agreement(ours, theirs) -> float:
    """Difference of the mean importance weights; the draws themselves are random."""
    return abs(float(np.mean(ours[1])) - float(np.mean(theirs["weights"])))


PEERS: tuple[Peer, ...] = (
    Peer(
        work="replay.cycle.1m",
        name="cpprb",
        package="cpprb",
        prepare=lambda inputs: _cpprb(inputs, compressed=False),
        agreement=_agreement,
        settings="PrioritizedReplayBuffer, next_obs stored; ours returns the rows undivided",
    ),
    Peer(
        work="replay.cycle.1m",
        name="cpprb next_of",
        package="cpprb",
        prepare=lambda inputs: _cpprb(inputs, compressed=True),
        agreement=_agreement,
        settings="next_of='obs': stores observations once, half the memory of ours",
    ),
)
