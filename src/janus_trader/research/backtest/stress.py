"""A strategy without any idea of the market that uses every kind of order, to hold two engines together.

At each close it draws from a linear congruential generator in its state what to do: an order of some kind
near the close, with or without exits, alone or as a pair of which one cancels the other, for some time
in force, or a cancellation. It is deterministic, and the two engines must agree on everything that follows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import (
    ACCOUNT_DTYPE,
    DAY,
    IMMEDIATE_OR_CANCEL,
    MAX_WORKING,
    REQUEST_DTYPE,
)
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.research.backtest.loops import begin_bar, end_bar, show_account
from janus_trader.research.backtest.session import take_requests
from janus_trader.strategies.definition import params_record
from janus_trader.strategies.order_strategy import (
    OrderStrategy,
    cancel,
    cancel_all,
    exits,
    limit,
    market,
    one_cancels_other,
    stop,
    stop_limit,
    trailing_stop,
)


class StressConfig(Config, frozen=True):
    """Size of the orders in units, how far from the close they lie, and where the draws begin."""

    units: Positive = 1.0
    width: Positive = 0.004
    seed: Count = 1


STATE_DTYPE = np.dtype([("draws", "i8"), ("before", "f8")], align=True)


@njit(cache=True)
def _draw(state, params) -> float:
    """The next number in [0, 1)."""
    if state.draws == 0:
        state.draws = params.seed
    state.draws = (state.draws * 1103515245 + 12345) & 0x7FFFFFFF
    return (state.draws >> 8) / float(1 << 23)


@njit(cache=True)
def _life(u: float) -> int:
    if u < 0.5:
        return 0
    return DAY if u < 0.6 else int(1 + (u - 0.6) * 20.0)


@njit(cache=True)
def _one(params, state, price: float, orders, k: int, quantity: float) -> int:
    """One order of a drawn kind."""
    side = np.sign(quantity)
    u, far, life = _draw(state, params), _draw(state, params) * params.width, _life(_draw(state, params))
    if u < 0.2:
        k = market(orders, k, quantity)
    elif u < 0.45:
        away = far if _draw(state, params) < 0.8 else -far
        immediate = _draw(state, params) < 0.15
        k = limit(
            orders, k, quantity, price * (1.0 - side * away), IMMEDIATE_OR_CANCEL if immediate else life
        )
    elif u < 0.65:
        k = stop(orders, k, quantity, price * (1.0 + side * (far - 0.1 * params.width)), life)
    elif u < 0.85:
        beyond = params.width * (_draw(state, params) - 0.4)
        k = stop_limit(
            orders, k, quantity, price * (1.0 + side * far), price * (1.0 + side * (far + beyond)), life
        )
    else:
        k = trailing_stop(orders, k, quantity, price * (far + 0.05 * params.width), life)
    if u < 0.65 and _draw(state, params) < 0.35:
        loss, gain = _draw(state, params), _draw(state, params)
        stop_loss = price * (1.0 - side * params.width * (0.3 + loss))
        exits(orders, k, stop_loss, price * (1.0 + side * params.width * (0.3 + gain)) if gain < 0.8 else 0.0)
    return k


@njit(cache=True)
def step(params, state, bar, account, orders) -> None:
    """Write what the draws say; leans against large positions."""
    u = _draw(state, params)
    if u < 0.45:
        return
    if u < 0.5:
        cancel_all(orders, 0)
        return
    if u < 0.55:
        cancel(orders, 0, account.next_id - 1 - int(_draw(state, params) * 6.0))
        return
    lean = account.quantity / (6.0 * params.units)
    side = 1.0 if _draw(state, params) > 0.5 + 0.5 * lean else -1.0
    size = params.units * (1.0 + np.floor(4.0 * _draw(state, params)))
    if u < 0.65:
        near, far = _draw(state, params) * params.width, _draw(state, params) * params.width
        k = stop(orders, 0, side * size, bar.close * (1.0 + side * near))
        k = limit(orders, k, side * size, bar.close * (1.0 - side * far))
        one_cancels_other(orders, 0, k, 1)
        return
    k = _one(params, state, bar.close, orders, 0, side * size)
    if u > 0.9:
        _one(params, state, bar.close, orders, k, -side * size)


@njit(cache=True, nogil=True)
def run(s, b, instruments, log, params, states, bars, present, equity) -> None:
    """The loop of `janus_trader.research.backtest.order_loop`, kept on disk."""
    accounts, requests = np.zeros(1, ACCOUNT_DTYPE), np.zeros(MAX_WORKING, REQUEST_DTYPE)
    shown = np.zeros(1, BAR_DTYPE)
    for t in range(bars.shape[0]):
        halted = begin_bar(b, s, instruments, log, t, bars, present, requests)
        for i in range(bars.shape[1]):
            if present[t, i]:
                show_account(accounts[0], b, instruments[i], halted)
                shown[0] = bars[t, i]
                step(params[0], states[i], shown[0], accounts[0], requests)
                take_requests(b, instruments, i, s, log, bars[t, i], requests, halted)
        closing = end_bar(b, instruments, s)
        if equity.size > 0:
            equity[t] = closing


def stress_strategy(config: StressConfig = StressConfig()) -> OrderStrategy:
    """The strategy with these parameters.

    >>> stress_strategy().name
    'stress'
    """
    return OrderStrategy("stress", params_record(config), STATE_DTYPE, step, run)
