"""Matching of the compiled engine: which waiting orders a price executes, and what an execution does.

Orders of a side wait in a list that is sorted whenever one is added: buys from the highest price, sells
from the lowest, equal ones by age. At each price that the market visits, first the buys and then the
sells are taken in that order, which is the order of nautilus_trader's matching core.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import DAY, IMMEDIATE_OR_CANCEL, OrderKind, OrderState
from janus_trader.execution.order_rules import fill_fee, round_size, taker_price, whole_lots

MARKET, LIMIT, STOP = int(OrderKind.MARKET), int(OrderKind.LIMIT), int(OrderKind.STOP)
STOP_LIMIT, TRAILING = int(OrderKind.STOP_LIMIT), int(OrderKind.TRAILING_STOP)
FILLED, CANCELLED, EXPIRED = int(OrderState.FILLED), int(OrderState.CANCELLED), int(OrderState.EXPIRED)
NO_ROOM = int(OrderState.REFUSED_CAPACITY)
IOC, UNTIL_SESSION_END = IMMEDIATE_OR_CANCEL, DAY


@njit(cache=True)
def end_order(x, log, k, state) -> None:
    """Write down how an order ended; its slot is free from the next close on."""
    w = x.slots[k]
    if log is not None and w.id < log.orders.size:
        log.orders[w.id].state = state
    w.id = -2
    x.ended += 1


@njit(cache=True)
def log_order(b, x, log, kind, quantity, limit, stop, trail, life, parent, state) -> int:
    """Give an order its id and write it down. Returns the id."""
    number = b.orders
    b.orders = number + 1
    if log is not None and number < log.orders.size:
        o = log.orders[number]
        o.bar, o.instrument, o.kind, o.quantity = b.bar, x.index, kind, quantity
        o.limit, o.stop, o.trail, o.life = limit, stop, trail, life
        o.parent, o.filled, o.state = parent, 0.0, state
    return number


@njit(cache=True)
def free_slot(x, s) -> int:
    """A free slot of an instrument, -1 where all are taken."""
    for k in range(s.max_working):
        if x.slots[k].id == -1:
            return k
    return -1


@njit(cache=True)
def slot_for(x, s, exits) -> int:
    """A free slot for an order with so many exits; -1 unless room is left for all exits still to come."""
    left = -exits
    for k in range(s.max_working):
        w = x.slots[k]
        if w.id == -1:
            left += 1
        elif w.id >= 0:
            left -= (w.stop_loss > 0.0) + (w.take_profit > 0.0)
    return free_slot(x, s) if left > 0 else -1


@njit(cache=True)
def release_slots(x) -> None:
    """At a close: slots whose orders ended are free again."""
    if x.ended > 0:
        for k in range(x.slots.size):
            if x.slots[k].id == -2:
                x.slots[k].id = -1
        x.ended = 0


@njit(cache=True)
def place_exits(b, x, s, log, quantity, side, stop_loss, take_profit, parent) -> None:
    """Make the exits of an executed order; they are placed when matching at this price has ended.

    Their slots were kept free since the order was taken.
    """
    group = -(parent + 1)
    for leg in range(2):
        price = stop_loss if leg == 0 else take_profit
        if price <= 0.0:
            continue
        kind = STOP if leg == 0 else LIMIT
        free = free_slot(x, s)
        limit, stop = (0.0, price) if leg == 0 else (price, 0.0)
        number = log_order(b, x, log, kind, -side * quantity, limit, stop, 0.0, 0, parent, 0)
        w = x.slots[free]
        w.id, w.kind, w.side, w.left, w.filled = number, kind, -side, quantity, 0.0
        w.limit, w.stop, w.trail, w.triggered, w.life = limit, stop, 0.0, 0, 0
        w.group, w.stop_loss, w.take_profit = group, 0.0, 0.0
        x.exits_line[x.exits] = free
        x.exits += 1


@njit(cache=True)
def finish(b, x, s, log, k, state) -> None:
    """End an order; if any of it was executed, its exits are made."""
    w = x.slots[k]
    number, quantity, side = w.id, w.filled, w.side
    stop_loss, take_profit = w.stop_loss, w.take_profit
    end_order(x, log, k, state)
    if quantity > 0.0 and (stop_loss > 0.0 or take_profit > 0.0):
        place_exits(b, x, s, log, quantity, side, stop_loss, take_profit, number)


@njit(cache=True)
def cancel_group(x, log, group, but) -> None:
    """Cancel the waiting orders of a group, except slot ``but``."""
    for k in range(x.slots.size):
        if x.slots[k].id >= 0 and x.slots[k].group == group and k != but:
            end_order(x, log, k, CANCELLED)


@njit(cache=True)
def reduce_group(x, s, log, k, quantity) -> None:
    """After a part of slot ``k`` was executed: as much less of its siblings, nothing of the other side."""
    w = x.slots[k]
    for j in range(x.slots.size):
        o = x.slots[j]
        if j == k or o.id < 0 or o.group != w.group:
            continue
        o.left = round_size(o.left - quantity, s)
        if o.side != w.side or o.left <= 0.0:
            end_order(x, log, j, CANCELLED)


@njit(cache=True)
def _book_fill(b, x, s, log, number, signed, price, fee, maker) -> None:
    """Change cash and position by an execution and write it down."""
    b.cash -= signed * price + fee
    b.fees += fee
    b.traded += abs(signed) * price
    held = x.quantity
    x.quantity = round_size(held + signed, s)
    if x.quantity == 0.0:
        x.average = 0.0
    elif held * signed >= 0.0:
        x.average = (held * x.average + signed * price) / x.quantity
    elif held * x.quantity < 0.0:
        x.average = price
    n = b.fills
    b.fills = n + 1
    if log is not None and n < log.fills.size:
        f = log.fills[n]
        f.bar, f.instrument, f.order = b.bar, x.index, number
        f.quantity, f.price, f.fee, f.maker = signed, price, fee, maker


@njit(cache=True)
def execute(b, x, s, log, k, price, maker) -> bool:
    """Execute what the volume allows of an order at ``price``; False when the bar's volume is used up.

    A maker gets the price; others pay the slippage, but never beyond a limit of theirs.
    """
    w = x.slots[k]
    quantity = w.left
    if s.max_volume_frac > 0.0:
        quantity = min(quantity, x.remaining)
        if quantity < 0.5 * s.lot:
            return False
        x.remaining = round_size(x.remaining - quantity, s)
    paid = price
    if not maker:
        paid = taker_price(price, w.side, quantity, x.volume, s)
        if w.kind == LIMIT or w.kind == STOP_LIMIT:
            paid = min(paid, w.limit) if w.side > 0.0 else max(paid, w.limit)
        b.slippage += abs(paid - price) * quantity
    fee = fill_fee(quantity, paid, maker, s)
    w.filled = round_size(w.filled + quantity, s)
    w.left = round_size(w.left - quantity, s)
    if log is not None and w.id < log.orders.size:
        log.orders[w.id].filled = w.filled
    _book_fill(b, x, s, log, w.id, w.side * quantity, paid, fee, maker)
    if w.group != 0:
        if w.left == 0.0:
            cancel_group(x, log, w.group, k)
        else:
            reduce_group(x, s, log, k, quantity)
    if w.left == 0.0:
        finish(b, x, s, log, k, FILLED)
    return True


@njit(cache=True)
def level_of(w) -> float:
    """The price at which a waiting order does something next; also what its side is sorted by."""
    if w.kind == LIMIT or (w.kind == STOP_LIMIT and w.triggered != 0):
        return w.limit
    return w.stop


@njit(cache=True)
def waits_above(w) -> bool:
    """Whether it is a rise to its level that matters: resting sells and buy stops."""
    resting = w.kind == LIMIT or (w.kind == STOP_LIMIT and w.triggered != 0)
    return (w.side < 0.0) == resting


@njit(cache=True)
def add_waiting(x, k) -> None:
    """Put an order into its side's list and sort it, equal prices by age."""
    w = x.slots[k]
    up = w.side > 0.0
    line = x.buys_line if up else x.sells_line
    count = x.buys if up else x.sells
    line[count] = k
    for end in range(1, count + 1):
        moving = line[end]
        level = level_of(x.slots[moving])
        at = end
        while at > 0:
            other = level_of(x.slots[line[at - 1]])
            if (other >= level) if up else (other <= level):
                break
            line[at] = line[at - 1]
            at -= 1
        line[at] = moving
    if up:
        x.buys = count + 1
    else:
        x.sells = count + 1


