"""The last fills, with what was known when they were decided: the raw material of the impact fit."""

from __future__ import annotations

import numpy as np
from numba import njit

#: One fill: time, one-bar volatility known at the decision, value traded, realised cost.
FILL_DTYPE = np.dtype([("ts", "i8"), ("sigma", "f8"), ("value", "f8"), ("bps", "f8")], align=True)

_SIGMA_TO_BPS = 1e4


@njit(cache=True)
def model_bps(base, per_sigma, per_impact, sigma, value, reference):
    """Forecast of one trade: ``base + per_sigma s + per_impact s sqrt(value / reference)``, s in bps."""
    s = sigma * 1e4
    return base + per_sigma * s + per_impact * s * np.sqrt(value / reference)


@njit(cache=True)
def mean_known(sigma):
    """Mean of the finite, non-negative volatilities; 0 when there is none."""
    known = 0
    total = 0.0
    for x in sigma:
        if np.isfinite(x) and x >= 0.0:
            known += 1
            total += x
    return total / known if known > 0 else 0.0


@njit(cache=True)
def absorb_fills(ring, count, ts, index, value, cost, sigma, limit, base, per_sigma, per_impact, reference):
    """Put fills in the ring; return how many were taken and their value-weighted error in bps.

    ``index`` (m,) is the instrument's column or -1 where it is not known, ``value`` and ``cost`` (m,)
    are in currency. O(n + m).
    """
    mean = mean_known(sigma)
    taken = 0
    weight = 0.0
    residual = 0.0
    for k in range(index.size):
        if not (value[k] > 0.0 and np.isfinite(value[k]) and np.isfinite(cost[k])):
            continue
        s = sigma[index[k]] if index[k] >= 0 else mean
        if not (np.isfinite(s) and s >= 0.0):
            s = mean
        realised = min(limit, max(-limit, 1e4 * cost[k] / value[k]))
        row = ring[(count + taken) % ring.size]
        row.ts = ts
        row.sigma = s
        row.value = value[k]
        row.bps = realised
        taken += 1
        weight += value[k]
        residual += value[k] * (realised - model_bps(base, per_sigma, per_impact, s, value[k], reference))
    return taken, residual / weight if weight > 0.0 else 0.0


def design(fills: np.ndarray, reference: float) -> np.ndarray:
    """Regressors of `model_bps` for rows of `FILL_DTYPE`, shape (m, 3)."""
    s = fills["sigma"] * _SIGMA_TO_BPS
    return np.column_stack([np.ones(len(fills)), s, s * np.sqrt(fills["value"] / reference)])


class FillMemory:
    """A ring of the last ``capacity`` fills; `absorb_fills` writes to it.

    ``ring`` is the (capacity,) array of `FILL_DTYPE`, ``count`` the number of fills ever put in.

    >>> memory = FillMemory(2)
    >>> memory.load(np.array([(1, 0.01, 1e4, 3.0), (2, 0.01, 1e4, 4.0)], FILL_DTYPE))
    >>> memory.between(2, 9)["bps"].tolist()
    [4.0]
    """

    def __init__(self, capacity: int) -> None:
        self.ring = np.zeros(capacity, FILL_DTYPE)
        self.count = 0

    def between(self, first: int, last: int) -> np.ndarray:
        """Fills with ``first <= ts <= last``, oldest first. O(capacity)."""
        rows = self.rows()
        return rows[(rows["ts"] >= first) & (rows["ts"] <= last)]

    def rows(self) -> np.ndarray:
        """All fills remembered, oldest first."""
        size = self.ring.size
        if self.count <= size:
            return self.ring[: self.count].copy()
        return np.roll(self.ring, -(self.count % size))

    def clear(self) -> None:
        """Forget everything."""
        self.count = 0

    def load(self, rows: np.ndarray) -> None:
        """Put back what `rows` gave; at most ``capacity`` of them."""
        self.count = len(rows)
        self.ring[: len(rows)] = rows

    def __len__(self) -> int:
        return min(self.count, self.ring.size)
