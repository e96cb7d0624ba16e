"""Replay of recorded messages through the order book, with the best levels after each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import FILL_DTYPE, MESSAGE_DTYPE, OrderBook, apply_message

#: Best levels in ticks and lots; price -1 and quantity 0 where a side is empty.
BEST_DTYPE = np.dtype([("bid", "i4"), ("bid_quantity", "i4"), ("ask", "i4"), ("ask_quantity", "i4")])


class Replay(NamedTuple):
    """Outcomes (n,) uint8; fills (m,) `FILL_DTYPE`; best levels after each message (n,) `BEST_DTYPE`."""

    outcomes: np.ndarray
    fills: np.ndarray
    best: np.ndarray


@njit(cache=True, nogil=True)
def note_best(book, row) -> None:
    """Write the best levels of a book array into a record of `BEST_DTYPE`. O(1)."""
    bid, ask = book[source.BID], book[source.ASK]
    row.bid, row.bid_quantity, row.ask, row.ask_quantity = -1, 0, -1, 0
    if bid > 0:
        row.bid, row.bid_quantity = bid, book[source.LEVELS + bid]
    if ask < book[source.N_TICKS] - 1:
        row.ask, row.ask_quantity = ask, book[source.LEVELS + ask]


@njit(cache=True, nogil=True)
def _replay(book, messages, first, policy, outcomes, fills, best):
    n_fills = 0
    for k in range(first, messages.shape[0]):
        if n_fills + book[source.LIVE] + book[source.TIPS] >= fills.shape[0]:
            return k, n_fills
        m = messages[k]
        outcomes[k], n_fills = apply_message(
            book, fills, n_fills, k, np.int64(m.kind), np.int64(m.order), np.int64(m.side), np.int64(m.price),
            np.int64(m.quantity), np.int64(m.owner), np.int64(m.peak), policy,
        )  # fmt: skip
        note_best(book, best[k])
    return messages.shape[0], n_fills


def replay(book: OrderBook, batch: np.ndarray) -> Replay:
    """Carry out a batch and note the best levels after every message.

    Parameters
    ----------
    book : OrderBook
        Goes on from its present state.
    batch : (n,) array of `MESSAGE_DTYPE`

    Raises
    ------
    DataError
        Another dtype or shape.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import Kind, messages
    >>> quotes = messages([(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 1, 1, 22, 3), (Kind.MARKET, 0, 2, 0, 1)])
    >>> replay(OrderBook(64, 4), quotes).best.tolist()
    [(20, 5, -1, 0), (20, 5, 22, 3), (20, 5, 22, 2)]
    """
    if batch.dtype != MESSAGE_DTYPE or batch.ndim != 1:
        raise DataError(
            "book replay: not a batch of messages",
            got=(str(batch.dtype), batch.shape),
            expected="(n,) of MESSAGE_DTYPE",
        )
    outcomes, best = np.empty(len(batch), np.uint8), np.empty(len(batch), BEST_DTYPE)
    parts: list[np.ndarray] = []
    done = 0
    while done < len(batch) or not parts:
        resting = book.live_orders + int(book.array[source.TIPS])
        fills = np.empty((2 * resting + len(batch) - done + 1, 5), np.int32)
        done, n = _replay(book.array, batch, done, int(book.self_trade), outcomes, fills, best)
        parts.append(fills[:n])
    every = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return Replay(outcomes, every.view(FILL_DTYPE).reshape(-1), best)