@njit(cache=True)
def _clear_line(x, line, count) -> int:
    kept = 0
    for at in range(count):
        if x.slots[line[at]].id >= 0:
            line[kept] = line[at]
            kept += 1
    return kept


@njit(cache=True)
def tidy(x) -> None:
    """Drop ended orders from the lists and find the nearest levels again."""
    x.buys = _clear_line(x, x.buys_line, x.buys)
    x.sells = _clear_line(x, x.sells_line, x.sells)
    x.above, x.below, x.trailing, x.timed = math.inf, -math.inf, 0, 0
    for side in range(2):
        line, count = (x.buys_line, x.buys) if side == 0 else (x.sells_line, x.sells)
        for at in range(count):
            w = x.slots[line[at]]
            level = level_of(w)
            if waits_above(w):
                x.above = min(x.above, level)
            else:
                x.below = max(x.below, level)
            x.trailing += w.kind == TRAILING
            x.timed += w.life != 0


@njit(cache=True)
def next_level(x, price, end) -> float:
    """The first level strictly beyond ``price`` on the way to ``end``; ``end`` where there is none."""
    rising = end > price
    nearest = end
    for side in range(2):
        line, count = (x.buys_line, x.buys) if side == 0 else (x.sells_line, x.sells)
        for at in range(count):
            w = x.slots[line[at]]
            if waits_above(w) != rising:
                continue
            level = level_of(w)
            if (rising and price < level < nearest) or (not rising and price > level > nearest):
                nearest = level
    return nearest


