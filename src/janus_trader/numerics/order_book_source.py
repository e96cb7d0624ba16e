"""The matching algorithm as plain functions, compiled from here for the processor and for the GPU.

One book with strict price-time priority on a ladder of ``n_ticks`` price levels is one int32 array, so
that a copy of it is a snapshot, a matrix of them is many books, and a call passes one pointer:

============  ====================  ==================================================================
part          size                  what
============  ====================  ==================================================================
head          16                    sizes, where the parts begin, best bid and ask, live orders, tips
levels        n_ticks               quantity resting at a price; the first and last are sentinels
blocks        n_ticks / 64 + 1      how many levels of 64 hold anything, to cross deserts quickly
nodes         4 (capacity+n_ticks)  next, previous, price, quantity of each order; then the headers of
                                    the levels' circular queues: an empty queue needs no branch
owners        capacity              who owns an order; 0 is nobody
hidden        2 capacity            hidden rest of an iceberg and the size of its tip
reserves      n_ticks               quantity hidden at a price: with what is shown it fits an int32
============  ====================  ==================================================================

A *node* below is a place in the array; order ``i`` has the node ``nodes + 4 i``. The functions are not
decorated: `compile_order_book` binds them to a compiler. They use integers and one array only and are
meant to be inlined: at 10 ns a message the passing of arrays is what costs.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

# Sides. A buyer walks up the asks, a seller down the bids.
BUY, SELL = 0, 1

# What a message asks for. Those before CANCEL bring a new order.
LIMIT, MARKET, IMMEDIATE, FILL_OR_KILL, POST_ONLY, ICEBERG, CANCEL, REPLACE, REDUCE = range(9)

# What became of a message. Everything from REFUSED on changed nothing.
ACCEPTED, STOPPED_SELF_TRADE = 0, 1
REFUSED = 10
BAD_KIND, BAD_SIDE, BAD_QUANTITY, BAD_PRICE, BAD_ORDER, UNKNOWN_ORDER, DUPLICATE_ORDER = range(10, 17)
WOULD_CROSS, NOT_FILLABLE, LEVEL_FULL, TOO_MANY_TIPS = 17, 18, 19, 20

# Self-trade prevention: allow, cancel the resting order, the incoming one, or both.
ALLOW, CANCEL_RESTING, CANCEL_INCOMING, CANCEL_BOTH = range(4)

# Places of the head; BID + side is the best price of a side, ASK - side that of the other.
N_TICKS, CAPACITY, BLOCKS, NODES, OWNERS, HIDDEN, RESERVES, BID, ASK, LIVE, TIPS = range(11)
LEVELS = 16

# Places of a node, columns of the fills.
NEXT, PREVIOUS, PRICE, QUANTITY = range(4)
MAKER, TAKER, FILL_PRICE, FILL_QUANTITY, FILL_MESSAGE = range(5)

BLOCK_SHIFT = 6
LARGEST = 2**31 - 1
#: Tips that the icebergs of a book may still hide: what one message can fill stays bounded.
MOST_TIPS = 2**20


def next_level(book, price, step):
    """The nearest price beyond ``price`` in direction ``step`` that holds anything; sentinels stop it."""
    price += step
    while book[LEVELS + price] == 0:
        block = price >> BLOCK_SHIFT
        if book[book[BLOCKS] + block] == 0:
            price = (block + 1) << BLOCK_SHIFT if step > 0 else (block << BLOCK_SHIFT) - 1
        else:
            price += step
    return price


def leave_queue(book, node):
    """Unlink a node from its level's queue."""
    after = book[node + NEXT]
    before = book[node + PREVIOUS]
    book[before + NEXT] = after
    book[after + PREVIOUS] = before


def join_queue(book, node, header):
    """Link a node at the end of a level's queue."""
    tail = book[header + PREVIOUS]
    book[node + NEXT] = header
    book[node + PREVIOUS] = tail
    book[tail + NEXT] = node
    book[header + PREVIOUS] = node


def forget_hidden(book, order):
    """Drop the hidden rest of an order, if it has one."""
    at = book[HIDDEN] + 2 * order
    if book[at] > 0:
        book[TIPS] -= (book[at] + book[at + 1] - 1) // book[at + 1]
        book[book[RESERVES] + book[book[NODES] + 4 * order + PRICE]] -= book[at]
        book[at] = 0


def take_out(book, order, node):
    """Remove a resting order from the book."""
    price = book[node + PRICE]
    leave_queue(book, node)
    left = book[LEVELS + price] - book[node + QUANTITY]
    book[node + QUANTITY] = 0
    book[LEVELS + price] = left
    book[LIVE] -= 1
    forget_hidden(book, order)
    if left == 0:
        book[book[BLOCKS] + (price >> BLOCK_SHIFT)] -= 1
        if price == book[BID]:
            book[BID] = next_level(book, price, -1)
        elif price == book[ASK]:
            book[ASK] = next_level(book, price, 1)


