"""What episodes say about sources of signals: payoffs, and how much evidence they really are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.memory import Episodes


def source_payoffs(episodes: Episodes, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """Signal-weighted mean payoff Σ s·p / Σ|s| of each source, clipped, and where it spoke; both (E, k)."""
    weight = np.abs(episodes.signals).sum(axis=2)
    spoke = weight > 1e-9
    mean = (episodes.signals * episodes.payoff).sum(axis=2) / np.where(spoke, weight, 1.0)
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
