"""The state of the compiled engine: one record for the account, and one for each instrument with its orders.

Records are passed by address, so that a call within the loop over bars costs next to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from janus_trader.contracts.backtest import FILL_DTYPE, MAX_WORKING, ORDER_DTYPE
from janus_trader.execution.order_rules import COMMITMENT_DTYPE

#: The account and the sums over the whole back-test; ``bar`` is the number of the bar. Orders and fills
#: are counted even where no room was given to write them down. ``commitment`` is what a request is judged by.
BOOK_DTYPE = np.dtype(
    [
        ("bar", "i8"),
        ("cash", "f8"),
        ("equity", "f8"),
        ("gross", "f8"),
        ("orders", "i8"),
        ("fills", "i8"),
        ("traded", "f8"),
        ("fees", "f8"),
        ("slippage", "f8"),
        ("borrowed", "f8"),
        ("in_market", "i8"),
        ("liquidations", "i8"),
        ("commitment", COMMITMENT_DTYPE),
    ],
    align=True,
)

#: An order in a slot. ``id`` is -1 where the slot is free, -2 where its order ended since the last close,
#: because lists may still name it; ``left`` is what remains of its size; ``life`` counts down where it is
#: above 0; ``triggered`` marks a stop-limit order whose stop was reached.
SLOT_DTYPE = np.dtype(
    [
        ("id", "i8"),
        ("kind", "i8"),
        ("side", "f8"),
        ("left", "f8"),
        ("filled", "f8"),
        ("limit", "f8"),
        ("stop", "f8"),
        ("trail", "f8"),
        ("triggered", "i8"),
        ("life", "i8"),
        ("group", "i8"),
        ("stop_loss", "f8"),
        ("take_profit", "f8"),
    ],
    align=True,
)

#: One instrument: its position; the last close; what may still be taken of this bar's volume; how many
#: orders wait on either side, in the queue for the next open, and as exits to be placed now; how many
#: trail, how many may expire, and how many ended since the last close; the nearest levels above and below
#: at which anything can happen; and the orders, with the lists that name their slots.
INSTRUMENT_DTYPE = np.dtype(
    [
        ("index", "i8"),
        ("quantity", "f8"),
        ("average", "f8"),
        ("close", "f8"),
        ("volume", "f8"),
        ("remaining", "f8"),
        ("buys", "i8"),
        ("sells", "i8"),
        ("queue", "i8"),
        ("exits", "i8"),
        ("trailing", "i8"),
        ("timed", "i8"),
        ("session", "i8"),
        ("refused", "i8"),
        ("ended", "i8"),
        ("above", "f8"),
        ("below", "f8"),
        ("buys_line", "i8", (MAX_WORKING,)),
        ("sells_line", "i8", (MAX_WORKING,)),
        ("queue_line", "i8", (MAX_WORKING,)),
        ("exits_line", "i8", (MAX_WORKING,)),
        ("slots", SLOT_DTYPE, (MAX_WORKING,)),
    ],
    align=True,
)


class Log(NamedTuple):
    """Room for the orders and fills that are to be written down.

    Where nothing is to be written down, None is passed instead: those loops are compiled without it.
    """

    orders: np.ndarray
    fills: np.ndarray


def new_book(settings: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The (1,) book and the (n,) instruments before the first bar."""
    book = np.zeros(1, BOOK_DTYPE)
    book["cash"] = book["equity"] = settings["capital"]
    instruments = np.zeros(n, INSTRUMENT_DTYPE)
    instruments["index"] = np.arange(n)
    instruments["above"], instruments["below"] = np.inf, -np.inf
    instruments["session"] = -(1 << 62)
    instruments["slots"]["id"] = -1
    return book, instruments


def new_log(orders: int, fills: int) -> Log:
    """Room for so many orders and fills."""
    return Log(np.zeros(orders, ORDER_DTYPE), np.zeros(fills, FILL_DTYPE))
