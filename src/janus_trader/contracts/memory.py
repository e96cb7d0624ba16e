"""Episodes of the day and the report of a night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from itertools import chain
from typing import Any, overload

import msgspec
import numpy as np

from janus_trader.contracts.message import Message


class Episode(Message, frozen=True):
    """A decision together with what became of it.

    Attributes
    ----------
    step, ts_event : int
        Of the decision.
    context : (d,) float array
        The percept's context vector.
    posterior : (7,) float array
        Regime probabilities at the decision.
    signals : (k, n) float32 array
        What each source wanted.
    payoff : (k, n) float32 array
        What following each source in each instrument paid per unit of signal: the return from the
        earliest possible fill to the bar after it, over that instrument's volatility, NaN-free.
    weights : (n,) float32 array
        The weights allowed.
    reward : float
        Return of the book over the same interval, net of costs.
    cost : float
        Costs over the same interval as a fraction of equity.
    fear, surprise, confidence : float
        Emotional tags in [0, 1].
    ripple : str
        The strongest ripple type this episode would raise ("" for none).
    features : (n, f) float32 array
        `janus_trader.contracts.features.INSTRUMENT_FEATURES` of every instrument at the decision.
    held : (n,) float32 array
        The weights held when the decision was made.
    violation : float
        How far the decision broke the market axioms, 1 − satisfaction in [0, 1]; 0 where no logic spoke.
    """

    step: int
    ts_event: int
    context: np.ndarray
    posterior: np.ndarray
    signals: np.ndarray
    payoff: np.ndarray
    weights: np.ndarray
    reward: float
    cost: float
    fear: float
    surprise: float
    confidence: float
    ripple: str = ""
    features: np.ndarray = msgspec.field(default_factory=lambda: np.empty((0, 0)))
    held: np.ndarray = msgspec.field(default_factory=lambda: np.empty(0))
    violation: float = 0.0


@dataclass(frozen=True, eq=False)
class Episodes(Sequence[Episode]):
    """Many episodes as columns, the form in which a night learns; also a sequence of `Episode`.

    Shapes for ``E`` episodes, ``k`` sources, ``n`` instruments: ``step``, ``ts_event``, ``reward``, ``cost``,
    ``fear``, ``surprise``, ``confidence``, ``violation`` (E,); ``context`` (E, d); ``posterior`` (E, 7);
    ``signals`` and ``payoff`` (E, k, n); ``weights`` (E, n); ``ripple`` a tuple of E texts; ``features``
    (E, n, f); ``held`` (E, n). ``weight`` (E,) corrects for the way the episodes were drawn (importance
    weights, eq. 41; 1 where each counts as it is).

    ``after`` holds, row for row, the episodes of the decisions that came one bar later, and ``continues`` (E,)
    says where there is one (a row without one repeats the episode itself); both are None where nobody asked
    for them. A row without a successor is cut off there, not ended.

    >>> len(Episodes.of([]))
    0
    """

    step: np.ndarray
    ts_event: np.ndarray
    context: np.ndarray
    posterior: np.ndarray
    signals: np.ndarray
    payoff: np.ndarray
    weights: np.ndarray
    reward: np.ndarray
    cost: np.ndarray
    fear: np.ndarray
    surprise: np.ndarray
    confidence: np.ndarray
    ripple: tuple[str, ...]
    weight: np.ndarray
    features: np.ndarray
    held: np.ndarray
    after: Episodes | None = None
    continues: np.ndarray | None = None
    violation: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.violation.shape != self.step.shape:
            object.__setattr__(self, "violation", np.zeros(len(self.step)))

    @classmethod
    def of(cls, episodes: Sequence[Episode]) -> Episodes:
        """Columns of any sequence of episodes; one that has them already is returned as it is."""
        if isinstance(episodes, cls):
            return episodes
        rows = list(episodes)

        def stacked(name: str, dimensions: int) -> np.ndarray:
            if not rows:
                return np.zeros((0,) * dimensions)
            return np.stack([np.asarray(getattr(e, name), dtype=np.float64) for e in rows])

        return cls(
            step=np.array([e.step for e in rows], dtype=np.int64),
            ts_event=np.array([e.ts_event for e in rows], dtype=np.int64),
            context=stacked("context", 2),
            posterior=stacked("posterior", 2),
            signals=stacked("signals", 3),
            payoff=stacked("payoff", 3),
            weights=stacked("weights", 2),
            reward=stacked("reward", 1),
            cost=stacked("cost", 1),
            fear=stacked("fear", 1),
            surprise=stacked("surprise", 1),
            confidence=stacked("confidence", 1),
            ripple=tuple(e.ripple for e in rows),
            weight=np.ones(len(rows)),
            features=stacked("features", 3),
            held=stacked("held", 2),
            violation=stacked("violation", 1),
        )

    def taken(self, rows: np.ndarray | slice) -> Episodes:
        """Some rows, by index, mask or slice, with what came after them."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        picked = np.arange(len(self))[rows]
        for name, column in columns.items():
            if name == "ripple":
                columns[name] = tuple(column[int(i)] for i in picked)
            elif column is not None:
                columns[name] = column.taken(rows) if name == "after" else column[rows]
        return Episodes(**columns)

    def before(self, step: int) -> Episodes:
        """Those whose decision lies before a step, as if nothing had come after; the order of time is assumed.

        A successor at or after the step is forgotten too: its row repeats the episode itself.
        """
        kept = self.taken(slice(0, int(np.searchsorted(self.step, step))))
        if kept.after is None or kept.continues is None or not len(kept):
            return kept
        beyond = kept.continues & (kept.after.step >= step)
        return kept.with_after(kept.after._replaced(beyond, kept), kept.continues & ~beyond)

    def with_after(self, after: Episodes, continues: np.ndarray) -> Episodes:
        """These episodes with what came one bar later, row for row."""
        return replace(self, after=after, continues=continues)

    def weighted(self, weight: np.ndarray) -> Episodes:
        """These episodes, each of which counts so much, (E,)."""
        return replace(self, weight=weight)

    def _replaced(self, where: np.ndarray, other: Episodes) -> Episodes:
        """Rows of ``other`` where the mask says so, else these."""
        if not where.any():
            return self
        columns: dict[str, Any] = {
            "ripple": tuple(
                b if swap else a for a, b, swap in zip(self.ripple, other.ripple, where.tolist(), strict=True)
            )
        }
        for f in fields(self):
            if f.name not in ("ripple", "after", "continues"):
                mine, theirs = getattr(self, f.name), getattr(other, f.name)
                mask = where.reshape(-1, *[1] * (mine.ndim - 1))
                columns[f.name] = np.where(mask, theirs, mine)
        return Episodes(**columns)

    def joined(self, *others: Episodes) -> Episodes:
        """These and others, in order of time; of one time in the order given. Any may be empty."""
        parts = [part for part in (self, *others) if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else self
        both = type(parts[0])._one_after_another(parts)
        return both.taken(np.argsort(both.step, kind="stable"))

    @classmethod
    def _one_after_another(cls, parts: Sequence[Episodes]) -> Episodes:
        """Several, row by row; what came after is kept where all know it."""
        special = ("ripple", "after", "continues")
        columns: dict[str, Any] = {
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(Episodes)
            if f.name not in special
        }
        columns["ripple"] = tuple(chain.from_iterable(part.ripple for part in parts))
        after = [part.after for part in parts if part.after is not None]
        continues = [part.continues for part in parts if part.continues is not None]
        if len(after) == len(continues) == len(parts):
            columns["after"] = Episodes._one_after_another(after)
            columns["continues"] = np.concatenate(continues)
        return Episodes(**columns)

    def __len__(self) -> int:
        return len(self.step)

    @overload
    def __getitem__(self, index: int) -> Episode: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Episode]: ...
    def __getitem__(self, index: int | slice) -> Episode | Sequence[Episode]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Episode(
            step=int(self.step[index]),
            ts_event=int(self.ts_event[index]),
            context=self.context[index],
            posterior=self.posterior[index],
            signals=self.signals[index].astype(np.float32),
            payoff=self.payoff[index].astype(np.float32),
            weights=self.weights[index].astype(np.float32),
            reward=float(self.reward[index]),
            cost=float(self.cost[index]),
            fear=float(self.fear[index]),
            surprise=float(self.surprise[index]),
            confidence=float(self.confidence[index]),
            ripple=self.ripple[index],
            features=self.features[index].astype(np.float32),
            held=self.held[index].astype(np.float32),
            violation=float(self.violation[index]),
        )


