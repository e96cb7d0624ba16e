"""Predictor–corrector interior point for the L1 mean–variance problem, one m × m factor an iteration.

The two absolute values are lifted to ``a ≥ |w − p|`` and ``b ≥ |w|`` and eliminated again: they only
add to the diagonal of the Hessian. The two coupling rows (gross and net) end in a 2 × 2 system.

Slack blocks: 0 w−lo, 1 hi−w, 2 a−(w−p), 3 a+(w−p), 4 b−w, 5 b+w. Row slacks: 0 gross, 1 net upper,
2 net lower. A block that a problem does not need keeps slack 1 and multiplier 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.portfolio.cholesky import cholesky_in_place, cholesky_solve

_BLOCKS = 6
_START = 0.05  # distance of the start from every bound, as a fraction of the range
_DUAL = 0.1  # starting multipliers, in units of the scaled Hessian
_FRACTION_TO_BOUNDARY = 0.995
_RESIDUAL = 10.0  # residuals may be this much larger than the complementarity asked for
_DIVERGED = 1e4  # a merit this much above the best one ends the iteration


class _Work(NamedTuple):
    w: np.ndarray
    a: np.ndarray
    b: np.ndarray
    s: np.ndarray  # (6, m) slacks and their multipliers z, directions ds and dz
    z: np.ndarray
    ds: np.ndarray
    dz: np.ndarray
    e: np.ndarray
    rs: np.ndarray  # (3,) the same for the rows
    rz: np.ndarray
    drs: np.ndarray
    drz: np.ndarray
    re: np.ndarray
    residual: np.ndarray  # (3,) of the rows
    rd: np.ndarray  # (m,) of the gradient
    theta: np.ndarray
    k: np.ndarray
    x_theta: np.ndarray
    x_one: np.ndarray
    dw: np.ndarray
    da: np.ndarray
    db: np.ndarray
    in_block: np.ndarray  # (6, m) bool
    in_row: np.ndarray  # (3,) bool


@njit(cache=True)
def _allocate(w, programme):  # type: ignore[no-untyped-def]
    n = w.size
    v, b, r = np.zeros((9, n)), np.zeros((5, _BLOCKS, n)), np.zeros((6, 3))
    in_block, in_row = np.ones((_BLOCKS, n), np.bool_), np.zeros(3, np.bool_)
    for i in range(n):
        in_block[2:4, i] = programme.kappa[i] > 0.0
        in_block[4:6, i] = programme.d[i] > 0.0 or programme.use_gross
    in_row[0] = programme.use_gross
    in_row[1:] = programme.net_kind == 1
    k = np.zeros((n, n))
    return _Work(
        w, v[0], v[1], b[0], b[1], b[2], b[3], b[4], r[0], r[1], r[2], r[3], r[4], r[5],
        v[2], v[3], k, v[4], v[5], v[6], v[7], v[8], in_block, in_row,
    )  # fmt: skip


@njit(cache=True)
def _start(o, programme):  # type: ignore[no-untyped-def]
    """A point strictly inside every block; the rows may be violated."""
    p, lo, hi, rows = programme.p, programme.lo, programme.hi, programme.rows
    gross, net = 0.0, 0.0
    extra = _DUAL if programme.use_gross else 0.0
    for i in range(o.w.size):
        room = _START * (hi[i] - lo[i])
        w = min(max(o.w[i], lo[i] + room), hi[i] - room)
        a, b = abs(w - p[i]) + room, abs(w) + room
        o.w[i], o.a[i], o.b[i] = w, a, b
        gross += b
        net += w
        o.s[0, i], o.s[1, i] = w - lo[i], hi[i] - w
        o.s[2, i], o.s[3, i] = a - (w - p[i]), a + (w - p[i])
        o.s[4, i], o.s[5, i] = b - w, b + w
        o.z[0, i], o.z[1, i] = _DUAL, _DUAL
        o.z[2, i], o.z[3, i] = 0.5 * programme.kappa[i], 0.5 * programme.kappa[i]
        o.z[4, i], o.z[5, i] = 0.5 * (programme.d[i] + extra), 0.5 * (programme.d[i] + extra)
    o.rs[:] = 1.0
    if o.in_row[0]:
        o.rs[0], o.rz[0] = max(rows[0] - gross, _DUAL), _DUAL
    if o.in_row[1]:
        o.rs[1], o.rs[2] = max(rows[2] - net, _DUAL), max(net - rows[1], _DUAL)
        o.rz[1], o.rz[2] = _DUAL, _DUAL


@njit(cache=True)
def _complementarity(o, t):  # type: ignore[no-untyped-def]
    """Mean product of slack and multiplier after a step of length ``t``."""
    total, count = 0.0, 0
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            if o.in_block[k, i]:
                total += (o.s[k, i] + t * o.ds[k, i]) * (o.z[k, i] + t * o.dz[k, i])
                count += 1
    for r in range(3):
        if o.in_row[r]:
            total += (o.rs[r] + t * o.drs[r]) * (o.rz[r] + t * o.drz[r])
            count += 1
    return total / count


@njit(cache=True)
def _longest_step(o):  # type: ignore[no-untyped-def]
    t = 1.0
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            if o.in_block[k, i]:
                if o.s[k, i] + t * o.ds[k, i] < 0.0:
                    t = -o.s[k, i] / o.ds[k, i]
                if o.z[k, i] + t * o.dz[k, i] < 0.0:
                    t = -o.z[k, i] / o.dz[k, i]
    for r in range(3):
        if o.in_row[r]:
            if o.rs[r] + t * o.drs[r] < 0.0:
                t = -o.rs[r] / o.drs[r]
            if o.rz[r] + t * o.drz[r] < 0.0:
                t = -o.rz[r] / o.drz[r]
    return t


@njit(cache=True)
def _residuals(o, programme, nu):  # type: ignore[no-untyped-def]
    """Residuals of rows and gradient; returns the largest."""
    h, q, rows = programme.h, programme.q, programme.rows
    n = o.w.size
    gross, net = o.b.sum(), o.w.sum()
    o.residual[:] = 0.0
    if o.in_row[0]:
        o.residual[0] = o.rs[0] + gross - rows[0]
    if programme.net_kind == 1:
        o.residual[1] = o.rs[1] + net - rows[2]
        o.residual[2] = o.rs[2] - net + rows[1]
    elif programme.net_kind == 2:
        o.residual[1] = net - rows[1]
    worst = max(abs(o.residual[0]), abs(o.residual[1]), abs(o.residual[2]))
    for i in range(n):
        row = h[i]
        g = nu - q[i] - o.z[0, i] + o.z[1, i]
        for j in range(n):
            g += row[j] * o.w[j]
        if o.in_block[2, i]:
            g += o.z[2, i] - o.z[3, i]
        if o.in_block[4, i]:
            g += o.z[4, i] - o.z[5, i]
        o.rd[i] = g
        worst = max(worst, abs(g))
    return worst


@njit(cache=True)
def _factor(o, h):  # type: ignore[no-untyped-def]
    """Build and factor K = H + diagonal; solve for the two row columns."""
    n = o.w.size
    for i in range(n):
        for j in range(i + 1):
            o.k[i, j] = h[i, j]
        diagonal = o.z[0, i] / o.s[0, i] + o.z[1, i] / o.s[1, i]
        o.theta[i] = 0.0
        if o.in_block[2, i]:
            d2, d3 = o.z[2, i] / o.s[2, i], o.z[3, i] / o.s[3, i]
            diagonal += 4.0 * d2 * d3 / (d2 + d3)
        if o.in_block[4, i]:
            d4, d5 = o.z[4, i] / o.s[4, i], o.z[5, i] / o.s[5, i]
            diagonal += 4.0 * d4 * d5 / (d4 + d5)
            o.theta[i] = (d4 - d5) / (d4 + d5)
        o.k[i, i] += diagonal
        o.x_theta[i] = o.theta[i]
        o.x_one[i] = 1.0
    if not cholesky_in_place(o.k, n):
        return False
    if o.in_row[0]:
        cholesky_solve(o.k, n, o.x_theta)
    cholesky_solve(o.k, n, o.x_one)
    return True


@njit(cache=True)
def _right_side(o, programme, target, corrector):  # type: ignore[no-untyped-def]
    """dw before the rows act, and the constant parts of da and db. Returns (Σ db, Σ 1/(D4+D5))."""
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            second = o.ds[k, i] * o.dz[k, i] if corrector else 0.0
            o.e[k, i] = o.z[k, i] - (target - second) / o.s[k, i]
    for r in range(3):
        second = o.drs[r] * o.drz[r] if corrector else 0.0
        o.re[r] = o.rz[r] - (target - second) / o.rs[r]
    db_sum, inverse_sum = 0.0, 0.0
    for i in range(o.w.size):
        rhs = -o.rd[i] - o.e[0, i] + o.e[1, i]
        if o.in_block[2, i]:
            d2, d3 = o.z[2, i] / o.s[2, i], o.z[3, i] / o.s[3, i]
            o.da[i] = (o.z[2, i] + o.z[3, i] - programme.kappa[i] - o.e[2, i] - o.e[3, i]) / (d2 + d3)
            rhs += o.e[2, i] - o.e[3, i] - (d3 - d2) * o.da[i]
        if o.in_block[4, i]:
            d4, d5 = o.z[4, i] / o.s[4, i], o.z[5, i] / o.s[5, i]
            short = o.z[4, i] + o.z[5, i] - programme.d[i] - o.rz[0]
            o.db[i] = (short - o.e[4, i] - o.e[5, i]) / (d4 + d5)
            rhs += o.e[4, i] - o.e[5, i] + (d4 - d5) * o.db[i]
            db_sum += o.db[i]
            inverse_sum += 1.0 / (d4 + d5)
        o.dw[i] = rhs
    cholesky_solve(o.k, o.w.size, o.dw)
    return db_sum, inverse_sum


@njit(cache=True)
def _row_prices(o, net_kind, db_sum, inverse_sum):  # type: ignore[no-untyped-def]
    """Directions of the prices of gross and net from their 2 × 2 system."""
    t0, tt, t1, o0, o1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(o.w.size):
        t0 += o.theta[i] * o.dw[i]
        tt += o.theta[i] * o.x_theta[i]
        t1 += o.theta[i] * o.x_one[i]
        o0 += o.dw[i]
        o1 += o.x_one[i]
    a11, a22, a12, b1, b2 = 1.0, 1.0, 0.0, 0.0, 0.0
    if o.in_row[0]:
        inverse = o.rs[0] / o.rz[0]
        a11 = tt + inverse_sum + inverse
        b1 = t0 - (o.re[0] * inverse - o.residual[0] - db_sum)
        a12 = t1 if net_kind > 0 else 0.0
    if net_kind == 1:
        du, dl = o.rz[1] / o.rs[1], o.rz[2] / o.rs[2]
        a22 = o1 + 1.0 / (du + dl)
        b2 = o0 + (o.re[2] - o.re[1] + du * o.residual[1] - dl * o.residual[2]) / (du + dl)
    elif net_kind == 2:
        a22 = o1
        b2 = o0 + o.residual[1]
    det = a11 * a22 - a12 * a12
    return (b1 * a22 - a12 * b2) / det, (a11 * b2 - a12 * b1) / det


@njit(cache=True)
def _direction(o, programme, target, corrector):  # type: ignore[no-untyped-def]
    """Newton direction towards complementarity ``target``; returns that of the net price."""
    db_sum, inverse_sum = _right_side(o, programme, target, corrector)
    dg, dn = _row_prices(o, programme.net_kind, db_sum, inverse_sum)
    net, gross = 0.0, 0.0
    for i in range(o.w.size):
        if o.in_row[0]:
            o.dw[i] -= o.x_theta[i] * dg
        o.dw[i] -= o.x_one[i] * dn
        dw = o.dw[i]
        net += dw
        o.ds[0, i], o.ds[1, i] = dw, -dw
        if o.in_block[2, i]:
            d2, d3 = o.z[2, i] / o.s[2, i], o.z[3, i] / o.s[3, i]
            o.da[i] += (d2 - d3) / (d2 + d3) * dw
            o.ds[2, i], o.ds[3, i] = o.da[i] - dw, o.da[i] + dw
        if o.in_block[4, i]:
            o.db[i] += o.theta[i] * dw - dg / (o.z[4, i] / o.s[4, i] + o.z[5, i] / o.s[5, i])
            o.ds[4, i], o.ds[5, i] = o.db[i] - dw, o.db[i] + dw
            gross += o.db[i]
        for k in range(_BLOCKS):
            if o.in_block[k, i]:
                o.dz[k, i] = -o.e[k, i] - o.z[k, i] / o.s[k, i] * o.ds[k, i]
    o.drs[0], o.drs[1], o.drs[2] = -o.residual[0] - gross, -o.residual[1] - net, net - o.residual[2]
    for r in range(3):
        if o.in_row[r]:
            o.drz[r] = -o.re[r] - o.rz[r] / o.rs[r] * o.drs[r]
        else:
            o.drs[r] = 0.0
    return dn


@njit(cache=True)
def _move(o, t):  # type: ignore[no-untyped-def]
    for i in range(o.w.size):
        o.w[i] += t * o.dw[i]
        o.a[i] += t * o.da[i]
        o.b[i] += t * o.db[i]
        for k in range(_BLOCKS):
            if o.in_block[k, i]:
                o.s[k, i] += t * o.ds[k, i]
                o.z[k, i] += t * o.dz[k, i]
    for r in range(3):
        o.rs[r] += t * o.drs[r]
        o.rz[r] += t * o.drz[r]


@njit(cache=True)
def interior_point(programme, w, prices, max_iter, tolerance):  # type: ignore[no-untyped-def]
    """Solve a `Programme` to a mean complementarity of ``tolerance``.

    Parameters
    ----------
    programme : Programme
    w : (m,) start, overwritten by the best iterate
    prices : (2,) out: prices of gross and of net
    max_iter, tolerance : bound on iterations; complementarity at which it stops (residuals: ten times)

    Returns
    -------
    (iterations, converged)
        Cost O(m³/3) an iteration. NaN in any input ends unconverged.
    """
    o = _allocate(w.copy(), programme)
    _start(o, programme)
    nu, iteration, converged, best = 0.0, 0, False, np.inf
    while iteration < max_iter:
        if programme.net_kind == 1:
            nu = o.rz[1] - o.rz[2]
        worst = _residuals(o, programme, nu)
        mu = _complementarity(o, 0.0)
        merit = max(mu, worst / _RESIDUAL)
        if merit < best:
            best = merit
            w[:] = o.w
            prices[0], prices[1] = o.rz[0], nu
        converged = merit < tolerance
        if converged or not merit < _DIVERGED * best:  # rounding has taken over
            break
        if not _factor(o, programme.h):
            break
        _direction(o, programme, 0.0, False)
        sigma = (_complementarity(o, _longest_step(o)) / mu) ** 3
        dn = _direction(o, programme, sigma * mu, True)
        t = min(1.0, _FRACTION_TO_BOUNDARY * _longest_step(o))
        _move(o, t)
        nu += t * dn
        iteration += 1
    return iteration, converged
