"""Does price-time priority explain a record's executions?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.book_replay import replay
from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, OrderBook, apply_message


class Priority(NamedTuple):
    """Of ``executions`` of known orders: at the best price of their side; first in their queue there."""

    executions: int
    at_best: int
    first_in_queue: int


class Matched(NamedTuple):
    """What price-time matching makes of recorded executions.

    ``quantity`` executed in the record, ``agreed`` of it given to the order that the record names; of
    ``later`` messages about resting orders, ``lost`` found theirs gone; ``best`` (n,) are the best levels.
    """

    quantity: int
    agreed: int
    later: int
    lost: int
    best: np.ndarray


@njit(cache=True, nogil=True)
def _priority(book, messages, executed, policy, fills):
    count, best, first = 0, 0, 0
    for k in range(messages.shape[0]):
        m = messages[k]
        order = np.int64(m.order)
        if executed[k] and 0 <= order < book[source.CAPACITY]:
            node = book[source.NODES] + 4 * order
            if book[node + source.QUANTITY] > 0:
                price = book[node + source.PRICE]
                header = book[source.NODES] + 4 * (book[source.CAPACITY] + price)
                count += 1
                if price == book[source.BID] or price == book[source.ASK]:
                    best += 1
                    first += book[header + source.NEXT] == node
        apply_message(
            book, fills, 0, k, np.int64(m.kind), order, np.int64(m.side), np.int64(m.price),
            np.int64(m.quantity), np.int64(m.owner), np.int64(m.peak), policy,
        )  # fmt: skip
    return count, best, first


def execution_priority(book: OrderBook, batch: np.ndarray, executed: np.ndarray) -> Priority:
    """How often an executed order was the first of the best price, in a record that is followed.

    Parameters
    ----------
    book : OrderBook
        Empty, of the record's sizes; it ends as the record does.
    batch : (n,) array of `MESSAGE_DTYPE`
    executed : (n,) bool
        Which messages are recorded executions (a reduction of the executed order).

    Notes
    -----
    Nothing is matched, so one surprise does not cause the next. An order behind a hidden one, or one that
    was placed before the record began, is first in its queue only as far as the record knows. O(n).

    Raises
    ------
    DataError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import messages
    >>> m = messages([(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 0, 1, 20, 5), (Kind.REDUCE, 0, 1, 20, 2)])
    >>> execution_priority(OrderBook(64, 4), m, np.array([False, False, True]))
    Priority(executions=1, at_best=1, first_in_queue=0)
    """
    _check(batch, executed)
    fills = np.empty((book.capacity + 2, 5), np.int32)
    return Priority(*(int(x) for x in _priority(book.array, batch, executed, int(book.self_trade), fills)))


def match_executions(book: OrderBook, batch: np.ndarray, executed: np.ndarray) -> Matched:
    """Replay a record with its executions as market orders, and see which resting orders they meet.

    Each execution becomes a market order of its quantity from the other side, and the book decides who is
    filled. Unlike in `execution_priority`, a mistake stays: the order filled wrongly is gone later, and the
    one that should have been filled is still there. O(n).

    Parameters
    ----------
    book : OrderBook
        Empty, of the record's sizes; its last slot must be free in the record: the aggressors use it.
    batch, executed
        As in `execution_priority`.

    Raises
    ------
    DataError
        Shapes or dtypes that do not fit, or the last slot is used.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import messages
    >>> m = messages([(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 0, 1, 20, 5), (Kind.REDUCE, 0, 1, 20, 2)])
    >>> match_executions(OrderBook(64, 4), m, np.array([False, False, True]))[:4]
    (2, 0, 0, 0)
    """
    _check(batch, executed)
    spare = book.capacity - 1
    if (batch["order"] >= spare).any():
        raise DataError(
            "matching a record: no free slot for aggressors", got=spare, expected="a last slot unused"
        )
    named = executed & (batch["order"] >= 0)
    market = batch.copy()
    market["kind"][named] = Kind.MARKET
    market["side"][named] = 1 - batch["side"][named]
    market["order"][named] = spare
    market["peak"][named] = 0
    done = replay(book, market)
    fills = done.fills[named[done.fills["message"]]]
    agreed = fills["maker"] == batch["order"][fills["message"]]
    later = (batch["kind"] >= Kind.CANCEL) & (batch["order"] >= 0) & ~executed
    return Matched(
        int(batch["quantity"][named].sum(dtype=np.int64)),
        int(fills["quantity"][agreed].sum(dtype=np.int64)),
        int(later.sum()),
        int((done.outcomes[later] == source.UNKNOWN_ORDER).sum()),
        done.best,
    )


def _check(batch: np.ndarray, executed: np.ndarray) -> None:
    if (
        batch.dtype != MESSAGE_DTYPE
        or batch.ndim != 1
        or executed.shape != batch.shape
        or executed.dtype != bool
    ):
        raise DataError(
            "priority of executions: parts do not fit",
            got=f"{batch.dtype} {batch.shape}, {executed.dtype} {executed.shape}",
            expected="(n,) of MESSAGE_DTYPE and (n,) bool",
        )
