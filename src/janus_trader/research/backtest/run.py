"""A back-test from a strategy and its bars, with everything checked on the way in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np

from janus_trader.contracts.backtest import BacktestResult, BacktestSettings, Totals
from janus_trader.contracts.errors import StrategyError
from janus_trader.execution.order_input import prepare_bars, prepare_presence
from janus_trader.research.backtest.loops import order_loop, run_exposures, totals_of
from janus_trader.research.backtest.records import new_book, new_log
from janus_trader.strategies.bracket_levels import exposure_levels
from janus_trader.strategies.definition import StrategyDefinition
from janus_trader.strategies.order_strategy import OrderStrategy

Form = Literal["targets", "brackets"]


@cache
def _loop_of(step: Callable[..., Any]) -> Callable[..., Any]:
    return order_loop(step)


def backtest(
    strategy: StrategyDefinition | OrderStrategy,
    bars: np.ndarray,
    settings: BacktestSettings = BacktestSettings(),
    *,
    form: Form = "targets",
    present: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> BacktestResult:
    r"""Trade a strategy over a history with the compiled engine.

    What is decided at the close of bar ``t`` meets the market at the open of bar ``t + 1`` (or, if the
    settings say so, at that close). Equity is cash plus positions at the close,

    .. math:: E_t = C_t + \sum_i q_{i,t} c_{i,t}.

    Parameters
    ----------
    strategy : StrategyDefinition or OrderStrategy
        Of the catalogue, from a user's file, or one that writes orders.
    bars : (T,) or (T, n) array of `BAR_DTYPE`
        Prices > 0 where present; rounded to the tick; exposures are computed from them as they are,
        orders from what is rounded.
    settings : BacktestSettings
    form : {"targets", "brackets"}
        Trade the exposure alone, or let entries bring the stop and target of the strategy's state.
    present : (T, n) bool array, optional
        Where an instrument has a bar; default everywhere. Orders wait while it has none.
    times : (T,) int array, optional
        Close times, which must increase.

    Returns
    -------
    BacktestResult

    Raises
    ------
    DataError
        Bars of another dtype or shape, prices that are NaN, not positive or outside [low, high], no
        volume where ``max_volume_frac`` needs it, or times that do not increase.
    ConfigError
        Brackets of a strategy without stops in its state.
    StrategyError
        An order-writing step that asks for other orders when it is run again.

    Notes
    -----
    Cost O(T n) and O(1) an order; memory is that of the result.

    Examples
    --------
    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> from janus_trader.strategies.catalogue import default_strategies
    >>> bars = np.zeros(300, BAR_DTYPE)
    >>> bars["close"] = 100.0 + 10.0 * np.sin(np.arange(300) / 15.0)
    >>> for name in ("open", "high", "low"): bars[name] = bars["close"]
    >>> result = backtest(default_strategies()[0], bars)
    >>> len(result.fills) > 0, bool(result.equity[-1] == result.totals.equity)
    (True, True)
    """
    matched = prepare_bars(bars, settings, present, times)
    shown = np.ascontiguousarray(bars).reshape(matched.shape)
    here = prepare_presence(matched.shape, present)
    record = settings.record()
    if isinstance(strategy, OrderStrategy):
        return _finish(record, matched, here, _order_runner(strategy, record, matched, here))
    exposure, stops, targets = exposure_levels(strategy, shown, here, with_levels=form == "brackets")

    def run(book: np.ndarray, instruments: np.ndarray, log: Any, equity: np.ndarray) -> None:
        run_exposures(record[0], book[0], instruments, log, matched, here, exposure, stops, targets, equity)

    return _finish(record, matched, here, run)


def _order_runner(
    strategy: OrderStrategy, record: np.ndarray, bars: np.ndarray, here: np.ndarray
) -> Callable[..., None]:
    loop = strategy.run or _loop_of(strategy.step)

    def run(book: np.ndarray, instruments: np.ndarray, log: Any, equity: np.ndarray) -> None:
        states = np.zeros(bars.shape[1], strategy.state_dtype)
        loop(record[0], book[0], instruments, log, strategy.params.copy(), states, bars, here, equity)

    return run


def _finish(
    record: np.ndarray, bars: np.ndarray, here: np.ndarray, run: Callable[..., None]
) -> BacktestResult:
    """Run once to count orders and fills, and once more to write them down."""
    nothing = np.zeros(0)
    book, instruments = new_book(record, bars.shape[1])
    run(book, instruments, None, nothing)
    log = new_log(int(book["orders"][0]), int(book["fills"][0]))
    equity = np.empty(len(bars))
    book, instruments = new_book(record, bars.shape[1])
    run(book, instruments, log, equity)
    asked, executed = int(book["orders"][0]), int(book["fills"][0])
    if (asked, executed) != (len(log.orders), len(log.fills)):
        raise StrategyError(
            "the strategy does not repeat itself",
            got=f"{len(log.orders)} orders and {len(log.fills)} fills, then {asked} and {executed}",
            expected="the same orders for the same bars",
            remedy="keep everything in state: no random numbers, nothing outside of it",
        )
    return BacktestResult(
        equity=equity,
        orders=log.orders,
        fills=log.fills,
        quantity=instruments["quantity"].copy(),
        totals=Totals(*totals_of(book[0])),
        engine="compiled",
    )
