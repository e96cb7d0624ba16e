"""K-means: centres that minimise the squared distance of points to their nearest centre."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError


@njit(cache=True)
def squared_distance(a: np.ndarray, b: np.ndarray) -> float:
    """``sum (a - b)^2`` in a fixed order of four partial sums. O(d).

    >>> squared_distance(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    9.0
    """
    n = a.shape[0]
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    i = 0
    while i + 4 <= n:
        d0, d1, d2, d3 = a[i] - b[i], a[i + 1] - b[i + 1], a[i + 2] - b[i + 2], a[i + 3] - b[i + 3]
        s0 += d0 * d0
        s1 += d1 * d1
        s2 += d2 * d2
        s3 += d3 * d3
        i += 4
    while i < n:
        s0 += (a[i] - b[i]) * (a[i] - b[i])
        i += 1
    return (s0 + s1) + (s2 + s3)


@njit(cache=True)
def assign(x: np.ndarray, centres: np.ndarray, label: np.ndarray, distance: np.ndarray) -> float:
    """Nearest centre of each point and the squared distance to it, written; their sum, the inertia. O(n k d).

    Of equally near centres the first wins.
    """
    inertia = 0.0
    for i in range(x.shape[0]):
        best, near = 0, np.inf
        for k in range(centres.shape[0]):
            d = squared_distance(x[i], centres[k])
            if d < near:
                best, near = k, d
        label[i], distance[i] = best, near
        inertia += near
    return inertia


@njit(cache=True)
def _lloyd(x, centres, label, distance, max_iter, tol):
    """Lloyd's iteration from ``centres``, in place; the inertia at the end.

    A centre that lost all its points moves to the point farthest from its own centre.
    """
    n, d = x.shape
    inertia = assign(x, centres, label, distance)
    count = np.empty(centres.shape[0], np.int64)
    for _ in range(max_iter):
        centres[:] = 0.0
        count[:] = 0
        for i in range(n):
            count[label[i]] += 1
            for f in range(d):
                centres[label[i], f] += x[i, f]
        for k in range(centres.shape[0]):
            if count[k] > 0:
                for f in range(d):
                    centres[k, f] /= count[k]
            else:
                far = np.argmax(distance)
                centres[k] = x[far]
                distance[far] = 0.0
        before = inertia
        inertia = assign(x, centres, label, distance)
        if inertia >= before * (1.0 - tol):
            break
    return inertia


def seeded_centres(x: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    """``k`` points as first centres, each drawn by its squared distance to those drawn before (k-means++).

    Where all points left coincide with a centre they are drawn evenly. O(n k d).

    References
    ----------
    Arthur & Vassilvitskii (2007). k-means++: the advantages of careful seeding.
    """
    chosen = [int(generator.integers(len(x)))]
    label, distance = np.empty(len(x), np.int64), np.empty(len(x))
    for _ in range(1, k):
        total = assign(x, x[chosen], label, distance)
        u = float(generator.random())
        if total > 0.0:
            at = int(np.searchsorted(np.cumsum(distance), u * total, side="right"))
        else:
            at = int(u * len(x))
        chosen.append(min(at, len(x) - 1))
    return x[chosen]


def k_means(
    points: np.ndarray,
    k: int,
    generator: np.random.Generator,
    *,
    starts: int = 4,
    first: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> tuple[np.ndarray, np.ndarray, float]:
    r"""Centres (k, d), the centre of each point (n,) and the inertia of the best of several starts.

    .. math:: \min_C \sum_k \sum_{i \in C_k} \| h_i - z_k \|^2

    (specification eq. 64; :math:`z_k` is the mean of its points, eq. 45). With fewer points than ``k`` there
    are as many centres as points. O(starts n k d) an iteration.

    Parameters
    ----------
    points : (n, d) array
        Finite.
    k : int
    generator : numpy Generator
    starts : int
        Seedings by k-means++, besides ``first``.
    first : (k, d) array, optional
        Centres to start from as well, e.g. those of the night before.
    max_iter, tol : int, float
        A start ends after so many iterations or when its inertia falls by a smaller share.

    Raises
    ------
    DataError
        No points, a value that is not finite, k < 1, or no start at all.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> centres, label, inertia = k_means(x, 2, np.random.default_rng(0))
    >>> sorted(centres.ravel().tolist()), inertia, bool(label[0] == label[1] != label[2])
    ([0.5, 10.5], 1.0, True)
    """
    x = np.ascontiguousarray(points, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all() or k < 1 or (starts < 1 and first is None):
        raise DataError(
            "points cannot be clustered",
            got=f"points {x.shape}, k={k}, finite: {bool(np.isfinite(x).all())}",
            expected="finite points (n, d), n >= 1, k >= 1, a start",
        )
    k = min(k, len(x))
    candidates = (
        [np.array(first, dtype=np.float64)] if first is not None and first.shape == (k, x.shape[1]) else []
    )
    candidates += [seeded_centres(x, k, generator) for _ in range(max(starts, 0 if candidates else 1))]
    best: tuple[np.ndarray, np.ndarray, float] | None = None
    for centres in candidates:
        label, distance = np.empty(len(x), np.int64), np.empty(len(x))
        inertia = float(_lloyd(x, centres, label, distance, max_iter, tol))
        if best is None or inertia < best[2]:
            best = centres, label, inertia
    assert best is not None
    return best
