"""The feudal manager: every c bars a direction in the space of percepts (FuN; off by default).

By day a small dilated LSTM in numpy; by night its weights are trained with torch (extra ``ml``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.decision import Goal
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Fraction, Positive
from janus_trader.learning.feudal.reward import cosine, intrinsic_reward

Weights = dict[str, np.ndarray]


class ManagerConfig(Config, frozen=True):
    """The hierarchy's upper level; needs the extra ``ml`` when it is on."""

    enabled: bool = False
    horizon: Annotated[int, Meta(ge=1, le=256, description="c: bars a goal is in force")] = 10
    dilation: Annotated[Count, Meta(description="groups of the dilated LSTM")] = 4
    units: Count = 16
    epochs: Annotated[int, Meta(ge=1, le=1000, description="passes of a night")] = 30
    learning_rate: Positive = 5e-3
    discount: Fraction = 0.95
    min_steps: Annotated[Count, Meta(description="consecutive decisions before a night trains")] = 100


def require_torch() -> None:
    """Raise ConfigError where torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "the feudal manager learns with torch, which is not installed",
            got="cortex.manager.enabled=true",
            remedy="pip install 'janus-trader[ml]', or set cortex.manager.enabled=false",
        ) from error


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


class GoalNetwork:
    """Forward pass of `janus_trader.learning.feudal.networks.Manager` in numpy: equal to torch's to 1e-6.

    State: hidden and memory (groups, units) and the number of goals set. O(units (units + d)) a goal.
    """

    def __init__(self, weights: Weights, groups: int) -> None:
        self.weights = {name: np.array(value, dtype=np.float64) for name, value in weights.items()}
        units = self.weights["core.cell.weight_hh"].shape[1]
        self.hidden, self.memory, self.turn = np.zeros((groups, units)), np.zeros((groups, units)), 0

    def step(self, state: np.ndarray) -> np.ndarray:
        """The goal (d,) at unit length after the latent state (d,); zeros where the network says nothing."""
        w, group = self.weights, self.turn % len(self.hidden)
        gates = (
            w["core.cell.weight_ih"] @ state
            + w["core.cell.bias_ih"]
            + w["core.cell.weight_hh"] @ self.hidden[group]
            + w["core.cell.bias_hh"]
        )
        enter, forget, new, leave = np.split(gates, 4)
        self.memory[group] = _sigmoid(forget) * self.memory[group] + _sigmoid(enter) * np.tanh(new)
        self.hidden[group] = _sigmoid(leave) * np.tanh(self.memory[group])
        self.turn += 1
        goal = w["goal.weight"] @ self.hidden.mean(axis=0) + w["goal.bias"]
        size = float(np.linalg.norm(goal))
        return goal / size if size > 1e-12 else np.zeros_like(goal)


class FeudalManager:
    """Sets a `Goal` every ``horizon`` bars from the percept's context.

    Before the first night that trained it, or while a context is not finite, there is no goal. Its intrinsic
    reward (`janus_trader.learning.feudal.reward`) says how far the market went where the goal pointed: on a
    book that does not move the market it measures the manager's foresight, not the worker's obedience.

    Parameters
    ----------
    config : ManagerConfig

    Examples
    --------
    >>> manager = FeudalManager(ManagerConfig())
    >>> manager.step(np.zeros(4)) is None
    True
    """

    _goal: np.ndarray | None
    _age: int

    def __init__(self, config: ManagerConfig | None = None) -> None:
        self.config = config or ManagerConfig()
        if self.config.enabled:
            require_torch()
        self.reset()

    def step(self, context: np.ndarray) -> Goal | None:
        """Take in one bar's context (d,); the goal in force, or None. O(units d) at a new goal, else O(c d)."""
        x = np.asarray(context, dtype=np.float64)
        if self._network is None or not np.isfinite(x).all():
            return None
        c = self.config.horizon
        self._states.append(x.copy())
        del self._states[: -(c + 1)]
        if self._goal is None or self._age + 1 >= c:
            self._goal, self._age = self._network.step(x), 0
        else:
            self._age += 1
        self._goals.append(self._goal)
        del self._goals[: -(c + 1)]
        earned = float(intrinsic_reward(np.stack(self._states), np.stack(self._goals), c)[-1])
        return Goal(direction=self._goal.copy(), age=self._age, horizon=c, intrinsic=earned)

    def adopt(self, weights: Weights | None) -> None:
        """Put weights in force (None: none); the next bar sets a new goal."""
        self._network = None if weights is None else GoalNetwork(weights, self.config.dilation)
        self._states: list[np.ndarray] = []
        self._goals: list[np.ndarray] = []
        self._goal = None
        self._age = 0

    @property
    def weights(self) -> Weights | None:
        """A copy of the weights in force; None before the first training."""
        if self._network is None:
            return None
        return {name: value.copy() for name, value in self._network.weights.items()}

    def learners(self) -> list[ManagerLearner]:
        """What a night may train: nothing while the hierarchy is off."""
        return [ManagerLearner(self)] if self.config.enabled else []

    def reset(self) -> None:
        """No weights, no goal."""
        self.adopt(None)

    def snapshot(self) -> bytes:
        """State and weights as bytes."""
        net = self._network
        inner = None if net is None else {"hidden": net.hidden, "memory": net.memory, "turn": net.turn}
        return pack(
            {
                "weights": self.weights,
                "network": inner,
                "states": self._states,
                "goals": self._goals,
                "goal": self._goal,
                "age": self._age,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        tree: dict[str, Any] = unpack(raw)
        self.adopt(tree["weights"])
        if self._network is not None:
            hidden = np.array(tree["network"]["hidden"])
            if hidden.shape != self._network.hidden.shape:
                raise IntegrityError(
                    "manager does not fit", got=hidden.shape, expected=str(self._network.hidden.shape)
                )
            self._network.hidden, self._network.memory = hidden, np.array(tree["network"]["memory"])
            self._network.turn = int(tree["network"]["turn"])
        self._states = [np.array(s) for s in tree["states"]]
        self._goals = [np.array(g) for g in tree["goals"]]
        self._goal = None if tree["goal"] is None else np.array(tree["goal"])
        self._age = int(tree["age"])


def consecutive(episodes: Episodes) -> list[np.ndarray]:
    """Rows of the longest stretches of decisions one bar apart, each once, in order of time.

    >>> consecutive(Episodes.of([]))
    []
    """
    if not len(episodes):
        return []
    steps, first = np.unique(episodes.step, return_index=True)
    return [first[part] for part in np.split(np.arange(len(steps)), np.flatnonzero(np.diff(steps) != 1) + 1)]


class ManagerLearner:
    """The night's view of the manager (see `contracts.protocols.Learner`); deep nights only.

    Trains by the transition policy gradient ``A grad cos(s_{t+c} - s_t, g_t)`` on stretches of consecutive
    decisions, where s is the context and the advantage ``A`` the discounted reward of the next c bars beyond
    the value learned, in deviations. The score is the mean of that return, standardised over the held-back
    stretch, times the cosine: positive where goals point where good days went.
    """

    name = "feudal_manager"
    deep_only = True
    #: Transitions over a horizon need decisions in a row, which replay does not give.
    consecutive_bars = 504

    def __init__(self, manager: FeudalManager) -> None:
        self._manager = manager

    def parameters(self) -> Weights | None:
        """The weights in force."""
        return self._manager.weights

    def _transitions(self, episodes: Sequence[Episode]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each stretch: states (M, d) a horizon apart, moves (M, d) and returns (M,)."""
        e, c = Episodes.of(episodes), self._manager.config
        fade = c.discount ** np.arange(c.horizon)
        out = []
        for rows in consecutive(e):
            s, r = e.context[rows], e.reward[rows]
            for phase in range(c.horizon):
                at = np.arange(phase, len(rows) - c.horizon, c.horizon)
                if len(at) and np.isfinite(s[at]).all():
                    ahead = np.array([fade @ r[t : t + c.horizon] for t in at])
                    out.append((s[at], s[at + c.horizon] - s[at], ahead))
        return out

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> Weights | None:
        """Weights after some passes, from those in force or fresh; None with too few consecutive decisions."""
        stretches = self._transitions(train)
        if sum(len(s) for s, _, _ in stretches) < self._manager.config.min_steps:
            return None
        require_torch()
        from janus_trader.learning.feudal.offline import train_manager

        c = self._manager.config
        return train_manager(
            stretches,
            self._manager.weights,
            units=c.units,
            dilation=c.dilation,
            epochs=c.epochs,
            learning_rate=c.learning_rate,
            seed=int(rng.integers(2**31)),
        )

    def score(self, parameters: Weights | None, held_back: Sequence[Episode]) -> float:
        """Mean standardised return times cosine of move and goal; 0 without weights or transitions."""
        stretches = self._transitions(held_back)
        if parameters is None or not stretches:
            return 0.0
        returns = np.concatenate([r for _, _, r in stretches])
        deviation = float(returns.std())
        if deviation <= 0.0:
            return 0.0
        total = []
        for states, moves, ahead in stretches:
            network = GoalNetwork(parameters, self._manager.config.dilation)
            goals = np.stack([network.step(s) for s in states])
            total.append((ahead - returns.mean()) / deviation * cosine(moves, goals))
        return float(np.concatenate(total).mean())

    def adopt(self, parameters: Weights | None) -> None:
        """Put weights in force."""
        self._manager.adopt(parameters)
