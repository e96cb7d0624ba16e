"""Orders of every kind on a nautilus_trader exchange whose price is moved by hand.

Imported only when a back-test is matched by nautilus_trader, because importing that takes about a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import (
    AccountType,
    AssetClass,
    BookAction,
    BookType,
    ContingencyType,
    CurrencyType,
    LiquiditySide,
    OmsType,
    OrderSide,
    TimeInForce,
    TrailingOffsetType,
    TriggerType,
)
from nautilus_trader.model.identifiers import (
    ClientOrderId,
    InstrumentId,
    OrderListId,
    Symbol,
    Venue,
)
from nautilus_trader.model.instruments import Cfd
from nautilus_trader.model.objects import Currency, Money, Quantity
from nautilus_trader.model.orders import (
    LimitOrder,
    MarketOrder,
    OrderList,
    StopLimitOrder,
    StopMarketOrder,
    TrailingStopMarketOrder,
)
from nautilus_trader.portfolio.config import PortfolioConfig
from nautilus_trader.trading.strategy import Strategy

from janus_trader.contracts.backtest import BacktestSettings, OrderKind
from janus_trader.contracts.errors import DataError
from janus_trader.trader.matching import MAX_AMOUNT, ExchangeHandle
from janus_trader.trader.venue_models import Scale, SettingsFees, SettingsFills, VolumeUsedUp

_VENUE = "JANUS"
_DEPTH = 1e12
_SUBMIT_RATE = "1000000/00:00:01"


class _Desk(Strategy):
    """Sends orders and passes on what comes back."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(order_id_tag="001", log_events=False, log_commands=False))
        self.filled: Callable[[Any], None] = lambda event: None
        self.ended: Callable[[Any], None] = lambda event: None

    def on_order_filled(self, event: Any) -> None:
        self.filled(event)

    def on_order_canceled(self, event: Any) -> None:
        self.ended(event)

    def on_order_rejected(self, event: Any) -> None:
        self.ended(event)

    def on_order_denied(self, event: Any) -> None:
        self.ended(event)


