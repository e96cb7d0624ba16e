"""Isolation forest: what few random cuts set apart from the rest is an anomaly."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period

_EULER = 0.5772156649015329


class IsolationForest(NamedTuple):
    """Trees as arrays (trees, nodes): node 0 is the root, children of a node lie side by side.

    Attributes
    ----------
    feature : int32
        Column compared at a node, -1 at a leaf.
    threshold : float64
        Rows with ``x[feature] <= threshold`` go to the first child.
    child : int32
        First child; the second follows it.
    path : float64
        At a leaf: its depth plus the depth expected of the rows it still holds.
    sample : int
        Rows drawn for each tree.
    columns : int
        Length d of a row.
    """

    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray
    path: np.ndarray
    sample: int
    columns: int


@njit(cache=True)
def expected_path(n):
    r"""Mean depth of an unsuccessful search in a binary search tree of ``n`` values.

    .. math:: c(n) = 2 H(n-1) - 2 (n-1)/n, \qquad H(i) \approx \ln i + \gamma

    1 for two values, 0 for fewer.

    Examples
    --------
    >>> expected_path(1), expected_path(2), round(expected_path(256), 4)
    (0.0, 1.0, 10.2448)

    References
    ----------
    Liu, Ting & Zhou (2008), equation 1.
    """
    if n < 2:
        return 0.0
    if n == 2:
        return 1.0
    return 2.0 * (math.log(n - 1.0) + _EULER) - 2.0 * (n - 1.0) / n


@njit(cache=True)
def _choose_feature(x, rows, first, last, u, low, high):
    """A random one of the features that vary in ``rows[first:last]``, -1 if none; ranges into low, high."""
    varying = 0
    for j in range(x.shape[1]):
        low[j] = high[j] = x[rows[first], j]
        for i in range(first + 1, last):
            value = x[rows[i], j]
            low[j] = min(low[j], value)
            high[j] = max(high[j], value)
        varying += high[j] > low[j]
    if varying == 0:
        return -1
    wanted = min(int(u * varying), varying - 1)
    for j in range(x.shape[1]):
        if high[j] > low[j]:
            if wanted == 0:
                return j
            wanted -= 1
    return -1


@njit(cache=True)
def _partition(x, rows, first, last, feature, threshold):
    """Rows at most ``threshold`` first; returns where the others begin."""
    middle = first
    for i in range(first, last):
        if x[rows[i], feature] <= threshold:
            rows[i], rows[middle] = rows[middle], rows[i]
            middle += 1
    return middle


@njit(cache=True)
def _draw_rows(rows, sample, uniforms):
    """A sample without replacement at the front of ``rows``."""
    n = rows.shape[0]
    for i in range(sample):
        j = i + min(int(uniforms[i] * (n - i)), n - i - 1)
        rows[i], rows[j] = rows[j], rows[i]


@njit(cache=True)
def _grow_tree(x, rows, sample, height, uniforms, feature, threshold, child, path):
    """One tree from ``uniforms``: ``sample`` for the rows, then two for each cut."""
    _draw_rows(rows, sample, uniforms)
    low, high = np.empty(x.shape[1]), np.empty(x.shape[1])
    begin, end, depth = np.empty((3, feature.shape[0]), np.int64)
    begin[0], end[0], depth[0] = 0, sample, 0
    used, node, nodes = sample, 0, 1
    while node < nodes:
        first, last = begin[node], end[node]
        chosen = -1
        if last - first > 1 and depth[node] < height:
            chosen = _choose_feature(x, rows, first, last, uniforms[used], low, high)
        feature[node] = chosen
        if chosen < 0:
            path[node] = depth[node] + expected_path(last - first)
        else:
            # Scaled from both ends, so that it stays below the largest value and no range overflows.
            u = uniforms[used + 1]
            cut = low[chosen] * (1.0 - u) + high[chosen] * u
            if not low[chosen] <= cut < high[chosen]:
                cut = low[chosen]
            used += 2
            middle = _partition(x, rows, first, last, chosen, cut)
            threshold[node] = cut
            child[node] = nodes
            begin[nodes], end[nodes], depth[nodes] = first, middle, depth[node] + 1
            begin[nodes + 1], end[nodes + 1], depth[nodes + 1] = middle, last, depth[node] + 1
            nodes += 2
        node += 1


@njit(cache=True)
def _grow(x, sample, height, uniforms, feature, threshold, child, path):
    rows = np.empty(x.shape[0], np.int64)
    for tree in range(uniforms.shape[0]):
        for i in range(rows.shape[0]):
            rows[i] = i
        _grow_tree(
            x, rows, sample, height, uniforms[tree], feature[tree], threshold[tree], child[tree], path[tree]
        )


@njit(cache=True)
def isolation_step(row, feature, threshold, child, path, scale):
    """Score of one row by the arrays of an `IsolationForest`; ``scale`` is `expected_path` of its sample.

    NaN where a field of the row is. O(trees log sample).
    """
    for j in range(row.shape[0]):
        if math.isnan(row[j]):
            return math.nan
    total = 0.0
    for tree in range(feature.shape[0]):
        node = 0
        while feature[tree, node] >= 0:
            node = child[tree, node] + (row[feature[tree, node]] > threshold[tree, node])
        total += path[tree, node]
    return 2.0 ** (-total / feature.shape[0] / scale)


@njit(cache=True)
def _score(x, feature, threshold, child, path, scale, out):
    for i in range(x.shape[0]):
        out[i] = isolation_step(x[i], feature, threshold, child, path, scale)


def isolation_uniforms(trees: int, sample: int) -> tuple[int, int]:
    """Shape of the uniform numbers that `fit_isolation_forest` needs.

    >>> isolation_uniforms(100, 256)
    (100, 766)
    """
    sample = checked_period("sample", sample, 2)
    return checked_period("trees", trees), sample + 2 * (sample - 1)


def fit_isolation_forest(x: np.ndarray, uniforms: np.ndarray, *, sample: int = 256) -> IsolationForest:
    """Grow the trees.

    Each tree draws ``sample`` rows without replacement and cuts them, at a uniform place of a uniformly
    chosen column that still varies, until a row is alone or the depth is ``ceil(log2(sample))``.

    Parameters
    ----------
    x : array (n, d)
        At least two rows, finite.
    uniforms : array
        Numbers in [0, 1) of the shape `isolation_uniforms` says; one row grows one tree.
    sample : int
        Rows drawn for each tree, 2 <= sample <= n.

    Returns
    -------
    IsolationForest
        A pure function of the arguments. O(trees sample (d + log sample)).

    Raises
    ------
    DataError
        ``x`` is not finite or not a matrix, or ``uniforms`` has another shape or range.
    ConfigError
        ``sample`` is not usable.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> x = np.vstack([g.standard_normal((300, 2)), [[9.0, 9.0]]])
    >>> forest = fit_isolation_forest(x, g.random(isolation_uniforms(50, 64)), sample=64)
    >>> int(isolation_scores(forest, x).argmax())
    300

    References
    ----------
    Liu, F. T., Ting, K. M. & Zhou, Z.-H. (2008). Isolation forest. ICDM.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1 or not np.isfinite(x).all():
        raise DataError(
            "these rows are not usable",
            got=f"shape {x.shape}",
            expected="(n >= 2, d >= 1), all finite",
            remedy="drop rows with missing values",
        )
    sample = checked_period("sample", sample, 2)
    if sample > x.shape[0]:
        raise ConfigError("sample is larger than the data", got=sample, expected=f"at most {x.shape[0]}")
    uniforms = np.ascontiguousarray(uniforms, dtype=np.float64)
    width = isolation_uniforms(1, sample)[1]
    good = uniforms.ndim == 2 and uniforms.shape[0] > 0 and uniforms.shape[1] == width
    if not (good and uniforms.min() >= 0.0 and uniforms.max() < 1.0):
        raise DataError(
            "uniforms are not usable", got=f"shape {uniforms.shape}", expected=f"(trees, {width}) in [0, 1)"
        )
    nodes = (uniforms.shape[0], 2 * sample - 1)
    feature, child = np.full(nodes, -1, np.int32), np.zeros(nodes, np.int32)
    threshold, path = np.zeros(nodes), np.zeros(nodes)
    _grow(x, sample, math.ceil(math.log2(sample)), uniforms, feature, threshold, child, path)
    return IsolationForest(feature, threshold, child, path, sample, x.shape[1])


def isolation_scores(forest: IsolationForest, x: np.ndarray) -> np.ndarray:
    r"""Anomaly scores of rows, (m,): near 1 set apart quickly, about 0.5 as usual, below it well inside.

    .. math:: s(x) = 2^{-E[h(x)] / c(\psi)}

    with the mean depth of the row over the trees and :math:`c` of `expected_path`. A row with a NaN scores
    NaN. O(m trees log sample).

    Parameters
    ----------
    forest : IsolationForest
    x : array (m, d)

    Raises
    ------
    DataError
        The rows have another length than those the forest was grown from.

    Examples
    --------
    >>> x = np.arange(8.0).reshape(-1, 1)
    >>> u = np.random.default_rng(0).random(isolation_uniforms(200, 8))
    >>> s = isolation_scores(fit_isolation_forest(x, u, sample=8), x)
    >>> bool(s[0] > s[4] and s[7] > s[3])  # the ends are cut off first
    True
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != forest.columns:
        raise DataError("rows do not fit the forest", got=x.shape, expected=f"(m, {forest.columns})")
    out = np.empty(x.shape[0])
    scale = expected_path(forest.sample)
    _score(x, forest.feature, forest.threshold, forest.child, forest.path, scale, out)
    return out
