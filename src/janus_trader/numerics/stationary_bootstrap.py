"""The stationary bootstrap: resamples of a dependent series, and how long their blocks should be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError

_CHUNK = 1 << 20  # uniforms drawn at once: bounds the memory of a bootstrap, does not change its result
_LEAST = 16  # shortest series whose autocorrelations can choose a block length


class BlockLength(NamedTuple):
    """Mean block length for the stationary, and block length for the circular bootstrap; both >= 1."""

    stationary: float
    circular: float


@njit(cache=True)
def first_index(u: float, n: int) -> int:
    """The first index of a resample of ``n`` rows, from a uniform in [0, 1)."""
    return min(int(u * n), n - 1)


@njit(cache=True)
def next_index(at: int, u: float, restart: float, n: int) -> int:
    """The index after ``at``: a new block with probability ``restart``, else the next row, around the end.

    Below ``restart`` the same uniform, rescaled, is uniform again: it picks where the new block begins.

    >>> next_index(4, 0.9, 0.5, 5), next_index(4, 0.25, 0.5, 5)
    (0, 2)
    """
    following = int(u / restart * n) if u < restart else at + 1
    return 0 if following >= n else following


@njit(cache=True)
def _indices(u: np.ndarray, restart: float) -> np.ndarray:
    samples, n = u.shape
    out = np.empty((samples, n), np.int64)
    for b in range(samples):
        at = first_index(u[b, 0], n)
        out[b, 0] = at
        for t in range(1, n):
            at = next_index(at, u[b, t], restart, n)
            out[b, t] = at
    return out


@njit(cache=True)
def _add_block(prefix: np.ndarray, start: int, length: int, row: np.ndarray) -> None:
    """Add the sum of the ``length`` rows from ``start`` on (wrapping once at most) to ``row``."""
    n = prefix.shape[0] - 1
    end = start + length
    if end <= n:
        for k in range(row.shape[0]):
            row[k] += prefix[end, k] - prefix[start, k]
    else:
        for k in range(row.shape[0]):
            row[k] += prefix[n, k] - prefix[start, k] + prefix[end - n, k]


@njit(cache=True)
def _means(prefix: np.ndarray, u: np.ndarray, restart: float) -> np.ndarray:
    """Column means of each resample, block by block from running sums; row ``b`` of ``u`` drives it."""
    samples, n = u.shape
    out = np.zeros((samples, prefix.shape[1]))
    for b in range(samples):
        start, length = first_index(u[b, 0], n), 1
        for t in range(1, n):
            if u[b, t] < restart:
                _add_block(prefix, start, length, out[b])
                start, length = next_index(0, u[b, t], restart, n), 1
            else:
                length += 1
        _add_block(prefix, start, length, out[b])
        for k in range(out.shape[1]):
            out[b, k] /= n
    return out


def checked_bootstrap(n: int, n_samples: int, mean_block: float) -> None:
    """Refuse a bootstrap of ``n`` rows that cannot be made.

    Raises
    ------
    DataError
        Fewer than two rows or samples, or a mean block below 1.
    """
    if n < 2 or n_samples < 2 or not 1.0 <= mean_block < math.inf:
        raise DataError(
            "cannot bootstrap",
            got=f"{n} rows, n_samples={n_samples}, mean_block={mean_block}",
            expected="at least 2 rows, n_samples >= 2, mean_block >= 1",
        )


def uniform_chunks(n_samples: int, n: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Uniforms for ``n_samples`` resamples of ``n`` rows, in chunks (·, n) of bounded size.

    >>> sum(len(u) for u in uniform_chunks(5, 1 << 19, np.random.default_rng(0)))
    5
    """
    rows = max(1, _CHUNK // n)
    for done in range(0, n_samples, rows):
        yield generator.random((min(rows, n_samples - done), n))


def stationary_indices(uniforms: np.ndarray, mean_block: float) -> np.ndarray:
    r"""Row numbers of stationary-bootstrap resamples.

    .. math:: i_1 \sim U\{0..T-1\}, \qquad
              i_t = \begin{cases} U\{0..T-1\} & \text{with probability } 1/L \\
              (i_{t-1} + 1) \bmod T & \text{otherwise} \end{cases}

    Parameters
    ----------
    uniforms : (B, T) array
        Uniform numbers in [0, 1); row b makes resample b of a series of length T.
    mean_block : float
        L >= 1, the mean of the geometric block lengths (1: independent draws).

    Returns
    -------
    (B, T) int64 array
        In [0, T).

    Notes
    -----
    O(B T).

    Raises
    ------
    DataError
        Not a (B, T) array of numbers in [0, 1), or ``mean_block`` < 1.

    Examples
    --------
    >>> stationary_indices(np.array([[0.5, 0.9, 0.9, 0.0]]), 2.0).tolist()
    [[2, 3, 0, 0]]

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, JASA 89.
    """
    u = np.ascontiguousarray(uniforms, dtype=np.float64)
    if u.ndim != 2 or u.size == 0 or not ((u >= 0.0) & (u < 1.0)).all() or not 1.0 <= mean_block < math.inf:
        raise DataError(
            "stationary bootstrap indices need uniforms",
            got=f"shape {u.shape}, mean_block={mean_block}",
            expected="a (B, T) array in [0, 1) and mean_block >= 1",
        )
    return _indices(u, 1.0 / mean_block)


def stationary_bootstrap_means(
    x: np.ndarray, n_samples: int, mean_block: float, generator: np.random.Generator
) -> np.ndarray:
    """Column means of stationary-bootstrap resamples of ``x``.

    All columns are resampled with the same rows (`stationary_indices`), so their dependence survives.
    A block is summed by one difference of running sums: the cost is that of its draws and of one row
    per block, O(B T + B T K / mean_block), memory O(T K + B K).

    Parameters
    ----------
    x : (T, K) array
        T >= 2, finite.
    n_samples : int
        B >= 2.
    mean_block : float
        >= 1.
    generator : numpy Generator
        The only source of randomness.

    Returns
    -------
    (B, K) array

    Raises
    ------
    DataError
        ``x`` is not a finite (T, K) array, or a parameter is out of range.

    Examples
    --------
    >>> m = stationary_bootstrap_means(np.arange(8.0)[:, None], 500, 2.0, np.random.default_rng(0))
    >>> m.shape, round(float(m.mean()), 1)
    ((500, 1), 3.5)

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, JASA 89.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        raise DataError(
            "bootstrap means need rows of numbers",
            got=f"shape {x.shape}, {int(np.isnan(x).sum())} NaN",
            expected="a non-empty (T, K) array of finite numbers",
        )
    checked_bootstrap(len(x), n_samples, mean_block)
    centre = x.mean(axis=0)
    prefix = np.zeros((len(x) + 1, x.shape[1]))
    np.cumsum(x - centre, axis=0, out=prefix[1:])
    parts = [_means(prefix, u, 1.0 / mean_block) for u in uniform_chunks(n_samples, len(x), generator)]
    return np.concatenate(parts) + centre


@njit(cache=True)
def _cross(e: np.ndarray, lag: int) -> float:
    total = 0.0
    for t in range(lag, e.shape[0]):
        total += e[t] * e[t - lag]
    return total


@njit(cache=True)
def _truncation(e: np.ndarray, covariance: np.ndarray, run: int) -> int:
    """Fill the autocovariances; twice the first lag after which ``run`` correlations are negligible."""
    n, last = e.shape[0], covariance.shape[0] - 1
    band = 2.0 * math.sqrt(math.log10(n) / n)
    found, quiet = -1, 0
    late = _cross(e, 0)  # sums of squares without the first, and without the last, i + 1 numbers
    early = late
    for i in range(last + 1):
        cross = _cross(e, i)
        covariance[i] = cross / n
        if found < 0 and i >= run and quiet >= run:
            found = i - run
        late -= e[i] * e[i]
        early -= e[n - 1 - i] * e[n - 1 - i]
        norm = math.sqrt(max(late, 0.0) * max(early, 0.0))
        quiet = quiet + 1 if abs(cross) < band * norm else 0
    return min(2 * max(found, 1), last) if found >= 0 else last


@njit(cache=True)
def _block_ratio(covariance: np.ndarray, m: int) -> float:
    """``2 g² / (2 s⁴)`` of the block-length formula under the flat-top lag window."""
    g, spectrum = 0.0, covariance[0]
    for k in range(1, m + 1):
        weight = min(1.0, 2.0 * (1.0 - k / m))
        g += 2.0 * weight * k * covariance[k]
        spectrum += 2.0 * weight * covariance[k]
    return g * g / (spectrum * spectrum) if spectrum != 0.0 else math.inf


def optimal_block_length(x: np.ndarray) -> BlockLength:
    r"""Block length that minimises the error of a block bootstrap's variance of the mean.

    .. math:: L = \Big( \frac{2 \hat g^2}{d} \Big)^{1/3} T^{1/3}, \qquad
              \hat g = \sum_{|k| \le m} h(k/m)\, |k|\, \hat\gamma_k, \qquad
              \hat s = \sum_{|k| \le m} h(k/m)\, \hat\gamma_k

    with :math:`d = 2 \hat s^2` (stationary) or :math:`\tfrac43 \hat s^2` (circular) and the flat-top
    window :math:`h(z) = \min(1, 2(1 - |z|))`; m is twice the lag after which
    :math:`\max(5, \lfloor\log_{10} T\rfloor)` autocorrelations in a row lie within
    :math:`\pm 2\sqrt{\log_{10} T / T}`. Capped at :math:`\lceil\min(3\sqrt T, T/3)\rceil` and not below 1.

    Parameters
    ----------
    x : (T,) array
        T >= 16, finite and not constant.

    Returns
    -------
    BlockLength

    Notes
    -----
    O(T^1.5).

    Raises
    ------
    DataError
        Too short, constant, or a value that is not finite.

    Examples
    --------
    >>> optimal_block_length(np.sin(np.arange(200.0) / 8.0)).stationary > 10.0
    True

    References
    ----------
    Politis & White (2004), Automatic block-length selection for the dependent bootstrap, Econometric
    Reviews 23; Patton, Politis & White (2009), Correction, Econometric Reviews 28.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or x.size < _LEAST or not np.isfinite(x).all() or np.ptp(x) == 0.0:
        raise DataError(
            "a block length needs a series with dispersion",
            got=f"shape {x.shape}, {int(np.isnan(x).sum())} NaN",
            expected=f"a 1-D array of at least {_LEAST} finite numbers that are not all equal",
        )
    n = x.size
    run = max(5, int(math.log10(n)))
    covariance = np.empty(min(math.ceil(math.sqrt(n)) + run, n - 2) + 1)
    m = _truncation(x - x.mean(), covariance, run)
    ratio = _block_ratio(covariance, m)
    cap = float(math.ceil(min(3.0 * math.sqrt(n), n / 3.0)))
    stationary, circular = (min(cap, max(1.0, (c * ratio * n) ** (1.0 / 3.0))) for c in (1.0, 1.5))
    return BlockLength(stationary, circular)
