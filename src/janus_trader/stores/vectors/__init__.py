"""Vectors with payloads, found again by cosine: exact in this process, or in Qdrant.

Both stores satisfy `janus_trader.contracts.protocols.VectorStore` and one set of laws: an upsert replaces,
a delete of what is not there is no error, results come best first with the smaller key first among
equals. The exact store keeps double precision, Qdrant single. `open_store` opens the one a configuration names.
"""

from janus_trader.stores.vectors.config import VectorsConfig, open_store
from janus_trader.stores.vectors.exact import ExactVectorStore
from janus_trader.stores.vectors.qdrant import QdrantVectorStore

__all__ = ["ExactVectorStore", "QdrantVectorStore", "VectorsConfig", "open_store"]
