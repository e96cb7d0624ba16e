"""Hierarchical risk parity: cluster by correlation distance, split risk down the tree."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.portfolio.covariance import checked_covariance


@njit(cache=True)
def _distance(cov: np.ndarray) -> np.ndarray:
    """d = √(½(1 − ρ)), clipped at perfect correlation."""
    n = cov.shape[0]
    out, inverse = np.empty((n, n)), np.empty(n)
    for i in range(n):
        inverse[i] = 1.0 / math.sqrt(cov[i, i])
    for i in range(n):
        row, target, own = cov[i], out[i], inverse[i]
        for j in range(n):
            target[j] = math.sqrt(max(0.0, 0.5 * (1.0 - row[j] * own * inverse[j])))
        target[i] = 0.0
    return out


@njit(cache=True)
def _column_distance(distance: np.ndarray) -> np.ndarray:
    """Euclidean distances between the columns of a symmetric distance matrix. O(n³)."""
    n = distance.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            total = 0.0
            for k in range(n):
                gap = distance[i, k] - distance[j, k]
                total += gap * gap
            out[i, j] = math.sqrt(total)
            out[j, i] = out[i, j]
    return out


@njit(cache=True)
def _spanning_tree(distance: np.ndarray):  # type: ignore[no-untyped-def]
    """Prim's minimum spanning tree: its sorted edges are the merges of single linkage. O(n²)."""
    n = distance.shape[0]
    inside, best = np.zeros(n, np.bool_), np.full(n, np.inf)
    origin = np.zeros(n, np.int64)
    first, second, length = np.empty(n - 1, np.int64), np.empty(n - 1, np.int64), np.empty(n - 1)
    current = 0
    inside[0] = True
    for k in range(n - 1):
        nearest = -1
        for j in range(n):
            if not inside[j]:
                if distance[current, j] < best[j]:
                    best[j] = distance[current, j]
                    origin[j] = current
                if nearest < 0 or best[j] < best[nearest]:
                    nearest = j
        first[k], second[k], length[k] = origin[nearest], nearest, best[nearest]
        inside[nearest] = True
        current = nearest
    return first, second, length


@njit(cache=True)
def single_linkage_order(distance: np.ndarray) -> np.ndarray:
    """Leaves of the single-linkage tree of a distance matrix (n, n), left to right. O(n²).

    Of two merged clusters the one that was formed first stands left, as in scipy.
    """
    n = distance.shape[0]
    if n == 1:
        return np.zeros(1, np.int64)
    first, second, length = _spanning_tree(distance)
    rank = np.argsort(length, kind="mergesort")
    parent, children = np.full(2 * n - 1, -1), np.empty((n - 1, 2), np.int64)
    for k in range(n - 1):
        a, b = first[rank[k]], second[rank[k]]
        while parent[a] >= 0:
            a = parent[a]
        while parent[b] >= 0:
            b = parent[b]
        children[k, 0], children[k, 1] = min(a, b), max(a, b)
        parent[a] = parent[b] = n + k
    order, stack = np.empty(n, np.int64), np.empty(2 * n, np.int64)
    stack[0], top, placed = 2 * n - 2, 1, 0
    while top > 0:
        top -= 1
        node = stack[top]
        if node < n:
            order[placed] = node
            placed += 1
        else:
            stack[top], stack[top + 1] = children[node - n, 1], children[node - n, 0]
            top += 2
    return order


@njit(cache=True)
def _cluster_variance(cov, order, inverse, begin, end):  # type: ignore[no-untyped-def]
    """Variance of the inverse-variance portfolio of a run of leaves."""
    total, variance = 0.0, 0.0
    for i in range(begin, end):
        row, r = cov[order[i]], 0.0
        for j in range(begin, i):
            r += row[order[j]] * inverse[j]
        variance += (2.0 * r + row[order[i]] * inverse[i]) * inverse[i]
        total += inverse[i]
    return variance / (total * total)


@njit(cache=True)
def _bisect(cov: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Split the weight between halves by inverse cluster variance, down to single leaves."""
    n = order.size
    weights, inverse = np.ones(n), np.empty(n)
    for i in range(n):
        inverse[i] = 1.0 / cov[order[i], order[i]]
    begin, end = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    begin[0], end[0], top = 0, n, 1
    while top > 0:
        top -= 1
        a, b = begin[top], end[top]
        if b - a < 2:
            continue
        middle = a + (b - a) // 2
        left = _cluster_variance(cov, order, inverse, a, middle)
        right = _cluster_variance(cov, order, inverse, middle, b)
        # an indefinite rounding can make a hedged cluster's variance 0: split evenly when both are
        share = 1.0 - left / (left + right) if left + right > 0.0 else 0.5
        for i in range(a, middle):
            weights[order[i]] *= share
        for i in range(middle, b):
            weights[order[i]] *= 1.0 - share
        begin[top], end[top] = a, middle
        begin[top + 1], end[top + 1] = middle, b
        top += 2
    return weights


@njit(cache=True)
def _hrp(cov: np.ndarray, columns: bool) -> np.ndarray:
    distance = _distance(cov)
    return _bisect(cov, single_linkage_order(_column_distance(distance) if columns else distance))


def hrp(cov: np.ndarray, *, clustering: Literal["distance", "columns"] = "distance") -> np.ndarray:
    r"""Long-only weights by hierarchical risk parity.

    .. math:: d_{ij} = \sqrt{\tfrac12 (1 - \rho_{ij})}, \qquad
        \alpha = 1 - \frac{V_\text{left}}{V_\text{left} + V_\text{right}}

    Single linkage orders the instruments; recursive bisection of that order gives the left half the share
    α, V being the variance of a half's inverse-variance portfolio.

    Parameters
    ----------
    cov : (n, n)
        Positive semidefinite with positive variances; need not be invertible.
    clustering : {"distance", "columns"}
        What is clustered: d itself, or, as in the original article, the Euclidean distances between
        the columns of d.

    Returns
    -------
    (n,) array
        Positive weights that sum to 1.

    Notes
    -----
    No warm-up; NaN is refused. Cost O(n²), with "columns" O(n³). riskfolio-lib gives the weights of
    "distance". skfolio clusters the same d and bisects in the same way, but first turns the tree's
    branches so that neighbouring leaves are near (``optimal_leaf_ordering``); bisection cuts the order
    in halves, so its weights differ by a few hundredths of the book. In "distance" mode the order is
    that of scipy's linkage without that step.

    Raises
    ------
    DataError
        See `checked_covariance`.
    ConfigError
        An unknown ``clustering``.

    Examples
    --------
    >>> hrp([[0.04, 0.0], [0.0, 0.01]]).round(3).tolist()
    [0.2, 0.8]

    References
    ----------
    López de Prado (2016), Building diversified portfolios that outperform out of sample.
    """
    if clustering not in ("distance", "columns"):
        raise ConfigError("unknown clustering", got=clustering, expected='"distance" or "columns"')
    return _hrp(checked_covariance(cov), clustering == "columns")


class HierarchicalRiskParity:
    """`hrp` behind the `Allocator` protocol; ``mu`` and ``previous`` are ignored.

    Examples
    --------
    >>> HierarchicalRiskParity().weights(np.eye(4)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    name = "hrp"

    def weights(
        self, cov: np.ndarray, mu: np.ndarray | None = None, previous: np.ndarray | None = None
    ) -> np.ndarray:
        """Weights (n,)."""
        return hrp(cov)
