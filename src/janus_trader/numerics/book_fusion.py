"""One instrument's order books at several venues, read as one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError


class FusedBook(NamedTuple):
    """What the venues say together; NaN prices and ``weight`` 0 where none can be used.

    ``bid`` and ``ask`` are the best prices of the venues used, ``mid`` their middle, ``micro`` the mid weighted
    by the opposite sizes, ``imbalance`` in [-1, 1] the share of depth near the mid on the bid less that on the
    ask, ``weight`` in [0, 1] the freshest venue's, ``dispersion`` the weighted deviation of the venues' mids in
    units of the mean spread, ``used`` and ``refused`` numbers of venues.
    """

    bid: float
    ask: float
    mid: float
    micro: float
    imbalance: float
    weight: float
    dispersion: float
    used: int
    refused: int


@njit(cache=True)
def _valid(price: float, size: float) -> bool:
    return 0.0 < price < math.inf and 0.0 < size < math.inf


@njit(cache=True)
def _best(price, size, highest):  # type: ignore[no-untyped-def]
    """Best valid price of one side, NaN where there is none: the rows are not trusted to be in order."""
    found = math.nan
    for k in range(price.shape[0]):
        if _valid(price[k], size[k]) and (
            math.isnan(found) or (price[k] > found if highest else price[k] < found)
        ):
            found = price[k]
    return found


@njit(cache=True)
def _best_of_venues(bids, asks, keep):  # type: ignore[no-untyped-def]
    bid, ask = -math.inf, math.inf
    for v in range(bids.shape[0]):
        if keep[v] > 0.0:
            bid, ask = max(bid, bids[v]), min(ask, asks[v])
    return bid, ask


@njit(cache=True)
def _near_depth(price, size, weight, mid, reach_bps):  # type: ignore[no-untyped-def]
    """Size on one side, each level faded by its distance from the mid. O(L)."""
    total = 0.0
    for k in range(price.shape[0]):
        if _valid(price[k], size[k]):
            total += weight * size[k] * math.exp(-abs(price[k] - mid) / mid * 1e4 / reach_bps)
    return total


@njit(cache=True)
def _at_best(price, size, weight, best):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(price.shape[0]):
        if price[k] == best and _valid(price[k], size[k]):
            total += weight * size[k]
    return total


@njit(cache=True)
def fuse_kernel(bid_price, bid_size, ask_price, ask_size, weights, reach_bps):  # type: ignore[no-untyped-def]
    """`fuse_books` without checks on arrays (V, L). Returns the nine numbers of `FusedBook`. O(V L + V^2)."""
    venues = weights.shape[0]
    bids, asks, keep = np.empty(venues), np.empty(venues), np.zeros(venues)
    refused = 0
    for v in range(venues):
        bids[v] = _best(bid_price[v], bid_size[v], True)
        asks[v] = _best(ask_price[v], ask_size[v], False)
        if bids[v] <= asks[v] and weights[v] > 0.0:  # false for NaN: a side is missing
            keep[v] = weights[v]
        else:
            refused += 1
    bid, ask = _best_of_venues(bids, asks, keep)
    while bid > ask:
        # venues cross each other: the stalest of those kept is the one that is wrong
        worst = -1
        for v in range(venues):
            if keep[v] > 0.0 and (worst < 0 or keep[v] < keep[worst]):
                worst = v
        keep[worst] = 0.0
        refused += 1
        bid, ask = _best_of_venues(bids, asks, keep)
    if not bid > 0.0 or ask == math.inf:
        return math.nan, math.nan, math.nan, math.nan, 0.0, 0.0, 0.0, 0, refused
    mid = 0.5 * (bid + ask)
    near_bid, near_ask, top_bid, top_ask = 0.0, 0.0, 0.0, 0.0
    total, mean, spread, largest, used = 0.0, 0.0, 0.0, 0.0, 0
    for v in range(venues):
        w = keep[v]
        if w <= 0.0:
            continue
        used += 1
        near_bid += _near_depth(bid_price[v], bid_size[v], w, mid, reach_bps)
        near_ask += _near_depth(ask_price[v], ask_size[v], w, mid, reach_bps)
        top_bid += _at_best(bid_price[v], bid_size[v], w, bid)
        top_ask += _at_best(ask_price[v], ask_size[v], w, ask)
        total += w
        mean += w * 0.5 * (bids[v] + asks[v])
        spread += w * (asks[v] - bids[v])
        largest = max(largest, w)
    mean /= total
    squares = 0.0
    for v in range(venues):
        squares += keep[v] * (0.5 * (bids[v] + asks[v]) - mean) ** 2 if keep[v] > 0.0 else 0.0
    deviation = math.sqrt(squares / total)
    spread /= total
    dispersion = deviation / spread if spread > 0.0 else (0.0 if deviation <= 1e-12 * mid else 1e6)
    micro = (bid * top_ask + ask * top_bid) / (top_bid + top_ask)
    depth = near_bid + near_ask
    imbalance = (near_bid - near_ask) / depth if depth > 0.0 else 0.0
    return bid, ask, mid, micro, imbalance, min(largest, 1.0), dispersion, used, refused


def fuse_books(
    bid_price: np.ndarray,
    bid_size: np.ndarray,
    ask_price: np.ndarray,
    ask_size: np.ndarray,
    weights: np.ndarray,
    reach_bps: float = 10.0,
) -> FusedBook:
    r"""Consolidate the books of several venues (specification eq. 54, 55).

    A book is a set of bids and a set of asks, :math:`\{(p_i, q_i): p_i > 0, q_i > 0\}`; a level with a price or
    size that is not a positive number is no level. With b and a the best prices over the venues used, Q the
    weighted sizes there and m their middle,

    .. math:: micro = \frac{b\,Q_a + a\,Q_b}{Q_a + Q_b}, \qquad
              imbalance = \frac{D_b - D_a}{D_b + D_a}, \qquad
              D = \sum_v w_v \sum_k q_{vk}\, e^{-|p_{vk} - m|/(m\,\rho)}

    Parameters
    ----------
    bid_price, bid_size, ask_price, ask_size : (V, L) arrays
        One row a venue; fill up short books with NaN.
    weights : (V,) array
        Trust in each venue in [0, 1], by the age of its book; 0 leaves it out.
    reach_bps : float
        ρ, the distance from the mid in basis points at which depth counts e times less; positive.

    Returns
    -------
    FusedBook

    Raises
    ------
    DataError
        Shapes differ, or ``reach_bps`` is not positive.

    Notes
    -----
    A venue without two sides, or whose own book is crossed, is refused; a locked one (bid = ask) is used.
    Where venues cross each other, the one of least weight is left out until they do not. O(V L + V²).

    Examples
    --------
    >>> one = [np.array([[99.0]]), np.array([[3.0]]), np.array([[101.0]]), np.array([[1.0]])]
    >>> book = fuse_books(*one, np.ones(1), reach_bps=1000.0)
    >>> book.mid, book.micro, round(book.imbalance, 9)
    (100.0, 100.5, 0.5)

    References
    ----------
    Cartea, Jaimungal & Penalva (2015), Algorithmic and High-Frequency Trading, section 3.3 (imbalance,
    micro-price).
    """
    sides = [np.ascontiguousarray(x, np.float64) for x in (bid_price, bid_size, ask_price, ask_size)]
    w = np.ascontiguousarray(weights, np.float64)
    shapes = [x.shape for x in sides]
    ok = (
        all(len(s) == 2 and s[0] == w.size for s in shapes)
        and shapes[0] == shapes[1]
        and shapes[2] == shapes[3]
    )
    if not ok or w.ndim != 1 or not 0.0 < reach_bps < math.inf:
        raise DataError(
            "book fusion: sides do not fit",
            got=f"{shapes}, {w.shape} weights, reach {reach_bps}",
            expected="(V, L) prices with sizes, (V,) weights, a positive reach",
        )
    return FusedBook(*fuse_kernel(sides[0], sides[1], sides[2], sides[3], w, float(reach_bps)))
