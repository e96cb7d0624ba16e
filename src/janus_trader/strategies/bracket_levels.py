"""Paths of what a strategy wants: its exposure and, where its state has them, its stop and target."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.strategies.definition import CompiledStrategy, StrategyDefinition


@cache
def _tracer(step: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled loop over a step that also reads the levels of the open trade."""

    @njit(nogil=True)
    def trace(params, states, bars, present, out, stops, targets) -> None:
        for i in range(bars.shape[1]):
            last = 0.0
            shown = np.zeros(1, BAR_DTYPE)
            for t in range(bars.shape[0]):
                if present[t, i]:
                    shown[0] = bars[t, i]
                    last = step(params[0], states[i], shown[0])
                out[t, i] = last
                stops[t, i] = states[i].stop
                targets[t, i] = states[i].target

    return trace


def exposure_levels(
    strategy: StrategyDefinition, bars: np.ndarray, present: np.ndarray, *, with_levels: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exposures (T, n), and with ``with_levels`` the stops and targets (T, n) after each bar, else (0, 0).

    Raises
    ------
    ConfigError
        Levels are asked of a strategy whose state has no ``stop`` and ``target``.

    Notes
    -----
    With levels, a loop is compiled for the strategy once in a process.
    """
    shape = bars.shape
    out = np.zeros(shape)
    if not with_levels:
        strategy.bind(shape[1]).advance(bars, present, np.zeros(shape[1]), out)
        return out, np.zeros((0, 0)), np.zeros((0, 0))
    fields = strategy.state_dtype.names or () if isinstance(strategy, CompiledStrategy) else ()
    if not isinstance(strategy, CompiledStrategy) or not {"stop", "target"} <= set(fields):
        raise ConfigError(
            f"strategy {strategy.name} has no stop and target to trade as brackets",
            got=", ".join(fields) or "a step without compiled state",
            expected="a compiled strategy with the fields stop and target in its state",
            remedy="trade it in the form of targets",
        )
    stops, targets = np.zeros(shape), np.zeros(shape)
    states = np.zeros(shape[1], strategy.state_dtype)
    _tracer(strategy.step)(strategy.params.copy(), states, bars, present, out, stops, targets)
    return out, stops, targets
