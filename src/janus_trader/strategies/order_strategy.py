"""Strategies that write orders themselves, instead of naming an exposure.

The step is ``step(params, state, bar, account, orders)``: it looks at the bar and at ``account``, a record
of `ACCOUNT_DTYPE`, may change ``state``, and fills in ``orders``, a zeroed array of `REQUEST_DTYPE`, from its
first entry on. The functions below do that for it; each returns the index of the next free entry::

    @njit
    def step(params, state, bar, account, orders):
        k = cancel_all(orders, 0)
        k = limit(orders, k, 1.0, bar.close * 0.99)
        stop(orders, k, -1.0, bar.close * 0.95)

``quantity`` is signed: above 0 buys. Orders beyond the end of ``orders`` are refused. What the step changes in
``params``, ``bar`` or ``account`` reaches nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import GOOD_TILL_CANCELLED, OrderKind

_MARKET, _LIMIT, _STOP = int(OrderKind.MARKET), int(OrderKind.LIMIT), int(OrderKind.STOP)
_STOP_LIMIT, _TRAILING = int(OrderKind.STOP_LIMIT), int(OrderKind.TRAILING_STOP)
_CANCEL, _CANCEL_ALL = int(OrderKind.CANCEL), int(OrderKind.CANCEL_ALL)


@dataclass(frozen=True)
class OrderStrategy:
    """A compiled strategy that writes orders.

    Parameters
    ----------
    name : str
    params : (1,) structured array
    state_dtype : dtype of the state of one instrument; a fresh state is all zeros
    step : compiled ``step(params, state, bar, account, orders)``
    run : the compiled loop over the step, where the strategy's module brings one that is cached on disk;
        see `janus_trader.research.backtest.order_loop`, which makes one otherwise
    """

    name: str
    params: np.ndarray
    state_dtype: np.dtype
    step: Callable[..., Any]
    run: Callable[..., Any] | None = None


@njit(cache=True)
def market(orders, k: int, quantity: float) -> int:
    """Ask for a market order. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _MARKET
        orders[k].quantity = quantity
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def limit(orders, k: int, quantity: float, price: float, life: int = GOOD_TILL_CANCELLED) -> int:
    """Ask for a limit order at ``price``. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _LIMIT
        orders[k].quantity = quantity
        orders[k].limit = price
        orders[k].life = life
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def stop(orders, k: int, quantity: float, price: float, life: int = GOOD_TILL_CANCELLED) -> int:
    """Ask for a stop order that becomes a market order at ``price``. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _STOP
        orders[k].quantity = quantity
        orders[k].stop = price
        orders[k].life = life
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def stop_limit(
    orders, k: int, quantity: float, price: float, limit_price: float, life: int = GOOD_TILL_CANCELLED
) -> int:
    """Ask for a stop order that becomes a limit order at ``price``. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _STOP_LIMIT
        orders[k].quantity = quantity
        orders[k].stop = price
        orders[k].limit = limit_price
        orders[k].life = life
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def trailing_stop(orders, k: int, quantity: float, distance: float, life: int = GOOD_TILL_CANCELLED) -> int:
    """Ask for a stop that follows the price at ``distance``. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _TRAILING
        orders[k].quantity = quantity
        orders[k].trail = distance
        orders[k].life = life
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def exits(orders, k: int, stop_loss: float, take_profit: float) -> None:
    """Hang a stop and a target on the order before ``k``; 0 leaves one out."""
    if 0 < k <= orders.size:
        orders[k - 1].stop_loss = stop_loss
        orders[k - 1].take_profit = take_profit


@njit(cache=True)
def one_cancels_other(orders, first: int, end: int, group: int) -> None:
    """Let the orders from ``first`` to before ``end`` cancel each other; ``group`` is in 1..63."""
    for k in range(first, min(end, orders.size)):
        orders[k].group = group


@njit(cache=True)
def cancel(orders, k: int, order_id: int) -> int:
    """Cancel one order by its id. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _CANCEL
        orders[k].target = order_id
    else:
        orders[0].dropped += 1
    return k + 1


@njit(cache=True)
def cancel_all(orders, k: int) -> int:
    """Cancel every order of this instrument. Returns the next free entry."""
    if k < orders.size:
        orders[k].kind = _CANCEL_ALL
    else:
        orders[0].dropped += 1
    return k + 1
