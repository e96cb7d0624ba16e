"""GAF video: sliding windows of a series as a stack of Gramian images (specification section 1.2.1)."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.gramian import (
    EDGE,
    angular_coordinates,
    difference_field,
    paa_into,
    summation_field,
)

#: A window of log prices whose range is at most this is flat: what moves is rounding.
FLAT = 1e-12


def video_frames(length: int, window: int, stride: int) -> int:
    """Frames of a video: ``N = (T - W) // S + 1``, 0 where the series is shorter than a window.

    >>> video_frames(10, 4, 3), video_frames(3, 4, 1)
    (3, 0)
    """
    return max(0, (length - window) // stride + 1)


def sliding_windows(x: np.ndarray, window: int, stride: int) -> np.ndarray:
    r"""Windows :math:`X_k = \{x_{(k-1)S+1}, \dots, x_{(k-1)S+W}\}` of a series, as a view (N, W).

    Raises
    ------
    DataError
        ``x`` is not one-dimensional, ``window`` or ``stride`` is below 1, or no window fits.

    Examples
    --------
    >>> sliding_windows(np.arange(6.0), 3, 2).tolist()
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]
    """
    x = np.asarray(x, np.float64)
    if x.ndim != 1 or window < 1 or stride < 1 or x.size < window:
        raise DataError(
            "cannot cut a series into windows",
            got=f"shape {x.shape}, window {window}, stride {stride}",
            expected="a series (T,), 1 <= window <= T, stride >= 1",
            remedy="use a shorter window or a longer series",
        )
    return np.lib.stride_tricks.sliding_window_view(x, window)[::stride]


@njit(cache=True)
def frame_coordinates(window, frames, cosine, sine, edge):
    """Angles of one window (W,): averaged into ``frames`` (w,), rescaled by its own extremes, clipped. O(W).

    A range of at most `FLAT` is a constant window: cosine 0, sine 1.
    """
    paa_into(window, frames)
    lo, hi = angular_coordinates(frames, cosine, sine, edge)
    if hi - lo <= FLAT:
        cosine[:] = 0.0
        sine[:] = 1.0


@njit(cache=True)
def _render(windows, edge, frames, cosine, sine, out):
    for k in range(windows.shape[0]):
        frame_coordinates(windows[k], frames, cosine, sine, edge)
        summation_field(cosine, sine, out[k, 0])
        difference_field(cosine, sine, out[k, 1])


def gramian_video(x: np.ndarray, window: int, stride: int, size: int, *, edge: float = EDGE) -> np.ndarray:
    r"""Video of a series: windows, each averaged to ``size`` points and drawn as two Gramian fields.

    .. math:: V = [G_1, \dots, G_N], \quad G_k = GAF(X_k)

    Parameters
    ----------
    x : (T,) array
        Log prices, oldest first.
    window, stride : int
        W and S.
    size : int
        Side of an image, ``size <= window``; ``size = window`` draws every point.
    edge : float
        See `gramian_fields`.

    Returns
    -------
    (N, 2, size, size) array
        Summation and difference field of every frame; a frame looks at its own window alone. A constant
        window gives -1 and 0, a NaN in a window NaN in its frame.

    Raises
    ------
    DataError
        See `sliding_windows`; or ``size`` is not within 1 and ``window``.

    Notes
    -----
    Cost O(N (W + size^2)).

    Examples
    --------
    >>> gramian_video(np.arange(10.0), window=4, stride=3, size=2).shape
    (3, 2, 2, 2)

    Source: Wang & Oates (2015); specification eq. 1, 3, 5, 6.
    """
    windows = np.ascontiguousarray(sliding_windows(x, window, stride))
    if not 1 <= size <= window:
        raise DataError("no image of that size", got=size, expected=f"1 to {window} (the window)")
    out = np.empty((len(windows), 2, size, size))
    frames, cosine, sine = np.empty((3, size))
    _render(windows, float(edge), frames, cosine, sine, out)
    return out


@njit(cache=True)
def patches_into(cosine, sine, side, channel, out):
    """Both fields cut into patches of ``side`` x ``side``, without drawing the images. O(size^2).

    ``out`` (P, c side^2) receives patch ``(a, b)`` of the grid in row ``a (size/side) + b``, the summation
    field in channel ``channel`` and the difference field in the one after it (specification eq. 8).
    """
    grid, area = cosine.shape[0] // side, side * side
    for a in range(grid):
        for b in range(grid):
            row = out[a * grid + b]
            for i in range(side):
                ci, si = cosine[a * side + i], sine[a * side + i]
                first = channel * area + i * side
                second = first + area
                for j in range(side):
                    cj, sj = cosine[b * side + j], sine[b * side + j]
                    row[first + j] = ci * cj - si * sj
                    row[second + j] = si * cj - ci * sj


def paa_matrix(window: int, size: int) -> np.ndarray:
    """The averaging of `paa` as a matrix (window, size): ``frames = x @ matrix``.

    >>> paa_matrix(3, 2).round(3).tolist()
    [[0.667, 0.0], [0.333, 0.333], [0.0, 0.667]]
    """
    matrix = np.empty((window, size))
    for i, unit in enumerate(np.eye(window)):
        paa_into(unit, matrix[i])
    return matrix
