"""Maps, clusters and vector search: umap-learn, scikit-learn, Qdrant's embedded mode."""

from __future__ import annotations

import warnings

import numpy as np

from janus_trader.research.bench.work import Peer
from janus_trader.research.bench.works.manifold import SIZE, points


def _fitted(x):
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return umap.UMAP(random_state=0, n_jobs=1).fit(x)


def _fit(inputs):
    _fitted(inputs["points"][:500])
    return lambda: _fitted(inputs["points"]).embedding_


def _trust(ours, theirs) -> float:
    """By how much their trustworthiness (15 neighbours) is above ours."""
    from sklearn.manifold import trustworthiness

    x = points()
    kept = [trustworthiness(x, y, n_neighbors=15) for y in (theirs, ours)]
    return float(max(0.0, kept[0] - kept[1]))


def _place(inputs):
    model, new = _fitted(inputs["points"]), inputs["new"]

    def five():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [model.transform(new[i : i + 1]) for i in range(5)]

    five()
    return five


def _clusters(inputs):
    from sklearn.cluster import KMeans

    def fit():
        model = KMeans(7, init=inputs["first"], n_init=1, tol=0.0, algorithm="lloyd")
        return model.fit(inputs["points"]).inertia_

    return fit


def _relative(ours, theirs) -> float:
    return abs(ours - theirs) / theirs


def _qdrant(inputs):
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    space = models.VectorParams(size=SIZE, distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=space)
    client.upload_collection("c", vectors=inputs["points"], ids=range(len(inputs["points"])))
    query = inputs["query"].tolist()
    return lambda: [p.id for p in client.query_points("c", query=query, limit=10).points]


def _sklearn(inputs):
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute").fit(inputs["points"])
    query = inputs["query"][None].astype(np.float32)
    return lambda: model.kneighbors(query, return_distance=False)[0].tolist()


def _differ(ours, theirs) -> float:
    return float(sum(a != b for a, b in zip(ours, theirs, strict=True)))


PEERS: tuple[Peer, ...] = (
    Peer(
        work="manifold.umap.fit",
        name="umap-learn",
        package="umap-learn",
        prepare=_fit,
        agreement=_trust,
        settings="random_state=0, n_jobs=1; 500 epochs against our 200; the difference is of trustworthiness",
    ),
    Peer(
        work="manifold.umap.place",
        name="umap-learn transform",
        package="umap-learn",
        prepare=_place,
        items=5,
        settings="descends for the point; ours is a network distilled from the map",
    ),
    Peer(
        work="manifold.k_means",
        name="scikit-learn",
        package="scikit-learn",
        prepare=_clusters,
        agreement=_relative,
        settings="KMeans, lloyd, the same first centres, tol=0",
    ),
    Peer(
        work="manifold.search",
        name="Qdrant embedded",
        package="qdrant-client",
        prepare=_qdrant,
        agreement=_differ,
        settings="in memory, exact",
    ),
    Peer(
        work="manifold.search",
        name="scikit-learn",
        package="scikit-learn",
        prepare=_sklearn,
        agreement=_differ,
        settings="NearestNeighbors, brute, cosine; no payloads",
    ),
)
