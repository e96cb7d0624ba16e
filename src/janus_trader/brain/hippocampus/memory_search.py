"""How memories are found: by every code, by the nearest place cells, or in a vector store."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.brain.hippocampus.code_index import CodeIndex, best_memories
from janus_trader.brain.hippocampus.config import HippocampusConfig
from janus_trader.brain.hippocampus.episodes import EpisodeRing
from janus_trader.brain.hippocampus.market_state import N_STATE_FEATURES, states_of
from janus_trader.brain.hippocampus.place_map import PlaceMap
from janus_trader.brain.hippocampus.separation import PatternSeparation
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.protocols import VectorStore

Code = tuple[np.ndarray, np.ndarray]

#: By how much a store in single precision may be wrong about a cosine.
_ROUNDING = 1e-5


class MemorySearch:
    """Finds the episodes of a ring that are most like a state.

    Parameters
    ----------
    config : HippocampusConfig
        ``compiled`` looks at every code, ``place`` at those that lie in the nearest place cells, ``store``
        asks ``store``, which knows an episode by its step.
    ring : EpisodeRing
    store : VectorStore or None

    Raises
    ------
    ConfigError
        At construction: a store is asked for and none is given.
    """

    def __init__(self, config: HippocampusConfig, ring: EpisodeRing, store: VectorStore | None) -> None:
        if config.search == "store" and store is None:
            raise ConfigError(
                "hippocampus: no vector store to search",
                got=None,
                expected="a store, or hippocampus.search = compiled",
            )
        self.config, self._ring = config, ring
        self._store = store if config.search == "store" else None
        size = config.context_size + N_STATE_FEATURES
        self._separation = PatternSeparation(config.separation, size)
        self._codes = CodeIndex(config.capacity, config.separation.units, config.separation.winners)
        self.places = PlaceMap(config.places, size)
        self._steps = np.zeros(config.capacity, np.int64)  # of the ring, side by side
        #: Features of every slot, (capacity, n, f): reading half precision one by one is slow.
        self.looks = np.zeros((config.capacity, *ring.dtype["features"].shape), np.float32)
        self._found = np.empty(config.recollection.memories, np.int64)
        self._score = np.empty(config.recollection.memories)

    def reset(self) -> None:
        """Nothing can be found."""
        self._codes.reset()
        self._steps[:] = 0
        self.looks[:] = 0.0
        self.places.reset()

    def encode(self, state: np.ndarray) -> Code:
        """Sparse code of a state."""
        return self._separation.encode(state)

    def cosines(self, code: Code) -> np.ndarray:
        """Cosine of a code with that of every slot in use, (m,) float32; valid until the next call."""
        return self._codes.cosines(code, len(self._ring))

    def add(self, slot: int, code: Code, forgotten: int | None) -> None:
        """An episode lies in ``slot`` now, where that of step ``forgotten`` lay."""
        self._codes.put(slot, code)
        self._steps[slot] = self._ring.records["step"][slot]
        self.looks[slot] = self._ring.records["features"][slot]
        if self._store is not None:
            if forgotten is not None:
                self._store.delete([forgotten])
            self._upsert(np.array([slot]))

    def _upsert(self, slots: np.ndarray) -> None:
        """Codes of some slots into the store; an empty state has no direction and stays out."""
        codes, records = self._codes.dense(slots).astype(np.float64), self._ring.records[slots]
        known = np.flatnonzero(np.abs(codes).max(axis=1, initial=0.0) > 0.0)
        if self._store is not None and known.size:
            payloads: list[dict[str, Any]] = [
                {"ts_event": int(r["ts_event"]), "regime": int(np.argmax(r["posterior"]))}
                for r in records[known]
            ]
            self._store.upsert([int(step) for step in records["step"][known]], codes[known], payloads)

    def nearest(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slots and cosines of the memories to recollect, the most similar first (`best_memories`)."""
        config, code = self.config.recollection, self.encode(state)
        near, wanted = self.cosines(code), config.memories * (2 * config.apart - 1)
        while True:
            slots, last = self._candidates(state, code, near, wanted)
            some = near if slots is None else near[slots]
            steps = self._steps[: len(self._ring)] if slots is None else self._steps[slots]
            m = best_memories(some, steps, config.floor, config.apart, self._found, self._score)
            if m == self._found.size or last:
                break
            wanted *= 2  # neighbouring days filled the list
        chosen = self._found[:m].copy() if slots is None else slots[self._found[:m]]
        return chosen, self._score[:m].copy()

    def _candidates(
        self, state: np.ndarray, code: Code, near: np.ndarray, wanted: int
    ) -> tuple[np.ndarray | None, bool]:
        """Slots that may be near, in order of time but for one seam (None: all), and whether no more can be."""
        if self._store is not None:
            return self._from_store(self._store, code, wanted)
        if self.config.search != "place":
            return None, True
        order = self._ring.order()
        rank = np.empty(len(self.places), np.int64)
        rank[self.places.ranked(state)] = np.arange(len(self.places))
        of_slot = rank[self._ring.records["place"][order]]
        reach = np.searchsorted(np.cumsum(np.bincount(of_slot, minlength=rank.size)), wanted)
        return order[of_slot <= reach], True

    def _from_store(self, store: VectorStore, code: Code, wanted: int) -> tuple[np.ndarray, bool]:
        """Its nearest ``wanted``, in order of time; keys that the ring does not hold are passed over.

        How near they are is computed here, so that every store leads to the same bytes.
        """
        vector = np.zeros(self.config.separation.units)
        vector[code[0]] = code[1]
        hits = store.search(vector, wanted) if np.any(code[1]) else []
        slots = self._ring.slots_of(np.sort(np.array([key for key, _, _ in hits], np.int64)))
        last = len(hits) < wanted or hits[-1][1] < self.config.recollection.floor - _ROUNDING
        return slots[slots >= 0], last

    def nearest_others(self, slots: np.ndarray, before_step: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and slot of the episode of another stretch most like each of ``slots``; -1 where none is."""
        steps = self._steps[: len(self._ring)]
        return self._codes.nearest_others(slots, steps, self.config.recollection.apart, before_step)

    def settle_places(self) -> None:
        """Put every episode into the cell it belongs to by now: the map has moved since."""
        held = self._ring.records[: len(self._ring)]
        held["place"] = [self.places.cell(state) for state in states_of(held)]

    def rebuild(self) -> None:
        """Codes from the records, and into the store."""
        held = self._ring.records[: len(self._ring)]
        self._steps[: len(held)] = held["step"]
        self.looks[: len(held)] = held["features"]
        for slot, state in enumerate(states_of(held)):
            self._codes.put(slot, self.encode(state))
        if self._store is not None and len(self._ring):
            self._upsert(self._ring.order())

    def state(self) -> dict[str, Any]:
        """The place map; the codes are a function of the records."""
        return {"places": self.places.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`, once the ring is loaded."""
        self.places.load(state["places"])
        self.rebuild()
