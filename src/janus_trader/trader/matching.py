"""The matching core: one nautilus_trader exchange, driven order by order.

Imported only by `janus_trader.trader.backtest`, when a venue is built, because importing
nautilus_trader takes about a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FeeModel
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import (
    AccountType,
    AssetClass,
    CurrencyType,
    LiquiditySide,
    OmsType,
    OrderSide,
    OrderType,
)
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import Cfd
from nautilus_trader.model.objects import FIXED_PRECISION, Currency, Money, Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.portfolio.config import PortfolioConfig
from nautilus_trader.trading.strategy import Strategy

from janus_trader.contracts.errors import ConfigError, JanusError
from janus_trader.contracts.market import Instrument

_VENUE = "JANUS"
#: Size shown on each side of the synthetic quote: far above any order, so that a market order
#: fills once, at the quoted price, and never walks a tick beyond it.
_DEPTH = 1e13
#: Amounts are kept to this fraction of the capital, and stay exact as floats until the balance has
#: grown ten-thousandfold.
_MONEY_RESOLUTION = 1e-11

#: Amounts beyond this make the engine's fixed-point numbers overflow, which ends the process.
MAX_AMOUNT = 1e13
#: A whole book may be rebalanced at one instant; how often is the rulebook's business.
_SUBMIT_RATE = "100000/00:00:01"

CostOf = Callable[[int, float], float]


class _CostFee(FeeModel):
    """Commission of a fill: the cost model's fraction of its value."""

    def __init__(self, cost_of: CostOf, index: dict[str, int], currency: Currency) -> None:
        self._cost_of, self._index, self._currency = cost_of, index, currency

    def get_commission(self, order: Any, fill_qty: Any, fill_px: Any, instrument: Any) -> Money:
        value = float(fill_qty) * float(fill_px)
        cost = self._cost_of(self._index[instrument.id.symbol.value], value) * value
        return Money(cost, self._currency)


class ExchangeHandle(SimulationModule):
    """Does nothing: its registration is how an engine hands out its exchange."""

    def pre_process(self, data: Any) -> None:
        pass

    def process(self, ts_now: int) -> None:
        pass

    def reset(self) -> None:
        pass

    def log_diagnostics(self, logger: Any) -> None:
        pass