class OrderVenue:
    """A netting margin account whose orders nautilus_trader keeps and matches.

    ``show`` moves the market of an instrument to a price, at which nautilus matches what waits; ``submit``
    sends new orders at that price. Which orders execute, in which order, what a stop, a trailing stop or
    a cancelled pair does, and the account, are nautilus'. Prices and sizes of executions come from its
    fill model, set to the settings' slippage and volume share.

    Parameters
    ----------
    n : int
        Instruments.
    settings : BacktestSettings
    highest : float
        Highest price that will be shown.
    filled, ended : callable
        Receive the events of executions, and of orders that end otherwise.
    """

    def __init__(
        self,
        n: int,
        settings: BacktestSettings,
        highest: float,
        filled: Callable[[Any], None],
        ended: Callable[[Any], None],
    ) -> None:
        record = settings.record()[0]
        self._settings, self._highest, self._ts = settings, highest, 0
        self.volume, self.remaining = np.full(n, np.nan), np.full(n, np.inf)
        self._currency = _currency(settings.money_decimals)
        self._scale = Scale(settings, highest)
        index = {f"I{i:05d}": i for i in range(n)}
        self._engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id="JANUS-001",
                logging=LoggingConfig(bypass_logging=True),
                run_analysis=False,
                risk_engine=RiskEngineConfig(
                    max_order_submit_rate=_SUBMIT_RATE, max_order_modify_rate=_SUBMIT_RATE
                ),
                portfolio=PortfolioConfig(min_account_state_logging_interval_ms=10**12),
            )
        )
        handle = ExchangeHandle(SimulationModuleConfig())
        self._engine.add_venue(
            Venue(_VENUE),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(settings.capital, self._currency)],
            base_currency=self._currency,
            default_leverage=Decimal(1),
            book_type=BookType.L2_MBP,
            fee_model=SettingsFees(record, self._scale, self._currency),
            fill_model=SettingsFills(record, self._scale, index, self.volume, self.remaining),
            modules=[handle],
            reject_stop_orders=False,
            use_reduce_only=False,
            use_position_ids=False,
        )
        self._instruments = [self._define(symbol) for symbol in index]
        for definition in self._instruments:
            self._engine.add_instrument(definition)
        self._desk = _Desk()
        self._desk.filled, self._desk.ended = filled, ended
        self._engine.add_strategy(self._desk)
        self._engine.run(streaming=True)  # no data: opens the account and starts every component
        self._exchange = handle.exchange
        self._account = self._exchange.get_account()
        self._cache = self._engine.cache
        self._clocks = (self._engine.kernel.clock, self._desk.clock)

    def _define(self, symbol: str) -> Cfd:
        return Cfd(
            InstrumentId(Symbol(symbol), Venue(_VENUE)),
            Symbol(symbol),
            AssetClass.EQUITY,
            self._currency,
            self._scale.price_decimals,
            self._scale.size_decimals,
            self._scale.price(self._settings.tick_size),
            self._scale.size(self._settings.lot_size),
            0,
            0,
        )

    @property
    def balance(self) -> float:
        """Balance of the account: capital, realised profits, fees and charges; no open profit."""
        return float(self._account.balance_total(self._currency))

    def position(self, i: int) -> tuple[float, float]:
        """Signed quantity and average entry price of instrument ``i``; (0, 0) when flat."""
        found = self._cache.positions_open(venue=None, instrument_id=self._instruments[i].id)
        if not found:
            return 0.0, 0.0
        return self._scale.size_back(found[0].signed_qty), found[0].avg_px_open * self._scale.unit

    def set_time(self, ts: int) -> None:
        """Move every clock to ``ts``, ns."""
        for clock in self._clocks:
            clock.set_time(ts)
        self._ts = ts

    def show(self, i: int, price: float) -> None:
        """Move the market of an instrument to ``price``; what waits is matched while volume lasts."""
        name, ts = self._instruments[i].id, self._ts
        quoted, depth = self._scale.price(price), Quantity(_DEPTH, self._scale.size_decimals)
        deltas = [OrderBookDelta.clear(name, 0, ts, ts)]
        for number, side in enumerate((OrderSide.BUY, OrderSide.SELL), 1):
            level = BookOrder(side, quoted, depth, number)
            deltas.append(OrderBookDelta(name, BookAction.ADD, level, 0, 0, ts, ts))
        with contextlib.suppress(VolumeUsedUp):
            self._exchange.process_order_book_deltas(OrderBookDeltas(name, deltas))

    def submit(self, orders: Sequence[Any]) -> None:
        """Send one order, or several that cancel each other."""
        if len(orders) == 1:
            self._desk.submit_order(orders[0])
        else:
            self._desk.submit_order_list(OrderList(orders[0].order_list_id, list(orders)))
        self._process()

    def cancel(self, order: Any) -> None:
        """Cancel a waiting order."""
        self._desk.cancel_order(order)
        self._process()

    def resize(self, order: Any, quantity: float) -> None:
        """Change the whole size of a waiting order, what is executed of it included."""
        self._desk.modify_order(order, quantity=self._scale.size(quantity))
        self._process()

    def charge(self, amount: float) -> None:
        """Take an amount from the account."""
        if amount != 0.0:
            self._exchange.adjust_account(Money(-amount, self._currency))

    def forget(self, orders: Sequence[Any], *, nothing_waits: bool) -> None:
        """Drop ended orders, so that the cost of an execution does not grow with history.

        Closed positions go too, but only where no order waits that could still name one.
        """
        for order in orders:
            self._cache.purge_order(order.client_order_id)
        if nothing_waits:
            for position in self._cache.positions_closed():
                self._cache.purge_position(position.id)
        self._account.purge_account_events(self._ts)

    def dispose(self) -> None:
        """Stop the engine and drop everything it holds."""
        self._engine.dispose()

    def _process(self) -> None:
        with contextlib.suppress(VolumeUsedUp):
            self._exchange.process(self._ts)

    def build(
        self, i: int, number: int, kind: int, quantity: float, prices: Any, now: bool
    ) -> dict[str, Any]:
        """The arguments of an order that do not depend on its links to others.

        Raises
        ------
        DataError
            The order is so large that the engine's numbers would overflow, which would end the process.
        """
        price = max(float(prices["limit"]), float(prices["stop"]), self._highest)
        if not (abs(quantity) * price + abs(self.balance) < MAX_AMOUNT):
            raise DataError(
                "an order is more than nautilus_trader can hold",
                got=f"{abs(quantity) * price:g}",
                expected=f"below {MAX_AMOUNT:g}",
                remedy="use the compiled engine, or less capital",
            )
        scale = self._scale
        common = {
            "trader_id": self._desk.trader_id,
            "strategy_id": self._desk.id,
            "instrument_id": self._instruments[i].id,
            "client_order_id": name_of(number),
            "order_side": OrderSide.BUY if quantity > 0 else OrderSide.SELL,
            "quantity": scale.size(abs(quantity)),
            "init_id": UUID4(),
            "ts_init": self._ts,
            "time_in_force": TimeInForce.IOC if now else TimeInForce.GTC,
        }
        if kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT):
            common["price"] = scale.price(float(prices["limit"]))
        if kind in (OrderKind.STOP, OrderKind.STOP_LIMIT):
            common["trigger_price"] = scale.price(float(prices["stop"]))
            common["trigger_type"] = TriggerType.BID_ASK
        if kind == OrderKind.TRAILING_STOP:
            common["trigger_price"] = None
            common["trigger_type"] = TriggerType.BID_ASK
            common["trailing_offset"] = scale.distance(float(prices["trail"]))
            common["trailing_offset_type"] = TrailingOffsetType.PRICE
        return common

    def make(self, kind: int, arguments: dict[str, Any], linked: Sequence[int] = ()) -> Any:
        """The order; ``linked`` are the numbers of the orders it cancels when it executes."""
        if linked:
            arguments = {
                **arguments,
                "contingency_type": ContingencyType.OCO,
                "order_list_id": OrderListId(f"L{min(linked)}"),
                "linked_order_ids": [
                    name_of(k) for k in linked if name_of(k) != arguments["client_order_id"]
                ],
            }
        return _CLASSES[OrderKind(kind)](**arguments)

    def level(self, order: Any) -> tuple[float, bool]:
        """Where a waiting order does something next, and whether a rise leads there."""
        resting = not order.has_trigger_price or bool(getattr(order, "is_triggered", False))
        price = order.price if resting else order.trigger_price
        return self.on_tick(price), (order.side == OrderSide.SELL) == resting

    def on_tick(self, price: Any) -> float:
        """A price of the engine as the nearest float."""
        return self._scale.price_back(price)

    def in_lots(self, quantity: Any) -> float:
        """A size of the engine as the nearest float."""
        return self._scale.size_back(quantity)


_CLASSES: dict[OrderKind, Any] = {
    OrderKind.MARKET: MarketOrder,
    OrderKind.LIMIT: LimitOrder,
    OrderKind.STOP: StopMarketOrder,
    OrderKind.STOP_LIMIT: StopLimitOrder,
    OrderKind.TRAILING_STOP: TrailingStopMarketOrder,
}


def name_of(number: int) -> ClientOrderId:
    """The engine's name of an order."""
    return ClientOrderId(f"O{number}")


def number_of(event: Any) -> int:
    """The number of the order an event is about."""
    return int(event.client_order_id.value[1:])


def is_maker(event: Any) -> bool:
    """Whether an execution was of a resting limit order."""
    return bool(event.liquidity_side == LiquiditySide.MAKER)


def _currency(decimals: int) -> Currency:
    """The account's currency; a code of its own, because the engine knows real ones with two decimals."""
    currency = Currency(f"USD.{decimals}", decimals, 0, "USD", CurrencyType.FIAT)
    Currency.register(currency, overwrite=True)
    return currency
