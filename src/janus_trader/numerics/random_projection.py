"""Random projection and the k strongest responses: the two halves of a sparse code."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period


def gaussian_projection(units: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Dense matrix (units, size) with independent entries N(0, 1 / size).

    Responses of a context with entries of unit variance have unit variance.

    Examples
    --------
    >>> gaussian_projection(4, 2, np.random.default_rng(0)).shape
    (4, 2)

    References
    ----------
    Johnson & Lindenstrauss (1984). Extensions of Lipschitz mappings into a Hilbert space.
    """
    units, size = checked_period("units", units), checked_period("size", size)
    return generator.standard_normal((units, size)) / np.sqrt(size)


def sparse_projection(
    units: int, size: int, density: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    r"""Sparse matrix of signs: in each row the same number of entries is not 0.

    .. math:: W_{ij} \in \{-s, 0, s\}, \qquad s^2 = 1 / m, \qquad m = \max(1, \mathrm{round}(\rho\, d))

    Returns the columns (units, m), ascending in each row, and the values (units, m). Variances and
    distances are kept in expectation as by a dense matrix, for ``density`` of the cost.

    Raises
    ------
    ConfigError
        A size is not positive, or ``density`` is outside (0, 1].

    Examples
    --------
    >>> columns, values = sparse_projection(3, 10, 0.3, np.random.default_rng(0))
    >>> columns.shape, np.unique(np.abs(values)).round(4).tolist()
    ((3, 3), [0.5774])

    References
    ----------
    Achlioptas, D. (2003). Database-friendly random projections. Li, Hastie & Church (2006). Very sparse
    random projections. Rows of equal length are Kane & Nelson (2014).
    """
    units, size = checked_period("units", units), checked_period("size", size)
    if not 0.0 < density <= 1.0:
        raise ConfigError("density is not usable", got=density, expected="a number in (0, 1]")
    m = max(1, round(density * size))
    order = np.argsort(generator.random((units, size)), axis=1, kind="stable")
    columns = np.sort(order[:, :m], axis=1)
    signs = np.where(generator.random((units, m)) < 0.5, -1.0, 1.0)
    return columns, signs / math.sqrt(m)


@njit(cache=True)
def project(weights, x, out):
    """Dense projection ``out = weights @ x``, summed in order; (units, d), (d,), (units,). O(units d).

    NaN in ``x`` makes every response NaN.

    Examples
    --------
    >>> out = np.empty(2)
    >>> project(np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([3.0, 4.0]), out)
    >>> out.tolist()
    [11.0, -4.0]
    """
    for u in range(weights.shape[0]):
        total = 0.0
        for j in range(weights.shape[1]):
            total += weights[u, j] * x[j]
        out[u] = total


@njit(cache=True)
def project_sparse(columns, values, x, out):
    """Projection by the matrix of `sparse_projection`: (units, m) twice, (d,), (units,). O(units m).

    A NaN in ``x`` makes those responses NaN that read it.

    Examples
    --------
    >>> out = np.empty(1)
    >>> project_sparse(np.array([[0, 2]]), np.array([[1.0, -1.0]]), np.array([3.0, 9.0, 1.0]), out)
    >>> out.tolist()
    [2.0]
    """
    for u in range(columns.shape[0]):
        total = 0.0
        for j in range(columns.shape[1]):
            total += values[u, j] * x[columns[u, j]]
        out[u] = total


@njit(cache=True)
def k_winners(response, index, value):
    """The ``k = index.size`` responses of largest magnitude, strongest first; of equals the lower unit.

    ``response`` (units,) is left as it is; ``index`` (k,) and ``value`` (k,) are written, k <= units. NaN
    loses to every number. O(units + k times the responses that enter, about k log(units / k)).

    Examples
    --------
    >>> index, value = np.empty(2, np.int64), np.empty(2)
    >>> k_winners(np.array([1.0, -3.0, 2.0, 3.0]), index, value)
    >>> index.tolist(), value.tolist()
    ([1, 3], [-3.0, 3.0])

    References
    ----------
    Majani, Erlanson & Abu-Mostafa (1989). On the k-winners-take-all network.
    """
    k = index.size
    for u in range(response.shape[0]):
        size = abs(response[u])
        size = -1.0 if math.isnan(size) else size
        if u >= k:
            weakest = abs(value[k - 1])
            if size <= (-1.0 if math.isnan(weakest) else weakest):
                continue
        slot = min(u, k - 1)
        while slot > 0:
            above = abs(value[slot - 1])
            if (-1.0 if math.isnan(above) else above) >= size:
                break
            index[slot] = index[slot - 1]
            value[slot] = value[slot - 1]
            slot -= 1
        index[slot] = u
        value[slot] = response[u]
