"""Depth of an order book at chosen messages of a replay."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import MESSAGE_DTYPE, OrderBook, apply_message, next_level


@njit(cache=True, nogil=True)
def note_depth(book, out) -> None:
    """Write the best levels of both sides, (2, levels, 2) price and quantity; -1 and 0 beyond the last.

    O(levels walked).
    """
    for side in range(2):
        edge = 0 if side == source.BUY else book[source.N_TICKS] - 1
        price = book[source.BID + side]
        for k in range(out.shape[1]):
            if price == edge:
                out[side, k, 0], out[side, k, 1] = -1, 0
            else:
                out[side, k, 0], out[side, k, 1] = price, book[source.LEVELS + price]
                price = next_level(book, price, 2 * side - 1)


@njit(cache=True, nogil=True)
def _depth_at(book, messages, policy, fills, at, out):
    done = 0
    for j in range(at.shape[0]):
        while done <= at[j]:
            m = messages[done]
            apply_message(
                book, fills, 0, done, np.int64(m.kind), np.int64(m.order), np.int64(m.side),
                np.int64(m.price), np.int64(m.quantity), np.int64(m.owner), np.int64(m.peak), policy,
            )  # fmt: skip
            done += 1
        note_depth(book, out[j])


def depth_at(book: OrderBook, batch: np.ndarray, at: np.ndarray, levels: int) -> np.ndarray:
    """Best levels of both sides after chosen messages.

    Parameters
    ----------
    book : OrderBook
        Goes on from its present state, up to the last message chosen.
    batch : (n,) array of `MESSAGE_DTYPE`
    at : (k,) int
        Indices of messages, never decreasing.
    levels : int
        Levels a side, at least 1.

    Returns
    -------
    (k, 2, levels, 2) int32
        Side (0 bids, 1 asks), level from the best on, then price in ticks (-1: no such level) and quantity
        in lots (0). O(n + k levels).

    Raises
    ------
    ConfigError
        No levels.
    DataError
        Another dtype, or indices that decrease or lie outside the batch.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import Kind, messages
    >>> quotes = messages([(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 1, 1, 22, 3), (Kind.LIMIT, 1, 2, 25, 4)])
    >>> depth_at(OrderBook(64, 4), quotes, np.array([2]), 2).tolist()
    [[[[20, 5], [-1, 0]], [[22, 3], [25, 4]]]]
    """
    if levels < 1:
        raise ConfigError("depth of a book: no levels", got=levels, expected="at least 1")
    at = _checked(batch, at)
    out = np.empty((len(at), 2, levels, 2), np.int32)
    _depth_at(book.array, batch, int(book.self_trade), _room(book, batch), at, out)
    return out


@njit(cache=True, nogil=True)
def _ladder_at(book, messages, policy, fills, at, low, step, out):
    done = 0
    last = book[source.N_TICKS] - 2
    for j in range(at.shape[0]):
        while done <= at[j]:
            m = messages[done]
            apply_message(
                book, fills, 0, done, np.int64(m.kind), np.int64(m.order), np.int64(m.side),
                np.int64(m.price), np.int64(m.quantity), np.int64(m.owner), np.int64(m.peak), policy,
            )  # fmt: skip
            done += 1
        for price in range(max(low, 1), min(low + step * out.shape[1] - 1, last) + 1):
            quantity = book[source.LEVELS + price]
            out[j, (price - low) // step] += quantity if price <= book[source.BID] else -quantity


def ladder_at(book: OrderBook, batch: np.ndarray, at: np.ndarray, low: int, step: int, n: int) -> np.ndarray:
    """Quantities of ``n`` neighbouring price bands after chosen messages, asks below zero.

    Parameters
    ----------
    book, batch, at
        As in `depth_at`.
    low : int
        First price of the first band, in ticks.
    step : int
        Ticks a band, at least 1.
    n : int
        Number of bands, at least 1.

    Returns
    -------
    (k, n) int64
        Bids minus asks of each band. O(messages + k n step).

    Raises
    ------
    ConfigError
        No bands.
    DataError
        As `depth_at`.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import Kind, messages
    >>> quotes = messages([(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 1, 1, 22, 3), (Kind.LIMIT, 1, 2, 25, 4)])
    >>> ladder_at(OrderBook(64, 4), quotes, np.array([2]), 20, 2, 3).tolist()
    [[5, -3, -4]]
    """
    if step < 1 or n < 1:
        raise ConfigError(
            "depth of a book: no bands", got=f"{n} of {step} ticks", expected="at least 1 of each"
        )
    at = _checked(batch, at)
    out = np.zeros((len(at), n), np.int64)
    _ladder_at(book.array, batch, int(book.self_trade), _room(book, batch), at, int(low), int(step), out)
    return out


def _checked(batch: np.ndarray, at: np.ndarray) -> np.ndarray:
    at = np.asarray(at, np.int64)
    if batch.dtype != MESSAGE_DTYPE or batch.ndim != 1:
        raise DataError(
            "depth of a book: not a batch of messages", got=str(batch.dtype), expected="(n,) of MESSAGE_DTYPE"
        )
    if len(at) and (at[0] < 0 or at[-1] >= len(batch) or np.any(np.diff(at) < 0)):
        raise DataError(
            "depth of a book: messages that are not there",
            got=f"{int(at.min())} … {int(at.max())} of {len(batch)}",
            expected="indices within the batch that never decrease",
        )
    return at


def _room(book: OrderBook, batch: np.ndarray) -> np.ndarray:
    """Room for the fills of any one message."""
    return np.empty((book.capacity + 2 * _most_tips(book, batch) + 2, 5), np.int32)


def _most_tips(book: OrderBook, batch: np.ndarray) -> int:
    """Most fills that hidden rests can add to one message."""
    iceberg = batch["peak"] > 0
    tips = batch["quantity"][iceberg].astype(np.int64) // batch["peak"][iceberg]
    return int(book.array[source.TIPS]) + int(np.clip(tips, 0, None).sum())
