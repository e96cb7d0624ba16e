"""The event loop of a simulated book market, and what an agent from outside does with it.

Flow, agents and known value share one clock. What happens next is the earlier of the flow's next event
and the earliest entry in flight; a message is whatever reaches the order book, refused ones included.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import apply_message, next_level
from janus_trader.simulation.book_market.decisions import news, own_node, wake
from janus_trader.simulation.book_market.flow_draw import (
    emptied_best,
    follow_reference,
    hawkes_message,
    limit_message,
    reactive_message,
    schedule,
    uniform,
)
from janus_trader.simulation.book_market.in_flight import pop, push, send
from janus_trader.simulation.book_market.state import (
    ACCOUNT,
    COUNTED,
    DEEP,
    EDGE,
    HAWKES,
    LIMIT,
    LOG_FULL,
    NEVER,
    NEWS,
    OPTIONS,
    OWN_SLOTS,
    PRICE,
    QUANTITY,
    QUOTE,
    REACHED,
    SIDE,
    SLOT,
    SLOTS,
    SPARE,
    TAKE,
    UNIFORMS,
    WAKE,
    WHAT,
    inlined,
)

_MARGIN = 2


@inlined
def arrived(head, book, row):
    """The message that a request has become now that it is at the market; kind -1 for nothing.

    A quote is slid to the last price at which it does not trade. Where its slot is in use it replaces
    that order, on the side that the order has.
    """
    account, what, side = row[ACCOUNT], row[WHAT], row[SIDE]
    price, quantity = row[PRICE], row[QUANTITY]
    order = (account - 1) * OWN_SLOTS + row[SLOT]
    if what == TAKE:
        order = (account - 1) * OWN_SLOTS + SLOTS
        return source.IMMEDIATE if price > 0 else source.MARKET, order, side, price, quantity
    node = book[source.NODES] + 4 * order
    resting = book[node + source.QUANTITY] > 0
    if what != QUOTE and what != LIMIT:
        return source.CANCEL if resting else -1, order, side, 0, 0
    if resting:
        side = source.BUY if book[node + source.PRICE] <= book[source.BID] else source.SELL
    if what == QUOTE:
        slid = min(price, book[source.ASK] - 1) if side == source.BUY else max(price, book[source.BID] + 1)
        price = min(max(slid, 1), book[source.N_TICKS] - 2)
    return source.REPLACE if resting else source.LIMIT, order, side, price, quantity


@inlined
def from_flow(head, book, slots, rates, base, jumps, excitation, quantiles, scratch, uniforms):
    """The message of the flow whose time has come."""
    if head.refill_price > 0:
        price = head.refill_price
        head.refill_price = 0
        return limit_message(head, slots, quantiles, uniforms, head.refill_side, price)
    head.next_flow = -1
    if head.kind == HAWKES:
        return hawkes_message(head, book, slots, base, jumps, excitation, quantiles, uniforms)
    return reactive_message(head, book, slots, rates, quantiles, scratch, uniforms)


@inlined
def occupy(head, slots, order):
    """An order of the flow rests now."""
    head.free -= 1
    slots[1, head.live] = order
    slots[2, order] = head.live
    head.live += 1


@inlined
def vacate(head, slots, order):
    """An order of the flow is gone."""
    head.live -= 1
    last = slots[1, head.live]
    at = slots[2, order]
    slots[1, at] = last
    slots[2, last] = at
    slots[0, head.free] = order
    head.free += 1


@inlined
def settle(head, book, fills, n_fills, slots, agents, account, side, trades):
    """Book every fill of one message: cash, inventory, fees, slots of the flow, trades, lasting impact."""
    sign = 1 - 2 * side
    for f in range(n_fills):
        maker, price, quantity = (
            fills[f, source.MAKER],
            fills[f, source.FILL_PRICE],
            fills[f, source.FILL_QUANTITY],
        )
        other = book[book[source.OWNERS] + maker]
        value = np.int64(price) * quantity * sign
        taker_row, maker_row = agents[account], agents[other]
        taker_row.cash -= value
        taker_row.inventory += sign * quantity
        taker_row.fees += head.taker_fee * quantity
        maker_row.cash += value
        maker_row.inventory -= sign * quantity
        maker_row.fees += head.maker_fee * quantity
        head.fundamental += taker_row.permanent * sign * quantity
        if other == 0 and book[book[source.NODES] + 4 * maker + source.QUANTITY] == 0:
            vacate(head, slots, maker)
        if head.keep:
            t = trades[head.traded]
            t.ts, t.price, t.quantity, t.side = head.time, price, quantity, side
            t.maker, t.taker, t.message = other, account, head.messages
            head.traded += 1


@inlined
def write_down(head, log, log_times, kind, order, side, price, quantity, account):
    """Keep a message."""
    m = log[head.logged]
    m.kind, m.side, m.order, m.price = kind, side, order, price
    m.quantity, m.owner, m.peak = quantity, account, 0
    log_times[head.logged] = head.time
    head.logged += 1


@inlined
def blocked(head, book, log, trades, uniforms):
    """Why the loop cannot take another turn: REACHED where it can."""
    if head.cursor + SPARE > uniforms.shape[0]:
        return UNIFORMS
    if head.keep and (head.logged >= log.shape[0] or head.traded + book[source.LIVE] + 1 > trades.shape[0]):
        return LOG_FULL
    return REACHED


@njit(**OPTIONS)
def run(
    head, book, fills, slots, agents, heap, uniforms, rates, base, jumps, excitation, quantiles, scratch,
    log, log_times, trades, path, until_ns, most
):  # fmt: skip
    """`advance` on the arrays one by one."""
    goal = head.messages + most if most >= 0 else NEVER
    n_ticks, far = book[source.N_TICKS], rates.shape[1] + quantiles[DEEP, -1] + _MARGIN
    if head.drawn_activity != head.activity or head.drawn_supply != head.supply:
        head.next_flow = head.stale = -1
    while True:
        stop = blocked(head, book, log, trades, uniforms)
        if stop != REACHED:
            return stop
        if head.messages >= goal:
            return COUNTED
        if head.reference < far or head.reference > n_ticks - 1 - far:
            return EDGE
        if head.next_flow < 0:
            schedule(head, book, rates, base, excitation, scratch, uniforms)
        flows = head.next_flow if head.refill_price == 0 else head.time
        arrives = heap[0, 0] if head.in_flight > 0 else NEVER
        if min(flows, arrives) > until_ns:
            head.time = max(until_ns, head.time)
            return REACHED
        account = 0
        if flows < arrives:
            head.time = flows
            kind, order, side, price, quantity = from_flow(
                head, book, slots, rates, base, jumps, excitation, quantiles, scratch, uniforms
            )
        else:
            head.time = max(arrives, head.time)
            row = heap[pop(head, heap)]
            account = row[ACCOUNT]
            if row[WHAT] == WAKE:
                wake(head, book, agents, heap, uniforms, account)
                continue
            if row[WHAT] == NEWS:
                news(head, heap, uniforms, path)
                continue
            kind, order, side, price, quantity = arrived(head, book, row)
        if kind < 0:
            continue
        bid, ask = book[source.BID], book[source.ASK]
        if kind == source.CANCEL and account == 0:
            vacate(head, slots, order)
        _, n_fills = apply_message(
            book, fills, 0, 0, kind, order, side, price, quantity, account, 0, head.policy
        )
        if head.keep:
            write_down(head, log, log_times, kind, order, side, price, quantity, account)
        if n_fills > 0:
            settle(head, book, fills, n_fills, slots, agents, account, side, trades)
        if (
            account == 0
            and kind == source.LIMIT
            and book[book[source.NODES] + 4 * order + source.QUANTITY] > 0
        ):
            occupy(head, slots, order)
        head.messages += 1
        agents[account].messages += 1
        head.next_flow = -1
        if kind == source.REPLACE or (kind == source.CANCEL and account > 0):
            head.stale = -1
        elif head.stale == 0:
            head.stale = price if n_fills == 0 else book[source.ASK - side]
        else:
            head.stale = -1
        if book[source.BID] != bid or book[source.ASK] != ask:
            head.stale = -1
            follow_reference(head, book)
            if head.refill > 0.0 and account == 0 and (kind == source.MARKET or kind == source.CANCEL):
                emptied_best(head, book, bid, ask, uniform(head, uniforms))


@njit(**OPTIONS)
def advance(state, until_ns, n_messages):
    """Let a market run until a time, or for a number of messages (any number when negative).

    Returns
    -------
    int
        REACHED: the clock shows ``until_ns``. COUNTED: the messages are done. UNIFORMS: ``state.uniforms``
        must be filled again (``head.cursor = 0``). LOG_FULL: the logs must be emptied. EDGE: the price is
        at the end of the ladder, and stays there.
    """
    return run(
        state.head[0], state.book, state.fills, state.slots, state.agents, state.in_flight, state.uniforms,
        state.rates, state.base, state.jumps, state.excitation, state.quantiles, state.scratch, state.log,
        state.log_times, state.trades, state.path, until_ns, n_messages,
    )  # fmt: skip


@njit(**OPTIONS)
def submit(state, account, what, side, slot, price, quantity):
    """Send a request of an account; it arrives after the account's latency. False: refused.

    ``what``: QUOTE rests at ``price`` in the account's ``slot`` and is slid so that it never takes; LIMIT
    may trade at once; TAKE never rests and trades at any price (``price`` 0) or at ``price`` or better;
    WITHDRAW cancels what is in ``slot``. Refused are an unknown account, request, side or slot, a
    quantity below 1 for anything but WITHDRAW, a price off the ladder, and what finds no room in flight.
    Uses at most one uniform.
    """
    head = state.head[0]
    if not (0 < account < state.agents.shape[0] and 0 <= slot < SLOTS and 0 <= side <= 1):
        return False
    if not QUOTE <= what < WAKE:
        return False
    if what < TAKE + 1:
        lowest = 0 if what == TAKE else 1
        if quantity < 1 or price < lowest or price > state.book[source.N_TICKS] - 2:
            return False
    if head.cursor >= state.uniforms.shape[0]:
        return False
    return send(
        head, state.agents, state.in_flight, state.uniforms, account, what, side, slot, price, quantity
    )


@njit(**OPTIONS)
def expect(state, time, account, what):
    """Put an awakening (WAKE) or a move of the known value (NEWS) on the market's calendar."""
    return push(state.head[0], state.in_flight, time, account, what, 0, 0, 0, 0)


