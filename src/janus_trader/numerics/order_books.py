"""Many independent order books at once: in turn on the processor, or one a thread on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.order_book import FILL_DTYPE, MESSAGE_DTYPE, SelfTrade, empty_book, run_messages


class ExecutedBooks(NamedTuple):
    """Outcomes (B, n) uint8; fills (m,) of `FILL_DTYPE`, book after book, each in order; fills a book (B,)."""

    outcomes: np.ndarray
    fills: np.ndarray
    counts: np.ndarray


@njit(cache=True, nogil=True)
def _run_in_turn(books, messages, first, policy, outcomes, fills, counts) -> None:
    for b in range(books.shape[0]):
        first[b], counts[b] = run_messages(books[b], messages[b], first[b], policy, outcomes[b], fills[b])


class OrderBooks:
    """``n_books`` books of one size.

    Parameters
    ----------
    n_books, n_ticks, capacity : int
    self_trade : SelfTrade
        As for `janus_trader.numerics.order_book.OrderBook`.
    device : str
        ``"cpu"``, or ``"cuda"``: the books then stay in the GPU's memory between batches.

    Notes
    -----
    Every book does exactly what an `OrderBook` does; where the algorithm runs changes nothing. Cost: that
    of the messages; on a GPU the slowest book of a warp sets the pace.

    Raises
    ------
    ConfigError
        Unusable sizes, an unknown device, or ``"cuda"`` without a GPU.

    Examples
    --------
    >>> from janus_trader.numerics.order_book import Kind, messages
    >>> books = OrderBooks(2, n_ticks=64, capacity=4)
    >>> quote = messages([(Kind.LIMIT, 1, 0, 30, 5), (Kind.MARKET, 0, 1, 0, 2)])
    >>> done = books.run(np.stack([quote, quote]))
    >>> done.counts.tolist(), done.fills["quantity"].tolist()
    ([1, 1], [2, 2])
    """

    def __init__(
        self,
        n_books: int,
        n_ticks: int,
        capacity: int,
        self_trade: SelfTrade = SelfTrade.ALLOW,
        device: str = "cpu",
    ) -> None:
        if n_books < 1 or device not in ("cpu", "cuda"):
            raise ConfigError(
                "order books", got=f"{n_books} on {device}", expected="at least 1, on cpu or cuda"
            )
        if device == "cuda":
            from janus_trader.numerics.order_book_cuda import cuda_available

            usable = cuda_available()
        else:
            usable = True
        if not usable:
            raise ConfigError(
                "no GPU can be used", got=device, expected="a CUDA device", remedy="take device='cpu'"
            )
        self.self_trade = SelfTrade(self_trade)
        self.device = device
        self._capacity, self._n_books = capacity, n_books
        books = np.repeat(empty_book(n_ticks, capacity)[None], n_books, axis=0)
        self._books = self._to_device(books)

    def _to_device(self, array: np.ndarray) -> Any:
        if self.device == "cpu":
            return array
        from janus_trader.numerics.order_book_cuda import to_device

        return to_device(array)

    def arrays(self) -> np.ndarray:
        """The books, (n_books, size) int32, as `OrderBook.array`; a copy when they live on a GPU."""
        return self._books if self.device == "cpu" else self._books.copy_to_host()

    def run(self, batch: np.ndarray) -> ExecutedBooks:
        """Carry out one row of messages in each book.

        Parameters
        ----------
        batch : (n_books, n) array of `MESSAGE_DTYPE`

        Raises
        ------
        DataError
            Another dtype or shape.
        """
        if batch.dtype != MESSAGE_DTYPE or batch.ndim != 2 or len(batch) != self._n_books:
            raise DataError(
                "order books: not a batch of messages",
                got=(str(batch.dtype), batch.shape),
                expected=f"({self._n_books}, n) of MESSAGE_DTYPE",
            )
        n = batch.shape[1]
        batch = self._to_device(np.ascontiguousarray(batch))
        outcomes = self._to_device(np.zeros((self._n_books, n), np.uint8))
        first = np.zeros(self._n_books, np.int64)
        parts: list[list[np.ndarray]] = [[] for _ in range(self._n_books)]
        room = 2 * self._capacity + n + 1
        while True:
            before = first.copy()
            first, fills, counts = self._step(batch, first, outcomes, room)
            for b in np.flatnonzero(counts):
                parts[b].append(fills[b, : counts[b]])
            if (first >= n).all():
                break
            if (first == before).any():  # icebergs may fill more at once than there are orders
                room *= 2
        every = np.concatenate([p for part in parts for p in part] or [np.zeros((0, 5), np.int32)])
        totals = np.array([sum(map(len, part)) for part in parts])
        host = outcomes if self.device == "cpu" else outcomes.copy_to_host()
        return ExecutedBooks(host, np.ascontiguousarray(every).view(FILL_DTYPE).reshape(-1), totals)

    def _step(self, batch: Any, first: np.ndarray, outcomes: Any, room: int) -> tuple[np.ndarray, ...]:
        """Go on with every book until its messages or its room for fills end."""
        fills, counts = np.empty((self._n_books, room, 5), np.int32), np.zeros(self._n_books, np.int64)
        if self.device == "cpu":
            _run_in_turn(self._books, batch, first, int(self.self_trade), outcomes, fills, counts)
            return first, fills, counts
        from janus_trader.numerics.order_book_cuda import launch

        d_first, d_fills, d_counts = (self._to_device(a) for a in (first, fills, counts))
        launch(self._books, batch, d_first, int(self.self_trade), outcomes, d_fills, d_counts)
        return d_first.copy_to_host(), d_fills.copy_to_host(), d_counts.copy_to_host()
