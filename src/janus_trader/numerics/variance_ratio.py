"""Lo-MacKinlay variance ratio: whether returns trend, revert or walk at random."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel


@njit(cache=True)
def variance_ratio_kernel(r: np.ndarray, q: int) -> tuple[float, float]:
    """Variance ratio and its robust z of returns ``r`` in time order; no checks. O(T q)."""
    n = r.shape[0]
    total = 0.0
    largest = 0.0
    for t in range(n):
        total += r[t]
        largest = max(largest, abs(r[t]))
    mean = total / n
    squares = 0.0
    for t in range(n):
        squares += (r[t] - mean) ** 2
    if math.sqrt(squares / n) <= 1e-14 * largest:
        return math.nan, math.nan
    long_squares = 0.0
    for t in range(q - 1, n):
        span = 0.0
        for j in range(q):
            span += r[t - j] - mean
        long_squares += span * span
    unbiased = q * (n - q + 1) * (1.0 - q / n)
    ratio = (long_squares / unbiased) / (squares / (n - 1))
    theta = 0.0
    for j in range(1, q):
        cross = 0.0
        for t in range(j, n):
            cross += (r[t] - mean) ** 2 * (r[t - j] - mean) ** 2
        weight = 2.0 * (q - j) / q
        theta += weight * weight * cross * n / (squares * squares)
    return ratio, math.sqrt(n) * (ratio - 1.0) / math.sqrt(theta) if theta > 0.0 else math.nan


def variance_ratio(returns: np.ndarray, q: int) -> tuple[float, float]:
    r"""Variance ratio of overlapping q-period returns and its heteroscedasticity-robust z.

    .. math:: VR(q) = \frac{\hat\sigma_c^2(q)}{\hat\sigma_a^2}, \qquad
              z^* = \frac{\sqrt T (VR(q) - 1)}{\sqrt{\hat\theta(q)}}, \qquad
              \hat\theta(q) = \sum_{j=1}^{q-1}\Big[\tfrac{2(q-j)}{q}\Big]^2 \hat\delta_j

    with unbiased variances, :math:`\hat\sigma_c^2` divided by :math:`q(T-q+1)(1-q/T)`, and
    :math:`\hat\delta_j = T \sum_t e_t^2 e_{t-j}^2 / (\sum_t e_t^2)^2`, e the demeaned returns. A
    random walk has VR = 1 and z* about standard normal; above 1 returns trend, below 1 they revert.

    Parameters
    ----------
    returns : (T,) array
        One-period (log) returns, finite, T > q.
    q : int
        Periods in a long return, >= 2.

    Returns
    -------
    ratio, z : float
        Ratio >= 0; both NaN for constant returns.

    Raises
    ------
    DataError
        ``q`` < 2, too few returns, or one that is not finite.

    Notes
    -----
    O(T q).

    Examples
    --------
    >>> ratio, z = variance_ratio(np.tile([0.01, -0.01], 50), 2)
    >>> round(ratio, 3), bool(z < -5)
    (0.0, True)

    References
    ----------
    Lo & MacKinlay (1988), Stock market prices do not follow random walks.
    """
    r = np.ascontiguousarray(returns, dtype=np.float64)
    if q < 2 or r.ndim != 1 or r.size <= q or not np.isfinite(r).all():
        raise DataError(
            "variance ratio needs more returns than its horizon",
            got=f"shape {r.shape}, q={q}, {int(np.isnan(r).sum())} NaN",
            expected="q >= 2 and a 1-D array of more than q finite returns",
        )
    ratio, z = variance_ratio_kernel(r, int(q))
    return float(ratio), float(z)


@njit(cache=True)
def _fill(s: Any, x: float, q: int, out: np.ndarray) -> None:
    if math.isfinite(x):
        mirrored_push(s, x)
    if s.n < s.ring.shape[0] // 2:
        out[0] = math.nan
        out[1] = math.nan
    else:
        out[0], out[1] = variance_ratio_kernel(mirrored_window(s), q)


@njit(cache=True)
def _update(states: Any, x: float, q: int) -> np.ndarray:
    out = np.empty(2)
    _fill(states[0], x, q, out)
    return out


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, q: int) -> np.ndarray:
    out = np.empty((xs.shape[0], 2))
    for t in range(xs.shape[0]):
        _fill(states[0], xs[t], q, out[t])
    return out


class RollingVarianceRatio(StreamingKernel):
    """Variance ratio of the last ``window`` returns and its robust z: `variance_ratio`, streaming.

    Input one-period returns; output a row (ratio, z): ratio >= 0, about 1 for a random walk, z then
    about standard normal; NaN until the window is full, and while its returns are constant. A value
    that is not finite is ignored. O(window q) a step: the window is summed afresh, so there is no drift.

    Parameters
    ----------
    window : int
        Returns in the window, > q.
    q : int
        Periods in a long return, >= 2.

    Raises
    ------
    DataError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> v = RollingVarianceRatio(window=4, q=2)
    >>> [round(float(v.update(x)[0]), 3) for x in (0.01, -0.01, 0.01, -0.01)]
    [nan, nan, nan, 0.0]

    References
    ----------
    Lo & MacKinlay (1988), Stock market prices do not follow random walks.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int, q: int) -> None:
        if q < 2 or window <= q:
            raise DataError(
                "RollingVarianceRatio: parameter out of range",
                got=f"window={window}, q={q}",
                expected="q >= 2 and window > q",
            )
        self._init(mirrored_ring_dtype(int(window)), (int(q),), int(window))

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(16, 2), cls(31, 5)]
