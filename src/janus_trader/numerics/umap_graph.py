"""The fuzzy neighbourhood graph of UMAP: exact neighbours, smooth distances, union of both directions."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError

_BLOCK = 512  # rows of one matrix product
_SPARE = 16  # candidates kept beyond the neighbours asked for, to prove that none was missed
_LEAST_SCALE = 1e-3  # a point's scale is at least this share of the mean distance (umap-learn)


@njit(cache=True)
def _candidates(products, squares, first, index):
    """For each row of a block the points of smallest |x_j|^2 - 2 x_i.x_j, ascending; and the largest of them."""
    n, kept = products.shape[1], index.shape[1]
    best = np.empty(kept, products.dtype)
    bound = np.empty(products.shape[0], products.dtype)
    for r in range(products.shape[0]):
        me = first + r
        best[:] = np.inf
        worst = best[kept - 1]
        for j in range(n):
            s = squares[j] - 2.0 * products[r, j]
            if s < worst and j != me:
                slot = kept - 1
                while slot > 0 and best[slot - 1] > s:
                    best[slot] = best[slot - 1]
                    index[me, slot] = index[me, slot - 1]
                    slot -= 1
                best[slot] = s
                index[me, slot] = j
                worst = best[kept - 1]
        bound[r] = worst
    return bound


@njit(cache=True)
def _distance(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        total += (a[i] - b[i]) * (a[i] - b[i])
    return total


@njit(cache=True)
def _insert(d, j, count, index, distance):
    # keep the k smallest of (distance, index), ascending
    k = index.shape[0]
    if count == k and (d > distance[k - 1] or (d == distance[k - 1] and j > index[k - 1])):
        return count
    slot = count if count < k else k - 1
    while slot > 0 and (distance[slot - 1] > d or (distance[slot - 1] == d and index[slot - 1] > j)):
        distance[slot] = distance[slot - 1]
        index[slot] = index[slot - 1]
        slot -= 1
    distance[slot] = d
    index[slot] = j
    return min(count + 1, k)


@njit(cache=True)
def _exact(x, candidates, bound, squares, error, index, distance):
    """Order the candidates by their exact distances; search a row in full where one could have been missed."""
    n = x.shape[0]
    for i in range(n):
        count = 0
        for c in range(candidates.shape[1]):
            j = candidates[i, c]
            count = _insert(_distance(x[i], x[j]), j, count, index[i], distance[i])
        farthest = distance[i, index.shape[1] - 1]
        if candidates.shape[1] < n - 1 and farthest > bound[i] + squares[i] - error:
            count = 0
            for j in range(n):
                if j != i:
                    count = _insert(_distance(x[i], x[j]), j, count, index[i], distance[i])
        for c in range(index.shape[1]):
            distance[i, c] = np.sqrt(distance[i, c])


def nearest_neighbours(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest other points of each point by Euclidean distance, exactly.

    Candidates come from matrix products in single precision; a bound on their rounding error shows that no
    neighbour was missed, and where it does not the row is searched in full. Ties go to the lower index.
    O(n^2 d) in blocks.

    Parameters
    ----------
    vectors : (n, d) array
        Finite.
    k : int
        1 <= k < n.

    Returns
    -------
    index, distance : (n, k) int32 and float64 arrays, nearest first

    Raises
    ------
    DataError
        Too few points, or a value that is not finite.

    Examples
    --------
    >>> index, distance = nearest_neighbours(np.array([[0.0], [1.0], [3.0]]), 1)
    >>> index.ravel().tolist(), distance.ravel().tolist()
    ([1, 0, 1], [1.0, 1.0, 2.0])
    """
    x = np.ascontiguousarray(vectors, dtype=np.float64)
    if x.ndim != 2 or not 1 <= k < len(x) or not np.isfinite(x).all():
        raise DataError(
            "neighbours cannot be found",
            got=f"vectors {x.shape}, k={k}, finite: {bool(np.isfinite(x).all())}",
            expected="finite vectors (n, d) with n > k >= 1",
        )
    n, d = x.shape
    x = x - x.mean(axis=0)
    low = (x / max(float(np.abs(x).max()), 1e-300)).astype(np.float32)  # in range of single precision
    squares = (low * low).sum(axis=1)
    kept = min(k + _SPARE, n - 1)
    candidates, bound = np.zeros((n, kept), np.int32), np.empty(n, np.float32)
    for first in range(0, n, _BLOCK):
        rows = slice(first, min(first + _BLOCK, n))
        bound[rows] = _candidates(low[rows] @ low.T, squares, first, candidates)
    index, distance = np.empty((n, k), np.int32), np.empty((n, k))
    scaled = np.ascontiguousarray(x / max(float(np.abs(x).max()), 1e-300))
    error = 8.0 * (d + 4) * float(np.finfo(np.float32).eps) * float(squares.max(initial=0.0))
    _exact(scaled, candidates, bound.astype(np.float64), squares.astype(np.float64), error, index, distance)
    return index, distance * float(np.abs(x).max())


