"""How much evidence the replays of a night really are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
