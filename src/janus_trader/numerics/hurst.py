"""Hurst exponent by detrended fluctuation analysis."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel

MIN_BOX = 4
MIN_LENGTH = 8 * MIN_BOX  # an octave of box sizes, the largest a quarter of the series


def box_sizes(n: int, per_octave: int = 3) -> np.ndarray:
    """Distinct box sizes from `MIN_BOX` to ``n // 4``, evenly spaced in logarithm, ``per_octave`` each.

    >>> box_sizes(64).tolist()
    [4, 5, 6, 8, 10, 13, 16]
    """
    steps = math.floor(per_octave * math.log2(n // 4 / MIN_BOX) + 1e-9)
    sizes = np.rint(MIN_BOX * 2.0 ** (np.arange(steps + 1) / per_octave)).astype(np.int64)
    return np.unique(np.append(sizes, n // 4))


@njit(cache=True)
def _residual(profile: np.ndarray, start: int, size: int) -> float:
    """Sum of squared residuals of a straight line through ``profile[start:start + size]``.

    One pass over differences to the box's first value: they are as small as the fluctuations asked for,
    so the sums lose nothing that matters.
    """
    middle = 0.5 * (size - 1)
    base = profile[start]
    total = slope = squares = 0.0
    for i in range(size):
        y = profile[start + i] - base
        total += y
        slope += (i - middle) * y
        squares += y * y
    squares -= total * total / size + slope * slope * 12.0 / (size * (size * size - 1.0))
    return max(squares, 0.0)


@njit(cache=True)
def dfa_kernel(x: np.ndarray, sizes: np.ndarray) -> float:
    """Hurst exponent of increments ``x`` from boxes of the given sizes; no checks. O(len(sizes) T)."""
    n = x.shape[0]
    mean = 0.0
    for t in range(n):
        mean += x[t]
    mean /= n
    profile = np.empty(n)
    level = 0.0
    largest = 0.0
    for t in range(n):
        level += x[t] - mean
        profile[t] = level
        largest = max(largest, abs(x[t]))
    weights = mean_x = mean_y = 0.0
    logs = np.empty((sizes.shape[0], 3))
    for k in range(sizes.shape[0]):
        size = sizes[k]
        boxes = n // size
        squares = 0.0
        for b in range(boxes):
            squares += _residual(profile, b * size, size)
        if boxes * size == n:
            squares *= 2.0
        else:  # once more from the other end, so that no increment is left out
            for b in range(boxes):
                squares += _residual(profile, n - (b + 1) * size, size)
        # For white noise E F^2 = s^2 (size^2 - 4) / (15 size): removes the curvature at small boxes.
        squares *= size * size / (size * size - 4.0) / (2 * boxes * size)
        if squares <= (1e-13 * largest) ** 2:
            return math.nan
        logs[k, 0] = math.log(size)
        logs[k, 1] = 0.5 * math.log(squares)
        logs[k, 2] = boxes
        weights += boxes
        mean_x += boxes * logs[k, 0]
        mean_y += boxes * logs[k, 1]
    mean_x /= weights
    mean_y /= weights
    above = below = 0.0
    for k in range(sizes.shape[0]):
        above += logs[k, 2] * (logs[k, 0] - mean_x) * (logs[k, 1] - mean_y)
        below += logs[k, 2] * (logs[k, 0] - mean_x) ** 2
    return above / below


def hurst_dfa(x: np.ndarray) -> float:
    r"""Hurst exponent of a series of increments by linear detrended fluctuation analysis (DFA-1).

    .. math:: F^2(s) = \frac{s^2}{s^2-4} \cdot \frac{1}{N_s s} \sum_{\text{boxes}} \sum_{i \in \text{box}}
              \big(Y_i - \text{line}_i\big)^2, \qquad \log F(s) \simeq c + H \log s

    with the profile :math:`Y_i = \sum_{t\le i} (x_t - \bar x)`. The slope is fitted by least squares
    weighted by the number of boxes; the first factor makes F(s) of white noise an exact power law, so
    that short series are unbiased (about .5 for white noise, above for persistent increments, below
    for reverting ones). Never a sole test of a regime: the standard error for white noise is about .05
    at 250 values, .08 at 128 and .13 at 64.

    Parameters
    ----------
    x : (T,) array
        Increments (returns, not prices), finite, T >= 32.

    Returns
    -------
    float
        Usually in (0, 1.5); NaN for constant increments.

    Raises
    ------
    DataError
        Too few increments or one that is not finite.

    Notes
    -----
    Box sizes run from 4 to T/4, three an octave. O(T log T).

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> round(hurst_dfa(g.standard_normal(20_000)), 1)
    0.5

    References
    ----------
    Peng et al. (1994), Mosaic organization of DNA nucleotides; Kantelhardt et al. (2001), Detecting
    long-range correlations with detrended fluctuation analysis (small-box correction).
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 1 or x.size < MIN_LENGTH or not np.isfinite(x).all():
        raise DataError(
            "DFA needs increments",
            got=f"shape {x.shape}, {int(np.isnan(x).sum())} NaN",
            expected=f"a 1-D array of at least {MIN_LENGTH} finite increments",
        )
    return float(dfa_kernel(x, box_sizes(x.size)))


@njit(cache=True)
def _update(states: Any, x: float, sizes: np.ndarray) -> float:
    s = states[0]
    if math.isfinite(x):
        mirrored_push(s, x)
    if s.n < s.ring.shape[0] // 2:
        return math.nan
    return dfa_kernel(mirrored_window(s), sizes)


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = _update(states, xs[t], sizes)
    return out


class RollingHurst(StreamingKernel):
    """Hurst exponent of the last ``window`` increments: `hurst_dfa`, streaming.

    Input returns; output usually in (0, 1.5), NaN until the window is full, and while it is constant. A
    value that is not finite is ignored. O(window log window) a step.

    Parameters
    ----------
    window : int
        >= 32; below about 100 the exponent is little more than noise.

    Raises
    ------
    DataError
        At construction, for a window too short.

    Examples
    --------
    >>> h, g = RollingHurst(100), np.random.default_rng(0)
    >>> y = [h.update(x) for x in g.standard_normal(100)]
    >>> bool(np.isnan(y[98])), bool(0.2 < y[99] < 0.8)
    (True, True)

    References
    ----------
    Peng et al. (1994), Mosaic organization of DNA nucleotides.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int) -> None:
        if window < MIN_LENGTH:
            raise DataError("RollingHurst: window too short", got=window, expected=f">= {MIN_LENGTH}")
        self._init(mirrored_ring_dtype(int(window)), (box_sizes(int(window)),), int(window))

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(32), cls(45)]
