"""Gramian angular fields: windows of prices as images, and the averaging that fixes their size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError

# The derivative of sqrt(1 - x^2) is infinite at the ends of [-1, 1]; a learner behind the image must
# not meet it, so the rescaled values stay this far inside unless another distance is asked for.
EDGE = 1e-6

# A range below the first is a constant window, one above the second no window: its reciprocal, by
# which the loops multiply, would not be exact.
SMALLEST_RANGE = 1e-300
LARGEST_RANGE = 1e300


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


@njit(cache=True, error_model="numpy")
def window_range(window):
    """Lowest and highest value of ``window`` (n,), NaN twice where a value is not finite. O(n).

    Four chains of comparisons, a quarter of the window each: one chain would wait for itself.
    """
    n = window.shape[0]
    quarter = n // 4
    lo_a = lo_b = lo_c = lo_d = window[0]
    hi_a = hi_b = hi_c = hi_d = window[0]
    for i in range(quarter):
        a, b = window[i], window[i + quarter]
        c, d = window[i + 2 * quarter], window[i + 3 * quarter]
        lo_a, hi_a = min(lo_a, a), max(hi_a, a)
        lo_b, hi_b = min(lo_b, b), max(hi_b, b)
        lo_c, hi_c = min(lo_c, c), max(hi_c, c)
        lo_d, hi_d = min(lo_d, d), max(hi_d, d)
    for i in range(4 * quarter, n):
        lo_a, hi_a = min(lo_a, window[i]), max(hi_a, window[i])
    broken = 0
    for i in range(n):
        broken += 0 if window[i] - window[i] == 0.0 else 1
    if broken > 0:
        return math.nan, math.nan
    return min(min(lo_a, lo_b), min(lo_c, lo_d)), max(max(hi_a, hi_b), max(hi_c, hi_d))


@njit(cache=True, error_model="numpy")
def angular_coordinates(window, cosine, sine, edge=EDGE):
    """``cos`` and ``sin`` of the angles of a window (n,), from its own extremes ``lo, hi``. O(n).

    ``cos = (2x - lo - hi)/(hi - lo)`` and ``sin = 2 sqrt((x - lo)(hi - x))/(hi - lo)``, which loses no
    digits near the ends as ``sqrt(1 - cos^2)`` does; where ``|cos| > 1 - edge`` both are those of
    ``+-(1 - edge)``. Computed in float64 whatever the type of ``cosine`` and ``sine``. Returns
    ``(lo, hi)``. A constant window (range at most 1e-300) has ``cos = 0, sin = 1``; one with a
    non-finite value, or a range above 1e300, gives NaN throughout.
    """
    n = window.shape[0]
    lo, hi = window_range(window)
    span = hi - lo
    if not span <= LARGEST_RANGE:
        cosine[:] = math.nan
        sine[:] = math.nan
        return math.nan, math.nan
    if span <= SMALLEST_RANGE:
        cosine[:] = 0.0
        sine[:] = 1.0
        return lo, hi
    scale = 1.0 / span
    bound = 1.0 - edge
    edge_sine = math.sqrt(edge * (2.0 - edge))
    for i in range(n):
        below = (window[i] - lo) * scale
        above = (hi - window[i]) * scale
        c = below - above
        cosine[i] = min(max(c, -bound), bound)
        sine[i] = 2.0 * math.sqrt(below * above) if abs(c) <= bound else edge_sine
    return lo, hi


@njit(cache=True, error_model="numpy")
def summation_field(cosine, sine, out):
    """``out[i, j] = c_i c_j - s_i s_j`` (n, n), exactly symmetric. O(n^2)."""
    n = cosine.shape[0]
    for i in range(n):
        ci, si, row = cosine[i], sine[i], out[i]
        for j in range(n):
            row[j] = ci * cosine[j] - si * sine[j]


@njit(cache=True, error_model="numpy")
def difference_field(cosine, sine, out):
    """``out[i, j] = s_i c_j - c_i s_j`` (n, n), exactly antisymmetric. O(n^2)."""
    n = cosine.shape[0]
    for i in range(n):
        ci, si, row = cosine[i], sine[i], out[i]
        for j in range(n):
            row[j] = si * cosine[j] - ci * sine[j]


@njit(cache=True)
def gramian_batch(windows, difference, edge, coordinates, out):
    """One field of every window (k, n) into ``out`` (k, n, n); ``coordinates`` (2, n) is work space."""
    cosine, sine = coordinates[0], coordinates[1]
    for k in range(windows.shape[0]):
        angular_coordinates(windows[k], cosine, sine, edge)
        if difference:
            difference_field(cosine, sine, out[k])
        else:
            summation_field(cosine, sine, out[k])


def checked_windows(windows: Any, edge: float) -> np.ndarray:
    """Windows (k, n) as contiguous float64.

    Raises
    ------
    DataError
        Not two-dimensional, or windows without a point.
    ConfigError
        Not ``0 <= edge < 1``.

    Examples
    --------
    >>> checked_windows([[1, 2]], 0.0).dtype
    dtype('float64')
    """
    windows = np.ascontiguousarray(windows, np.float64)
    if windows.ndim != 2 or windows.shape[1] == 0:
        raise DataError("not a batch of windows", got=windows.shape, expected="(k, n) with n >= 1")
    if not 0.0 <= edge < 1.0:
        raise ConfigError("edge is not usable", got=edge, expected="0 <= edge < 1", remedy=f"use {EDGE}")
    return windows


def checked_buffer(out: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array that results are written into: C-ordered float32 or float64 of ``shape``, or DataError.

    >>> checked_buffer(np.empty((2, 3)), (2, 3)).shape
    (2, 3)
    """
    if out.shape != shape or out.dtype.char not in "fd" or not out.flags.c_contiguous:
        raise DataError(
            "the output array does not fit",
            got=f"{out.dtype} {out.shape}",
            expected=f"C-ordered float32 or float64 {shape}",
            remedy="allocate it once with that shape",
        )
    return out


