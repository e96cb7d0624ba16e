"""The orders of a back-test on the strategy's side: their numbers, what became of them, how many may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.backtest import ORDER_DTYPE, OrderKind, OrderState


@dataclass(slots=True)
class Ticket:
    """What the strategy's side knows of one of its orders."""

    number: int
    i: int
    row: Any
    life: int
    group: int
    stop_loss: float
    take_profit: float
    order: Any = None
    alive: bool = True
    immediate: bool = False
    filled: float = 0.0
    size: float = 0.0

    @property
    def side(self) -> float:
        """1 buys, -1 sells."""
        return 1.0 if self.row["quantity"] > 0.0 else -1.0

    @property
    def exits(self) -> int:
        """Exits that it will bring."""
        return (self.stop_loss > 0.0) + (self.take_profit > 0.0)


def marketable(ticket: Ticket, price: float) -> bool:
    """Whether an order executes as soon as it arrives."""
    row, side = ticket.row, ticket.side
    if row["kind"] == OrderKind.MARKET:
        return True
    if row["kind"] == OrderKind.TRAILING_STOP:
        return False
    matched = side * (row["limit"] - price) >= 0.0
    through = side * (price - row["stop"]) >= 0.0
    if row["kind"] == OrderKind.LIMIT:
        return bool(matched)
    return bool(through and (row["kind"] == OrderKind.STOP or matched))


def in_order(levels: list[tuple[float, Ticket]]) -> list[Ticket]:
    """Orders by their levels: buys from the highest price, then sells from the lowest, equal ones by age."""
    buys = [(-p, x) for p, x in levels if x.side > 0.0]
    sells = [(p, x) for p, x in levels if x.side < 0.0]
    return [x for side in (buys, sells) for _, x in sorted(side, key=lambda pair: pair[0])]


def only_closes(tickets: list[Ticket], held: float) -> bool:
    """Whether all there is is a market order that closes a position."""
    if len(tickets) != 1 or tickets[0].row["kind"] != OrderKind.MARKET or tickets[0].exits:
        return False
    return bool(tickets[0].side * tickets[0].size == -held)


class OrderLedger:
    """Every order of ``n`` instruments that was asked for, of which ``most`` of each may wait."""

    def __init__(self, n: int, most: int) -> None:
        self.tickets: list[Ticket] = []
        self.refused = [0] * n
        self._alive, self._taken, self._most = [0] * n, [0] * n, most
        self._kept = [0] * n

    def row(self, bar: int, kind: int, quantity: float, parent: int = -1) -> Any:
        """A record of an order; prices and life are filled in by the caller."""
        row = np.zeros(1, ORDER_DTYPE)[0]
        row["bar"], row["kind"], row["quantity"], row["parent"] = bar, int(kind), quantity, parent
        return row

    def open(
        self, i: int, row: Any, life: int, group: int, stop_loss: float, take_profit: float
    ) -> Ticket | None:
        """Give an order its number; None where no more orders of the instrument, and their exits, may wait."""
        exits = (stop_loss > 0.0) + (take_profit > 0.0)
        if self._taken[i] + self._kept[i] + 1 + exits > self._most:
            self.refuse(i, row, OrderState.REFUSED_CAPACITY)
            return None
        ticket = self._number(i, row, alive=True)
        self._taken[i] += 1
        self._alive[i] += 1
        self._kept[i] += exits
        ticket.life, ticket.group = life, group
        ticket.stop_loss, ticket.take_profit = stop_loss, take_profit
        return ticket

    def refuse(self, i: int, row: Any, state: int) -> None:
        """Write down an order that is not taken."""
        row["state"] = int(state)
        self.refused[i] += 1
        self._number(i, row, alive=False)

    def end(self, ticket: Ticket, state: OrderState) -> None:
        """An order is over."""
        ticket.alive = False
        self._alive[ticket.i] -= 1
        self._kept[ticket.i] -= ticket.exits
        ticket.row["filled"], ticket.row["state"] = ticket.filled, int(state)

    def close(self, i: int) -> None:
        """At a close, the places of ended orders are free again."""
        self._taken[i] = self._alive[i]

    def rows(self) -> np.ndarray:
        """All orders by their numbers."""
        rows = np.zeros(len(self.tickets), ORDER_DTYPE)
        for k, ticket in enumerate(self.tickets):
            ticket.row["filled"] = ticket.filled
            rows[k] = ticket.row
        return rows

    def _number(self, i: int, row: Any, *, alive: bool) -> Ticket:
        row["instrument"] = i
        ticket = Ticket(len(self.tickets), i, row, 0, 0, 0.0, 0.0, alive=alive)
        ticket.size = abs(float(row["quantity"]))
        self.tickets.append(ticket)
        return ticket
