"""Hierarchical risk parity: cluster by correlation distance, split risk down the tree."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.portfolio.covariance import checked_covariance


@njit(cache=True)
def _distance(cov: np.ndarray) -> np.ndarray:
    """d = √(½(1 − ρ)), clipped at perfect correlation."""
    n = cov.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            rho = cov[i, j] / math.sqrt(cov[i, i] * cov[j, j])
            out[i, j] = math.sqrt(max(0.0, 0.5 * (1.0 - rho)))
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
def _cluster_variance(cov, order, begin, end):  # type: ignore[no-untyped-def]
    """Variance of the inverse-variance portfolio of a run of leaves."""
    total, variance = 0.0, 0.0
    for i in range(begin, end):
        row, r = cov[order[i]], 0.0
        for j in range(begin, end):
            r += row[order[j]] / cov[order[j], order[j]]
        variance += r / row[order[i]]
        total += 1.0 / row[order[i]]
    return variance / (total * total)


@njit(cache=True)
def _bisect(cov: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Split the weight between halves by inverse cluster variance, down to single leaves."""
    n = order.size
    weights = np.ones(n)
    begin, end = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    begin[0], end[0], top = 0, n, 1
    while top > 0:
        top -= 1
        a, b = begin[top], end[top]
        if b - a < 2:
            continue
        middle = a + (b - a) // 2
        left = _cluster_variance(cov, order, a, middle)
        right = _cluster_variance(cov, order, middle, b)
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
def _hrp(cov: np.ndarray) -> np.ndarray:
    return _bisect(cov, single_linkage_order(_distance(cov)))


def hrp(cov: np.ndarray) -> np.ndarray:
    r"""Long-only weights by hierarchical risk parity.

    .. math:: d_{ij} = \sqrt{\tfrac12 (1 - \rho_{ij})}, \qquad
        \alpha = 1 - \frac{V_\text{left}}{V_\text{left} + V_\text{right}}

    Single linkage on d orders the instruments; recursive bisection gives the left half the share α, V
    being the variance of a half's inverse-variance portfolio.

    Parameters
    ----------
    cov : (n, n)
        Positive semidefinite with positive variances; need not be invertible.

    Returns
    -------
    (n,) array
        Positive weights that sum to 1.

    Notes
    -----
    No warm-up; NaN is refused. Cost O(n²). The clusters are formed on d itself (as riskfolio-lib
    does), not on the distances between the columns of d (as skfolio and the original article do).

    Raises
    ------
    DataError
        See `checked_covariance`.

    Examples
    --------
    >>> hrp([[0.04, 0.0], [0.0, 0.01]]).round(3).tolist()
    [0.2, 0.8]

    References
    ----------
    López de Prado (2016), Building diversified portfolios that outperform out of sample.
    """
    return _hrp(checked_covariance(cov))


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
