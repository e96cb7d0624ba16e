"""The vector store of one run's memory: its own and nobody else's, and silent where it cannot be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.contracts.errors import IntegrityError, Unreachable
from janus_trader.runs.settings import LifeConfig
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.stores.vectors.config import OpenStore, VectorsConfig, open_store

#: Most recollections that pass in silence before a store is asked again.
_LONGEST_PAUSE = 64


class MemoryStore:
    """A `janus_trader.contracts.protocols.VectorStore` that belongs to one run.

    Every vector carries the run's name. At the start a store must be empty but for what the same run left
    there, which goes: memory is upserted again from the journal of episodes. What a store is to be told waits
    here until something is searched, so that one that cannot be reached is told when it is back; until then
    nothing is found. It is asked again after 1, 2, 4, ... and at most 64 searches, and believed only if it
    holds as many vectors as it was told.

    Parameters
    ----------
    store : ExactVectorStore or QdrantVectorStore
    run : str
        Name of the run, of which there is no second.

    Raises
    ------
    IntegrityError
        The store holds something else.
    Unreachable
        It does not answer.

    Examples
    --------
    >>> from janus_trader.stores.vectors import ExactVectorStore
    >>> memory = MemoryStore(ExactVectorStore(2), "a run")
    >>> memory.upsert([7], np.eye(2)[:1], [{}])
    >>> memory.search(np.ones(2), 1)[0][0], memory.silent
    (7, 0)
    """

    def __init__(self, store: OpenStore, run: str) -> None:
        self._store, self._run = store, run
        self._waiting: dict[int, tuple[np.ndarray, dict[str, Any]] | None] = {}  # None: to be forgotten
        self._held: set[int] = set()
        self._lost, self._pause, self._next_pause = False, 0, 1
        self.silent = 0  #: searches that were not answered
        #: Hears when the store is lost and when it is back.
        self.tell: Callable[[str], None] = lambda text: None
        mine = store.keys({"run": run})
        if len(mine) != len(store):
            raise IntegrityError(
                "the vector store holds something else than the memory of this run",
                got=f"{len(store) - len(mine)} other vectors",
                expected="an empty one",
                remedy="name another path or collection in [vectors]; nothing was changed",
            )
        store.delete(mine)

    def upsert(self, keys: Sequence[int], vectors: np.ndarray, payloads: Sequence[dict[str, Any]]) -> None:
        """Remember to add these."""
        for key, vector, payload in zip(keys, vectors, payloads, strict=True):
            self._waiting[int(key)] = (vector, {**payload, "run": self._run})

    def delete(self, keys: Sequence[int]) -> None:
        """Remember to forget these."""
        self._waiting.update(dict.fromkeys(map(int, keys)))

    def search(
        self, vector: np.ndarray, k: int, filters: dict[str, Any] | None = None
    ) -> list[tuple[int, float, dict[str, Any]]]:
        """As the store says; nothing while it cannot be reached."""
        if self._pause:
            self._pause -= 1
            self.silent += 1
            return []
        try:
            self._settle()
            found = self._store.search(vector, k, filters)
        except (Unreachable, OSError) as error:
            self._lose(error)
            return []
        if self._lost:
            self._lost, self._next_pause = False, 1
            self.tell("the vector store answers again")
        return found

    def keys(self, filters: dict[str, Any] | None = None) -> list[int]:
        """Keys in the store, once it has been told what waits."""
        self._settle()
        return self._store.keys(filters)

    def __len__(self) -> int:
        self._settle()
        return len(self._store)

    def _settle(self) -> None:
        """Tell the store what waits."""
        gone = [key for key, item in self._waiting.items() if item is None]
        new = {key: item for key, item in self._waiting.items() if item is not None}
        if gone:
            self._store.delete(gone)
        if new:
            vectors, payloads = zip(*new.values(), strict=True)
            self._store.upsert(list(new), np.array(vectors), payloads)
        self._waiting.clear()
        self._held.difference_update(gone)
        self._held.update(new)
        if self._lost and len(self._store) != len(self._held):
            raise Unreachable(
                "the vector store lost memories",
                got=f"{len(self._store)} vectors",
                expected=str(len(self._held)),
                remedy="`janus run --resume` tells it everything again",
            )

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self.tell(f"nothing is recollected: {error}")
        self.silent += 1
        self._lost, self._pause = True, self._next_pause
        self._next_pause = min(2 * self._next_pause, _LONGEST_PAUSE)

    def close(self) -> None:
        """Tell the store what waits, if it can be reached, and let go of it."""
        with suppress(Unreachable, OSError):
            self._settle()
        self._store.close()


def own_memory(config: LifeConfig) -> MemoryStore | None:
    """A store in this process for a life of which nothing is kept; None where none is searched."""
    return _memory(config, config.vectors.in_process(), None, "")


@contextmanager
def kept_memory(config: LifeConfig, directory: RunDirectory, run: str) -> Iterator[MemoryStore | None]:
    """The store that ``config.vectors`` names, open for the run in a directory; None where none is searched.

    Raises
    ------
    JanusError
        It cannot be opened, or holds something else than the memory of this run.
    """
    memory = _memory(config, config.vectors, directory.path, run)
    try:
        yield memory
    finally:
        if memory is not None:
            memory.close()


def _memory(config: LifeConfig, where: VectorsConfig, folder: Path | None, run: str) -> MemoryStore | None:
    hippocampus = config.brain.hippocampus
    if hippocampus.search != "store":
        return None
    store = open_store(where, hippocampus.separation.units, folder)
    try:
        return MemoryStore(store, run)
    except BaseException:
        store.close()
        raise
