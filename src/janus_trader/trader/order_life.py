"""One back-test matched by nautilus_trader: the walk through the bars, and the orders around the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.backtest import (
    ACCOUNT_DTYPE,
    DAY,
    IMMEDIATE_OR_CANCEL,
    MAX_WORKING,
    REQUEST_DTYPE,
    BacktestResult,
    BacktestSettings,
    OrderKind,
    OrderState,
)
from janus_trader.execution.order_rules import (
    borrow_charge,
    debit_charge,
    must_liquidate,
    review_request,
    round_size,
    whole_lots,
)
from janus_trader.trader.cash_book import CashBook
from janus_trader.trader.order_commitment import commitment
from janus_trader.trader.order_tickets import OrderLedger, Ticket, in_order, marketable, only_closes
from janus_trader.trader.request_writers import Writer

if TYPE_CHECKING:
    from janus_trader.trader.order_venue import OrderVenue

_BAR_NS = 60_000_000_000


class OrderLife:
    """One back-test: the walk through the bars, and the bookkeeping of orders around the venue."""

    def __init__(
        self,
        bars: np.ndarray,
        here: np.ndarray,
        times: np.ndarray,
        settings: BacktestSettings,
        writer: Writer,
    ) -> None:
        from janus_trader.trader.order_venue import OrderVenue

        n = bars.shape[1]
        self._bars, self._here, self._times = bars, here, times
        self._settings, self._s = settings, settings.record()[0]
        self._writer = writer
        self.venue: OrderVenue = OrderVenue(
            n, settings, float(bars["high"][here].max()), self._on_fill, self._on_end
        )
        self._waiting: list[list[Ticket]] = [[] for _ in range(n)]
        self._queue: list[list[Ticket]] = [[] for _ in range(n)]
        self._exits: list[list[Ticket]] = [[] for _ in range(n)]
        self._ledger = OrderLedger(n, settings.max_working)
        self._session = [-(1 << 62)] * n
        self._closes = np.zeros(n)
        self._book = CashBook(settings.capital, self._s)
        self._garbage: list[Any] = []
        self._marked: list[Any] = []
        self._reduced: list[Ticket] = []
        self._arriving: list[list[Ticket]] = []
        self._native_groups = settings.max_volume_frac == 0.0
        self._t = 0
        self._price = np.zeros(n)
        self._requests = np.zeros(MAX_WORKING, REQUEST_DTYPE)
        self._account = np.zeros(1, ACCOUNT_DTYPE)

    # -- the walk -----------------------------------------------------------------------------------

    def run(self) -> BacktestResult:
        """Live through all bars."""
        periods, n = self._bars.shape
        equity = np.empty(periods)
        in_market = liquidations = 0
        for t in range(periods):
            self._t = t
            self.venue.set_time(int(self._times[t]))
            for i in range(n):
                if self._here[t, i]:
                    self._live_through(i, self._bars[t, i])
            for i in range(n):
                if self._here[t, i]:
                    self._close(i, float(self._bars[t, i]["close"]))
                self._pay(borrow_charge(self.venue.position(i)[0], self._closes[i], self._s))
            self._pay(debit_charge(self._book.cash, self._s))
            worth, gross = self._value()
            halted = bool(must_liquidate(worth, gross, self._s))
            if halted:
                written = [self._liquidate(i) for i in range(n)]
                liquidations += any(written)
            for i in range(n):
                if self._here[t, i]:
                    self._ask(t, i, worth, gross, halted)
            equity[t] = self._equity_at_venue()
            in_market += any(self._held())
            self._tidy()
        return BacktestResult(
            equity=equity,
            orders=self._ledger.rows(),
            fills=self._book.fills(),
            quantity=np.array(self._held()),
            totals=self._book.totals(float(equity[-1]), in_market, liquidations),
            engine="nautilus_trader",
        )

    def _live_through(self, i: int, bar: Any) -> None:
        self.venue.volume[i] = bar["volume"]
        if self._s["max_volume_frac"] > 0.0:
            volume = float(bar["volume"])
            allowed = whole_lots(volume * self._s["max_volume_frac"], self._s) if volume > 0.0 else 0.0
            self.venue.remaining[i] = allowed
        if bar["session"] != self._session[i]:
            self._expire(i, session_over=True)
        opened = float(bar["open"])
        if self._waiting[i]:
            self._visit(i, opened)
        if self._queue[i]:
            self._session[i] = int(bar["session"])
            self._arrivals(i, opened)
        if self._waiting[i]:
            self._walk_path(i, opened, float(bar["high"]), float(bar["low"]), float(bar["close"]))

    def _walk_path(self, i: int, opened: float, high: float, low: float, close: float) -> None:
        path = self._settings.path
        high_first = path == "high_first" or (path == "nearest" and abs(high - opened) < abs(low - opened))
        price = opened
        for end in (high, low, close) if high_first else (low, high, close):
            while self._waiting[i] and price != end:
                price = self._next_level(i, price, end)
                self._visit(i, price)
            price = end

    def _next_level(self, i: int, price: float, end: float) -> float:
        rising = end > price
        nearest = end
        for ticket in self._waiting[i]:
            level, above = self.venue.level(ticket.order)
            if above != rising:
                continue
            if (price < level < nearest) if rising else (price > level > nearest):
                nearest = level
        return nearest

    def _visit(self, i: int, price: float) -> None:
        self._price[i] = price
        self.venue.show(i, price)
        self._cancel_marked()
        self._sweep(i)
        self._place_exits(i, price)

    def _sweep(self, i: int) -> None:
        self._waiting[i] = [x for x in self._waiting[i] if x.alive]

    # -- arrivals -----------------------------------------------------------------------------------

    def _arrivals(self, i: int, price: float) -> None:
        queue, self._queue[i] = self._queue[i], []
        self._arrive_all(i, queue, price, exits_between=True)

    def _place_exits(self, i: int, price: float) -> None:
        exits, self._exits[i] = self._exits[i], []
        self._arrive_all(i, exits, price, exits_between=False)

    def _arrive_all(self, i: int, line: list[Ticket], price: float, *, exits_between: bool) -> None:
        self._arriving.append(line)
        for at, ticket in enumerate(line):
            if not ticket.alive or ticket.order is not None:
                continue
            members = [x for x in line[at:] if x.group == ticket.group and x.alive and x.order is None]
            if ticket.group != 0 and self._native_groups:
                sole = next((x for x in members if marketable(x, price)), None)
                if sole is not None:
                    for other in members:
                        if other is not sole:
                            self._end(other, OrderState.CANCELLED)
                    sole.group = 0
            if not ticket.alive:
                continue
            grouped = self._native_groups and ticket.group != 0 and len(members) > 1
            together = members if grouped else [ticket]
            self._arrive(i, together, price)
            if exits_between:
                self._place_exits(i, price)
        self._arriving.pop()

    def _arrive(self, i: int, tickets: list[Ticket], price: float) -> None:
        """Orders meet the market: one, or several of a group of which none executes at once."""
        first = tickets[0]
        now = marketable(first, price)
        kind = int(first.row["kind"])
        at_market = kind == OrderKind.MARKET or (kind == OrderKind.STOP and now)
        immediate = at_market or first.life == IMMEDIATE_OR_CANCEL
        first.immediate = immediate
        self._price[i] = price
        if not self._waiting[i]:
            self.venue.show(i, price)
        numbers = [x.number for x in tickets] if len(tickets) > 1 else []
        for ticket in tickets:
            sent = OrderKind.MARKET if at_market else OrderKind(int(ticket.row["kind"]))
            arguments = self.venue.build(
                i, ticket.number, sent, ticket.side * ticket.size, ticket.row, immediate
            )
            ticket.order = self.venue.make(sent, arguments, numbers)
            if not immediate:
                self._waiting[i].append(ticket)
        for orders in [[x.order for x in tickets]] if numbers else [[x.order] for x in tickets]:
            self.venue.submit(orders)
        self._cancel_marked()
        if immediate and first.alive:
            if not at_market:
                self.venue.cancel(first.order)
            if first.alive:
                self._end(first, OrderState.CANCELLED, exits=True)
        self._sweep(i)

    # -- events -------------------------------------------------------------------------------------

    def _on_fill(self, event: Any) -> None:
        from janus_trader.trader.order_venue import is_maker, number_of

        ticket = self._ledger.tickets[number_of(event)]
        i = ticket.i
        quantity = self.venue.in_lots(event.last_qty)
        price, fee = self.venue.on_tick(event.last_px), float(event.commission)
        signed = ticket.side * quantity
        maker = is_maker(event)
        self._book.execute(self._t, i, ticket.number, signed, price, fee, maker, self._price[i])
        ticket.filled = round_size(ticket.filled + quantity, self._s)
        self.venue.remaining[i] = round_size(self.venue.remaining[i] - quantity, self._s)
        complete = ticket.filled == ticket.size
        self._end_group(ticket, 0.0 if complete else quantity)
        if complete:
            self._end(ticket, OrderState.FILLED, exits=True)

    def _end_group(self, ticket: Ticket, part: float = 0.0) -> None:
        """End the others of a group where nautilus is not left to do it, or take ``part`` off its own side.

        It is, unless executions may be partial: then its cancellation of the others would come back and
        cancel the rest of the order that was executed.
        """
        if ticket.group == 0 or self._native_groups:
            return
        arriving = [x for line in self._arriving for x in line if x.i == ticket.i and x.order is None]
        for other in [*self._waiting[ticket.i], *self._queue[ticket.i], *self._exits[ticket.i], *arriving]:
            if other is ticket or not other.alive or other.group != ticket.group:
                continue
            other.size = float(round_size(other.size - part, self._s))
            if part == 0.0 or other.side != ticket.side or other.size <= other.filled:
                self._end(other, OrderState.CANCELLED)
                if other.order is not None:
                    self._marked.append(other.order)
            elif other.order is not None:
                self._reduced.append(other)

    def _end_queued_group(self, ticket: Ticket) -> None:
        """End the others of a group that is cancelled; those that wait in the queue nautilus never saw."""
        self._end_group(ticket)
        for other in self._queue[ticket.i]:
            if other is not ticket and other.alive and other.group == ticket.group != 0:
                self._end(other, OrderState.CANCELLED)

    def _cancel_marked(self) -> None:
        marked, self._marked = self._marked, []
        for order in marked:
            self.venue.cancel(order)
        reduced, self._reduced = self._reduced, []
        for ticket in reduced:
            if ticket.alive:
                self.venue.resize(ticket.order, ticket.size)

    def _on_end(self, event: Any) -> None:
        from janus_trader.trader.order_venue import number_of

        ticket = self._ledger.tickets[number_of(event)]
        if ticket.alive:
            self._end(ticket, OrderState.CANCELLED, exits=ticket.immediate)

    def _end(self, ticket: Ticket, state: OrderState, *, exits: bool = False) -> None:
        """An order is over; with ``exits``, what was executed of it gets its exits."""
        self._ledger.end(ticket, state)
        if ticket.order is not None:
            self._garbage.append(ticket.order)
        if not (exits and ticket.filled > 0.0):
            return
        sign = -1.0 if ticket.row["quantity"] > 0.0 else 1.0
        for kind, price in ((OrderKind.STOP, ticket.stop_loss), (OrderKind.LIMIT, ticket.take_profit)):
            if price > 0.0:
                row = self._ledger.row(self._t, kind, sign * ticket.filled, parent=ticket.number)
                row["stop" if kind == OrderKind.STOP else "limit"] = price
                exit_ticket = self._ledger.open(ticket.i, row, 0, -(ticket.number + 1), 0.0, 0.0)
                if exit_ticket is not None:
                    self._exits[ticket.i].append(exit_ticket)

    # -- the close ----------------------------------------------------------------------------------

    def _close(self, i: int, close: float) -> None:
        self._closes[i] = close
        self._expire(i, session_over=False)
        self._ledger.close(i)

    def _pay(self, charge: float) -> None:
        self.venue.charge(charge)
        self._book.charge(charge)

    def _expire(self, i: int, *, session_over: bool) -> None:
        for ticket in in_order([(self.venue.level(x.order)[0], x) for x in self._waiting[i]]):
            over = ticket.life == DAY if session_over else ticket.life == 1
            if not session_over and ticket.life > 0:
                ticket.life -= 1
            if over and ticket.alive:
                self._end(ticket, OrderState.EXPIRED, exits=True)
                self.venue.cancel(ticket.order)
                self._end_group(ticket)
                self._cancel_marked()
        self._queue[i].extend(self._exits[i])
        self._exits[i] = []
        self._sweep(i)

    def _value(self) -> tuple[float, float]:
        """(equity, gross position value) as the strategy knows them."""
        return self._book.value(self._held(), self._closes)

    def _held(self) -> list[float]:
        return [self.venue.position(i)[0] for i in range(len(self._closes))]

    def _equity_at_venue(self) -> float:
        """Equity by the venue's own account: balance and open profits."""
        worth = self.venue.balance
        for i in range(len(self._closes)):
            held, entry = self.venue.position(i)
            worth += held * (self._closes[i] - entry)
        return worth

    def _liquidate(self, i: int) -> bool:
        held = self.venue.position(i)[0]
        if held != 0.0 and only_closes([*self._waiting[i], *self._queue[i]], held):
            return False
        self._cancel(i, -1)
        if held == 0.0:
            return False
        self._ledger.close(i)
        self._queue_up(i, self._ledger.row(self._t, OrderKind.MARKET, -held), 0, 0, 0.0, 0.0)
        if self._settings.fill == "same_close" and self._here[self._t, i]:
            self._arrivals(i, float(self._closes[i]))
        return True

    def _ask(self, t: int, i: int, equity: float, gross: float, halted: bool) -> None:
        a, requests, close = self._account[0], self._requests, float(self._closes[i])
        held, entry = self.venue.position(i)
        a["bar"], a["cash"], a["equity"], a["gross"] = t, self._book.cash, equity, gross
        a["quantity"], a["average"] = held, entry
        a["working"] = len(self._waiting[i]) + len(self._queue[i])
        a["refused"], a["halted"], a["next_id"] = (
            self._ledger.refused[i],
            int(halted),
            len(self._ledger.tickets),
        )
        self._writer.write(t, i, a, close, requests)
        dropped = 0 if halted else int(requests[0]["dropped"])
        for r in requests:
            if r["kind"] == 0:
                break
            if not halted:
                self._take(i, r, equity, close)
        for _ in range(dropped):
            self._ledger.refuse(i, self._ledger.row(t, 0, 0.0), OrderState.REFUSED_CAPACITY)
        requests[:] = np.zeros(1, REQUEST_DTYPE)
        if self._settings.fill == "same_close" and self._queue[i]:
            self._session[i] = int(self._bars[t, i]["session"])
            self._arrivals(i, close)

    def _take(self, i: int, r: Any, equity: float, close: float) -> None:
        if r["kind"] == OrderKind.CANCEL_ALL:
            self._cancel(i, -1)
        elif r["kind"] == OrderKind.CANCEL:
            if r["target"] >= 0:
                self._cancel(i, int(r["target"]))
        else:
            orders = [[*w, *q] for w, q in zip(self._waiting, self._queue, strict=True)]
            c = commitment(i, r, self._t, equity, self._closes, self._held(), orders, self._s)
            verdict = review_request(r, c, close, self._s)
            row = self._ledger.row(self._t, int(r["kind"]), float(r["quantity"]))
            for name in ("limit", "stop", "trail", "life"):
                row[name] = r[name]
            if verdict != 0:
                self._ledger.refuse(i, row, verdict)
                return
            group = 0 if r["group"] == 0 else (self._t + 1) * 64 + int(r["group"])
            self._queue_up(i, row, int(r["life"]), group, float(r["stop_loss"]), float(r["take_profit"]))

    def _cancel(self, i: int, number: int) -> None:
        for ticket in [*self._waiting[i], *self._queue[i]]:
            if ticket.alive and (number < 0 or ticket.number == number):
                self._end(ticket, OrderState.CANCELLED)
                if ticket.order is not None:
                    self.venue.cancel(ticket.order)
                if number >= 0:
                    self._end_queued_group(ticket)
                    self._cancel_marked()
        self._sweep(i)
        self._queue[i] = [x for x in self._queue[i] if x.alive]

    def _queue_up(
        self, i: int, row: Any, life: int, group: int, stop_loss: float, take_profit: float
    ) -> None:
        ticket = self._ledger.open(i, row, life, group, stop_loss, take_profit)
        if ticket is not None:
            self._queue[i].append(ticket)

    def _tidy(self) -> None:
        if self._garbage:
            self.venue.forget(self._garbage, nothing_waits=not any(self._waiting))
            self._garbage = []
