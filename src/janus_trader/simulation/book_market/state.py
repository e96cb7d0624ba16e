"""The arrays of one simulated book market, and the names of their parts.

A market is a `MarketState`: a tuple of arrays that compiled functions share, so that a copy of every
array is a snapshot and a step needs no objects. Account 0 is the anonymous flow; agents are the accounts
1 … A. Every account but 0 owns `SLOTS` order slots for resting orders and one for orders that never
rest; the slots behind them belong to the flow.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from janus_trader.numerics.order_book import MESSAGE_DTYPE

#: Nothing here allocates and arrays come in as arguments: without reference counts it is far quicker.
OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


def inlined(function: Any) -> Any:
    """A small part of the event loop, put into its caller by the compiler."""
    return njit(forceinline=True, **OPTIONS)(function)


SLOTS = 4
OWN_SLOTS = SLOTS + 1

# What is on its way to the market: requests of accounts, then events that are no requests.
QUOTE, LIMIT, TAKE, WITHDRAW, WAKE, NEWS = range(6)

# What `advance` returns.
REACHED, COUNTED, UNIFORMS, LOG_FULL, EDGE = range(5)

# Kinds of agents.
EXTERNAL, MAKER, MOMENTUM, REVERTING, INFORMED, NOISE, METAORDER = range(7)

# Kinds of flow.
HAWKES, QUEUE_REACTIVE = range(2)

# Quantile tables of a flow.
LIMIT_SIZE, MARKET_SIZE, DEEP, INSIDE = range(4)
QUANTILES = 256

NEVER = 2**62
#: Uniforms that one turn of the event loop uses at most.
SPARE = 32

HEAD_DTYPE = np.dtype(
    [
        # clock and counters
        ("time", "i8"), ("sequence", "i8"), ("cursor", "i8"), ("live", "i8"), ("free", "i8"),
        ("in_flight", "i8"), ("logged", "i8"), ("traded", "i8"), ("noted", "i8"), ("messages", "i8"),
        ("dropped", "i8"), ("overdue", "i8"), ("reference", "i8"), ("refill_price", "i8"), ("refill_side", "i8"),
        ("next_flow", "i8"), ("stale", "i8"), ("drawn_activity", "f8"), ("drawn_supply", "f8"),
        ("excited_at", "i8"), ("bound", "f8"), ("total", "f8"),
        # what a scenario may turn at any time
        ("fundamental", "f8"), ("activity", "f8"), ("supply", "f8"), ("pressure", "f8"),
        # the rules of the market
        ("volatility", "f8"), ("news_ns", "i8"), ("pull", "f8"), ("session_ns", "i8"), ("u_shape", "f8"),
        ("policy", "i8"), ("maker_fee", "f8"), ("taker_fee", "f8"), ("keep", "i8"),
        # the flow
        ("kind", "i8"), ("per_unit", "f8"), ("far_limit", "f8"), ("far_cancel", "f8"), ("refill", "f8"),
        ("decay", "f8"), ("target", "f8"), ("spread", "f8"),
    ],
    align=True,
)  # fmt: skip

AGENT_DTYPE = np.dtype(
    [
        ("kind", "i8"), ("latency_ns", "i8"), ("jitter_ns", "i8"), ("period_ns", "i8"), ("start_ns", "i8"),
        ("stop_ns", "i8"), ("size", "i8"), ("limit", "i8"), ("side", "i8"), ("remaining", "i8"),
        ("half_spread", "f8"), ("skew", "f8"), ("threshold", "f8"), ("fast_s", "f8"), ("slow_s", "f8"),
        ("permanent", "f8"),
        # what the agent remembers
        ("last_arrival", "i8"), ("seen_ns", "i8"), ("fast", "f8"), ("slow", "f8"),
        # its account
        ("cash", "i8"), ("inventory", "i8"), ("fees", "f8"), ("messages", "i8"),
    ],
    align=True,
)  # fmt: skip

# Columns of what is in flight: the heap of times and of the rows that hold what arrives then; behind the
# heap's end ROW lists the rows that are not in use. The other columns are those of a row.
TIME, ROW, SEQUENCE, ACCOUNT, WHAT, SIDE, SLOT, PRICE, QUANTITY = range(9)

#: One fill: time, price in ticks, lots, side of the aggressor, accounts of both, and the message.
TRADE_DTYPE = np.dtype(
    [("ts", "i8")]
    + [(n, "i4") for n in ("price", "quantity", "side", "maker", "taker")]
    + [("message", "i8")],
    align=True,
)
#: The known value of the instrument over time, in ticks.
PATH_DTYPE = np.dtype([("ts", "i8"), ("value", "f8")])


class MarketState(NamedTuple):
    """One market.

    Attributes
    ----------
    head : (1,) `HEAD_DTYPE`
    book : the array of the order book, see `janus_trader.numerics.order_book_source`
    fills : (capacity + 1, 5) int32, of the last message
    slots : (3, capacity) int32, the flow's free slots, its live ones, and each one's place among those
    agents : (A + 1,) `AGENT_DTYPE`
    in_flight : (most, 9) int64, a heap of requests and wake-ups, earliest first
    uniforms : numbers in [0, 1), used from ``head.cursor`` on
    rates : (3, K, N + 1) float64, limit orders, cancellations, market orders a second by level and size
    base : (d,) float64, jumps : (d, d) float64 by source, excitation : (d,) float64, of a Hawkes flow
    quantiles : (4, 256) int32, of limit sizes, market sizes, deep distances, improvements
    scratch : (2 K,) float64
    log, log_times : messages that reached the book, and when
    trades, path : see `TRADE_DTYPE`, `PATH_DTYPE`
    """

    head: np.ndarray
    book: np.ndarray
    fills: np.ndarray
    slots: np.ndarray
    agents: np.ndarray
    in_flight: np.ndarray
    uniforms: np.ndarray
    rates: np.ndarray
    base: np.ndarray
    jumps: np.ndarray
    excitation: np.ndarray
    quantiles: np.ndarray
    scratch: np.ndarray
    log: np.ndarray
    log_times: np.ndarray
    trades: np.ndarray
    path: np.ndarray


def copy_state(state: MarketState) -> MarketState:
    """A copy that shares no array."""
    return MarketState(*(a.copy() for a in state))


def reset_state(state: MarketState, fresh: MarketState) -> None:
    """Put ``state`` back to what ``fresh`` is, in place. Logs are emptied, not copied."""
    for name in MarketState._fields:
        if name not in ("log", "log_times", "trades", "path"):
            getattr(state, name)[:] = getattr(fresh, name)
    head = state.head[0]
    head["logged"] = head["traded"] = head["noted"] = 0


def empty_logs(keep: bool, rows: int, capacity: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Room for ``rows`` messages, their times, trades and the path; one row each where nothing is kept."""
    n = rows if keep else 1
    trades = rows + 2 * capacity if keep else 1
    return (
        np.zeros(n, MESSAGE_DTYPE), np.zeros(n, np.int64), np.zeros(trades, TRADE_DTYPE), np.zeros(n, PATH_DTYPE)
    )  # fmt: skip


def empty_calendar(most: int) -> np.ndarray:
    """Room for ``most`` requests and wake-ups on their way, see the columns above."""
    calendar = np.zeros((most, QUANTITY + 1), np.int64)
    calendar[:, ROW] = np.arange(most)
    return calendar


def whole(parts: list[np.ndarray]) -> np.ndarray:
    """Parts of a log as one array whose padding is zero, so that equal logs are equal bytes."""
    out = np.zeros(sum(len(p) for p in parts), parts[0].dtype)
    for name in out.dtype.names or ():
        out[name] = np.concatenate([p[name] for p in parts])
    if out.dtype.names is None:
        out[:] = np.concatenate(parts)
    return out
