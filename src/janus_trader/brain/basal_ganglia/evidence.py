"""What episodes say about sources of signals: arrays, payoffs, and how much evidence they really are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.memory import Episode


@dataclass(frozen=True)
class EpisodeArrays:
    """Episodes as arrays: signals and payoff (E, k, n), posterior (E, 7), cost and reward (E,)."""

    signals: np.ndarray
    payoff: np.ndarray
    posterior: np.ndarray
    context: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    step: np.ndarray


def arrays_of(episodes: Sequence[Episode]) -> EpisodeArrays:
    """Stack episodes, in their order. O(E·k·n)."""
    return EpisodeArrays(
        signals=np.stack([e.signals for e in episodes]).astype(np.float64),
        payoff=np.stack([e.payoff for e in episodes]).astype(np.float64),
        posterior=np.stack([e.posterior for e in episodes]).astype(np.float64),
        context=np.stack([e.context for e in episodes]).astype(np.float64),
        cost=np.array([e.cost for e in episodes]),
        reward=np.array([e.reward for e in episodes]),
        step=np.array([e.step for e in episodes], np.int64),
    )


def source_payoffs(arrays: EpisodeArrays, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """Signal-weighted mean payoff Σ s·p / Σ|s| of each source, clipped, and where it spoke; both (E, k)."""
    weight = np.abs(arrays.signals).sum(axis=2)
    spoke = weight > 1e-9
    mean = (arrays.signals * arrays.payoff).sum(axis=2) / np.where(spoke, weight, 1.0)
    return np.clip(np.where(spoke, mean, 0.0), -clip, clip), spoke


@dataclass(frozen=True)
class Span:
    """How many replays there were and over which bars: replay repeats episodes, evidence does not.

    >>> s = Span().extended(np.array([10, 11, 11, 12]))
    >>> s.share()
    0.75
    """

    total: float = 0.0
    first: int = -1
    last: int = -1

    def extended(self, steps: np.ndarray, keep: float = 1.0) -> Span:
        """With the replays of one more night, after the earlier ones faded to ``keep``."""
        first = int(steps.min()) if self.first < 0 else min(self.first, int(steps.min()))
        return Span(keep * self.total + steps.size, first, max(self.last, int(steps.max())))

    def share(self) -> float:
        """Distinct bars per replay, at most 1."""
        return min(1.0, (self.last - self.first + 1) / self.total) if self.total > 0 else 0.0

    def tree(self) -> list[float]:
        """As plain numbers."""
        return [self.total, self.first, self.last]

    @staticmethod
    def of(tree: Sequence[float]) -> Span:
        """Inverse of `tree`."""
        return Span(float(tree[0]), int(tree[1]), int(tree[2]))