def fillable(book, side, limit, quantity, owner, policy):
    """Whether ``quantity`` can be traded at ``limit`` or better right now, hidden rests included.

    Where an order of the same owner would stop the trade, what counts at its level is what is shown ahead
    of it: the next tip of an iceberg queues up behind it.
    """
    step = 1 - 2 * side
    price = book[ASK - side]
    guarded = policy != ALLOW and owner != 0
    while (price - limit) * step <= 0:
        header = book[NODES] + 4 * (book[CAPACITY] + price)
        node = book[header + NEXT]
        shown = 0
        behind = 0
        while node != header:
            order = (node - book[NODES]) >> 2
            if guarded and book[book[OWNERS] + order] == owner:
                if policy != CANCEL_RESTING:
                    return shown >= quantity
            else:
                shown += book[node + QUANTITY]
                behind += book[book[HIDDEN] + 2 * order]
            node = book[node + NEXT]
        quantity -= shown + behind
        if quantity <= 0:
            return True
        price = next_level(book, price, step)
    return False


def show_next_tip(book, order, node, header):
    """Show more of an iceberg, at the end of its queue; the quantity shown, 0 when nothing is hidden."""
    at = book[HIDDEN] + 2 * order
    rest = book[at]
    if rest == 0:
        return 0
    tip = min(rest, book[at + 1])
    book[at] = rest - tip
    book[book[RESERVES] + book[node + PRICE]] -= tip
    book[TIPS] -= 1
    leave_queue(book, node)
    join_queue(book, node, header)
    book[node + QUANTITY] = tip
    return tip


def match(book, fills, n_fills, message, order, side, limit, quantity, owner, policy):
    """Trade an incoming order down the other side's queues, best price and oldest order first.

    Returns (quantity left, number of fills, whether self-trade prevention stopped it).
    """
    nodes = book[NODES]
    step = 1 - 2 * side
    price = book[ASK - side]
    stopped = False
    while quantity > 0 and not stopped and (price - limit) * step <= 0:
        header = nodes + 4 * (book[CAPACITY] + price)
        node = book[header + NEXT]
        gone = 0
        while node != header and quantity > 0:
            resting = book[node + QUANTITY]
            maker = (node - nodes) >> 2
            if policy != ALLOW and owner != 0 and book[book[OWNERS] + maker] == owner:
                stopped = policy != CANCEL_RESTING
                if policy != CANCEL_INCOMING:
                    gone += resting
                    book[node + QUANTITY] = 0
                    book[LIVE] -= 1
                    forget_hidden(book, maker)
                    node = book[node + NEXT]
                if stopped:
                    break
                continue
            traded = min(resting, quantity)
            fills[n_fills, MAKER] = maker
            fills[n_fills, TAKER] = order
            fills[n_fills, FILL_PRICE] = price
            fills[n_fills, FILL_QUANTITY] = traded
            fills[n_fills, FILL_MESSAGE] = message
            n_fills += 1
            quantity -= traded
            gone += traded
            book[node + QUANTITY] = resting - traded
            if traded == resting:
                # what went before this node leaves the queue now, so that a tip can join its end
                book[header + NEXT] = node
                book[node + PREVIOUS] = header
                after = book[node + NEXT]
                tip = show_next_tip(book, maker, node, header)
                if tip > 0:
                    gone -= tip
                    after = book[header + NEXT]
                else:
                    book[LIVE] -= 1
                node = after
        book[header + NEXT] = node
        book[node + PREVIOUS] = header
        left = book[LEVELS + price] - gone
        book[LEVELS + price] = left
        if left == 0:
            book[book[BLOCKS] + (price >> BLOCK_SHIFT)] -= 1
            price = next_level(book, price, step)
    book[ASK - side] = price
    return quantity, n_fills, stopped


def rest(book, order, side, price, quantity, owner, peak):
    """Put what is left of an order into the book; with a ``peak`` only that much is shown."""
    book[book[OWNERS] + order] = owner
    shown = quantity
    if 0 < peak < quantity:
        shown = peak
        at = book[HIDDEN] + 2 * order
        book[at] = quantity - peak
        book[at + 1] = peak
        book[book[RESERVES] + price] += quantity - peak
        book[TIPS] += (quantity - 1) // peak
    node = book[NODES] + 4 * order
    book[node + PRICE] = price
    book[node + QUANTITY] = shown
    join_queue(book, node, book[NODES] + 4 * (book[CAPACITY] + price))
    before = book[LEVELS + price]
    book[LEVELS + price] = before + shown
    if before == 0:
        book[book[BLOCKS] + (price >> BLOCK_SHIFT)] += 1
        if (price - book[BID + side]) * (1 - 2 * side) > 0:
            book[BID + side] = price
    book[LIVE] += 1


