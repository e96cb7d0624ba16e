"""What every feed of a book is read into: events of orders, and what is counted about them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Action(IntEnum):
    """What an event of a feed says."""

    ADD = 0  # a new order
    REDUCE = 1  # takes `quantity` off an order
    REMOVE = 2  # takes an order out
    SET = 3  # gives an order a price and a quantity
    EXECUTE = 4  # executes `quantity` of a resting order, or of an aggressor that waits
    CANCEL_REST = 5  # takes `quantity` off an order, executions told before included
    HIDDEN = 6  # an execution at `price` whose resting order no event names
    CLEAR = 7  # takes every order out
    NOTHING = 8  # a row of the file that is no event of the book


#: One event of a feed: times in ns, order's id, price in ticks, quantity in lots, row of the file.
_FIELDS = ("ts_event", "ts_init", "id", "price", "quantity", "row", "action", "side")
EVENT_DTYPE = np.dtype([(name, "i8") for name in _FIELDS])
#: What is counted, with the first row of each.
COUNTS = (
    "unknown_orders",
    "duplicate_orders",
    "oversized_reductions",
    "waited_outside",
    "still_waiting",
    "executions_of_aggressors",
    "off_the_ladder",
    "messages_of_those",
    "rows_repaired",
    "repairs",
)
