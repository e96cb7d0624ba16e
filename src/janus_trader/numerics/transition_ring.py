"""A ring of equally long float32 rows: what a replay memory stores beside the priorities."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.prefetch import prefetch_item

_AHEAD = 12  # rows asked for before they are copied: about the misses a core can have in flight
_LINE = 16  # float32 in a cache line


@njit(cache=True)
def gather_rows(rows, index, out):
    """Copy ``rows[index]`` to ``out``; rows (n, d) contiguous float32, out (k, d). O(k d).

    The rows lie far apart, so that each is a wait for memory; those that come next are asked for early.
    Indices are not checked.

    Examples
    --------
    >>> out = np.empty((2, 3), np.float32)
    >>> gather_rows(np.arange(12, dtype=np.float32).reshape(4, 3), np.array([3, 0]), out)
    >>> out.tolist()
    [[9.0, 10.0, 11.0], [0.0, 1.0, 2.0]]
    """
    k, d = out.shape
    for i in range(min(_AHEAD, k)):
        for j in range(0, d, _LINE):
            prefetch_item(rows, index[i] * d + j)
    for i in range(k):
        if i + _AHEAD < k:
            for j in range(0, d, _LINE):
                prefetch_item(rows, index[i + _AHEAD] * d + j)
        source, target = rows[index[i]], out[i]
        for j in range(d):
            target[j] = source[j]


class TransitionRing:
    """The last ``capacity`` rows, overwritten in order; a row holds a whole transition side by side.

    One row (observation, next observation, action, reward, end) is one stretch of memory, so that a
    sample costs one wait and not five.

    Parameters
    ----------
    capacity, width : int
        Rows kept and numbers in a row, at least 1.

    Notes
    -----
    Rows are float32. `append` O(m width), `gather` O(k width). ``width * capacity * 4`` bytes.

    Raises
    ------
    ConfigError
        At construction, for a size that is not a positive integer.

    Examples
    --------
    >>> ring = TransitionRing(3, 2)
    >>> ring.append(np.array([[1, 2], [3, 4]])).tolist(), ring.append(np.array([[5, 6], [7, 8]])).tolist()
    ([0, 1], [2, 0])
    >>> ring.gather(np.array([0, 1])).tolist(), len(ring)
    ([[7.0, 8.0], [3.0, 4.0]], 3)
    """

    def __init__(self, capacity: int, width: int) -> None:
        self.capacity = checked_period("capacity", capacity)
        self.width = checked_period("width", width)
        self._rows = np.zeros((self.capacity, self.width), np.float32)
        self._appended = 0

    def __len__(self) -> int:
        return min(self._appended, self.capacity)

    def append(self, rows: np.ndarray) -> np.ndarray:
        """Store rows (m, width), m <= capacity, over the oldest ones; returns their slots (m,).

        Raises
        ------
        DataError
            The shape is another one.
        """
        rows = np.asarray(rows, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.width or rows.shape[0] > self.capacity:
            raise DataError(
                "these rows do not fit the ring",
                got=rows.shape,
                expected=f"(m, {self.width}) with m <= {self.capacity}",
            )
        slots = np.arange(self._appended, self._appended + rows.shape[0]) % self.capacity
        self._rows[slots] = rows
        self._appended += rows.shape[0]
        return slots

    def gather(self, slots: np.ndarray) -> np.ndarray:
        """Rows (k, width) of some filled slots (k,), as a new array.

        Raises
        ------
        DataError
            A slot holds nothing.
        """
        slots = np.ascontiguousarray(slots, dtype=np.int64)
        if slots.ndim != 1 or (slots.size and not (slots.min() >= 0 and slots.max() < len(self))):
            raise DataError("no such slot", got=slots, expected=f"an array (k,), 0 <= slot < {len(self)}")
        out = np.empty((slots.size, self.width), np.float32)
        gather_rows(self._rows, slots, out)
        return out

    def reset(self) -> None:
        """Empty again."""
        self._rows[:] = 0.0
        self._appended = 0

    def snapshot(self) -> bytes:
        """Rows and position as bytes."""
        return pack({"rows": self._rows[: len(self)], "appended": self._appended})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another size."""
        state = unpack(raw)
        rows = state.get("rows") if isinstance(state, dict) else None
        filled = min(state["appended"], self.capacity) if isinstance(rows, np.ndarray) else -1
        if not isinstance(rows, np.ndarray) or rows.shape != (filled, self.width):
            raise IntegrityError(
                "TransitionRing: snapshot does not fit",
                got=getattr(rows, "shape", type(rows).__name__),
                expected=f"at most {self.capacity} rows of {self.width}",
                remedy="restore with the sizes it was taken with",
            )
        self.reset()
        self._rows[:filled] = rows
        self._appended = state["appended"]
