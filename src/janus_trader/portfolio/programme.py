"""The normal form in which the mean–variance solvers see their problem, and when it has a solution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

#: Rows and bounds are compared to this, in units of weight.
FEASIBLE = 1e-10

FEASIBLE_STATUS = 0
CONTRADICTORY_NET = 1
CONTRADICTORY_GROSS = 2


class Programme(NamedTuple):
    """Minimise ``½wᵀHw − qᵀw + κᵀ|w − p| + dᵀ|w|`` over a box, a gross cap and a net row.

    Attributes
    ----------
    h : (m, m) positive definite, scaled to a mean diagonal of 1
    q, p, kappa, d, lo, hi : (m,), with kappa, d >= 0 and lo < hi
    rows : (3,) gross cap, least net, greatest net
    use_gross : bool, whether the gross cap can bind
    net_kind : 0 no net row, 1 a range, 2 an equality (at rows[1])
    """

    h: np.ndarray
    q: np.ndarray
    p: np.ndarray
    kappa: np.ndarray
    d: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    rows: np.ndarray
    use_gross: bool
    net_kind: int


@njit(cache=True)
def _tighten(lo, hi, rows, base):  # type: ignore[no-untyped-def]
    """The gross cap leaves one way only: every weight lies between its nearest-to-zero point and one end."""
    for i in range(lo.size):
        nearest = min(max(0.0, lo[i]), hi[i])
        if base <= rows[1]:
            lo[i] = nearest
        if base >= rows[2]:
            hi[i] = nearest
        if rows[1] < base < rows[2]:
            lo[i], hi[i] = nearest, nearest
    if base < rows[1]:
        rows[2] = rows[1]
    elif base > rows[2]:
        rows[1] = rows[2]


@njit(cache=True)
def normalise_rows(lo, hi, rows):  # type: ignore[no-untyped-def]
    """Check feasibility in closed form and say which rows can bind.

    The least gross at a net level is reached from the weights nearest to zero by moving the missing
    net in one direction. Rows (and, where the gross cap leaves no room at all, bounds) are tightened in place.

    Returns
    -------
    (status, use_gross, net_kind)
        As in `Programme`; status 0 is feasible. Cost O(n).
    """
    low, high, least, base, most = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(lo.size):
        low += lo[i]
        high += hi[i]
        nearest = min(max(0.0, lo[i]), hi[i])
        least += abs(nearest)
        base += nearest
        most += max(abs(lo[i]), abs(hi[i]))
    if rows[1] > rows[2] + FEASIBLE or rows[2] < low - FEASIBLE or rows[1] > high + FEASIBLE:
        return CONTRADICTORY_NET, False, 0
    rows[1], rows[2] = max(rows[1], low), min(rows[2], high)
    least += max(rows[1] - base, base - rows[2], 0.0)
    if least > rows[0] + FEASIBLE:
        return CONTRADICTORY_GROSS, False, 0
    use_gross = most > rows[0]
    if use_gross and rows[0] - least < FEASIBLE:
        _tighten(lo, hi, rows, base)
        use_gross = False
    elif use_gross and lo.min() >= 0.0:  # |w| = w: a cap on net
        rows[2] = min(rows[2], rows[0])
        use_gross = False
    elif use_gross and hi.max() <= 0.0:
        rows[1] = max(rows[1], -rows[0])
        use_gross = False
    net_kind = 0
    if rows[1] >= rows[2] - FEASIBLE:
        middle = 0.5 * (rows[1] + rows[2])
        rows[1], rows[2], net_kind = middle, middle, 2
    elif rows[1] > lo.sum() + FEASIBLE or rows[2] < hi.sum() - FEASIBLE:
        net_kind = 1
    return FEASIBLE_STATUS, use_gross, net_kind


@njit(cache=True)
def reduce_programme(  # type: ignore[no-untyped-def]
    cov, mu, gamma, ridge, kappa, penalty, previous, lower, upper, rows, use_gross, net_kind, free,
):  # fmt: skip
    """Drop the pinned weights (lower == upper) and scale the Hessian to a mean diagonal of 1. O(n²)."""
    m, n = free.size, mu.size
    scale = 0.0
    for r in range(m):
        scale += gamma * cov[free[r], free[r]] / m
    left = rows.copy()
    for j in range(n):
        if lower[j] == upper[j]:
            left[0] -= abs(lower[j])
            left[1] -= lower[j]
            left[2] -= lower[j]
    h, q = np.empty((m, m)), np.empty(m)
    for r in range(m):
        i = free[r]
        t = mu[i]
        for j in range(n):
            if lower[j] == upper[j]:
                t -= gamma * cov[i, j] * lower[j]
        q[r] = t / scale
        for c in range(m):
            h[r, c] = gamma * cov[i, free[c]] / scale
        h[r, r] += ridge
    return Programme(
        h,
        q,
        previous[free],
        kappa[free] / scale,
        penalty[free] / scale,
        lower[free],
        upper[free],
        left,
        use_gross,
        net_kind,
    )