def gramian_fields(
    windows: np.ndarray, out: np.ndarray | None = None, *, difference: bool = False, edge: float = EDGE
) -> np.ndarray:
    r"""Summation or difference field of every window of a batch.

    .. math:: GASF_{ij} = \cos(\phi_i + \phi_j) = c_i c_j - s_i s_j, \qquad
              GADF_{ij} = \sin(\phi_i - \phi_j) = s_i c_j - c_i s_j

    Parameters
    ----------
    windows : (k, n) array
        Prices or log prices, oldest first; each is rescaled by its own extremes. For NaN and constant
        windows see `angular_coordinates`: NaN throughout, and -1 (summation) or 0 (difference).
    out : (k, n, n) array, optional
        Float32 or float64, C-ordered, overwritten and returned; a new float64 array without it. Reuse one
        that fits the processor's cache: writing to memory costs more than the arithmetic.
    difference : bool
        The difference field in place of the summation field.
    edge : float
        How far inside [-1, 1] the rescaled window stays, in [0, 1); 0 gives the fields of the source.

    Returns
    -------
    (k, n, n) array
        In [-1, 1]. The angles are float64; float32 images are right to 2e-7.

    Raises
    ------
    DataError
        ``windows`` or ``out`` has the wrong shape or type.
    ConfigError
        ``edge`` is out of range.

    Notes
    -----
    O(k n^2); no arccos, cos or sin.

    Examples
    --------
    >>> (gramian_fields(np.array([[1.0, 2.0, 3.0]]), difference=True, edge=0.0)[0] + 0.0).tolist()
    [[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, -1.0, 0.0]]

    References
    ----------
    Wang & Oates (2015), Imaging time-series to improve classification and imputation.
    """
    windows = checked_windows(windows, edge)
    count, n = windows.shape
    out = np.empty((count, n, n)) if out is None else checked_buffer(out, (count, n, n))
    gramian_batch(windows, difference, float(edge), np.empty((2, n), out.dtype), out)
    return out


@njit(cache=True)
def gramian_angular_fields(window, gasf_out, gadf_out):
    """Both fields of one ``window`` (n,) into two (n, n) arrays, clipped by `EDGE`; see `gramian_fields`.

    A constant window gives GASF -1 and GADF 0; a non-finite value gives NaN throughout. O(n^2).

    Examples
    --------
    >>> gasf, gadf = np.empty((3, 3)), np.empty((3, 3))
    >>> gramian_angular_fields(np.array([1.0, 2.0, 3.0]), gasf, gadf)
    >>> (gadf.round(2) + 0.0).tolist()
    [[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, -1.0, 0.0]]
    """
    coordinates = np.empty((2, window.shape[0]))
    angular_coordinates(window, coordinates[0], coordinates[1], EDGE)
    summation_field(coordinates[0], coordinates[1], gasf_out)
    difference_field(coordinates[0], coordinates[1], gadf_out)


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
