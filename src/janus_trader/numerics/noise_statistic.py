"""How much of a price's movement is noise, whichever way its structure points."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel

_SMALLEST = 1e-6  # of a variance ratio: a window that cancels altogether has logarithm -13.8, not -inf


@njit(cache=True)
def structure_score(r: np.ndarray, horizon: int) -> float:
    """z of the log variance ratio of returns ``r`` (T,) about mean 0; 0 where nothing moved. O(T horizon).

    Positive for trends (a drift included), negative for reversion, about standard normal without either.

    >>> structure_score(np.full(32, 0.01), 4) > 2.0, structure_score(np.tile([0.01, -0.01], 16), 4) < -2.0
    (True, True)
    """
    n = r.shape[0]
    total = 0.0
    largest = 0.0
    for t in range(n):
        largest = max(largest, abs(r[t]))
    if not largest > 0.0:
        return 0.0
    for t in range(n):
        total += (r[t] / largest) ** 2
    scale = 1.0 / (largest * math.sqrt(total))
    # zeros before the first return, so that four lags at a time need no case of their own
    pad = horizon + 2
    x = np.empty(pad + n)
    for t in range(pad):
        x[t] = 0.0
    for t in range(n):
        x[pad + t] = r[t] * scale
    ratio, spread = 1.0, 0.0
    for first in range(1, horizon, 4):
        p0 = p1 = p2 = p3 = s0 = s1 = s2 = s3 = 0.0
        for t in range(pad, pad + n):
            c0, c1 = x[t] * x[t - first], x[t] * x[t - first - 1]
            c2, c3 = x[t] * x[t - first - 2], x[t] * x[t - first - 3]
            p0 += c0
            p1 += c1
            p2 += c2
            p3 += c3
            s0 += c0 * c0
            s1 += c1 * c1
            s2 += c2 * c2
            s3 += c3 * c3
        for j, product, squares in (
            (first, p0, s0),
            (first + 1, p1, s1),
            (first + 2, p2, s2),
            (first + 3, p3, s3),
        ):
            if j < horizon:
                weight = 2.0 * (1.0 - j / horizon)
                ratio += weight * product
                spread += weight * weight * squares
    if not spread > 0.0:
        return 0.0
    return math.log(max(ratio, _SMALLEST)) / math.sqrt(spread)


@njit(cache=True)
def noise_of_score(z: float) -> float:
    """Two-sided tail probability of a standard normal beyond ``z``, in [0, 1]. O(1).

    >>> noise_of_score(0.0), round(noise_of_score(-1.96), 3)
    (1.0, 0.05)
    """
    return math.erfc(abs(z) / math.sqrt(2.0))


@njit(cache=True)
def _update(states: Any, x: float, horizon: int) -> float:
    s = states[0]
    if math.isfinite(x):
        mirrored_push(s, x)
    if s.n < s.ring.shape[0] // 2:
        return math.nan
    return noise_of_score(structure_score(mirrored_window(s), horizon))


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, horizon: int) -> np.ndarray:
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], horizon)
    return ys


def checked_horizon(window: int, horizon: int) -> int:
    """The horizon of a variance ratio over a window.

    Raises
    ------
    ConfigError
        Not ``2 <= horizon < window``.

    >>> checked_horizon(64, 8)
    8
    """
    if not 2 <= horizon < window:
        raise ConfigError(
            "noise: the horizon does not fit the window",
            got=f"horizon={horizon}, window={window}",
            expected="2 <= horizon < window",
            remedy="set window=64, horizon=8, say",
        )
    return int(horizon)


def noise_statistic(returns: np.ndarray, horizon: int = 8) -> float:
    r"""Probability that a random walk looks at least as structured as these returns.

    With autocorrelations about mean 0, :math:`\rho_j = \sum_t r_t r_{t-j} / \sum_t r_t^2`,

    .. math:: VR = 1 + 2\sum_{j<q}(1 - j/q)\rho_j, \qquad
              z = \ln VR \Big/ \sqrt{\textstyle\sum_{j<q} 4(1-j/q)^2 \hat\delta_j}, \qquad
              \text{noise} = P(|N(0,1)| > |z|)

    with :math:`\hat\delta_j = \sum_t r_t^2 r_{t-j}^2 / (\sum_t r_t^2)^2`, robust to changing volatility.

    Parameters
    ----------
    returns : (T,) array
        Finite, more than ``horizon``.
    horizon : int
        q, at least 2: structure over up to q bars counts.

    Returns
    -------
    float
        In [0, 1]: about uniform on a random walk, near 0 on a clean trend and on clean reversion; 1 where
        nothing moved (no structure was shown).

    Raises
    ------
    DataError
        Too few returns, or one that is not finite.
    ConfigError
        The horizon does not fit.

    Notes
    -----
    Trends and reversion lower it alike: it is an even function of the score, so it is not another form of
    H = 2 - D, which falls from trend to reversion. An efficiency ratio would be: it calls reversion noise.
    The logarithm makes the two sides alike in short windows. O(T q).

    Examples
    --------
    >>> trend, reverting = np.full(64, 0.01), np.tile([0.01, -0.01], 32)
    >>> noise_statistic(trend) < 0.01, noise_statistic(reverting) < 0.01, noise_statistic(np.zeros(64))
    (True, True, 1.0)

    References
    ----------
    Lo & MacKinlay (1988), Stock market prices do not follow random walks (their robust statistic).
    """
    r = np.ascontiguousarray(returns, dtype=np.float64)
    if r.ndim != 1 or not np.isfinite(r).all():
        raise DataError("noise: returns are not usable", got=r.shape, expected="(T,) finite returns")
    return float(noise_of_score(structure_score(r, checked_horizon(r.size, horizon))))


class RollingNoise(StreamingKernel):
    """`noise_statistic` of the last ``window`` returns.

    Parameters
    ----------
    window : int
        Returns in the window.
    horizon : int
        ``2 <= horizon < window``.

    Notes
    -----
    Input: one return. Output: in [0, 1]. Warm-up: ``window`` finite returns, NaN before; a value that is
    not finite repeats the last output. Summed afresh at every step, so there is no drift. O(window horizon).

    Raises
    ------
    ConfigError
        A parameter out of range.

    Examples
    --------
    >>> RollingNoise(4, 2).transform(np.array([0.0, 0.0, 0.0, 0.0])).tolist()
    [nan, nan, nan, 1.0]
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 64, horizon: int = 8) -> None:
        window = checked_period("window", window, at_least=3)
        self._init(mirrored_ring_dtype(window), (checked_horizon(window, horizon),), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window, and a short one."""
        return [cls(), cls(7, 3)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Returns."""
        return rng.standard_normal(n) * 0.01
