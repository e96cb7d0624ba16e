"""``janus warm``: compile every kernel into numba's cache by living a few bars of each kind of data."""

from __future__ import annotations

import tempfile
from pathlib import Path

from janus_trader.cli.display import LifeDisplay
from janus_trader.config import JanusConfig
from janus_trader.contracts.market import Field
from janus_trader.research.backtest import backtest
from janus_trader.runs.history import HistoryRequest
from janus_trader.runs.launch import RunRequest, start
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.user import rehearsal_bars


def warm_command() -> None:
    """Live half a year in a scratch directory and back-test a few bars: that compiles what the commands use."""
    request = RunRequest(
        history=HistoryRequest(start="2016-06-01", end="2016-11-30", warmup_bars=130, world="leaked")
    )
    with tempfile.TemporaryDirectory(prefix="janus-warm-") as scratch, LifeDisplay(quiet=False) as display:
        start(request, JanusConfig(), RunDirectory(Path(scratch) / "warm"), created_ns=0, display=display)
    for strategy in default_strategies():
        backtest(strategy, rehearsal_bars(frozenset(Field)))
