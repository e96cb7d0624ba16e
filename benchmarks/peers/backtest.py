"""Back-test peers: vectorbt, backtesting.py, backtrader and nautilus_trader on the same EMA cross."""

from __future__ import annotations

import importlib.util
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer
from janus_trader.research.bench.works.backtest import CAPITAL, FAST, FEE, SLOW, reference

#: Bars that the event-driven peers take; their time a bar does not depend on it.
FEWER = 50_000


def _sibling(name: str) -> Any:
    """Another file of this folder, which is no package."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"janus_peers_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _frame(bars: np.ndarray) -> Any:
    import pandas as pd

    index = pd.date_range("2020-01-01", periods=len(bars), freq="1min")
    columns = {name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=index)


def _ema(values: Any, span: int) -> np.ndarray:
    """The same average: begun at the first value."""
    import pandas as pd

    return pd.Series(np.asarray(values, dtype=float)).ewm(span=span, adjust=False).mean().to_numpy()


def _gap(ours: Any, theirs: Any) -> float:
    return abs(float(ours[0]) - float(theirs[0]))


def _gap_to_reference(ours: Any, theirs: Any) -> float:
    """The peer ran over fewer bars, and brought our result over the same ones."""
    return abs(float(theirs[0]) - float(theirs[1]))


def prepare_vectorbt(inputs: Mapping[str, Any]) -> Callable[[], Any]:
    vbt = _sibling("sweep").import_vectorbt()
    frame = _frame(inputs["bars"])
    warm = np.arange(len(frame)) >= SLOW - 1

    def run() -> tuple[float, int]:
        fast = vbt.MA.run(frame.Close, FAST, ewm=True).ma.to_numpy()
        slow = vbt.MA.run(frame.Close, SLOW, ewm=True).ma.to_numpy()
        up = (fast > slow) & warm
        enter = np.concatenate(([False], up[:-1]))
        book = vbt.Portfolio.from_signals(
            frame.Close, enter, ~enter, price=frame.Open, size=1.0, fees=FEE, init_cash=CAPITAL, freq="1min"
        )
        return float(book.final_value()), int(book.orders.count())

    return run


def prepare_backtesting(inputs: Mapping[str, Any]) -> Callable[[], Any]:
    import backtesting
    from backtesting import Backtest, Strategy

    backtesting.backtesting._tqdm = lambda bars, **_: bars  # its progress bar would cost time, and print
    frame = _frame(inputs["bars"])

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(_ema, self.data.Close, FAST)
            self.slow = self.I(_ema, self.data.Close, SLOW)

        def next(self) -> None:
            up = self.fast[-1] > self.slow[-1] and len(self.data) >= SLOW
            if up and not self.position:
                self.buy(size=1)
            elif not up and self.position:
                self.position.close()

    def run() -> tuple[float, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = Backtest(frame, Cross, cash=CAPITAL, commission=FEE).run()
        return float(found["Equity Final [$]"]), 2 * int(found["# Trades"])

    return run


def prepare_backtrader(inputs: Mapping[str, Any]) -> Callable[[], Any]:
    import backtrader as bt

    # backtrader looks up the module of a strategy's class, and this file is loaded without a name.
    sys.modules.setdefault(__name__, types.ModuleType(__name__))
    bars = inputs["bars"][:FEWER]
    frame = _frame(bars)
    expected = reference(bars, same_close=False)

    class Cross(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            self.fast = _ema(frame.Close, FAST)
            self.slow = _ema(frame.Close, SLOW)

        def next(self) -> None:
            t = len(self) - 1
            up = self.fast[t] > self.slow[t] and t >= SLOW - 1
            if up and not self.position.size:
                self.buy(size=1)
            elif not up and self.position.size:
                self.close()

    def run() -> tuple[float, float]:
        brain = bt.Cerebro(stdstats=False)
        brain.adddata(bt.feeds.PandasData(dataname=frame))
        brain.addstrategy(Cross)
        brain.broker.setcash(CAPITAL)
        brain.broker.setcommission(FEE)
        brain.run()
        return float(brain.broker.getvalue()), expected

    return run


def prepare_nautilus(inputs: Mapping[str, Any]) -> Callable[[], Any]:
    from decimal import Decimal

    import pandas as pd
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig, RiskEngineConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    raw = inputs["bars"][:FEWER]
    expected = reference(raw, same_close=True)
    base = TestInstrumentProvider.ethusdt_binance()
    values = base.to_dict(base)
    values.update(taker_fee=str(FEE), maker_fee=str(FEE), min_notional=None)
    instrument = type(base).from_dict(values)
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    frame = _frame(raw).rename(columns=str.lower)
    frame.index = pd.DatetimeIndex(frame.index, tz="UTC")
    bars = BarDataWrangler(kind, instrument).process(frame)

    class Cross(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.fast = self.slow = None
            self.seen, self.long = 0, False

        def on_start(self) -> None:
            self.subscribe_bars(kind)

        def on_bar(self, bar: Any) -> None:
            x = bar.close.as_double()
            self.fast = x if self.fast is None else self.fast + 2.0 / (FAST + 1) * (x - self.fast)
            self.slow = x if self.slow is None else self.slow + 2.0 / (SLOW + 1) * (x - self.slow)
            self.seen += 1
            up = self.seen >= SLOW and self.fast > self.slow
            if up != self.long:
                side = OrderSide.BUY if up else OrderSide.SELL
                self.submit_order(self.order_factory.market(instrument.id, side, instrument.make_qty(1)))
                self.long = up

    def run() -> tuple[float, float]:
        engine = BacktestEngine(
            BacktestEngineConfig(
                logging=LoggingConfig(bypass_logging=True),
                risk_engine=RiskEngineConfig(bypass=True),
                run_analysis=False,
            )
        )
        venue = Venue("BINANCE")
        engine.add_venue(
            venue,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(CAPITAL, USDT)],
            default_leverage=Decimal(1),
        )
        engine.add_instrument(instrument)
        engine.add_data(bars)
        engine.add_strategy(Cross())
        engine.run()
        equity = engine.portfolio.account(venue).balance_total(USDT).as_double()
        open_profit = engine.portfolio.unrealized_pnls(venue).get(USDT)
        engine.dispose()
        return equity + (open_profit.as_double() if open_profit is not None else 0.0), expected

    return run


PEERS = (
    Peer(
        work="backtest.ema_cross",
        name="vectorbt",
        package="vectorbt",
        prepare=prepare_vectorbt,
        agreement=_gap,
        settings="MA.run and Portfolio.from_signals at the next open; one order a bar, no pending orders",
    ),
    Peer(
        work="backtest.ema_cross",
        name="backtesting.py",
        package="backtesting",
        prepare=prepare_backtesting,
        agreement=_gap,
        settings="averages by pandas; includes its statistics, which cannot be left out",
    ),
    Peer(
        work="backtest.ema_cross",
        name="backtrader",
        package="backtrader",
        prepare=prepare_backtrader,
        agreement=_gap_to_reference,
        items=FEWER,
        settings=f"first {FEWER} bars, averages given to it, stdstats off",
    ),
    Peer(
        work="backtest.ema_cross_close",
        name="nautilus_trader",
        package="nautilus_trader",
        prepare=prepare_nautilus,
        agreement=_gap_to_reference,
        items=FEWER,
        settings=f"first {FEWER} bars, its own bar matching and event loop, filled at the same close, no risk engine",
    ),
)
