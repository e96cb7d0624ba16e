"""Returns over several horizons, each against the volatility of its own window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.streaming import StreamingKernel


def timeframes_dtype(longest: int) -> np.dtype:
    """State of `timeframes_step`: the last log price and a ring of log returns."""
    return np.dtype([("n", "i8"), ("last", "f8"), ("returns", mirrored_ring_dtype(longest))], align=True)


@njit(cache=True)
def timeframes_step(s: Any, x: float) -> None:
    """Take a positive finite price into a record of `timeframes_dtype`. O(1)."""
    log = math.log(x)
    if s.n > 0:
        mirrored_push(s.returns, log - s.last)
    s.last = log
    s.n += 1


@njit(cache=True)
def timeframes_into(s: Any, horizons: np.ndarray, out: np.ndarray) -> None:
    """Write tanh of the z-score of each horizon's return and, last, their agreement. O(longest).

    Valid once the ring is full; all 0 where nothing moved.
    """
    r = mirrored_window(s.returns)
    n, count = r.shape[0], horizons.shape[0]
    squares = 0.0
    for t in range(n):
        squares += r[t] * r[t]
    sigma = math.sqrt(squares / n)
    total, votes, j = 0.0, 0.0, 0
    for back in range(1, n + 1):
        total += r[n - back]
        if j < count and back == horizons[j]:
            out[j] = math.tanh(total / (sigma * math.sqrt(back))) if sigma > 0.0 else 0.0
            votes += 1.0 if out[j] > 0.0 else (-1.0 if out[j] < 0.0 else 0.0)
            j += 1
    out[count] = votes / count


@njit(cache=True)
def _update(states: Any, x: float, horizons: np.ndarray, warmup: int) -> np.ndarray:
    s = states[0]
    if x > 0.0 and x < math.inf:
        timeframes_step(s, x)
    out = np.full(horizons.shape[0] + 1, math.nan)
    if s.n >= warmup:
        timeframes_into(s, horizons, out)
    return out


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, horizons: np.ndarray, warmup: int) -> np.ndarray:
    ys = np.empty((xs.shape[0], horizons.shape[0] + 1))
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], horizons, warmup)
    return ys


def checked_horizons(horizons: Sequence[int]) -> np.ndarray:
    """Horizons as int64, increasing.

    Raises
    ------
    ConfigError
        There is none, or they do not increase, or the first is below 1.

    >>> checked_horizons((5, 20)).tolist()
    [5, 20]
    """
    found = np.array([checked_period("horizon", h) for h in horizons], np.int64)
    if found.size == 0 or (np.diff(found) <= 0).any():
        raise ConfigError(
            "timeframes: horizons must increase", got=tuple(horizons), expected="e.g. (5, 20, 60)"
        )
    return found


class Timeframes(StreamingKernel):
    r"""Price action over several horizons.

    .. math:: y_h = \tanh\frac{\ln p_t - \ln p_{t-h}}{\sigma\sqrt h}, \qquad
              agreement = \frac1H \sum_h \operatorname{sign} y_h

    with σ the root mean square of the one-bar log returns of the longest horizon.

    Parameters
    ----------
    horizons : sequence of int
        Bars, increasing.

    Notes
    -----
    Input: one price. Output: a row (H + 1,), each in [-1, 1]; all 0 where nothing moved. Warm-up: the longest
    horizon and one more price, NaN before; a price that is not a positive finite number repeats the last
    output. O(longest).

    Raises
    ------
    ConfigError
        Horizons that do not increase.

    Examples
    --------
    >>> Timeframes((1, 3)).transform(np.array([1.0, 2.0, 4.0, 8.0]))[-1].round(4).tolist()
    [0.7616, 0.9393, 1.0]
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, horizons: Sequence[int] = (5, 20, 60)) -> None:
        checked = checked_horizons(horizons)
        longest = int(checked[-1])
        self._init(timeframes_dtype(longest), (checked, longest + 1), warmup=longest + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Week, month and quarter in days, and a short pair."""
        return [cls(), cls((1, 4))]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Prices."""
        return 100.0 * np.exp(np.cumsum(rng.standard_normal(n)) * 0.01)
