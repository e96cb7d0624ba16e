"""Time comes in as an argument: the clocks that supply it at the edges."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Nanoseconds since 1970-01-01 UTC."""

    def now_ns(self) -> int: ...


class SystemClock:
    """The machine's clock; for logs and durations only, never for a decision."""

    def now_ns(self) -> int:
        """Wall-clock time."""
        return time.time_ns()


class ManualClock:
    """A clock that is moved by its owner, forwards only.

    >>> clock = ManualClock(5); clock.advance_to(9); clock.now_ns()
    9
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now = int(start_ns)

    def now_ns(self) -> int:
        """The time last set."""
        return self._now

    def advance_to(self, ts_ns: int) -> None:
        """Move to ``ts_ns``; going back is a broken assumption."""
        if ts_ns < self._now:
            raise ValueError(f"clock cannot go back: {ts_ns} < {self._now}")
        self._now = int(ts_ns)
