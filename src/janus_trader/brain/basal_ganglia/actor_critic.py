"""Actor and critic in one network, by advantages or by eligibility traces. Knows nothing of markets."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.basal_ganglia.network import Network, OptimiserConfig
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive
from janus_trader.numerics.advantage import generalised_advantages, trace_step
from janus_trader.numerics.dense_network import outputs_at, softmax_rows


class ActorCriticConfig(Config, frozen=True):
    """Discount, traces, and what the two losses weigh."""

    gamma: Annotated[Fraction, Meta(description="discount of the next state's value")] = 0.99
    lam: Annotated[Fraction, Meta(description="λ of the advantages and of the traces")] = 0.95
    entropy: Annotated[NonNegative, Meta(description="reward of an undecided policy")] = 0.01
    critic: Annotated[NonNegative, Meta(description="weight of the critic's squared error")] = 0.5
    trace_rate: Annotated[Positive, Meta(description="step size of online learning by traces")] = 0.01
    optimiser: OptimiserConfig = OptimiserConfig()


@njit(cache=True)
def policy_slopes(outputs, probabilities, advantages, returns, weights, entropy, critic, slopes):
    r"""Slopes (B, A + 1) of the mean weighted loss by logits and value.

    .. math:: L = -\sum_a \pi(a)\, A_a - h\, H(\pi) + c\,(V - y)^2

    ``advantages`` is (B, A), for every action: the exact gradient where all are known, and the sampled one
    where only the action taken has an entry, A / π(a) (its slope is then that of -A log π(a)). O(B·A).
    """
    rows, actions = probabilities.shape
    for b in range(rows):
        mean, h = 0.0, 0.0
        for a in range(actions):
            p = probabilities[b, a]
            mean += p * advantages[b, a]
            if p > 0.0:
                h -= p * np.log(p)
        w = weights[b] / rows
        for a in range(actions):
            p = probabilities[b, a]
            slope = -p * (advantages[b, a] - mean)
            if p > 0.0:
                slope += entropy * p * (np.log(p) + h)
            slopes[b, a] = w * slope
        slopes[b, actions] = w * 2.0 * critic * (outputs[b, actions] - returns[b])


class ActorCritic:
    r"""A policy π(a | s) = softmax(logits) and a value V(s) that share their hidden layers.

    `learn` takes a rollout: advantages by GAE, one AdamW step on the policy gradient, the critic towards
    A + V. `follow` learns after every transition by eligibility traces (TD(λ) for the critic, the same δ along
    ∇ log π for the actor).

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes; the last is the number of actions plus one.
    config : ActorCriticConfig
    generator : numpy Generator
    silent : bool
        Starts undecided: every action equally likely, every value 0.

    Examples
    --------
    >>> ac = ActorCritic((1, 4, 3), ActorCriticConfig(), np.random.default_rng(0), silent=True)
    >>> ac.probabilities(np.ones((1, 1))).tolist()
    [[0.5, 0.5]]

    References
    ----------
    Schulman et al. (2016); Sutton & Barto (2018), section 13.5.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        config: ActorCriticConfig,
        generator: np.random.Generator,
        *,
        silent: bool = False,
    ) -> None:
        self.config, self.actions = config, sizes[-1] - 1
        self.network = Network(sizes, config.optimiser, generator, silent=silent)
        self._trace_actor, self._trace_critic = (np.zeros_like(self.network.theta) for _ in range(2))

    def evaluate(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (B, A) and values (B,)."""
        outputs = self.network.outputs(states)
        probabilities = np.empty((len(states), self.actions))
        softmax_rows(outputs[:, : self.actions], 1.0, probabilities)
        return probabilities, outputs[:, self.actions].copy()

    def values_at(self, states: np.ndarray, column: int, choices: np.ndarray) -> np.ndarray:
        """Values (B, m) of states with each of ``choices`` (m,) in one of their columns."""
        out = np.empty((len(states), choices.size))
        outputs_at(self.network.theta, self.network.sizes, states, column, choices, self.actions, out)
        return out

    def probabilities(self, states: np.ndarray) -> np.ndarray:
        """Probabilities (B, A)."""
        return self.evaluate(states)[0]

    def act(self, state: np.ndarray, generator: np.random.Generator) -> int:
        """An action drawn from π(· | s) for a state (d,)."""
        p = self.probabilities(state[None, :])[0]
        return min(int(np.searchsorted(np.cumsum(p), generator.random())), self.actions - 1)

    def learn(
        self,
        states: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        after: np.ndarray,
        terminated: np.ndarray,
        last: np.ndarray,
    ) -> np.ndarray:
        """One step on rows in the order of time, ``last`` where nothing recorded follows; returns GAE (T,).

        A row that is ``last`` but not ``terminated`` was cut off and bootstraps from the value of ``after``.
        """
        c = self.config
        _, future = self.evaluate(after)
        probabilities, values = self.evaluate(states)
        advantages = np.empty(len(rewards))
        generalised_advantages(rewards, values, future, terminated, last, c.gamma, c.lam, advantages)
        taken = np.zeros_like(probabilities)
        rows = np.arange(len(rewards))
        taken[rows, actions] = advantages / probabilities[rows, actions]
        self.step(states, probabilities, taken, values + advantages, np.ones(len(rewards)))
        return advantages

    def step(
        self,
        states: np.ndarray,
        probabilities: np.ndarray,
        advantages: np.ndarray,
        returns: np.ndarray,
        weights: np.ndarray,
        extra: np.ndarray | None = None,
    ) -> None:
        """One optimiser step; ``advantages`` (B, A) for every action, ``extra`` a further slope by the logits."""
        c = self.config
        outputs = self.network.latest(states)
        slopes = np.empty((len(states), self.actions + 1))
        policy_slopes(outputs, probabilities, advantages, returns, weights, c.entropy, c.critic, slopes)
        if extra is not None:
            slopes[:, : self.actions] += extra
        self.network.step(states, slopes)

    def begin(self) -> None:
        """An episode begins: traces are empty."""
        self._trace_actor[:] = 0.0
        self._trace_critic[:] = 0.0

    def follow(
        self, state: np.ndarray, action: int, reward: float, after: np.ndarray, *, terminated: bool
    ) -> float:
        """Learn from one transition by TD(λ) traces; returns its temporal-difference error δ."""
        c, net = self.config, self.network
        rows = np.stack([state, after])
        probabilities, values = self.evaluate(rows)
        delta = reward + (0.0 if terminated else c.gamma * values[1]) - values[0]
        here = rows[:1]
        critic = net.gradient(here, self._slope(value=1.0)).copy()
        actor = net.gradient(here, self._slope(log_policy=(probabilities[0], action)))
        for trace, slope in ((self._trace_critic, critic), (self._trace_actor, actor)):
            trace_step(net.theta, trace, slope, delta, c.trace_rate, c.gamma * c.lam)
        net.changed()
        return float(delta)

    def _slope(self, value: float = 0.0, log_policy: tuple[np.ndarray, int] | None = None) -> np.ndarray:
        out = np.zeros((1, self.actions + 1))
        out[0, self.actions] = value
        if log_policy is not None:
            probabilities, action = log_policy
            out[0, : self.actions] = -probabilities
            out[0, action] += 1.0
        return out

    def state(self) -> dict[str, Any]:
        """Network and optimiser state, as a tree."""
        return self.network.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`; traces are emptied."""
        self.network.load(state)
        self.begin()
