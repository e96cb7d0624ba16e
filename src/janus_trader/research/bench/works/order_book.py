"""The order book: batches of messages, in one book and in many."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

MESSAGES = 500_000


def market_messages(n: int, capacity: int, depth: int, seed: int) -> np.ndarray:
    """A flow that keeps about ``depth`` orders resting: 45 % limit orders, 45 % cancellations, 10 % market orders.

    Slots are used again as they become free. Closed loop: the flow is drawn against a book of its own.
    """
    from janus_trader.numerics.order_book import MESSAGE_DTYPE
    from janus_trader.research.bench.order_flow import draw_flow

    rng = np.random.default_rng(seed)
    batch = np.zeros(n, MESSAGE_DTYPE)
    draw_flow(batch, rng.random((n, 4)), capacity, depth)
    return batch


def _case(depth: int) -> Case:
    from janus_trader.numerics.order_book import empty_book, run_messages

    batch = market_messages(MESSAGES, 1 << 16, depth, 1)
    fresh = empty_book(4_096, 1 << 16)
    book, outcomes = fresh.copy(), np.empty(len(batch), np.uint8)
    fills = np.empty((2 * len(batch), 5), np.int32)

    def ours() -> int:
        book[:] = fresh
        return run_messages(book, batch, 0, 0, outcomes, fills)[1]

    return Case(ours, MESSAGES, {"batch": batch, "n_ticks": 4_096, "capacity": 1 << 16})


WORKS = (
    Work(
        "order_book.batch",
        "500,000 messages in one call (45 % limit orders, 45 % cancellations, 10 % market orders, about 1,000 "
        "orders resting); every rule of the book on; goal 70 M messages a second",
        "message",
        lambda: _case(1_000),
        goal_ns=1e9 / 70e6,
        growth=_case,
        sizes=(100, 1_000, 10_000),
    ),
)
