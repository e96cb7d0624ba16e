"""The capped simplex {lower <= w <= upper, sum w = 1}, and the point of it nearest to a vector."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, Infeasible

_SLACK = 1e-12  # sums of bounds are compared to 1 within this


@njit(cache=True)
def _level(a: np.ndarray, b: np.ndarray, lower: np.ndarray, upper: np.ndarray, t: float) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += min(max(a[i] + b[i] * t, lower[i]), upper[i])
    return total


@njit(cache=True)
def fill_capped(a: np.ndarray, b: np.ndarray, lower: np.ndarray, upper: np.ndarray, out: np.ndarray) -> None:
    """``out_i = clip(a_i + b_i t, lower_i, upper_i)`` with the one ``t`` that makes the sum 1.

    ``b`` > 0. The sum rises piecewise linearly in ``t``; the piece is found by bisection over the sorted
    bends, each sum taken afresh, so that no rounding error is carried from one bend to the next (``b`` may
    span hundreds of decades). No checks: the bounds must admit a sum of 1. O(n log n).
    """
    n = a.shape[0]
    if lower.sum() >= 1.0 or upper.sum() <= 1.0:
        out[:] = lower if lower.sum() >= 1.0 else upper
        return
    start, end = (lower - a) / b, (upper - a) / b
    bends = np.sort(np.concatenate((start, end)))
    low, high = 0, 2 * n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if _level(a, b, lower, upper, bends[middle]) < 1.0:
            low = middle
        else:
            high = middle
    fixed, slope = 0.0, 0.0
    for i in range(n):
        if end[i] <= bends[low]:
            fixed += upper[i]
        elif start[i] >= bends[high]:
            fixed += lower[i]
        else:
            fixed += a[i]
            slope += b[i]
    t = (1.0 - fixed) / slope if slope > 0.0 else bends[high]
    for i in range(n):
        out[i] = min(max(a[i] + b[i] * t, lower[i]), upper[i])


@njit(cache=True)
def _close_gaps(y: np.ndarray, widest: float) -> None:
    """Shorten the gaps between sorted entries to twice ``widest``, in place. O(n log n).

    Across a gap wider than any weight can move, all upper entries are at their cap before a lower one
    leaves its floor, however wide the gap is: the projection is the same, its rounding is not.
    """
    order = np.argsort(y)
    before, at = y[order[0]], 0.0
    for k in order:
        at += min(y[k] - before, 2.0 * widest)
        before = y[k]
        y[k] = at


@njit(cache=True)
def project_euclidean(y: np.ndarray, lower: np.ndarray, upper: np.ndarray, out: np.ndarray) -> None:
    """Nearest point in Euclidean distance, no checks; ``y`` is used up."""
    widest = upper.max() - lower.min()
    if y.max() - y.min() > 64.0 * widest:
        _close_gaps(y, widest)
    y -= y.max()  # the answer does not depend on a common shift, its rounding does
    fill_capped(y, np.ones(y.shape[0]), lower, upper, out)


@njit(cache=True)
def project_entropic(q: np.ndarray, lower: np.ndarray, upper: np.ndarray, out: np.ndarray) -> None:
    """Nearest point in relative entropy from ``q`` > 0, no checks."""
    fill_capped(np.zeros(q.shape[0]), q, lower, upper, out)


def checked_bounds(
    n: int, lower: float | np.ndarray, upper: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds as arrays (n,), or why there is no capped simplex between them.

    Raises
    ------
    DataError
        Bounds of the wrong shape or not finite.
    Infeasible
        A lower bound above its upper one, or sums on one side of 1.

    Examples
    --------
    >>> checked_bounds(2, 0.0, 0.6)[1].tolist()
    [0.6, 0.6]
    """
    try:
        low, high = (np.array(np.broadcast_to(v, (n,)), dtype=np.float64) for v in (lower, upper))
    except ValueError as error:
        raise DataError(
            "bounds do not fit", got=(np.shape(lower), np.shape(upper)), expected=f"numbers or ({n},) arrays"
        ) from error
    if n < 1 or not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise DataError(
            "bounds must be finite", got=f"n={n}, {lower}, {upper}", expected="n >= 1, finite bounds"
        )
    if (low > high).any() or low.sum() > 1.0 + _SLACK or high.sum() < 1.0 - _SLACK:
        raise Infeasible(
            "no weights lie within the bounds",
            got=f"sums of the bounds {low.sum():.6g} and {high.sum():.6g}",
            expected="lower <= upper, sum(lower) <= 1 <= sum(upper)",
            remedy=f"with {n} weights a common cap must be at least {1.0 / n:.6g}, a common floor at most that",
        )
    return low, high


def project_capped_simplex(
    y: np.ndarray, lower: float | np.ndarray = 0.0, upper: float | np.ndarray = 1.0, *, entropic: bool = False
) -> np.ndarray:
    r"""Point of the capped simplex nearest to ``y``, exactly.

    .. math:: \min_w \tfrac12 \lVert w - y \rVert^2 \;\Rightarrow\; w_i = \mathrm{clip}(y_i + t), \qquad
              \min_w \sum_i w_i \ln \frac{w_i}{y_i} \;\Rightarrow\; w_i = \mathrm{clip}(t\, y_i)

    subject to ``lower <= w <= upper`` and ``sum(w) = 1``.

    Parameters
    ----------
    y : (n,) array
        Finite; positive where ``entropic``.
    lower, upper : float or (n,) array
        Bounds with sum(lower) <= 1 <= sum(upper).
    entropic : bool
        Relative entropy instead of Euclidean distance.

    Returns
    -------
    (n,) array
        Within the bounds exactly, sum 1 up to rounding. Equal entries with equal bounds stay equal.

    Notes
    -----
    O(n log n), no iteration.

    Raises
    ------
    DataError
        ``y`` or the bounds are not usable numbers.
    Infeasible
        The bounds admit no such weights.

    Examples
    --------
    >>> project_capped_simplex(np.array([0.9, 0.5, 0.1]), 0.0, 0.5).round(6).tolist()
    [0.5, 0.45, 0.05]
    >>> project_capped_simplex(np.array([6.0, 3.0, 1.0]), 0.0, 0.5, entropic=True).round(6).tolist()
    [0.5, 0.375, 0.125]

    References
    ----------
    Wang & Lu (2015), Projection onto the capped simplex; Herbster & Warmuth (2001), Tracking the best
    linear predictor (relative entropy).
    """
    point = np.array(y, dtype=np.float64)
    if point.ndim != 1 or not np.isfinite(point).all() or (entropic and not (point > 0.0).all()):
        raise DataError(
            "nothing to project",
            got=f"shape {point.shape}, {point}",
            expected=f"a 1-D array of finite{' positive' if entropic else ''} numbers",
        )
    low, high = checked_bounds(point.size, lower, upper)
    if entropic and low.min() < 0.0:
        raise DataError("relative entropy needs weights >= 0", got=float(low.min()), expected="lower >= 0")
    out = np.empty(point.size)
    if entropic:
        project_entropic(point / point.max(), low, high, out)
    else:
        project_euclidean(point, low, high, out)
    return out
