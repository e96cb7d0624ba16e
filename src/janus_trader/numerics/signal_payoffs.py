"""What signals paid: sums over instruments and episodes, to the bit in the order in which numpy adds."""

from __future__ import annotations

import numpy as np
from numba import njit

#: So many numbers numpy adds in eight running sums; of more it adds the sums of two halves.
_WHOLE = 128


@njit(cache=True)
def pairwise_sum(x):  # type: ignore[no-untyped-def]
    """Sum of (m,) contiguous numbers, to the bit that of ``numpy.sum``. O(m).

    >>> x = np.arange(1000) / 7.0
    >>> bool(pairwise_sum(x) == x.sum())
    True
    """
    m = x.size
    if m > _WHOLE:
        half = m // 2
        half -= half % 8
        return pairwise_sum(x[:half]) + pairwise_sum(x[half:])
    total, done = 0.0, 0
    if m >= 8:
        a, b, c, d, e, f, g, h = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
        done = m - m % 8
        for i in range(8, done, 8):
            a += x[i]
            b += x[i + 1]
            c += x[i + 2]
            d += x[i + 3]
            e += x[i + 4]
            f += x[i + 5]
            g += x[i + 6]
            h += x[i + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(done, m):
        total += x[i]
    return total


@njit(cache=True)
def clipped(x, bound):  # type: ignore[no-untyped-def]
    """A number within ±``bound``; NaN stays NaN.

    >>> clipped(-4.0, 3.0)
    -3.0
    """
    return -bound if x < -bound else bound if x > bound else x


@njit(cache=True)
def signal_payoffs(signals, payoff, clip, mean, spoke):  # type: ignore[no-untyped-def]
    """Signal-weighted mean payoff Σ s·p / Σ|s| of every source, clipped, and where it spoke. O(E·k·n).

    ``signals`` and ``payoff`` are (E, k, n), the latter also (E, 1, n) where all sources are paid alike; fills
    ``mean`` (0 where a source did not speak) and ``spoke``, both (E, k).

    >>> mean, spoke = np.empty((1, 1)), np.empty((1, 1), np.bool_)
    >>> signal_payoffs(np.array([[[1.0, -1.0]]]), np.array([[[0.5, -0.1]]]), 3.0, mean, spoke)
    >>> mean.round(3).tolist(), spoke.tolist()
    ([[0.3]], [[True]])
    """
    n, shared = signals.shape[2], payoff.shape[1] == 1
    size, paid = np.empty(n), np.empty(n)
    for e in range(signals.shape[0]):
        for k in range(signals.shape[1]):
            j = 0 if shared else k
            for i in range(n):
                size[i] = abs(signals[e, k, i])
                paid[i] = signals[e, k, i] * payoff[e, j, i]
            total = pairwise_sum(size)
            spoke[e, k] = total > 1e-9
            mean[e, k] = clipped(pairwise_sum(paid) / total, clip) if spoke[e, k] else 0.0


@njit(cache=True)
def weighted_sums(values, counts, weight, sums):  # type: ignore[no-untyped-def]
    """Weight, weighted sum and weighted sum of squares over the episodes where a value counts. O(E·k).

    ``values`` and ``counts`` (bool) are (E, k), ``weight`` (E,), ``sums`` (3, k).

    >>> sums = np.empty((3, 1))
    >>> weighted_sums(np.array([[2.0], [5.0]]), np.array([[True], [False]]), np.array([0.5, 1.0]), sums)
    >>> sums.ravel().tolist()
    [0.5, 1.0, 2.0]
    """
    sums[:] = 0.0
    for e in range(values.shape[0]):
        for k in range(values.shape[1]):
            w, x = counts[e, k] * weight[e], values[e, k]
            sums[0, k] += w
            sums[1, k] += x * w
            sums[2, k] += x * x * w
