"""Hill estimator of the tail index: how heavy the tail of a distribution is."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.rolling import rolling_dtype, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


@njit(cache=True)
def hill_kernel(x: np.ndarray, k: int) -> float:
    """Tail index of ``|x|`` from its ``k`` largest; no checks, any order of ``x``. O(T + T' k)."""
    largest = np.zeros(k + 1)  # descending; the last one is the threshold
    for t in range(x.shape[0]):
        value = abs(x[t])
        if value > largest[k]:
            i = k
            while i > 0 and largest[i - 1] < value:
                largest[i] = largest[i - 1]
                i -= 1
            largest[i] = value
    if largest[k] <= 0.0:
        return math.nan
    total = 0.0
    for i in range(k):
        total += math.log(largest[i] / largest[k])
    return k / total if total > 0.0 else math.nan


def hill(x: np.ndarray, k: int) -> float:
    r"""Tail index of the absolute values of ``x`` by Hill's estimator.

    .. math:: \hat\alpha = \Big[ \tfrac1k \sum_{i=1}^{k} \ln \frac{|x|_{(i)}}{|x|_{(k+1)}} \Big]^{-1},
              \qquad |x|_{(1)} \ge |x|_{(2)} \ge \dots

    so that :math:`P(|x| > u) \sim u^{-\alpha}`: moments of order alpha and above do not exist; daily
    returns have about 3. The standard error is about :math:`\alpha/\sqrt k`. For one tail pass only
    that side (losses, say).

    Parameters
    ----------
    x : (T,) array
        Returns, finite, T > k.
    k : int
        Largest values used, >= 1; about 5 to 10 % of T.

    Returns
    -------
    float
        > 0; NaN where fewer than k + 1 values differ from 0 or the k + 1 largest are equal.

    Raises
    ------
    DataError
        ``k`` out of range or a value that is not finite.

    Notes
    -----
    O(T) and an insertion of each value that enters the top k + 1.

    Examples
    --------
    >>> round(hill(np.array([8.0, -4.0, 2.0, 1.0]), 2), 4)
    0.9618

    References
    ----------
    Hill (1975), A simple general approach to inference about the tail of a distribution.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 1 or not 1 <= k < x.size or not np.isfinite(x).all():
        raise DataError(
            "Hill's estimator needs more values than it uses",
            got=f"shape {x.shape}, k={k}, {int(np.isnan(x).sum())} NaN",
            expected="1 <= k < T and finite values",
        )
    return float(hill_kernel(x, int(k)))


@njit(cache=True)
def _step(s: Any, x: float, window: int, k: int) -> float:
    rolling_push(s, x, window)
    return hill_kernel(s.buffer, k) if s.n >= window else math.nan


@njit(cache=True)
def _update(states: np.ndarray, x: float, window: int, k: int) -> float:
    return _step(states[0], x, window, k)


@njit(cache=True)
def _scan(states: np.ndarray, xs: np.ndarray, window: int, k: int) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = _step(states[0], xs[t], window, k)
    return out


class RollingTailIndex(StreamingKernel):
    """Hill's tail index of the last ``window`` absolute returns: `hill`, streaming.

    Output > 0, NaN until the window is full and where `hill` is. A value that is not finite is ignored.
    O(window) a step and the insertions.

    Parameters
    ----------
    window : int
        > k.
    k : int
        Largest values used, >= 1.

    Raises
    ------
    DataError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> t = RollingTailIndex(window=4, k=2)
    >>> [round(float(t.update(x)), 4) for x in (8.0, -4.0, 2.0, 1.0)]
    [nan, nan, nan, 0.9618]

    References
    ----------
    Hill (1975), A simple general approach to inference about the tail of a distribution.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int, k: int) -> None:
        if not 1 <= k < window:
            raise DataError(
                "RollingTailIndex: parameter out of range",
                got=f"window={window}, k={k}",
                expected="1 <= k < window",
            )
        self._init(rolling_dtype(int(window)), (int(window), int(k)), int(window))

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(20, 4), cls(9, 1)]
