"""Hurst exponent by the rescaled range, with the expectation of short blocks taken off."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit
from scipy.special import gammaln

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel

MIN_BLOCK = 8
MIN_LENGTH = 4 * MIN_BLOCK  # three block sizes over an octave, the largest half the series


def expected_rescaled_range(n: int) -> float:
    r"""Expected rescaled range of n independent normal values (Anis and Lloyd).

    .. math:: \operatorname{E}(R/S)_n = \frac{\Gamma((n-1)/2)}{\sqrt\pi\,\Gamma(n/2)}
              \sum_{i=1}^{n-1} \sqrt{\frac{n-i}{i}}

    R is the range of the sums of deviations from the mean, S the standard deviation (ddof = 0). n >= 2;
    about :math:`\sqrt{n\pi/2}` for large n. O(n).

    Examples
    --------
    >>> round(expected_rescaled_range(2), 12), round(expected_rescaled_range(1000) / (500 * np.pi) ** 0.5, 2)
    (1.0, 0.97)

    References
    ----------
    Anis & Lloyd (1976), The expected value of the adjusted rescaled Hurst range, Biometrika 63.
    """
    i = np.arange(1, checked_period("n", n, at_least=2))
    log_factor = gammaln(0.5 * (n - 1)) - gammaln(0.5 * n) - 0.5 * math.log(math.pi)
    return float(np.exp(log_factor) * np.sqrt((n - i) / i).sum())


def block_sizes(n: int) -> np.ndarray:
    """Distinct block sizes from `MIN_BLOCK` to ``n // 2``, two an octave.

    >>> block_sizes(64).tolist()
    [8, 11, 16, 23, 32]
    """
    steps = math.floor(2.0 * math.log2(n // 2 / MIN_BLOCK) + 1e-9)
    sizes = np.rint(MIN_BLOCK * 2.0 ** (np.arange(steps + 1) / 2.0)).astype(np.int64)
    return np.unique(np.append(sizes, n // 2))


def block_table(n: int) -> np.ndarray:
    """What `rescaled_range_kernel` needs for n values: rows of size, log size and log expectation."""
    sizes = block_sizes(n)
    logs = [math.log(expected_rescaled_range(int(size))) for size in sizes]
    return np.ascontiguousarray([sizes.astype(np.float64), np.log(sizes), logs])


@njit(cache=True)
def _rescaled_range(x, start, size):
    """R/S of ``x[start:start + size]``; NaN where the values are constant."""
    mean = 0.0
    largest = 0.0
    for i in range(start, start + size):
        mean += x[i]
        largest = max(largest, abs(x[i]))
    mean /= size
    level = highest = lowest = squares = 0.0
    for i in range(start, start + size):
        d = x[i] - mean
        level += d
        squares += d * d
        highest = max(highest, level)
        lowest = min(lowest, level)
    deviation = math.sqrt(squares / size)
    return (highest - lowest) / deviation if deviation > 1e-14 * largest else math.nan


@njit(cache=True)
def rescaled_range_kernel(x: np.ndarray, table: np.ndarray) -> float:
    """Hurst exponent of increments ``x`` with the table of `block_table`; no checks. O(T log T)."""
    n = x.shape[0]
    weights = mean_x = mean_y = 0.0
    count = table.shape[1]
    excess = np.empty(count)
    for k in range(count):
        size = int(table[0, k])
        blocks = n // size
        total = 0.0
        used = 0
        for b in range(blocks):  # from either end, so that no increment is left out
            for start in (b * size, n - (b + 1) * size):
                found = _rescaled_range(x, start, size)
                if not math.isnan(found):
                    total += found
                    used += 1
        if used == 0:
            return math.nan
        excess[k] = math.log(total / used) - table[2, k]
        weights += blocks
        mean_x += blocks * table[1, k]
        mean_y += blocks * excess[k]
    mean_x /= weights
    mean_y /= weights
    above = below = 0.0
    for k in range(count):
        blocks = n // int(table[0, k])
        above += blocks * (table[1, k] - mean_x) * (excess[k] - mean_y)
        below += blocks * (table[1, k] - mean_x) ** 2
    return 0.5 + above / below


def hurst_rescaled_range(x: np.ndarray) -> float:
    r"""Hurst exponent of increments by the rescaled range, corrected after Anis and Lloyd.

    .. math:: \ln \overline{(R/S)_s} - \ln \operatorname{E}(R/S)_s \simeq c + (H - \tfrac12) \ln s

    fitted by least squares over block sizes s from 8 to T/2, two an octave, weighted by the number of
    blocks, which are laid from either end of the series.

    Parameters
    ----------
    x : (T,) array
        Increments (returns, not prices), finite, T >= 32.

    Returns
    -------
    float
        About .5 for white noise, above it for persistent increments; NaN where they are constant.

    Raises
    ------
    DataError
        Too few increments or one that is not finite.

    Notes
    -----
    O(T log T). Scale and drift do not matter. Blocks of constant increments are left out. Sensitive to
    short memory; `hurst_dfa` has the smaller error.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(20_000)
    >>> round(hurst_rescaled_range(x), 1)
    0.5

    References
    ----------
    Hurst (1951); Anis & Lloyd (1976); Weron (2002), Estimating long-range dependence.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 1 or x.size < MIN_LENGTH or not np.isfinite(x).all():
        raise DataError(
            "the rescaled range needs increments",
            got=f"shape {x.shape}, {int((~np.isfinite(x)).sum())} values not finite",
            expected=f"a 1-D array of at least {MIN_LENGTH} finite increments",
        )
    return float(rescaled_range_kernel(x, block_table(x.size)))


@njit(cache=True)
def _update(states: Any, x: float, table: np.ndarray) -> float:
    s = states[0]
    if math.isfinite(x):
        mirrored_push(s, x)
    if s.n < s.ring.shape[0] // 2:
        return math.nan
    return rescaled_range_kernel(mirrored_window(s), table)


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, table: np.ndarray) -> np.ndarray:
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], table)
    return ys


class RollingRescaledRange(StreamingKernel):
    """Hurst exponent of the last ``window`` increments: `hurst_rescaled_range`, streaming.

    Parameters
    ----------
    window : int
        Increments, at least 32.

    Notes
    -----
    Input: one return. Output: one float, NaN while the window is constant. Warm-up: ``window`` finite
    inputs, NaN before; a non-finite input repeats the last output. O(window log window): every block
    is summed afresh, because its mean changes with every step.

    Raises
    ------
    ConfigError
        ``window`` is not an integer of at least 32.

    Examples
    --------
    >>> h = RollingRescaledRange(64)
    >>> y = [h.update(x) for x in np.random.default_rng(0).standard_normal(64)]
    >>> bool(np.isnan(y[62])), bool(0.1 < y[63] < 0.9)
    (True, True)

    References
    ----------
    Hurst (1951); Anis & Lloyd (1976).
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 256) -> None:
        window = checked_period("window", window, at_least=MIN_LENGTH)
        self._init(mirrored_ring_dtype(window), (block_table(window),), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The shortest window and an odd one."""
        return [cls(32), cls(45)]
