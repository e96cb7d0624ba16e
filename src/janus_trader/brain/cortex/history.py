"""The cortex's own ring of past feature rows, for the learners of the night."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.brain.cortex.feature_row import ROW
from janus_trader.contracts.errors import IntegrityError


class FeatureHistory:
    """The last ``capacity`` feature rows with their times, in single precision.

    Examples
    --------
    >>> history = FeatureHistory(2)
    >>> for ts in (1, 2, 3):
    ...     history.append(ts, np.full(ROW, float(ts)))
    >>> history.rows(0, 9)[:, 0].tolist(), len(history)
    ([2.0, 3.0], 2)
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.reset()

    def __len__(self) -> int:
        return min(self._count, self.capacity)

    def append(self, ts: int, row: np.ndarray) -> None:
        """Add one row; the oldest leaves when full. O(1)."""
        at = self._count % self.capacity
        self._ts[at] = ts
        self._rows[at] = row
        self._count += 1

    def rows(self, first_ts: int, last_ts: int) -> np.ndarray:
        """Rows (m, 15) with ``first_ts <= ts <= last_ts``, oldest first, as float64."""
        start = self._count % self.capacity if self._count > self.capacity else 0
        order = (start + np.arange(len(self))) % self.capacity
        ts = self._ts[order]
        return self._rows[order[(ts >= first_ts) & (ts <= last_ts)]].astype(np.float64)

    def latest(self, count: int) -> np.ndarray:
        """The last ``count`` rows, oldest first, as float64."""
        used = min(count, len(self))
        order = (self._count - used + np.arange(used)) % self.capacity
        return self._rows[order].astype(np.float64)

    def at(self, ts: np.ndarray, bars_before: int) -> np.ndarray:
        """Rows (m, 15) so many bars before those with the given times (m,); NaN where there is none."""
        start = self._count % self.capacity if self._count > self.capacity else 0
        order = (start + np.arange(len(self))) % self.capacity
        times = self._ts[order]
        place = np.searchsorted(times, ts)
        found = place < len(times)
        found[found] &= times[place[found]] == np.asarray(ts)[found]
        row = place - bars_before
        found &= row >= 0
        out = np.full((len(place), ROW), np.nan)
        out[found] = self._rows[order[row[found]]]
        return out

    def reset(self) -> None:
        """Forget everything."""
        self._count = 0
        self._ts = np.zeros(self.capacity, np.int64)
        self._rows = np.zeros((self.capacity, ROW), np.float32)

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot; only the used part of the ring."""
        used = len(self)
        return {"count": self._count, "ts": self._ts[:used], "rows": self._rows[:used]}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError when the ring has another capacity or width."""
        ts, rows, count = state["ts"], state["rows"], int(state["count"])
        if rows.shape != (min(count, self.capacity), ROW) or len(ts) != len(rows):
            raise IntegrityError(
                "feature history does not fit",
                got=rows.shape,
                expected=f"({min(count, self.capacity)}, {ROW})",
                remedy="restore with the capacity it was taken with",
            )
        self.reset()
        self._count = count
        self._ts[: len(ts)] = ts
        self._rows[: len(ts)] = rows
