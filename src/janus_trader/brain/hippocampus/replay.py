"""Prioritised replay over the slots of a ring (Schaul et al. 2016)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive
from janus_trader.numerics.sum_tree import SumTree


class ReplayConfig(Config, frozen=True):
    """Exponents of eq. 39-41 and the weights of emotion, ripples and broken logic."""

    alpha: Annotated[Fraction, Meta(description="how strongly priority counts, eq. 40")] = 0.6
    beta_start: Annotated[Fraction, Meta(description="importance correction at first, eq. 41")] = 0.4
    beta_step: Annotated[NonNegative, Meta(description="its increment per replay, up to 1")] = 0.002
    epsilon: Annotated[Positive, Meta(description="priority of an episode without error, eq. 39")] = 1e-6
    emotion: Annotated[NonNegative, Meta(description="priority of full fear and surprise")] = 0.5
    ripple: Annotated[NonNegative, Meta(description="priority per unit of ripple strength")] = 0.25
    violation: Annotated[NonNegative, Meta(description="priority of breaking every market axiom")] = 0.5


class PrioritisedReplay:
    r"""Draws slots in proportion to their priority.

    .. math:: p = |\delta| + \text{emotion} + \epsilon, \quad P(i) = p_i^\alpha / \textstyle\sum_j p_j^\alpha,
        \quad w_i = (N P(i))^{-\beta} / \max_j w_j

    :math:`p^\alpha` is stored, once. A new slot gets the largest priority so far, so that every episode is
    replayed at least once soon. Draws are stratified. `add` O(log n), `sample` O(m log n + h log n) with h
    slots held back.

    Examples
    --------
    >>> replay = PrioritisedReplay(ReplayConfig(alpha=1.0), 4)
    >>> for slot in range(3): replay.add(slot)
    >>> replay.update(np.array([0, 1, 2]), np.array([1.0, 0.0, 3.0]))
    >>> slots, weights = replay.sample(8, np.array([], int), 3, np.random.default_rng(0))
    >>> sorted(set(slots.tolist())), float(weights.max())
    ([0, 2], 1.0)
    """

    def __init__(self, config: ReplayConfig, capacity: int) -> None:
        self.config, self.capacity = config, capacity
        self._tree = SumTree(capacity)
        self.reset()

    def reset(self) -> None:
        """No slot can be drawn."""
        self._tree.reset()
        self.highest = 1.0
        self.draws = 0

    @property
    def beta(self) -> float:
        """Importance correction of the next replay."""
        return min(1.0, self.config.beta_start + self.config.beta_step * self.draws)

    def add(self, slot: int) -> None:
        """A new episode lies in ``slot``: it enters at the largest priority so far."""
        self._tree.set(slot, self.highest)

    def add_many(self, slots: np.ndarray) -> None:
        """`add` for several slots (m,)."""
        self._tree.set_many(slots, np.full(slots.shape, self.highest))

    def update(self, slots: np.ndarray, priorities: np.ndarray) -> None:
        """New priorities p (m,) of some slots; of a repeated slot the last one stays."""
        powered = (np.abs(priorities) + self.config.epsilon) ** self.config.alpha
        self._tree.set_many(slots, powered)
        if powered.size:
            self.highest = max(self.highest, float(powered.max()))

    def sample(
        self, m: int, held: np.ndarray, eligible: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """``m`` slots outside ``held``, with importance weights in (0, 1]; empty when none is eligible."""
        kept = self._tree.priorities(held)
        self._tree.set_many(held, np.zeros(held.size))
        try:
            if eligible < 1 or not self._tree.total > 0.0:
                return np.empty(0, np.int64), np.empty(0)
            slots = self._tree.sample_stratified(generator.random(m))
            probability = self._tree.priorities(slots) / self._tree.total
        finally:
            self._tree.set_many(held, kept)
        weights = (eligible * probability) ** -self.beta
        self.draws += 1
        return slots, weights / weights.max()

    def state(self) -> dict[str, Any]:
        """Priorities and counters."""
        return {"tree": self._tree.snapshot(), "highest": self.highest, "draws": self.draws}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._tree.restore(state["tree"])
        self.highest, self.draws = float(state["highest"]), int(state["draws"])
