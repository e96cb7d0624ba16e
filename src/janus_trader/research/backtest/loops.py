"""The loops over a history: from exposures, from exposures with exits, and from a step that writes orders.

All run the same bar: `live_through` for every instrument, then the close, where positions are valued and
margin is checked, then the requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import (
    ACCOUNT_DTYPE,
    MAX_WORKING,
    REQUEST_DTYPE,
    Totals,
)
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.execution.order_rules import (
    EXPOSURE_DTYPE,
    borrow_charge,
    debit_charge,
    must_liquidate,
    write_bracket,
    write_exposure,
)
from janus_trader.research.backtest.matching import MARKET, release_slots
from janus_trader.research.backtest.records import BOOK_DTYPE, INSTRUMENT_DTYPE
from janus_trader.research.backtest.session import (
    arrivals,
    cancel_waiting,
    enqueue,
    expire,
    live_through,
    stirs,
    take_requests,
)


@njit(cache=True)
def _closing(x) -> bool:
    """Whether all that waits is a market order that closes the position."""
    if x.queue != 1 or x.buys + x.sells > 0:
        return False
    w = x.slots[x.queue_line[0]]
    alone = w.stop_loss == 0.0 and w.take_profit == 0.0
    return alone and w.kind == MARKET and w.side * w.left == -x.quantity


@njit(cache=True)
def _liquidate(b, x, s, log, request, here) -> bool:
    """Replace everything that waits by an order that closes the position; whether one was written.

    An instrument without a bar is sold when it has one again, whatever the settings.
    """
    if x.quantity != 0.0 and _closing(x):
        return False
    cancel_waiting(x, log, -1)
    if x.quantity == 0.0:
        return False
    release_slots(x)
    request.kind, request.quantity = MARKET, -x.quantity
    enqueue(b, x, s, log, request)
    request.kind, request.quantity = 0, 0.0
    if s.same_close != 0 and here:
        arrivals(b, x, s, log, x.close)
    return True


@njit(cache=True)
def close_instrument(b, x, s, log) -> None:
    """The close of one instrument: orders whose time is over."""
    if x.timed > 0:
        expire(b, x, s, log, False)
    if x.ended > 0:
        release_slots(x)


@njit(cache=True)
def _pay(b, charge) -> None:
    b.cash -= charge
    b.borrowed += charge


@njit(cache=True)
def value_book(b, instruments, s) -> bool:
    """At a close, value the positions; True where margin forces a liquidation."""
    worth, gross = 0.0, 0.0
    for i in range(instruments.size):
        value = instruments[i].quantity * instruments[i].close
        worth += value
        gross += abs(value)
    b.equity, b.gross = b.cash + worth, gross
    return must_liquidate(b.equity, gross, s)


@njit(cache=True)
def end_bar(b, instruments, s) -> float:
    """The equity at the close, after whatever was executed there. Returns it."""
    worth, held = 0.0, False
    for i in range(instruments.size):
        worth += instruments[i].quantity * instruments[i].close
        held = held or instruments[i].quantity != 0.0
    if s.same_close != 0:
        b.equity = b.cash + worth
    b.in_market += held
    return b.equity


@njit(cache=True)
def show_account(a, b, x, halted) -> None:
    """Show an instrument's step the account."""
    a.bar, a.cash, a.equity, a.gross = b.bar, b.cash, b.equity, b.gross
    a.quantity, a.average, a.working = x.quantity, x.average, x.buys + x.sells + x.queue
    a.refused, a.halted, a.next_id = x.refused, 1 if halted else 0, b.orders


@njit(cache=True)
def begin_bar(b, s, instruments, log, t, bars, present, requests) -> bool:
    """Everything of a bar before the strategies speak; True where a liquidation is under way."""
    b.bar = t
    for i in range(instruments.size):
        if present[t, i] and stirs(instruments[i], bars[t, i], s):
            live_through(b, instruments[i], s, log, bars[t, i])
    for i in range(instruments.size):
        x = instruments[i]
        if present[t, i]:
            x.close = bars[t, i].close
            if x.timed > 0 or x.ended > 0:
                close_instrument(b, x, s, log)
        if x.quantity < 0.0:
            _pay(b, borrow_charge(x.quantity, x.close, s))
    _pay(b, debit_charge(b.cash, s))
    halted = value_book(b, instruments, s)
    if halted:
        written = False
        for i in range(instruments.size):
            written |= _liquidate(b, instruments[i], s, log, requests[0], present[t, i])
        b.liquidations += written
    return halted


@njit(cache=True)
def _same_exits(m, x, exposure, stop, target, last_stop, last_target) -> bool:
    """Whether a bracketed exposure asks for nothing new: the same side, and unmoved exits if it is held."""
    if np.sign(exposure) != np.sign(m.exposure):
        return False
    return x.quantity == 0.0 or (stop == last_stop and target == last_target)


