"""The next event of the anonymous flow: when it happens and which message it is.

Times are exponential with the sum of all intensities. A queue-reactive flow has intensities that depend
on the size of the queue at each level, counted from the reference price; they stay the same until the
book changes. A Hawkes flow has intensities that its own events raise and that decay; its candidates are
thinned. Event types of a Hawkes flow: ``6 side + class``, see `HAWKES_CLASSES`.
"""

from __future__ import annotations

import math

from janus_trader.numerics import order_book_source as source
from janus_trader.simulation.book_market.state import (
    DEEP,
    HAWKES,
    INSIDE,
    LIMIT_SIZE,
    MARKET_SIZE,
    NEVER,
    QUANTILES,
    inlined,
)

HAWKES_CLASSES = (
    "market", "limit inside the spread", "limit at the best", "limit deeper", "cancel at the best", "cancel deeper",
)  # fmt: skip
(H_MARKET, H_INSIDE, H_AT, H_DEEP, H_CANCEL_AT, H_CANCEL_DEEP) = range(6)
_LIMIT, _CANCEL, _MARKET = range(3)
#: Shares of a Hawkes flow's target outside which its events are turned round.
_THIN, _THICK = 0.125, 2.0
_MOST_BACK = 8
_SECOND = 1e9


@inlined
def uniform(head, uniforms):
    """The next number in [0, 1)."""
    head.cursor += 1
    return uniforms[head.cursor - 1]


@inlined
def quantile(table, u):
    """Draw from a table of quantiles."""
    return table[int(u * QUANTILES)]


@inlined
def season(head):
    """Intensity at this time of the session over its mean: 1 + a (3 (2x - 1)^2 - 1) at share x of it."""
    if head.u_shape == 0.0:
        return 1.0
    x = 2.0 * (head.time % head.session_ns) / head.session_ns - 1.0
    return 1.0 + head.u_shape * (3.0 * x * x - 1.0)


@inlined
def units(head, quantity, most):
    """A queue's size in units of the flow's tables, rounded up."""
    return min(int(quantity * head.per_unit + 0.999999), most)


@inlined
def level_price(head, side, level):
    """Price of level 0, 1, … of a side: the reference lies between the two levels 0."""
    return head.reference - level if side == source.BUY else head.reference + 1 + level


@inlined
def best_level(head, book, side):
    """Level of a side's best price, -1 where it is empty."""
    if side == source.BUY:
        return head.reference - book[source.BID] if book[source.BID] > 0 else -1
    return book[source.ASK] - head.reference - 1 if book[source.ASK] < book[source.N_TICKS] - 1 else -1


@inlined
def level_rate(head, book, rates, side, k, best):
    """Sum of a queue-reactive flow's intensities at one level."""
    n = units(head, book[source.LEVELS + level_price(head, side, k)], rates.shape[2] - 1)
    here = rates[_LIMIT, k, n] * head.supply + rates[_CANCEL, k, n]
    return here + rates[_MARKET, k, n] if k == best else here


@inlined
def reactive_total(head, book, rates, scratch):
    """Sum of a queue-reactive flow's intensities; the sum of each level is kept in ``scratch``.

    ``head.stale`` is the one price whose queue has changed since the last call, 0 for none, -1 for any.
    """
    levels, stale = rates.shape[1], head.stale
    if stale < 0:
        for side in range(2):
            best = min(best_level(head, book, side), levels - 1)
            for k in range(levels):
                scratch[side * levels + k] = level_rate(head, book, rates, side, k, best)
    elif stale > 0:
        side = source.BUY if stale <= head.reference else source.SELL
        k = head.reference - stale if side == source.BUY else stale - head.reference - 1
        if k < levels:
            best = min(best_level(head, book, side), levels - 1)
            scratch[side * levels + k] = level_rate(head, book, rates, side, k, best)
    head.stale = 0
    total = 2.0 * head.far_limit * head.supply + head.far_cancel * head.live
    for at in range(2 * levels):
        total += scratch[at]
    return total


@inlined
def fade_to_now(head, excitation):
    """Let the excitation of a Hawkes flow decay until the present time."""
    gap = head.time - head.excited_at
    if gap > 0:
        fade = math.exp(-head.decay * 1e-9 * gap)
        for i in range(excitation.shape[0]):
            excitation[i] *= fade
        head.excited_at = head.time


@inlined
def schedule(head, book, rates, base, excitation, scratch, uniforms):
    """Draw the time of the flow's next event (of a candidate, for a Hawkes flow)."""
    factor = head.activity * season(head)
    if head.kind == HAWKES:
        fade_to_now(head, excitation)
        total = 0.0
        for i in range(base.shape[0]):
            total += base[i] + excitation[i]
        head.bound = total
    else:
        total = reactive_total(head, book, rates, scratch)
        head.total = total
    head.drawn_activity, head.drawn_supply = head.activity, head.supply
    u = uniform(head, uniforms)
    head.next_flow = NEVER
    if total * factor > 0.0:
        wait = -math.log(1.0 - u) / (total * factor) * _SECOND
        if wait < NEVER - head.time:
            head.next_flow = head.time + int(wait)


