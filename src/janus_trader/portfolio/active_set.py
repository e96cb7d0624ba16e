"""Active-set steps on the optimality conditions: the exact end of a solve, and the whole of a warm one.

A pattern says which weights sit on a kink or bound and which rows bind; given the pattern the optimum
is one linear system. The pattern is read off a proximal step, so a right pattern repeats itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.portfolio.cholesky import cholesky_in_place, cholesky_solve, symmetric_times
from janus_trader.portfolio.proximal import prox_two_abs_box

_ROW_RIDGE = 1e-10  # of a row's own curvature: parallel rows keep the split of the price they had
_PROGRESS = 0.9  # a step must bring the residual below this share of the last one
_REFINEMENTS = 3  # of the row system, against that ridge


@njit(cache=True, forceinline=True)
def _row_violation(price, level, least, most):  # type: ignore[no-untyped-def]
    """Violation of a row and of complementarity with its price."""
    if least == most:
        return abs(level - least)
    worst = max(least - level, level - most)
    return max(worst, min(price, most - level), min(-price, level - least))


@njit(cache=True)
def optimality_residual(programme, w, prices, image):  # type: ignore[no-untyped-def]
    """Largest violation of the optimality conditions of a `Programme`, in units of weight.

    ``max(|w − prox(w − t∇)|, row violations, complementarity)`` with t_i = 1/H_ii; ``prices`` (1 + k,)
    are those of gross and the rows; ``image`` (m,) receives the proximal points. Cost O(m² + k m).
    """
    q, p, kappa, d = programme.q, programme.p, programme.kappa, programme.d
    gross_price, gross, worst = prices[0], 0.0, 0.0
    symmetric_times(programme.h, w, image)
    for r in range(programme.row_lo.size):
        row, price, level = programme.c[r], prices[1 + r], 0.0
        for i in range(w.size):
            level += row[i] * w[i]
            image[i] += price * row[i]
        worst = max(worst, _row_violation(price, level, programme.row_lo[r], programme.row_hi[r]))
    for i in range(w.size):
        t = 1.0 / programme.h[i, i]
        z = w[i] - t * (image[i] - q[i])
        image[i] = prox_two_abs_box(
            z, t * (d[i] + gross_price), t * kappa[i], p[i], programme.lo[i], programme.hi[i]
        )
        worst = max(worst, abs(image[i] - w[i]))
        gross += abs(w[i])
    if programme.use_gross:
        slack = programme.gross - gross
        worst = max(worst, -slack, min(gross_price, slack), -gross_price)
    return worst


@njit(cache=True, forceinline=True)
def _binding_rows(programme, w, prices, binding, limits):  # type: ignore[no-untyped-def]
    """List the binding rows (−1 is gross) and their limits; prices of the others become 0. Returns how many."""
    count = 0
    if programme.use_gross and prices[0] + np.abs(w).sum() - programme.gross > 0.0:
        binding[0], limits[0] = -1, programme.gross
        count = 1
    else:
        prices[0] = 0.0
    for r in range(programme.row_lo.size):
        level = 0.0
        for i in range(w.size):
            level += programme.c[r, i] * w[i]
        least, most = programme.row_lo[r], programme.row_hi[r]
        if least == most or prices[1 + r] + level - least < 0.0:
            binding[count], limits[count] = r, least
            count += 1
        elif prices[1 + r] + level - most > 0.0:
            binding[count], limits[count] = r, most
            count += 1
        else:
            prices[1 + r] = 0.0
    return count


@njit(cache=True, forceinline=True)
def _pattern(programme, image, free, slope, sign, w, pinned):  # type: ignore[no-untyped-def]
    """Pin the weights that sit on a bound or kink; list the free ones with their slopes. Returns how many."""
    m = 0
    for i in range(image.size):
        v, p, kappa = image[i], programme.p[i], programme.kappa[i]
        if v == programme.lo[i] or v == programme.hi[i] or v == 0.0 or (v == p and kappa > 0.0):
            w[i] = v
            pinned[i] = v
            sign[i] = 0.0
        else:
            sign[i] = 1.0 if v > 0.0 else -1.0
            slope[i] = programme.d[i] * sign[i] + (kappa if v > p else -kappa)
            pinned[i] = 0.0
            free[m] = i
            m += 1
    return m


@njit(cache=True, forceinline=True)
def _factor_pattern(  # type: ignore[no-untyped-def]
    programme, free, m, slope, sign, pinned, binding, count, limits, k_matrix, rows, columns, left
):
    """Factor the free block; ``rows`` gets the binding rows over it, ``columns`` the solved right sides.

    ``left`` gets what the pinned weights leave of the limits.
    """
    gradient = np.empty(pinned.size)
    symmetric_times(programme.h, pinned, gradient)
    for r in range(m):
        i = free[r]
        row, target = programme.h[i], k_matrix[r]
        columns[0, r] = programme.q[i] - slope[i] - gradient[i]
        for c in range(r + 1):
            target[c] = row[free[c]]
    for b in range(count):
        used = 0.0
        for i in range(pinned.size):
            if sign[i] == 0.0:
                used += abs(pinned[i]) if binding[b] < 0 else programme.c[binding[b], i] * pinned[i]
        left[b] = limits[b] - used
        size = 0.0
        for r in range(m):
            rows[b, r] = sign[free[r]] if binding[b] < 0 else programme.c[binding[b], free[r]]
            columns[1 + b, r] = rows[b, r]
            size += rows[b, r] * rows[b, r]
        if size > 0.0:  # a binding row's own curvature changes no solution, and makes the factor safer
            for r in range(m):
                target, t = k_matrix[r], rows[b, r] / size
                columns[0, r] += t * left[b]
                for c in range(r + 1):
                    target[c] += t * rows[b, c]
    if not cholesky_in_place(k_matrix, m):
        return False
    cholesky_solve(k_matrix, m, columns[: 1 + count])
    return True


@njit(cache=True, forceinline=True)
def _meet_rows(free, m, binding, count, rows, columns, left, w, prices):  # type: ignore[no-untyped-def]
    """Prices and free weights that put the binding rows exactly at their limits.

    Rows may be parallel over the free weights: of the prices that fit, those nearest to the last ones
    are taken (a proximal point iteration on the singular system).
    """
    system, y, change = np.empty((count, count)), np.empty(count), np.empty((1, count))
    for a in range(count):
        y[a] = prices[1 + binding[a]]
        for b in range(count):
            system[a, b] = (rows[a, :m] * columns[1 + b, :m]).sum()
        left[a] = (rows[a, :m] * columns[0, :m]).sum() - left[a]
    factor = system.copy()
    for a in range(count):
        if not system[a, a] > 0.0:  # no free weight moves the row: its price stays
            factor[a, a] = 1.0
        factor[a, a] *= 1.0 + _ROW_RIDGE
    if not cholesky_in_place(factor, count):
        return False
    for _ in range(_REFINEMENTS):
        for a in range(count):
            change[0, a] = left[a] if system[a, a] > 0.0 else 0.0
            for b in range(count):
                change[0, a] -= system[a, b] * y[b]
        cholesky_solve(factor, count, change)
        y += change[0]
    for a in range(count):
        prices[1 + binding[a]] = y[a]
    for r in range(m):
        t = columns[0, r]
        for a in range(count):
            t -= y[a] * columns[1 + a, r]
        w[free[r]] = t
    return True


@njit(cache=True)
def active_set(programme, w, prices, max_iter, tolerance):  # type: ignore[no-untyped-def]
    """Solve a `Programme` from a near solution.

    ``w`` (m,) and ``prices`` (1 + k,) are the start and, if it converges, the solution; otherwise they
    are put back. Converges in a few steps near the solution, not from everywhere.

    Returns
    -------
    (iterations, residual)
        The residual of `optimality_residual`. Cost O(f³/3 + m² + k² f) a step for f free weights.
    """
    n, k = w.size, prices.size
    image, slope, sign, pinned = np.empty(n), np.zeros(n), np.zeros(n), np.zeros(n)
    free, binding = np.empty(n, np.int64), np.empty(k, np.int64)
    limits, left = np.empty(k), np.empty(k)
    k_matrix, columns, rows = np.empty((n, n)), np.empty((1 + k, n)), np.empty((k, n))
    start_w, start_prices = w.copy(), prices.copy()
    first = optimality_residual(programme, w, prices, image)
    last, last_w, last_prices = first, w.copy(), prices.copy()
    for iteration in range(1, max_iter + 1):
        count = _binding_rows(programme, w, prices, binding, limits)
        m = _pattern(programme, image, free, slope, sign, w, pinned)
        if m > 0 and not (
            _factor_pattern(
                programme, free, m, slope, sign, pinned, binding, count, limits, k_matrix, rows, columns, left
            )
            and _meet_rows(free, m, binding, count, rows, columns, left, w, prices)
        ):
            break
        residual = optimality_residual(programme, w, prices, image)
        if residual <= tolerance:
            return iteration, residual
        if residual > _PROGRESS * last:  # whole steps can go round in a circle: half of one breaks it
            w += 0.5 * (last_w - w)
            prices += 0.5 * (last_prices - prices)
            residual = optimality_residual(programme, w, prices, image)
        last = residual
        last_w[:] = w
        last_prices[:] = prices
    w[:] = start_w
    prices[:] = start_prices
    return max_iter, first
