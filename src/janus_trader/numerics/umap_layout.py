"""Layout of a fuzzy graph in the plane by stochastic descent on UMAP's cross entropy."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError

#: Squared distances are looked up by the leading bits of their single-precision form: 64 steps an octave,
#: from 2**-24 to 2**14. Layouts are of size 10; beyond the table the forces are those at its ends.
_STEP_BITS = 6
_LOWEST, _HIGHEST = -24, 14
_SHIFT = np.int32(23 - _STEP_BITS)
_BASE = np.int32((_LOWEST + 127) << _STEP_BITS)
_ENTRIES = (_HIGHEST - _LOWEST) << _STEP_BITS
_CLIP = np.float32(4.0)
_SOFT = 1e-3  # keeps the repulsion of two points at one place finite (umap-learn)


def curve_parameters(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """``a`` and ``b`` of ``q(d) = 1 / (1 + a d^(2 b))`` closest to 1 up to ``min_dist``, then exponential decay.

    Least squares on 300 points up to three spreads, as in umap-learn.

    Raises
    ------
    ConfigError
        Not ``0 <= min_dist <= spread``, or no spread.

    Examples
    --------
    >>> a, b = curve_parameters(0.1)
    >>> round(a, 3), round(b, 3)
    (1.577, 0.895)
    """
    if not 0.0 <= min_dist <= spread or not 0.0 < spread < math.inf:
        raise ConfigError(
            "min_dist is not usable",
            got=f"{min_dist} with spread {spread}",
            expected="0 <= min_dist <= spread",
        )
    from scipy.optimize import curve_fit

    x = np.linspace(0.0, 3.0 * spread, 300)
    y = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1.0 / (1.0 + a * d ** (2.0 * b)), x, y)
    return float(a), float(b)


@njit(cache=True)
def attraction(d2: float, a: float, b: float) -> float:
    """Coefficient of ``y_i - y_j`` in the descent step on ``-ln q``; negative. ``d2`` > 0 is the squared distance."""
    power = d2**b
    return -2.0 * a * b * power / (d2 * (1.0 + a * power))


@njit(cache=True)
def repulsion(d2: float, a: float, b: float) -> float:
    """Coefficient of ``y_i - y_j`` in the descent step on ``-ln(1 - q)``; positive, softened near 0."""
    return 2.0 * b / ((_SOFT + d2) * (1.0 + a * d2**b))


@njit(cache=True)
def force_tables(a: float, b: float):  # type: ignore[no-untyped-def]
    """Attraction and repulsion by the bits of the squared distance, float32; within 1.5 % of the formulas."""
    pull = np.empty(_ENTRIES, np.float32)
    push = np.empty(_ENTRIES, np.float32)
    steps = 1 << _STEP_BITS
    for i in range(_ENTRIES):
        octave, step = i >> _STEP_BITS, i & (steps - 1)
        d2 = 2.0 ** (octave + _LOWEST) * (1.0 + (step + 0.5) / steps)
        pull[i] = attraction(d2, a, b)
        push[i] = repulsion(d2, a, b)
    return pull, push


@njit(cache=True)
def _looked_up(table, d2):
    i = (np.float32(d2).view(np.int32) >> _SHIFT) - _BASE
    return table[min(max(i, np.int32(0)), np.int32(_ENTRIES - 1))]


@njit(cache=True)
def _clipped(g):
    return min(max(g, -_CLIP), _CLIP)


@njit(cache=True)
def layout_epochs(
    y: np.ndarray,
    head: np.ndarray,
    tail: np.ndarray,
    interval: np.ndarray,
    due: np.ndarray,
    pull: np.ndarray,
    push: np.ndarray,
    first: int,
    last: int,
    n_epochs: int,
    negatives: int,
    rate: float,
    anchor: np.ndarray,
    links: np.ndarray,
    regularisation: float,
    random: np.ndarray,
) -> None:
    r"""Epochs ``first`` to ``last`` of the descent, in place.

    .. math:: L = -\sum_{ij} [v_{ij} \ln q_{ij} + (1 - v_{ij}) \ln(1 - q_{ij})]

    (specification eq. 47, which lacks the minus sign: as printed it would be maximised by the layout sought).
    Each edge is drawn every ``interval`` epochs, at which its ends attract each other and its head is
    repelled by ``negatives`` points drawn evenly. With ``regularisation`` > 0 every drawn end is also pulled
    to the sum ``anchor`` of ``links`` related points: the gradient of ``regularisation |y - y'|^2``.
    O(edges drawn * negatives).

    Parameters
    ----------
    y : (n, 2) float32 array
    head, tail : (m,) int32 arrays
    interval, due : (m,) float32 arrays
        Epochs between draws, and the next draw; ``due`` is updated.
    pull, push : float32 arrays
        From `force_tables`.
    anchor, links : (n, 2) and (n,) float32 arrays
    random : (1,) uint64 array
        State of the generator (xorshift), not 0; updated.
    """
    n = np.uint64(y.shape[0])
    state = random[0]
    strength = np.float32(2.0 * regularisation)
    for epoch in range(first, last):
        now = np.float32(epoch)
        alpha = np.float32(rate * (1.0 - epoch / n_epochs))
        for e in range(head.shape[0]):
            if due[e] > now:
                continue
            due[e] += interval[e]
            i, j = head[e], tail[e]
            yx, yy = y[i, 0], y[i, 1]
            dx, dy = yx - y[j, 0], yy - y[j, 1]
            g = _looked_up(pull, dx * dx + dy * dy)
            gx, gy = _clipped(g * dx) * alpha, _clipped(g * dy) * alpha
            yx += gx
            yy += gy
            y[j, 0] -= gx
            y[j, 1] -= gy
            if strength > 0.0:
                yx += _clipped(strength * (anchor[i, 0] - links[i] * yx)) * alpha
                yy += _clipped(strength * (anchor[i, 1] - links[i] * yy)) * alpha
            for _ in range(negatives):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                other = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
                if other == i:
                    continue
                dx, dy = yx - y[other, 0], yy - y[other, 1]
                g = _looked_up(push, dx * dx + dy * dy)
                yx += _clipped(g * dx) * alpha
                yy += _clipped(g * dy) * alpha
            y[i, 0], y[i, 1] = yx, yy
    random[0] = state


@njit(cache=True)
def cross_entropy(y: np.ndarray, weight: np.ndarray, a: float, b: float) -> float:
    """Cross entropy between a dense fuzzy graph (n, n) and a layout (n, 2), eq. 47 with its sign put right. O(n^2).

    >>> w = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> near, far = np.array([[0.0, 0.0], [0.1, 0.0]]), np.array([[0.0, 0.0], [9.0, 0.0]])
    >>> cross_entropy(near, w, 1.0, 1.0) < cross_entropy(far, w, 1.0, 1.0)
    True
    """
    total = 0.0
    for i in range(y.shape[0]):
        for j in range(y.shape[0]):
            if i != j:
                d2 = (y[i, 0] - y[j, 0]) ** 2 + (y[i, 1] - y[j, 1]) ** 2
                q = min(max(1.0 / (1.0 + a * d2**b), 1e-9), 1.0 - 1e-9)
                total -= weight[i, j] * np.log(q) + (1.0 - weight[i, j]) * np.log(1.0 - q)
    return total
