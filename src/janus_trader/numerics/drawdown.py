"""Drawdown: the loss from the running peak of an equity curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.streaming import StreamingKernel

DRAWDOWN_DTYPE = np.dtype(
    [("peak", "f8"), ("current", "f8"), ("worst", "f8"), ("under_water", "i8"), ("n", "i8")], align=True
)


@njit(cache=True)
def drawdown_step(s: Any, x: float) -> float:
    """One value of equity into the record ``s``; returns the drawdown now. O(1)."""
    if not np.isfinite(x):
        return s.current if s.n > 0 else np.nan
    if s.n == 0 or x >= s.peak:
        s.peak = x
        s.under_water = 0
    else:
        s.under_water += 1
    s.n += 1
    s.current = max(0.0, 1.0 - x / s.peak) if s.peak > 0.0 else 1.0
    s.worst = max(s.worst, s.current)
    return s.current


@njit(cache=True)
def _update(states: np.ndarray, x: float) -> float:
    return drawdown_step(states[0], x)


@njit(cache=True)
def _scan(states: np.ndarray, xs: np.ndarray) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = drawdown_step(states[0], xs[t])
    return out


class Drawdown(StreamingKernel):
    r"""Streaming drawdown of an equity curve.

    .. math:: d_t = \max(0,\; 1 - x_t / \max_{s \le t} x_s)

    Input is equity in currency (or an index level), output a fraction >= 0; it passes 1 only when
    equity is negative, and is 1 by definition while no peak above zero has been seen. No warm-up
    (``ready`` from the first value); NaN is ignored and repeats the last output. O(1) a step.

    Examples
    --------
    >>> d = Drawdown()
    >>> [float(round(d.update(x), 3)) for x in (100.0, 80.0, 90.0, 110.0)]
    [0.0, 0.2, 0.1, 0.0]
    >>> float(round(d.worst, 3)), d.under_water
    (0.2, 0)
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self) -> None:
        self._init(DRAWDOWN_DTYPE, (), 1)

    @property
    def peak(self) -> float:
        """The highest value seen; 0 before the first."""
        return float(self._state["peak"][0])

    @property
    def worst(self) -> float:
        """The largest drawdown seen so far, a fraction >= 0."""
        return float(self._state["worst"][0])

    @property
    def under_water(self) -> int:
        """Values seen since the running peak was last reached."""
        return int(self._state["under_water"][0])


def drawdown_curve(equity: np.ndarray) -> np.ndarray:
    """Drawdown at every point of an equity curve (T,), a fraction; the batch form of `Drawdown`. O(T).

    Raises
    ------
    DataError
        ``equity`` is not one-dimensional, is empty or holds a value that is not finite.

    Examples
    --------
    >>> drawdown_curve(np.array([100.0, 75.0, 150.0])).tolist()
    [0.0, 0.25, 0.0]
    """
    equity = np.ascontiguousarray(equity, dtype=np.float64)
    if equity.ndim != 1 or equity.size == 0 or not np.isfinite(equity).all():
        raise DataError(
            "drawdown needs an equity curve",
            got=f"shape {equity.shape}",
            expected="a non-empty 1-D array of finite numbers",
            remedy="drop the rows where equity is unknown",
        )
    return _scan(np.zeros(1, DRAWDOWN_DTYPE), equity)


def max_drawdown(equity: np.ndarray) -> float:
    """Largest loss from a running peak, as a fraction of that peak. O(T).

    Raises
    ------
    DataError
        As in `drawdown_curve`.

    Examples
    --------
    >>> max_drawdown(np.array([100.0, 120.0, 90.0, 130.0, 104.0]))
    0.25
    """
    return float(drawdown_curve(equity).max())
