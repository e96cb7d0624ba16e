"""The compiled pass that turns a feed's events into messages of a book, following the record.

The feed says which resting order was executed, so nothing matches here. An order that would meet the other
side waits outside the book until the record has settled it: it is an aggressor whose executions follow, or
one that arrives while the feed is still telling what happened before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.data.sources.feed_events import COUNTS, Action
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, apply_message
from janus_trader.stores.book_recordings import EXECUTED

(
    _UNKNOWN, _DUPLICATE, _OVERSIZED, _WAITED, STILL_WAITING, _TAKER, _PARKINGS, _ON_PARKED, _ROWS_REPAIRED, _REPAIRS,
) = range(10)  # fmt: skip

_ADD, _REDUCE, _REMOVE, _SET, _EXECUTE, _CANCEL_REST, _HIDDEN, _CLEAR, _ = (int(a) for a in Action)
_LIMIT, _CANCEL, _REPLACE, _SHRINK = (int(k) for k in (Kind.LIMIT, Kind.CANCEL, Kind.REPLACE, Kind.REDUCE))
_EXECUTED = int(EXECUTED)
# state of an order; an absent one of which executions were told keeps _TOLD
_ABSENT, _RESTING, _WAITING, _PARKED = range(4)
_STATE, _SIDE, _PRICE, _QUANTITY, _SLOT, _TOLD, _SINCE = range(7)
_MESSAGES, _FREE, _USED, _WAITS, _EVENT, _FAILED = range(6)


class Following(NamedTuple):
    """Book, messages so far with the event of each, the orders' state, and counts."""

    book: np.ndarray
    fills: np.ndarray
    out: np.ndarray
    of_event: np.ndarray
    orders: np.ndarray
    free: np.ndarray
    waiting: np.ndarray
    of_slot: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    cursor: np.ndarray

    @property
    def messages(self) -> np.ndarray:
        """The messages made."""
        return self.out[: self.cursor[_MESSAGES]]

    @property
    def slots(self) -> int:
        """Most orders that rested at a time."""
        return int(self.cursor[_USED])

    @property
    def failed_event(self) -> int:
        """Index of the event that the book would not follow, -1 when it followed all."""
        return int(self.cursor[_FAILED])


def following(book: np.ndarray, n_events: int, n_orders: int, repairs: int = 0) -> Following:
    """Room to follow ``n_events`` events about ``n_orders`` orders in a book array, and for repairs."""
    most = 3 * n_events + repairs + 1
    cursor = np.zeros(6, np.int64)
    cursor[_FAILED] = -1
    return Following(
        book, np.empty((n_orders + 2, 5), np.int32), np.zeros(most, MESSAGE_DTYPE), np.empty(most, np.int64),
        np.zeros((n_orders, 7), np.int64), np.empty(n_orders, np.int64), np.empty(n_orders + 1, np.int64),
        np.empty(n_orders, np.int64), np.zeros(len(COUNTS), np.int64), np.zeros(len(COUNTS), np.int64), cursor,
    )  # fmt: skip


@njit(cache=True)
def _count(f, what, row):
    if f.counts[what] == 0:
        f.rows[what] = row
    f.counts[what] += 1


@njit(cache=True)
def _emit(f, kind, side, slot, price, quantity, mark):
    """Write a message and carry it out; a book that does something else than the record stops the pass."""
    n = f.cursor[_MESSAGES]
    m = f.out[n]
    m.kind, m.side, m.order, m.price, m.quantity, m.owner, m.peak = kind, side, slot, price, quantity, 0, mark
    f.of_event[n] = f.cursor[_EVENT]
    f.cursor[_MESSAGES] = n + 1
    outcome, filled = apply_message(f.book, f.fills, 0, n, kind, slot, side, price, quantity, 0, mark, 0)
    if slot >= 0 and (outcome != source.ACCEPTED or filled > 0):
        f.cursor[_FAILED] = f.cursor[_EVENT]


@njit(cache=True)
def _crosses(f, side, price):
    return price >= f.book[source.ASK] if side == 0 else price <= f.book[source.BID]


@njit(cache=True)
def _inside(f, price):
    return 0 < price < f.book[source.N_TICKS] - 1


@njit(cache=True)
def _release(f, o):
    """An order rests no more; its slot is free again."""
    f.free[f.cursor[_FREE]] = o[_SLOT]
    f.cursor[_FREE] += 1
    o[_STATE] = _ABSENT


@njit(cache=True)
def _enter(f, d):
    o = f.orders[d]
    if f.cursor[_FREE] > 0:
        f.cursor[_FREE] -= 1
        o[_SLOT] = f.free[f.cursor[_FREE]]
    else:
        o[_SLOT] = f.cursor[_USED]
        f.cursor[_USED] += 1
    f.of_slot[o[_SLOT]] = d
    o[_STATE] = _RESTING
    _emit(f, _LIMIT, o[_SIDE], o[_SLOT], o[_PRICE], o[_QUANTITY], 0)