@njit(cache=True)
def trail_level(w, price, s) -> float:
    """Where a trailing stop belongs when the market is at ``price``."""
    return np.rint((price + w.side * w.trail) * s.price_scale) / s.price_scale


@njit(cache=True)
def _match(b, x, s, log, k, price) -> bool:
    """Execute a waiting order if the market's being at ``price`` allows it; False when volume is used up."""
    w = x.slots[k]
    if w.kind == LIMIT or (w.kind == STOP_LIMIT and w.triggered != 0):
        if w.side * (w.limit - price) >= 0.0:
            return execute(b, x, s, log, k, price, True)
    elif w.side * (price - w.stop) >= 0.0:
        if w.kind != STOP_LIMIT:
            return execute(b, x, s, log, k, price, False)
        w.triggered = 1
        if w.side * (w.limit - price) >= 0.0:
            return execute(b, x, s, log, k, price, False)
    return True


@njit(cache=True)
def match_waiting(b, x, s, log, price) -> None:
    """Take every waiting order that ``price`` executes, then let trailing stops follow.

    The first order that finds the bar's volume used up ends it: those behind it are not reached.
    """
    for side in range(2):
        line, count = (x.buys_line, x.buys) if side == 0 else (x.sells_line, x.sells)
        for at in range(count):
            if x.slots[line[at]].id >= 0 and not _match(b, x, s, log, line[at], price):
                tidy(x)
                return
    if x.trailing > 0:
        for side in range(2):
            line, count = (x.buys_line, x.buys) if side == 0 else (x.sells_line, x.sells)
            for at in range(count):
                w = x.slots[line[at]]
                if w.id >= 0 and w.kind == TRAILING:
                    level = trail_level(w, price, s)
                    if w.side * (level - w.stop) < 0.0:
                        w.stop = level
    tidy(x)


@njit(cache=True)
def volume_allowance(volume: float, s) -> float:
    """Quantity that may be executed in a bar."""
    return whole_lots(volume * s.max_volume_frac, s) if volume > 0.0 else 0.0
