"""A window that is always contiguous: every value is kept twice, one window length apart.

Loops over the last ``window`` values, oldest first, then need no index arithmetic, and the compiler can
use vector instructions. The window length is part of the state's type, hence a constant when a step is
compiled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period


def mirrored_ring_dtype(window: int) -> np.dtype:
    """State of a mirrored ring: ``n`` values seen, the next place ``at``, and ``2 window`` values.

    >>> mirrored_ring_dtype(4)["ring"].shape
    (8,)
    """
    window = checked_period("window", window)
    return np.dtype([("n", "i8"), ("at", "i8"), ("ring", "f8", (2 * window,))], align=True)


@njit(cache=True)
def mirrored_push(s, x):
    """Put a finite ``x`` into a record of `mirrored_ring_dtype`. O(1)."""
    window = s.ring.shape[0] // 2
    at = s.at
    s.ring[at] = x
    s.ring[at + window] = x
    s.at = at + 1 if at + 1 < window else 0
    s.n += 1


@njit(cache=True)
def mirrored_window(s):
    """The last ``window`` values, oldest first, as a view; valid once ``s.n >= window``. O(1).

    Examples
    --------
    >>> state = np.zeros(1, mirrored_ring_dtype(3))
    >>> for x in (1.0, 2.0, 3.0, 4.0):
    ...     mirrored_push(state[0], x)
    >>> mirrored_window(state[0]).tolist()
    [2.0, 3.0, 4.0]
    """
    return s.ring[s.at : s.at + s.ring.shape[0] // 2]
