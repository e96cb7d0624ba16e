"""One time step of many market makers in the Avellaneda-Stoikov world, as compiled loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

#: One market maker: time step, inventory (lots), cash, mid price, fees paid, lots traded.
MAKER_DTYPE = np.dtype(
    [("step", "i8"), ("inventory", "i8"), ("cash", "f8"), ("mid", "f8"), ("fees", "f8"), ("traded", "i8")],
    align=True,
)
#: A quote on one side: absolute price and lots (0: none).
QUOTE_DTYPE = np.dtype([("price", "f8"), ("lots", "i8")], align=True)

#: The world: ``arrivals`` A and ``decay`` k of the fill intensity, ``dt`` the length of a step.
DEALER_DTYPE = np.dtype(
    [
        ("price", "f8"),
        ("sigma", "f8"),
        ("arrivals", "f8"),
        ("decay", "f8"),
        ("dt", "f8"),
        ("size_log", "f8"),
        ("max_offset", "f8"),
        ("maker_fee", "f8"),
        ("liquidation", "f8"),
        ("penalty", "f8"),
        ("max_lots", "i8"),
        ("inventory_limit", "i8"),
        ("latency", "i8"),
        ("steps", "i8"),
    ],
    align=True,
)
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


@njit(inline="always", **_OPTIONS)
def _observe(p, e, w, out):
    out[e, 0] = p.inventory / w.inventory_limit
    out[e, 1] = 1.0 - p.step / w.steps
    scale = w.sigma * math.sqrt(w.dt * w.steps)
    moved = (p.mid - w.price) / scale if scale > 0.0 else 0.0
    out[e, 2] = min(max(moved, -10.0), 10.0)


@njit(**_OPTIONS)
def observe_makers(rows, world, state, out):
    """Observations of the market makers ``rows`` into their rows of ``out`` (size, 3)."""
    for e in rows:
        _observe(state[e], e, world[0], out)


@njit(**_OPTIONS)
def begin_makers(rows, world, state, quotes):
    """No inventory, no cash, no quotes; ``quotes`` is (size, latency + 1, 2)."""
    w = world[0]
    for e in rows:
        p = state[e]
        p.step = 0
        p.inventory = 0
        p.cash = 0.0
        p.mid = w.price
        p.fees = 0.0
        p.traded = 0
        for k in range(quotes.shape[1]):
            for side in range(2):
                quotes[e, k, side].lots = 0
                quotes[e, k, side].price = 0.0


@njit(inline="always", **_OPTIONS)
def _fill(quote, sign, p, w, chance, size):
    """Let one step of market orders meet a quote; ``sign`` is +1 for our bid, −1 for our ask."""
    lots = min(quote.lots, w.inventory_limit - sign * p.inventory)
    if lots <= 0:
        return
    offset = sign * (p.mid - quote.price)
    if chance >= w.arrivals * math.exp(-w.decay * offset) * w.dt:
        return
    if w.size_log < 0.0:  # geometric number of lots
        lots = min(lots, 1 + np.int64(min(math.log(size) / w.size_log, 1e9)))
    else:
        lots = min(lots, 1)
    fee = lots * w.maker_fee
    p.inventory += sign * lots
    p.cash -= sign * lots * quote.price + fee
    p.fees += fee
    p.traded += lots


@njit(**_OPTIONS)
def advance_makers(
    first,
    last,
    world,
    normals,
    uniforms,
    state,
    quotes,
    actions,
    running,
    observations,
    rewards,
    terminated,
    truncated,
):
    """One step of the running market makers ``first`` … ``last`` − 1.

    ``normals`` is (size, steps), ``uniforms`` (size, steps, 4) in (0, 1]: arrival and size on each side.
    """
    w = world[0]
    ring = quotes.shape[1]
    for e in range(first, last):
        if not running[e]:
            continue
        p = state[e]
        t = p.step
        before = p.cash + p.inventory * p.mid
        for side in range(2):
            sign = 1 - 2 * side
            quote = quotes[e, t % ring, side]
            quote.price = p.mid - sign * w.max_offset * actions[e, side]
            quote.lots = np.int64(np.rint(0.5 * (actions[e, 2 + side] + 1.0) * w.max_lots))
        live = (t + 1) % ring  # written ``latency`` steps ago
        _fill(quotes[e, live, 0], 1, p, w, uniforms[e, t, 0], uniforms[e, t, 2])
        _fill(quotes[e, live, 1], -1, p, w, uniforms[e, t, 1], uniforms[e, t, 3])
        p.mid += w.sigma * math.sqrt(w.dt) * normals[e, t]
        p.step = t + 1
        terminated[e] = False
        truncated[e] = p.step >= w.steps
        if truncated[e]:
            p.cash -= w.liquidation * abs(p.inventory)
        held = np.float64(p.inventory)
        rewards[e] = p.cash + held * p.mid - before - w.penalty * held * held * w.dt
        _observe(p, e, w, observations)
