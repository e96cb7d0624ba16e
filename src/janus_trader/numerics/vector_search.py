"""Exact nearest neighbours by cosine, best first, with a rule for ties."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError

#: Shorter vectors have no direction: their cosine would be noise.
LEAST_NORM = 1e-12


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Copies of vectors (m, d), or of one (d,), at unit norm.

    Raises
    ------
    DataError
        A vector holds NaN or infinity, or has no length: it has no direction.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    rows = np.array(vectors, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise DataError("vector is not finite", got=rows, expected="finite numbers")
    size = np.abs(rows).max(axis=-1, keepdims=True, initial=0.0)
    if np.any(size < LEAST_NORM):
        raise DataError("vector has no direction", got="length 0", expected=f"length >= {LEAST_NORM}")
    rows /= size  # keeps the squares of large entries in range
    return rows / np.sqrt((rows * rows).sum(axis=-1, keepdims=True))


@njit(cache=True)
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product in a fixed order of four partial sums: the same bytes on every machine. O(d).

    >>> dot(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    32.0
    """
    n = a.shape[0]
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    i = 0
    while i + 4 <= n:
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        i += 4
    while i < n:
        s0 += a[i] * b[i]
        i += 1
    return (s0 + s1) + (s2 + s3)


@njit(cache=True)
def top_cosine(
    units: np.ndarray,
    keys: np.ndarray,
    active: np.ndarray,
    query: np.ndarray,
    index: np.ndarray,
    score: np.ndarray,
) -> int:
    r"""The ``k = index.size`` rows of largest cosine to a query, best first; returns how many there are.

    .. math:: \mathcal{N}_k = \arg\max_k \cos(h_t, z_k)

    (specification eq. 49 for k = 1). Of equal cosines the smaller key comes first, so that the result does not
    depend on the order of the rows. O(m d + m k).

    Parameters
    ----------
    units : (m, d) float array
        Rows of unit norm.
    keys : (m,) int64 array
        Distinct; they break ties.
    active : (m,) bool array
        Rows to look at.
    query : (d,) float array
        Of unit norm.
    index, score : (k,) int64 and float arrays
        Written: row numbers and cosines, in [-1, 1].

    Examples
    --------
    >>> index, score = np.empty(2, np.int64), np.empty(2)
    >>> rows = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    >>> top_cosine(rows, np.array([7, 9, 3]), np.ones(3, np.bool_), np.array([1.0, 0.0]), index, score)
    2
    >>> index.tolist(), score.tolist()
    ([2, 1], [1.0, 1.0])
    """
    k = index.size
    found = 0
    for row in range(units.shape[0]):
        if not active[row]:
            continue
        s = min(max(dot(units[row], query), -1.0), 1.0)
        if found == k:
            last = index[k - 1]
            if s < score[k - 1] or (s == score[k - 1] and keys[row] > keys[last]):
                continue
            slot = k - 1
        else:
            slot = found
            found += 1
        while slot > 0:
            above = index[slot - 1]
            if score[slot - 1] > s or (score[slot - 1] == s and keys[above] < keys[row]):
                break
            index[slot] = above
            score[slot] = score[slot - 1]
            slot -= 1
        index[slot] = row
        score[slot] = s
    return found


@njit(cache=True)
def nearest_rows(units: np.ndarray, queries: np.ndarray, out: np.ndarray) -> None:
    """Write the row of largest cosine of each query (q, d) into ``out`` (q,); of equals the first. O(q m d).

    >>> out = np.empty(1, np.int64)
    >>> nearest_rows(np.eye(3), np.array([[0.1, 0.9, 0.1]]), out)
    >>> out.tolist()
    [1]
    """
    for q in range(queries.shape[0]):
        best, high = -1, -np.inf
        for row in range(units.shape[0]):
            s = dot(units[row], queries[q])
            if s > high:
                best, high = row, s
        out[q] = best
