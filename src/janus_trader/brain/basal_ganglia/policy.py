"""The learned policy by day: what it would do with every instrument, and how much that counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.brain.basal_ganglia.habit import HabitCache
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

_NOTHING = np.empty(0)


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
        self._unknown = np.zeros((1, n, N_INSTRUMENT_FEATURES))
        self._in_force: tuple[Any, ...] = ()

    def learners(self) -> list[Any]:
        """The trust first: it judges the networks before they are trained on the bars it judges."""
        return [self.trust, *self.networks] if self.networks else []

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
        if not any(network.trained for network in self.networks):
            return _NOTHING, 0.0, _NOTHING
        shape = (self.n, N_INSTRUMENT_FEATURES)
        features = percept.features[None] if percept.features.shape == shape else self._unknown
        policy_rows(
            features, signals.values[None], held[None], percept.context[None], self._episode,
            self._instrument, 1.0 / self.n, CENTRE, SCALE, self._rows,
        )  # fmt: skip
        out = np.empty((self.n, 3))
        if not self.config.habit.enabled:
            out[:] = self._choose(self._rows)
            return out, float(self.trust.weights.max()), np.zeros(self.n, np.bool_)
        missing = self.habits.recall(self._rows, self._columns, cell, out)
        habit = self.habits.habit.copy()
        if missing:
            out[~habit] = self._choose(self._rows[~habit] if missing < self.n else self._rows)
            self.habits.keep(out)
        return out, float(self.trust.weights.max()), habit

    def _choose(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities of the networks, weighed by their trust where there are two."""
        if len(self.networks) == 1:
            return self.networks[0].probabilities(rows)
        weights = self.trust.weights
        total = float(weights.sum())
        shares = weights / total if total > 0.0 else np.full(len(weights), 1.0 / len(weights))
        return np.asarray(sum(s * x.probabilities(rows) for s, x in zip(shares, self.networks, strict=True)))

    def _changed(self) -> bool:
        now = tuple(x.parameters() for x in self.learners())
        same = len(now) == len(self._in_force) and all(
            a is b for a, b in zip(now, self._in_force, strict=True)
        )
        self._in_force = now
        return not same

    def state(self) -> dict[str, Any]:
        """Habits; what was learned is in the learners' parameters."""
        return self.habits.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`, after the learners have adopted their parameters."""
        self._changed()
        self.habits.load(state)
