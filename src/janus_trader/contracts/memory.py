"""Episodes of the day and the report of a night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
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


@dataclass(frozen=True, eq=False)
class Episodes(Sequence[Episode]):
    """Many episodes as columns, the form in which a night learns; also a sequence of `Episode`.

    Shapes for ``E`` episodes, ``k`` sources, ``n`` instruments: ``step``, ``ts_event``, ``reward``, ``cost``,
    ``fear``, ``surprise``, ``confidence`` (E,); ``context`` (E, d); ``posterior`` (E, 7); ``signals`` and
    ``payoff`` (E, k, n); ``weights`` (E, n); ``ripple`` a tuple of E texts. ``weight`` (E,) corrects for the way
    the episodes were drawn (importance weights, eq. 41; 1 where each counts as it is). ``features`` is
    (E, n, f), ``held`` (E, n). ``after`` holds, row for row, the episodes of the decisions that came one bar
    later, and ``continues`` (E,) says where there is one (a row without one repeats the episode itself); both
    are None where nobody asked for them.

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
        """Those whose decision lies before a step; the order of time is assumed."""
        return self.taken(slice(0, int(np.searchsorted(self.step, step))))

    def joined(self, other: Episodes) -> Episodes:
        """These and others, in order of time. Either may be empty."""
        if not len(self) or not len(other):
            return other if not len(self) else self
        both = self._followed_by(other)
        return both.taken(np.argsort(both.step, kind="stable"))

    def _followed_by(self, other: Episodes) -> Episodes:
        """These, then others, row by row; what came after is kept where both know it."""
        special = ("ripple", "after", "continues")
        columns: dict[str, Any] = {
            f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
            for f in fields(self)
            if f.name not in special
        }
        columns["ripple"] = (*self.ripple, *other.ripple)
        if self.after is not None and other.after is not None:
            columns["after"] = self.after._followed_by(other.after)
            columns["continues"] = np.concatenate([self.continues, other.continues])
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
        )


class SleepPhase(StrEnum):
    """Phases of a night (specification eq. 42)."""

    AWAKE = "awake"
    LIGHT = "light"
    DEEP = "deep"
    INTEGRATION = "integration"
    TRANSITION = "transition"


class CandidateReport(Message, frozen=True):
    """One learner's candidate: its score on the held-back slice against the incumbent's."""

    learner: str
    incumbent: float
    candidate: float
    accepted: bool
    reason: str
    change: float = 0.0  # relative size of the parameter change


class SleepReport(Message, frozen=True):
    """What a night did."""

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
