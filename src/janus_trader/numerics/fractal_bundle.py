"""FRAMA, its dimension, the Sevcik dimension and a Hurst exponent of one price window, in one step."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.frama import checked_weights, frama_dtype, frama_step
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.sevcik import sevcik_kernel, terms_length
from janus_trader.numerics.streaming import StreamingKernel
from janus_trader.numerics.vector_log import log_in_place

SHORTEST_LAG = 2
LONGEST_LAG = 20
N_LAGS = LONGEST_LAG - SHORTEST_LAG + 1
N_PADDED = 24  # whole vector registers
MIN_WINDOW = 32
FRACTAL_NAMES = ("frama", "ehlers_dimension", "sevcik_dimension", "hurst")

_LOGS = np.log(np.arange(SHORTEST_LAG, LONGEST_LAG + 1))
#: Least-squares slope over log lag of half a log variance is the sum of these times the log variances.
_SLOPE = np.zeros(N_PADDED)
_SLOPE[:N_LAGS] = 0.5 * (_LOGS - _LOGS.mean()) / ((_LOGS - _LOGS.mean()) ** 2).sum()

# A lagged variance below this share of its mean square is rounding, not movement.
_ROUNDING = 1e-13
# Sums are worked out afresh once they have shrunk by this much, so that a spike that has left the
# window leaves no rounding behind.
_SHRUNK = 1e-4


@njit(cache=True)
def sum_lagged(w, sums, squares):
    """Sums and sums of squares of ``w[j + lag] - w[j]`` for every lag, into two (19,) arrays. O(19 n)."""
    n = w.shape[0]
    for i in range(N_LAGS):
        sums[i] = 0.0
        squares[i] = 0.0
    for j in range(n - SHORTEST_LAG):
        base = w[j]
        for i in range(min(N_LAGS, n - SHORTEST_LAG - j)):
            d = w[j + SHORTEST_LAG + i] - base
            sums[i] += d
            squares[i] += d * d


@njit(cache=True, error_model="numpy")
def lagged_slope(n, sums, squares, logs):
    """Slope of log deviation over log lag from the sums of `sum_lagged`; NaN without movement. O(19).

    ``logs`` (24,) is work space.
    """
    still = 0
    for i in range(N_LAGS):
        share = 1.0 / (n - SHORTEST_LAG - i)
        mean = sums[i] * share
        square = squares[i] * share
        variance = square - mean * mean
        logs[i] = variance
        still += 0 if variance > _ROUNDING * square else 1
    if still > 0:
        return math.nan
    for i in range(N_LAGS, N_PADDED):
        logs[i] = 1.0
    log_in_place(logs)
    for i in range(N_PADDED // 2):
        logs[i] = logs[i] * _SLOPE[i] + logs[i + N_PADDED // 2] * _SLOPE[i + N_PADDED // 2]
    for i in range(N_PADDED // 4):
        logs[i] += logs[i + N_PADDED // 4]
    for i in range(N_PADDED // 8):
        logs[i] += logs[i + N_PADDED // 8]
    return logs[0] + logs[1] + logs[2]


def hurst_lagged(prices: np.ndarray) -> float:
    r"""Hurst exponent of a path from how the deviation of its differences grows with their lag.

    .. math:: \ln \mathrm{sd}(y_{t+l} - y_t) \simeq c + H \ln l, \qquad l = 2, \dots, 20

    Parameters
    ----------
    prices : (n,) array
        Path (prices or log prices, not returns), finite, n >= 32.

    Returns
    -------
    float
        Usually in (0, 1); NaN where some lag has no deviation (a constant path, a straight line, a
        period that divides a lag). On short windows it is biased low and noisy: random walks of 64
        points have mean .35 and deviation .16, of 256 points .47 and .07; `hurst_dfa` is nearly unbiased.

    Raises
    ------
    DataError
        Too few values or one that is not finite.

    Notes
    -----
    O(19 n). Neither scale nor level nor a constant drift matters.

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(0).standard_normal(20_000))
    >>> round(hurst_lagged(walk), 1)
    0.5

    References
    ----------
    Di Matteo, Aste & Dacorogna (2005), Long-term memories of developed and emerging markets (q = 2).
    """
    w = np.ascontiguousarray(prices, dtype=np.float64)
    if w.ndim != 1 or w.size < MIN_WINDOW or not np.isfinite(w).all():
        raise DataError(
            "the lagged Hurst exponent needs a path",
            got=f"shape {w.shape}, {int((~np.isfinite(w)).sum())} values not finite",
            expected=f"a 1-D array of at least {MIN_WINDOW} finite values",
            remedy="use a longer window",
        )
    sums, squares = np.empty(N_LAGS), np.empty(N_LAGS)
    sum_lagged(w, sums, squares)
    return float(lagged_slope(w.size, sums, squares, np.empty(N_PADDED)))


def fractal_dtype(window: int) -> np.dtype:
    """State of `fractal_step`: a mirrored ring, FRAMA's state, lagged sums, work space, the output row."""
    return np.dtype(
        [
            ("n", "i8"),
            ("points", mirrored_ring_dtype(window)),
            ("average", frama_dtype(window)),
            ("sums", "f8", (N_LAGS,)),
            ("squares", "f8", (N_LAGS,)),
            ("peak", "f8"),
            ("unit", "f8"),
            ("terms", "f8", (terms_length(window),)),
            ("logs", "f8", (N_PADDED,)),
            ("row", "f8", (4,)),
        ],
        align=True,
    )