@njit(cache=True)
def _stop_waiting(f, d):
    for k in range(f.cursor[_WAITS]):
        if f.waiting[k] == d:
            f.waiting[k : f.cursor[_WAITS] - 1] = f.waiting[k + 1 : f.cursor[_WAITS]].copy()
            f.cursor[_WAITS] -= 1
            break


@njit(cache=True)
def _place(f, d, row):
    """Let an order that is outside the book enter, wait, or stand off the ladder."""
    o = f.orders[d]
    was = o[_STATE]
    if was == _WAITING:
        _stop_waiting(f, d)
    if not _inside(f, o[_PRICE]):
        o[_STATE] = _PARKED
        if was != _PARKED:
            _count(f, _PARKINGS, row)
    elif _crosses(f, o[_SIDE], o[_PRICE]):
        o[_STATE] = _WAITING
        f.waiting[f.cursor[_WAITS]] = d
        f.cursor[_WAITS] += 1
        if was != _WAITING:
            _count(f, _WAITED, row)
    else:
        _enter(f, d)


@njit(cache=True)
def _admit_the_patient(f, now, patience_ns):
    """Orders that have waited long enough without news enter once they meet nobody."""
    k = 0
    while k < f.cursor[_WAITS]:
        d = f.waiting[k]
        o = f.orders[d]
        if now - o[_SINCE] >= patience_ns and not _crosses(f, o[_SIDE], o[_PRICE]):
            _stop_waiting(f, d)
            _enter(f, d)
        else:
            k += 1


@njit(cache=True)
def _bring(f, e, d):
    o = f.orders[d]
    if o[_STATE] != _ABSENT:
        _count(f, _DUPLICATE, e.row)
        return
    o[_SIDE], o[_PRICE], o[_QUANTITY], o[_TOLD], o[_SINCE] = e.side, e.price, e.quantity, 0, e.ts_event
    _place(f, d, e.row)


@njit(cache=True)
def _clear(f):
    f.cursor[_WAITS] = 0
    for j in range(f.orders.shape[0]):
        o = f.orders[j]
        if o[_STATE] == _RESTING:
            _emit(f, _CANCEL, o[_SIDE], o[_SLOT], 0, 0, 0)
            _release(f, o)
        o[_STATE] = _ABSENT


@njit(cache=True)
def _about_nobody(f, e, d):
    """An event about an order that is not there."""
    told = f.orders[d, _TOLD]
    if told > 0 and e.action == _CANCEL_REST:
        f.orders[d, _TOLD] = 0  # says once more what the executions have said
        return
    if told > 0 and e.action == _SET:
        _bring(f, e, d)  # an iceberg shows its next tip
        return
    _count(f, _UNKNOWN, e.row)
    if e.action == _EXECUTE:
        _emit(f, _SHRINK, e.side, -1, e.price, e.quantity, _EXECUTED)


@njit(cache=True)
def _change_resting(f, e, d, action, quantity, left):
    o = f.orders[d]
    side, slot, price = o[_SIDE], o[_SLOT], o[_PRICE]
    if action == _EXECUTE:
        _emit(f, _SHRINK, side, slot, e.price, min(quantity, o[_QUANTITY]), _EXECUTED)
    elif left == 0:
        _emit(f, _CANCEL, side, slot, price, 0, 0)
    elif action == _SET and e.price != price and (not _inside(f, e.price) or _crosses(f, side, e.price)):
        _emit(f, _CANCEL, side, slot, price, 0, 0)
        _release(f, o)
        o[_PRICE], o[_QUANTITY], o[_SINCE] = e.price, left, e.ts_event
        _place(f, d, e.row)
        return
    elif action == _SET and (e.price != price or left != o[_QUANTITY]):
        _emit(f, _REPLACE, side, slot, e.price, left, 0)
        o[_PRICE] = e.price
    elif action == _REDUCE and quantity > 0:
        _emit(f, _SHRINK, side, slot, price, quantity, 0)
    o[_QUANTITY] = left
    if left == 0:
        _release(f, o)


@njit(cache=True)
def _change_outside(f, e, d, action, left):
    """An event about an order that waits or stands off the ladder."""
    o = f.orders[d]
    o[_QUANTITY] = left
    if o[_STATE] == _PARKED:
        _count(f, _ON_PARKED, e.row)
    elif action == _EXECUTE:
        _count(f, _TAKER, e.row)
    if left == 0:
        if o[_STATE] == _WAITING:
            _stop_waiting(f, d)
        o[_STATE] = _ABSENT
        return
    if action == _SET:
        o[_PRICE] = e.price
    _place(f, d, e.row)


@njit(cache=True)
def _change(f, e, d, anonymous):
    """Reduce, remove, set or execute an order."""
    o = f.orders[d]
    action, quantity = e.action, e.quantity
    if anonymous and action == _REMOVE:
        action = _REDUCE
    if action == _CANCEL_REST:
        action, quantity = _REDUCE, quantity - o[_TOLD]
    o[_TOLD] = o[_TOLD] + quantity if action == _EXECUTE else 0
    left = o[_QUANTITY] - quantity
    if action == _SET:
        left = quantity
    elif action == _REMOVE:
        left = 0
    if left < 0:
        _count(f, _OVERSIZED, e.row)
        left = 0
    if o[_STATE] == _RESTING:
        _change_resting(f, e, d, action, quantity, left)
    else:
        _change_outside(f, e, d, action, left)


