"""Two moving averages: the simplest strategy with two windows, on which sweeps are timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit

from janus_trader.contracts.market import Field
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.strategies.definition import WEEK_SECONDS, CompiledStrategy, Family

RING = 128
STATE_DTYPE = np.dtype([("n", "i8"), ("fast", "f8"), ("slow", "f8"), ("ring", "f8", (RING,))], align=True)
PARAMS_DTYPE = np.dtype([("fast", "i8"), ("slow", "i8")], align=True)


@njit(cache=True)
def step(params, state, bar) -> float:
    """1 while the mean of the last ``fast`` closes is above that of the last ``slow``, else 0. O(1)."""
    n, x = state.n, bar.close
    state.fast += x - (state.ring[(n - params.fast) & (RING - 1)] if n >= params.fast else 0.0)
    state.slow += x - (state.ring[(n - params.slow) & (RING - 1)] if n >= params.slow else 0.0)
    state.ring[n & (RING - 1)] = x
    state.n = n + 1
    if state.n < params.slow:
        return 0.0
    return 1.0 if state.fast * params.slow > state.slow * params.fast else 0.0


@njit(cache=True, nogil=True)
def run(params, states, bars, present, last, out) -> None:
    """Take ``step`` through (T, n) bars; absent instruments keep their last output."""
    for t in range(bars.shape[0]):
        for i in range(bars.shape[1]):
            if present[t, i]:
                last[i] = step(params[0], states[i], bars[t, i])
            out[t, i] = last[i]


class MovingAverages:
    """Candidates with two windows of at most 128 bars.

    >>> MovingAverages().define({"fast": 3, "slow": 9}).params["slow"].tolist()
    [9]
    """

    compiled = True
    defaults: Mapping[str, float] = {"fast": 10, "slow": 30}

    def define(self, values: Mapping[str, float]) -> CompiledStrategy:
        """The strategy with these windows."""
        params = np.zeros(1, PARAMS_DTYPE)
        for name, value in {**self.defaults, **values}.items():
            params[name] = value
        return CompiledStrategy(
            "moving_averages",
            Family.TREND,
            frozenset({Field.CLOSE}),
            (60.0, WEEK_SECONDS),
            (1.0,) * N_REGIMES,
            params=params,
            state_dtype=STATE_DTYPE,
            step=step,
            run=run,
        )


@njit(cache=True)
def bare_sweep(closes, first, last) -> float:
    """The bare arithmetic of a sweep over all pairs of windows: two running sums, all in or all out."""
    total = 0.0
    for fast in range(first, last):
        for slow in range(fast + 1, last + 1):
            for i in range(closes.shape[1]):
                a, b, cash, units = 0.0, 0.0, 1.0, 0.0
                for t in range(closes.shape[0]):
                    x = closes[t, i]
                    a += x - (closes[t - fast, i] if t >= fast else 0.0)
                    b += x - (closes[t - slow, i] if t >= slow else 0.0)
                    if t >= slow - 1:
                        above = a * slow > b * fast
                        if above and units == 0.0:
                            cash, units = 0.0, cash / x
                        elif not above and units != 0.0:
                            cash, units = units * x, 0.0
                total += cash + units * closes[closes.shape[0] - 1, i]
    return total
