"""Mahalanobis distance and the turbulence index built on it."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from numba import njit
from scipy.special import chdtri

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.streaming import StreamingKernel


@njit(cache=True)
def mahalanobis_squared(x: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> float:
    r"""Squared Mahalanobis distance of ``x`` from ``mean``.

    .. math:: d^2 = (x - \mu)^\top \Sigma^{-1} (x - \mu)

    ``x`` and ``mean`` are (d,), ``precision`` is the inverse covariance (d, d). For normal ``x`` with
    known parameters the square follows a chi-square law with d degrees of freedom. NaN in, NaN out.
    Compiled, no check of shapes; O(d^2).

    Examples
    --------
    >>> mahalanobis_squared(np.array([3.0, 4.0]), np.zeros(2), np.eye(2))
    25.0

    References
    ----------
    Mahalanobis (1936), On the generalised distance in statistics.
    """
    total = 0.0
    for i in range(x.shape[0]):
        row = 0.0
        for j in range(x.shape[0]):
            row += precision[i, j] * (x[j] - mean[j])
        total += row * (x[i] - mean[i])
    return total


def turbulence_dtype(d: int) -> np.dtype:
    """State of `TurbulenceIndex`: weighted mean and scatter, sums of weights, last output."""
    return np.dtype(
        [
            ("mean", "f8", (d,)),
            ("scatter", "f8", (d, d)),
            ("weight", "f8"),
            ("weight_squared", "f8"),
            ("last", "f8"),
            ("n", "i8"),
        ],
        align=True,
    )


@njit(cache=True)
def _distance(
    x: np.ndarray, mean: np.ndarray, scatter: np.ndarray, scale: float, shrinkage: float, floor: float
) -> float:
    """Mahalanobis distance under the covariance scatter / scale, by a Cholesky factor built in place."""
    d = x.shape[0]
    factor = np.empty((d, d))
    z = np.empty(d)
    total = 0.0
    for i in range(d):
        acc = x[i] - mean[i]
        for j in range(i + 1):
            value = scatter[i, j] / scale
            if i == j:
                full = max(value, floor)
                value = full
            else:
                value *= 1.0 - shrinkage
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                # Rounding may eat a pivot of a near-singular matrix; it never falls below its own noise.
                factor[i, i] = math.sqrt(max(value, 1e-12 * full))
            else:
                factor[i, j] = value / factor[j, j]
                acc -= factor[i, j] * z[j]
        z[i] = acc / factor[i, i]
        total += z[i] * z[i]
    return math.sqrt(total)


@njit(cache=True)
def _absorb(mean: np.ndarray, scatter: np.ndarray, x: np.ndarray, decay: float, weight: float) -> None:
    """Weighted Welford update of mean and lower-triangular scatter; ``weight`` includes the new row."""
    d = x.shape[0]
    gain = 1.0 / weight
    for i in range(d):
        for j in range(i + 1):
            scatter[i, j] = decay * scatter[i, j] + (1.0 - gain) * (x[i] - mean[i]) * (x[j] - mean[j])
    for i in range(d):
        mean[i] += gain * (x[i] - mean[i])


@njit(cache=True)
def turbulence_step(
    s: Any, x: np.ndarray, decay: float, threshold: float, min_obs: int, shrinkage: float, floor: float
) -> float:
    """One row into the record ``s``; returns distance over threshold, NaN before warm-up. O(d^3)."""
    for i in range(x.shape[0]):
        if not np.isfinite(x[i]):
            return s.last if s.n > 0 else np.nan
    if s.n >= min_obs:
        scale = s.weight - s.weight_squared / s.weight
        s.last = _distance(x, s.mean, s.scatter, scale, shrinkage, floor) / threshold
    else:
        s.last = np.nan
    s.weight = decay * s.weight + 1.0
    s.weight_squared = decay * decay * s.weight_squared + 1.0
    _absorb(s.mean, s.scatter, x, decay, s.weight)
    s.n += 1
    return s.last


@njit(cache=True)
def _update(
    states: np.ndarray,
    x: np.ndarray,
    decay: float,
    threshold: float,
    min_obs: int,
    shrinkage: float,
    floor: float,
) -> float:
    return turbulence_step(states[0], x, decay, threshold, min_obs, shrinkage, floor)


@njit(cache=True)
def _scan(
    states: np.ndarray,
    xs: np.ndarray,
    decay: float,
    threshold: float,
    min_obs: int,
    shrinkage: float,
    floor: float,
) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = turbulence_step(states[0], xs[t], decay, threshold, min_obs, shrinkage, floor)
    return out


class TurbulenceIndex(StreamingKernel):
    r"""How unusual a row of numbers is against its own past, over the chi-square threshold.

    .. math:: y_t = \sqrt{(x_t - \mu_{t-1})^\top \Sigma_{t-1}^{-1} (x_t - \mu_{t-1})}
              \Big/ \sqrt{\chi^2_{d,\,q}}

    :math:`\mu_{t-1}, \Sigma_{t-1}` are the exponentially weighted mean and covariance (bias-corrected,
    reliability weights) of strictly earlier rows, so a value above 1 has probability about 1 - q for
    stationary normal rows whatever the dimension: a fixed threshold such as 5 would not.

    Parameters
    ----------
    d : int
        Numbers in a row, >= 1.
    halflife : float
        In rows, >= 1; far longer than d, or the covariance is mostly noise.
    quantile : float
        q in (0, 1).
    min_obs : int
        Rows before the first output, >= d + 2.
    shrinkage : float
        Off-diagonal shrinkage in [0, 1): keeps the covariance invertible for near-collinear rows.
    min_variance : float
        Floor under each variance, > 0: a coordinate that never moved gives a large finite distance.

    Notes
    -----
    Output >= 0, unbounded; NaN until ``min_obs`` rows were seen. A row with any NaN is ignored and
    repeats the last output. O(d^3) a step, without BLAS.

    Raises
    ------
    DataError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> t = TurbulenceIndex(2, halflife=100.0, quantile=0.99, min_obs=50)
    >>> y = [t.update(row) for row in g.standard_normal((60, 2))]
    >>> bool(np.isnan(y[49])), bool(y[50] < 1.5), bool(t.update(np.array([9.0, -9.0])) > 2.0)
    (True, True, True)

    References
    ----------
    Kritzman & Li (2010), Skulls, financial turbulence, and risk management.
    """

    WIDTH: ClassVar[int | None] = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        d: int,
        halflife: float = 250.0,
        quantile: float = 0.99,
        min_obs: int = 60,
        shrinkage: float = 0.0,
        min_variance: float = 1e-12,
    ) -> None:
        valid = d >= 1 and halflife >= 1.0 and 0.0 < quantile < 1.0
        if not (valid and min_obs >= d + 2 and 0.0 <= shrinkage < 1.0 and min_variance > 0.0):
            raise DataError(
                "TurbulenceIndex: parameter out of range",
                got=f"d={d}, halflife={halflife}, quantile={quantile}, min_obs={min_obs}, "
                f"shrinkage={shrinkage}, min_variance={min_variance}",
                expected="d >= 1, halflife >= 1, 0 < quantile < 1, min_obs >= d + 2, 0 <= shrinkage < 1, "
                "min_variance > 0",
            )
        self.__dict__["WIDTH"] = int(d)  # the class attribute is the width of the examples
        decay = 0.5 ** (1.0 / halflife)
        threshold = math.sqrt(float(chdtri(d, 1.0 - quantile)))
        args = (decay, threshold, int(min_obs), float(shrinkage), float(min_variance))
        self._init(turbulence_dtype(int(d)), args, int(min_obs) + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(3, halflife=40.0, min_obs=10), cls(3, halflife=15.0, min_obs=5, shrinkage=0.2)]