def flaw(book, kind, order, side, price, quantity, peak):
    """What is wrong with a message that is no plain cancellation, ACCEPTED when nothing is."""
    live = book[book[NODES] + 4 * order + QUANTITY] > 0
    if kind > REDUCE:
        return BAD_KIND
    if quantity <= 0 or (kind == ICEBERG and peak <= 0):
        return BAD_QUANTITY
    if kind >= CANCEL:
        if not live:
            return UNKNOWN_ORDER
    elif live:
        return DUPLICATE_ORDER
    elif side > SELL:
        return BAD_SIDE
    if kind != MARKET and kind != REDUCE and (price <= 0 or price >= book[N_TICKS] - 1):
        return BAD_PRICE
    if kind == ICEBERG and book[TIPS] > MOST_TIPS - (quantity - 1) // peak:
        return TOO_MANY_TIPS
    return ACCEPTED


def no_room(book, kind, node, price, quantity):
    """Whether an order that does not trade would lift its level beyond what a number can hold."""
    if kind != LIMIT and kind < POST_ONLY:
        return False
    held = np.int64(book[LEVELS + price]) + book[book[RESERVES] + price]
    if kind == REPLACE and price == book[node + PRICE]:
        held -= book[node + QUANTITY]
    return held > LARGEST - quantity


def shrink(book, order, node, quantity):
    """Lower a resting order's shown quantity to ``quantity``; it keeps its place."""
    book[LEVELS + book[node + PRICE]] -= book[node + QUANTITY] - quantity
    book[node + QUANTITY] = quantity
    forget_hidden(book, order)


def apply_message(book, fills, n_fills, message, kind, order, side, price, quantity, owner, peak, policy):
    """Check one message and carry it out; returns (outcome, number of fills). A refusal changes nothing."""
    if order < 0 or order >= book[CAPACITY]:
        return BAD_ORDER, n_fills
    node = book[NODES] + 4 * order
    shown = book[node + QUANTITY]
    if kind == CANCEL:
        if shown == 0:
            return UNKNOWN_ORDER, n_fills
        take_out(book, order, node)
        return ACCEPTED, n_fills
    wrong = flaw(book, kind, order, side, price, quantity, peak)
    if wrong != ACCEPTED:
        return wrong, n_fills
    if kind >= CANCEL:
        if (kind == REDUCE and quantity < shown) or (
            kind == REPLACE and price == book[node + PRICE] and quantity <= shown
        ):
            shrink(book, order, node, shown - quantity if kind == REDUCE else quantity)
            return ACCEPTED, n_fills
        if kind == REDUCE:
            take_out(book, order, node)
            return ACCEPTED, n_fills
        side = 0 if book[node + PRICE] <= book[BID] else 1
        owner = book[book[OWNERS] + order]
    limit = price
    if kind == MARKET:
        limit = 1 if side == SELL else book[N_TICKS] - 2
    crosses = (book[ASK - side] - limit) * (1 - 2 * side) <= 0
    if not crosses and no_room(book, kind, node, price, quantity):
        return LEVEL_FULL, n_fills
    if kind == REPLACE:
        # it leaves and comes in again as a limit order of the same owner
        take_out(book, order, node)
    if kind == FILL_OR_KILL and not (crosses and fillable(book, side, limit, quantity, owner, policy)):
        return NOT_FILLABLE, n_fills
    if crosses:
        if kind == POST_ONLY:
            return WOULD_CROSS, n_fills
        quantity, n_fills, stopped = match(
            book, fills, n_fills, message, order, side, limit, quantity, owner, policy
        )
        if stopped:
            return STOPPED_SELF_TRADE, n_fills
    if quantity > 0 and (kind == LIMIT or kind >= POST_ONLY):
        rest(book, order, side, price, quantity, owner, peak if kind == ICEBERG else 0)
    return ACCEPTED, n_fills


def run_messages(book, messages, first, policy, outcomes, fills):
    """Carry out a batch in order; returns (index of the first message left, fills written).

    Begins with message ``first`` and stops early, before one whose fills might not find room.
    """
    n_fills = 0
    for k in range(first, messages.shape[0]):
        if n_fills + book[LIVE] + book[TIPS] >= fills.shape[0]:
            return k, n_fills
        m = messages[k]
        outcome, n_fills = apply_message(
            book, fills, n_fills, k, np.int64(m["kind"]), np.int64(m["order"]), np.int64(m["side"]),
            np.int64(m["price"]), np.int64(m["quantity"]), np.int64(m["owner"]), np.int64(m["peak"]), policy,
        )  # fmt: skip
        outcomes[k] = outcome
    return messages.shape[0], n_fills


#: In the order in which each needs those before it; the last is the one that is called from outside.
SOURCES = (
    next_level, leave_queue, join_queue, forget_hidden, take_out, fillable, show_next_tip, match, rest, flaw,
    no_room, shrink, apply_message, run_messages,
)  # fmt: skip


def compile_order_book(jit: Callable[[Any, bool], Any]) -> dict[str, Any]:
    """Every function compiled by ``jit(function, inline)``, each calling the compiled ones before it.

    >>> compile_order_book(lambda f, inline: f)["rest"].__name__
    'rest'
    """
    names = dict(globals())
    compiled = {}
    for source in SOURCES:
        bound = types.FunctionType(source.__code__, names, source.__name__)
        bound.__module__ = __name__
        names[source.__name__] = compiled[source.__name__] = jit(bound, source is not SOURCES[-1])
    return compiled
