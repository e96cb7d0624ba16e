"""Double DQN: values of actions, learned from single transitions. Knows nothing of markets."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.basal_ganglia.network import Network, OptimiserConfig
from janus_trader.foundation.config import Config, Fraction, Positive
from janus_trader.numerics.advantage import double_q_targets
from janus_trader.numerics.dense_network import follow


class DoubleDqnConfig(Config, frozen=True):
    """Discount, target network and optimiser."""

    gamma: Annotated[Fraction, Meta(description="discount of the next state's value")] = 0.99
    soft_update: Annotated[Fraction, Meta(description="τ: share of the online network taken over")] = 0.01
    huber: Annotated[Positive, Meta(description="error from which the loss is linear")] = 1.0
    optimiser: OptimiserConfig = OptimiserConfig()


@njit(cache=True)
def value_slopes(values, actions, targets, weights, huber, slopes, errors):
    """Slopes (B, A) of the mean weighted Huber loss of Q(s, a) against its target, and the errors. O(B·A)."""
    for b in range(values.shape[0]):
        a = actions[b]
        errors[b] = targets[b] - values[b, a]
        for j in range(values.shape[1]):
            slopes[b, j] = 0.0
        slopes[b, a] = -weights[b] * min(max(errors[b], -huber), huber) / values.shape[0]


class DoubleDqn:
    r"""Q(s, a) by two networks: the online one chooses the next action, the target one says what it is worth.

    The loss is Huber's, weighted row by row (specification eq. 41); after every step
    :math:`\theta^- \leftarrow (1-\tau)\theta^- + \tau\theta`.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes; the last is the number of actions.
    config : DoubleDqnConfig
    generator : numpy Generator
    silent : bool
        Every value starts at 0.

    Examples
    --------
    >>> dqn = DoubleDqn((1, 8, 2), DoubleDqnConfig(gamma=0.0), np.random.default_rng(0))
    >>> one, over = np.ones((2, 1)), np.ones(2, bool)
    >>> for _ in range(3000):
    ...     _ = dqn.learn(one, np.array([0, 1]), np.array([0.2, 0.7]), one, over)
    >>> dqn.values(one[:1]).round(2).tolist()
    [[0.2, 0.7]]

    References
    ----------
    van Hasselt, Guez & Silver (2016). Deep reinforcement learning with double Q-learning.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        config: DoubleDqnConfig,
        generator: np.random.Generator,
        *,
        silent: bool = False,
    ) -> None:
        self.config = config
        self.online = Network(sizes, config.optimiser, generator, silent=silent)
        self.target = self.online.theta.copy()

    def values(self, states: np.ndarray) -> np.ndarray:
        """Q of every action, (B, A)."""
        return self.online.outputs(states).copy()

    def targets(
        self, rewards: np.ndarray, after: np.ndarray, terminated: np.ndarray, gamma: float | None = None
    ) -> np.ndarray:
        """Double-Q targets (B,); a truncated transition is not ``terminated`` and bootstraps."""
        gamma = self.config.gamma if gamma is None else gamma
        out = np.empty(len(rewards))
        if gamma == 0.0:
            out[:] = rewards
            return out
        online = self.values(after)
        target = self.online.outputs(after, self.target)
        double_q_targets(rewards, online, target, terminated, gamma, out)
        return out

    def learn(
        self,
        states: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        after: np.ndarray,
        terminated: np.ndarray,
        weights: np.ndarray | None = None,
        extra: np.ndarray | None = None,
        gamma: float | None = None,
    ) -> np.ndarray:
        """One step; returns the temporal-difference errors (B,) it was made on.

        ``extra`` (B, A) is the slope of a further loss by the values, e.g. of a logical one.
        """
        y = self.targets(rewards, after, terminated, gamma)
        values = self.online.outputs(states)
        slopes, errors = np.empty(values.shape), np.empty(len(y))
        weights = np.ones(len(y)) if weights is None else weights
        value_slopes(values, actions, y, weights, self.config.huber, slopes, errors)
        if extra is not None:
            slopes += extra
        self.online.step(states, slopes)
        follow(self.target, self.online.theta, self.config.soft_update)
        return errors

    def state(self) -> dict[str, Any]:
        """Both networks and the optimiser's state, as a tree."""
        return {**self.online.state(), "target": self.target.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.online.load(state)
        self.target = np.array(state["target"], np.float64)
