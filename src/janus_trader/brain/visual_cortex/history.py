"""Recent closes by decision time, so that a night can draw the image that a decision saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.contracts.errors import IntegrityError


class CloseHistory:
    """A ring of each instrument's own log closes and, for each bar, how many there were.

    Parameters
    ----------
    n : int
        Instruments.
    memory : int
        Bars that can be recalled.
    span : int
        Closes of one video.

    Notes
    -----
    What is recalled for a time ends with the close of that time: nothing later is seen. Memory
    8 n (2 memory + span) bytes.

    Examples
    --------
    >>> history = CloseHistory(n=1, memory=4, span=2)
    >>> for t, value in enumerate((1.0, 2.0, 3.0)):
    ...     history.push(np.array([value]), np.array([True]), ts=t)
    >>> counts, known = history.recall(np.array([1, 7]))
    >>> known.tolist(), history.paths(np.array([0]), counts[0]).tolist()
    ([True, False], [[1.0, 2.0]])
    """

    def __init__(self, n: int, memory: int, span: int) -> None:
        self.n, self.memory, self.span = n, memory, span
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._closes = np.zeros((self.n, self.memory + self.span))
        self._ts = np.zeros(self.memory, np.int64)
        self._counts = np.zeros((self.memory, self.n), np.int64)
        self.seen = np.zeros(self.n, np.int64)
        self.bars = 0

    def push(self, values: np.ndarray, present: np.ndarray, ts: int | None) -> None:
        """One bar: log closes (n,) of the instruments that had one, at a time later than the last.

        Without a time the closes are kept, but no image that ends with them can be recalled.
        """
        size = self._closes.shape[1]
        who = np.flatnonzero(present)
        self.seen[who] += 1
        self._closes[who, self.seen[who] % size] = values[who]
        if ts is None:
            return
        slot = self.bars % self.memory
        self._ts[slot], self._counts[slot] = ts, self.seen
        self.bars += 1

    def latest(self) -> np.ndarray:
        """The last ``span`` closes of every instrument (n, span); 0 where there were none."""
        back = np.arange(self.span)[::-1]
        at = (self.seen[:, None] - back) % self._closes.shape[1]
        return np.take_along_axis(self._closes, at, axis=1)

    def recall(self, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Closes counted at given times (E, n), and whether each time is remembered (E,)."""
        held = min(self.bars, self.memory)
        if held == 0:
            return np.zeros((len(ts), self.n), np.int64), np.zeros(len(ts), np.bool_)
        order = (np.arange(held) + self.bars - held) % self.memory
        times = self._ts[order]
        at = np.minimum(np.searchsorted(times, ts), held - 1)
        return self._counts[order[at]], times[at] == ts

    def usable(self, counts: np.ndarray) -> np.ndarray:
        """Where a whole video ends at these counts (E, n) and is still in the ring."""
        return (counts >= self.span) & (counts > self.seen - self.memory)

    def paths(self, instruments: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Log closes (B, span) that end with the given counts (B,) of the given instruments (B,)."""
        at = (counts[:, None] - np.arange(self.span)[::-1]) % self._closes.shape[1]
        return self._closes[instruments[:, None], at]

    def state(self) -> dict[str, Any]:
        """Everything, as a plain tree."""
        return {
            "closes": self._closes,
            "ts": self._ts,
            "counts": self._counts,
            "seen": self.seen,
            "bars": self.bars,
        }

    def put(self, state: dict[str, Any]) -> None:
        """Put a `state` back.

        Raises
        ------
        IntegrityError
            It is of other sizes.
        """
        if state["closes"].shape != self._closes.shape or state["ts"].shape != self._ts.shape:
            raise IntegrityError(
                "closes of another size", got=state["closes"].shape, expected=str(self._closes.shape)
            )
        self._closes, self._ts, self._counts = state["closes"], state["ts"], state["counts"]
        self.seen, self.bars = state["seen"], int(state["bars"])
