"""Exact search in memory, kept in one file where a path is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.files import write_atomic
from janus_trader.numerics.vector_search import top_cosine
from janus_trader.stores.vectors.checks import checked_batch, checked_filters, checked_query, matches

_MAGIC = b"JANUSVEC1"
_DIGEST = 32


class ExactVectorStore:
    """Vectors of one size with payloads, searched exhaustively by a compiled loop.

    Cost O(m d) a search for m vectors. With a ``path`` every change is on disk before the call returns,
    in one step: a reader, or a crash, sees the old file or the new one. One writer at a time.

    Parameters
    ----------
    size : int
        Length d of every vector.
    path : path, optional
        File to read at the start, if it exists, and to write after every change.

    Raises
    ------
    ConfigError
        ``size`` is not positive.
    IntegrityError
        The file is damaged or holds vectors of another size.

    Examples
    --------
    >>> store = ExactVectorStore(2)
    >>> store.upsert([1, 2], np.array([[2.0, 0.0], [0.0, 1.0]]), [{"regime": "BULL"}, {"regime": "BEAR"}])
    >>> store.search(np.array([1.0, 0.1]), 1)[0][0], store.search(np.array([1.0, 0.1]), 1, {"regime": "BEAR"})[0][0]
    (1, 2)
    """

    def __init__(self, size: int, path: Path | str | None = None) -> None:
        if size < 1:
            raise ConfigError("size of vectors is not usable", got=size, expected="an integer >= 1")
        self.size = int(size)
        self.path = None if path is None else Path(path)
        self._clear()
        if self.path is not None and self.path.exists():
            self.restore(self.path.read_bytes())

    def _clear(self) -> None:
        self._row: dict[int, int] = {}  # key -> row; rows [0, len) are in use
        self._payloads: list[dict[str, Any]] = []
        self._keys = np.empty(0, np.int64)
        self._units = np.empty((0, self.size))

    def __len__(self) -> int:
        return len(self._row)

    def _reserve(self, count: int) -> None:
        if count > len(self._keys):
            room = max(count, 2 * len(self._keys), 16)
            used = len(self._row)
            keys, units = np.empty(room, np.int64), np.empty((room, self.size))
            keys[:used], units[:used] = self._keys[:used], self._units[:used]
            self._keys, self._units = keys, units

    def upsert(self, keys: Sequence[int], vectors: np.ndarray, payloads: Sequence[dict[str, Any]]) -> None:
        """Add vectors (m, d), or replace those whose key is there. Raises DataError and changes nothing when
        any of them is unusable."""
        plain, units = checked_batch(self.size, keys, vectors, payloads)
        if not plain:
            return
        self._reserve(len(self._row) + sum(key not in self._row for key in plain))
        for key, unit, payload in zip(plain, units, payloads, strict=True):
            row = self._row.setdefault(key, len(self._row))
            if row == len(self._payloads):
                self._payloads.append({})
            self._keys[row], self._units[row], self._payloads[row] = key, unit, dict(payload)
        self._save()

    def search(
        self, vector: np.ndarray, k: int, filters: dict[str, Any] | None = None
    ) -> list[tuple[int, float, dict[str, Any]]]:
        """At most ``k`` of (key, cosine, payload), best first, of equals the smaller key first."""
        query, used = checked_query(self.size, vector, k), len(self._row)
        active = self._matching(filters)
        index, score = np.empty(min(k, max(used, 1)), np.int64), np.empty(min(k, max(used, 1)))
        found = top_cosine(self._units[:used], self._keys[:used], active, query, index, score)
        return [
            (int(self._keys[row]), float(s), dict(self._payloads[row]))
            for row, s in zip(index[:found].tolist(), score[:found], strict=True)
        ]

    def keys(self, filters: dict[str, Any] | None = None) -> list[int]:
        """Every key whose payload has these values, ascending."""
        return sorted(self._keys[: len(self._row)][self._matching(filters)].tolist())

    def _matching(self, filters: dict[str, Any] | None) -> np.ndarray:
        """Which rows a filter keeps, (m,) bool."""
        chosen, active = checked_filters(filters), np.ones(len(self._row), np.bool_)
        if chosen:
            active[:] = [matches(payload, chosen) for payload in self._payloads]
        return active

    def delete(self, keys: Sequence[int]) -> None:
        """Forget these keys; a key that is not there is passed over. O(1) a key."""
        gone = [int(key) for key in keys if int(key) in self._row]
        for key in gone:
            row, last = self._row.pop(key), len(self._payloads) - 1
            if row != last:  # the last row moves into the gap
                moved = int(self._keys[last])
                self._keys[row], self._units[row] = moved, self._units[last]
                self._payloads[row], self._row[moved] = self._payloads[last], row
            self._payloads.pop()
        if gone:
            self._save()

    def _save(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path, self.snapshot(), durable=True)

    def close(self) -> None:
        """Nothing to let go of: every change is on disk already."""

    def reset(self) -> None:
        """Forget every vector, on disk as well."""
        self._clear()
        self._save()

    def snapshot(self) -> bytes:
        """Everything as bytes with a digest, in order of the keys: equal contents, equal bytes."""
        order = np.argsort(self._keys[: len(self._row)], kind="stable")
        body = pack(
            {
                "size": self.size,
                "keys": self._keys[order],
                "units": self._units[order],
                "payloads": [self._payloads[row] for row in order.tolist()],
            }
        )
        return _MAGIC + hashlib.sha256(body).digest() + body

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it is damaged or of another size."""
        start = len(_MAGIC) + _DIGEST
        body = raw[start:]
        if raw[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != raw[len(_MAGIC) : start]:
            raise IntegrityError(
                "vector file is damaged", got=self.path, remedy="restore it from a copy or build it anew"
            )
        tree = unpack(body)
        if int(tree["size"]) != self.size:
            raise IntegrityError("vectors of another size", got=tree["size"], expected=str(self.size))
        self._clear()
        self._keys, self._units = np.array(tree["keys"], np.int64), np.array(tree["units"], np.float64)
        self._payloads = [dict(p) for p in tree["payloads"]]
        self._row = {int(key): row for row, key in enumerate(self._keys)}
