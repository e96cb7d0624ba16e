"""The night: replay, learn, judge on what no training has seen, adopt or refuse.

Phases AWAKE → LIGHT → DEEP → INTEGRATION → TRANSITION (specification eq. 42). A light night passes
through LIGHT and INTEGRATION, a deep one through DEEP as well.

The held-back slice is the last ``holdback_sessions`` trading days. A candidate trains only on episodes
that ended before that slice began; as the slice moves forward every night, the parameters in force
have never been trained on it either. Slices of consecutive nights overlap: parameters are chosen, though
never trained, on days that partly come again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.integration.brain import Brain
from janus_trader.contracts.memory import CandidateReport, Episodes, SleepPhase, SleepReport
from janus_trader.contracts.protocols import Learner
from janus_trader.foundation.config import Config
from janus_trader.foundation.rng import Rng


class SleepConfig(Config, frozen=True):
    """How a night learns and when a candidate may replace the day's parameters."""

    enabled: bool = True
    holdback_sessions: Annotated[int, Meta(ge=2, le=250, description="trading days held back")] = 21
    replay_light: Annotated[int, Meta(ge=1, le=4096, description="episodes replayed, light night")] = 64
    replay_deep: Annotated[int, Meta(ge=1, le=16384, description="episodes replayed, deep night")] = 512
    min_held_back: Annotated[int, Meta(ge=1, description="episodes needed to judge a candidate")] = 10
    min_train: Annotated[int, Meta(ge=1, description="episodes needed to train at all")] = 32
    tolerance: Annotated[float, Meta(ge=0.0, description="how much worse still counts as not worse")] = 0.0


#: An episode of the decision at bar t ends at bar t+2: training stops that far before the slice.
EPISODE_BARS = 2


class Sleep:
    """Runs nights over a `Brain`."""

    def __init__(self, config: SleepConfig, brain: Brain, rng: Rng) -> None:
        self.config, self.brain, self._rng = config, brain, rng

    def night(self, number: int, ts_event: int, *, deep: bool) -> SleepReport:
        """One night after a trading day; nothing outside the brain changes."""
        config, brain = self.config, self.brain
        before = brain.parameters_fingerprint
        phases = [SleepPhase.AWAKE, SleepPhase.LIGHT]
        generator = self._rng.child("replay").generator(number)
        boundary = self._boundary()
        held_back = brain.hippocampus.held_back(boundary)
        amount = config.replay_deep if deep else config.replay_light
        train = Episodes.of([])
        reports: list[CandidateReport] = []
        note = "learning is switched off"
        if config.enabled and "integration" not in brain.config.neutral:
            train = self._training(amount, boundary - EPISODE_BARS, generator)
            if deep:
                phases.append(SleepPhase.DEEP)
            phases.append(SleepPhase.INTEGRATION)
            note = self._hindrance(train, held_back)
            for learner in brain.learners() if not note else ():
                if deep or not learner.deep_only:
                    reports.extend(self._learn(learner, train, held_back, number))
        phases.append(SleepPhase.TRANSITION)
        return SleepReport(
            night=number,
            ts_event=ts_event,
            deep=deep,
            episodes=len(held_back),
            replayed=len(train),
            phases=tuple(phases),
            candidates=tuple(reports),
            ripples=brain.hippocampus.take_ripples(),
            parameters_before=before,
            parameters_after=brain.parameters_fingerprint,
            note=note,
        )

    def _boundary(self) -> int:
        """First bar of the held-back slice: so many trading days back, but never more than a quarter of what
        the hippocampus can hold, or there would be nothing left to train on where a day has many bars."""
        starts, memory = self.brain.session_steps, self.brain.hippocampus
        if not starts or not len(memory):
            return 0
        newest = int(memory.recent(1).step[0])
        days = starts[-min(self.config.holdback_sessions, len(starts))]
        return max(days, newest + 1 - memory.config.capacity // 4)

    def _training(self, amount: int, before_step: int, generator: np.random.Generator) -> Episodes:
        """Prioritised replay, corrected for its priorities, and every episode that became old enough since
        the last night, so that each is learned from at least once."""
        memory = self.brain.hippocampus
        replayed, weight = memory.replay(amount, before_step, generator)
        if len(replayed):
            replayed = replace(replayed, weight=weight / weight.mean())
        fresh = memory.held_back(self.brain.learned_until).before(before_step)
        self.brain.learned_until = max(self.brain.learned_until, before_step)
        return replayed.joined(fresh)

    def _hindrance(self, train: Episodes, held_back: Episodes) -> str:
        """Why nothing can be learned tonight, "" when something can."""
        config = self.config
        if len(train) < config.min_train:
            return f"{len(train)} episodes to train on, {config.min_train} needed"
        if len(held_back) < config.min_held_back:
            return f"{len(held_back)} episodes held back, {config.min_held_back} needed"
        return ""

    def _learn(
        self, learner: Learner, train: Episodes, held_back: Episodes, number: int
    ) -> list[CandidateReport]:
        generator = self._rng.child(learner.name).generator(number)
        candidate = learner.propose(train, generator)
        if candidate is None:
            return []
        current = learner.parameters()
        incumbent_score = learner.score(current, held_back)
        candidate_score = learner.score(candidate, held_back)
        finite = bool(np.isfinite(candidate_score))
        worse = not finite or candidate_score < incumbent_score - self.config.tolerance
        change = relative_change(current, candidate)
        if not worse:
            learner.adopt(candidate)
            self.brain.parameters_changed()
        return [
            CandidateReport(
                learner=learner.name,
                incumbent=float(incumbent_score) if np.isfinite(incumbent_score) else 0.0,
                candidate=float(candidate_score) if finite else 0.0,
                accepted=not worse,
                reason="not worse on the held-back slice" if not worse else "worse on the held-back slice",
                change=change,
            )
        ]


def _numbers(tree: Any) -> np.ndarray:
    if isinstance(tree, dict):
        parts = [_numbers(tree[key]) for key in sorted(tree)]
    elif isinstance(tree, (list, tuple)):
        parts = [_numbers(item) for item in tree]
    elif isinstance(tree, np.ndarray) and tree.dtype.kind in "fiub":
        return tree.astype(np.float64).ravel()
    elif isinstance(tree, (int, float)):
        return np.array([float(tree)])
    else:
        return np.empty(0)
    return np.concatenate(parts) if parts else np.empty(0)


def relative_change(old: Any, new: Any) -> float:
    """Size of a parameter change, ‖new − old‖ / max(‖old‖, ‖new‖) over every number in the two trees.

    >>> relative_change({"w": [3.0, 4.0]}, {"w": [3.0, 0.0]})
    0.8
    """
    a, b = _numbers(old), _numbers(new)
    if a.shape != b.shape:
        return 1.0
    finite = np.isfinite(a) & np.isfinite(b)
    norm = max(float(np.linalg.norm(a[finite])), float(np.linalg.norm(b[finite])))
    return float(np.linalg.norm((b - a)[finite])) / norm if norm > 0 else 0.0
