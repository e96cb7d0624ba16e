"""Orders and fills."""

from __future__ import annotations

from enum import StrEnum

from janus_trader.contracts.message import Message


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class OrderIntent(Message, frozen=True):
    """A market order for ``quantity`` units (> 0), decided at ``ts_event``, to be filled no earlier
    than the next bar. ``reduces`` is True when it cannot increase the absolute position."""

    order_id: str
    symbol: str
    side: Side
    quantity: float
    ts_event: int
    decision_price: float
    reduces: bool = False


class Fill(Message, frozen=True):
    """An execution. ``cost`` is the whole charge in currency (commission, half-spread and impact);
    ``price`` is the raw price of the bar it was filled at."""

    order_id: str
    symbol: str
    side: Side
    quantity: float
    price: float
    cost: float
    ts_event: int
    decision_price: float

    @property
    def cost_bps(self) -> float:
        """Cost over traded value, in basis points."""
        value = self.quantity * self.price
        return 1e4 * self.cost / value if value > 0 else 0.0


class RefusalReason(StrEnum):
    """Why an order was not sent or not filled."""

    PERMISSION_DENIED = "permission_denied"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NOT_POSITIVE = "not_positive"
    NOT_FINITE = "not_finite"
    STALE_INSTRUMENT = "stale_instrument"
    VENUE_REJECTED = "venue_rejected"


class Refusal(Message, frozen=True):
    """An order that did not reach the market, and why."""

    order_id: str
    symbol: str
    reason: RefusalReason
    ts_event: int
    detail: str = ""
