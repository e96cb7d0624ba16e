"""Gradient of the Gramian angular fields: what a learner behind the image sends back to the prices."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.gramian import (
    EDGE,
    SMALLEST_RANGE,
    angular_coordinates,
    checked_buffer,
    checked_windows,
)

LANES = 8


@njit(cache=True, error_model="numpy")
def _fold(lanes_c, lanes_s, used):
    """Add the first ``used`` values of both arrays up into their first `LANES`, by halves. O(used)."""
    while used > LANES:
        half = (used + 1) // 2
        for j in range(used - half):
            lanes_c[j] += lanes_c[j + half]
            lanes_s[j] += lanes_s[j + half]
        used = half
    for j in range(used, LANES):
        lanes_c[j] = 0.0
        lanes_s[j] = 0.0


@njit(cache=True, error_model="numpy")
def _lane_total(v):
    """Sum of the first `LANES` values."""
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))


@njit(cache=True, error_model="numpy")
def _row_sums(g, cosine, sine, lanes_c, lanes_s, sums_c, sums_s):
    """``sum_j g_ij c_j`` and ``sum_j g_ij s_j`` of ``g`` (n, n) for every row i. O(n^2).

    A row is added in quarters and halves, in one fixed order: the compiler may use vector instructions
    and every machine gives the same sum. The quarters are arrays of their own, or the compiler would not
    see that they do not overlap.
    """
    n = cosine.shape[0]
    q = n // 4
    c0, c1, c2, c3 = cosine[:q], cosine[q : 2 * q], cosine[2 * q : 3 * q], cosine[3 * q : 4 * q]
    s0, s1, s2, s3 = sine[:q], sine[q : 2 * q], sine[2 * q : 3 * q], sine[3 * q : 4 * q]
    for i in range(n):
        row = g[i]
        g0, g1, g2, g3 = row[:q], row[q : 2 * q], row[2 * q : 3 * q], row[3 * q : 4 * q]
        for j in range(q):
            a, b, c, d = g0[j], g1[j], g2[j], g3[j]
            lanes_c[j] = (a * c0[j] + b * c1[j]) + (c * c2[j] + d * c3[j])
            lanes_s[j] = (a * s0[j] + b * s1[j]) + (c * s2[j] + d * s3[j])
        _fold(lanes_c, lanes_s, q)
        sum_c, sum_s = _lane_total(lanes_c), _lane_total(lanes_s)
        for j in range(4 * q, n):
            sum_c += row[j] * cosine[j]
            sum_s += row[j] * sine[j]
        sums_c[i], sums_s[i] = sum_c, sum_s


@njit(cache=True, error_model="numpy")
def _column_sums(g, cosine, sine, sums_c, sums_s):
    """``sum_i c_i g_ij`` and ``sum_i s_i g_ij`` of ``g`` (n, n) for every column j, four rows at a time. O(n^2)."""
    n = cosine.shape[0]
    sums_c[:] = 0.0
    sums_s[:] = 0.0
    i = 0
    while i + 4 <= n:
        r0, r1, r2, r3 = g[i], g[i + 1], g[i + 2], g[i + 3]
        c0, c1, c2, c3 = cosine[i], cosine[i + 1], cosine[i + 2], cosine[i + 3]
        s0, s1, s2, s3 = sine[i], sine[i + 1], sine[i + 2], sine[i + 3]
        for j in range(n):
            a, b, c, d = r0[j], r1[j], r2[j], r3[j]
            sums_c[j] += (c0 * a + c1 * b) + (c2 * c + c3 * d)
            sums_s[j] += (s0 * a + s1 * b) + (s2 * c + s3 * d)
        i += 4
    while i < n:
        row, c, s = g[i], cosine[i], sine[i]
        for j in range(n):
            sums_c[j] += c * row[j]
            sums_s[j] += s * row[j]
        i += 1


@njit(cache=True, error_model="numpy")
def _to_prices(window, lo, hi, edge, by_cosine, by_sine, out):
    """From derivatives by cosine and sine (n,) to those by the window (n,). O(n).

    ``ds = -(c/s) dc`` on the circle; the extremes move every cosine. Tied extremes share their part.
    """
    n = window.shape[0]
    scale = 1.0 / (hi - lo)
    through_lo = through_hi = 0.0
    lowest = highest = 0
    for i in range(n):
        below, above = (window[i] - lo) * scale, (hi - window[i]) * scale
        lowest += 1 if window[i] == lo else 0
        highest += 1 if window[i] == hi else 0
        c, product = below - above, below * above
        slope = 0.0
        if product > 0.0 and abs(c) <= 1.0 - edge:
            slope = by_cosine[i] - by_sine[i] * (c / (2.0 * math.sqrt(product)))
        through_lo += slope * (c - 1.0)
        through_hi -= slope * (c + 1.0)
        out[i] = 2.0 * slope * scale
    for i in range(n):
        if window[i] == lo:
            out[i] += through_lo * scale / lowest
        elif window[i] == hi:
            out[i] += through_hi * scale / highest


@njit(cache=True)
def gramian_gradient_batch(windows, cotangents, difference, edge, work, out):
    """`gramian_gradient` without checks; ``work`` is (8, n + LANES) of the type of ``cotangents``."""
    n = windows.shape[1]
    cosine, sine = work[0, :n], work[1, :n]
    row_c, row_s, column_c, column_s = work[2, :n], work[3, :n], work[4, :n], work[5, :n]
    for k in range(windows.shape[0]):
        lo, hi = angular_coordinates(windows[k], cosine, sine, edge)
        if not hi - lo > SMALLEST_RANGE:
            out[k] = 0.0 if math.isfinite(lo) else math.nan
            continue
        _row_sums(cotangents[k], cosine, sine, work[6], work[7], row_c, row_s)
        _column_sums(cotangents[k], cosine, sine, column_c, column_s)
        for i in range(n):
            if difference:
                by_cosine, by_sine = column_s[i] - row_s[i], row_c[i] - column_c[i]
            else:
                by_cosine, by_sine = row_c[i] + column_c[i], -(row_s[i] + column_s[i])
            row_c[i], row_s[i] = by_cosine, by_sine
        _to_prices(windows[k], lo, hi, edge, row_c, row_s, out[k])


def gramian_gradient(
    windows: np.ndarray,
    cotangents: np.ndarray,
    out: np.ndarray | None = None,
    *,
    difference: bool = False,
    edge: float = EDGE,
) -> np.ndarray:
    r"""Vector-Jacobian product of `gramian_fields`: derivatives of a loss by the prices of every window.

    .. math:: \bar x = J^T G, \qquad G_{ij} = \partial L/\partial F_{ij}, \qquad
              \frac{\partial s}{\partial c} = -\frac{c}{s}, \quad
              c = \frac{2x - l - h}{h - l}, \quad
              \frac{\partial c}{\partial l} = \frac{c - 1}{h - l}, \quad
              \frac{\partial c}{\partial h} = -\frac{c + 1}{h - l}

    Parameters
    ----------
    windows : (k, n) array
        As given to `gramian_fields`.
    cotangents : (k, n, n) array
        Derivatives G of the loss by the field, float32 or float64 (others become float64).
    out : (k, n) array, optional
        C-ordered, of the type of ``cotangents``, overwritten and returned; a new one without it.
    difference, edge
        As given to `gramian_fields`.

    Returns
    -------
    (k, n) array
        Of the type of ``cotangents``: loss units per price unit. Every row sums to 0 and is orthogonal
        to its window, because neither level nor scale moves the field.

    Raises
    ------
    DataError
        A wrong shape or type.
    ConfigError
        ``edge`` is out of range.

    Notes
    -----
    The field is not differentiable everywhere; where it is not, this is returned. A point clipped by
    ``edge``, or an extreme itself, has constant angle: only its part in the rescaling counts. Extremes
    that are tied share the derivative by the extreme equally. A constant window has derivative 0. A
    window that `gramian_fields` turns into NaN gives NaN, and so does a NaN in its cotangents. Slopes
    near the ends are bounded by ``1/sqrt(2 edge)`` times the cosine's own; with ``edge = 0`` by nothing.
    O(k n^2), the angles computed once more in place of being kept; sums in the type of ``cotangents``,
    the rest in float64.

    Examples
    --------
    >>> windows = np.array([[0.0, 1.0, 4.0]])
    >>> gradient = gramian_gradient(windows, np.ones((1, 3, 3)))
    >>> bool(abs(gradient.sum()) < 1e-12), bool(abs((gradient * windows).sum()) < 1e-12)
    (True, True)

    References
    ----------
    Wang & Oates (2015), Imaging time-series to improve classification and imputation.
    """
    windows = checked_windows(windows, edge)
    count, n = windows.shape
    cotangents = np.asarray(cotangents)
    dtype = np.float32 if cotangents.dtype == np.float32 else np.float64
    cotangents = np.ascontiguousarray(cotangents, dtype)
    out = np.empty((count, n), dtype) if out is None else checked_buffer(out, (count, n))
    if cotangents.shape != (count, n, n) or out.dtype != dtype:
        raise DataError(
            "cotangents or output do not fit",
            got=f"cotangents {cotangents.dtype} {cotangents.shape}, output {out.dtype}",
            expected=f"cotangents {(count, n, n)} and an output of their type",
            remedy="give the derivatives by what gramian_fields returned",
        )
    work = np.empty((8, n + LANES), dtype)
    gramian_gradient_batch(windows, cotangents, difference, float(edge), work, out)
    return out
