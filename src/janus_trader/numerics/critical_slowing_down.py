"""Critical slowing down: a system that is about to tip recovers ever more slowly from small shocks.

Before a tipping point the lag-1 autocorrelation and the variance of the residuals of a trend rise. Both
are measured in a rolling window and their rise by Kendall's tau. Because neighbouring windows overlap,
tau is large by chance far more often than its textbook law says; `slowing_alarm_level` gives the level
for a stated rate of false alarms by simulation.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


def kendall_dtype(window: int) -> np.dtype:
    """State of the rolling Kendall tau: the values, and pairs in order minus pairs against it."""
    return np.dtype([("score", "i8"), ("values", rolling_dtype(window))], align=True)


def critical_slowing_down_dtype(window: int, trend: int) -> np.dtype:
    """State of `CriticalSlowingDown`: the values, and the trend of both indicators."""
    return np.dtype(
        [
            ("n", "i8"),
            ("values", rolling_dtype(window)),
            ("memory", kendall_dtype(trend)),
            ("spread", kendall_dtype(trend)),
            ("autocorrelation", "f8"),
            ("variance", "f8"),
        ],
        align=True,
    )


@njit(cache=True)
def kendall_step(s, x, window):
    r"""One value into a record of `kendall_dtype`: Kendall's tau of the last ``window`` values with time.

    .. math:: \tau = \frac{2}{w(w-1)} \sum_{i<j} \mathrm{sign}(x_j - x_i)

    Pairs of equal values count 0 (tau-a). The sum is a whole number, corrected by the pairs of the value
    that comes and of the one that goes: exact, O(window). A non-finite ``x`` is ignored. NaN until the
    window is full.

    Examples
    --------
    >>> s = np.zeros(1, kendall_dtype(3))
    >>> [kendall_step(s[0], x, 3) for x in (1.0, 2.0, 3.0, 0.0)]
    [nan, nan, 1.0, -0.3333333333333333]

    References
    ----------
    Kendall, M. G. (1938). A new measure of rank correlation. Biometrika 30.
    """
    values = s.values
    if math.isfinite(x):
        place = values.n % window
        full = values.n >= window
        oldest = values.buffer[place]
        for i in range(min(values.n, window)):
            if full and i == place:
                continue
            other = values.buffer[i]
            if full:
                s.score -= (other > oldest) - (other < oldest)
            s.score += (x > other) - (x < other)
        rolling_push(values, x, window)
    if values.n < window:
        return math.nan
    return s.score / (0.5 * window * (window - 1))


@njit(cache=True)
def detrended_moments(s, window):
    """Lag-1 autocorrelation and variance of a full window about its straight line, oldest first.

    ``s`` is a record of `rolling_dtype`. Of a window that lies on its line both are 0. O(window).
    """
    oldest = s.n % window
    centre = 0.5 * (window - 1)
    base = s.buffer[oldest]
    mean, moment = 0.0, 0.0
    for k in range(window):
        i = oldest + k if oldest + k < window else oldest + k - window
        mean += s.buffer[i] - base
        moment += (k - centre) * (s.buffer[i] - base)
    mean /= window
    slope = moment * 12.0 / (window * (window * window - 1.0))
    square, product, before, size = 0.0, 0.0, 0.0, 0.0
    for k in range(window):
        i = oldest + k if oldest + k < window else oldest + k - window
        value = s.buffer[i] - base
        residual = value - mean - slope * (k - centre)
        square += residual * residual
        product += residual * before
        size += value * value
        before = residual
    # Below the rounding of the values themselves there is no residual to speak of.
    if square <= 1e-24 * (size + window * base * base):
        return 0.0, 0.0
    return product / square, square / window


@njit(cache=True)
def critical_slowing_down_step(s, x, window, trend, out):
    """One value into a record of `critical_slowing_down_dtype`; four outputs. O(window + trend)."""
    if math.isfinite(x):
        rolling_push(s.values, x, window)
        s.n += 1
        if s.values.n >= window:
            s.autocorrelation, s.variance = detrended_moments(s.values, window)
            kendall_step(s.memory, s.autocorrelation, trend)
            kendall_step(s.spread, s.variance, trend)
    out[:] = math.nan
    if s.n >= window + trend - 1:
        out[0], out[1] = s.autocorrelation, s.variance
        out[2] = kendall_step(s.memory, math.nan, trend)
        out[3] = kendall_step(s.spread, math.nan, trend)


@njit(cache=True)
def _update(states, x, window, trend):
    out = np.empty(4)
    critical_slowing_down_step(states[0], x, window, trend, out)
    return out


@njit(cache=True)
def _scan(states, xs, window, trend):
    out = np.empty((xs.shape[0], 4))
    for t in range(xs.shape[0]):
        critical_slowing_down_step(states[0], xs[t], window, trend, out[t])
    return out


class CriticalSlowingDown(StreamingKernel):
    r"""Rolling lag-1 autocorrelation and variance of detrended values, and the trend of both.

    .. math:: r_1 = \frac{\sum_k e_k e_{k-1}}{\sum_k e_k^2}, \qquad v = \frac1w \sum_k e_k^2

    with the residuals e of the least-squares line through the last w values; then Kendall's tau of the
    last m values of each with time.

    Parameters
    ----------
    window : int
        Number w of values, at least 4.
    trend : int
        Number m of indicator values whose rise is measured, at least 2.

    Notes
    -----
    Input: one float, a level (logarithm of a price, a spread). Output: (:math:`r_1`, variance, tau of
    :math:`r_1`, tau of the variance), taus in [-1, 1]. An alarm is that both taus exceed
    `slowing_alarm_level`. A window on a straight line gives 0 and 0. Warm-up: ``w + m - 1`` values, NaN
    before; a non-finite input repeats the last output. O(w + m).

    Raises
    ------
    ConfigError
        A window is too short or not an integer.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 2.0])
    >>> CriticalSlowingDown(4, 2).transform(x)[-1].round(3).tolist()
    [-0.667, 0.375, 1.0, 1.0]

    References
    ----------
    Scheffer, M. et al. (2009). Early-warning signals for critical transitions. Nature 461. Dakos, V. et
    al. (2012). Methods for detecting early warnings of critical transitions in time series. PLoS ONE 7.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 120, trend: int = 120) -> None:
        window, trend = checked_period("window", window, 4), checked_period("trend", trend, 2)
        self._init(critical_slowing_down_dtype(window, trend), (window, trend), warmup=window + trend - 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Two short pairs of windows."""
        return [cls(4, 2), cls(30, 20)]


@njit(cache=True)
def _null_levels(shocks, phi, window, trend, states):
    """The smaller tau at the end of each path of a stationary AR(1)."""
    out = np.empty(4)
    levels = np.empty(shocks.shape[0])
    scale = math.sqrt(1.0 - phi * phi)
    for path in range(shocks.shape[0]):
        x = shocks[path, 0]
        for t in range(shocks.shape[1]):
            if t > 0:
                x = phi * x + scale * shocks[path, t]
            critical_slowing_down_step(states[path], x, window, trend, out)
        levels[path] = min(out[2], out[3])
    return levels


def slowing_alarm_level(
    window: int,
    trend: int,
    rate: float,
    generator: np.random.Generator,
    *,
    phi: float = 0.9,
    paths: int = 2000,
) -> float:
    """Level that both taus exceed with probability ``rate`` in a stationary AR(1), by simulation.

    The quantile ``1 - rate`` of the smaller of both taus of `CriticalSlowingDown` at one moment, over
    independent paths ``x_t = phi x_{t-1} + e_t``. At successive moments alarms come in clusters: ``rate``
    is the share of moments, not of episodes. The level rises with ``phi`` and is flat from 0.8 on (for
    windows of 60 and 60 and a rate of 5 %: 0.47 at 0, 0.61 at 0.5, 0.65 at 0.9), so that the default
    is on the safe side whatever the memory of the series.

    Parameters
    ----------
    window, trend : int
        Those of the kernel.
    rate : float
        In (0, 1).
    generator : numpy.random.Generator
        Source of the normal shocks.
    phi : float
        Memory of the stationary series, in (-1, 1).
    paths : int
        At least ``10 / rate`` are needed for a level that is known to some 30 % of the rate.

    Returns
    -------
    float
        In [-1, 1]. O(paths (window + trend)^2).

    Raises
    ------
    ConfigError
        A parameter is out of range.

    Examples
    --------
    >>> level = slowing_alarm_level(20, 20, 0.05, np.random.default_rng(0), paths=400)
    >>> 0.2 < level < 0.9
    True
    """
    kernel = CriticalSlowingDown(window, trend)
    paths = checked_period("paths", paths)
    if not (0.0 < rate < 1.0 and -1.0 < phi < 1.0 and paths * rate >= 10.0):
        raise ConfigError(
            "an alarm level cannot be found",
            got=f"rate {rate}, phi {phi}, paths {paths}",
            expected="rate in (0, 1), phi in (-1, 1) and at least 10 / rate paths",
        )
    shocks = generator.standard_normal((paths, kernel.warmup))
    states = np.zeros(paths, critical_slowing_down_dtype(window, trend))
    return float(np.quantile(_null_levels(shocks, float(phi), window, trend, states), 1.0 - rate))
