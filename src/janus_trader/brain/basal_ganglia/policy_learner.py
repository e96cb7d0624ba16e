"""The nightly learners of the policy: what they train on, what they are paid, how they are judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic
from janus_trader.brain.basal_ganglia.double_dqn import DoubleDqn
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.brain.basal_ganglia.policy_input import (
    CENTRE,
    KNOWN,
    POSITIONS,
    SCALE,
    filled,
    policy_rows,
    position_column,
    row_size,
)
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.contracts.protocols import LogicLoss
from janus_trader.numerics.advantage import generalised_advantages
from janus_trader.numerics.dense_network import activation_count, forward, softmax_rows


@dataclass(frozen=True)
class Rows:
    """Rows of (episode, instrument) pairs, instrument by instrument and in the order of time.

    ``states`` (B, size), ``position``, ``payoff``, ``weight`` (B,), ``facts`` (B, f), ``last`` (B,) where the next
    row is not the next bar; ``after`` (3B, size) are the states one bar later, a third for each position one
    could have taken, None where nobody recorded them.
    """

    states: np.ndarray
    position: np.ndarray
    payoff: np.ndarray
    weight: np.ndarray
    facts: np.ndarray
    last: np.ndarray
    after: np.ndarray | None


@njit(cache=True)
def choice_rewards(position, payoff, cost, clip, out):
    """What short, flat and long pay, (B, 3): a·payoff − cost·|a − position|, in volatilities. O(B).

    >>> out = np.empty((1, 3))
    >>> choice_rewards(np.ones(1), np.array([2.0]), 0.1, 3.0, out)
    >>> out.tolist()
    [[-2.2, -0.1, 2.0]]
    """
    for b in range(position.size):
        paid = min(max(payoff[b], -clip), clip)
        for c in range(3):
            a = c - 1.0
            out[b, c] = a * paid - cost * abs(a - position[b])


def softmax_slope(probabilities: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Slope by the logits of a loss whose slope by the probabilities is given; both (B, m).

    >>> softmax_slope(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
    mean = (probabilities * slope).sum(axis=1, keepdims=True)
    return np.asarray(probabilities * (slope - mean))


class PolicyLearner:
    r"""What both learners share: rows, rewards, the logical loss, judgement.

    One network serves every instrument. Its row holds the instrument's features, what each source says of it,
    the position held and the context; its choices are short, flat and long. A choice a pays

    .. math:: r_a = a \cdot payoff - c\,|a - position|

    so that, the market not caring about our position, a recorded bar says what each of the three would have
    paid, and what state it would have led to. Where the decision one bar later is not recorded
    (``Episodes.after`` is None) learning is one-step: the γ part is dropped.

    Parameters
    ----------
    config : PolicyConfig
    n, sources, context : int
        Instruments, signal sources, length of the context.
    """

    name = "policy"
    deep_only = False
    #: Outputs of the network.
    outputs = 3

    def __init__(self, config: PolicyConfig, n: int, sources: int, context: int) -> None:
        self.config, self.n, self.sources, self.context = config, n, sources, context
        self.sizes = (row_size(sources, context), *config.hidden, self.outputs)
        self.unit = 1.0 / n
        self._logic: LogicLoss | None = None
        self._core = self._make(np.random.Generator(np.random.PCG64(config.seed)))
        self._layers = self._core_network().sizes
        self._buffer = np.empty((0, activation_count(self._layers)))
        self._judged: tuple[Episodes, Rows] | None = None
        self.reset()

    def _make(self, generator: np.random.Generator) -> Any:
        raise NotImplementedError

    def _core_network(self) -> Any:
        raise NotImplementedError

    def _train(self, rows: Rows, share: float, generator: np.random.Generator) -> None:
        raise NotImplementedError

    def _errors(self, rows: Rows) -> np.ndarray:
        raise NotImplementedError

    def use_logic(self, logic: LogicLoss | None) -> None:
        """Train with these axioms from now on; None: without."""
        self._logic = logic

    def reset(self) -> None:
        """An untrained network: every choice equally likely."""
        self._core = self._make(np.random.Generator(np.random.PCG64(self.config.seed)))
        self.adopt({"network": self._core.state(), "nights": 0})

    def parameters(self) -> dict[str, Any]:
        """The parameters in force: networks, optimiser state, nights trained."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.theta = np.asarray(parameters["network"]["theta"], np.float64)

    @property
    def trained(self) -> bool:
        """Whether any night has trained it."""
        return int(self._parameters["nights"]) > 0

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Parameters after a few gradient steps on random instruments; None without episodes.

        Cost O(steps · rows · parameters), about 1.2 ms a step of 256 rows.
        """
        if not train:
            return None
        config, episodes = self.config, Episodes.of(train)
        nights = int(self._parameters["nights"])
        self._core.load(self._parameters["network"])
        count = len(episodes)
        per_step = min(self.n, max(1, config.rows // count))
        # A long night takes its episodes in stretches, so that a step never has many more rows than asked for.
        stretch = min(count, config.rows)
        starts = range(0, count, stretch)
        steps = math.ceil(config.share * count * self.n / (per_step * stretch))
        for number in range(min(config.steps, steps)):
            start = (number % len(starts)) * stretch
            part = episodes if stretch == count else episodes.taken(slice(start, start + stretch))
            chosen = np.sort(rng.choice(self.n, per_step, replace=False))
            self._train(self._rows(part, chosen), config.logic.share(nights), rng)
        return {"network": self._core.state(), "nights": nights + 1}

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean less ½·risk·variance of what the policy's positions paid per bar, net; 0 without episodes."""
        if not held_back:
            return 0.0
        paid = self.paid(held_back, parameters)
        return float(paid.mean() - 0.5 * self.config.score_risk * paid.var())

    def paid(self, episodes: Sequence[Episode], parameters: dict[str, Any] | None = None) -> np.ndarray:
        """Mean over the instruments of what positions π(long) − π(short) paid at each bar, net, (E,)."""
        columns, config = Episodes.of(episodes), self.config
        if self._judged is None or self._judged[0] is not columns:  # a night judges twice on the same ones
            self._judged = columns, self._rows(columns, np.arange(self.n), with_after=False)
        rows = self._judged[1]
        position = (self.probabilities(rows.states, parameters) @ POSITIONS).reshape(self.n, -1)
        payoff = np.clip(rows.payoff, -config.payoff_clip, config.payoff_clip).reshape(self.n, -1)
        change = np.abs(np.diff(position, axis=1, prepend=position[:, :1]))
        change[:, 1:][:, np.diff(columns.step) != 1] = 0.0
        return np.asarray((position * payoff - config.cost * change).mean(axis=0))

    def errors(self, episodes: Sequence[Episode]) -> np.ndarray:
        """Temporal-difference errors (E,) of the parameters in force: mean size over the instruments.

        Of a large book every n/5-th instrument is looked at; a priority need not be more exact.
        """
        if not episodes:
            return np.zeros(0)
        columns = Episodes.of(episodes)
        self._core.load(self._parameters["network"])
        errors = self._errors(self._rows(columns, np.arange(0, self.n, max(1, self.n // 5))))
        return np.asarray(np.abs(errors).reshape(-1, len(columns)).mean(axis=0))

    def probabilities(self, states: np.ndarray, parameters: dict[str, Any] | None = None) -> np.ndarray:
        """Probabilities (B, 3) of short, flat and long."""
        p = self._parameters if parameters is None else parameters
        if len(self._buffer) < len(states):
            self._buffer = np.empty((len(states), self._buffer.shape[1]))
        buffer = self._buffer[: len(states)]
        forward(np.asarray(p["network"]["theta"], np.float64), self._layers, states, buffer)
        out = np.empty((len(states), 3))
        first = buffer.shape[1] - self.outputs
        softmax_rows(buffer[:, first : first + 3], self.temperature, out)
        return out

    @property
    def layers(self) -> np.ndarray:
        """Sizes of the network's layers, input first."""
        return self._layers

    def activations(self, rows: int) -> np.ndarray:
        """Room for the activations of so many rows."""
        return np.empty((rows, activation_count(self._layers)))

    @property
    def temperature(self) -> float:
        """Temperature of the softmax over the outputs."""
        return 1.0

    def _rows(self, episodes: Episodes, instruments: np.ndarray, *, with_after: bool = True) -> Rows:
        count, m = len(episodes), len(instruments)
        which = np.tile(np.arange(count), m)
        whom = np.repeat(instruments, count)
        states, facts = self._states(episodes, which, whom)
        weight = episodes.weight[which]
        after = None
        if with_after and episodes.after is not None:
            after = np.concatenate([self._states(episodes.after, which, whom)[0]] * 3)
            after[:, position_column(self.sources)] = np.repeat(POSITIONS, count * m)
            if episodes.continues is not None:
                weight = weight * np.asarray(episodes.continues, np.float64)[which]
        last = np.ones(count, np.bool_)
        last[:-1] = np.diff(episodes.step) != 1
        if episodes.continues is not None:
            last[:-1] |= ~episodes.continues[1:]  # what a row without a future says must not flow back
        return Rows(
            states=states,
            position=states[:, position_column(self.sources)].copy(),
            payoff=np.ascontiguousarray(episodes.payoff[:, 0, :], np.float64)[which, whom],
            weight=weight,
            facts=facts,
            last=np.tile(last, m),
            after=after,
        )

    def _states(
        self, episodes: Episodes, which: np.ndarray, whom: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        count, f = len(episodes), N_INSTRUMENT_FEATURES
        features = filled(episodes.features, (count, self.n, f))
        held = filled(episodes.held, (count, self.n))
        states = np.empty((which.size, self.sizes[0]))
        signals = np.ascontiguousarray(episodes.signals, np.float64)
        context = np.ascontiguousarray(episodes.context, np.float64)
        policy_rows(features, signals, held, context, which, whom, self.unit, CENTRE, SCALE, states)
        return states, features[which, whom]

    def _rewards(self, rows: Rows) -> np.ndarray:
        out = np.empty((len(rows.payoff), 3))
        choice_rewards(rows.position, rows.payoff, self.config.cost, self.config.payoff_clip, out)
        return out

    def _logical_slope(self, probabilities: np.ndarray, rows: Rows, share: float) -> np.ndarray | None:
        """Slope (B, 3) by the logits of (1 − α)·λ·(1 − SAT); None without axioms or without known facts."""
        weight = (1.0 - share) * self.config.logic.weight
        known = rows.facts[:, KNOWN] > 0.0
        if self._logic is None or weight == 0.0 or not known.any():
            return None
        # All rows are handed over, so that every batch has one size; those not known get no say.
        _, slope, _ = self._logic.loss(probabilities, rows.facts)
        out = weight * softmax_slope(probabilities, np.asarray(slope, np.float64))
        out[~known] = 0.0
        return out


class ActorCriticLearner(PolicyLearner):
    r"""The actor-critic over positions (light).

    Every choice's advantage is known, :math:`A_a = r_a + \gamma V(s'_a) - V(s)`, so the actor follows the exact
    gradient of :math:`\sum_a \pi_a A_a` (no choice is drawn). The critic is led to V + GAE along bars that
    follow each other, with the policy's expected reward; a stretch that is cut off bootstraps.
    """

    name = "actor_critic"
    outputs = 4

    def _make(self, generator: np.random.Generator) -> ActorCritic:
        return ActorCritic(self.sizes, self.config.actor_critic, generator, silent=True)

    def _core_network(self) -> Any:
        return self._core.network

    def _advantages(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities (B, 3), advantages of every choice (B, 3), GAE of the policy and values (B,)."""
        c, count = self.config.actor_critic, len(rows.payoff)
        gamma, future = 0.0, np.zeros((count, 3))
        if rows.after is not None:
            gamma = c.gamma
            future = self._core.evaluate(rows.after)[1].reshape(3, count).T.copy()
        probabilities, values = self._core.evaluate(rows.states)
        rewards = self._rewards(rows)
        expected = (probabilities * rewards).sum(axis=1)
        after = (probabilities * future).sum(axis=1)
        advantage = np.empty(count)
        never = np.zeros(count, np.bool_)
        generalised_advantages(expected, values, after, never, rows.last, gamma, c.lam, advantage)
        return probabilities, rewards + gamma * future - values[:, None], advantage, values

    def _train(self, rows: Rows, share: float, generator: np.random.Generator) -> None:
        probabilities, choices, advantage, values = self._advantages(rows)
        extra = self._logical_slope(probabilities, rows, share)
        weight = rows.weight if extra is None else share * rows.weight
        self._core.step(rows.states, probabilities, choices, values + advantage, weight, extra)

    def _errors(self, rows: Rows) -> np.ndarray:
        probabilities, choices, _, _ = self._advantages(rows)
        return np.asarray((probabilities * choices).sum(axis=1))


class DoubleDqnLearner(PolicyLearner):
    """Double DQN over positions (light): a random choice per row, its reward and the state it led to."""

    name = "double_dqn"
    outputs = 3

    def _make(self, generator: np.random.Generator) -> DoubleDqn:
        return DoubleDqn(self.sizes, self.config.double_dqn, generator, silent=True)

    def _core_network(self) -> Any:
        return self._core.online

    @property
    def temperature(self) -> float:
        """Temperature of the softmax over the values."""
        return self.config.temperature

    def _transitions(self, rows: Rows, choice: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        count = len(rows.payoff)
        rewards = self._rewards(rows)[np.arange(count), choice]
        if rows.after is None:
            return rewards, rows.states, 0.0
        return rewards, rows.after[choice * count + np.arange(count)], self.config.double_dqn.gamma

    def _train(self, rows: Rows, share: float, generator: np.random.Generator) -> None:
        choice = generator.integers(0, 3, len(rows.payoff))
        rewards, after, gamma = self._transitions(rows, choice)
        probabilities = np.empty((len(choice), 3))
        softmax_rows(self._core.online.outputs(rows.states), self.temperature, probabilities)
        extra = self._logical_slope(probabilities, rows, share)
        weight = rows.weight if extra is None else share * rows.weight
        never = np.zeros(len(choice), np.bool_)
        extra = None if extra is None else extra / self.temperature
        self._core.learn(rows.states, choice, rewards, after, never, weight, extra, gamma)

    def _errors(self, rows: Rows) -> np.ndarray:
        choice = self._core.values(rows.states).argmax(axis=1)
        rewards, after, gamma = self._transitions(rows, choice)
        never = np.zeros(len(choice), np.bool_)
        targets = self._core.targets(rewards, after, never, gamma)
        return np.asarray(targets - self._core.values(rows.states)[np.arange(len(choice)), choice])
