"""UMAP: a map of vectors in the plane that keeps neighbours together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config, Positive
from janus_trader.numerics.umap_graph import fuzzy_union, nearest_neighbours, smooth_memberships
from janus_trader.numerics.umap_layout import curve_parameters, force_tables, layout_epochs

_EXTENT = 10.0  # half-width of the start, as in umap-learn


class UMAPConfig(Config, frozen=True):
    """Neighbourhood and descent; all but the epochs as in umap-learn."""

    n_neighbors: Annotated[int, Meta(ge=2, le=200, description="the point itself counts as one")] = 15
    min_dist: Annotated[float, Meta(ge=0.0, le=1.0, description="how close points may lie")] = 0.1
    epochs: Annotated[int, Meta(ge=1, le=5000)] = 200
    negatives: Annotated[int, Meta(ge=0, le=50, description="points that repel, for each that attracts")] = 5
    learning_rate: Positive = 1.0
    seed: Annotated[int, Meta(ge=0)] = 0


@dataclass(frozen=True, eq=False)
class FuzzyGraph:
    """Weighted edges between ``n`` points, each undirected edge from both of its ends, sorted by head."""

    n: int
    head: np.ndarray
    tail: np.ndarray
    weight: np.ndarray

    def dense(self) -> np.ndarray:
        """The weights as a symmetric matrix (n, n)."""
        out = np.zeros((self.n, self.n))
        out[self.head, self.tail] = self.weight
        return out


def fuzzy_graph(vectors: np.ndarray, n_neighbors: int) -> FuzzyGraph:
    """The neighbourhood graph of vectors (n, d); fewer neighbours where there are few points.

    Raises
    ------
    DataError
        Fewer than 3 vectors, or a value that is not finite.

    Examples
    --------
    >>> g = fuzzy_graph(np.random.default_rng(0).standard_normal((30, 4)), 5)
    >>> bool(np.allclose(g.dense(), g.dense().T)), bool(g.weight.max() <= 1.0)
    (True, True)
    """
    x = np.asarray(vectors, dtype=np.float64)
    if x.ndim != 2 or len(x) < 3:
        raise DataError("too few vectors for a map", got=x.shape, expected="(n, d) with n >= 3")
    index, distance = nearest_neighbours(x, min(n_neighbors, len(x)) - 1)
    return FuzzyGraph(len(x), *fuzzy_union(index, smooth_memberships(distance)))


class Descent:
    """The schedule of one graph's descent: edges worth drawing, when each is due, the state of the draws."""

    def __init__(self, graph: FuzzyGraph, config: UMAPConfig, stream: int = 0) -> None:
        top = float(graph.weight.max(initial=0.0))
        worth = graph.weight >= top / config.epochs
        self.head, self.tail = graph.head[worth], graph.tail[worth]
        self.interval = (top / graph.weight[worth]).astype(np.float32)
        self.due = self.interval.copy()
        key = np.random.SeedSequence([config.seed, stream]).generate_state(1, np.uint64)
        self.random = np.maximum(key, np.uint64(1))
        self._config = config
        self._tables = force_tables(*curve_parameters(config.min_dist))
        self._none = np.zeros((graph.n, 2), np.float32), np.zeros(graph.n, np.float32)

    def run(
        self,
        y: np.ndarray,
        first: int,
        last: int,
        anchors: tuple[np.ndarray, np.ndarray] | None = None,
        regularisation: float = 0.0,
    ) -> None:
        """Epochs ``first`` to ``last`` on the layout (n, 2) float32, in place."""
        c, (anchor, links) = self._config, anchors or self._none
        pull, push = self._tables
        layout_epochs(
            y, self.head, self.tail, self.interval, self.due, pull, push,
            first, last, c.epochs, c.negatives, c.learning_rate, anchor, links, regularisation, self.random,
        )  # fmt: skip


def principal_plane(vectors: np.ndarray) -> np.ndarray:
    """Vectors on their first two principal axes, scaled to half-width 10, (n, 2); the start of a descent.

    The sign of an axis is that of its largest loading. A second axis without variance is a little noise-free
    fan of the order of the points, so that a descent can leave the line.

    >>> principal_plane(np.diag([3.0, 2.0, 1.0])).shape
    (3, 2)
    """
    x = np.asarray(vectors, dtype=np.float64)
    x = x - x.mean(axis=0)
    if x.shape[1] < 2:
        x = np.hstack([x, np.zeros((len(x), 2 - x.shape[1]))])
    _, axes = np.linalg.eigh(x.T @ x)
    axes = axes[:, [-1, -2]]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0.0, -1.0, 1.0)
    y = x @ axes
    size = float(np.abs(y).max())
    y = y / size if size > 0.0 else y
    fan = np.linspace(-1.0, 1.0, len(y))
    for axis in (0, 1):
        if np.abs(y[:, axis]).max() < 1e-6:
            y[:, axis] = 1e-2 * (fan if axis == 0 else 1.0 - 2.0 * fan**2)
    return _EXTENT * y


def fit_umap(vectors: np.ndarray, config: UMAPConfig | None = None) -> np.ndarray:
    """The layout (n, 2) float32 of vectors (n, d).

    Exact neighbours, principal axes as the start, descent with forces from a table. The same seed gives the
    same bytes on the same machine and BLAS. O(n^2 d + epochs n n_neighbors negatives).

    Raises
    ------
    DataError
        Fewer than 3 vectors, or a value that is not finite.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((40, 5))
    >>> x[20:] += 20.0
    >>> y = fit_umap(x, UMAPConfig(n_neighbors=8))
    >>> between = np.linalg.norm(y[:20].mean(axis=0) - y[20:].mean(axis=0))
    >>> bool(between > 2 * y[:20].std(axis=0).max())
    True
    """
    c = config or UMAPConfig()
    graph = fuzzy_graph(vectors, c.n_neighbors)
    y = np.ascontiguousarray(principal_plane(vectors), dtype=np.float32)
    Descent(graph, c).run(y, 0, c.epochs)
    return y
