"""Marks of a book: prices taken from bars, and what the positions are worth at them."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def mark_to_market(quantity, entry, close, value):
    """Open profit and total signed value of the positions at ``close``; fills ``value`` (n,). O(n)."""
    profit = 0.0
    total = 0.0
    for i in range(quantity.size):
        value[i] = 0.0
        if quantity[i] != 0.0:
            value[i] = quantity[i] * close[i]
            profit += quantity[i] * (close[i] - entry[i])
            total += value[i]
    return profit, total


@njit(cache=True)
def take_closes(bars, present, fills_at_open, price, close):
    """Copy fill prices and closes of the present instruments; -1, or the first whose prices are unusable."""
    for i in range(bars.size):
        if present[i]:
            p = bars[i]["open"] if fills_at_open else bars[i]["close"]
            c = bars[i]["close"]
            if not (np.isfinite(p) and np.isfinite(c) and p > 0.0 and c > 0.0):
                return i
            price[i] = p
            close[i] = c
    return -1
