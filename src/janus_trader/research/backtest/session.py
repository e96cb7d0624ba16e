"""One bar of the compiled engine: arrivals at the open, the path to the close, and what is asked for there."""

from __future__ import annotations

import math

from numba import njit

from janus_trader.contracts.backtest import OrderKind
from janus_trader.execution.order_rules import committed, review_request, round_size
from janus_trader.research.backtest.matching import (
    CANCELLED,
    EXPIRED,
    IOC,
    LIMIT,
    MARKET,
    NO_ROOM,
    STOP,
    STOP_LIMIT,
    TRAILING,
    UNTIL_SESSION_END,
    add_waiting,
    cancel_group,
    end_order,
    execute,
    finish,
    log_order,
    match_waiting,
    next_level,
    slot_for,
    tidy,
    trail_level,
    volume_allowance,
)

CANCEL, CANCEL_ALL = int(OrderKind.CANCEL), int(OrderKind.CANCEL_ALL)


@njit(cache=True)
def _marketable(w, price) -> bool:
    """Whether an order executes as soon as it arrives."""
    if w.kind == MARKET:
        return True
    if w.kind == LIMIT:
        return w.side * (w.limit - price) >= 0.0
    if w.kind == TRAILING:
        return False
    through = w.side * (price - w.stop) >= 0.0
    return through and (w.kind == STOP or w.side * (w.limit - price) >= 0.0)


@njit(cache=True)
def _arrive(b, x, s, log, k, price) -> None:
    """An order meets the market at ``price``: it executes, waits, or is cancelled."""
    w = x.slots[k]
    matched = _marketable(w, price)
    if w.kind == MARKET or (w.kind == STOP and matched):
        execute(b, x, s, log, k, price, False)
        if w.id >= 0:
            finish(b, x, s, log, k, CANCELLED)
        return
    if w.kind == TRAILING:
        w.stop = trail_level(w, price, s)
    if w.life != IOC:
        add_waiting(x, k)
    if w.kind == STOP_LIMIT and w.side * (price - w.stop) >= 0.0:
        w.triggered = 1
    if matched:
        execute(b, x, s, log, k, price, False)
    if w.id >= 0 and w.life == IOC:
        finish(b, x, s, log, k, CANCELLED)
    tidy(x)


@njit(cache=True)
def _sole_member(x, s, log, line, start, count, price) -> None:
    """Of a group that arrives, let the first that executes at once stand alone.

    Not where executions may be partial: what is left of the position would lose its other exit.
    """
    if s.max_volume_frac > 0.0:
        return
    group = x.slots[line[start]].group
    for at in range(start, count):
        k = line[at]
        w = x.slots[k]
        if w.id >= 0 and w.group == group and _marketable(w, price):
            cancel_group(x, log, group, k)
            w.group = 0
            return


@njit(cache=True)
def _place_new_exits(b, x, s, log, price) -> None:
    """Place the exits of what was just executed; those may execute in turn."""
    count = x.exits
    x.exits = 0
    for at in range(count):
        k = x.exits_line[at]
        if x.slots[k].id >= 0:
            if x.slots[k].group != 0:
                _sole_member(x, s, log, x.exits_line, at, count, price)
            if x.slots[k].id >= 0:
                _arrive(b, x, s, log, k, price)


@njit(cache=True)
def arrivals(b, x, s, log, price) -> None:
    """The queue meets the market, in the order in which it was written."""
    count = x.queue
    x.queue = 0
    for at in range(count):
        k = x.queue_line[at]
        if x.slots[k].id < 0:
            continue
        if x.slots[k].group != 0:
            _sole_member(x, s, log, x.queue_line, at, count, price)
        if x.slots[k].id >= 0:
            _arrive(b, x, s, log, k, price)
            _place_new_exits(b, x, s, log, price)
    tidy(x)


@njit(cache=True)
def _visit(b, x, s, log, price) -> None:
    """The market is at ``price``."""
    match_waiting(b, x, s, log, price)
    _place_new_exits(b, x, s, log, price)


