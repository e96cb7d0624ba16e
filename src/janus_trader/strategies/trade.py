"""The small state machine that every strategy shares: flat, long or short, with a stop and a target.

A strategy's state record starts with `TRADE_FIELDS`; the compiled functions below work on any record
that has them. A fresh record (all zeros) is flat.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: Head of every strategy's state: bars taken in, last output, position in {-1, 0, 1}, the levels of
#: the open trade (0 while flat), the previous close and why the last trade ended.
TRADE_FIELDS: list[tuple] = [
    ("n", "i8"),
    ("output", "f8"),
    ("position", "f8"),
    ("entry", "f8"),
    ("stop", "f8"),
    ("target", "f8"),
    ("previous", "f8"),
    ("exit", "i8"),
]

#: Values of ``exit``.
NO_EXIT, EXIT_STOP, EXIT_TARGET, EXIT_RULE = 0, 1, 2, 3


def trade_dtype(fields: list[tuple]) -> np.dtype:
    """Dtype of a strategy's state: `TRADE_FIELDS` and then its own.

    >>> trade_dtype([("side", "f8")]).names[-1]
    'side'
    """
    return np.dtype(TRADE_FIELDS + fields, align=True)


@njit(cache=True)
def known(bar) -> bool:
    """Whether the four prices of a bar are finite; otherwise a step repeats its last output."""
    return (
        math.isfinite(bar.open)
        and math.isfinite(bar.high)
        and math.isfinite(bar.low)
        and math.isfinite(bar.close)
    )


@njit(cache=True)
def enter(state, direction: float, price: float, stop_distance: float, target_distance: float, conviction):
    """Open a trade at ``price``; an infinite ``target_distance`` means no target. Returns the output."""
    state.position = direction
    state.entry = price
    state.stop = price - direction * stop_distance
    state.target = price + direction * target_distance
    state.output = direction * min(max(conviction, 0.0), 1.0)
    return state.output


@njit(cache=True)
def leave(state, reason: int):
    """Close the trade and remember why. Returns the output, 0."""
    state.position = 0.0
    state.entry = 0.0
    state.stop = 0.0
    state.target = 0.0
    state.exit = reason
    state.output = 0.0
    return 0.0


@njit(cache=True)
def leave_if_touched(state, bar) -> bool:
    """Close the trade when the bar touched its stop or its target; the stop counts first."""
    if state.position > 0.0:
        stopped, reached = bar.low <= state.stop, bar.high >= state.target
    else:
        stopped, reached = bar.high >= state.stop, bar.low <= state.target
    if stopped:
        leave(state, EXIT_STOP)
    elif reached:
        leave(state, EXIT_TARGET)
    return stopped or reached


@njit(cache=True)
def sign(x: float) -> float:
    """-1, 0 or 1; 0 for NaN."""
    if x > 0.0:
        return 1.0
    return -1.0 if x < 0.0 else 0.0


@njit(cache=True)
def surplus(ratio: float) -> float:
    """Map a ratio in [0, inf) to [0, 1): ratio / (1 + ratio), one half at 1 and 0 for NaN."""
    return ratio / (1.0 + ratio) if ratio > 0.0 else 0.0
