"""The learned policy by day: what it would do with every instrument, and how much that counts."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.basal_ganglia.habit import HabitCache, keep_choices, recall_habits
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.brain.basal_ganglia.policy_input import (
    CENTRE,
    SCALE,
    policy_rows,
    position_column,
)
from janus_trader.brain.basal_ganglia.policy_learner import (
    ActorCriticLearner,
    DoubleDqnLearner,
    PolicyLearner,
)
from janus_trader.brain.basal_ganglia.policy_trust import PolicyTrust
from janus_trader.contracts.decision import Percept, SignalPanel
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.protocols import LogicLoss
from janus_trader.numerics.dense_network import forward, softmax_rows

_NOTHING = np.empty(0)


@njit(cache=True)
def decide_step(
    features, signals, held, context, episode, instruments, centre, scale, rows, columns, cell, bar, keys, visits,
    made, choices, familiar, lasting, slots, habit, theta, sizes, activations, temperature, out,
):  # fmt: skip
    """Rows, habits and, where there is none, the network's choice: what `Policy.decide` does, in one call."""
    policy_rows(
        features.reshape((1, features.shape[0], features.shape[1])),
        signals.reshape((1, signals.shape[0], signals.shape[1])),
        held.reshape((1, held.size)),
        context.reshape((1, context.size)),
        episode, instruments, 1.0 / instruments.size, centre, scale, rows,
    )  # fmt: skip
    missing = recall_habits(
        rows, columns, cell, bar, keys, visits, made, choices, familiar, lasting, slots, habit, out
    )
    if missing == 0:
        return
    first = activations.shape[1] - sizes[sizes.size - 1]
    for i in range(habit.size):
        if not habit[i]:
            row = activations[i : i + 1]
            forward(theta, sizes, rows[i : i + 1], row)
            softmax_rows(row[:, first : first + 3], temperature, out[i : i + 1])
    keep_choices(bar, slots, habit, made, choices, out)


class Policy:
    """One network per learner, the trust they earned, and the habits their choices become.

    Parameters
    ----------
    config : PolicyConfig
    n, sources, context : int
        Instruments, signal sources, length of the context.

    Notes
    -----
    Says nothing (no probabilities, weight 0) until a night has trained it. Cost O(n · parameters), about 25 µs
    for 20 instruments; less where habit decides.
    """

    def __init__(self, config: PolicyConfig, n: int, sources: int, context: int) -> None:
        self.config, self.n = config, n
        kinds: dict[str, tuple[type[PolicyLearner], ...]] = {
            "actor_critic": (ActorCriticLearner,),
            "double_dqn": (DoubleDqnLearner,),
            "blend": (ActorCriticLearner, DoubleDqnLearner),
            "off": (),
        }
        self.networks = tuple(kind(config, n, sources, context) for kind in kinds[config.kind])
        self.trust = PolicyTrust(config.trust, self.networks)
        self.habits = HabitCache(config.habit, n)
        self._columns = position_column(sources) + 1
        self._rows = np.zeros((n, self._columns + context))
        self._episode, self._instrument = np.zeros(n, np.int64), np.arange(n)
        self._unknown = np.zeros((n, N_INSTRUMENT_FEATURES))
        self._learners: tuple[Any, ...] = (self.trust, *self.networks) if self.networks else ()
        self._in_force: tuple[Any, ...] = ()
        self._trained, self._weight = False, 0.0  # of the parameters in force
        self._activations = self.networks[0].activations(n) if self.networks else _NOTHING

    def learners(self) -> list[Any]:
        """The trust first: it judges the networks before they are trained on the bars it judges."""
        return list(self._learners)

    def use_logic(self, logic: LogicLoss | None) -> None:
        """Train with these axioms."""
        for network in self.networks:
            network.use_logic(logic)

    def reset(self) -> None:
        """Forget everything learned."""
        for learner in self.learners():
            learner.reset()
        self.habits.reset()
        self._in_force = ()

    def decide(
        self, percept: Percept, signals: SignalPanel, held: np.ndarray, cell: int
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Probabilities (n, 3), weight in [0, 1], and which choices came from habit (n,); empty where untrained."""
        changed = self._changed()
        self.habits.begin(int(percept.regime.dominant), changed=changed)
        if not self._trained:
            return _NOTHING, 0.0, _NOTHING
        known = percept.features.shape == self._unknown.shape
        features = percept.features if known else self._unknown
        out = np.empty((self.n, 3))
        if len(self.networks) == 1 and self.config.habit.enabled:
            self._decide(features, signals.values, held, percept.context, cell, out)
            return out, self._weight, self.habits.habit.copy()
        policy_rows(
            features[None], signals.values[None], held[None], percept.context[None], self._episode,
            self._instrument, 1.0 / self.n, CENTRE, SCALE, self._rows,
        )  # fmt: skip
        if not self.config.habit.enabled:
            out[:] = self._choose(self._rows)
            return out, self._weight, np.zeros(self.n, np.bool_)
        missing = self.habits.recall(self._rows, self._columns, cell, out)
        habit = self.habits.habit.copy()
        if missing:
            out[~habit] = self._choose(self._rows[~habit] if missing < self.n else self._rows)
            self.habits.keep(out)
        return out, self._weight, habit

    def _decide(
        self,
        features: np.ndarray,
        signals: np.ndarray,
        held: np.ndarray,
        context: np.ndarray,
        cell: int,
        out: np.ndarray,
    ) -> None:
        """The choices of the one network there is, with habits, in one compiled call."""
        network, habits, c = self.networks[0], self.habits, self.config.habit
        habits.used()
        decide_step(
            np.ascontiguousarray(features), np.ascontiguousarray(signals), np.ascontiguousarray(held),
            np.ascontiguousarray(context), self._episode, self._instrument, CENTRE, SCALE, self._rows,
            self._columns, cell, habits.bar, habits.keys, habits.visits, habits.made, habits.choices, c.visits,
            c.bars, habits.slots, habits.habit, network.theta, network.layers, self._activations,
            network.temperature, out,
        )  # fmt: skip

    def _choose(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities of the networks, weighed by their trust where there are two."""
        if len(self.networks) == 1:
            return self.networks[0].probabilities(rows)
        weights = self.trust.weights
        total = float(weights.sum())
        shares = weights / total if total > 0.0 else np.full(len(weights), 1.0 / len(weights))
        return np.asarray(sum(s * x.probabilities(rows) for s, x in zip(shares, self.networks, strict=True)))

    def _changed(self) -> bool:
        """Whether other parameters are in force than a bar ago; what follows from them alone is then found anew."""
        now = tuple([x.parameters() for x in self._learners])
        if len(now) == len(self._in_force) and all(map(is_, now, self._in_force)):
            return False
        self._in_force = now
        self._trained = any(network.trained for network in self.networks)
        self._weight = float(self.trust.weights.max()) if self._trained else 0.0
        return True

    def state(self) -> dict[str, Any]:
        """Habits; what was learned is in the learners' parameters."""
        return self.habits.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`, after the learners have adopted their parameters."""
        self._changed()
        self.habits.load(state)