@njit(cache=True)
def smooth_memberships(distance: np.ndarray, iterations: int = 64) -> np.ndarray:
    r"""Strength of each point's tie to each of its neighbours, (n, k) in (0, 1].

    .. math:: v_{ij} = \exp(-\max(0, d_{ij} - \rho_i) / \sigma_i), \qquad
              \sum_j v_{ij} = \log_2(k + 1)

    with :math:`\rho_i` the distance to the nearest neighbour that is not at the same place and the scale
    :math:`\sigma_i` by bisection; k + 1 counts the point itself, as umap-learn does. O(n k iterations).

    Examples
    --------
    >>> v = smooth_memberships(np.array([[1.0, 2.0, 3.0]]))
    >>> float(v[0, 0]), round(float(v.sum()), 4)
    (1.0, 2.0)

    References
    ----------
    McInnes, Healy & Melville (2018). UMAP, algorithms 2 and 3.
    """
    n, k = distance.shape
    target = np.log2(k + 1.0)
    out = np.empty((n, k))
    everywhere = distance.mean() * k / (k + 1.0)  # with the point itself at distance 0
    for i in range(n):
        rho, total = 0.0, 0.0
        for j in range(k):
            total += distance[i, j]
            if rho == 0.0 and distance[i, j] > 0.0:
                rho = distance[i, j]
        low, high, scale = 0.0, np.inf, 1.0
        for _ in range(iterations):
            mass = 0.0
            for j in range(k):
                gap = distance[i, j] - rho
                mass += np.exp(-gap / scale) if gap > 0.0 else 1.0
            if abs(mass - target) < 1e-5:
                break
            if mass > target:
                high = scale
                scale = 0.5 * (low + high)
            else:
                low = scale
                scale = 2.0 * scale if high == np.inf else 0.5 * (low + high)
        mean = total / (k + 1.0) if rho > 0.0 else everywhere
        scale = max(scale, _LEAST_SCALE * mean)
        for j in range(k):
            gap = distance[i, j] - rho
            out[i, j] = np.exp(-gap / scale) if gap > 0.0 and scale > 0.0 else 1.0
    return out


@njit(cache=True)
def fuzzy_union(index: np.ndarray, membership: np.ndarray):  # type: ignore[no-untyped-def]
    """Edges of the symmetric graph: ``w = a + b - a b`` of the two directions (the union of fuzzy sets).

    Returns head, tail (m,) int32 and weight (m,) float64 in (0, 1]; each undirected edge stands there twice,
    once from each end, sorted by head. O(n k^2).

    Examples
    --------
    >>> head, tail, weight = fuzzy_union(np.array([[1], [2], [1]]), np.array([[0.5], [0.5], [0.5]]))
    >>> head.tolist(), tail.tolist(), weight.tolist()
    ([0, 1, 1, 2], [1, 0, 2, 1], [0.5, 0.5, 0.75, 0.75])
    """
    n, k = index.shape
    one_way = np.empty((n, k))  # strength of the opposite direction, -1 where there is none
    degree = np.zeros(n + 1, np.int64)
    for i in range(n):
        for s in range(k):
            j = index[i, s]
            one_way[i, s] = -1.0
            for back in range(k):
                if index[j, back] == i:
                    one_way[i, s] = membership[j, back]
            degree[i + 1] += 1
            if one_way[i, s] < 0.0:
                degree[j + 1] += 1
    for i in range(n):
        degree[i + 1] += degree[i]
    at = degree[:-1].copy()
    head = np.empty(degree[n], np.int32)
    tail = np.empty(degree[n], np.int32)
    weight = np.empty(degree[n])
    for i in range(n):
        for s in range(k):
            j = index[i, s]
            a, b = membership[i, s], max(one_way[i, s], 0.0)
            head[at[i]], tail[at[i]], weight[at[i]] = i, j, a + b - a * b
            at[i] += 1
            if one_way[i, s] < 0.0:
                head[at[j]], tail[at[j]], weight[at[j]] = j, i, a
                at[j] += 1
    return head, tail, weight