@njit(cache=True)
def _shift_lagged(s, x):
    """Take the pairs of the oldest value out of the lagged sums and put those of ``x`` in. O(19)."""
    old = mirrored_window(s.points)
    n = old.shape[0]
    first = old[0]
    for i in range(N_LAGS):
        leaving = old[SHORTEST_LAG + i] - first
        entering = x - old[n - SHORTEST_LAG - i]
        s.sums[i] += entering - leaving
        s.squares[i] += entering * entering - leaving * leaving


@njit(cache=True, error_model="numpy")
def fractal_step(s, x, slowest, fastest):
    """One finite price into a record of `fractal_dtype`; the outputs are in ``s.row``. O(window).

    The lagged sums are carried along and worked out afresh once a window, and whenever they have
    shrunk so much that rounding left by values now gone could show.
    """
    window = s.points.ring.shape[0] // 2
    if s.n >= window:
        _shift_lagged(s, x)
    mirrored_push(s.points, x)
    s.n += 1
    s.row[0] = frama_step(s.average, x, x, x, slowest, fastest)
    if s.n < window:
        return
    if s.n == window:
        s.unit = math.log(2.0 * (window - 1))
    w = mirrored_window(s.points)
    smallest = min(s.squares[0], s.squares[N_LAGS - 1])
    s.peak = max(s.peak, s.squares[0], s.squares[N_LAGS - 1])
    if s.points.at == 0 or not smallest > _SHRUNK * s.peak:
        sum_lagged(w, s.sums, s.squares)
        s.peak = max(s.squares[0], s.squares[N_LAGS - 1])
    s.row[1] = s.average.dimension
    s.row[2] = sevcik_kernel(w, s.average.high, s.average.low, s.unit, s.terms)
    s.row[3] = lagged_slope(window, s.sums, s.squares, s.logs)


@njit(cache=True)
def _update(states, x, slowest, fastest):
    s = states[0]
    if math.isfinite(x):
        fractal_step(s, x, slowest, fastest)
    if s.n < s.points.ring.shape[0] // 2:
        s.row[:] = math.nan


@njit(cache=True)
def _scan(states, xs, slowest, fastest):
    ys = np.empty((xs.shape[0], 4))
    row = states[0].row
    for t in range(xs.shape[0]):
        _update(states, xs[t], slowest, fastest)
        for i in range(4):
            ys[t, i] = row[i]
    return ys


class FractalBundle(StreamingKernel):
    """FRAMA, its dimension, the Sevcik dimension and the lagged Hurst exponent of one price stream.

    Parameters
    ----------
    window : int
        Prices in the window, even, at least 32.
    slowest, fastest : float
        Limits of FRAMA's weight, ``0 < slowest <= fastest <= 1``.

    Notes
    -----
    Input: one price. Output: a row in the order of `FRACTAL_NAMES`, as `FRAMA` (with high = low =
    price), `sevcik_dimension` and `hurst_lagged` give them; the row belongs to the instance and the
    next call writes into it. Warm-up: ``window`` finite prices, NaN before; a non-finite price repeats
    the last output. hurst is NaN while it is not defined (a line, a constant). O(window), most of it
    the Sevcik length; hurst agrees with `hurst_lagged` to about 1e-9.

    Raises
    ------
    ConfigError
        ``window`` is odd or too short, or the limits are out of range.

    Examples
    --------
    >>> bundle = FractalBundle(32)
    >>> walk = np.cumsum(np.random.default_rng(0).standard_normal(32))
    >>> row = [bundle.update(x) for x in walk][-1]
    >>> bool(row[0] == walk[-1]), bool(1.0 < row[2] < 2.0)
    (True, True)

    References
    ----------
    Ehlers (2005); Sevcik (1998); Di Matteo, Aste & Dacorogna (2005).
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 64, slowest: float = 0.01, fastest: float = 1.0) -> None:
        window = checked_period("window", window, at_least=MIN_WINDOW)
        if window % 2:
            raise ConfigError(
                "FRAMA compares two halves of its window",
                got=f"window={window}",
                expected="an even window",
                remedy=f"set window={window + 1}, say",
            )
        self._init(fractal_dtype(window), checked_weights(slowest, fastest), warmup=window)
        self._row = self._state["row"][0]

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window and a shorter one."""
        return [cls(), cls(34, fastest=0.5)]

    def update(self, x: float) -> np.ndarray:
        """Take in one price and return the row (4,), which the next call overwrites. O(window)."""
        self._update(self._state, x, *self._args)
        return self._row

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        super().restore(raw)
        self._row = self._state["row"][0]
