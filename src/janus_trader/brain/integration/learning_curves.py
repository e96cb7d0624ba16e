"""Learning curves: parameters before and after a night, judged on days that came later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.memory import Episodes, LearningCurvePoint
from janus_trader.contracts.protocols import Learner
from janus_trader.foundation.codec import pack, unpack


@dataclass(frozen=True)
class _Change:
    """What a learner's parameters were before and after a night, as bytes: nobody can change them since."""

    learner: str
    night: int
    from_step: int
    before: bytes
    after: bytes


class LearningCurves:
    """Remembers what nights changed until enough days have been lived to judge it.

    A candidate is chosen on held-back days, so that its score there is too good. The score on decisions made
    after the night is not: neither training nor choice has seen them.

    Parameters
    ----------
    limit : int
        Bytes of parameters beyond which a learner is not followed.

    Examples
    --------
    >>> curves = LearningCurves(1 << 20)
    >>> curves.remember("w", 3, {"x": 1.0}, {"x": 2.0}, from_step=10)
    >>> len(curves), curves.due(lambda step: 5, 21), curves.due(lambda step: 21, 21)[0].night
    (1, [], 3)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reset()

    def reset(self) -> None:
        """Nothing is followed."""
        self._changes: list[_Change] = []

    def __len__(self) -> int:
        return len(self._changes)

    def remember(self, learner: str, night: int, before: Any, after: Any, from_step: int) -> None:
        """Follow a change; decisions from ``from_step`` on were made after the night."""
        packed = pack(before), pack(after)
        if packed[0] != packed[1] and max(map(len, packed)) <= self.limit:
            self._changes.append(_Change(learner, night, from_step, *packed))

    def due(self, sessions_since: Any, wanted: int) -> list[_Change]:
        """Changes since which at least ``wanted`` sessions have begun, taken out, oldest first.

        ``sessions_since(step)`` counts the sessions that began at or after a step.
        """
        ready = [c for c in self._changes if sessions_since(c.from_step) >= wanted]
        if ready:
            self._changes = [c for c in self._changes if c not in ready]
        return ready

    def judged(self, change: _Change, learner: Learner, lived: Episodes) -> LearningCurvePoint | None:
        """Both scores on the episodes lived since; None where there are none or a score is not a number."""
        if not len(lived):
            return None
        before = float(learner.score(unpack(change.before), lived))
        after = float(learner.score(unpack(change.after), lived))
        if not (np.isfinite(before) and np.isfinite(after)):
            return None
        return LearningCurvePoint(
            learner=change.learner, night=change.night, before=before, after=after, episodes=len(lived)
        )

    def state(self) -> list[dict[str, Any]]:
        """Everything followed."""
        return [dict(vars(c)) for c in self._changes]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Inverse of `state`."""
        self._changes = [_Change(**c) for c in state]