class _OrderDesk(Strategy):
    """Sends orders and keeps what came back of the order in flight."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(order_id_tag="001", log_events=False, log_commands=False))
        self.filled: list[OrderFilled] = []
        self.refusal: str | None = None

    def on_order_filled(self, event: OrderFilled) -> None:
        self.filled.append(event)

    def on_order_rejected(self, event: Any) -> None:
        self.refusal = str(event.reason)

    def on_order_denied(self, event: Any) -> None:
        self.refusal = str(event.reason)

    def on_order_canceled(self, event: Any) -> None:
        self.refusal = "canceled by the venue"


def _account_currency(code: str, capital: float) -> Currency:
    """The account's currency with decimals that fit the capital.

    The engine looks a currency up by its code wherever an amount is converted, and knows real ones
    with two decimals, which would round every cost to a cent: hence a code of its own.
    """
    decimals = min(8, max(2, round(-math.log10(capital * _MONEY_RESOLUTION))))
    currency = Currency(f"{code}.{decimals}", decimals, 0, code, CurrencyType.FIAT)
    Currency.register(currency, overwrite=True)
    return currency


class MatchingCore:
    """A netting margin account on a simulated exchange that fills one order at one price.

    Orders run through nautilus' risk engine, execution engine, matching engine, portfolio and
    account; nothing of them is imitated here. The initial and maintenance margins are 0: the limits
    on leverage are the rulebook's, not the venue's.

    Parameters
    ----------
    instruments : sequence of Instrument
    capital : float
        Starting balance, > 0.
    currency : str
        Code of the account's currency.
    cost_of : callable (instrument index, value) -> float
        Cost of a fill as a fraction of its value.
    compact_fills : int
        Number of fills after which a position's history is folded into one.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        capital: float,
        currency: str,
        cost_of: CostOf,
        compact_fills: int,
    ) -> None:
        self._currency = _account_currency(currency, capital)
        self._compact_fills = compact_fills
        index: dict[str, int] = {}
        self._engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id="JANUS-001",
                logging=LoggingConfig(bypass_logging=True),
                run_analysis=False,
                risk_engine=RiskEngineConfig(max_order_submit_rate=_SUBMIT_RATE),
                portfolio=PortfolioConfig(min_account_state_logging_interval_ms=10**12),
            )
        )
        handle = ExchangeHandle(SimulationModuleConfig())
        self._engine.add_venue(
            Venue(_VENUE),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(capital, self._currency)],
            base_currency=self._currency,
            default_leverage=Decimal(1),
            fee_model=_CostFee(cost_of, index, self._currency),
            modules=[handle],
            support_contingent_orders=False,  # their bookkeeping makes the cost of a fill grow with history
            use_reduce_only=False,
            use_position_ids=False,
        )
        self._instruments = [self._define(i, x, index) for i, x in enumerate(instruments)]
        self._depth = [Quantity(_DEPTH, x.size_decimals) for x in instruments]
        for definition in self._instruments:
            self._engine.add_instrument(definition)
        self._desk = _OrderDesk()
        self._engine.add_strategy(self._desk)
        self._engine.run(streaming=True)  # no data: opens the account and starts every component
        self._exchange = handle.exchange
        self._account = self._exchange.get_account()
        self._cache = self._engine.cache
        self._clocks = (self._engine.kernel.clock, self._desk.clock)
        self._ts = 0

    def _define(self, i: int, instrument: Instrument, index: dict[str, int]) -> Cfd:
        # The venue's own names are numbered, so that a symbol may hold any text.
        symbol = f"I{i:05d}"
        index[symbol] = i
        price_decimals, size_decimals = instrument.price_decimals, instrument.size_decimals
        if not (0 <= price_decimals <= FIXED_PRECISION and 0 <= size_decimals <= FIXED_PRECISION):
            raise ConfigError(
                f"{instrument.symbol}: too many decimals",
                got=f"price {price_decimals}, size {size_decimals}",
                expected=f"0 to {FIXED_PRECISION}",
            )
        return Cfd(
            InstrumentId(Symbol(symbol), Venue(_VENUE)),
            Symbol(symbol),
            AssetClass.EQUITY,
            self._currency,
            price_decimals,
            size_decimals,
            Price(10.0**-price_decimals, price_decimals),
            Quantity(10.0**-size_decimals, size_decimals),
            0,
            0,
        )

    @property
    def balance(self) -> float:
        """Balance of the account: capital, realised profits, costs and interest; no open profit."""
        return float(self._account.balance_total(self._currency))

    def set_time(self, ts: int) -> None:
        """Move every clock of the engine to ``ts``."""
        for clock in self._clocks:
            clock.set_time(ts)
        self._ts = ts

    def adjust(self, amount: float) -> None:
        """Credit (or charge) the account, for interest."""
        if not abs(self.balance) + abs(amount) < MAX_AMOUNT:
            raise JanusError(
                "the account has outgrown the engine", got=self.balance, expected=f"below {MAX_AMOUNT:g}"
            )
        money = Money(amount, self._currency)
        if float(money) != 0.0:
            self._exchange.adjust_account(money)
            self._account.purge_account_events(self._ts)

    def execute(
        self, i: int, order_id: str, buy: bool, quantity: float, price: float
    ) -> tuple[float, float, float, str | None]:
        """Quote ``price`` on both sides of instrument ``i`` and send one market order into it.

        Returns
        -------
        (quantity filled, average price, cost in currency, refusal or None)

        Raises
        ------
        ValueError
            The order is too large for the engine's number types.
        """
        held, entry = self.position(i)
        largest = (abs(held) + quantity) * max(price, entry) + abs(self.balance)
        if not (largest < MAX_AMOUNT and quantity < _DEPTH):
            raise ValueError(f"an order over {quantity * price:g} is more than the engine can hold")
        definition = self._instruments[i]
        quoted = Price(price, definition.price_precision)
        depth = self._depth[i]
        self._exchange.process_quote_tick(
            QuoteTick(definition.id, quoted, quoted, depth, depth, self._ts, self._ts)
        )
        desk = self._desk
        desk.filled.clear()
        desk.refusal = None
        order = desk.order_factory.market(
            definition.id,
            OrderSide.BUY if buy else OrderSide.SELL,
            Quantity(quantity, definition.size_precision),
            client_order_id=ClientOrderId(order_id),
        )
        desk.submit_order(order)
        self._exchange.process(self._ts)
        filled = value = cost = 0.0
        for event in desk.filled:
            filled += float(event.last_qty)
            value += float(event.last_qty) * float(event.last_px)
            cost += float(event.commission)
        self._forget(order)
        if filled == 0.0:
            return 0.0, 0.0, 0.0, desk.refusal or f"order ended as {order.status_string()}"
        return filled, value / filled, cost, desk.refusal

    def position(self, i: int) -> tuple[float, float]:
        """Signed quantity and average entry price of instrument ``i``; (0, 0) when flat."""
        position = self._open_position(i)
        return (position.signed_qty, position.avg_px_open) if position is not None else (0.0, 0.0)

    def cache_sizes(self) -> dict[str, int]:
        """Orders, positions and account events the engine holds: bounded, whatever was traded."""
        return {
            "orders": self._cache.orders_total_count(),
            "positions": self._cache.positions_total_count(),
            "account_events": self._account.event_count,
            "position_fills": sum(p.event_count for p in self._cache.positions()),
        }

    def dispose(self) -> None:
        """Stop the engine and drop everything it holds."""
        self._engine.dispose()

    def _open_position(self, i: int) -> Position | None:
        found = self._cache.positions_open(venue=None, instrument_id=self._instruments[i].id)
        return found[0] if found else None

    def _forget(self, order: Any) -> None:
        """Drop what a finished order leaves behind: the cost of an order must not grow with their number."""
        self._cache.purge_order(order.client_order_id)
        self._account.purge_account_events(self._ts)
        if order.position_id is None:
            return
        position = self._cache.position(order.position_id)
        if position is None:
            return
        if position.is_closed:
            self._cache.purge_position(position.id)
        elif position.event_count >= self._compact_fills:
            self._compact(position)

    def _compact(self, position: Position) -> None:
        """Replace a position by one of the same quantity and average price with a single fill.

        nautilus compares each new fill with every fill a position has ever had, so a position that
        is rebalanced for years would grow slower with each order.
        """
        instrument = self._cache.instrument(position.instrument_id)
        fill = OrderFilled(
            trader_id=position.trader_id,
            strategy_id=position.strategy_id,
            instrument_id=position.instrument_id,
            client_order_id=position.opening_order_id,
            venue_order_id=position.events[0].venue_order_id,
            account_id=position.account_id,
            trade_id=TradeId("COMPACTED"),
            position_id=position.id,
            order_side=position.entry,
            order_type=OrderType.MARKET,
            last_qty=position.quantity,
            last_px=Price(position.avg_px_open, FIXED_PRECISION),
            currency=self._currency,
            commission=Money(0, self._currency),
            liquidity_side=LiquiditySide.TAKER,
            event_id=UUID4(),
            ts_event=position.ts_last,
            ts_init=position.ts_last,
        )
        self._cache.add_position(Position(instrument, fill), OmsType.NETTING)
