"""How surprising a number is, given its own past."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period, ema_next
from janus_trader.numerics.streaming import StreamingKernel

SURPRISE_DTYPE = np.dtype([("n", "i8"), ("mean", "f8"), ("variance", "f8"), ("value", "f8")], align=True)
_ROUNDING = 1e-12


@njit(cache=True)
def surprise_step(s: Any, x: float, decay: float) -> float:
    """Judge a finite ``x`` by the mean and variance before it, then count it. O(1).

    Returns the share of a normal distribution nearer the mean than ``x``, in [0, 1]; a move off a constant
    past is 1; the first value is 0.
    """
    s.n += 1
    if s.n == 1:
        s.mean = x
        s.value = 0.0
        return 0.0
    delta = x - s.mean
    deviation = math.sqrt(s.variance)
    if deviation > _ROUNDING * max(abs(x), abs(s.mean)):
        s.value = math.erf(abs(delta) / (deviation * math.sqrt(2.0)))
    else:
        s.value = 1.0 if abs(delta) > _ROUNDING * max(abs(x), abs(s.mean)) else 0.0
    s.mean = ema_next(s.mean, x, decay)
    s.variance = (1.0 - decay) * (s.variance + decay * delta * delta)
    return s.value


@njit(cache=True)
def surprises_into(states: Any, xs: np.ndarray, decay: float, warmup: int, out: np.ndarray) -> None:
    """Surprise of each of M numbers: 0 where the number is NaN or its past is shorter than ``warmup``. O(M)."""
    for m in range(xs.shape[0]):
        out[m] = 0.0
        if math.isfinite(xs[m]):
            value = surprise_step(states[m], xs[m], decay)
            if states[m].n >= warmup:
                out[m] = value


@njit(cache=True)
def _update(states: Any, x: float, decay: float, warmup: int) -> float:
    s = states[0]
    if math.isfinite(x):
        surprise_step(s, x, decay)
    return s.value if s.n >= warmup else math.nan


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, decay: float, warmup: int) -> np.ndarray:
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], decay, warmup)
    return ys


class Surprise(StreamingKernel):
    r"""Probability that a value drawn from the recent past would have been nearer its mean.

    .. math:: s_t = \operatorname{erf}\!\left(\frac{|x_t - m_{t-1}|}{\sqrt{2 v_{t-1}}}\right)

    with exponentially weighted mean m and variance v of the values before.

    Parameters
    ----------
    decay : float
        Weight of the newest value, in (0, 1).
    warmup : int
        Values before the first output, at least 2.

    Notes
    -----
    Input: one float. Output: in [0, 1], about uniform on independent normal values. NaN before the warm-up; a
    value that is not finite repeats the last output. O(1).

    Raises
    ------
    ConfigError
        A parameter out of range.

    Examples
    --------
    >>> calm = [0.0, 1.0] * 20
    >>> ys = Surprise(0.05, 20).transform(np.array([*calm, 0.5, 9.0]))
    >>> bool(ys[-2] < 0.2), bool(ys[-1] > 0.999)
    (True, True)
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, decay: float = 0.03, warmup: int = 20) -> None:
        if not 0.0 < decay < 1.0:
            raise ConfigError("surprise: decay is not usable", got=decay, expected="in (0, 1)")
        warmup = checked_period("warmup", warmup, at_least=2)
        self._init(SURPRISE_DTYPE, (float(decay), warmup), warmup=warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual memory, and a short one."""
        return [cls(), cls(0.3, 3)]
