"""The compiled heart of a simulated bar market: one session of steps of every instrument, made into bars."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: What is drawn once for an instrument and stays: see `janus_trader.simulation.scenarios.market`.
ASSET_DTYPE = np.dtype(
    [
        ("sigma", "f8"),  # deviation of a day's log return
        ("beta", "f8"),  # what it takes of a move of the market
        ("loading", "f8"),  # correlation with the market's own chance, in [-1, 1]
        ("price", "f8"),  # at the beginning
        ("volume", "f8"),  # shares a day
        ("spread", "f8"),  # bps
    ],
    align=True,
)

#: What moves on from step to step: value (log price), reference price of the limits, minutes of a halt to go.
STATE_DTYPE = np.dtype([("value", "f8"), ("reference", "f8"), ("halt", "f8")], align=True)

#: One bar; ``steps`` counts those that traded, ``spread`` is their mean.
CELL_DTYPE = np.dtype(
    [
        ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "f8"), ("spread", "f8"),
        ("steps", "i8"),
    ],
    align=True,
)  # fmt: skip


@njit(cache=True)
def bridge_extremes(start: float, end: float, sd: float, u: float, v: float) -> tuple[float, float]:
    r"""Highest and lowest point of a Brownian bridge from ``start`` to ``end``, each exact by itself.

    ``max = (a + b + sqrt((b - a)^2 - 2 sd^2 ln u)) / 2`` for a uniform u in (0, 1]; the lowest mirrored.

    >>> bridge_extremes(0.0, 1.0, 0.0, 0.5, 0.5)
    (1.0, 0.0)
    """
    gap = (end - start) * (end - start)
    up = math.sqrt(gap - 2.0 * sd * sd * math.log(u))
    down = math.sqrt(gap - 2.0 * sd * sd * math.log(v))
    return 0.5 * (start + end + up), 0.5 * (start + end - down)


@njit(cache=True)
def _trade(cell, opened, high, low, closed, volume, spread):  # type: ignore[no-untyped-def]
    """Add one traded step to its bar."""
    if cell["steps"] == 0:
        cell["open"], cell["high"], cell["low"] = opened, high, low
    cell["high"], cell["low"] = max(cell["high"], high), min(cell["low"], low)
    cell["close"] = closed
    cell["volume"] += volume
    cell["steps"] += 1
    cell["spread"] += (spread - cell["spread"]) / cell["steps"]


@njit(cache=True)
def _held(s, o, h, low, c, band, halt_minutes):  # type: ignore[no-untyped-def]
    """Prices within the limits around the reference; a price at a limit begins a halt."""
    top, bottom = s["reference"] * (1.0 + band), s["reference"] * (1.0 - band)
    o, c = min(max(o, bottom), top), min(max(c, bottom), top)
    h, low = min(max(h, bottom), top), min(max(low, bottom), top)
    if low <= bottom or h >= top:
        c = bottom if low <= bottom else top
        s["halt"], s["reference"] = halt_minutes, c
    return o, h, low, c


@njit(cache=True)
def session_step(assets, states, market, path, shape, c, normal, noise, uniform, steps_per_bar, cells):  # type: ignore[no-untyped-def]
    """One session: advance the states, add its traded steps to its bars.

    Parameters
    ----------
    assets : (n,) `ASSET_DTYPE`
    states : (n,) `STATE_DTYPE`, updated
    market : (2,) log-volatility of the market in its own deviations, and the market's chance since the
        phase began; updated
    path : (steps, 11): drift, jump, volatility, together, volume, spread, band, absent, whether a phase
        begins, and the share of the market's chance so far that a step, and the night before it, takes back
    shape : (steps,) share of the open session's variance in each step; sums to 1
    c : overnight share of a day's variance, deviation of the log-volatility, its decay a step,
        leverage, minutes of a step, minutes of a halt, deviation of log volume
    normal : (steps + 1, n + 2) row 0 is the night; columns: market, its volatility, instruments
    noise, uniform : (steps, n) and (steps, n, 2), uniforms in (0, 1]
    cells : (bars, n) `CELL_DTYPE`, zero
    """
    steps, n = noise.shape
    for k in range(-1, steps):
        row, z = max(k, 0), normal[k + 1]
        shape_k = c[0] if k < 0 else (1.0 - c[0]) * shape[k]
        level = path[row, 2] * math.exp(c[1] * market[0] - c[1] * c[1])
        if k >= 0:
            shock = c[3] * z[0] + math.sqrt(1.0 - c[3] * c[3]) * z[1]
            market[0] = c[2] * market[0] + math.sqrt(1.0 - c[2] * c[2]) * shock
        drift = path[row, 1] if k < 0 else path[row, 0]
        if path[row, 8] > 0.0 and k != 0:
            market[1] = 0.0
        common = level * math.sqrt(shape_k) * z[0] - market[1] * path[row, 10 if k < 0 else 9]
        market[1] += common
        bridged = path[row, 9] > 0.0
        for i in range(n):
            a, s = assets[i], states[i]
            b = (1.0 - path[row, 3]) * a["loading"] + 0.95 * path[row, 3]
            beta = (1.0 - path[row, 3]) * a["beta"] + path[row, 3]
            sd = a["sigma"] * level * math.sqrt(shape_k)
            start = s["value"]
            chance = a["sigma"] * b * common + sd * math.sqrt(1.0 - b * b) * z[2 + i]
            half = 0.5 * sd * sd * (1.0 - b * b if bridged else 1.0)  # what a bridge takes back needs none
            s["value"] = start + beta * drift + chance - half
            if k < 0:
                s["halt"] = 0.0
                continue
            if s["halt"] > 0.0:
                s["halt"] = max(0.0, s["halt"] - c[4])
                continue
            if path[row, 7] > 0.0:
                continue
            top, bottom = bridge_extremes(start, s["value"], sd, uniform[k, i, 0], uniform[k, i, 1])
            o, h, low, end = math.exp(start), math.exp(top), math.exp(bottom), math.exp(s["value"])
            if path[row, 6] > 0.0:
                if s["reference"] <= 0.0:
                    s["reference"] = o
                o, h, low, end = _held(s, o, h, low, end, path[row, 6], c[5])
            else:
                s["reference"] = 0.0
            volume = a["volume"] * path[row, 4] * shape[k] * level / path[row, 2]
            volume *= math.exp(c[6] * noise[k, i] - 0.5 * c[6] * c[6])
            spread = a["spread"] * path[row, 5] * math.sqrt(level / path[row, 2])
            _trade(cells[k // steps_per_bar, i], o, h, low, end, volume, spread)
