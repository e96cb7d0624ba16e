"""One slice of many parent orders in the Almgren-Chriss world, as compiled loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

#: One parent order: slices done, units left, price now, last shock, shortfall so far (currency).
PARENT_DTYPE = np.dtype(
    [("slice", "i8"), ("left", "f8"), ("price", "f8"), ("shock", "f8"), ("shortfall", "f8"), ("units", "f8")],
    align=True,
)

#: The world, in the units of `janus_trader.numerics.almgren_chriss`; ``tau`` is the length of a slice.
IMPACT_DTYPE = np.dtype(
    [
        ("side", "f8"),
        ("units", "f8"),
        ("price", "f8"),
        ("sigma", "f8"),
        ("eta", "f8"),
        ("gamma", "f8"),
        ("half_spread", "f8"),
        ("risk_aversion", "f8"),
        ("tau", "f8"),
        ("slices", "i8"),
    ],
    align=True,
)
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


@njit(inline="always", **_OPTIONS)
def _observe(p, e, w, out):
    out[e, 0] = p.left / w.units
    out[e, 1] = 1.0 - p.slice / w.slices
    scale = w.sigma * math.sqrt(w.tau * w.slices)
    moved = w.side * (p.price - w.price) / scale if scale > 0.0 else 0.0
    out[e, 2] = min(max(moved, -10.0), 10.0)
    out[e, 3] = min(max(w.side * p.shock, -10.0), 10.0)


@njit(**_OPTIONS)
def observe_parents(rows, world, state, out):
    """Observations of the parent orders ``rows`` into their rows of ``out`` (size, 4)."""
    for e in rows:
        _observe(state[e], e, world[0], out)


@njit(**_OPTIONS)
def begin_parents(rows, world, state):
    """A whole parent order at the arrival price for each of ``rows``."""
    w = world[0]
    for e in rows:
        p = state[e]
        p.slice = 0
        p.left = w.units
        p.price = w.price
        p.shock = 0.0
        p.shortfall = 0.0
        p.units = 0.0


@njit(**_OPTIONS)
def advance_parents(
    first, last, world, shocks, state, actions, running, observations, rewards, terminated, truncated
):
    """One slice of the running parent orders ``first`` … ``last`` − 1; ``shocks`` is (size, slices)."""
    w = world[0]
    unit = 1e4 / (w.units * w.price)
    for e in range(first, last):
        if not running[e]:
            continue
        p = state[e]
        share = min(max(actions[e, 0], 0.0), 1.0)
        if p.slice == w.slices - 1:
            share = 1.0
        units = share * p.left
        left = p.left - units if share < 1.0 else 0.0
        shock = shocks[e, p.slice]
        concession = (w.half_spread + w.eta * units / w.tau) if units > 0.0 else 0.0
        move = w.side * w.sigma * math.sqrt(w.tau) * shock - w.gamma * units
        gain = left * move - units * concession
        risk = w.risk_aversion * w.sigma * w.sigma * w.tau * left * left
        rewards[e] = unit * (gain - risk)
        p.shortfall -= gain
        p.units = units
        p.left = left
        p.price += w.side * move
        p.shock = shock
        p.slice += 1
        terminated[e] = left <= 0.0
        truncated[e] = False
        _observe(p, e, w, observations)
