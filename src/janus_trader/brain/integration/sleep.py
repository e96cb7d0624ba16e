"""The night: replay, learn, judge on what no training has seen, adopt or refuse, hand on what proved true.

Phases AWAKE → LIGHT → DEEP → INTEGRATION → TRANSITION (specification eq. 42) by the rules of
`janus_trader.brain.hippocampus.SleepCycle`. LIGHT and, in a deep night, DEEP cycles replay: first the sequences
around ripples, compressed, then episodes by priority. Learning takes place as INTEGRATION begins. In a deep
night ripples are told once more from then on, ever more compressed, and the cycles of DEEP and INTEGRATION collect
memories that were recalled, for the cortex.

The held-back slice is the last ``holdback_sessions`` trading days. A candidate trains only on episodes
that ended before that slice began; as the slice moves forward every night, the parameters in force
have never been trained on it either. Slices of consecutive nights overlap: parameters are chosen, though
never trained, on days that partly come again. What deep nights changed is judged once more on days lived since
(`LearningCurves`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import numpy as np
from msgspec import Meta

from janus_trader.brain.hippocampus import PhaseConfig, SleepCycle, SleepCyclesConfig
from janus_trader.brain.integration.brain import Brain
from janus_trader.brain.integration.learning_curves import LearningCurves
from janus_trader.contracts.memory import (
    CandidateReport,
    Consolidated,
    Episodes,
    LearningCurvePoint,
    SleepPhase,
    SleepReport,
)
from janus_trader.contracts.protocols import ErrorLearner, Learner
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction, Positive
from janus_trader.foundation.rng import Rng


class SleepConfig(Config, frozen=True):
    """How a night learns and when a candidate may replace the day's parameters."""

    enabled: bool = True
    holdback_sessions: Annotated[int, Meta(ge=2, le=250, description="trading days held back")] = 21
    replay_light: Annotated[int, Meta(ge=1, le=4096, description="episodes replayed, light night")] = 64
    replay_deep: Annotated[int, Meta(ge=1, le=16384, description="episodes replayed, deep night")] = 512
    ripple_share: Annotated[Fraction, Meta(description="share of the replay told around ripples")] = 0.2
    cycles: SleepCyclesConfig = SleepCyclesConfig()
    min_held_back: Annotated[int, Meta(ge=1, description="episodes needed to judge a candidate")] = 10
    min_train: Annotated[int, Meta(ge=1, description="episodes needed to train at all")] = 32
    tolerance: Annotated[float, Meta(ge=0.0, description="how much worse still counts as not worse")] = 0.0
    error_clip: Annotated[Positive, Meta(description="bound of an error, in mean errors of its learner")] = (
        5.0
    )
    curve_sessions: Annotated[
        int, Meta(ge=0, le=500, description="days lived before a deep night is judged, 0: never")
    ] = 21
    curve_bytes: Annotated[int, Meta(ge=0, description="larger parameters are not followed")] = 1 << 20


#: Where there is nothing to learn from.
_NOTHING = Episodes.of([])
#: An episode of the decision at bar t ends at bar t+2: training stops that far before the slice.
EPISODE_BARS = 2
#: A driver may hand on a decision one bar late: the first one after a night is this far after the last known.
_FIRST_AFTER = 2


@dataclass
class _Course:
    """What a night has told, learned and handed on so far."""

    drawn: list[Episodes] = field(default_factory=list)
    told: list[Episodes] = field(default_factory=list)
    mass: float = 0.0
    cycles: dict[str, int] = field(default_factory=dict)
    train: Episodes = _NOTHING
    reports: list[CandidateReport] = field(default_factory=list)
    passed: list[Consolidated] = field(default_factory=list)
    note: str = "learning is switched off"


