"""What became of a decision: its payoff, and what is usual."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numba import njit

from janus_trader.brain.hippocampus.ripples import RippleType


@njit(cache=True)
def outcome(bought, sold, bought_here, sold_here, sigma, signals, clip, payoff):
    """Fill the payoff (n,); returns its mean size over those that could pay, and what the best source made.

    O(k·n). An instrument absent at either bar, or without a price or volatility, pays 0.

    >>> payoff, here, sigma = np.empty(2), np.ones(2, np.bool_), np.array([0.01, np.nan])
    >>> size, best = outcome(
    ...     np.full(2, 100.0), np.full(2, 102.0), here, here, sigma, np.ones((1, 2)), 5.0, payoff
    ... )
    >>> round(size, 9), round(best, 9)
    (2.0, 1.0)
    """
    size, count = 0.0, 0
    for i in range(payoff.size):
        payoff[i] = 0.0
        known = bought[i] > 0.0 and sold[i] > 0.0 and sigma[i] > 0.0 and np.isfinite(sigma[i])
        if bought_here[i] and sold_here[i] and known:
            payoff[i] = min(max((sold[i] / bought[i] - 1.0) / sigma[i], -clip), clip)
            size += abs(payoff[i])
            count += 1
    best = 0.0
    for k in range(signals.shape[0]):
        paid, total = 0.0, 0.0
        for i in range(payoff.size):
            paid += signals[k, i] * payoff[i]
            total += abs(signals[k, i])
        if total > 0.0:
            best = max(best, paid / total)
    return size / max(count, 1), best


@dataclass
class Pending:
    """A decision whose episode is not over."""

    record: np.ndarray
    sigma: np.ndarray
    signals: np.ndarray
    ratios: dict[RippleType, float]
    age: int = 0
    price: np.ndarray = field(default_factory=lambda: np.empty(0))
    present: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    equity: float = 0.0
    costs: float = 0.0


class Usual:
    """Exponentially weighted mean and deviation of what is usual."""

    def __init__(self) -> None:
        self.count, self.mean, self.variance = 0, 0.0, 0.0

    def push(self, x: float, rate: float) -> None:
        """Take in one value; the first ones are averaged evenly. O(1)."""
        self.count += 1
        rate = max(rate, 1.0 / self.count)
        gap = x - self.mean
        self.mean += rate * gap
        self.variance = (1.0 - rate) * (self.variance + rate * gap * gap)

    @property
    def deviation(self) -> float:
        """Standard deviation, 0 before two values."""
        return sqrt(self.variance)
