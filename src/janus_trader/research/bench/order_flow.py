"""A plain random order flow for the benchmarks of the book."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import apply_message, empty_book

N_TICKS = 4_096
MEAN_OFFSET, MEAN_QUANTITY = 8.0, 10.0


@njit(cache=True)
def _forget(live, place, free, counts, order) -> None:
    at, last = place[order], live[counts[0] - 1]
    live[at] = last
    place[last] = at
    place[order] = -1
    counts[0] -= 1
    free[counts[1]] = order
    counts[1] += 1


@njit(cache=True)
def _draw(batch, u, book, depth, fills, live, place, free, counts) -> None:
    middle = N_TICKS // 2
    for k in range(batch.size):
        bid, ask = book[source.BID], book[source.ASK]
        if bid <= 0:
            bid = middle - 1
        if ask >= N_TICKS - 1:
            ask = middle + 1
        m = batch[k]
        full = counts[0] >= depth
        if (not full or u[k, 0] < 0.45) and counts[1] > 1:
            offset = int(-math.log(1.0 - u[k, 2]) * MEAN_OFFSET)
            m.kind, m.side = source.LIMIT, int(u[k, 1] < 0.5)
            m.price = max(min(ask - 1 - offset if m.side == 0 else bid + 1 + offset, N_TICKS - 2), 1)
            counts[1] -= 1
            m.order = free[counts[1]]
            live[counts[0]] = m.order
            place[m.order] = counts[0]
            counts[0] += 1
        elif u[k, 0] < 0.9:
            m.kind, m.order = source.CANCEL, live[int(u[k, 1] * counts[0])]
        else:
            # the more, the farther the price is from the middle: it stays on the ladder
            lean = 0.5 + 0.25 * ((bid + ask) / 2.0 - middle) / 200.0
            m.kind, m.side, m.order = source.MARKET, int(u[k, 1] < lean), free[counts[1] - 1]
        m.quantity = 1 + int(-math.log(1.0 - u[k, 3]) * MEAN_QUANTITY)
        _, n = apply_message(
            book, fills, 0, k, m.kind, m.order, m.side, m.price, m.quantity, 0, 0, source.ALLOW
        )
        if m.kind == source.CANCEL:
            _forget(live, place, free, counts, m.order)
        for f in range(n):
            maker = fills[f, source.MAKER]
            if book[book[source.NODES] + 4 * maker + source.QUANTITY] == 0:
                _forget(live, place, free, counts, maker)
        if m.kind == source.LIMIT and book[book[source.NODES] + 4 * m.order + source.QUANTITY] == 0:
            _forget(live, place, free, counts, m.order)


def draw_flow(batch: np.ndarray, uniforms: np.ndarray, capacity: int, depth: int) -> None:
    """Fill ``batch`` (n,) with messages drawn from ``uniforms`` (n, 4): see `works.order_book`."""
    free = np.arange(capacity)[::-1].copy()
    live, place = np.zeros(capacity, np.int64), np.full(capacity, -1)
    fills = np.zeros((capacity + 1, 5), np.int32)
    counts = np.array([0, capacity])
    _draw(batch, uniforms, empty_book(N_TICKS, capacity), depth, fills, live, place, free, counts)
