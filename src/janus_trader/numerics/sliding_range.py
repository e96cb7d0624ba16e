"""Highest high and lowest low of the last ``window`` bars in constant amortised time."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period


def sliding_range_dtype(window: int) -> np.dtype:
    """State of `sliding_range_push`: extremes of the running block and of every end of the last one.

    >>> sliding_range_dtype(4)["highs"].shape
    (4,)
    """
    window = checked_period("window", window)
    return np.dtype(
        [("at", "i8"), ("high", "f8"), ("low", "f8"), ("highs", "f8", (window,)), ("lows", "f8", (window,))],
        align=True,
    )


@njit(cache=True)
def sliding_range_push(s, high, low):
    """Take in one finite bar; returns the highest high and lowest low of the last ``window`` bars.

    The stream is cut into blocks of ``window`` bars. A window is a beginning of the running block,
    whose extremes grow bar by bar, and an end of the block before, whose extremes are worked out once
    when that block is complete. Meaningless before ``window`` bars. Amortised O(1), O(window) at worst.

    Examples
    --------
    >>> state = np.zeros(1, sliding_range_dtype(2))
    >>> [sliding_range_push(state[0], x, x) for x in (1.0, 5.0, 3.0, 4.0)][1:]
    [(5.0, 1.0), (5.0, 3.0), (4.0, 3.0)]

    References
    ----------
    van Herk (1992), A fast algorithm for local minimum and maximum filters; Gil & Werman (1993).
    """
    window = s.highs.shape[0]
    at = s.at
    s.high = high if at == 0 else max(s.high, high)
    s.low = low if at == 0 else min(s.low, low)
    highest = s.high
    lowest = s.low
    s.highs[at] = high
    s.lows[at] = low
    at += 1
    if at < window:
        highest = max(highest, s.highs[at])
        lowest = min(lowest, s.lows[at])
    else:
        at = 0
        for i in range(window - 2, -1, -1):
            s.highs[i] = max(s.highs[i], s.highs[i + 1])
            s.lows[i] = min(s.lows[i], s.lows[i + 1])
    s.at = at
    return highest, lowest