@njit(cache=True)
def _pass_quiet_bars(b, s, instruments, memory, t, bars, present, exposure, stops, targets, equity) -> int:
    """Live through the bars from ``t`` on in which nothing but prices changes. Returns the next one.

    A tight loop of its own: most bars are such, and they cost a few nanoseconds here.
    """
    n = instruments.size
    bracketed = stops.shape[0] > 0
    if b.cash < 0.0 and s.debit_bar > 0.0:
        return t
    while t < bars.shape[0]:
        worth, gross = 0.0, 0.0
        last = max(t - 1, 0)
        for i in range(n):
            x = instruments[i]
            close = x.close
            if x.quantity < 0.0 and s.borrow_bar > 0.0:
                return t
            if present[t, i]:
                if stirs(x, bars[t, i], s) or x.timed > 0 or x.ended > 0:
                    return t
                m = memory[i]
                if not bracketed:
                    if exposure[t, i] != m.exposure or x.quantity != m.desired:
                        return t
                elif not _same_exits(
                    m, x, exposure[t, i], stops[t, i], targets[t, i], stops[last, i], targets[last, i]
                ):
                    return t
                close = bars[t, i].close
            worth += x.quantity * close
            gross += abs(x.quantity * close)
        if must_liquidate(b.cash + worth, gross, s):
            return t
        for i in range(n):
            if present[t, i]:
                instruments[i].close = bars[t, i].close
        b.equity, b.gross = b.cash + worth, gross
        b.in_market += gross > 0.0
        if equity.size > 0:
            equity[t] = b.equity
        t += 1
    return t


@njit(cache=True, nogil=True)
def run_exposures(s, b, instruments, log, bars, present, exposure, stops, targets, equity) -> None:
    """Trade a path of exposures (T, n); with ``stops`` and ``targets`` (T, n), entries bring their exits.

    ``stops`` of no length: exposures alone. ``equity`` (T,) is written unless it has no length.
    """
    memory = np.zeros(bars.shape[1], EXPOSURE_DTYPE)
    accounts, requests = np.zeros(1, ACCOUNT_DTYPE), np.zeros(MAX_WORKING, REQUEST_DTYPE)
    a = accounts[0]
    t = 0
    while True:
        t = _pass_quiet_bars(b, s, instruments, memory, t, bars, present, exposure, stops, targets, equity)
        if t >= bars.shape[0]:
            return
        halted = begin_bar(b, s, instruments, log, t, bars, present, requests)
        for i in range(bars.shape[1]):
            x = instruments[i]
            if not present[t, i]:
                continue
            show_account(a, b, x, halted)
            if stops.shape[0] > 0:
                levels = stops[t, i], targets[t, i]
                count = write_bracket(memory[i], exposure[t, i], levels, a, x.close, s, requests)
            else:
                count = write_exposure(memory[i], exposure[t, i], a, x.close, s, requests)
            if count > 0:
                take_requests(b, instruments, i, s, log, bars[t, i], requests, halted)
        closing = end_bar(b, instruments, s)
        if equity.size > 0:
            equity[t] = closing
        t += 1


def order_loop(step: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled loop over an order-writing step.

    Compiled anew in each process, because numba does not keep functions that close over others; a
    strategy's module avoids that by writing these few lines itself under ``@njit(cache=True, nogil=True)``.
    The step sees copies of the bar and of the account: it cannot change the market that it trades in.
    """

    @njit(nogil=True)
    def run(s, b, instruments, log, params, states, bars, present, equity) -> None:
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

    return run


@njit(cache=True)
def totals_of(b) -> Totals:
    """The sums of a finished back-test."""
    return Totals(b.equity, b.fills, b.traded, b.fees, b.slippage, b.borrowed, b.in_market, b.liquidations)


@njit(cache=True, nogil=True)
def run_targets(bars, exposure, settings, equity_out) -> Totals:
    r"""Trade the exposures of one instrument: the whole engine, without a record of orders and fills.

    The exposure of bar ``t`` is known at its close and executed from the open of bar ``t + 1`` on (or at
    that close, where the settings say so). The quantity is fixed when the exposure changes.

    Parameters
    ----------
    bars : (T,) array of `BAR_DTYPE`
        On the tick, see `prepare_bars`.
    exposure : (T,) float array
        In [-1, 1].
    settings : (1,) array of `SETTINGS_DTYPE`
    equity_out : (T,) float array
        Receives the equity at each close; of length 0 where it is not wanted.

    Returns
    -------
    Totals

    Notes
    -----
    Cost O(T) time, O(1) memory; the interpreter's lock is released. Nothing is checked here: prices must
    be positive and finite, as `prepare_bars` sees to.
    """
    book = np.zeros(1, BOOK_DTYPE)
    book[0].cash = book[0].equity = settings[0].capital
    instruments = np.zeros(1, INSTRUMENT_DTYPE)
    x = instruments[0]
    x.above, x.below, x.session = np.inf, -np.inf, -(1 << 62)
    for k in range(MAX_WORKING):
        x.slots[k].id = -1
    nothing = np.zeros((0, 0))
    run_exposures(
        settings[0],
        book[0],
        instruments,
        None,
        bars.reshape(-1, 1),
        np.broadcast_to(np.ones((1, 1), np.bool_), (bars.size, 1)),
        exposure.reshape(-1, 1),
        nothing,
        nothing,
        equity_out,
    )
    return totals_of(book[0])
