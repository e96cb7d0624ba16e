"""Where volume traded: the profile of a window by price, its point of control and its value area."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.streaming import StreamingKernel

#: Columns of the output.
VOLUME_PROFILE_NAMES = ("point_of_control", "value_low", "value_high", "location", "relative_volume")


def volume_profile_dtype(window: int, bins: int) -> np.dtype:
    """State of `volume_profile_step`: a ring of bars, the histogram and the output row."""
    return np.dtype(
        [
            ("n", "i8"),
            ("high", "f8", (window,)),
            ("low", "f8", (window,)),
            ("volume", "f8", (window,)),
            ("histogram", "f8", (bins,)),
            ("row", "f8", (len(VOLUME_PROFILE_NAMES),)),
        ],
        align=True,
    )


@njit(cache=True)
def profile_into(high, low, volume, bottom, top, histogram):  # type: ignore[no-untyped-def]
    """Spread each bar's volume evenly over its range, in bins over [bottom, top], top > bottom. O(T bins).

    >>> out = np.zeros(2)
    >>> profile_into(np.array([2.0, 2.0]), np.array([0.0, 1.0]), np.array([4.0, 1.0]), 0.0, 2.0, out)
    >>> out.tolist()
    [2.0, 3.0]
    """
    bins = histogram.shape[0]
    width = (top - bottom) / bins
    histogram[:] = 0.0
    for t in range(high.shape[0]):
        reach = high[t] - low[t]
        if not reach > 1e-12 * width:
            at = min(int((high[t] - bottom) / width), bins - 1)
            histogram[at] += volume[t]
            continue
        first = min(max(int((low[t] - bottom) / width), 0), bins - 1)
        last = min(max(int((high[t] - bottom) / width), 0), bins - 1)
        for b in range(first, last + 1):
            start = max(low[t], bottom + b * width)
            end = high[t] if b == last else min(high[t], bottom + (b + 1) * width)
            histogram[b] += volume[t] * max(end - start, 0.0) / reach


@njit(cache=True)
def value_area(histogram, share):  # type: ignore[no-untyped-def]
    """Bin of most volume and the bins [first, last] around it that hold ``share`` of all. O(bins).

    Grows from the point of control to the side whose next bin holds more; the lower side on a tie.

    >>> value_area(np.array([1.0, 5.0, 3.0, 1.0]), 0.7)
    (1, 1, 2)
    """
    bins = histogram.shape[0]
    control = 0
    total = 0.0
    for b in range(bins):
        total += histogram[b]
        if histogram[b] > histogram[control]:
            control = b
    first = last = control
    held = histogram[control]
    while held < share * total and (first > 0 or last < bins - 1):
        below = histogram[first - 1] if first > 0 else -1.0
        above = histogram[last + 1] if last < bins - 1 else -1.0
        if below >= above:
            first -= 1
            held += below
        else:
            last += 1
            held += above
    return control, first, last


@njit(cache=True)
def volume_profile_step(s: Any, high: float, low: float, close: float, volume: float, share: float) -> None:
    """One bar with positive prices, ``high >= low`` and ``volume >= 0``; the result is ``s.row``. O(T bins)."""
    window = s.high.shape[0]
    at = s.n % window
    s.high[at], s.low[at], s.volume[at] = high, low, volume
    s.n += 1
    if s.n < window:
        return
    bottom, top, total = math.inf, -math.inf, 0.0
    for t in range(window):
        bottom, top = min(bottom, s.low[t]), max(top, s.high[t])
        total += s.volume[t]
    s.row[4] = volume * window / total if total > 0.0 else 0.0
    if not total > 0.0 or not top > bottom * (1.0 + 1e-12):
        s.row[0] = s.row[1] = s.row[2] = close
        s.row[3] = 0.0
        return
    profile_into(s.high, s.low, s.volume, bottom, top, s.histogram)
    control, first, last = value_area(s.histogram, share)
    width = (top - bottom) / s.histogram.shape[0]
    s.row[0] = bottom + (control + 0.5) * width
    s.row[1] = bottom + first * width
    s.row[2] = bottom + (last + 1) * width
    half = 0.5 * (s.row[2] - s.row[1])
    s.row[3] = min(max((close - s.row[0]) / half, -1.0), 1.0)


@njit(cache=True)
def usable_bar(high: float, low: float, close: float, volume: float) -> bool:
    """Whether a bar can enter a profile: finite, positive prices in order, volume not negative. O(1)."""
    return 0.0 < low <= high < math.inf and low <= close <= high and 0.0 <= volume < math.inf


@njit(cache=True)
def _update(states: Any, x: np.ndarray, share: float, warmup: int) -> np.ndarray:
    s = states[0]
    if usable_bar(x[0], x[1], x[2], x[3]):
        volume_profile_step(s, x[0], x[1], x[2], x[3], share)
    out = s.row.copy()
    if s.n < warmup:
        out[:] = math.nan
    return out


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, share: float, warmup: int) -> np.ndarray:
    ys = np.empty((xs.shape[0], 5))
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], share, warmup)
    return ys


class VolumeProfile(StreamingKernel):
    """Volume by price over the last ``window`` bars.

    Parameters
    ----------
    window : int
        Bars, at least 2.
    bins : int
        Price bins between the window's extremes, at least 2.
    share : float
        Share of volume inside the value area, in (0, 1].

    Notes
    -----
    Input: a row (high, low, close, volume). Output: a row (5,) of `VOLUME_PROFILE_NAMES`: middle of the fullest
    bin, edges of the value area, the close's distance from the former in half widths of the latter within
    [-1, 1], and volume over the window's mean. Each bar's volume is spread evenly over its range, so a
    close-only bar falls in one bin. No volume or no range: the three prices are the close, location 0. Warm-up:
    ``window`` usable bars, NaN before; a bar that is not usable repeats the last output. O(window bins).

    Raises
    ------
    ConfigError
        A parameter out of range.

    Examples
    --------
    >>> bars = np.array([[10.0, 10.0, 10.0, 5.0], [11.0, 11.0, 11.0, 1.0], [12.0, 12.0, 12.0, 1.0]])
    >>> VolumeProfile(3, 4).transform(bars)[-1].tolist()
    [10.25, 10.0, 10.5, 1.0, 0.42857142857142855]

    References
    ----------
    Steidlmayer & Koy (1986), Markets and Market Logic (value area of 70 %).
    """

    WIDTH = 4
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int = 60, bins: int = 24, share: float = 0.7) -> None:
        window = checked_period("window", window, at_least=2)
        bins = checked_period("bins", bins, at_least=2)
        if not 0.0 < share <= 1.0:
            raise ConfigError("volume profile: share is not usable", got=share, expected="in (0, 1]")
        self._init(volume_profile_dtype(window, bins), (float(share), window), warmup=window)

    @classmethod
    def examples(cls) -> list[Self]:
        """A quarter of days, and a short window."""
        return [cls(), cls(5, 3, 0.5)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars around a random walk."""
        close = 100.0 * np.exp(np.cumsum(rng.standard_normal(n)) * 0.01)
        high, low = close * (1 + rng.exponential(0.004, n)), close * (1 - rng.exponential(0.004, n))
        return np.column_stack([high, low, close, rng.lognormal(10, 0.5, n)])


def participation_rate(own: float, market: float) -> float:
    """Share of the market's volume that was ours, in [0, 1]; 0 where either is not a positive number.

    >>> participation_rate(50.0, 1000.0), participation_rate(5.0, 0.0)
    (0.05, 0.0)
    """
    if not (0.0 < own < math.inf and 0.0 < market < math.inf):
        return 0.0
    return min(own / market, 1.0)
