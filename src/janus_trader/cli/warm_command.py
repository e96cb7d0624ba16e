"""``janus warm``: compile every kernel into numba's cache by living a few bars of each kind of data.

Two processes share the work: one lives, the other begins with what the life reaches last and goes on to what
only other commands use. Each finds in the cache what the other has compiled before.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from janus_trader.cli.display import LifeDisplay
from janus_trader.config import JanusConfig
from janus_trader.contracts.market import Field
from janus_trader.portfolio import solve_mean_variance
from janus_trader.research.backtest import backtest
from janus_trader.runs.history import HistoryRequest
from janus_trader.runs.launch import RunRequest, start
from janus_trader.simulation.book_market import BookMarket, default_flow, market_maker
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.user import rehearsal_bars


def compile_what_a_life_reaches_last() -> None:
    """Solve one small allocation, back-test every strategy over a few bars, run a book market for a minute."""
    solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2))
    for strategy in default_strategies():
        backtest(strategy, rehearsal_bars(frozenset(Field)))
    generator = np.random.Generator(np.random.Philox(0))
    BookMarket(default_flow(), [market_maker()], generator).run(seconds=60.0)


def warm_command() -> None:
    """Live half a year in a scratch directory, and beside it compile what the other commands use."""
    request = RunRequest(
        history=HistoryRequest(start="2016-06-01", end="2016-11-30", warmup_bars=130, world="leaked")
    )
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside,
        tempfile.TemporaryDirectory(prefix="janus-warm-") as scratch,
        LifeDisplay(quiet=False) as display,
    ):
        rest = beside.submit(compile_what_a_life_reaches_last)
        start(request, JanusConfig(), RunDirectory(Path(scratch) / "warm"), created_ns=0, display=display)
        rest.result()
