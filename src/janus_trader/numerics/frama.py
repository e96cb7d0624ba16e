"""Fractal adaptive moving averages: Ehlers's, and one whose weight follows the Sevcik dimension."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.sevcik import finite_length_offset, sevcik_dtype, sevcik_step
from janus_trader.numerics.sliding_range import sliding_range_dtype, sliding_range_push
from janus_trader.numerics.streaming import StreamingKernel


@njit(cache=True)
def fractal_alpha(dimension, slowest, fastest):
    """Smoothing weight ``exp(-4.6 (D - 1))`` kept in [slowest, fastest]: 1 for a line, .01 for noise. O(1).

    >>> round(fractal_alpha(1.5, 0.01, 1.0), 4), fractal_alpha(2.5, 0.01, 1.0)
    (0.1003, 0.01)
    """
    return min(max(math.exp(-4.6 * (dimension - 1.0)), slowest), fastest)


@njit(cache=True)
def ehlers_dimension(older, recent, whole, previous):
    """Ehlers's dimension from the price ranges of two half windows and of the whole. O(1).

    ``(ln(N1 + N2) - ln N3)/ln 2`` with ``N1, N2`` the half ranges over half the window and ``N3`` the
    whole range over the window; ``previous`` where one of the three is 0. At most 2; below 1 where
    price jumps between the halves.

    >>> ehlers_dimension(1.0, 1.0, 2.0, 1.5), ehlers_dimension(2.0, 2.0, 2.0, 1.5)
    (1.0, 2.0)
    """
    if not (older > 0.0 and recent > 0.0 and whole > 0.0):
        return previous
    return 1.0 + math.log2((older + recent) / whole)


def frama_dtype(window: int) -> np.dtype:
    """State of `frama_step`: the half window's range at each of its bars, the whole window's, the average.

    >>> frama_dtype(16)["older_high"].shape
    (8,)
    """
    half = checked_period("window", window, at_least=4) // 2
    return np.dtype(
        [
            ("n", "i8"),
            ("half", sliding_range_dtype(half)),
            ("older_high", "f8", (half,)),
            ("older_low", "f8", (half,)),
            ("high", "f8"),
            ("low", "f8"),
            ("dimension", "f8"),
            ("value", "f8"),
        ],
        align=True,
    )


@njit(cache=True)
def frama_step(s, high, low, price, slowest, fastest):
    """One finite bar into a record of `frama_dtype`; returns the average. O(1) amortised.

    The average is ``price`` itself until the window is full, as in Ehlers's program. ``s.dimension`` is
    the dimension used (1 before there is one), ``s.high`` and ``s.low`` the extremes of the window.
    """
    half = s.older_high.shape[0]
    at = s.half.at
    recent_high, recent_low = sliding_range_push(s.half, high, low)
    older_high, older_low = s.older_high[at], s.older_low[at]
    s.older_high[at], s.older_low[at] = recent_high, recent_low
    s.n += 1
    if s.n <= 2 * half:
        s.value = price
        s.dimension = 1.0
    if s.n >= 2 * half:
        s.high = max(older_high, recent_high)
        s.low = min(older_low, recent_low)
        older, recent = older_high - older_low, recent_high - recent_low
        s.dimension = ehlers_dimension(older, recent, s.high - s.low, s.dimension)
        s.value += fractal_alpha(s.dimension, slowest, fastest) * (price - s.value)
    return s.value


@njit(cache=True)
def _update(states, x, slowest, fastest):
    s = states[0]
    if math.isfinite(x[0]) and math.isfinite(x[1]) and x[0] >= x[1]:
        frama_step(s, x[0], x[1], 0.5 * (x[0] + x[1]), slowest, fastest)
    return s.value if s.n >= 2 * s.older_high.shape[0] else math.nan


@njit(cache=True)
def _scan(states, xs, slowest, fastest):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], slowest, fastest)
    return ys


def checked_weights(slowest: float, fastest: float) -> tuple[float, float]:
    """The two limits of a smoothing weight.

    Raises
    ------
    ConfigError
        Not ``0 < slowest <= fastest <= 1``.

    Examples
    --------
    >>> checked_weights(0.01, 1)
    (0.01, 1.0)
    """
    if not 0.0 < slowest <= fastest <= 1.0:
        raise ConfigError(
            "limits of the smoothing weight are not usable",
            got=f"slowest={slowest}, fastest={fastest}",
            expected="0 < slowest <= fastest <= 1",
            remedy="set slowest=0.01, fastest=1.0, say",
        )
    return float(slowest), float(fastest)


class FRAMA(StreamingKernel):
    r"""Ehlers's fractal adaptive moving average.

    .. math:: N_{1,2} = \frac{H - L \text{ of each half}}{N/2}, \quad N_3 = \frac{H - L}{N}, \quad
              D = \frac{\ln(N_1+N_2) - \ln N_3}{\ln 2}, \quad \alpha = e^{-4.6(D-1)}, \quad
              y_t = \alpha p_t + (1-\alpha) y_{t-1}

    with :math:`p = (\text{high} + \text{low})/2`.

    Parameters
    ----------
    window : int
        N, even, at least 4.
    slowest, fastest : float
        Limits of the weight, ``0 < slowest <= fastest <= 1``.

    Notes
    -----
    Input: a row (high, low); give the price twice where there is only one. Output: one float. Warm-up:
    ``window`` bars, NaN before, the mean price at the first; a row that is not finite, or whose high
    is below its low, is ignored and repeats the last output. Where a half window has no range the last
    dimension is kept. Amortised O(1), whatever the window.

    Raises
    ------
    ConfigError
        ``window`` is odd or below 4, or the limits are out of range.

    Examples
    --------
    >>> bars = np.array([[2.0, 1.0], [3.0, 2.0], [4.0, 3.0], [5.0, 4.0], [6.0, 5.0]])
    >>> FRAMA(4).transform(bars).tolist()
    [nan, nan, nan, 4.5, 5.5]

    References
    ----------
    Ehlers (2005), FRAMA: Fractal Adaptive Moving Average, Technical Analysis of Stocks & Commodities.
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 16, slowest: float = 0.01, fastest: float = 1.0) -> None:
        window = checked_period("window", window, at_least=4)
        if window % 2:
            raise ConfigError(
                "FRAMA compares two halves of its window",
                got=f"window={window}",
                expected="an even window",
                remedy=f"set window={window + 1}, say",
            )
        self._init(frama_dtype(window), checked_weights(slowest, fastest), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """Ehlers's window and a short one."""
        return [cls(), cls(4, fastest=0.5)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Highs and lows around a random walk."""
        middle = np.cumsum(rng.standard_normal(n)) * 0.5 + 100.0
        reach = rng.exponential(0.3, n)
        return np.column_stack([middle + reach, middle - reach])

    @property
    def dimension(self) -> float:
        """Dimension behind the last weight; NaN before the warm-up has ended."""
        return float(self._state["dimension"][0]) if self.ready else math.nan


def sevcik_average_dtype(window: int) -> np.dtype:
    """State of `sevcik_average_step`: that of the dimension, the weight and the average."""
    return np.dtype(
        [("n", "i8"), ("curve", sevcik_dtype(window)), ("alpha", "f8"), ("value", "f8")], align=True
    )


@njit(cache=True)
def sevcik_average_step(s, x, slowest, fastest, offset):
    """One finite price into a record of `sevcik_average_dtype`; returns the average. O(window).

    The average is the price until the window is full. ``offset`` is taken off the dimension of a
    window that is not constant (`finite_length_offset`, or 0 for the published form). `s.alpha` is the
    weight, from the full window on.
    """
    d = sevcik_step(s.curve, x)
    s.n += 1
    if s.n < s.curve.points.ring.shape[0] // 2:
        s.value = x
        return x
    if s.n == s.curve.points.ring.shape[0] // 2:
        s.value = x
    s.alpha = fractal_alpha(d if d <= 1.0 else d - offset, slowest, fastest)
    s.value += s.alpha * (x - s.value)
    return s.value


@njit(cache=True)
def _average_update(states, x, slowest, fastest, offset):
    s = states[0]
    if math.isfinite(x):
        sevcik_average_step(s, x, slowest, fastest, offset)
    return s.value if s.n >= s.curve.points.ring.shape[0] // 2 else math.nan


@njit(cache=True)
def _average_scan(states, xs, slowest, fastest, offset):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _average_update(states, xs[t], slowest, fastest, offset)
    return ys


class SevcikAverage(StreamingKernel):
    r"""Adaptive average with Ehlers's weight of the Sevcik dimension: not FRAMA strictly.

    .. math:: y_t = y_{t-1} + \alpha_t (p_t - y_{t-1}), \qquad \alpha_t = e^{-4.6 (D_t - 1)}

    :math:`D_t` is `sevcik_dimension` of the last ``window`` prices, which is smoother than the ratio of
    three ranges and biased low, so the average follows faster than FRAMA does.

    Parameters
    ----------
    window : int
        At least 3.
    slowest, fastest : float
        Limits of the weight, ``0 < slowest <= fastest <= 1``.
    finite_length : bool
        The form of the dimension with - ln 2.

    Notes
    -----
    Input and output: one float, price units. Warm-up: ``window`` finite inputs, NaN before, the price
    itself at the first; a non-finite input repeats the last output. O(window).

    Raises
    ------
    ConfigError
        A parameter out of range.

    Examples
    --------
    >>> SevcikAverage(4).transform(np.array([1.0, 2.0, 3.0, 4.0, 3.0])).round(4).tolist()
    [nan, nan, nan, 4.0, 3.7797]

    References
    ----------
    Ehlers (2005), FRAMA; Sevcik (1998), arXiv 1003.5266; specification of JANUS, DSP pipeline.
    """

    _update = staticmethod(_average_update)
    _scan = staticmethod(_average_scan)

    def __init__(
        self,
        window: int = 64,
        slowest: float = 0.01,
        fastest: float = 0.5,
        finite_length: bool = False,
    ) -> None:
        window = checked_period("window", window, at_least=3)
        offset = finite_length_offset(window) if finite_length else 0.0
        args = (*checked_weights(slowest, fastest), offset)
        self._init(sevcik_average_dtype(window), args, warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window, and a short one in the other form."""
        return [cls(), cls(9, finite_length=True)]
