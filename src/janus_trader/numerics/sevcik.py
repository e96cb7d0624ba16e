"""Sevcik's fractal dimension of a curve: its length in the unit square."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.sliding_range import sliding_range_dtype, sliding_range_push
from janus_trader.numerics.streaming import StreamingKernel


def terms_length(window: int) -> int:
    """Work space that `path_length` needs for ``window`` points: the power of two not below it.

    >>> terms_length(64), terms_length(65)
    (64, 128)
    """
    return 1 << (window - 1).bit_length()


@njit(cache=True)
def path_length(y, step, terms):
    """Length of the polygon through ``y`` (n,) at abscissae ``step`` apart. O(n).

    ``terms`` (`terms_length` of n) is work space. The terms are added by halves, in one fixed order,
    so the compiler may use vector instructions and every machine gives the same sum.

    Examples
    --------
    >>> path_length(np.array([0.0, 3.0, 3.0]), 4.0, np.empty(4))
    9.0
    """
    last = y.shape[0] - 1
    squared = step * step
    for i in range(last):
        rise = y[i + 1] - y[i]
        terms[i] = math.sqrt(rise * rise + squared)
    for i in range(last, terms.shape[0]):
        terms[i] = 0.0
    half = terms.shape[0] // 2
    while half >= 1:
        for i in range(half):
            terms[i] += terms[i + half]
        half //= 2
    return terms[0]


@njit(cache=True, error_model="numpy")
def sevcik_kernel(y, high, low, unit, terms):
    """Sevcik dimension of ``y`` (n,), n >= 3; 1 for a constant curve. O(n).

    The extremes and ``unit = ln(2 (n - 1))`` are given; ``terms`` is the work space of `path_length`.
    """
    last = y.shape[0] - 1
    span = high - low
    step = span / last
    if not step * step > 0.0:
        return 1.0
    return 1.0 + math.log(path_length(y, step, terms) / span) / unit


def finite_length_offset(window: int) -> float:
    """``ln 2 / ln(2 (n - 1))``: what the finite-n form of the dimension takes off the published one.

    >>> round(finite_length_offset(64), 4)
    0.1433
    """
    return math.log(2.0) / math.log(2.0 * (checked_period("window", window, at_least=3) - 1))


def sevcik_dimension(y: np.ndarray, finite_length: bool = False) -> float:
    r"""Fractal dimension of a curve from its length in the unit square.

    .. math:: D = 1 + \frac{\ln L}{\ln(2(n-1))}, \qquad
              L = \sum_i \sqrt{(\Delta y_i / (\max y - \min y))^2 + (n-1)^{-2}}

    Parameters
    ----------
    y : (n,) array
        Equally spaced values, finite, n >= 3.
    finite_length : bool
        Take :math:`\ln 2 / \ln(2(n-1))` off: the form :math:`1 + (\ln L - \ln 2)/\ln(2(n-1))` of the
        derivation before the limit, which the published formula drops. It moves every value alike.

    Returns
    -------
    float
        From :math:`1 + \ln\sqrt2/\ln(2(n-1))` (a line) to just below 2 (published form); 1 for constant
        values. Biased low on short windows: a random walk of 64 points has 1.325 with deviation .058,
        not 1.5, so compare it with `dsp_thresholds`, never with a fixed number.

    Raises
    ------
    DataError
        Too few values or one that is not finite.

    Notes
    -----
    O(n). Neither scale nor level of ``y`` matters.

    Examples
    --------
    >>> round(sevcik_dimension(np.arange(64.0)), 4), sevcik_dimension(np.ones(64))
    (1.0717, 1.0)

    References
    ----------
    Sevcik (1998), A procedure to estimate the fractal dimension of waveforms (arXiv 1003.5266).
    """
    y = np.ascontiguousarray(y, dtype=np.float64)
    if y.ndim != 1 or y.size < 3 or not np.isfinite(y).all():
        raise DataError(
            "the Sevcik dimension needs a curve",
            got=f"shape {y.shape}, {int((~np.isfinite(y)).sum())} values not finite",
            expected="a 1-D array of at least 3 finite values",
            remedy="drop or fill the gaps first",
        )
    unit = math.log(2.0 * (y.size - 1))
    d = float(sevcik_kernel(y, float(y.max()), float(y.min()), unit, np.empty(terms_length(y.size))))
    return d - finite_length_offset(y.size) if finite_length and d > 1.0 else d


def sevcik_dtype(window: int) -> np.dtype:
    """State of `sevcik_step`: a mirrored ring, the sliding range, work space and the last dimension."""
    return np.dtype(
        [
            ("n", "i8"),
            ("points", mirrored_ring_dtype(window)),
            ("range", sliding_range_dtype(window)),
            ("terms", "f8", (terms_length(window),)),
            ("unit", "f8"),
            ("dimension", "f8"),
        ],
        align=True,
    )


@njit(cache=True)
def sevcik_step(s, x):
    """One value into a record of `sevcik_dtype`; returns the dimension of the window, published form.

    NaN until the window is full; a value that is not finite is ignored and the last dimension comes
    back. O(window).
    """
    window = s.points.ring.shape[0] // 2
    if math.isfinite(x):
        mirrored_push(s.points, x)
        s.n += 1
        high, low = sliding_range_push(s.range, x, x)
        if s.n >= window:
            if s.n == window:
                s.unit = math.log(2.0 * (window - 1))
            s.dimension = sevcik_kernel(mirrored_window(s.points), high, low, s.unit, s.terms)
    return s.dimension if s.n >= window else math.nan


@njit(cache=True)
def _update(states, x, offset):
    d = sevcik_step(states[0], x)
    return d if d <= 1.0 else d - offset  # 1 is a constant window, of either form; NaN stays


@njit(cache=True)
def _scan(states, xs, offset):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], offset)
    return ys


class RollingSevcik(StreamingKernel):
    """Sevcik dimension of the last ``window`` values: `sevcik_dimension`, streaming.

    Parameters
    ----------
    window : int
        Points n of the curve, at least 3.
    finite_length : bool
        The form with - ln 2, see `sevcik_dimension`.

    Notes
    -----
    Input: one float. Output: about 1 to 2; 1 while the window is constant. Warm-up: ``window`` finite
    inputs, NaN before; a non-finite input repeats the last output. O(window): the length is summed
    afresh, so there is no drift; the range is kept in O(1).

    Raises
    ------
    ConfigError
        ``window`` is not an integer of at least 3.

    Examples
    --------
    >>> RollingSevcik(4).transform(np.array([1.0, 2.0, 3.0, 4.0, 0.0])).round(4).tolist()
    [nan, nan, nan, 1.1934, 1.3545]

    References
    ----------
    Sevcik (1998), A procedure to estimate the fractal dimension of waveforms (arXiv 1003.5266).
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 64, finite_length: bool = False) -> None:
        window = checked_period("window", window, at_least=3)
        offset = finite_length_offset(window) if finite_length else 0.0
        self._init(sevcik_dtype(window), (offset,), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window, and a short odd one in the other form."""
        return [cls(64), cls(11, finite_length=True)]