@njit(cache=True)
def _take_off(f, side, price, surplus):
    """Take ``surplus`` off the orders at a price, oldest first."""
    header = f.book[source.NODES] + 4 * (f.book[source.CAPACITY] + price)
    while surplus > 0:
        slot = np.int64((f.book[header + source.NEXT] - f.book[source.NODES]) >> 2)
        o = f.orders[f.of_slot[slot]]
        f.counts[_REPAIRS] += 1
        if o[_QUANTITY] <= surplus:
            surplus -= o[_QUANTITY]
            _emit(f, _CANCEL, side, slot, price, 0, 0)
            _release(f, o)
        else:
            _emit(f, _SHRINK, side, slot, price, surplus, 0)
            o[_QUANTITY] -= surplus
            surplus = 0


@njit(cache=True)
def _uncover(f, side, price):
    """Take away the levels of a side that are better than ``price``, all of them where it is -1."""
    best = np.int64(f.book[source.BID + side])
    while _inside(f, best) and (price < 0 or (best - price) * (1 - 2 * side) > 0):
        _take_off(f, side, best, np.int64(f.book[source.LEVELS + best]))
        best = np.int64(f.book[source.BID + side])


@njit(cache=True)
def _repair(f, e, side, price, quantity, anonymous):
    """Make the best level of a side what the source says it is; ``anonymous`` is that level's own order."""
    surplus = f.book[source.LEVELS + price] - quantity
    if surplus > 0:
        _take_off(f, side, price, surplus)
    elif surplus < 0 and not _crosses(f, side, price):
        o = f.orders[anonymous]
        if o[_STATE] == _RESTING:
            o[_QUANTITY] -= surplus
            _emit(f, _REPLACE, side, o[_SLOT], price, o[_QUANTITY], 0)
        else:
            o[_SIDE], o[_PRICE], o[_QUANTITY], o[_TOLD], o[_SINCE] = side, price, -surplus, 0, e.ts_event
            _enter(f, anonymous)
        f.counts[_REPAIRS] += 1


@njit(cache=True)
def _repair_row(f, e, told, first_anonymous):
    before = f.cursor[_MESSAGES]
    for side in range(2):
        _uncover(f, side, told[2 * side])
    for side in range(2):
        price = told[2 * side]
        if price >= 0:
            at = first_anonymous + side * f.book[source.N_TICKS] + price
            _repair(f, e, side, price, told[2 * side + 1], at)
    if f.cursor[_MESSAGES] > before:
        _count(f, _ROWS_REPAIRED, e.row)


@njit(cache=True)
def follow(f, events, dense, levels, patience_ns, sets_bring, keep, told, first_anonymous):
    """Make the book of ``f`` follow the events; see `Following` for what comes of it. O(events).

    ``dense`` (n,) numbers the orders; ``levels`` (n,) is the anonymous order of the event's level or -1, to
    which everything goes that is said about unknown orders. With ``sets_bring`` a SET of an unknown order
    brings it; an event of ``keep`` (n,) bool that changes nothing still gives one message, which the book
    refuses, so that the rows of a reference stay in step. ``told`` (n, 4), or nobody's (0, 4), are best levels
    (bid, quantity, ask, quantity) that the book is repaired to after each event of ``keep``, with the anonymous orders
    from ``first_anonymous`` on.
    """
    for k in range(events.shape[0]):
        e, d, before = events[k], dense[k], f.cursor[_MESSAGES]
        f.cursor[_EVENT] = k
        absent = f.orders[d, _STATE] == _ABSENT
        if e.action == _HIDDEN:
            _emit(f, _SHRINK, e.side, -1, e.price, e.quantity, _EXECUTED)
        elif e.action == _CLEAR:
            _clear(f)
        elif e.action == _ADD or (e.action == _SET and absent and sets_bring):
            if told.shape[0] > 0 and keep[k]:
                _uncover(f, 1 - e.side, told[k, 2 - 2 * e.side])
            _bring(f, e, d)
        elif e.action < _HIDDEN:
            level = levels[k]
            anonymous = (
                absent and f.orders[d, _TOLD] == 0 and level >= 0 and f.orders[level, _STATE] == _RESTING
            )
            if anonymous and e.action != _SET:
                _change(f, e, level, True)
            elif absent:
                _about_nobody(f, e, d)
            else:
                _change(f, e, d, False)
        _admit_the_patient(f, e.ts_event, patience_ns)
        if told.shape[0] > 0 and keep[k]:
            _repair_row(f, e, told[k], first_anonymous)
        if keep[k] and f.cursor[_MESSAGES] == before:
            _emit(f, _SHRINK, e.side, -1, 0, e.quantity, 0)
        if f.cursor[_FAILED] >= 0:
            break
    f.counts[STILL_WAITING] = f.cursor[_WAITS]
