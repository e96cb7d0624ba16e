"""The set of weights the rules leave open, and the way into it.

Every rule only ever narrows the envelope, and every interval holds zero: closing a position that can be
traded is always allowed, so the envelope is never empty.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: Sums are compared to their caps with this slack, so that a second review changes nothing.
SLACK = 1e-12


@njit(cache=True)
def _freeze(lower: np.ndarray, upper: np.ndarray, held: np.ndarray, scale: float) -> None:
    for i in range(held.size):
        lower[i] = max(lower[i], min(0.0, scale * held[i]))
        upper[i] = min(upper[i], max(0.0, scale * held[i]))


@njit(cache=True)
def _limit(lower: np.ndarray, upper: np.ndarray, least: float, greatest: float) -> None:
    for i in range(lower.size):
        lower[i] = max(lower[i], least)
        upper[i] = min(upper[i], greatest)


class Envelope:
    """Bounds on what may be sent: per instrument, on gross, on net and on new exposure.

    Examples
    --------
    >>> box = Envelope(2)
    >>> box.limit(-0.1, 0.15); box.freeze(np.array([0.3, -0.05]))
    >>> box.lower.tolist(), box.upper.tolist()
    ([0.0, -0.05], [0.15, 0.0])
    """

    __slots__ = ("gross", "lower", "net_lower", "net_upper", "turnover", "upper")

    def __init__(self, n: int) -> None:
        self.lower, self.upper = np.empty(n), np.empty(n)
        self.open()

    def open(self) -> None:
        """No limits."""
        self.lower.fill(-math.inf)
        self.upper.fill(math.inf)
        self.gross = self.net_upper = self.turnover = math.inf
        self.net_lower = -math.inf

    def limit(self, lower: float, upper: float) -> None:
        """The same interval for every instrument; ``lower <= 0 <= upper``."""
        _limit(self.lower, self.upper, lower, upper)

    def freeze(self, held: np.ndarray, scale: float = 1.0) -> None:
        """No weight further from zero than ``scale`` times what is held, and none on the other side."""
        _freeze(self.lower, self.upper, held, scale)

    def freeze_one(self, i: int, held: float) -> None:
        """`freeze` for one instrument."""
        self.lower[i] = max(self.lower[i], min(0.0, held))
        self.upper[i] = min(self.upper[i], max(0.0, held))


@njit(cache=True)
def new_exposure(w: float, held: float) -> float:
    """How much of ``w`` adds to the position: |w| − |held| on the same side, all of it on the other."""
    if w * held > 0.0:
        return max(0.0, abs(w) - abs(held))
    return abs(w)


@njit(cache=True)
def _cap_turnover(out, held, present, turnover):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(out.size):
        if present[i]:
            total += new_exposure(out[i], held[i])
    if total <= turnover + SLACK:
        return
    share = turnover / total
    for i in range(out.size):
        if present[i]:
            added = new_exposure(out[i], held[i])
            if added > 0.0:
                size = abs(out[i]) - (1.0 - share) * added
                out[i] = math.copysign(size, out[i])


@njit(cache=True)
def _scale(out, present, side, share):  # type: ignore[no-untyped-def]
    """Scale the weights that can be traded: all (side 0), longs (1) or shorts (−1)."""
    for i in range(out.size):
        if present[i] and (side == 0 or out[i] * side > 0.0):
            out[i] *= share


@njit(cache=True)
def project(target, held, present, lower, upper, gross, net_lower, net_upper, turnover):  # type: ignore[no-untyped-def]
    """Weights in the envelope, reached from ``target`` (n,) by shrinking only.

    An absent instrument keeps what it holds and uses up its part of the caps first; where that alone
    breaks a cap, the others must not add to it. A target that is not finite stands for what is held.
    Order: interval, new exposure, gross, net; each step only moves weights towards zero (or
    towards what is held), so none undoes an earlier one. Cost O(n).
    """
    out = np.empty(target.size)
    pinned_gross, pinned_net = 0.0, 0.0
    for i in range(out.size):
        if present[i]:
            w = target[i] if math.isfinite(target[i]) else held[i]
            out[i] = min(max(w, lower[i]), upper[i])
        else:
            out[i] = held[i]
            pinned_gross += abs(held[i])
            pinned_net += held[i]
    _cap_turnover(out, held, present, turnover)
    longs, shorts = 0.0, 0.0
    for i in range(out.size):
        if present[i]:
            longs += max(0.0, out[i])
            shorts += max(0.0, -out[i])
    room = max(gross - pinned_gross, 0.0)
    if longs + shorts > room + SLACK:
        share = room / (longs + shorts)
        _scale(out, present, 0, share)
        longs, shorts = longs * share, shorts * share
    room = max(net_upper - pinned_net, 0.0)
    if longs - shorts > room + SLACK:
        _scale(out, present, 1, (room + shorts) / longs)
    room = max(pinned_net - net_lower, 0.0)
    if shorts - longs > room + SLACK:
        _scale(out, present, -1, (room + longs) / shorts)
    return out
