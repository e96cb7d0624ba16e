"""The feudal worker: a library of skills, chosen by the manager's goal (off by default).

A skill is a direction in which the manager once pointed and what to do then: a tactical rule from the
features of each instrument to a stance. On a book that does not move the market the intrinsic reward does not
depend on the stance and drops out of the worker's objective; it scales how far the worker commits instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.decision import Goal
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.numerics.k_means import k_means

Skills = dict[str, np.ndarray]


class WorkerConfig(Config, frozen=True):
    """The hierarchy's lower level."""

    enabled: bool = False
    skills: Count = 4
    horizon: Annotated[Count, Meta(description="bars over which a transition is a direction")] = 10
    sharpness: Annotated[Positive, Meta(description="softmax gain on the cosine of goal and skill")] = 4.0
    ridge: Annotated[Positive, Meta(description="prior weight of no stance, in decisions")] = 100.0
    gain: Annotated[Positive, Meta(description="stance per volatility of expected payoff")] = 4.0
    feature_limit: Positive = 3.0
    min_decisions: Count = 100


class SkillWorker:
    """Turns a `Goal` and the instruments' features into an outlook (n,) in [-1, 1].

    ``outlook_i = c tanh(gain sum_k softmax(kappa cos(g, z_k)) x_i . u_k)`` with skill directions z_k and
    tactical weights u_k; ``c`` is 1/2 plus half the goal's intrinsic reward: a goal the market moves away
    from is not followed. Without a goal, before the first night, and for instruments without features: 0.
    O(K (d + n f)).

    Parameters
    ----------
    config : WorkerConfig

    Examples
    --------
    >>> worker = SkillWorker(WorkerConfig())
    >>> goal = Goal(direction=np.array([1.0, 0.0]), age=0, horizon=10)
    >>> worker.outlook(goal, np.zeros((3, 12))).tolist()
    [0.0, 0.0, 0.0]
    """

    def __init__(self, config: WorkerConfig | None = None) -> None:
        self.config = config or WorkerConfig()
        self.reset()

    def outlook(self, goal: Goal | None, features: np.ndarray) -> np.ndarray:
        """What the worker wants of each instrument, (n,) in [-1, 1], from features (n, f)."""
        x = np.asarray(features, dtype=np.float64)
        n, skills = len(x), self._skills
        if goal is None or skills is None or goal.direction.shape != skills["direction"].shape[1:]:
            return np.zeros(n)
        commitment = min(max(0.5 + 0.5 * goal.intrinsic, 0.0), 1.0)
        return commitment * _stances(x, self._chosen(goal.direction[None], skills)[0], skills, self.config)

    def _chosen(self, directions: np.ndarray, skills: Skills) -> np.ndarray:
        return _memberships(directions, skills["direction"], self.config.sharpness)

    def adopt(self, skills: Skills | None) -> None:
        """Put skills in force (None: none)."""
        self._skills = None if skills is None else {k: np.array(v, np.float64) for k, v in skills.items()}

    @property
    def skills(self) -> Skills | None:
        """A copy of the skills in force: ``direction`` (K, d) and ``tactic`` (K, f); None before the first night."""
        return None if self._skills is None else {k: v.copy() for k, v in self._skills.items()}

    def learners(self) -> list[WorkerLearner]:
        """What a night may train: nothing while the hierarchy is off."""
        return [WorkerLearner(self)] if self.config.enabled else []

    def reset(self) -> None:
        """No skills."""
        self.adopt(None)

    def snapshot(self) -> bytes:
        """The skills as bytes."""
        return pack(self._skills)

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when directions and tactics do not fit."""
        tree: dict[str, Any] | None = unpack(raw)
        if tree is not None and len(tree["direction"]) != len(tree["tactic"]):
            raise IntegrityError(
                "skills are torn", got=len(tree["tactic"]), expected=str(len(tree["direction"]))
            )
        self.adopt(tree)


def _memberships(directions: np.ndarray, skills: np.ndarray, sharpness: float) -> np.ndarray:
    # (m, K): softmax of the cosines of directions (m, d) and skills (K, d)
    size = np.linalg.norm(directions, axis=1, keepdims=True)
    cosine = directions / np.maximum(size, 1e-12) @ skills.T
    power = np.exp(sharpness * (cosine - cosine.max(axis=1, keepdims=True)))
    return power / power.sum(axis=1, keepdims=True)


def _bounded(features: np.ndarray, limit: float) -> np.ndarray:
    # rows that are not known, or not finite, are zero
    x = np.where(np.isfinite(features), features, 0.0)
    return np.clip(x, -limit, limit) * (np.isfinite(features).all(axis=-1) & (x[..., -1] > 0.0))[..., None]


def _stances(features: np.ndarray, member: np.ndarray, skills: Skills, config: WorkerConfig) -> np.ndarray:
    if features.ndim != 2 or features.shape[1] != skills["tactic"].shape[1]:
        return np.zeros(len(features))
    return np.tanh(config.gain * _bounded(features, config.feature_limit) @ (member @ skills["tactic"]))


class WorkerLearner:
    """The night's view of the worker (see `contracts.protocols.Learner`); deep nights only.

    Skills are the main directions in which the market moved over ``horizon`` bars (spherical k-means); each
    tactic is the ridge regression of payoffs on features over the decisions, weighted by how far the way the
    market went after them belongs to the skill: goals in hindsight. The score has none of it.
    """

    name = "feudal_worker"
    deep_only = True
    #: Directions over a horizon need decisions in a row, which replay does not give.
    consecutive_bars = 504

    def __init__(self, worker: SkillWorker) -> None:
        self._worker = worker

    def parameters(self) -> Skills | None:
        """The skills in force."""
        return self._worker.skills

    def _decisions(
        self, episodes: Sequence[Episode], *, hindsight: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Directions (m, d), features (m, n, f) and payoffs (m, n) of decisions.

        The direction is that of the ``horizon`` bars after the decision (``hindsight``) or before it.
        """
        e, c = Episodes.of(episodes), self._worker.config
        none = np.empty((0, 0)), np.empty((0, 0, 0)), np.empty((0, 0))
        if not len(e) or e.features.shape[-1] != N_INSTRUMENT_FEATURES:
            return none
        steps, first = np.unique(e.step, return_index=True)
        later = np.minimum(np.searchsorted(steps, steps + c.horizon), len(steps) - 1)
        early = np.flatnonzero(steps[later] == steps + c.horizon)
        start, end = first[early], first[later[early]]
        move = e.context[end] - e.context[start]
        size = np.linalg.norm(move, axis=1)
        use = np.isfinite(size) & (size > 1e-9)
        if not use.any():
            return none
        rows = (start if hindsight else end)[use]
        return move[use] / size[use, None], e.features[rows], e.payoff[rows, 0]

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> Skills | None:
        """Skills of these decisions; None while there are too few."""
        c = self._worker.config
        directions, features, payoff = self._decisions(train, hindsight=True)
        if len(directions) < max(c.min_decisions, c.skills):
            return None
        centres, _, _ = k_means(directions, c.skills, rng)
        size = np.linalg.norm(centres, axis=1, keepdims=True)
        centres = centres / np.maximum(size, 1e-12)
        member = _memberships(directions, centres, c.sharpness)
        x = _bounded(features, c.feature_limit)
        m, n, f = x.shape
        rows, pay = x.reshape(m * n, f), np.where(np.isfinite(payoff), payoff, 0.0).reshape(m * n)
        tactic = np.empty((len(centres), f))
        for k in range(len(centres)):
            w = np.repeat(member[:, k], n)
            normal = rows.T @ (w[:, None] * rows) + c.ridge * n * np.eye(f)
            tactic[k] = np.linalg.solve(normal, rows.T @ (w * pay))
        return {"direction": centres, "tactic": tactic}

    def score(self, parameters: Skills | None, held_back: Sequence[Episode]) -> float:
        """Mean over decisions of the mean stance times payoff; 0 without. No hindsight: in the manager's place
        stands a goal to go on as the market went."""
        directions, features, payoff = self._decisions(held_back, hindsight=False)
        if parameters is None or not len(directions):
            return 0.0
        c = self._worker.config
        member = _memberships(directions, np.asarray(parameters["direction"]), c.sharpness)
        skills = {k: np.asarray(v) for k, v in parameters.items()}
        stances = [_stances(x, m, skills, c) for x, m in zip(features, member, strict=True)]
        return float(
            np.mean(
                [(s * np.where(np.isfinite(p), p, 0.0)).mean() for s, p in zip(stances, payoff, strict=True)]
            )
        )

    def adopt(self, parameters: Skills | None) -> None:
        """Put skills in force."""
        self._worker.adopt(parameters)