@njit(**OPTIONS)
def queue_ahead(book, node):
    """Lots that trade before the order at a node."""
    header = book[source.NODES] + 4 * (book[source.CAPACITY] + book[node + source.PRICE])
    at, ahead = book[header + source.NEXT], 0
    while at != node and at != header:
        ahead += book[at + source.QUANTITY]
        at = book[at + source.NEXT]
    return ahead


@njit(**OPTIONS)
def middle(book):
    """Mid price in ticks, NaN where a side is empty."""
    bid, ask = book[source.BID], book[source.ASK]
    return 0.5 * (bid + ask) if bid > 0 and ask < book[source.N_TICKS] - 1 else math.nan


@njit(**OPTIONS)
def observe(state, account, levels, out):
    """What an account sees, into ``out`` (4 levels + 6 + 3 SLOTS,) float64. O(levels + own queues).

    Bid price, bid quantity, ask price, ask quantity of each level (NaN and 0 where empty); time (ns), mid
    (NaN: a side is empty), inventory, cash, fees, known value; then price (NaN: none), quantity and
    quantity ahead of each own order.
    """
    book, head, a = state.book, state.head[0], state.agents[account]
    for side in range(2):
        price = book[source.BID + side]
        edge = 0 if side == source.BUY else book[source.N_TICKS] - 1
        for k in range(levels):
            there = price != edge
            out[4 * k + 2 * side] = price if there else math.nan
            out[4 * k + 2 * side + 1] = book[source.LEVELS + price] if there else 0
            if there:
                price = next_level(book, price, 2 * side - 1)
    at = 4 * levels
    out[at], out[at + 1], out[at + 2] = head.time, middle(book), a.inventory
    out[at + 3], out[at + 4], out[at + 5] = a.cash, a.fees, head.fundamental
    for slot in range(SLOTS if account > 0 else 0):
        node = own_node(book, account, slot)
        here, left = at + 6 + 3 * slot, book[node + source.QUANTITY]
        out[here] = book[node + source.PRICE] if left > 0 else math.nan
        out[here + 1] = left
        out[here + 2] = queue_ahead(book, node) if left > 0 else 0


@njit(**OPTIONS)
def mark(state, account):
    """An account's cash, inventory at the mid, less fees, in ticks times lots; NaN where a side is empty."""
    a = state.agents[account]
    held = a.inventory * middle(state.book) if a.inventory != 0 else 0.0
    return a.cash + held - a.fees


@njit(**OPTIONS)
def plant(state, side, price, quantity):
    """Put one order of the flow into the book before the market begins. It must not trade."""
    head, book = state.head[0], state.book
    order = state.slots[0, head.free - 1]
    apply_message(book, state.fills, 0, 0, source.LIMIT, order, side, price, quantity, 0, 0, source.ALLOW)
    occupy(head, state.slots, order)
    if head.keep:
        write_down(head, state.log, state.log_times, source.LIMIT, order, side, price, quantity, 0)
    head.messages += 1
    follow_reference(head, book)
