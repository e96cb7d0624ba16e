"""Predictor–corrector interior point for the L1 mean–variance problem, one m × m factor an iteration.

The two absolute values are lifted to ``a ≥ |w − p|`` and ``b ≥ |w|`` and eliminated again: they only
add to the diagonal of the Hessian. The k rows and the gross cap end in a (k + 1) × (k + 1) system; part
of each row's own curvature is put into the Hessian first (an exact rewriting), which keeps the factor
well conditioned where the rows, and not the covariance, determine the weights.

Slacks: 0 w−lo, 1 hi−w, 2 a−(w−p), 3 a+(w−p), 4 b−w, 5 b+w; of rows: r upper side of row r, k + r its
lower side, 2k gross. One that a problem does not need is 1 with multiplier and direction 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.portfolio.cholesky import cholesky_in_place, cholesky_solve, symmetric_times

_BLOCKS = 6
_START = 0.05  # distance of the start from every bound, as a fraction of the range
_DUAL = 0.1  # starting multipliers, in units of the scaled Hessian
_FRACTION_TO_BOUNDARY = 0.995
_RESIDUAL = 10.0  # residuals may be this much larger than the complementarity asked for
_DIVERGED = 1e4  # a merit this much above the best one ends the iteration
_ROW_RIDGE = 1e-12  # of a row's own curvature: redundant rows share their price


class _Work(NamedTuple):
    w: np.ndarray
    a: np.ndarray
    b: np.ndarray
    s: np.ndarray  # (6, m) slacks and their multipliers z, directions ds and dz
    z: np.ndarray
    ds: np.ndarray
    dz: np.ndarray
    e: np.ndarray
    inverse: np.ndarray  # 1/s
    ratio: np.ndarray  # z/s
    rs: np.ndarray  # (2k + 1,) the same for the rows
    rz: np.ndarray
    drs: np.ndarray
    drz: np.ndarray
    re: np.ndarray
    residual: np.ndarray  # (2k + 1,) of the rows; an equality's stands on its upper side
    nu: np.ndarray  # (k,) prices of the rows
    rd: np.ndarray  # (m,) of the gradient
    theta: np.ndarray
    k: np.ndarray
    rows: np.ndarray  # (k + 1, m) the rows and, last, what the gross cap does to w
    x: np.ndarray  # (k + 1 or 2, m) K⁻¹ times those in use and, last, the direction of w
    lift: np.ndarray  # (3, k) share of a row in the Hessian, its right side, 1/|row|²
    system: np.ndarray
    step: np.ndarray  # (1, k + 1) directions of the prices
    da: np.ndarray
    db: np.ndarray
    in_block: np.ndarray  # (6, m) bool
    in_row: np.ndarray  # (2k + 1,) bool
    equal: np.ndarray  # (k,) bool
    pairs: int  # of slack and multiplier


@njit(cache=True, forceinline=True)
def _start(o, programme):  # type: ignore[no-untyped-def]
    """A point strictly inside every block; the rows may be violated."""
    p, lo, hi = programme.p, programme.lo, programme.hi
    m = o.nu.size
    extra = _DUAL if programme.use_gross else 0.0
    o.s[:] = 1.0
    for i in range(o.w.size):
        room = _START * (hi[i] - lo[i])
        w = min(max(o.w[i], lo[i] + room), hi[i] - room)
        a, b = abs(w - p[i]) + room, abs(w) + room
        o.w[i], o.a[i], o.b[i] = w, a, b
        o.s[0, i], o.s[1, i] = w - lo[i], hi[i] - w
        o.z[0, i], o.z[1, i] = _DUAL, _DUAL
        if o.in_block[2, i]:
            o.s[2, i], o.s[3, i] = a - (w - p[i]), a + (w - p[i])
            o.z[2, i], o.z[3, i] = 0.5 * programme.kappa[i], 0.5 * programme.kappa[i]
        if o.in_block[4, i]:
            o.s[4, i], o.s[5, i] = b - w, b + w
            o.z[4, i], o.z[5, i] = 0.5 * (programme.d[i] + extra), 0.5 * (programme.d[i] + extra)
    o.rs[:] = 1.0
    for r in range(2 * m + 1):
        if not o.in_row[r]:
            continue
        if r == 2 * m:
            slack = programme.gross - o.b.sum()
        else:
            j = r % m
            level = (programme.c[j] * o.w).sum()
            slack = programme.row_hi[j] - level if r < m else level - programme.row_lo[j]
        o.rs[r], o.rz[r] = max(slack, _DUAL), _DUAL


@njit(cache=True)
def begin_interior(programme, w):  # type: ignore[no-untyped-def]
    """The working state of `interior_point` for a `Programme`, at a point near ``w`` (m,), which it copies."""
    n, m = w.size, programme.row_lo.size
    v, b, r = np.zeros((6, n)), np.zeros((7, _BLOCKS, n)), np.zeros((6, 2 * m + 1))
    in_block, in_row = np.ones((_BLOCKS, n), np.bool_), np.zeros(2 * m + 1, np.bool_)
    for i in range(n):
        in_block[2:4, i] = programme.kappa[i] > 0.0
        in_block[4:6, i] = programme.d[i] > 0.0 or programme.use_gross
    equal = programme.row_lo == programme.row_hi
    for j in range(m):
        in_row[j] = not equal[j] and programme.row_hi[j] < np.inf
        in_row[m + j] = not equal[j] and programme.row_lo[j] > -np.inf
    in_row[2 * m] = programme.use_gross
    rows, k = np.zeros((m + 1, n)), np.zeros((n, n))
    rows[:m] = programme.c
    lift = np.zeros((3, m))
    for j in range(m):
        lift[2, j] = 1.0 / max((rows[j] * rows[j]).sum(), 1e-300)
    x = np.zeros((m + 2 if programme.use_gross else m + 1, n))
    work = _Work(
        w.copy(), v[0], v[1], b[0], b[1], b[2], b[3], b[4], b[5], b[6], r[0], r[1], r[2], r[3], r[4], r[5],
        np.zeros(m), v[2], v[3], k, rows, x, lift, np.zeros((m + 1, m + 1)),
        np.zeros((1, m + 1)), v[4], v[5], in_block, in_row, equal, in_block.sum() + in_row.sum(),
    )  # fmt: skip
    _start(work, programme)
    return work


@njit(cache=True, forceinline=True)
def _complementarity(o, t):  # type: ignore[no-untyped-def]
    """Mean product of slack and multiplier after a step of length ``t``."""
    total = 0.0
    for k in range(_BLOCKS):
        s, z, ds, dz = o.s[k], o.z[k], o.ds[k], o.dz[k]
        for i in range(o.w.size):
            total += (s[i] + t * ds[i]) * (z[i] + t * dz[i])
    for r in range(o.rs.size):
        total += (o.rs[r] + t * o.drs[r]) * (o.rz[r] + t * o.drz[r])
    return total / o.pairs


@njit(cache=True, forceinline=True)
def _shorter(t, value, step):  # type: ignore[no-untyped-def]
    """The longest step up to ``t`` that keeps every value non-negative."""
    for i in range(value.size):
        if value[i] + t * step[i] < 0.0:
            t = -value[i] / step[i]
    return t


@njit(cache=True, forceinline=True)
def _longest_step(o):  # type: ignore[no-untyped-def]
    t = 1.0
    for k in range(_BLOCKS):
        t = _shorter(t, o.s[k], o.ds[k])
        t = _shorter(t, o.z[k], o.dz[k])
    return _shorter(_shorter(t, o.rs, o.drs), o.rz, o.drz)


@njit(cache=True, forceinline=True)
def _residuals(o, programme):  # type: ignore[no-untyped-def]
    """Residuals of rows and gradient; returns the largest."""
    n, m = o.w.size, o.nu.size
    worst = 0.0
    symmetric_times(programme.h, o.w, o.rd)
    for r in range(m):
        row, level = programme.c[r], 0.0
        for i in range(n):
            level += row[i] * o.w[i]
        if o.equal[r]:
            o.residual[r] = level - programme.row_hi[r]
        else:
            o.nu[r] = o.rz[r] - o.rz[m + r]
            if o.in_row[r]:
                o.residual[r] = o.rs[r] + level - programme.row_hi[r]
            if o.in_row[m + r]:
                o.residual[m + r] = o.rs[m + r] - level + programme.row_lo[r]
        for i in range(n):
            o.rd[i] += o.nu[r] * row[i]
    if programme.use_gross:
        o.residual[2 * m] = o.rs[2 * m] + o.b.sum() - programme.gross
    for r in range(2 * m + 1):
        worst = max(worst, abs(o.residual[r]))
    z = o.z
    for i in range(n):
        o.rd[i] += z[1, i] - z[0, i] + z[2, i] - z[3, i] + z[4, i] - z[5, i] - programme.q[i]
        worst = max(worst, abs(o.rd[i]))
    return worst


@njit(cache=True, forceinline=True)
def _factor(o, h):  # type: ignore[no-untyped-def]
    """Build and factor K = H + diagonal."""
    n = o.w.size
    for k in range(_BLOCKS):
        for i in range(n):
            o.inverse[k, i] = 1.0 / o.s[k, i]
            o.ratio[k, i] = o.z[k, i] * o.inverse[k, i]
    d = o.ratio
    for i in range(n):
        row, source = o.k[i], h[i]
        for j in range(i + 1):
            row[j] = source[j]
        diagonal = d[0, i] + d[1, i]
        if o.in_block[2, i]:
            diagonal += 4.0 * d[2, i] * d[3, i] / (d[2, i] + d[3, i])
        if o.in_block[4, i]:
            both = d[4, i] + d[5, i]
            diagonal += 4.0 * d[4, i] * d[5, i] / both
            o.theta[i] = (d[4, i] - d[5, i]) / both
        row[i] += diagonal
    m = o.nu.size
    for r in range(m):
        o.lift[0, r] = o.lift[2, r]
        if not o.equal[r]:
            o.lift[0, r] = min(o.lift[2, r], 0.5 * (o.rz[r] / o.rs[r] + o.rz[m + r] / o.rs[m + r]))
        line = o.rows[r]
        for i in range(n):
            row, t = o.k[i], o.lift[0, r] * line[i]
            if t != 0.0:
                for j in range(i + 1):
                    row[j] += t * line[j]
    return cholesky_in_place(o.k, n)


@njit(cache=True, forceinline=True)
def _right_side(o, programme, target, corrector):  # type: ignore[no-untyped-def]
    """Right side of dw, and the constant parts of da and db. Returns (Σ db, Σ 1/(D4+D5))."""
    second = 1.0 if corrector else 0.0
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            o.e[k, i] = o.z[k, i] - (target - second * o.ds[k, i] * o.dz[k, i]) * o.inverse[k, i]
    for r in range(o.rs.size):
        if o.in_row[r]:
            o.re[r] = o.rz[r] - (target - second * o.drs[r] * o.drz[r]) / o.rs[r]
    db_sum, inverse_sum = 0.0, 0.0
    gross_price, d, rhs_row = o.rz[-1], o.ratio, o.x[-1]
    for i in range(o.w.size):
        rhs = -o.rd[i] - o.e[0, i] + o.e[1, i]
        if o.in_block[2, i]:
            short = o.z[2, i] + o.z[3, i] - programme.kappa[i]
            o.da[i] = (short - o.e[2, i] - o.e[3, i]) / (d[2, i] + d[3, i])
            rhs += o.e[2, i] - o.e[3, i] - (d[3, i] - d[2, i]) * o.da[i]
        if o.in_block[4, i]:
            inverse = 1.0 / (d[4, i] + d[5, i])
            short = o.z[4, i] + o.z[5, i] - programme.d[i] - gross_price
            o.db[i] = (short - o.e[4, i] - o.e[5, i]) * inverse
            rhs += o.e[4, i] - o.e[5, i] + (d[4, i] - d[5, i]) * o.db[i]
            db_sum += o.db[i]
            inverse_sum += inverse
        rhs_row[i] = rhs
    m = o.nu.size
    for r in range(m):
        if o.equal[r]:
            o.lift[1, r] = -o.residual[r]
        else:
            du, dl = o.rz[r] / o.rs[r], o.rz[m + r] / o.rs[m + r]
            push = o.re[m + r] - o.re[r] + du * o.residual[r] - dl * o.residual[m + r]
            o.lift[1, r] = -push / (du + dl)
        t = o.lift[0, r] * o.lift[1, r]
        for i in range(o.w.size):
            rhs_row[i] += t * o.rows[r, i]
    return db_sum, inverse_sum


@njit(cache=True, forceinline=True)
def _row_prices(o, count, db_sum, inverse_sum):  # type: ignore[no-untyped-def]
    """Directions of the prices of the first ``count`` rows, from the system they leave; False if it fails."""
    m, dw, out = o.nu.size, o.x[-1], o.step[0]
    for r in range(count):
        row = o.rows[r]
        t = 0.0
        for i in range(dw.size):
            t += row[i] * dw[i]
        out[r] = t
        for c in range(r + 1):
            x, t = o.x[c], 0.0
            for i in range(dw.size):
                t += row[i] * x[i]
            o.system[r, c] = t
        if r == m:
            inverse = o.rs[2 * m] / o.rz[2 * m]
            o.system[r, r] += inverse_sum + inverse
            out[r] -= o.re[2 * m] * inverse - o.residual[2 * m] - db_sum
        else:
            out[r] -= o.lift[1, r]
            if not o.equal[r]:
                curvature = o.rz[r] / o.rs[r] + o.rz[m + r] / o.rs[m + r]
                o.system[r, r] += 1.0 / (curvature - o.lift[0, r])
        o.system[r, r] *= 1.0 + _ROW_RIDGE
    if not cholesky_in_place(o.system, count):
        return False
    cholesky_solve(o.system, count, o.step)
    return True


@njit(cache=True, forceinline=True)
def _block_directions(o, gross_step):  # type: ignore[no-untyped-def]
    """Directions of slacks and multipliers from that of the weights; returns Σ db."""
    gross, d, dw_row = 0.0, o.ratio, o.x[-1]
    for i in range(o.w.size):
        dw = dw_row[i]
        o.ds[0, i], o.ds[1, i] = dw, -dw
        if o.in_block[2, i]:
            o.da[i] += (d[2, i] - d[3, i]) / (d[2, i] + d[3, i]) * dw
            o.ds[2, i], o.ds[3, i] = o.da[i] - dw, o.da[i] + dw
        if o.in_block[4, i]:
            o.db[i] += o.theta[i] * dw - gross_step / (d[4, i] + d[5, i])
            o.ds[4, i], o.ds[5, i] = o.db[i] - dw, o.db[i] + dw
            gross += o.db[i]
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            if o.in_block[k, i]:
                o.dz[k, i] = -o.e[k, i] - d[k, i] * o.ds[k, i]
    return gross


@njit(cache=True, forceinline=True)
def _direction(o, programme, target, corrector):  # type: ignore[no-untyped-def]
    """Newton direction towards complementarity ``target``; False when the row system fails."""
    db_sum, inverse_sum = _right_side(o, programme, target, corrector)
    m, n = o.nu.size, o.w.size
    count = m + 1 if programme.use_gross else m
    if corrector:
        cholesky_solve(o.k, n, o.x[count:])
    else:  # the rows' columns are the same in both passes
        o.x[:m] = o.rows[:m]
        if programme.use_gross:
            o.rows[m] = o.theta
            o.x[m] = o.theta
        cholesky_solve(o.k, n, o.x)
    if not _row_prices(o, count, db_sum, inverse_sum):
        return False
    dw = o.x[-1]
    for r in range(count):
        price, x = o.step[0, r], o.x[r]
        for i in range(n):
            dw[i] -= price * x[i]
    gross = _block_directions(o, o.step[0, m] if programme.use_gross else 0.0)
    for r in range(m):
        row, level = programme.c[r], 0.0
        for i in range(n):
            level += row[i] * dw[i]
        o.drs[r], o.drs[m + r] = -o.residual[r] - level, level - o.residual[m + r]
    o.drs[2 * m] = -o.residual[2 * m] - gross
    for r in range(2 * m + 1):
        if o.in_row[r]:
            o.drz[r] = -o.re[r] - o.rz[r] / o.rs[r] * o.drs[r]
        else:
            o.drs[r] = 0.0
    return True


@njit(cache=True, forceinline=True)
def _move(o, t):  # type: ignore[no-untyped-def]
    dw = o.x[-1]
    for i in range(o.w.size):
        o.w[i] += t * dw[i]
        o.a[i] += t * o.da[i]
        o.b[i] += t * o.db[i]
    for k in range(_BLOCKS):
        for i in range(o.w.size):
            o.s[k, i] += t * o.ds[k, i]
            o.z[k, i] += t * o.dz[k, i]
    for r in range(o.rs.size):
        o.rs[r] += t * o.drs[r]
        o.rz[r] += t * o.drz[r]
    for r in range(o.nu.size):
        if o.equal[r]:
            o.nu[r] += t * o.step[0, r]


@njit(cache=True)
def interior_point(o, programme, w, prices, max_iter, tolerance):  # type: ignore[no-untyped-def]
    """Solve a `Programme` to a mean complementarity of ``tolerance``; called again, it goes on from there.

    ``o`` comes from `begin_interior`; ``w`` (m,) and ``prices`` (1 + k: gross, rows) receive the best
    iterate of this call. It stops after ``max_iter`` iterations, or when residuals are within ten times
    the tolerance too.

    Returns
    -------
    (iterations, converged)
        Cost O(m³/3 + k m²) an iteration. NaN in any input ends unconverged.
    """
    iteration, converged, best = 0, False, np.inf
    while iteration < max_iter:
        worst = _residuals(o, programme)
        mu = _complementarity(o, 0.0)
        merit = max(mu, worst / _RESIDUAL)
        if merit < best:
            best = merit
            w[:] = o.w
            prices[0], prices[1:] = o.rz[-1], o.nu
        converged = merit < tolerance
        if converged or not merit < _DIVERGED * best:  # rounding has taken over
            break
        if not _factor(o, programme.h) or not _direction(o, programme, 0.0, False):
            break
        sigma = (_complementarity(o, _longest_step(o)) / mu) ** 3
        if not _direction(o, programme, sigma * mu, True):
            break
        _move(o, min(1.0, _FRACTION_TO_BOUNDARY * _longest_step(o)))
        iteration += 1
    return iteration, converged
