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
    """Minimise ``½wᵀHw − qᵀw + κᵀ|w − p| + dᵀ|w|`` over a box, a gross cap and rows ``l ≤ Cw ≤ u``.

    Attributes
    ----------
    h : (m, m) positive definite, scaled to a mean diagonal of 1
    q, p, kappa, d, lo, hi : (m,), with kappa, d >= 0 and lo < hi
    c : (k, m) rows, scaled to a largest entry of 1
    row_lo, row_hi : (k,) their limits, infinite on a side that cannot bind, equal for an equality
    gross : float
    use_gross : bool, whether the gross cap can bind
    """

    h: np.ndarray
    q: np.ndarray
    p: np.ndarray
    kappa: np.ndarray
    d: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    c: np.ndarray
    row_lo: np.ndarray
    row_hi: np.ndarray
    gross: float
    use_gross: bool


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
    """Check gross and net for feasibility in closed form and say whether the gross cap can bind.

    ``rows`` (3,) holds the gross cap, least and greatest net. The least gross at a net level is reached
    from the weights nearest to zero by moving the missing net in one direction. Rows (and, where the
    gross cap leaves no room at all, bounds) are tightened in place.

    Returns
    -------
    (status, use_gross)
        Status 0 is feasible. Cost O(n).
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
        return CONTRADICTORY_NET, False
    rows[1], rows[2] = max(rows[1], low), min(rows[2], high)
    least += max(rows[1] - base, base - rows[2], 0.0)
    if least > rows[0] + FEASIBLE:
        return CONTRADICTORY_GROSS, False
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
    return FEASIBLE_STATUS, use_gross


@njit(cache=True)
def tighten_row(c, lo, hi, limits):  # type: ignore[no-untyped-def]
    """Compare one row with its range over the box.

    A side that the box already keeps becomes infinite; nearly equal sides become equal.

    Returns
    -------
    bool
        Whether the box can meet the row. Cost O(n).
    """
    least, most, size = 0.0, 0.0, 1.0
    for i in range(c.size):
        least += min(c[i] * lo[i], c[i] * hi[i])
        most += max(c[i] * lo[i], c[i] * hi[i])
        size = max(size, abs(c[i]))
    slack = FEASIBLE * size
    if limits[0] > limits[1] + slack or limits[0] > most + slack or limits[1] < least - slack:
        return False
    if most - least <= slack:  # nothing in the box moves the row
        limits[0], limits[1] = -np.inf, np.inf
        return True
    limits[0], limits[1] = min(limits[0], most), max(limits[1], least)
    if limits[0] >= limits[1] - slack:
        middle = 0.5 * (limits[0] + limits[1])
        limits[0], limits[1] = middle, middle
        return True
    if limits[0] <= least + slack:
        limits[0] = -np.inf
    if limits[1] >= most - slack:
        limits[1] = np.inf
    return True


@njit(cache=True)
def _reduced_rows(c, limits, used, lower, upper, free):  # type: ignore[no-untyped-def]
    """The rows in use over the free weights, scaled to a largest entry of 1."""
    k, m = used.size, free.size
    rows, row_lo, row_hi = np.empty((k, m)), np.empty(k), np.empty(k)
    for r in range(k):
        row = c[used[r]]
        size, fixed = 0.0, 0.0
        for j in range(lower.size):
            if lower[j] == upper[j]:
                fixed += row[j] * lower[j]
        for j in range(m):
            size = max(size, abs(row[free[j]]))
        scale = 1.0 / size if size > 0.0 else 1.0
        for j in range(m):
            rows[r, j] = row[free[j]] * scale
        row_lo[r], row_hi[r] = (limits[used[r], 0] - fixed) * scale, (limits[used[r], 1] - fixed) * scale
    return rows, row_lo, row_hi


@njit(cache=True)
def reduce_programme(  # type: ignore[no-untyped-def]
    cov, mu, gamma, ridge, kappa, penalty, previous, lower, upper, c, limits, used, gross, use_gross, free,
):  # fmt: skip
    """Drop the pinned weights (lower == upper) and scale the Hessian to a mean diagonal of 1. O(n²)."""
    m, n = free.size, mu.size
    scale = 0.0
    for r in range(m):
        scale += gamma * cov[free[r], free[r]] / m
    pinned = np.flatnonzero(lower == upper)
    for fixed in pinned:
        gross -= abs(lower[fixed])
    h, q = np.empty((m, m)), np.empty(m)
    for r in range(m):
        i = free[r]
        t = mu[i]
        for fixed in pinned:
            t -= gamma * cov[i, fixed] * lower[fixed]
        q[r] = t / scale
        row, ratio = cov[i], gamma / scale
        if m == n:
            for j in range(n):
                h[r, j] = ratio * row[j]
        else:
            for j in range(m):
                h[r, j] = ratio * row[free[j]]
        h[r, r] += ridge
    rows, row_lo, row_hi = _reduced_rows(c, limits, used, lower, upper, free)
    return Programme(
        h,
        q,
        previous[free],
        kappa[free] / scale,
        penalty[free] / scale,
        lower[free],
        upper[free],
        rows,
        row_lo,
        row_hi,
        gross,
        use_gross,
    )
