"""Fee and fill models that make nautilus_trader charge and price as the settings of a back-test say."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.backtest.models import FeeModel, FillModel
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder
from nautilus_trader.model.enums import BookType, LiquiditySide, OrderSide
from nautilus_trader.model.objects import Currency, Money, Price, Quantity

from janus_trader.contracts.backtest import BacktestSettings, decimals_of
from janus_trader.execution.order_rules import fill_fee, round_size, taker_price

_SORTED_BELOW = 922.0


class VolumeUsedUp(Exception):
    """Raised out of the fill model to end matching at a price: nothing is left of the bar's volume."""


class Scale:
    """How prices and sizes are written for the engine: in units of ``unit``, their product unchanged.

    nautilus sorts the orders of a side by a 64-bit number that wraps at a price of 922.33 (with its 16
    decimals), so that the prices of dearer instruments are divided by a power of ten.
    """

    def __init__(self, settings: BacktestSettings, highest: float) -> None:
        powers = max(0, math.ceil(math.log10(4.0 * highest / _SORTED_BELOW)))
        self.unit = 10.0**powers
        self._record = settings.record()[0]
        self.price_decimals = decimals_of(settings.tick_size) + powers
        self.size_decimals = max(0, decimals_of(settings.lot_size) - powers)
        self._tick = 10.0 ** decimals_of(settings.tick_size)

    def price(self, value: float) -> Price:
        return Price(value / self.unit, self.price_decimals)

    def size(self, value: float) -> Quantity:
        return Quantity(value * self.unit, self.size_decimals)

    def distance(self, value: float) -> Decimal:
        return Decimal(f"{value / self.unit:.{self.price_decimals}f}")

    def price_back(self, value: Any) -> float:
        """A price of the engine as the float nearest to it."""
        return float(np.rint(float(value) * self.unit * self._tick) / self._tick)

    def size_back(self, value: Any) -> float:
        """A size of the engine as the float nearest to it."""
        return float(round_size(float(value) / self.unit, self._record))


class SettingsFees(FeeModel):
    """Charges what the settings say."""

    def __init__(self, record: Any, scale: Scale, currency: Currency) -> None:
        self._record, self._scale, self._currency = record, scale, currency

    def get_commission(self, order: Any, fill_qty: Any, fill_px: Any, instrument: Any) -> Money:
        maker = order.liquidity_side == LiquiditySide.MAKER
        quantity, price = self._scale.size_back(fill_qty), self._scale.price_back(fill_px)
        return Money(fill_fee(quantity, price, maker, self._record), self._currency)


class SettingsFills(FillModel):
    """Shows a matched order a book of one level: the slipped price, and what the bar's volume allows."""

    def __init__(
        self, record: Any, scale: Scale, index: dict[str, int], volume: np.ndarray, remaining: np.ndarray
    ) -> None:
        super().__init__()
        self._record, self._scale, self._index = record, scale, index
        self._volume, self._remaining = volume, remaining

    def get_orderbook_for_fill_simulation(
        self, instrument: Any, order: Any, best_bid: Any, best_ask: Any
    ) -> OrderBook:
        s, scale, i = self._record, self._scale, self._index[instrument.id.symbol.value]
        quantity = min(scale.size_back(order.leaves_qty), self._remaining[i])
        if quantity < 0.5 * s["lot"]:
            raise VolumeUsedUp
        buy = order.side == OrderSide.BUY
        price = scale.price_back(best_ask if buy else best_bid)
        if order.liquidity_side != LiquiditySide.MAKER:
            price = taker_price(price, 1.0 if buy else -1.0, quantity, self._volume[i], s)
            if order.has_price:
                limit = scale.price_back(order.price)
                price = min(price, limit) if buy else max(price, limit)
        book = OrderBook(instrument.id, BookType.L2_MBP)
        side = OrderSide.SELL if buy else OrderSide.BUY
        book.add(BookOrder(side, scale.price(price), scale.size(quantity), 1), 0, 0)
        return book
