"""Round trips: every closed quantity matched first-in-first-out with the fills that opened it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from janus_trader.contracts.orders import Fill, Side


@dataclass(frozen=True)
class RoundTrip:
    """One matched entry and exit. ``pnl`` is net of both sides' costs, in currency."""

    symbol: str
    direction: int
    quantity: float
    entry_ns: int
    exit_ns: int
    entry_price: float
    exit_price: float
    cost: float
    pnl: float


@dataclass
class _Lot:
    quantity: float
    price: float
    ts: int
    unit_cost: float


def match_round_trips(fills: Iterable[Fill]) -> tuple[list[RoundTrip], dict[str, float]]:
    """Round trips in order of their exits, and the signed quantity still open per symbol.

    Cost O(number of fills).

    >>> buy = Fill(order_id="1", symbol="A", side=Side.BUY, quantity=2, price=10, cost=1, ts_event=0,
    ...            decision_price=10)
    >>> sell = Fill(order_id="2", symbol="A", side=Side.SELL, quantity=1, price=12, cost=1, ts_event=9,
    ...             decision_price=12)
    >>> trips, open_quantity = match_round_trips([buy, sell])
    >>> trips[0].pnl, open_quantity
    (0.5, {'A': 1.0})
    """
    lots: dict[str, deque[_Lot]] = {}
    side_of: dict[str, int] = {}
    trips: list[RoundTrip] = []
    for fill in fills:
        sign = 1 if fill.side == Side.BUY else -1
        queue = lots.setdefault(fill.symbol, deque())
        left, unit_cost = fill.quantity, fill.cost / fill.quantity
        tolerance = 1e-9 * fill.quantity
        while left > tolerance and queue and side_of[fill.symbol] != sign:
            lot = queue[0]
            matched = min(left, lot.quantity)
            cost = matched * (lot.unit_cost + unit_cost)
            gross = -sign * matched * (fill.price - lot.price)
            trips.append(
                RoundTrip(
                    fill.symbol,
                    -sign,
                    matched,
                    lot.ts,
                    fill.ts_event,
                    lot.price,
                    fill.price,
                    cost,
                    gross - cost,
                )
            )
            lot.quantity -= matched
            left -= matched
            if lot.quantity <= tolerance:
                queue.popleft()
        if left > tolerance:
            side_of[fill.symbol] = sign
            queue.append(_Lot(left, fill.price, fill.ts_event, unit_cost))
    open_quantity = {
        symbol: side_of[symbol] * float(sum(lot.quantity for lot in queue))
        for symbol, queue in lots.items()
        if queue
    }
    return trips, open_quantity
