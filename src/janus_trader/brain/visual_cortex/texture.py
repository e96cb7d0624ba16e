"""Texture of a price path: block means of its Gramian angular fields in O(W)."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.numerics.gramian import EDGE, angular_coordinates

#: What each column of the texture holds; all in [-1, 1].
TEXTURE_NAMES = (
    "gasf_early",
    "gasf_cross",
    "gasf_late",
    "diagonal",
    "gadf_cross",
    "travel_early",
    "travel_late",
    "roughness",
)
N_TEXTURES = len(TEXTURE_NAMES)

#: Log prices that move less than this are flat: the movement is rounding.
FLAT = 1e-12


@njit(cache=True)
def _travel(x, s, start, stop):
    """Mean of the difference field above the diagonal of one block: > 0 where the path rises."""
    total, sum_x, sum_s = 0.0, 0.0, 0.0
    for j in range(start, stop):
        total += sum_s * x[j] - sum_x * s[j]
        sum_x += x[j]
        sum_s += s[j]
    m = stop - start
    return total / (0.5 * m * (m - 1))


@njit(cache=True)
def _rescale(path, x, s):
    """`angular_coordinates`; False for a path flat but for rounding, which is set to x = 0, s = 1."""
    lo, hi = angular_coordinates(path, x, s, EDGE)
    if hi - lo > FLAT:
        return True
    x[:] = 0.0
    s[:] = 1.0
    return False


@njit(cache=True)
def line_travel(m):
    """`_travel` of a straight rising line of ``m`` points: the unit in which travel is measured."""
    x, s = np.empty(m), np.empty(m)
    _rescale(np.arange(m).astype(np.float64), x, s)
    return _travel(x, s, 0, m)


@njit(cache=True)
def _clip(value):
    return min(max(value, -1.0), 1.0)


@njit(cache=True)
def read_texture(path, x, s, unit_whole, unit_early, unit_late, out):
    r"""Texture, trend and reversal of one path of log prices.

    With :math:`\tilde x` the path rescaled to [-1, 1] and :math:`s = \sqrt{1 - \tilde x^2}`,

    .. math:: GASF_{ij} = \tilde x_i \tilde x_j - s_i s_j, \quad GADF_{ij} = s_i \tilde x_j - \tilde x_i s_j

    trend is the mean of GADF above the diagonal over that of a straight line; reversal is half the
    difference of the same mean in the late and in the early half: positive where a fall turned into a rise.

    Parameters
    ----------
    path : (W,) float array
        Log prices, oldest first, finite, W >= 8.
    x, s : (W,) float arrays
        Work space.
    unit_whole, unit_early, unit_late : float
        Travel of straight lines over the window and over its halves.
    out : (8,) float array
        Receives the texture in the order of `TEXTURE_NAMES`.

    Returns
    -------
    trend, reversal : float
        In [-1, 1]. Cost O(W), no allocation. A flat path gives 0, 0.

    Source: Wang & Oates 2015; specification eq. 5-6.

    Examples
    --------
    >>> w = 16; rising = np.linspace(0.0, 0.1, w); out = np.empty(8)
    >>> unit, half = line_travel(w), line_travel(w // 2)
    >>> trend, reversal = read_texture(rising, np.empty(w), np.empty(w), unit, half, half, out)
    >>> round(trend, 6), abs(reversal) < 1e-6
    (1.0, True)
    """
    w = path.size
    half = w // 2
    moves = _rescale(path, x, s)
    early_x, early_s, late_x, late_s, diagonal = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(w):
        diagonal += 2.0 * x[i] * x[i] - 1.0
        if i < half:
            early_x += x[i]
            early_s += s[i]
        else:
            late_x += x[i]
            late_s += s[i]
    early_x, early_s = early_x / half, early_s / half
    late_x, late_s = late_x / (w - half), late_s / (w - half)
    travel_early = _clip(_travel(x, s, 0, half) / unit_early)
    travel_late = _clip(_travel(x, s, half, w) / unit_late)
    steps = 0.0
    for i in range(1, w):
        steps += abs(path[i] - path[i - 1])
    out[0] = _clip(early_x * early_x - early_s * early_s)
    out[1] = _clip(early_x * late_x - early_s * late_s)
    out[2] = _clip(late_x * late_x - late_s * late_s)
    out[3] = diagonal / w
    out[4] = _clip(early_s * late_x - early_x * late_s)
    out[5] = travel_early
    out[6] = travel_late
    out[7] = 1.0 - abs(path[w - 1] - path[0]) / steps if moves else 0.0
    trend = _clip(_travel(x, s, 0, w) / unit_whole)
    return trend, 0.5 * (travel_late - travel_early)
