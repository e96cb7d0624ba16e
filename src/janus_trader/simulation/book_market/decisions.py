"""What the agents of a simulated market decide when they wake up.

An agent sees the book as it is; what it sends arrives after its latency. Prices are in ticks, quantities
in lots, times in seconds unless a name says otherwise.
"""

from __future__ import annotations

import math

from numba import njit

from janus_trader.numerics import order_book_source as source
from janus_trader.simulation.book_market.flow_draw import uniform
from janus_trader.simulation.book_market.in_flight import push, send
from janus_trader.simulation.book_market.state import (
    INFORMED,
    MAKER,
    METAORDER,
    MOMENTUM,
    NEWS,
    OPTIONS,
    OWN_SLOTS,
    QUOTE,
    REVERTING,
    TAKE,
    WAKE,
    WITHDRAW,
    inlined,
)


@inlined
def own_node(book, account, slot):
    """Place in the book of an account's own order."""
    return book[source.NODES] + 4 * ((account - 1) * OWN_SLOTS + slot)


@inlined
def quote(head, book, agents, heap, uniforms, account, side, price, quantity):
    """Send what is needed to have ``quantity`` rest at ``price`` in the slot of a side; often nothing."""
    node = own_node(book, account, side)
    left = book[node + source.QUANTITY]
    if quantity <= 0:
        if left > 0:
            send(head, agents, heap, uniforms, account, WITHDRAW, side, side, 0, 0)
    elif left == 0 or book[node + source.PRICE] != price:
        send(head, agents, heap, uniforms, account, QUOTE, side, side, price, quantity)


@inlined
def make_market(head, book, agents, heap, uniforms, account, mid):
    """Two quotes around a price that is shifted against the inventory.

    Reservation price r = mid - skew q, quotes at r -/+ half_spread, rounded away from the market
    (Avellaneda and Stoikov 2008: skew = gamma sigma^2 T, half_spread = skew / 2 + ln(1 + gamma / kappa) / gamma).
    """
    a = agents[account]
    centre = mid - a.skew * a.inventory
    bid = min(math.floor(centre - a.half_spread), book[source.ASK] - 1)
    ask = max(math.ceil(centre + a.half_spread), book[source.BID] + 1)
    buy = min(a.size, a.limit - a.inventory)
    sell = min(a.size, a.limit + a.inventory)
    quote(head, book, agents, heap, uniforms, account, source.BUY, bid, buy)
    quote(head, book, agents, heap, uniforms, account, source.SELL, ask, sell)


@inlined
def take(head, agents, heap, uniforms, account, side):
    """Send a market order of the agent's size, less where its inventory would pass its limit."""
    a = agents[account]
    room = a.limit - a.inventory if side == source.BUY else a.limit + a.inventory
    quantity = min(a.size, room)
    if quantity > 0:
        send(head, agents, heap, uniforms, account, TAKE, side, 0, 0, quantity)


@inlined
def follow(head, agents, account, mid):
    """Bring the agent's two averages of the mid up to date; the fast one minus the slow one."""
    a = agents[account]
    if a.seen_ns < 0:
        a.fast = a.slow = mid
    else:
        gap = (head.time - a.seen_ns) * 1e-9
        a.fast = mid + (a.fast - mid) * math.exp(-gap / a.fast_s)
        a.slow = mid + (a.slow - mid) * math.exp(-gap / a.slow_s)
    a.seen_ns = head.time
    return a.fast - a.slow


@inlined
def make_noise(head, book, agents, heap, uniforms, account):
    """A market order, or a limit order at the best price, on either side."""
    side = int(uniform(head, uniforms) * 2.0)
    if uniform(head, uniforms) < agents[account].threshold:
        take(head, agents, heap, uniforms, account, side)
    else:
        quote(
            head, book, agents, heap, uniforms, account, side, book[source.BID + side], agents[account].size
        )


@inlined
def slice_order(head, agents, heap, uniforms, account):
    """Send the next slice of a metaorder; the last takes the rest."""
    a = agents[account]
    quantity = min(a.size, a.remaining)
    if a.stop_ns - head.time <= a.period_ns:
        quantity = a.remaining
    if quantity > 0:
        a.remaining -= quantity
        send(head, agents, heap, uniforms, account, TAKE, a.side, 0, 0, quantity)


@inlined
def act(head, book, agents, heap, uniforms, account, mid):
    """Decide by the agent's kind."""
    a = agents[account]
    if a.kind == MAKER:
        make_market(head, book, agents, heap, uniforms, account, mid)
    elif a.kind == MOMENTUM or a.kind == REVERTING:
        trend = follow(head, agents, account, mid)
        if abs(trend) > a.threshold:
            up = (trend > 0.0) == (a.kind == MOMENTUM)
            take(head, agents, heap, uniforms, account, source.BUY if up else source.SELL)
    elif a.kind == INFORMED:
        if head.fundamental - book[source.ASK] > a.threshold:
            take(head, agents, heap, uniforms, account, source.BUY)
        elif book[source.BID] - head.fundamental > a.threshold:
            take(head, agents, heap, uniforms, account, source.SELL)
    else:
        make_noise(head, book, agents, heap, uniforms, account)


@njit(**OPTIONS)
def wake(head, book, agents, heap, uniforms, account):
    """One awakening: the agent decides, and says when it wakes next.

    With a side of the book empty only metaorders act. Waiting times are exponential with mean
    ``period_ns``; a metaorder's are all ``period_ns``. After ``stop_ns`` an agent withdraws its quotes.
    """
    a = agents[account]
    bid, ask = book[source.BID], book[source.ASK]
    two_sided = bid > 0 and ask < book[source.N_TICKS] - 1
    if head.time >= a.stop_ns:
        quote(head, book, agents, heap, uniforms, account, source.BUY, 0, 0)
        quote(head, book, agents, heap, uniforms, account, source.SELL, 0, 0)
        return
    if a.kind == METAORDER:
        slice_order(head, agents, heap, uniforms, account)
        wait = a.period_ns
    else:
        if two_sided:
            act(head, book, agents, heap, uniforms, account, 0.5 * (bid + ask))
        wait = 1 + int(-math.log(1.0 - uniform(head, uniforms)) * a.period_ns)
    push(head, heap, min(head.time + wait, max(a.stop_ns, head.time + 1)), account, WAKE, 0, 0, 0, 0)


@njit(**OPTIONS)
def news(head, heap, uniforms, path):
    """Move the known value by a Gaussian step, note it, and say when the next one comes."""
    if head.volatility > 0.0:
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(head, uniforms)))
        step = radius * math.cos(2.0 * math.pi * uniform(head, uniforms))
        head.fundamental += head.volatility * math.sqrt(head.news_ns * 1e-9) * step
    if head.keep and head.noted < path.shape[0]:
        path[head.noted].ts = head.time
        path[head.noted].value = head.fundamental
        head.noted += 1
    push(head, heap, head.time + head.news_ns, 0, NEWS, 0, 0, 0, 0)
