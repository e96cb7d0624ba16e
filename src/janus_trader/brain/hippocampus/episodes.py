"""The ring of episodes: one compact record each, in time order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import njit

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


#: What is in a record and in no `Episode`, and what is in both as it is.
_ADDED = ("error", "strength", "trace", "place", "consolidated")
_GIVEN = (
    *("step", "ts_event", "reward", "cost", "fear", "surprise", "confidence", "violation"),
    *("posterior", "context", "weights", "held", "features", "signals"),
)
_NUMBER_OF = {"": 0, **{kind.value: number for number, kind in enumerate(RIPPLES, 1)}}


def _as_float(name: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows[name].astype(np.float64)


def _as_it_is(name: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows[name].copy()


def _paid(rows: np.ndarray) -> np.ndarray:
    """Every source is paid the payoff of the instruments, (E, k, n)."""
    payoff = rows["payoff"].astype(np.float64)[:, None, :]
    return np.broadcast_to(payoff, (len(rows), rows.dtype["signals"].shape[0], payoff.shape[2]))


def _kinds(rows: np.ndarray) -> tuple[str, ...]:
    return tuple(RIPPLES[kind - 1].value if kind else "" for kind in rows["ripple"].tolist())


#: How each column of `Episodes` is read from records.
_COLUMNS: dict[str, Callable[[np.ndarray], Any]] = {
    **{name: _as_float(name) for name in ("context", "posterior", "signals", "weights", "held", "features")},
    **{name: _as_float(name) for name in ("cost", "fear", "surprise", "confidence", "violation")},
    **{name: _as_it_is(name) for name in ("step", "ts_event", "reward")},
    "payoff": _paid,
    "ripple": _kinds,
}


class RecordedEpisodes(Episodes):
    """Columns over records of the ring: each is converted when it is first asked for, and then kept.

    A night takes, joins and cuts episodes often and reads few of their columns: only compact records are moved.

    Parameters
    ----------
    rows : (E,) array of `record_dtype`
        Not changed, and not to be changed by others.
    weight : (E,) float array
    after : Episodes, optional
    continues : (E,) bool array, optional
    """

    def __init__(
        self,
        rows: np.ndarray,
        weight: np.ndarray,
        after: Episodes | None = None,
        continues: np.ndarray | None = None,
    ) -> None:
        self.__dict__.update(rows=rows, weight=weight, after=after, continues=continues)

    def __getattr__(self, name: str) -> Any:
        convert = _COLUMNS.get(name)
        if convert is None:
            raise AttributeError(name)
        column = self.__dict__[name] = convert(self.__dict__["rows"])
        return column

    def __len__(self) -> int:
        return len(self.__dict__["rows"])

    def taken(self, rows: np.ndarray | slice) -> Episodes:
        """Some rows, by index, mask or slice, with what came after them."""
        mine, continues = self.__dict__["rows"], self.continues
        if isinstance(rows, np.ndarray):
            rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
            picked = mine.take(rows)  # moves whole records, where an index would go field by field
        else:
            picked = mine[rows]
        after = None if self.after is None else self.after.taken(rows)
        return RecordedEpisodes(
            picked, self.weight[rows], after, None if continues is None else continues[rows]
        )

    def with_after(self, after: Episodes, continues: np.ndarray) -> Episodes:
        """These episodes with what came one bar later, row for row."""
        return RecordedEpisodes(self.__dict__["rows"], self.weight, after, continues)

    def weighted(self, weight: np.ndarray) -> Episodes:
        """These episodes, each of which counts so much, (E,)."""
        return RecordedEpisodes(self.__dict__["rows"], weight, self.after, self.continues)

    def _replaced(self, where: np.ndarray, other: Episodes) -> Episodes:
        if not where.any():
            return self
        rows = self.__dict__["rows"].copy()
        rows[where] = other.__dict__["rows"][where]
        return RecordedEpisodes(rows, np.where(where, other.weight, self.weight))

    @classmethod
    def _one_after_another(cls, parts: Sequence[Episodes]) -> Episodes:
        if not all(isinstance(part, cls) for part in parts):
            return super()._one_after_another(parts)
        after = [part.after for part in parts if part.after is not None]
        continues = [part.continues for part in parts if part.continues is not None]
        whole = len(after) == len(continues) == len(parts)
        return cls(
            _end_to_end([part.__dict__["rows"] for part in parts]),
            np.concatenate([part.weight for part in parts]),
            cls._one_after_another(after) if whole else None,
            np.concatenate(continues) if whole else None,
        )


def _end_to_end(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Records of several arrays in one, moved whole."""
    dtype = parts[0].dtype
    plain = np.dtype((np.void, dtype.itemsize))
    return np.concatenate([part.view(plain) for part in parts]).view(dtype)


@njit(cache=True)
def rank_of(steps, head, held, step):  # type: ignore[no-untyped-def]
    """How many of ``held`` rising steps, which begin at ``head`` of a ring, lie before ``step``. O(log held).

    >>> rank_of(np.array([7, 8, 3, 5]), 2, 4, 6)
    2
    """
    low, high = 0, held
    while low < high:
        middle = (low + high) // 2
        if steps[(head + middle) % steps.size] < step:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def find_steps(steps, head, held, wanted, out):  # type: ignore[no-untyped-def]
    """Where each of some steps lies in a ring, -1 where it does not; into ``out`` (m,). O(m·log held)."""
    for i in range(wanted.size):
        rank = rank_of(steps, head, held, wanted[i])
        slot = (head + rank) % steps.size
        out[i] = slot if rank < held and steps[slot] == wanted[i] else -1