@inlined
def own_order_of_flow(book, price, back):
    """An order of the flow at a level, about ``back`` places from the queue's end; -1 where there is none."""
    nodes = book[source.NODES]
    header = nodes + 4 * (book[source.CAPACITY] + price)
    node = book[header + source.PREVIOUS]
    found = -1
    while node != header and (back >= 0 or found < 0):
        order = (node - nodes) >> 2
        if book[book[source.OWNERS] + order] == 0:
            found = order
        node = book[node + source.PREVIOUS]
        back -= 1
    return found


@inlined
def cancel_at(book, price, u):
    """A message that takes one of the last eight orders out of a queue."""
    order = own_order_of_flow(book, price, int(u * _MOST_BACK))
    return source.CANCEL if order >= 0 else -1, order, 0, price, 0


@inlined
def market_side(head, book, side, u):
    """The side of a market order after pressure and the pull of the known value: it may be turned.

    A buyer's share is 1 / (1 + exp(-x)), x = pressure + pull (value - mid).
    """
    x = head.pressure
    bid, ask = book[source.BID], book[source.ASK]
    if head.pull > 0.0 and bid > 0 and ask < book[source.N_TICKS] - 1:
        x += head.pull * (head.fundamental - 0.5 * (bid + ask))
    if x == 0.0:
        return side
    lean = math.tanh(0.5 * x)
    if lean > 0.0:
        return source.BUY if u < lean else side
    return source.SELL if u < -lean else side


@inlined
def market_message(head, book, quantiles, uniforms, side):
    """A market order of the flow."""
    side = market_side(head, book, side, uniform(head, uniforms))
    quantity = quantile(quantiles[MARKET_SIZE], uniform(head, uniforms))
    return source.MARKET, book[source.CAPACITY] - 1, side, 0, quantity


@inlined
def limit_message(head, slots, quantiles, uniforms, side, price):
    """A limit order of the flow in a free slot; nothing, and counted, where no slot is free."""
    quantity = quantile(quantiles[LIMIT_SIZE], uniform(head, uniforms))
    if head.free == 0:
        head.dropped += 1
        return -1, 0, 0, 0, 0
    return source.LIMIT, slots[0, head.free - 1], side, price, quantity


@inlined
def far_cancel(head, book, slots, levels, u):
    """Take out a random order of the flow that lies beyond the levels, or nothing."""
    order = slots[1, int(u * head.live)]
    price = book[book[source.NODES] + 4 * order + source.PRICE]
    beyond = price <= head.reference - levels or price > head.reference + levels
    return source.CANCEL if beyond else -1, order, 0, price, 0


@inlined
def reactive_message(head, book, slots, rates, quantiles, scratch, uniforms):
    """The message of a queue-reactive flow whose time has come; kind -1 for nothing."""
    levels, most = rates.shape[1], rates.shape[2] - 1
    left = uniform(head, uniforms) * head.total
    for at in range(2 * levels):
        if left < scratch[at]:
            side, k = at // levels, at % levels
            price = level_price(head, side, k)
            n = units(head, book[source.LEVELS + price], most)
            left -= rates[_LIMIT, k, n] * head.supply
            if left < 0.0:
                return limit_message(head, slots, quantiles, uniforms, side, price)
            if left < rates[_CANCEL, k, n]:
                return cancel_at(book, price, uniform(head, uniforms))
            return market_message(head, book, quantiles, uniforms, 1 - side)
        left -= scratch[at]
    for side in range(2):
        if left < head.far_limit * head.supply:
            beyond = quantile(quantiles[DEEP], uniform(head, uniforms))
            price = level_price(head, side, levels - 1 + beyond)
            return limit_message(head, slots, quantiles, uniforms, side, price)
        left -= head.far_limit * head.supply
    if head.live == 0:
        return -1, 0, 0, 0, 0
    return far_cancel(head, book, slots, levels, uniform(head, uniforms))


@inlined
def own_best(head, book, side):
    """The best price of a side, of the reference where the side is empty."""
    empty = best_level(head, book, side) < 0
    return level_price(head, side, 0) if empty else book[source.BID + side]


@inlined
def deep_cancel(head, book, slots, side, uniforms):
    """Take out a random order of the flow behind the best price of a side, or nothing, after four tries."""
    best = own_best(head, book, side)
    for _ in range(4):
        order = slots[1, int(uniform(head, uniforms) * head.live)]
        price = book[book[source.NODES] + 4 * order + source.PRICE]
        if (price < best) if side == source.BUY else (price > best):
            return source.CANCEL, order, 0, price, 0
    return -1, 0, 0, 0, 0


