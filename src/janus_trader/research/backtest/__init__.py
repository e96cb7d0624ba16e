"""The compiled back-test engine.

``backtest(strategy, bars, settings)`` gives equity, orders and fills of a strategy; ``run_targets(bars,
exposure, settings.record(), equity)`` is the loop that a parameter sweep calls from threads, for one
instrument and an exposure path that the strategy's own compiled ``run`` has written. Both run the same
engine; `janus_trader.trader.strategy_backtest.venue_backtest` does the same work with nautilus_trader's
matching. The rules are stated in ``docs/howto/backtest.md``.

Two passes, first the strategy over all bars and then the engine, are exact because an exposure step sees
nothing but its own state and the bar. A strategy that looks at its account writes orders instead, and
its step is called within the loop.
"""

from janus_trader.contracts.backtest import BacktestResult, BacktestSettings, Totals, agreement
from janus_trader.execution.order_input import prepare_bars
from janus_trader.research.backtest.loops import order_loop, run_targets
from janus_trader.research.backtest.run import backtest

__all__ = [
    "BacktestResult",
    "BacktestSettings",
    "Totals",
    "agreement",
    "backtest",
    "order_loop",
    "prepare_bars",
    "run_targets",
]