@njit(cache=True)
def _walk(b, x, s, log, price, end) -> float:
    """The market moves to ``end`` through every level on the way. Returns where it is."""
    while x.buys + x.sells > 0 and price != end:
        price = next_level(x, price, end)
        _visit(b, x, s, log, price)
    return end


@njit(cache=True)
def _path(b, x, s, log, opened, high, low, close) -> None:
    """From the open over both extremes to the close."""
    order = s.path
    high_first = abs(high - opened) < abs(low - opened) if order == 0 else order == 1
    first, second = (high, low) if high_first else (low, high)
    price = _walk(b, x, s, log, opened, first)
    price = _walk(b, x, s, log, price, second)
    _walk(b, x, s, log, price, close)


@njit(cache=True)
def _exits_to_queue(x) -> None:
    """Let the exits of expired orders arrive at the next open."""
    for at in range(x.exits):
        x.queue_line[x.queue] = x.exits_line[at]
        x.queue += 1
    x.exits = 0
    tidy(x)


@njit(cache=True)
def expire(b, x, s, log, session_over) -> None:
    """End the orders of a session that is over, or else those whose last bar has closed."""
    for side in range(2):
        line, count = (x.buys_line, x.buys) if side == 0 else (x.sells_line, x.sells)
        for at in range(count):
            w = x.slots[line[at]]
            if session_over:
                over = w.life == UNTIL_SESSION_END
            else:
                over = w.life == 1
                w.life -= w.life > 0
            if over and w.id >= 0:
                group = w.group
                finish(b, x, s, log, line[at], EXPIRED)
                if group != 0:
                    cancel_group(x, log, group, line[at])
    _exits_to_queue(x)


@njit(cache=True)
def stirs(x, bar, s) -> bool:
    """Begin the bar of one instrument; whether any order of it may do something before the close."""
    x.volume = bar.volume
    if s.max_volume_frac > 0.0:
        x.remaining = volume_allowance(bar.volume, s)
    if x.queue + x.trailing > 0 or bar.low <= x.below or bar.high >= x.above:
        return True
    return x.timed > 0 and bar.session != x.session


@njit(cache=True)
def live_through(b, x, s, log, bar) -> None:
    """The bar of one instrument: waiting orders at the open, arrivals, then the path to the close."""
    if x.timed > 0 and bar.session != x.session:
        expire(b, x, s, log, True)
    if x.buys + x.sells > 0:
        _visit(b, x, s, log, bar.open)
    if x.queue > 0:
        x.session = bar.session
        arrivals(b, x, s, log, bar.open)
    if x.buys + x.sells > 0:
        _path(b, x, s, log, bar.open, bar.high, bar.low, bar.close)


@njit(cache=True)
def cancel_waiting(x, log, number) -> None:
    """Cancel one order of an instrument and its group, or with ``number`` -1 all; queued ones too."""
    for k in range(x.slots.size):
        w = x.slots[k]
        if w.id >= 0 and (number < 0 or w.id == number):
            end_order(x, log, k, CANCELLED)
            if number >= 0 and w.group != 0:
                cancel_group(x, log, w.group, k)
    kept = 0
    for at in range(x.queue):
        if x.slots[x.queue_line[at]].id >= 0:
            x.queue_line[kept] = x.queue_line[at]
            kept += 1
    x.queue = kept
    tidy(x)


@njit(cache=True)
def enqueue(b, x, s, log, r) -> None:
    """Give a reviewed request a slot and queue it for its first meeting with the market."""
    k = slot_for(x, s, (r.stop_loss > 0.0) + (r.take_profit > 0.0))
    number = log_order(
        b, x, log, r.kind, r.quantity, r.limit, r.stop, r.trail, r.life, -1, 0 if k >= 0 else NO_ROOM
    )
    if k < 0:
        x.refused += 1
        return
    w = x.slots[k]
    w.id, w.kind, w.side = number, r.kind, math.copysign(1.0, r.quantity)
    w.left, w.filled, w.limit, w.stop, w.trail = abs(r.quantity), 0.0, r.limit, r.stop, r.trail
    w.triggered, w.life, w.stop_loss, w.take_profit = 0, r.life, r.stop_loss, r.take_profit
    w.group = 0 if r.group == 0 else (b.bar + 1) * 64 + r.group
    x.queue_line[x.queue] = k
    x.queue += 1


