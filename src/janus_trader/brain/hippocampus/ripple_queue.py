"""Ripples that wait for the night, by priority."""

from __future__ import annotations

from math import exp, log
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.hippocampus.ripples import RIPPLES, RippleType
from janus_trader.foundation.config import Config, Count, NonNegative

#: Kinds that come before all others, whatever their priority.
IMMEDIATE = frozenset(
    {RippleType.LARGE_LOSS, RippleType.RISK_EVENT, RippleType.REGIME_CHANGE, RippleType.MARKET_ANOMALY}
)
#: Whether a kind, by its number, is immediate.
_IS_IMMEDIATE = np.array([False, *(kind in IMMEDIATE for kind in RIPPLES)])
_DTYPE = np.dtype([("step", "i8"), ("ts_event", "i8"), ("strength", "f8"), ("kind", "u1"), ("replays", "u2")])


class RippleQueueConfig(Config, frozen=True):
    """Size of the queue and how its priorities fade."""

    capacity: Annotated[int, Meta(ge=1, le=100_000, description="ripples that can wait")] = 1000
    decay_per_second: Annotated[NonNegative, Meta(description="rate at which a priority fades")] = 0.001
    decay_per_bar: Annotated[NonNegative, Meta(description="the most it fades by in a bar")] = 0.05
    dedup_seconds: Annotated[NonNegative, Meta(description="ripples of a kind this close are one")] = 60.0
    max_replays: Annotated[Count, Meta(description="replays after which a ripple leaves")] = 10


class RippleQueue:
    r"""Pending ripples; the night takes them in order of priority.

    .. math:: p(t) = s\,e^{-\min(\lambda_s\,\Delta t,\ \lambda_b\,\Delta b)}

    for a ripple of strength s, :math:`\Delta t` seconds and :math:`\Delta b` bars ago: the slower clock
    counts, so that a night between daily bars does not fade everything away. Immediate kinds come first. A
    full queue drops its least ripple. O(queue) an operation.

    Parameters
    ----------
    config : RippleQueueConfig

    Examples
    --------
    >>> queue = RippleQueue(RippleQueueConfig())
    >>> queue.push(RippleType.NOVEL_PATTERN, 0.6, 1, 10**9); queue.push(RippleType.LARGE_LOSS, 0.1, 2, 2 * 10**9)
    >>> queue.waiting(10, 3, 3 * 10**9).tolist(), queue.waiting(2, 3, 3 * 10**9).tolist()
    ([2, 1], [1])
    """

    def __init__(self, config: RippleQueueConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Nothing waits."""
        self._waiting = np.zeros(0, _DTYPE)

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, kind: RippleType, strength: float, step: int, ts_event: int) -> None:
        """A ripple of the decision at ``step`` begins to wait; one of its kind just before it gives way to
        the stronger of the two."""
        number = RIPPLES.index(kind) + 1
        near = self._waiting["kind"] == number
        near &= ts_event - self._waiting["ts_event"] < int(self.config.dedup_seconds * 1e9)
        if near.any():
            if strength <= self._waiting["strength"][near].max():
                return
            self._waiting = self._waiting[~near]
        row = np.array([(step, ts_event, strength, number, 0)], _DTYPE)
        self._waiting = np.concatenate([self._waiting, row])
        if len(self._waiting) > self.config.capacity:
            worst = self.order(step, ts_event)[-1]
            self._waiting = np.delete(self._waiting, worst)

    def log_priority(self, step: int, ts_event: int) -> np.ndarray:
        """Logarithm of each priority at a bar, (m,): what has faded beyond a float still has its rank."""
        return self._log_priority(self._waiting, step, ts_event)

    def _log_priority(self, w: np.ndarray, step: int, ts_event: int) -> np.ndarray:
        config = self.config
        seconds = np.maximum(ts_event - w["ts_event"], 0) * 1e-9
        bars = np.maximum(step - w["step"], 0)
        fade = np.minimum(config.decay_per_second * seconds, config.decay_per_bar * bars)
        return np.log(np.maximum(w["strength"], 1e-300)) - fade

    def order(self, step: int, ts_event: int) -> np.ndarray:
        """Positions in the queue: immediate kinds first, then by priority, then the newest first."""
        return self._order(self._waiting, step, ts_event)

    def _order(self, w: np.ndarray, step: int, ts_event: int) -> np.ndarray:
        late = ~_IS_IMMEDIATE[w["kind"]]
        return np.lexsort((-w["step"], -self._log_priority(w, step, ts_event), late))

    def waiting(self, before_step: int, step: int, ts_event: int, *, immediate: bool = False) -> np.ndarray:
        """Decisions before ``before_step`` whose ripples wait at a bar, first to last, (m,) int64; only those
        of an immediate kind where asked for."""
        wanted = self._waiting["step"] < before_step
        if immediate:
            wanted &= _IS_IMMEDIATE[self._waiting["kind"]]
        chosen = self._waiting[wanted]
        return chosen["step"][self._order(chosen, step, ts_event)]

    def told(self, steps: list[int]) -> None:
        """The ripples of some decisions were replayed once more; each leaves after its last replay."""
        waiting = self._waiting
        waiting["replays"][np.isin(waiting["step"], steps)] += 1
        again = waiting["replays"] < self.config.max_replays
        self._waiting = waiting if again.all() else waiting[again]

    def peek(self, step: int, ts_event: int) -> list[tuple[RippleType, float, int]]:
        """Kind, priority and decision of everything that waits, first to last."""
        value = self.log_priority(step, ts_event)
        return [
            (RIPPLES[int(w["kind"]) - 1], exp(max(value[i], log(5e-324))), int(w["step"]))
            for i in self.order(step, ts_event)
            for w in (self._waiting[i],)
        ]

    def state(self) -> dict[str, Any]:
        """Everything that waits."""
        return {"waiting": self._waiting.tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._waiting = np.frombuffer(state["waiting"], _DTYPE).copy()
