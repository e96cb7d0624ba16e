"""Back-tests of strategies, matched by nautilus_trader: the twin of the compiled engine.

The same settings, bars and strategies give the same orders, fills and equity as
`janus_trader.research.backtest.backtest`, because both follow the rules of ``docs/howto/backtest.md``. Here
the market is walked along the same path of prices, from level to level of the orders that wait, and
nautilus decides at each price what executes. It is some thousand times slower and serves as the check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from janus_trader.contracts.backtest import (
    BacktestResult,
    BacktestSettings,
)
from janus_trader.execution.order_input import prepare_bars, prepare_presence
from janus_trader.strategies.definition import StrategyDefinition
from janus_trader.strategies.order_strategy import OrderStrategy
from janus_trader.trader.order_life import OrderLife
from janus_trader.trader.request_writers import ExposureWriter, StepWriter, Writer

if TYPE_CHECKING:
    pass

_BAR_NS = 60_000_000_000


def venue_backtest(
    strategy: StrategyDefinition | OrderStrategy,
    bars: np.ndarray,
    settings: BacktestSettings = BacktestSettings(),
    *,
    form: Literal["targets", "brackets"] = "targets",
    present: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> BacktestResult:
    """Trade a strategy over a history with nautilus_trader's matching and account.

    Parameters, errors and result are those of `janus_trader.research.backtest.backtest`; cost is about
    30 µs a bar with orders waiting, and 0.5 ms an order.
    """
    matched = prepare_bars(bars, settings, present, times)
    here = prepare_presence(matched.shape, present)
    writer: Writer
    if isinstance(strategy, OrderStrategy):
        writer = StepWriter(strategy, matched)
    else:
        shown = np.ascontiguousarray(bars).reshape(matched.shape)
        writer = ExposureWriter(strategy, shown, here, form == "brackets", settings)
    stamps = np.arange(1, len(matched) + 1) * _BAR_NS if times is None else np.asarray(times)
    life = OrderLife(matched, here, stamps, settings, writer)
    try:
        return life.run()
    finally:
        life.venue.dispose()
