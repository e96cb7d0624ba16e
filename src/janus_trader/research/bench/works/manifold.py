"""Maps of memories, placing a point, clustering and vector search."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

POINTS, SIZE, CLUSTERS = 5000, 64, 12


def points(n: int = POINTS, seed: int = 0) -> np.ndarray:
    """Clustered vectors (n, 64) float32, the same for every peer; all seeds share their clusters."""
    centres = np.random.default_rng(0).normal(0, 3, (CLUSTERS, SIZE))
    rng = np.random.default_rng((1, seed))
    label = rng.integers(0, CLUSTERS, n)
    return (centres[label] + rng.normal(0, 1, (n, SIZE)) * np.linspace(1, 0.2, SIZE)).astype(np.float32)


def _fit(n: int) -> Case:
    from janus_trader.learning.manifold import UMAPConfig, fit_umap

    x = points(n)
    fit_umap(x[:200], UMAPConfig(epochs=2))
    return Case(lambda: fit_umap(x), 1, {"points": x})


def _prepare_fit() -> Case:
    return _fit(POINTS)


def _prepare_place() -> Case:
    from janus_trader.learning.manifold import DistilledMap, fit_umap

    x, new = points(), points(1000, seed=1)
    net = DistilledMap()
    net.fit(x, fit_umap(x), np.random.default_rng(0))
    rows = list(new)
    place = net.place

    def ours() -> list[tuple[float, float]]:
        return [place(row) for row in rows]

    ours()
    return Case(ours, len(rows), {"points": x, "new": new})


def _prepare_clusters() -> Case:
    from janus_trader.numerics.k_means import k_means

    x = points(1024).astype(np.float64)
    first = x[:7].copy()

    def ours() -> float:
        return k_means(x, 7, np.random.default_rng(0), starts=0, first=first, tol=0.0)[2]

    ours()
    return Case(ours, 1, {"points": x, "first": first})


def _search(n: int) -> Case:
    from janus_trader.stores.vectors import ExactVectorStore

    x = points(n)
    store = ExactVectorStore(SIZE)
    store.upsert(range(n), x, [{} for _ in range(n)])
    query = points(1, seed=2)[0].astype(np.float64)

    def ours() -> list[int]:
        return [key for key, _, _ in store.search(query, 10)]

    ours()
    return Case(ours, 1, {"points": x, "query": query})


def _prepare_search() -> Case:
    return _search(10_000)


WORKS: tuple[Work, ...] = (
    Work(
        name="manifold.umap.fit",
        title="UMAP of 5,000 x 64, 15 neighbours, 200 epochs",
        unit="fit",
        prepare=_prepare_fit,
        goal_ratio=8.0,
        growth=_fit,
        sizes=(500, 2000, 5000),
    ),
    Work(
        name="manifold.umap.place",
        title="place a new point of 64 on a map, one call each, by a distilled 64-128-64-2 network",
        unit="point",
        prepare=_prepare_place,
        goal_ratio=500.0,
    ),
    Work(
        name="manifold.k_means",
        title="k-means, 7 clusters, 1,024 x 64, from given centres to the end",
        unit="fit",
        prepare=_prepare_clusters,
    ),
    Work(
        name="manifold.search",
        title="10 nearest of 10,000 x 64 by cosine, with payloads",
        unit="search",
        prepare=_prepare_search,
        growth=_search,
        sizes=(1000, 10_000),
    ),
)
