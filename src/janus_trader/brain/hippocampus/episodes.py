"""The ring of episodes: one compact record each, in time order."""

from __future__ import annotations

import numpy as np

from janus_trader.brain.hippocampus.ripples import RIPPLES
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.contracts.regime import N_REGIMES


def record_dtype(size: int, n: int, k: int) -> np.dtype:
    """Record of one episode: context of ``size``, ``n`` instruments, ``k`` sources.

    Half precision holds what is bounded (signals, contexts, weights); 1.3 kB for 12 sources, 20 instruments.
    ``trace`` is how much replay has left behind, ``place`` the cell of the place map.
    """
    return np.dtype(
        [
            ("step", "i8"),
            ("ts_event", "i8"),
            ("reward", "f8"),
            ("cost", "f4"),
            ("fear", "f4"),
            ("surprise", "f4"),
            ("confidence", "f4"),
            ("error", "f4"),
            ("strength", "f4"),
            ("trace", "f4"),
            ("violation", "f2"),
            ("place", "u2"),
            ("ripple", "u1"),
            ("consolidated", "u1"),
            ("posterior", "f4", (N_REGIMES,)),
            ("payoff", "f4", (n,)),
            ("context", "f2", (size,)),
            ("weights", "f2", (n,)),
            ("held", "f2", (n,)),
            ("features", "f2", (n, N_INSTRUMENT_FEATURES)),
            ("signals", "f2", (k, n)),
        ]
    )


class EpisodeRing:
    """The last ``capacity`` episodes.

    Append O(record); lookup by step O(1). Steps rise from one episode to the next.
    """

    def __init__(self, capacity: int, dtype: np.dtype) -> None:
        self.capacity, self.dtype = capacity, dtype
        self._k = dtype["signals"].shape[0]
        self.reset()

    def reset(self) -> None:
        """Empty."""
        self.records = np.zeros(self.capacity, self.dtype)
        self.total = 0
        self._slot_of: dict[int, int] = {}

    def __len__(self) -> int:
        return min(self.total, self.capacity)

    def append(self, record: np.ndarray) -> int:
        """Store one record over the oldest and return its slot."""
        slot = self.total % self.capacity
        if self.total >= self.capacity:
            self._slot_of.pop(int(self.records[slot]["step"]), None)
        self.records[slot] = record
        self._slot_of[int(record["step"])] = slot
        self.total += 1
        return slot

    @property
    def newest(self) -> int:
        """Slot of the last episode; 0 while there is none."""
        return (self.total - 1) % self.capacity if self.total else 0

    @property
    def oldest_step(self) -> int | None:
        """Step that the next episode makes forgotten, None while there is room."""
        full = self.total >= self.capacity
        return int(self.records["step"][self.total % self.capacity]) if full else None

    def slot_of(self, step: int) -> int | None:
        """Where the episode of a step lies; None when it is forgotten."""
        return self._slot_of.get(step)

    def since(self, step: int) -> np.ndarray:
        """Slots of the episodes at or after ``step``, oldest first."""
        slots = self.order()
        return slots[np.searchsorted(self.records["step"][slots], step) :]

    def order(self) -> np.ndarray:
        """All slots, oldest first."""
        held = len(self)
        return (self.total - held + np.arange(held)) % self.capacity

    def slots_of(self, steps: np.ndarray) -> np.ndarray:
        """Slots of several steps, (m,) int64; -1 where an episode is forgotten."""
        return np.array([self._slot_of.get(int(step), -1) for step in steps], np.int64)

    def span(self, first_step: int, last_step: int) -> np.ndarray:
        """Slots of the episodes from one step to another, both included, oldest first."""
        slots = self.order()
        steps = self.records["step"][slots]
        return slots[np.searchsorted(steps, first_step) : np.searchsorted(steps, last_step, side="right")]

    def followed(self, slots: np.ndarray, until_step: int | None = None) -> Episodes:
        """`episodes` with what came one bar later; nothing at or after ``until_step`` counts as known."""
        nexts = (slots + 1) % self.capacity
        step = self.records["step"]
        continues = step[nexts] == step[slots] + 1
        if until_step is not None:
            continues &= step[nexts] < until_step
        return self.episodes(slots).with_after(self.episodes(np.where(continues, nexts, slots)), continues)

    def episodes(self, slots: np.ndarray) -> Episodes:
        """Some slots as columns: every source is paid the payoff of the instruments. O(number of slots)."""
        rows = self.records[slots]
        payoff = rows["payoff"].astype(np.float64)[:, None, :]
        return Episodes(
            step=rows["step"],
            ts_event=rows["ts_event"],
            context=rows["context"].astype(np.float64),
            posterior=rows["posterior"].astype(np.float64),
            signals=rows["signals"].astype(np.float64),
            payoff=np.broadcast_to(payoff, (len(rows), self._k, payoff.shape[2])),
            weights=rows["weights"].astype(np.float64),
            reward=rows["reward"],
            cost=rows["cost"].astype(np.float64),
            fear=rows["fear"].astype(np.float64),
            surprise=rows["surprise"].astype(np.float64),
            confidence=rows["confidence"].astype(np.float64),
            ripple=tuple(RIPPLES[kind - 1].value if kind else "" for kind in rows["ripple"].tolist()),
            weight=np.ones(len(rows)),
            features=rows["features"].astype(np.float64),
            held=rows["held"].astype(np.float64),
            violation=rows["violation"].astype(np.float64),
        )

    def episode(self, record: np.ndarray) -> Episode:
        """The message of one record: every source is paid the payoff of the instruments."""
        payoff = np.empty((self._k, record["payoff"].size), np.float32)
        payoff[:] = record["payoff"]
        kind = int(record["ripple"])
        return Episode(
            step=int(record["step"]),
            ts_event=int(record["ts_event"]),
            context=record["context"].astype(np.float64),
            posterior=record["posterior"].astype(np.float64),
            signals=record["signals"].astype(np.float32),
            payoff=payoff,
            weights=record["weights"].astype(np.float32),
            reward=float(record["reward"]),
            cost=float(record["cost"]),
            fear=float(record["fear"]),
            surprise=float(record["surprise"]),
            confidence=float(record["confidence"]),
            ripple=RIPPLES[kind - 1].value if kind else "",
            features=record["features"].astype(np.float32),
            held=record["held"].astype(np.float32),
            violation=float(record["violation"]),
        )

    def state(self) -> dict[str, object]:
        """Used records as bytes."""
        return {"records": self.records[: len(self)].tobytes(), "total": self.total}

    def load(self, state: dict[str, object]) -> None:
        """Inverse of `state`; raises IntegrityError when the records are of another shape."""
        raw, total = state["records"], int(state["total"])  # type: ignore[call-overload]
        held = min(total, self.capacity)
        if not isinstance(raw, bytes) or len(raw) != held * self.dtype.itemsize:
            raise IntegrityError(
                "hippocampus: snapshot does not fit",
                got=f"{len(raw) if isinstance(raw, bytes) else 0} bytes",
                expected=f"{held * self.dtype.itemsize} bytes",
                remedy="restore with the book and configuration it was taken with",
            )
        self.reset()
        self.records[:held] = np.frombuffer(raw, self.dtype)
        self.total = total
        self._slot_of = {int(step): slot for slot, step in enumerate(self.records["step"][:held])}
