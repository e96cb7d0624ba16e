"""Recorded messages as events of an order flow: what arrived, where, and what the book was like."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import apply_message
from janus_trader.simulation.book_market.flow_draw import follow_reference
from janus_trader.simulation.book_market.state import HEAD_DTYPE
from janus_trader.stores.book_recordings import EXECUTED, BookRecording

#: Actions of a flow; the rows of a queue-reactive flow's tables.
LIMIT, CANCEL, MARKET = range(3)

#: One event: time (ns), action, side (of the order; of the aggressor for a market order), price in ticks
#: (for a market order the best price it met), lots, best prices and reference before it (-1: none), and the
#: number of the message.
EVENT_DTYPE = np.dtype(
    [("ts", "i8")]
    + [(n, "i4") for n in ("action", "side", "price", "quantity", "bid", "ask", "reference")]
    + [("message", "i8")],
    align=True,
)
_FEWEST = 100


@njit(cache=True)
def _note(events, n, ts, action, side, price, quantity, bid, ask, reference, message) -> int:
    e = events[n]
    e.ts, e.action, e.side, e.price, e.quantity = ts, action, side, price, quantity
    e.bid, e.ask, e.reference, e.message = bid, ask, reference, message
    return n + 1


@njit(cache=True)
def traded(fills, n_fills) -> int:
    """Lots of a message's fills."""
    total = 0
    for f in range(n_fills):
        total += fills[f, source.FILL_QUANTITY]
    return total


@njit(cache=True)
def _walk(book, head, messages, times, opening, policy, fills, events):
    n, live = 0, 0.0
    for k in range(messages.shape[0]):
        m = messages[k]
        kind, order = np.int64(m.kind), np.int64(m.order)
        side, price, quantity = int(m.side), int(m.price), int(m.quantity)
        bid, ask, reference = book[source.BID], book[source.ASK], head.reference
        node = book[source.NODES] + 4 * order if 0 <= order < book[source.CAPACITY] else -1
        old_price, old_left = 0, 0
        if node >= 0:
            old_price, old_left = book[node + source.PRICE], book[node + source.QUANTITY]
        outcome, n_fills = apply_message(
            book, fills, 0, 0, kind, order, side, price, quantity, np.int64(m.owner), np.int64(m.peak), policy
        )
        follow_reference(head, book)
        live += book[source.LIVE]
        if k < opening or outcome >= source.REFUSED:
            continue
        if kind >= source.CANCEL:
            side = source.BUY if old_price <= bid else source.SELL
        bid, ask = bid if bid > 0 else -1, ask if ask < book[source.N_TICKS] - 1 else -1
        if kind == source.REDUCE and m.peak == EXECUTED:
            last, taken = events[n - 1], min(quantity, old_left)
            if n > 0 and last.action == MARKET and last.ts == times[k] and last.side == 1 - side:
                last.quantity += taken
            else:
                n = _note(events, n, times[k], MARKET, 1 - side, old_price, taken, bid, ask, reference, k)
            continue
        if kind >= source.CANCEL:
            left = book[node + source.QUANTITY] if book[node + source.PRICE] == old_price else 0
            if kind == source.REPLACE and not (price == old_price and left <= old_left and left > 0):
                left = 0
            n = _note(events, n, times[k], CANCEL, side, old_price, old_left - left, bid, ask, reference, k)
            if kind != source.REPLACE or left > 0:
                continue
        if n_fills > 0:
            n = _note(
                events, n, times[k], MARKET, side, fills[0, source.FILL_PRICE], traded(fills, n_fills), bid, ask,
                reference, k,
            )  # fmt: skip
        elif book[node + source.QUANTITY] > 0:
            n = _note(events, n, times[k], LIMIT, side, price, quantity, bid, ask, reference, k)
    return n, live / max(messages.shape[0], 1)


def flow_events(recording: BookRecording) -> tuple[np.ndarray, float]:
    """The events of a recording after its opening, (n,) `EVENT_DTYPE`, and the mean number of resting orders.

    An order that trades on arrival is a market order of what it traded; executions of a feed at one time
    with one aggressor are one market order; a replacement is a cancellation and a new order. Refused
    messages and executions of hidden orders are no events.

    Raises
    ------
    DataError
        Fewer than 100 events, or no time passes between the first and the last.
    """
    h, m = recording.header, recording.messages
    book = recording.fresh_book()
    events = np.zeros(2 * len(m) + 1, EVENT_DTYPE)
    n, live = _walk(
        book.array, fresh_head(h.n_ticks)[0], m, recording.ts_event, h.opening, h.self_trade,
        np.zeros((h.capacity + 1, 5), np.int32), events,
    )  # fmt: skip
    events = events[:n]
    if n < _FEWEST or events["ts"][-1] <= events["ts"][0]:
        raise DataError(
            f"{h.symbol}: too little happens to fit an order flow",
            got=f"{n} events" + ("" if n == 0 else f" in {int(events['ts'][-1] - events['ts'][0])} ns"),
            expected=f"at least {_FEWEST} events over some time",
            remedy="record longer",
        )
    return events, float(live)


def fresh_head(n_ticks: int) -> np.recarray:
    """A market's head record that only follows the reference price, from the middle of the ladder."""
    head = np.zeros(1, HEAD_DTYPE)
    head["reference"] = n_ticks // 2
    return head.view(np.recarray)
