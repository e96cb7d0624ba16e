"""A limit order book with price-time priority that takes messages in batches.

The algorithm is `janus_trader.numerics.order_book_source`; here it is compiled for the processor and
given a class. `janus_trader.numerics.order_book_cuda` compiles the same source for a GPU.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics import order_book_source as source

#: One message: what is asked for (`Kind`), the side (0 buy, 1 sell), the order's slot, price in ticks,
#: quantity in lots, the owner (0: nobody) and, for an iceberg, the quantity that it shows at a time.
MESSAGE_DTYPE = np.dtype(
    [
        ("kind", "u2"),
        ("side", "u2"),
        ("order", "i4"),
        ("price", "i4"),
        ("quantity", "i4"),
        ("owner", "i4"),
        ("peak", "i4"),
    ],
    align=True,
)
#: One fill: slots of the resting and of the incoming order, price in ticks, quantity, and the index of the
#: message in its batch.
FILL_DTYPE = np.dtype([(name, "i4") for name in ("maker", "taker", "price", "quantity", "message")])


class Kind(IntEnum):
    """What a message asks for."""

    LIMIT = source.LIMIT
    MARKET = source.MARKET
    IMMEDIATE = source.IMMEDIATE
    FILL_OR_KILL = source.FILL_OR_KILL
    POST_ONLY = source.POST_ONLY
    ICEBERG = source.ICEBERG
    CANCEL = source.CANCEL
    REPLACE = source.REPLACE
    REDUCE = source.REDUCE


class Outcome(IntEnum):
    """What became of a message; from `BAD_KIND` on it was refused and changed nothing."""

    ACCEPTED = source.ACCEPTED
    STOPPED_SELF_TRADE = source.STOPPED_SELF_TRADE
    BAD_KIND = source.BAD_KIND
    BAD_SIDE = source.BAD_SIDE
    BAD_QUANTITY = source.BAD_QUANTITY
    BAD_PRICE = source.BAD_PRICE
    BAD_ORDER = source.BAD_ORDER
    UNKNOWN_ORDER = source.UNKNOWN_ORDER
    DUPLICATE_ORDER = source.DUPLICATE_ORDER
    WOULD_CROSS = source.WOULD_CROSS
    NOT_FILLABLE = source.NOT_FILLABLE
    LEVEL_FULL = source.LEVEL_FULL
    TOO_MANY_TIPS = source.TOO_MANY_TIPS

    @property
    def refused(self) -> bool:
        """Whether the message changed nothing."""
        return self >= source.REFUSED


class SelfTrade(IntEnum):
    """What happens when an order meets another of its owner."""

    ALLOW = source.ALLOW
    CANCEL_RESTING = source.CANCEL_RESTING
    CANCEL_INCOMING = source.CANCEL_INCOMING
    CANCEL_BOTH = source.CANCEL_BOTH


class Executed(NamedTuple):
    """Outcome of each message (n,) uint8, see `Outcome`, and the fills in order, (m,) `FILL_DTYPE`."""

    outcomes: np.ndarray
    fills: np.ndarray


# Without reference counts on arrays: taking and giving them back costs more than the matching itself.
# Nothing here allocates.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


def _compile(function: Any, inline: bool) -> Any:
    return njit(forceinline=inline, **_OPTIONS)(function)


_compiled = source.compile_order_book(_compile)
run_messages = _compiled["run_messages"]
apply_message = _compiled["apply_message"]
next_level = _compiled["next_level"]


def book_size(n_ticks: int, capacity: int) -> int:
    """Number of int32 in the array of one book.

    >>> book_size(256, 100)
    2260
    """
    return _parts(n_ticks, capacity)[-1]


def _parts(n_ticks: int, capacity: int) -> tuple[int, int, int, int, int, int]:
    blocks = source.LEVELS + n_ticks
    nodes = -(-(blocks + (n_ticks >> source.BLOCK_SHIFT) + 1) // 4) * 4
    owners = nodes + 4 * (capacity + n_ticks)
    hidden = owners + capacity
    reserves = hidden + 2 * capacity
    return blocks, nodes, owners, hidden, reserves, reserves + n_ticks


def empty_book(n_ticks: int, capacity: int) -> np.ndarray:
    """The array of an empty book; the layout is that of `janus_trader.numerics.order_book_source`.

    Raises
    ------
    ConfigError
        Fewer than 4 ticks, no capacity, or a book whose places do not fit int32.
    """
    if n_ticks < 4 or capacity < 1 or book_size(n_ticks, capacity) > source.LARGEST:
        raise ConfigError(
            "order book of an unusable size",
            got=f"{n_ticks} ticks, {capacity} orders",
            expected="at least 4 ticks and 1 order, together below 2**28",
            remedy="lay a coarser or a narrower ladder",
        )
    blocks, nodes, owners, hidden, reserves, size = _parts(n_ticks, capacity)
    book = np.zeros(size, np.int32)
    sizes = (n_ticks, capacity, blocks, nodes, owners, hidden, reserves)
    book[: source.TIPS + 1] = (*sizes, 0, n_ticks - 1, 0, 0)
    for sentinel in (0, n_ticks - 1):
        book[source.LEVELS + sentinel] = 1
        book[blocks + (sentinel >> source.BLOCK_SHIFT)] += 1
    headers = nodes + 4 * (capacity + np.arange(n_ticks))
    book[headers + source.NEXT] = headers
    book[headers + source.PREVIOUS] = headers
    return book


@njit(cache=True)
def _depth(book: np.ndarray, side: int, out: np.ndarray) -> int:
    price = book[source.BID + side]
    step = 2 * side - 1
    edge = 0 if side == source.BUY else book[source.N_TICKS] - 1
    found = 0
    while price != edge and found < out.shape[0]:
        out[found, 0] = price
        out[found, 1] = book[source.LEVELS + price]
        found += 1
        price = next_level(book, price, step)
    return found


@njit(cache=True)
def _queue(book: np.ndarray, price: int, out: np.ndarray) -> int:
    header = book[source.NODES] + 4 * (book[source.CAPACITY] + price)
    node = book[header + source.NEXT]
    found = 0
    while node != header:
        out[found, 0] = (node - book[source.NODES]) >> 2
        out[found, 1] = book[node + source.QUANTITY]
        found += 1
        node = book[node + source.NEXT]
    return found


class OrderBook:
    """One book; orders are named by slots that the sender chooses and may use again once they are free.

    Parameters
    ----------
    n_ticks : int
        Levels of the price ladder; prices 1 … n_ticks − 2 are usable.
    capacity : int
        Number of order slots, 0 … capacity − 1.
    self_trade : SelfTrade
        What happens when two orders of one owner meet. Owner 0 is nobody and trades with everybody.

    Notes
    -----
    Limit, market, immediate-or-cancel, fill-or-kill, post-only and iceberg orders; cancel, reduce by a
    quantity (keeps the place in the queue), replace (keeps it at the same price with no more quantity,
    otherwise the order leaves and comes in again and may trade). A replaced or reduced iceberg loses its
    hidden rest; all icebergs of a book together may hide 2**20 tips. What rests at a price, hidden rests
    included, fits an int32. A refused message changes nothing; the reason is in ``outcomes``.

    Cost: O(1) a message, plus O(1) a fill, plus the empty levels that a best price crosses (64 at a
    time where nothing rests). Made for batches: a call from Python costs more than twenty messages.

    Raises
    ------
    ConfigError
        Unusable sizes.

    Examples
    --------
    >>> book = OrderBook(n_ticks=200, capacity=10)
    >>> m = messages([(Kind.LIMIT, 1, 0, 101, 5), (Kind.LIMIT, 1, 1, 101, 5), (Kind.LIMIT, 0, 2, 102, 7)])
    >>> done = book.run(m)
    >>> done.fills[["maker", "price", "quantity"]].tolist()
    [(0, 101, 5), (1, 101, 2)]
    >>> book.best_bid, book.best_ask, book.depth(1).tolist()
    (None, 101, [[101, 3]])
    """

    def __init__(self, n_ticks: int, capacity: int, self_trade: SelfTrade = SelfTrade.ALLOW) -> None:
        self._fresh = empty_book(n_ticks, capacity)
        self.array = self._fresh.copy()
        self.self_trade = SelfTrade(self_trade)

    @property
    def n_ticks(self) -> int:
        """Levels of the ladder, the two unusable edges included."""
        return int(self.array[source.N_TICKS])

    @property
    def capacity(self) -> int:
        """Number of order slots."""
        return int(self.array[source.CAPACITY])

    @property
    def best_bid(self) -> int | None:
        """Highest price somebody buys at, None without bids."""
        price = int(self.array[source.BID])
        return price if price > 0 else None

    @property
    def best_ask(self) -> int | None:
        """Lowest price somebody sells at, None without asks."""
        price = int(self.array[source.ASK])
        return price if price < self.n_ticks - 1 else None

    @property
    def live_orders(self) -> int:
        """Number of resting orders."""
        return int(self.array[source.LIVE])

    def run(self, batch: np.ndarray) -> Executed:
        """Carry out messages in order.

        Parameters
        ----------
        batch : (n,) array of `MESSAGE_DTYPE`

        Raises
        ------
        DataError
            Another dtype or shape.
        """
        if batch.dtype != MESSAGE_DTYPE or batch.ndim != 1:
            raise DataError(
                "order book: not a batch of messages",
                got=(str(batch.dtype), batch.shape),
                expected="(n,) of MESSAGE_DTYPE",
                remedy="build it with `messages`",
            )
        outcomes = np.empty(len(batch), np.uint8)
        parts: list[np.ndarray] = []
        done = 0
        while done < len(batch) or not parts:
            resting = self.live_orders + int(self.array[source.TIPS])
            fills = np.empty((2 * resting + len(batch) - done + 1, 5), np.int32)
            done, n = run_messages(self.array, batch, done, int(self.self_trade), outcomes, fills)
            parts.append(fills[:n])
        every = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Executed(outcomes, every.view(FILL_DTYPE).reshape(-1))

    def depth(self, side: int, levels: int | None = None) -> np.ndarray:
        """Prices and shown quantities from the best on, (k, 2) int64; k ≤ ``levels``. O(levels walked)."""
        most = min(self.n_ticks, self.n_ticks if levels is None else levels)
        out = np.empty((most, 2), np.int64)
        return out[: _depth(self.array, int(side), out)].copy()

    def queue(self, price: int) -> np.ndarray:
        """Slots and shown quantities of the orders at a price, oldest first, (k, 2) int64.

        Raises
        ------
        DataError
            The price is off the ladder.
        """
        if not 0 < price < self.n_ticks - 1:
            raise DataError("no such level", got=price, expected=f"1 … {self.n_ticks - 2}")
        out = np.empty((self.live_orders, 2), np.int64)
        return out[: _queue(self.array, price, out)].copy()

    def order(self, slot: int) -> tuple[int, int] | None:
        """Price and shown quantity of a live order, None when there is none in that slot."""
        if not 0 <= slot < self.capacity:
            return None
        node = int(self.array[source.NODES]) + 4 * slot
        price, quantity = (int(self.array[node + k]) for k in (source.PRICE, source.QUANTITY))
        return (price, quantity) if quantity > 0 else None

    def reset(self) -> None:
        """Back to an empty book."""
        self.array[:] = self._fresh

    def snapshot(self) -> bytes:
        """The whole book as bytes."""
        return self.array.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to a book of another size."""
        array = np.frombuffer(raw, np.int32) if len(raw) == self.array.nbytes else None
        if array is None or not np.array_equal(array[: source.BID], self._fresh[: source.BID]):
            raise IntegrityError(
                "order book: snapshot does not fit",
                expected=f"{self.array.nbytes} bytes of a book with {self.n_ticks} ticks",
                remedy="restore with the sizes it was taken with",
            )
        self.array = array.copy()


def messages(rows: Any) -> np.ndarray:
    """A batch from tuples (kind, side, order, price, quantity[, owner[, peak]]).

    >>> messages([(Kind.CANCEL, 0, 7, 0, 0)])["order"].tolist()
    [7]
    """
    batch = np.zeros(len(rows), MESSAGE_DTYPE)
    for k, row in enumerate(rows):
        batch[k] = tuple(int(x) for x in row) + (0,) * (7 - len(row))
    return batch
