"""The nightly learners of the policy: what they train on, what they are paid, how they are judged."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic
from janus_trader.brain.basal_ganglia.double_dqn import DoubleDqn
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.brain.basal_ganglia.policy_input import (
    CENTRE,
    KNOWN,
    POSITIONS,
    SCALE,
    filled,
    pair_up,
    policy_rows,
    position_column,
    row_size,
)
from janus_trader.brain.basal_ganglia.policy_payoffs import (
    choice_rewards,
    expected_errors,
    known_advantages,
    logical_slopes,
    positions_paid,
)
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.contracts.protocols import LogicLoss
from janus_trader.numerics.dense_network import activation_count, forward, softmax_rows


@dataclass(frozen=True)
class Rows:
    """Rows of (episode, instrument) pairs, instrument by instrument and in the order of time.

    ``states`` (B, size), ``position``, ``payoff``, ``weight`` (B,), ``facts`` (B, f), ``last`` (B,) where the next
    row is not the next bar; ``after`` (B, size) are the states one bar later, None where nobody recorded them:
    the position in them is the one the book held, where one choice or another would have led to its own.
    """

    states: np.ndarray
    position: np.ndarray
    payoff: np.ndarray
    weight: np.ndarray
    facts: np.ndarray
    last: np.ndarray
    after: np.ndarray | None


class PolicyLearner(ABC):
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
        self._judged: tuple[Episodes, np.ndarray, np.ndarray] | None = None
        self.reset()

    @abstractmethod
    def _make(self, generator: np.random.Generator) -> Any: ...

    @abstractmethod
    def _core_network(self) -> Any: ...

    @abstractmethod
    def _train(self, rows: Rows, share: float, generator: np.random.Generator) -> None: ...

    @abstractmethod
    def _errors(self, rows: Rows) -> np.ndarray: ...

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
        columns, config, n = Episodes.of(episodes), self.config, self.n
        if self._judged is None or self._judged[0] is not columns:  # a night judges twice on the same ones
            which, whom = np.tile(np.arange(len(columns)), n), np.repeat(np.arange(n), len(columns))
            payoff = np.ascontiguousarray(columns.payoff[:, 0, :], np.float64)
            self._judged = columns, self._states(columns, which, whom), payoff
        _, states, payoff = self._judged
        net = np.empty((n, len(columns)))
        probabilities = self.probabilities(states, parameters)
        positions_paid(probabilities, payoff, columns.step, config.cost, config.payoff_clip, net)
        return np.asarray(np.add.reduce(net, axis=0) / n)

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
        if parameters is None or parameters is self._parameters:
            theta = self.theta
        else:
            theta = np.asarray(parameters["network"]["theta"], np.float64)
        if len(self._buffer) < len(states):
            self._buffer = np.empty((len(states), self._buffer.shape[1]))
        buffer = self._buffer[: len(states)]
        forward(theta, self._layers, states, buffer)
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

    def _rows(self, episodes: Episodes, instruments: np.ndarray) -> Rows:
        count = len(episodes)
        size = count * len(instruments)
        which, whom = np.empty(size, np.int64), np.empty(size, np.int64)
        weight, payoff, last = np.empty(size), np.empty(size), np.empty(size, np.bool_)
        facts = np.empty((size, N_INSTRUMENT_FEATURES))
        # what a row without a future says must neither count nor flow back
        continues = np.ones(count, np.bool_) if episodes.continues is None else episodes.continues
        pair_up(
            instruments, episodes.step, continues, episodes.weight,
            np.ascontiguousarray(episodes.payoff[:, 0, :], np.float64), self._features(episodes),
            which, whom, weight, payoff, facts, last,
        )  # fmt: skip
        states = self._states(episodes, which, whom)
        return Rows(
            states=states,
            position=states[:, position_column(self.sources)].copy(),
            payoff=payoff,
            weight=weight,
            facts=facts,
            last=last,
            after=None if episodes.after is None else self._states(episodes.after, which, whom),
        )

    def _features(self, episodes: Episodes) -> np.ndarray:
        return filled(episodes.features, (len(episodes), self.n, N_INSTRUMENT_FEATURES))

    def _states(self, episodes: Episodes, which: np.ndarray, whom: np.ndarray) -> np.ndarray:
        held = filled(episodes.held, (len(episodes), self.n))
        states = np.empty((which.size, self.sizes[0]))
        signals = np.ascontiguousarray(episodes.signals, np.float64)
        context = np.ascontiguousarray(episodes.context, np.float64)
        policy_rows(
            self._features(episodes), signals, held, context, which, whom, self.unit, CENTRE, SCALE, states
        )
        return states

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
        out = np.empty((len(known), 3))
        logical_slopes(probabilities, np.asarray(slope, np.float64), known, weight, out)
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

    def _futures(self, rows: Rows) -> tuple[float, np.ndarray]:
        """Discount, and the value (B, 3) of the state that each choice led to."""
        if rows.after is None:
            return 0.0, np.zeros((len(rows.payoff), 3))
        column = position_column(self.sources)
        return self.config.actor_critic.gamma, self._core.values_at(rows.after, column, POSITIONS)

    def _train(self, rows: Rows, share: float, generator: np.random.Generator) -> None:
        gamma, future = self._futures(rows)
        probabilities, values = self._core.evaluate(rows.states)
        choices, returns = np.empty(probabilities.shape), np.empty(values.shape)
        known_advantages(
            probabilities, self._rewards(rows), future, values, rows.last, gamma, self.config.actor_critic.lam,
            choices, returns,
        )  # fmt: skip
        extra = self._logical_slope(probabilities, rows, share)
        weight = rows.weight if extra is None else share * rows.weight
        self._core.step(rows.states, probabilities, choices, returns, weight, extra)

    def _errors(self, rows: Rows) -> np.ndarray:
        gamma, future = self._futures(rows)
        probabilities, values = self._core.evaluate(rows.states)
        out = np.empty(values.shape)
        expected_errors(probabilities, self._rewards(rows), future, values, gamma, out)
        return out


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
        after = rows.after.copy()
        after[:, position_column(self.sources)] = POSITIONS[choice]
        return rewards, after, self.config.double_dqn.gamma

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