class Sleep:
    """Runs nights over a `Brain`."""

    def __init__(self, config: SleepConfig, brain: Brain, rng: Rng) -> None:
        self.config, self.brain, self._rng = config, brain, rng
        self.curves = LearningCurves(config.curve_bytes)
        self._taught_until = 0  # episodes before this step are known to the cortex

    def night(self, number: int, ts_event: int, *, deep: bool) -> SleepReport:
        """One night after a trading day; nothing outside the brain changes."""
        brain, memory = self.brain, self.brain.hippocampus
        before = brain.parameters_fingerprint
        boundary = self._boundary()
        held_back = memory.held_back(boundary)
        curves = self._curves()
        course = _Course()
        if self.config.enabled and "integration" not in brain.config.neutral:
            self._pass_through(course, boundary - EPISODE_BARS, held_back, number, deep=deep)
        told = sum(map(len, course.told))
        return SleepReport(
            night=number,
            ts_event=ts_event,
            deep=deep,
            episodes=len(held_back),
            replayed=len(course.train),
            phases=(SleepPhase.AWAKE, *[SleepPhase(name) for name in course.cycles]),
            candidates=tuple(course.reports),
            ripples=memory.take_ripples(),
            parameters_before=before,
            parameters_after=brain.parameters_fingerprint,
            note=course.note,
            cycles=course.cycles,
            ripple_replays=told,
            compression=course.mass / told if told else 1.0,
            waiting=len(memory.queue),
            consolidated=len(course.passed),
            traces=memory.traces,
            curves=curves,
        )

    def _pass_through(
        self, course: _Course, before_step: int, held_back: Episodes, number: int, *, deep: bool
    ) -> None:
        """The cycles of a night, until it is over."""
        config, memory = self.config, self.brain.hippocampus
        generator = self._rng.child("replay").generator(number)
        cycle = SleepCycle(config.cycles, deep=deep)
        shares = cycle.shares(config.replay_deep if deep else config.replay_light)
        phase = cycle.advance(self.pressure, session_over=True)
        while phase is not SleepPhase.AWAKE:
            course.cycles[phase.value] = cycle.cycles
            parameters = cycle.parameters
            if parameters.replays:
                amount = shares[phase][cycle.cycles - 1]
                self._replay(course, parameters, amount, before_step, generator, deep=deep)
            if phase is SleepPhase.INTEGRATION and cycle.cycles == 1:
                course.train = self._training(course, before_step)
                course.note = self._hindrance(course.train, held_back)
                if not course.note:
                    course.reports += self._learn_all(course.train, held_back, number, deep=deep)
            if deep:
                course.passed += self._transfer(parameters, before_step)
            phase = cycle.advance(self.pressure)
        memory.fade_traces()
        if deep:
            self._hand_on(course.passed, before_step, number)

    @property
    def pressure(self) -> float:
        """How full the memory is of what no night has learned from, in [0, 1]."""
        memory = self.brain.hippocampus
        return memory.count_since(self.brain.learned_until) / memory.config.capacity

    def _boundary(self) -> int:
        """First bar of the held-back slice: so many trading days back, but never more than a quarter of what
        the hippocampus can hold, or there would be nothing left to train on where a day has many bars."""
        starts, memory = self.brain.session_steps, self.brain.hippocampus
        if not starts or not len(memory):
            return 0
        days = starts[-min(self.config.holdback_sessions, len(starts))]
        return max(days, memory.newest_step + 1 - memory.config.capacity // 4)

    # --- replay ---------------------------------------------------------------------------------------

    def _replay(
        self,
        course: _Course,
        phase: PhaseConfig,
        amount: int,
        before_step: int,
        generator: np.random.Generator,
        *,
        deep: bool,
    ) -> None:
        """One cycle: what stood out, compressed (in a light night only what cannot wait), then episodes by
        priority; together about ``amount``."""
        memory, share = self.brain.hippocampus, round(amount * self.config.ripple_share)
        told, mass = memory.replay_ripples(share, before_step, phase.compression, immediate=not deep)
        if len(told):
            course.told.append(told.weighted(mass / mass.mean()))
            course.mass += float(mass.sum())
        drawn, weight = memory.replay(max(amount - len(told), 0), before_step, generator)
        if len(drawn):
            course.drawn.append(drawn.weighted(weight / weight.mean()))

    def _transfer(self, phase: PhaseConfig, before_step: int) -> list[Consolidated]:
        """What a cycle hands on; once learning is over, what stood out is told again, which leaves traces."""
        config, memory = self.config, self.brain.hippocampus
        if not phase.replays:
            share = config.ripple_share * phase.intensity / config.cycles.integration_cycles
            memory.replay_ripples(round(config.replay_deep * share), before_step, phase.compression)
        return memory.consolidate(phase.threshold, before_step) if phase.threshold <= 1.0 else []

    def _training(self, course: _Course, before_step: int) -> Episodes:
        """What was replayed, corrected for the way it was chosen, and every episode that became old enough
        since the last night, so that each is learned from at least once."""
        brain = self.brain
        fresh = brain.hippocampus.held_back(brain.learned_until).before(before_step)
        brain.learned_until = max(brain.learned_until, before_step)
        return _NOTHING.joined(*course.drawn, *course.told, fresh)

    # --- learning -------------------------------------------------------------------------------------

    def _hindrance(self, train: Episodes, held_back: Episodes) -> str:
        """Why nothing can be learned tonight, "" when something can."""
        config = self.config
        if len(train) < config.min_train:
            return f"{len(train)} episodes to train on, {config.min_train} needed"
        if len(held_back) < config.min_held_back:
            return f"{len(held_back)} episodes held back, {config.min_held_back} needed"
        return ""

    def _learn_all(
        self, train: Episodes, held_back: Episodes, number: int, *, deep: bool
    ) -> list[CandidateReport]:
        """Every learner of the night, then what replay still owes their errors."""
        reports, errors = [], []
        for learner in self.brain.learners():
            if deep or not learner.deep_only:
                report = self._learn(learner, train, held_back, number, deep=deep)
                reports += [report] if report is not None else []
            if hasattr(learner, "errors"):
                found = cast(ErrorLearner, learner).errors(train)
                errors.append(_in_mean_errors(found, train.weight, self.config.error_clip))
        if errors:
            self.brain.hippocampus.update_priorities(train.step, np.mean(errors, axis=0))
        return reports

    def _learn(
        self, learner: Learner, train: Episodes, held_back: Episodes, number: int, *, deep: bool
    ) -> CandidateReport | None:
        generator = self._rng.child(learner.name).generator(number)
        candidate = learner.propose(self._lessons(learner, train), generator)
        if candidate is None:
            return None
        current = learner.parameters()
        incumbent_score = learner.score(current, held_back)
        candidate_score = learner.score(candidate, held_back)
        finite = bool(np.isfinite(candidate_score))
        worse = not finite or candidate_score < incumbent_score - self.config.tolerance
        change = relative_change(current, candidate)
        if not worse:
            if deep and self.config.curve_sessions:
                from_step = self.brain.hippocampus.latest_step + _FIRST_AFTER
                self.curves.remember(learner.name, number, current, candidate, from_step)
            learner.adopt(candidate)
            self.brain.parameters_changed()
        return CandidateReport(
            learner=learner.name,
            incumbent=float(incumbent_score) if np.isfinite(incumbent_score) else 0.0,
            candidate=float(candidate_score) if finite else 0.0,
            accepted=not worse,
            reason="not worse on the held-back slice" if not worse else "worse on the held-back slice",
            change=change,
        )

    def _lessons(self, learner: Learner, train: Episodes) -> Episodes:
        """What a learner trains on: the replay, or, where it needs bars in a row, the latest of them."""
        wanted = int(getattr(learner, "consecutive_bars", 0))
        if not wanted:
            return train
        before_step = self._boundary() - EPISODE_BARS
        return self.brain.hippocampus.held_back(before_step - wanted).before(before_step)

    def _curves(self) -> tuple[LearningCurvePoint, ...]:
        """Judgements of earlier deep nights that enough days have been lived for."""
        if not self.config.curve_sessions or not len(self.curves):
            return ()
        starts, memory = self.brain.session_steps, self.brain.hippocampus
        due = self.curves.due(
            lambda step: len(starts) - bisect_left(starts, step), self.config.curve_sessions
        )
        learners = {learner.name: learner for learner in self.brain.learners()} if due else {}
        points = []
        for change in due:
            if change.learner in learners:
                lived = memory.held_back(change.from_step)
                points.append(self.curves.judged(change, learners[change.learner], lived))
        return tuple(point for point in points if point is not None)

    def _hand_on(self, passed: list[Consolidated], before_step: int, number: int) -> None:
        """After a deep night the cortex takes in the memories that were recalled, and every episode that
        ended; each lies in its place again."""
        memory = self.brain.hippocampus
        ended = memory.held_back(self._taught_until).before(before_step)
        self._taught_until = max(self._taught_until, before_step)
        self.brain.cortex.consolidate(passed, self._rng.child("cortex").generator(number), ended)
        memory.settle_places()

    # --- state ----------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """What lies between nights: changes that are still to be judged, and what the cortex knows."""
        return pack({"curves": self.curves.state(), "taught_until": self._taught_until})

    def restore(self, raw: bytes) -> None:
        """Inverse of `snapshot`."""
        state = unpack(raw)
        self.curves.load(state["curves"])
        self._taught_until = int(state["taught_until"])


def _in_mean_errors(errors: np.ndarray, weight: np.ndarray, clip: float) -> np.ndarray:
    """Sizes of errors (E,) over their weighted mean, in [0, clip]; one that is not a number counts as 0.

    The importance weights undo the way the episodes were drawn, so that nights compare, and learners of
    different units as well.

    >>> _in_mean_errors(np.array([1.0, -3.0, np.nan]), np.ones(3), 5.0).tolist()
    [0.5, 1.5, 0.0]
    """
    size = np.abs(np.asarray(errors, np.float64))
    known = np.isfinite(size)
    if not known.any():
        return np.zeros(size.shape)
    counted = weight[known]
    mean = float((size[known] * counted).sum() / counted.sum())
    return np.where(known, np.minimum(size / mean, clip), 0.0) if mean > 0.0 else np.zeros(size.shape)


def _leaves(tree: Any, out: list[np.ndarray]) -> None:
    """Every number of a tree, appended to ``out`` in the order of the keys."""
    if isinstance(tree, np.ndarray):
        if tree.dtype.kind in "fiub":
            out.append(tree.ravel())
    elif isinstance(tree, dict):
        for key in sorted(tree):
            _leaves(tree[key], out)
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            _leaves(item, out)
    elif isinstance(tree, (int, float)):
        out.append(np.array([tree]))


def _numbers(tree: Any) -> np.ndarray:
    leaves: list[np.ndarray] = []
    _leaves(tree, leaves)
    return np.concatenate(leaves, dtype=np.float64) if leaves else np.empty(0)


def relative_change(old: Any, new: Any) -> float:
    """Size of a parameter change, ‖new − old‖ / max(‖old‖, ‖new‖) over every number in the two trees.

    >>> relative_change({"w": [3.0, 4.0]}, {"w": [3.0, 0.0]})
    0.8
    """
    a, b = _numbers(old), _numbers(new)
    if a.shape != b.shape:
        return 1.0
    old_square, new_square = float(a @ a), float(b @ b)
    if not (math.isfinite(old_square) and math.isfinite(new_square)):  # a number is not: compare the others
        finite = np.isfinite(a) & np.isfinite(b)
        a, b = a[finite], b[finite]
        old_square, new_square = float(a @ a), float(b @ b)
    norm = math.sqrt(max(old_square, new_square))
    change = b - a
    return math.sqrt(float(change @ change)) / norm if norm > 0 else 0.0
