"""What a request for an order is judged by on the strategy's side: all that is held and ordered by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from janus_trader.contracts.backtest import OrderKind
from janus_trader.execution.order_rules import COMMITMENT_DTYPE, committed, round_size
from janus_trader.trader.order_tickets import Ticket


def ordered_sizes(tickets: list[Ticket], record: Any) -> tuple[float, float, float]:
    """Sizes that orders may buy and sell, those of a group once, and what market orders will change."""
    sums, soon = {1.0: 0.0, -1.0: 0.0}, 0.0
    groups: dict[tuple[int, float], float] = {}
    for ticket in tickets:
        if not ticket.alive:
            continue
        left = float(round_size(ticket.size - ticket.filled, record))
        if ticket.group != 0:
            key = (ticket.group, ticket.side)
            groups[key] = max(groups.get(key, 0.0), left)
        else:
            sums[ticket.side] += left
        if ticket.row["kind"] == OrderKind.MARKET:
            soon += ticket.side * left
    for (_, side), left in groups.items():
        sums[side] += left
    buys, sells = round_size(sums[1.0], record), round_size(sums[-1.0], record)
    return float(buys), float(sells), float(round_size(soon, record))


def commitment(
    i: int,
    r: Any,
    bar: int,
    equity: float,
    closes: np.ndarray,
    held: Sequence[float],
    orders: Sequence[list[Ticket]],
    record: Any,
) -> Any:
    """The record of `COMMITMENT_DTYPE` for request ``r`` in instrument ``i``.

    ``held`` are the positions and ``orders`` the orders of every instrument, ``record`` the settings.
    """
    c = np.zeros(1, COMMITMENT_DTYPE)[0]
    c["equity"], c["quantity"] = equity, held[i]
    for j, tickets in enumerate(orders):
        buys, sells, soon = ordered_sizes(tickets, record)
        if j == i:
            c["buys"], c["sells"], c["soon"] = buys, sells, round_size(held[i] + soon, record)
        else:
            c["others"] += committed(held[j], buys, sells) * closes[j]
    if r["group"] != 0:
        group, side = (bar + 1) * 64 + int(r["group"]), float(np.copysign(1.0, r["quantity"]))
        mates = [x for x in orders[i] if x.alive and x.group == group and x.side == side]
        c["grouped"] = max((round_size(x.size - x.filled, record) for x in mates), default=0.0)
    return c
