"""Release calendars: what of each auxiliary source may be known at a time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.panel import Observations


class AuxiliaryState:
    """The last value of each source that had been published by a time, while it is fresh.

    Parameters
    ----------
    observations : sequence of Observations
        Known in advance (recorded data), each with its availability already applied.
    max_age_ns : mapping source -> ns
        Sources that may occur, and for how long a value stands after it became available.

    Raises
    ------
    DataError
        A source is not in ``max_age_ns``, or a pushed value is not finite.

    Examples
    --------
    >>> state = AuxiliaryState([Observations("vix", np.array([10, 20]), np.array([15.0, 16.0]))], {"vix": 8})
    >>> [state.advance(ts) for ts in (9, 12, 19, 20)]
    [{}, {'vix': 15.0}, {}, {'vix': 16.0}]
    """

    def __init__(self, observations: Sequence[Observations], max_age_ns: Mapping[str, int]) -> None:
        self._max_age_ns = max_age_ns
        self._known = sorted(observations, key=lambda o: o.source)
        for o in self._known:
            self._check(o.source)
        self.reset()

    def _check(self, source: str) -> None:
        if source not in self._max_age_ns:
            raise DataError(
                f"no feature is made of the source {source}",
                got=source,
                expected="one of " + ", ".join(sorted(self._max_age_ns)),
            )

    def reset(self) -> None:
        """Nothing published yet; pushed observations are forgotten."""
        self._cursor = [0] * len(self._known)
        self._next = [int(o.available_ns[0]) if len(o.available_ns) else None for o in self._known]
        self._pushed: list[tuple[int, str, float]] = []
        self._last: dict[str, tuple[int, float]] = {}

    def push(self, source: str, ts_available: int, value: float) -> None:
        """Hand in an observation usable from ``ts_available`` on; of two, the later available wins."""
        self._check(source)
        if not np.isfinite(value):
            raise DataError(f"an observation of {source} is not finite", got=value, expected="a number")
        heapq.heappush(self._pushed, (int(ts_available), source, float(value)))

    def _take(self, source: str, available: int, value: float) -> None:
        held = self._last.get(source)
        if held is None or available >= held[0]:
            self._last[source] = (available, value)

    def advance(self, ts: int) -> dict[str, float]:
        """Take in what became available by ``ts``; return the fresh values by source, sorted."""
        for j, upcoming in enumerate(self._next):
            if upcoming is not None and upcoming <= ts:
                o = self._known[j]
                end = int(np.searchsorted(o.available_ns, ts, side="right"))
                self._take(o.source, int(o.available_ns[end - 1]), float(o.value[end - 1]))
                self._cursor[j] = end
                self._next[j] = int(o.available_ns[end]) if end < len(o.available_ns) else None
        while self._pushed and self._pushed[0][0] <= ts:
            available, source, value = heapq.heappop(self._pushed)
            self._take(source, available, value)
        return {
            source: value
            for source, (available, value) in sorted(self._last.items())
            if ts - available <= self._max_age_ns[source]
        }

    def state(self) -> dict[str, Any]:
        """A plain tree for a snapshot."""
        return {
            "cursor": list(self._cursor),
            "pushed": sorted(list(p) for p in self._pushed),
            "last": {source: list(held) for source, held in self._last.items()},
        }

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for other sources."""
        if len(state["cursor"]) != len(self._known):
            raise IntegrityError("feature snapshot does not fit", expected="the same auxiliary sources")
        self._cursor = [int(c) for c in state["cursor"]]
        self._next = [
            int(o.available_ns[c]) if c < len(o.available_ns) else None
            for o, c in zip(self._known, self._cursor, strict=True)
        ]
        self._pushed = [(int(a), s, float(v)) for a, s, v in state["pushed"]]
        self._last = {source: (int(a), float(v)) for source, (a, v) in state["last"].items()}
