"""Small lives: the real system over a short span of real prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from janus_trader.config import JanusConfig
from janus_trader.contracts.panel import MarketPanel
from janus_trader.foundation.config import build, parse_setting
from janus_trader.runs.driver import Interrupted, Life
from janus_trader.runs.history import History, HistoryRequest, load_history
from janus_trader.runs.launch import RunRequest, _strategies
from janus_trader.runs.records import StepRecord, read_records
from janus_trader.stores.run_directory import RunDirectory

SYMBOLS = ("AAPL", "BAC", "GE", "JNJ", "KO", "MSFT", "PG", "XOM")


@cache
def history(
    start: str = "2008-06-01",
    end: str = "2009-03-31",
    symbols: tuple[str, ...] = SYMBOLS,
    world: str = "real",
    seed: int = 0,
    warmup_bars: int = 0,
) -> History:
    """A span of the default book."""
    return load_history(
        HistoryRequest(start=start, end=end, symbols=symbols, world=world, seed=seed, warmup_bars=warmup_bars)
    )


def configure(*settings: str) -> JanusConfig:
    """Defaults with settings on top."""
    return build(JanusConfig, [parse_setting(text) for text in settings])


def make_life(
    directory: Path, past: History, *settings: str, seed: int = 0, strategies: tuple[str, ...] = ()
) -> Life:
    """A life that has not begun."""
    config = configure(*settings)
    request = RunRequest(strategies=strategies)
    return Life(past, config, _strategies(request, config, past), RunDirectory(directory).create(), seed)


def live(
    directory: Path,
    past: History,
    *settings: str,
    seed: int = 0,
    strategies: tuple[str, ...] = (),
    before: Callable[[Life], None] | None = None,
) -> list[StepRecord]:
    """Live to the end and return every record."""
    life = make_life(directory, past, *settings, seed=seed, strategies=strategies)
    if before is not None:
        before(life)
    try:
        life.run()
    finally:
        life.venue.close()
    return list(read_records(directory / "journal.bin"))


def live_until(enough: Callable[[StepRecord], bool], directory: Path, past: History, *settings: str) -> bool:
    """Live only as far as the first record for which ``enough`` holds; whether there was one."""
    life = make_life(directory, past, *settings)
    found = []

    def see(record: StepRecord) -> None:
        if enough(record):
            found.append(record.step)

    life.bus.subscribe(StepRecord, see)
    try:
        life.run(stop=lambda: bool(found))
    except Interrupted:
        pass
    finally:
        life.venue.close()
    return bool(found)


def truncated(past: History, steps: int) -> History:
    """The same history without the bars from ``steps`` on (and without what was published later)."""
    return History(cut(past.panel, steps), past.observe)


def cut(panel: MarketPanel, steps: int) -> MarketPanel:
    """The first ``steps`` bars of a panel."""
    auxiliary = tuple(
        replace(
            source,
            available_ns=source.available_ns[source.available_ns <= panel.ts[steps - 1]],
            value=source.value[source.available_ns <= panel.ts[steps - 1]],
        )
        for source in panel.auxiliary
    )
    return replace(
        panel,
        ts=panel.ts[:steps],
        session=panel.session[:steps],
        bars=panel.bars[:steps],
        present=panel.present[:steps],
        market=panel.market[:steps],
        market_volume=panel.market_volume[:steps],
        external=panel.external[:steps],
        auxiliary=auxiliary,
    )


def perturbed(past: History, steps: int, rng: np.random.Generator) -> History:
    """The same history with every price, volume and observation from bar ``steps`` on changed."""
    panel = past.panel
    bars = panel.bars.copy()
    shape = bars[steps:].shape
    factor = np.exp(rng.normal(0.0, 0.05, shape).cumsum(axis=0))
    for name in ("open", "high", "low", "close"):
        bars[name][steps:] *= factor
    market = panel.market.copy()
    market[steps:] *= np.exp(rng.normal(0.0, 0.05, len(market) - steps).cumsum())
    auxiliary = tuple(
        replace(
            source,
            value=np.where(source.available_ns >= panel.ts[steps], source.value * 3.0 + 1.0, source.value),
        )
        for source in panel.auxiliary
    )
    external = panel.external.copy()
    external[steps:] = rng.normal(0, 1, external[steps:].shape)
    return History(
        replace(panel, bars=bars, market=market, auxiliary=auxiliary, external=external), past.observe
    )
