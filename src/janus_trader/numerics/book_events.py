"""What messages did to a book: orders that came, left and traded, with their distance from the best price."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, OrderBook, apply_message

#: One event: index of its message, `What`, side of the queue that it changes (of a trade: the resting side),
#: ticks behind the best price of that side before it (negative: inside the spread), quantity in lots.
EVENT_DTYPE = np.dtype(
    [("message", "i4"), ("what", "u1"), ("side", "u1"), ("distance", "i4"), ("quantity", "i4")], align=True
)
#: Distance where the side was empty.
NOWHERE = 2**31 - 1

_LIMIT, _CANCEL, _TRADE = 0, 1, 2


class What(IntEnum):
    """Kinds of events."""

    LIMIT = _LIMIT
    CANCEL = _CANCEL
    TRADE = _TRADE


class BookEvents(NamedTuple):
    """Events (m,) `EVENT_DTYPE`, and quantity by distance at chosen messages, (k, 2, distances) int32."""

    events: np.ndarray
    profiles: np.ndarray


@njit(cache=True)
def _emit(out, n, k, what, side, bid, ask, last, price, quantity):
    row = out[n]
    row.message, row.what, row.side, row.quantity = k, what, side, quantity
    if side == source.BUY:
        row.distance = bid - price if bid > 0 else NOWHERE
    else:
        row.distance = price - ask if ask < last else NOWHERE
    return n + 1


@njit(cache=True)
def _note_profile(book, out):
    last = book[source.N_TICKS] - 1
    for side in range(2):
        best = book[source.BID + side]
        for d in range(out.shape[1]):
            price = best - d if side == source.BUY else best + d
            out[side, d] = book[source.LEVELS + price] if 0 < price < last else 0


@njit(cache=True)
def _walk(book, messages, executed, first, policy, fills, at, noted, out, n, profiles):
    """Go on from message ``first``; stops where ``fills`` is too small. Returns (next message, events, noted)."""
    last = book[source.N_TICKS] - 1
    for k in range(first, messages.shape[0]):
        if book[source.LIVE] + book[source.TIPS] + 1 >= fills.shape[0]:
            return k, n, noted
        m = messages[k]
        kind, order, price, quantity = (
            np.int64(m.kind),
            np.int64(m.order),
            np.int64(m.price),
            np.int64(m.quantity),
        )
        bid, ask = np.int64(book[source.BID]), np.int64(book[source.ASK])
        node, was, was_price = np.int64(-1), np.int64(0), np.int64(0)
        if 0 <= order < book[source.CAPACITY]:
            node = np.int64(book[source.NODES]) + 4 * order
            was, was_price = np.int64(book[node + source.QUANTITY]), np.int64(book[node + source.PRICE])
        was_side = source.BUY if was_price <= bid else source.SELL
        outcome, filled = apply_message(
            book, fills, 0, k, kind, order, np.int64(m.side), price, quantity, np.int64(m.owner),
            np.int64(m.peak), policy,
        )  # fmt: skip
        if executed[k]:
            hidden = outcome >= source.REFUSED
            side, level = (np.int64(m.side), price) if hidden else (was_side, was_price)
            n = _emit(
                out, n, k, _TRADE, side, bid, ask, last, level, quantity if hidden else min(quantity, was)
            )
        elif outcome < source.REFUSED:
            left = np.int64(book[node + source.QUANTITY]) if node >= 0 else 0
            if kind == source.CANCEL or kind == source.REDUCE:
                n = _emit(out, n, k, _CANCEL, was_side, bid, ask, last, was_price, was - left)
            elif kind == source.REPLACE and price == was_price and quantity <= was:
                if quantity < was:
                    n = _emit(out, n, k, _CANCEL, was_side, bid, ask, last, was_price, was - quantity)
            else:
                side = was_side if kind == source.REPLACE else np.int64(m.side)
                if kind == source.REPLACE:
                    n = _emit(out, n, k, _CANCEL, side, bid, ask, last, was_price, was)
                if filled > 0:
                    total = 0
                    for f in range(filled):
                        total += fills[f, source.FILL_QUANTITY]
                    n = _emit(out, n, k, _TRADE, 1 - side, bid, ask, last, fills[0, source.FILL_PRICE], total)
                if left > 0:
                    n = _emit(out, n, k, _LIMIT, side, bid, ask, last, price, left)
        while noted < at.shape[0] and at[noted] == k:
            _note_profile(book, profiles[noted])
            noted += 1
    return messages.shape[0], n, noted


def book_events(
    book: OrderBook, batch: np.ndarray, executed: np.ndarray, at: np.ndarray, distances: int
) -> BookEvents:
    """Carry out a batch and say what each message did.

    Parameters
    ----------
    book : OrderBook
        Goes on from its present state.
    batch : (n,) array of `MESSAGE_DTYPE`
    executed : (n,) bool
        Which messages are recorded executions: a reduction of the executed order, or one that the book
        refuses because the order was hidden.
    at : (k,) int
        Indices of messages after which the quantity by distance is noted; never decreasing.
    distances : int
        Ticks behind the best price of each side, 0 … distances - 1; at least 1.

    Notes
    -----
    An order that trades and then rests is a trade and a limit order; a replacement is a cancellation and
    what follows. Refused messages are no events. Of an iceberg only the tip counts. O(n + k distances).

    Raises
    ------
    DataError
        Dtypes or shapes that do not fit, indices outside the batch, no distances.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import messages
    >>> quotes = [(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 0, 1, 18, 5)]
    >>> m = messages([*quotes, (Kind.MARKET, 1, 2, 0, 2), (Kind.CANCEL, 0, 1)])
    >>> done = book_events(OrderBook(64, 4), m, np.zeros(4, bool), np.array([3]), 4)
    >>> done.events[["what", "distance", "quantity"]].tolist()[1:]
    [(0, 2, 5), (2, 0, 2), (1, 2, 5)]
    >>> done.profiles[0, 0].tolist()
    [3, 0, 0, 0]
    """
    at = np.ascontiguousarray(at, dtype=np.int64)
    fits = batch.dtype == MESSAGE_DTYPE and batch.ndim == 1 and executed.shape == batch.shape
    if not fits or executed.dtype != bool or distances < 1:
        raise DataError(
            "events of a book: parts do not fit",
            got=f"{batch.dtype} {batch.shape}, {executed.dtype} {executed.shape}, {distances} distances",
            expected="(n,) of MESSAGE_DTYPE, (n,) bool, at least one distance",
        )
    if len(at) and (at[0] < 0 or at[-1] >= len(batch) or np.any(np.diff(at) < 0)):
        raise DataError(
            "events of a book: messages that are not there", got=f"{at.min()} … {at.max()} of {len(batch)}"
        )
    bring = int((batch["kind"] < Kind.CANCEL).sum())
    out = np.empty(len(batch) + bring + 2 * int((batch["kind"] == Kind.REPLACE).sum()), EVENT_DTYPE)
    profiles = np.empty((len(at), 2, distances), np.int32)
    done, n, noted = 0, 0, 0
    while done < len(batch):
        resting = book.live_orders + int(book.array[source.TIPS])
        fills = np.empty((2 * resting + 1_024, 5), np.int32)
        done, n, noted = _walk(
            book.array, batch, executed, done, int(book.self_trade), fills, at, noted, out, n, profiles
        )
    return BookEvents(out[:n].copy(), profiles)