@njit(cache=True)
def _clear(r) -> None:
    r.kind, r.life, r.group, r.target, r.dropped = 0, 0, 0, 0, 0
    r.quantity, r.limit, r.stop, r.trail, r.stop_loss, r.take_profit = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


@njit(cache=True)
def _stands_for_group(x, k) -> bool:
    """Whether an order counts for its group on its side: the largest does, of equal ones the first."""
    w = x.slots[k]
    if w.group == 0:
        return True
    for j in range(x.slots.size):
        o = x.slots[j]
        mate = j != k and o.id >= 0 and o.group == w.group and o.side == w.side
        if mate and (o.left > w.left or (o.left == w.left and j < k)):
            return False
    return True


@njit(cache=True)
def _ordered(x, s, soonest) -> tuple[float, float, float]:
    """Sizes that the orders of an instrument may buy and sell, and what market orders will change."""
    buys = sells = soon = 0.0
    if x.buys + x.sells + x.queue + x.exits > 0:
        for k in range(x.slots.size):
            w = x.slots[k]
            if w.id >= 0 and _stands_for_group(x, k):
                if w.side > 0.0:
                    buys += w.left
                else:
                    sells += w.left
                if soonest and w.kind == MARKET:
                    soon += w.side * w.left
    return round_size(buys, s), round_size(sells, s), round_size(soon, s)


@njit(cache=True)
def _commit(b, instruments, i, r, s) -> None:
    """Write down what is held and ordered by now, for the review of a request."""
    c, x = b.commitment, instruments[i]
    c.equity, c.others, c.grouped, c.quantity = b.equity, 0.0, 0.0, x.quantity
    for j in range(instruments.size):
        buys, sells, soon = _ordered(instruments[j], s, j == i)
        if j == i:
            c.buys, c.sells, c.soon = buys, sells, round_size(x.quantity + soon, s)
        else:
            c.others += committed(instruments[j].quantity, buys, sells) * instruments[j].close
    if r.group != 0:
        group, side = (b.bar + 1) * 64 + r.group, math.copysign(1.0, r.quantity)
        for k in range(x.slots.size):
            w = x.slots[k]
            if w.id >= 0 and w.group == group and w.side == side:
                c.grouped = max(c.grouped, w.left)


@njit(cache=True)
def _refuse(b, x, log, r, state) -> None:
    log_order(b, x, log, r.kind, r.quantity, r.limit, r.stop, r.trail, r.life, -1, state)
    x.refused += 1


@njit(cache=True)
def take_requests(b, instruments, i, s, log, bar, requests, halted) -> None:
    """Read what the step wrote for an instrument, clear it, and queue or refuse each order.

    Where a liquidation is under way, nothing is taken.
    """
    x = instruments[i]
    dropped = 0 if halted else requests[0].dropped
    for at in range(requests.size):
        r = requests[at]
        if r.kind == 0:
            break
        if halted:
            _clear(r)
            continue
        if r.kind == CANCEL_ALL:
            cancel_waiting(x, log, -1)
        elif r.kind == CANCEL:
            if r.target >= 0:
                cancel_waiting(x, log, r.target)
        else:
            _commit(b, instruments, i, r, s)
            verdict = review_request(r, b.commitment, x.close, s)
            if verdict == 0:
                enqueue(b, x, s, log, r)
            else:
                _refuse(b, x, log, r, verdict)
        _clear(r)
    requests[0].dropped = 0
    for _ in range(dropped):
        _refuse(b, x, log, requests[0], NO_ROOM)
    if s.same_close != 0 and x.queue > 0:
        x.session = bar.session
        arrivals(b, x, s, log, x.close)
