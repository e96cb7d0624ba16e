"""Where vectors are kept, as a configuration section, and the store that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from janus_trader.foundation.config import Config
from janus_trader.stores.vectors.exact import ExactVectorStore
from janus_trader.stores.vectors.qdrant import API_KEY, QdrantVectorStore

OpenStore = ExactVectorStore | QdrantVectorStore


class VectorsConfig(Config, frozen=True):
    """The store that keeps what the hippocampus remembers where ``brain.hippocampus.search`` is ``store``.

    Without ``path`` and ``url`` it lives in this process. The key of a server is no setting: it is read from
    the environment, ``JANUS_QDRANT_API_KEY``.

    >>> VectorsConfig(kind="qdrant", path="memory").url
    ''
    """

    kind: Annotated[
        Literal["exact", "qdrant"], Meta(description="exact, or qdrant (extra ml); used by search = store")
    ] = "exact"
    path: Annotated[
        str, Meta(description="file (exact) or folder (qdrant), relative to the run's directory; empty: none")
    ] = ""
    url: Annotated[str, Meta(description="a Qdrant server, http://host:port; empty: none")] = ""
    collection: Annotated[str, Meta(min_length=1, description="name of the collection in Qdrant")] = "memory"
    timeout_s: Annotated[int, Meta(ge=1, le=600, description="seconds to wait for a server")] = 5

    def __post_init__(self) -> None:
        if self.url and (self.path or self.kind == "exact"):
            raise ValueError("a url only with kind = qdrant and without a path")
        if "@" in urlsplit(self.url).netloc:
            raise ValueError(f"a url without a secret; the key is read from {API_KEY}")

    def in_process(self) -> VectorsConfig:
        """The same kind of store without a place outside this process."""
        return self.replace(path="", url="")


def open_store(config: VectorsConfig, size: int, folder: Path | None = None) -> OpenStore:
    """The store of a configuration, for vectors of ``size``; a relative path lies below ``folder``.

    Raises
    ------
    JanusError
        It cannot be opened (`ExactVectorStore`, `QdrantVectorStore`).

    Examples
    --------
    >>> len(open_store(VectorsConfig(), 4))
    0
    """
    path = Path(folder or ".") / config.path if config.path else None
    if config.kind == "exact":
        return ExactVectorStore(size, path)
    return QdrantVectorStore(size, config.collection, path, config.url or None, config.timeout_s)