class EpisodeRing:
    """The last ``capacity`` episodes.

    Append O(record); lookup by step O(log capacity). Steps rise from one episode to the next; they are kept
    beside the records as well, because looking for one among records would touch every record.
    """

    def __init__(self, capacity: int, dtype: np.dtype) -> None:
        self.capacity, self.dtype = capacity, dtype
        self._k = dtype["signals"].shape[0]
        self.reset()

    def reset(self) -> None:
        """Empty."""
        self.records = np.zeros(self.capacity, self.dtype)
        self.steps = np.zeros(self.capacity, np.int64)
        self.total = 0

    def __len__(self) -> int:
        return min(self.total, self.capacity)

    def append(self, record: np.ndarray) -> int:
        """Store one record over the oldest and return its slot."""
        slot = self.total % self.capacity
        self.records[slot] = record
        self.steps[slot] = record["step"]
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
        return int(self.steps[self.total % self.capacity]) if full else None

    @property
    def _head(self) -> int:
        """Slot of the oldest episode."""
        return self.total % self.capacity if self.total > self.capacity else 0

    def slot_of(self, step: int) -> int | None:
        """Where the episode of a step lies; None when it is forgotten."""
        slot = int(self.slots_of(np.array([step]))[0])
        return slot if slot >= 0 else None

    def count_since(self, step: int) -> int:
        """How many episodes lie at or after ``step``."""
        held = len(self)
        return held - int(rank_of(self.steps, self._head, held, step))

    def since(self, step: int) -> np.ndarray:
        """Slots of the episodes at or after ``step``, oldest first."""
        held, head = len(self), self._head
        return self._slots(int(rank_of(self.steps, head, held, step)), held)

    def _slots(self, first: int, end: int) -> np.ndarray:
        """Slots of the episodes from one rank to before another, oldest first."""
        slots = np.arange(self._head + first, self._head + end)
        slots[max(self.capacity - self._head - first, 0) :] -= self.capacity
        return slots

    def order(self) -> np.ndarray:
        """All slots, oldest first."""
        return self._slots(0, len(self))

    def slots_of(self, steps: np.ndarray) -> np.ndarray:
        """Slots of several steps, (m,) int64; -1 where an episode is forgotten."""
        out = np.empty(steps.size, np.int64)
        find_steps(self.steps, self._head, len(self), steps, out)
        return out

    def span(self, first_step: int, last_step: int) -> np.ndarray:
        """Slots of the episodes from one step to another, both included, oldest first."""
        held, head = len(self), self._head
        first = int(rank_of(self.steps, head, held, first_step))
        return self._slots(first, max(int(rank_of(self.steps, head, held, last_step + 1)), first))

    def followed(self, slots: np.ndarray, until_step: int | None = None) -> Episodes:
        """`episodes` with what came one bar later; nothing at or after ``until_step`` counts as known."""
        nexts = (slots + 1) % self.capacity
        later = self.steps[nexts]
        continues = later == self.steps[slots] + 1
        if until_step is not None:
            continues &= later < until_step
        return self.episodes(slots).with_after(self.episodes(np.where(continues, nexts, slots)), continues)

    def episodes(self, slots: np.ndarray) -> Episodes:
        """Some slots as columns: every source is paid the payoff of the instruments. O(number of slots)."""
        return RecordedEpisodes(self.records.take(slots), np.ones(len(slots)))

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

    def state(self) -> dict[str, Any]:
        """Used records as bytes."""
        return {"records": self.records[: len(self)].tobytes(), "total": self.total}

    def added(self) -> dict[str, Any]:
        """`state` without what `episode` gave out: what memory has added to every episode since. O(capacity)."""
        held = self.records[: len(self)]
        return {"total": self.total, **{name: held[name].tobytes() for name in _ADDED}}

    def load(self, state: dict[str, Any], episodes: Sequence[Episode] = ()) -> None:
        """Inverse of `state`; of `added` as well, given the ``episodes`` given out, the last ``capacity`` at least.

        Raises
        ------
        IntegrityError
            The records are of another shape, or an episode is missing.
        """
        raw, total = state.get("records"), int(state["total"])
        held = min(total, self.capacity)
        if raw is None:
            raw = self._records_of(episodes, state, total).tobytes()
        if not isinstance(raw, bytes) or len(raw) != held * self.dtype.itemsize:
            raise IntegrityError(
                "hippocampus: snapshot does not fit",
                got=f"{len(raw) if isinstance(raw, bytes) else 0} bytes",
                expected=f"{held * self.dtype.itemsize} bytes",
                remedy="restore with the book and configuration it was taken with",
            )
        self.reset()
        self.records[:held] = np.frombuffer(raw, self.dtype)
        self.steps[:held] = self.records["step"][:held]
        self.total = total

    def _records_of(self, episodes: Sequence[Episode], state: dict[str, Any], total: int) -> np.ndarray:
        """Records in the order of their slots from the last episodes given out and what was `added` to them."""
        held = min(total, self.capacity)
        sizes = {name: held * self.dtype[name].itemsize for name in _ADDED}
        if len(episodes) < held or any(len(state.get(name, b"")) != size for name, size in sizes.items()):
            raise IntegrityError(
                "hippocampus: the episodes of a snapshot are missing",
                got=f"{len(episodes)} episodes",
                expected=f"{held} episodes and what was remembered of each",
                remedy="restore with the journal of the same run",
            )
        records = np.zeros(held, self.dtype)
        for number, episode in enumerate(episodes[len(episodes) - held :], total - held):
            record = records[number % self.capacity]
            for name in _GIVEN:
                record[name] = getattr(episode, name)
            record["payoff"] = episode.payoff[0]
            record["ripple"] = _NUMBER_OF[episode.ripple]
        for name in _ADDED:
            records[name] = np.frombuffer(state[name], self.dtype[name])
        return records
