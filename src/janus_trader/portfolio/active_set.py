"""Active-set steps on the optimality conditions: the exact end of a solve, and the whole of a warm one.

A pattern says which weights sit on a kink or bound and which rows bind; given the pattern the optimum
is one linear system. The pattern is read off a proximal step, so a right pattern repeats itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.portfolio.cholesky import cholesky_in_place, cholesky_solve
from janus_trader.portfolio.proximal import prox_two_abs_box

_SINGULAR = 1e-12  # rows whose 2 × 2 determinant is below this fraction are parallel


@njit(cache=True)
def optimality_residual(programme, w, prices, image):  # type: ignore[no-untyped-def]
    """Largest violation of the optimality conditions of a `Programme`, in units of weight.

    ``max(|w − prox(w − t∇)|, row violations, complementarity)`` with t_i = 1/H_ii; ``image`` (m,)
    receives the proximal points. Cost O(m²).
    """
    h, q, p, kappa, d, lo, hi, rows, use_gross, net_kind = programme
    gross_price, net_price = prices[0], prices[1]
    worst, gross, net = 0.0, 0.0, 0.0
    for i in range(w.size):
        row = h[i]
        g = net_price - q[i]
        for j in range(w.size):
            g += row[j] * w[j]
        t = 1.0 / row[i]
        image[i] = prox_two_abs_box(w[i] - t * g, t * (d[i] + gross_price), t * kappa[i], p[i], lo[i], hi[i])
        worst = max(worst, abs(image[i] - w[i]))
        gross += abs(w[i])
        net += w[i]
    if use_gross:
        slack = rows[0] - gross
        worst = max(worst, -slack, min(gross_price, slack), -gross_price)
    if net_kind == 2:
        worst = max(worst, abs(net - rows[1]))
    elif net_kind == 1:
        worst = max(worst, rows[1] - net, net - rows[2])
        worst = max(worst, min(net_price, rows[2] - net), min(-net_price, net - rows[1]))
    return worst


@njit(cache=True)
def _binding_rows(programme, w, prices):  # type: ignore[no-untyped-def]
    """Whether gross binds, and which entry of ``rows`` net is held at (0: none)."""
    rows, net = programme.rows, w.sum()
    gross_active = programme.use_gross and prices[0] + np.abs(w).sum() - rows[0] > 0.0
    if programme.net_kind == 2 or (programme.net_kind == 1 and prices[1] + net - rows[1] < 0.0):
        return gross_active, 1
    if programme.net_kind == 1 and prices[1] + net - rows[2] > 0.0:
        return gross_active, 2
    return gross_active, 0


@njit(cache=True)
def _pattern(programme, image, free, slope, sign, w):  # type: ignore[no-untyped-def]
    """Pin the weights that sit on a bound or kink; list the free ones with their slopes. Returns how many."""
    m = 0
    for i in range(image.size):
        v, p, kappa = image[i], programme.p[i], programme.kappa[i]
        if v == programme.lo[i] or v == programme.hi[i] or v == 0.0 or (v == p and kappa > 0.0):
            w[i] = v
            sign[i] = 0.0
        else:
            sign[i] = 1.0 if v > 0.0 else -1.0
            slope[i] = programme.d[i] * sign[i] + (kappa if v > p else -kappa)
            free[m] = i
            m += 1
    return m


@njit(cache=True)
def _factor_pattern(programme, free, m, slope, sign, w, k_matrix, columns):  # type: ignore[no-untyped-def]
    """Factor the free block and solve for the right side and the two row columns."""
    for r in range(m):
        i = free[r]
        row = programme.h[i]
        t = programme.q[i] - slope[i]
        for j in range(w.size):
            if sign[j] == 0.0:
                t -= row[j] * w[j]
        columns[0, r], columns[1, r], columns[2, r] = t, sign[i], 1.0
        for c in range(r + 1):
            k_matrix[r, c] = row[free[c]]
    if not cholesky_in_place(k_matrix, m):
        return False
    for c in range(3):
        cholesky_solve(k_matrix, m, columns[c])
    return True


@njit(cache=True)
def _meet_rows(programme, free, m, sign, gross_active, net_row, w, prices, columns):  # type: ignore[no-untyped-def]
    """Prices and free weights that put the binding rows exactly at their limits.

    When all free weights have one sign the rows are parallel: the net price then stays as it is.
    """
    gross_left, net_left = programme.rows[0], programme.rows[net_row]
    for i in range(w.size):
        if sign[i] == 0.0:
            gross_left -= abs(w[i])
            net_left -= w[i]
    g0, gg, g1, o0, o1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for r in range(m):
        sg = sign[free[r]]
        g0 += sg * columns[0, r]
        gg += sg * columns[1, r]
        g1 += sg * columns[2, r]
        o0 += columns[0, r]
        o1 += columns[2, r]
    a11, a22, b1, b2, a12 = 1.0, 1.0, 0.0, 0.0, 0.0
    if gross_active:
        a11, b1 = gg, g0 - gross_left
        a12 = g1 if net_row > 0 else 0.0
    if net_row > 0:
        a22, b2 = o1, o0 - net_left
    det = a11 * a22 - a12 * a12
    if not (a11 > 0.0 and a22 > 0.0):
        return False
    if det > _SINGULAR * a11 * a22:
        prices[0] = (b1 * a22 - a12 * b2) / det
        prices[1] = (a11 * b2 - a12 * b1) / det
    else:
        prices[0] = (b1 - a12 * prices[1]) / a11
    for r in range(m):
        w[free[r]] = columns[0, r] - prices[0] * columns[1, r] - prices[1] * columns[2, r]
    return True


@njit(cache=True)
def active_set(programme, w, prices, max_iter, tolerance):  # type: ignore[no-untyped-def]
    """Solve a `Programme` from a near solution.

    ``w`` (m,) and ``prices`` (2,) are the start and, if it converges, the solution; otherwise they
    are put back. Converges in a few steps near the solution, not from everywhere.

    Returns
    -------
    (iterations, residual)
        The residual of `optimality_residual`. Cost O(f³/3 + m²) a step for f free weights.
    """
    n = w.size
    image, slope, sign = np.empty(n), np.zeros(n), np.zeros(n)
    free = np.empty(n, np.int64)
    k_matrix, columns = np.empty((n, n)), np.empty((3, n))
    start_w, start_prices = w.copy(), prices.copy()
    first = optimality_residual(programme, w, prices, image)
    for iteration in range(1, max_iter + 1):
        gross_active, net_row = _binding_rows(programme, w, prices)
        if not gross_active:
            prices[0] = 0.0
        if net_row == 0:
            prices[1] = 0.0
        m = _pattern(programme, image, free, slope, sign, w)
        if m > 0 and not (
            _factor_pattern(programme, free, m, slope, sign, w, k_matrix, columns)
            and _meet_rows(programme, free, m, sign, gross_active, net_row, w, prices, columns)
        ):
            break
        residual = optimality_residual(programme, w, prices, image)
        if residual <= tolerance:
            return iteration, residual
    w[:] = start_w
    prices[:] = start_prices
    return max_iter, first