class SleepPhase(StrEnum):
    """Phases of a night (specification eq. 42)."""

    AWAKE = "awake"
    LIGHT = "light"
    DEEP = "deep"
    INTEGRATION = "integration"
    TRANSITION = "transition"


class Consolidated(Message, frozen=True):
    """A memory that proved true again, handed on from the hippocampus to the cortex.

    Attributes
    ----------
    step, ts_event : int
        Of the decision remembered.
    embedding : (d,) float array
        The market state it was made in, bounded by [-1, 1]: the context, then the book's features.
    posterior : (7,) float array
        Regime probabilities at the decision.
    reward : float
        Return of the book after it.
    payoff : (n,) float array
        What each instrument paid, in volatilities.
    strength : float
        Strength of the trace when it was transferred, > 0.
    emotion : float
        Mean of fear and surprise, in [0, 1].
    """

    step: int
    ts_event: int
    embedding: np.ndarray
    posterior: np.ndarray
    reward: float
    payoff: np.ndarray
    strength: float
    emotion: float


class LearningCurvePoint(Message, frozen=True):
    """A learner's parameters before and after an earlier night, both scored on days lived since.

    ``night`` is that earlier night's number; ``episodes`` of decisions made after it were scored, which
    neither training nor choice has seen.
    """

    learner: str
    night: int
    before: float
    after: float
    episodes: int


class CandidateReport(Message, frozen=True):
    """One learner's candidate: its score on the held-back slice against the incumbent's."""

    learner: str
    incumbent: float
    candidate: float
    accepted: bool
    reason: str
    change: float = 0.0  # relative size of the parameter change


class SleepReport(Message, frozen=True):
    """What a night did.

    ``cycles`` counts the cycles of each phase, ``ripple_replays`` the episodes replayed around ripples and
    ``compression`` how many episodes each of them stands for on average; ``waiting`` ripples stay in the
    queue. ``consolidated`` memories went to the cortex, ``traces`` are held. ``curves`` judge earlier nights.
    """

    night: int
    ts_event: int
    deep: bool
    episodes: int
    replayed: int
    phases: tuple[SleepPhase, ...]
    candidates: tuple[CandidateReport, ...]
    ripples: dict[str, int]
    parameters_before: str
    parameters_after: str
    note: str = ""  # why nothing was learned, when nothing was
    cycles: dict[str, int] = msgspec.field(default_factory=dict)
    ripple_replays: int = 0
    compression: float = 1.0
    waiting: int = 0
    consolidated: int = 0
    traces: int = 0
    curves: tuple[LearningCurvePoint, ...] = ()
