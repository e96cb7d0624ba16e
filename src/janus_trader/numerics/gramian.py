"""Gramian angular fields: a window of prices as an image, and the averaging that fixes its size."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError

# The derivative of sqrt(1 - x^2) is infinite at the ends of [-1, 1]; a learner behind the image must
# not meet it, so the rescaled values stay this far inside.
EDGE = 1e-6


@njit(cache=True)
def paa_into(x, out):
    """Piecewise aggregate approximation of ``x`` (n,) into ``out`` (w,), ``w <= n``. O(n).

    In units of 1/(n w) point ``i`` covers ``[i w, (i+1) w)`` and frame ``k`` covers ``[k n, (k+1) n)``;
    the overlaps are whole numbers, so the fractional weights are exact.
    """
    n = x.shape[0]
    w = out.shape[0]
    for k in range(w):
        start = k * n
        stop = start + n
        total = 0.0
        for i in range(start // w, (stop + w - 1) // w):
            overlap = min((i + 1) * w, stop) - max(i * w, start)
            total += overlap * x[i]
        out[k] = total / n


def paa(x: np.ndarray, w: int) -> np.ndarray:
    """Means of ``w`` equal frames of a series (piecewise aggregate approximation).

    ``y_k = (w/n) * integral of x over [k n/w, (k+1) n/w)``, ``x`` being constant over each point; when
    ``n/w`` is not whole, a point on a border counts for both frames in proportion.

    Parameters
    ----------
    x : array (n,)
        NaN in a frame makes that frame NaN.
    w : int
        Number of frames, ``1 <= w <= n``.

    Returns
    -------
    array (w,)

    Raises
    ------
    DataError
        ``x`` is not one-dimensional or ``w`` is out of range.

    Notes
    -----
    Cost O(n). The mean of the frames is the mean of the series.

    Examples
    --------
    >>> paa(np.array([1.0, 2.0, 3.0]), 2).round(3).tolist()
    [1.333, 2.667]

    References
    ----------
    Wang, Z. & Oates, T. (2015). Imaging time-series to improve classification and imputation.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 1 or not 1 <= w <= x.shape[0]:
        raise DataError(
            "cannot average into frames",
            got=f"shape {x.shape}, {w} frames",
            expected="a series (n,) and 1 <= frames <= n",
            remedy="use fewer frames or a longer window",
        )
    out = np.empty(int(w))
    paa_into(x, out)
    return out


@njit(cache=True)
def angular_coordinates(window, cosine, sine):
    """``cos`` and ``sin`` of the angles of a window, from its own minimum and maximum. O(n).

    With ``lo, hi`` the extremes: ``cos = (2x - lo - hi)/(hi - lo)`` clipped to ``+-(1 - EDGE)`` and
    ``sin = 2 sqrt((x - lo)(hi - x))/(hi - lo)``, which loses no digits near the ends as
    ``sqrt(1 - cos^2)`` does. A constant window has ``cos = 0, sin = 1``; one with a non-finite value
    gives NaN throughout.
    """
    n = window.shape[0]
    lo = math.inf
    hi = -math.inf
    for i in range(n):
        if not math.isfinite(window[i]):
            cosine[:] = math.nan
            sine[:] = math.nan
            return
        lo = min(lo, window[i])
        hi = max(hi, window[i])
    span = hi - lo
    edge = 1.0 - EDGE
    edge_sine = math.sqrt(EDGE * (2.0 - EDGE))
    for i in range(n):
        below = window[i] - lo
        above = hi - window[i]
        c = 0.0 if span <= 0.0 else (below - above) / span
        if c > edge:
            cosine[i] = edge
            sine[i] = edge_sine
        elif c < -edge:
            cosine[i] = -edge
            sine[i] = edge_sine
        else:
            cosine[i] = c
            sine[i] = 1.0 if span <= 0.0 else 2.0 * math.sqrt((below / span) * (above / span))


@njit(cache=True)
def gramian_angular_fields(window, gasf_out, gadf_out):
    """Write the summation and the difference field of ``window`` (n,) into two (n, n) arrays.

    With ``phi_i = arccos(x_i)`` of the window rescaled to [-1, 1]: ``GASF_ij = cos(phi_i + phi_j) =
    x_i x_j - s_i s_j`` (symmetric) and ``GADF_ij = sin(phi_i - phi_j) = s_i x_j - x_i s_j``
    (antisymmetric, diagonal 0), ``s = sin(phi)``: both fields have rank 2, no arccos is needed.
    Only the window's own extremes are used. Values in [-1, 1]. A constant window gives GASF -1 and
    GADF 0; a non-finite value gives NaN throughout. O(n^2).

    Examples
    --------
    >>> gasf, gadf = np.empty((3, 3)), np.empty((3, 3))
    >>> gramian_angular_fields(np.array([1.0, 2.0, 3.0]), gasf, gadf)
    >>> gadf.round(2).tolist()
    [[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [-0.0, -1.0, 0.0]]
    """
    n = window.shape[0]
    cosine = np.empty(n)
    sine = np.empty(n)
    angular_coordinates(window, cosine, sine)
    for i in range(n):
        ci = cosine[i]
        si = sine[i]
        gasf_out[i, i] = ci * ci - si * si
        gadf_out[i, i] = si * ci - ci * si
        for j in range(i + 1, n):
            summed = ci * cosine[j] - si * sine[j]
            difference = si * cosine[j] - ci * sine[j]
            gasf_out[i, j] = summed
            gasf_out[j, i] = summed
            gadf_out[i, j] = difference
            gadf_out[j, i] = -difference


def gramian_image(x: np.ndarray, size: int) -> np.ndarray:
    """Both angular fields of a series at a fixed size: average, then rescale, then clip.

    Parameters
    ----------
    x : array (n,)
        The window, ``n >= size``; see `gramian_angular_fields` for NaN and constant windows.
    size : int
        Side of the image.

    Returns
    -------
    array (2, size, size)
        Summation field, difference field, values in [-1, 1].

    Raises
    ------
    DataError
        ``x`` is not one-dimensional or shorter than ``size``.

    Notes
    -----
    Cost O(n + size^2).

    Examples
    --------
    >>> gramian_image(np.arange(10.0), 4).shape
    (2, 4, 4)

    References
    ----------
    Wang, Z. & Oates, T. (2015). Imaging time-series to improve classification and imputation.
    """
    frames = paa(x, size)
    image = np.empty((2, size, size))
    gramian_angular_fields(frames, image[0], image[1])
    return image