@inlined
def guarded(head, book, kind):
    """Turn limit orders into cancellations in an overfull book and back in an empty one.

    Constant rates let the number of resting orders wander off; between an eighth and twice the flow's
    target nothing is changed.
    """
    if kind >= H_INSIDE and kind <= H_DEEP and head.live > _THICK * head.target:
        return H_CANCEL_DEEP if kind == H_DEEP else H_CANCEL_AT
    if kind >= H_CANCEL_AT and head.live < _THIN * head.target:
        return H_DEEP if kind == H_CANCEL_DEEP else H_AT
    return kind


@inlined
def candidate(head, base, excitation, u):
    """The type of a Hawkes flow's candidate, -1 where it is thinned out; brings the excitation up to date."""
    fade_to_now(head, excitation)
    left = u * head.bound
    for i in range(base.shape[0]):
        left -= base[i] + excitation[i]
        if left < 0.0:
            return i
    return -1


@inlined
def state_dependent(head, book, kind):
    """What an event of a class becomes in the present book: an improvement needs a spread."""
    kind = guarded(head, book, kind)
    bid, ask = book[source.BID], book[source.ASK]
    open_spread = bid > 0 and ask < book[source.N_TICKS] - 1 and ask - bid > 1
    return H_AT if kind == H_INSIDE and not open_spread else kind


@inlined
def too_narrow(head, book, kind, u):
    """Whether an improvement is left out because the spread is narrower than the flow's mean."""
    spread = book[source.ASK] - book[source.BID]
    return kind == H_INSIDE and head.spread > 1.0 and u * (head.spread - 1.0) >= spread - 1


@inlined
def hawkes_order(head, book, slots, quantiles, uniforms, side, kind):
    """The message of a limit order or a cancellation of a Hawkes flow."""
    best = own_best(head, book, side)
    step = 1 if side == source.BUY else -1
    if kind == H_CANCEL_AT:
        return cancel_at(book, best, uniform(head, uniforms))
    if kind == H_CANCEL_DEEP:
        if head.live == 0:
            return -1, 0, 0, 0, 0
        return deep_cancel(head, book, slots, side, uniforms)
    if kind == H_DEEP:
        best -= step * quantile(quantiles[DEEP], uniform(head, uniforms))
    elif kind == H_INSIDE:
        most = book[source.ASK] - book[source.BID] - 1
        best += step * min(quantile(quantiles[INSIDE], uniform(head, uniforms)), most)
    return limit_message(head, slots, quantiles, uniforms, side, best)


@inlined
def hawkes_message(head, book, slots, base, jumps, excitation, quantiles, uniforms):
    """The message of a Hawkes flow's candidate; kind -1 where it is thinned out or finds nothing to do.

    What excites is the event as it happens, after the book and the pressure had their say.
    """
    mark = candidate(head, base, excitation, uniform(head, uniforms))
    if mark < 0:
        return -1, 0, 0, 0, 0
    side = mark // 6
    if too_narrow(head, book, mark % 6, uniform(head, uniforms)):
        return -1, 0, 0, 0, 0
    kind = state_dependent(head, book, mark % 6)
    if kind >= H_INSIDE and kind <= H_DEEP and head.supply < 1.0 and uniform(head, uniforms) >= head.supply:
        return -1, 0, 0, 0, 0
    if kind == H_MARKET:
        message = market_message(head, book, quantiles, uniforms, side)
        side = message[2]
    else:
        message = hawkes_order(head, book, slots, quantiles, uniforms, side, kind)
    if message[0] >= 0:
        for i in range(base.shape[0]):
            excitation[i] += jumps[6 * side + kind, i]
    return message


@inlined
def follow_reference(head, book):
    """Let the reference follow the best prices: the mid between ticks, the nearer half tick otherwise."""
    bid, ask = book[source.BID], book[source.ASK]
    two = ask < book[source.N_TICKS] - 1
    if bid > 0 and two:
        half = (bid + ask) >> 1
        if (bid + ask) & 1:
            head.reference = half
        else:
            head.reference = min(max(head.reference, half - 1), half)
    elif bid > 0:
        head.reference = max(head.reference, bid)
    elif two:
        head.reference = min(head.reference, ask - 1)


@inlined
def emptied_best(head, book, bid, ask, u):
    """Note that the flow will refill a best level that was just emptied, with the flow's probability."""
    if u < head.refill:
        if book[source.BID] < bid and book[source.LEVELS + bid] == 0:
            head.refill_side, head.refill_price = source.BUY, bid
        elif book[source.ASK] > ask and book[source.LEVELS + ask] == 0:
            head.refill_side, head.refill_price = source.SELL, ask
