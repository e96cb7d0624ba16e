"""The same vectors in Qdrant: embedded in a folder, or at a server."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from janus_trader.contracts.errors import ConfigError, IntegrityError, Unreachable
from janus_trader.stores.vectors.checks import checked_batch, checked_filters, checked_query

T = TypeVar("T")

#: Where the key of a server is read; secrets never stand in a configuration.
API_KEY = "JANUS_QDRANT_API_KEY"
_ATTEMPTS, _PAUSE_S = 3, 0.1
#: Vectors in one request: a server refuses bodies above 32 MB.
_BATCH = 1000


class QdrantVectorStore:
    """Vectors of one size in a Qdrant collection with cosine distance.

    Vectors are sent at unit norm and kept there in single precision, so that cosines agree with the exact
    store to about 1e-6. A server is asked again twice when it does not answer. The extra ``ml`` brings the
    client.

    Parameters
    ----------
    size : int
        Length d of every vector.
    collection : str
        Made when it is not there.
    path : path, optional
        Folder of an embedded Qdrant. Give ``path`` or ``url``, or neither for one in memory.
    url : str, optional
        A server, e.g. ``http://localhost:6333``; its key, if it has one, in ``JANUS_QDRANT_API_KEY``.
    timeout_s : int
        Seconds to wait for a server.

    Raises
    ------
    ConfigError
        Both a path and a url, a url that is none, or the client is not installed.
    IntegrityError
        The collection exists with another size or distance.
    Unreachable
        The server does not answer, or the folder cannot be used or is in use.

    Examples
    --------
    >>> store = QdrantVectorStore(2, "schemas")
    >>> store.upsert([1, 2], np.eye(2), [{"regime": "BULL"}, {"regime": "BEAR"}])
    >>> store.search(np.array([1.0, 0.1]), 1)[0][0], len(store)
    (1, 2)
    >>> store.close()
    """

    def __init__(
        self,
        size: int,
        collection: str,
        path: Path | str | None = None,
        url: str | None = None,
        timeout_s: int = 5,
    ) -> None:
        if size < 1 or (path is not None and url is not None):
            raise ConfigError(
                "vector store cannot be opened",
                got=f"size={size}, path={path}, url={url}",
                expected="a size >= 1 and a path or a url",
            )
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise ConfigError(
                "the Qdrant client is not installed", remedy="pip install 'janus-trader[ml]'"
            ) from error
        self.size, self.collection, self._models = int(size), collection, models
        self._where = url or (str(path) if path is not None else "memory")
        try:
            if url is not None:
                self._client = QdrantClient(
                    url=url,
                    api_key=os.environ.get(API_KEY),
                    timeout=timeout_s,
                    prefer_grpc=False,
                    check_compatibility=False,
                )
            elif path is not None:
                self._client = QdrantClient(path=str(path))
            else:
                self._client = QdrantClient(":memory:")
        except (RuntimeError, OSError, sqlite3.Error, ValueError) as error:
            what = f"vector store {self._where} cannot be opened"
            if url is not None:
                raise ConfigError(what, got=_first_line(error), expected="http://host:port") from error
            remedy = "end the other process, or name another folder"
            raise Unreachable(what, got=_first_line(error), remedy=remedy) from error
        # a server searches a graph unless told otherwise; the embedded one is always exact
        self._exact = models.SearchParams(exact=True) if url is not None else None
        self._open()

    def _open(self) -> None:
        models, client = self._models, self._client
        if not self._ask(lambda: client.collection_exists(self.collection)):
            space = models.VectorParams(size=self.size, distance=models.Distance.COSINE)
            self._ask(lambda: client.create_collection(self.collection, vectors_config=space))
            return
        found: Any = self._ask(lambda: client.get_collection(self.collection)).config.params.vectors
        if (
            getattr(found, "size", None) != self.size
            or getattr(found, "distance", None) != models.Distance.COSINE
        ):
            raise IntegrityError(
                f"collection {self.collection} is of another kind",
                got=found,
                expected=f"size {self.size}, cosine distance",
            )

    def _ask(self, call: Callable[[], T]) -> T:
        """The answer to a call; asks again when the server does not answer or is overloaded."""
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ApiException

        for attempt in range(_ATTEMPTS):
            try:
                return call()
            except (ApiException, QdrantException, OSError, sqlite3.Error) as error:
                status = getattr(error, "status_code", None)
                if attempt == _ATTEMPTS - 1 or (status is not None and status < 500):
                    raise Unreachable(
                        f"vector store {self._where} does not answer as it should",
                        got=_first_line(error),
                        expected="a Qdrant server",
                        remedy="start it, or use the exact store",
                    ) from error
                time.sleep(_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    def __len__(self) -> int:
        return int(self._ask(lambda: self._client.count(self.collection, exact=True)).count)

    def upsert(self, keys: Sequence[int], vectors: np.ndarray, payloads: Sequence[dict[str, Any]]) -> None:
        """Add vectors (m, d), or replace those whose key is there; returns when they can be found."""
        plain, units = checked_batch(self.size, keys, vectors, payloads)
        if not plain:
            return
        points = [
            self._models.PointStruct(id=key, vector=unit.tolist(), payload=dict(payload))
            for key, unit, payload in zip(plain, units, payloads, strict=True)
        ]
        for at in range(0, len(points), _BATCH):
            self._send(points[at : at + _BATCH])

    def _send(self, points: list[Any]) -> None:
        self._ask(lambda: self._client.upsert(self.collection, points=points, wait=True))

    def search(
        self, vector: np.ndarray, k: int, filters: dict[str, Any] | None = None
    ) -> list[tuple[int, float, dict[str, Any]]]:
        """At most ``k`` of (key, cosine, payload), best first, of equals the smaller key first.

        Among vectors whose cosines are equal at the place where the list is cut, the server chooses.
        """
        query, kept = checked_query(self.size, vector, k), self._filter(filters)
        found = self._ask(
            lambda: self._client.query_points(
                self.collection,
                query=query.tolist(),
                limit=int(k),
                query_filter=kept,
                with_payload=True,
                search_params=self._exact,
            )
        )
        rows = [
            (int(point.id), min(max(float(point.score), -1.0), 1.0), dict(point.payload or {}))
            for point in found.points
            if isinstance(point.id, int)
        ]
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    def _filter(self, filters: dict[str, Any] | None) -> Any:
        chosen, models = checked_filters(filters), self._models
        must: list[Any] = [
            models.FieldCondition(key=name, match=models.MatchValue(value=value))
            for name, value in chosen.items()
        ]
        return models.Filter(must=must) if must else None

    def keys(self, filters: dict[str, Any] | None = None) -> list[int]:
        """Every key whose payload has these values, ascending; names that are no integers are not ours."""
        kept, found, start = self._filter(filters), list[int](), None
        while True:
            points, start = self._page(kept, start)
            found.extend(point.id for point in points if isinstance(point.id, int))
            if start is None:
                return sorted(found)

    def _page(self, kept: Any, start: Any) -> tuple[list[Any], Any]:
        return self._ask(
            lambda: self._client.scroll(
                self.collection, scroll_filter=kept, limit=_BATCH, offset=start, with_payload=False
            )
        )

    def delete(self, keys: Sequence[int]) -> None:
        """Forget these keys; a key that is not there is passed over."""
        plain: list[Any] = [int(key) for key in keys]
        if plain:
            chosen = self._models.PointIdsList(points=plain)
            self._ask(lambda: self._client.delete(self.collection, points_selector=chosen, wait=True))

    def close(self) -> None:
        """Let go of the folder or the connection."""
        self._client.close()


def _first_line(error: Exception) -> str:
    """What went wrong, in one line; the client wraps some errors without a word."""
    text = str(error) or str(getattr(error, "source", "")) or type(error).__name__
    return text.splitlines()[0]
