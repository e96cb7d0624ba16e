"""A sweep from request to summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from janus_trader import __version__
from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError, DataError, JanusError
from janus_trader.foundation.hashing import file_digest
from janus_trader.research.sweep.candidates import Candidates, candidates, common_state
from janus_trader.research.sweep.confirm import confirm
from janus_trader.research.sweep.engine import SweepEngine, book_of
from janus_trader.research.sweep.space import BLOCK, Space
from janus_trader.research.sweep.statistics import FIGURES, METRICS
from janus_trader.research.sweep.store import SweepStore
from janus_trader.research.sweep.weigh import Weighing
from janus_trader.runs.history import SELECTION_END, History, HistoryRequest, day_ns, iso, load_history
from janus_trader.runs.trials import append_trial, find_trials, read_trials

#: ``progress(done, total)`` in points.
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]
_LEAST_RETURNS = 4  # a block has at least so many
_MOST_BLOCKS = 16


class SweepInterrupted(JanusError):
    """``stop()`` became true; the finished blocks are kept and the sweep can be resumed."""


@dataclass(frozen=True)
class SweepRequest:
    """Everything that determines a sweep.

    Attributes
    ----------
    strategy : str
        A built-in's name or a ``.py`` file.
    space : Space
    history : HistoryRequest
        Empty ``files``: the book that ships, to the end of the selection period.
    settings : BacktestSettings
        ``capital`` is the whole book's.
    metric : str
        One of `statistics.METRICS`.
    top : int
        Rows of the table, and trials that the venue confirms.
    map_over : tuple of str
        Parameters of the heat map; empty: the first two.
    """

    strategy: str
    space: Space
    history: HistoryRequest = field(default_factory=HistoryRequest)
    settings: BacktestSettings = field(default_factory=BacktestSettings)
    metric: str = "sharpe"
    top: int = 5
    map_over: tuple[str, ...] = ()
    confirm: bool = True


@dataclass(frozen=True)
class SweepResult:
    """The summary as it is in ``summary.json``, and where everything is."""

    summary: dict[str, Any]
    path: Path


def run_sweep(
    request: SweepRequest,
    out: Path | str,
    *,
    date: str,
    resume: bool = False,
    workers: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> SweepResult:
    """Back-test every point of the space, keep all of it, and weigh the best.

    Memory: the data, one block of 4,096 trials (0.4 KB each) for each of two blocks at work, and 0.3 KB for
    each of at most 20,000 trials of the cross-validation, however many trials there are; disk 0.4 KB a trial.

    Parameters
    ----------
    request : SweepRequest
    out : path
        A new directory, or with ``resume`` that of an interrupted sweep.
    date : str
        Of the record of trials.
    workers : int
        Threads; 0: one a core.

    Raises
    ------
    ConfigError, DataError, StrategyError
        The request cannot be met; nothing is written then.
    SweepInterrupted
        ``stop()`` became true; the finished blocks are kept.
    """
    _check(request)
    history = _history(request.history)
    found = candidates(request.strategy, request.space.names)
    book = book_of(history.panel, request.settings)
    _check_fields(found, history)
    total = request.space.count()
    blocks = _blocks(book.length - 1)
    engine = SweepEngine(
        found, book, blocks=blocks, state_dtype=common_state(found, request.space), workers=workers
    )
    store = SweepStore(out)
    store.open(_manifest(request, history, blocks), resume=resume)
    earlier = _recorded(request, history, store, total, date)
    _run_blocks(request.space, engine, store, total, progress, stop)
    summary = _summary(request, history, engine, store, earlier)
    store.finish(request.space.blocks, summary)
    return SweepResult(summary, store.path)


def _check(request: SweepRequest) -> None:
    space = request.space
    if request.metric not in METRICS:
        raise ConfigError(
            f"no metric {request.metric!r}", got=request.metric, expected="one of " + ", ".join(METRICS)
        )
    if request.top < 1:
        raise ConfigError("--top must be positive", got=request.top, expected=">= 1")
    taken = [name for name in space.names if name in (*FIGURES, "trial", "mean_return")]
    if taken:
        raise ConfigError(
            f"a parameter cannot be called {taken[0]}",
            got=taken[0],
            expected="another name: this is a column of the results",
            remedy="rename it in the strategy file",
        )
    for name in request.map_over:
        if name not in space.names:
            raise ConfigError(
                f"--map names {name!r}, which is not swept", got=name, expected=", ".join(space.names)
            )


def _history(asked: HistoryRequest) -> History:
    """The data; of the book that ships, nothing after the selection period."""
    import msgspec

    if not asked.files:
        if asked.end and day_ns(asked.end, end=True) > day_ns(SELECTION_END, end=True):
            raise ConfigError(
                "a sweep of the book that ships ends with its selection period",
                got=f"--to {asked.end}",
                expected=f"--to {SELECTION_END} or before",
                remedy="what comes after it is never used to choose parameters",
            )
        asked = msgspec.structs.replace(asked, end=asked.end or SELECTION_END)
    return load_history(msgspec.structs.replace(asked, warmup_bars=0))


def _check_fields(found: Candidates, history: History) -> None:
    strategy, panel = found.define({}), history.panel
    missing = sorted(f.value for f in strategy.fields - panel.fields)
    if missing:
        raise DataError(
            f"the data cannot carry {strategy.name}",
            got=f"no {', '.join(missing)}",
            expected=", ".join(sorted(f.value for f in strategy.fields)),
            remedy="sweep another strategy, or use data that have these fields",
        )


def _blocks(returns: int) -> int:
    """Blocks for cross-validation: 16, or the most even number that leaves each enough returns."""
    if returns < 2 * _LEAST_RETURNS:
        raise DataError(
            "too little history for a sweep",
            got=f"{returns + 1} bars",
            expected=f"at least {2 * _LEAST_RETURNS + 1}",
        )
    return max(2, min(_MOST_BLOCKS, returns // _LEAST_RETURNS // 2 * 2))


def _manifest(request: SweepRequest, history: History, blocks: int) -> dict[str, Any]:
    import msgspec

    space = request.space
    file = Path(request.strategy)
    return {
        "version": __version__,
        "strategy": request.strategy,
        "strategy_sha256": file_digest(file) if request.strategy.endswith(".py") else None,
        "axes": [
            {"name": a.name, "values": a.values.tolist(), "low": a.low, "high": a.high, "log": a.log}
            for a in space.axes
        ],
        "samples": space.samples,
        "seed": space.seed,
        "where": space.where.text if space.where else None,
        "metric": request.metric,
        "top": request.top,
        "data": history.panel.name,
        "data_fingerprint": history.fingerprint,
        "settings": msgspec.to_builtins(request.settings),
        "validation_blocks": blocks,
        "points_a_block": BLOCK,
    }


def _run_blocks(
    space: Space,
    engine: SweepEngine,
    store: SweepStore,
    total: int,
    progress: Progress | None,
    stop: Stop | None,
) -> None:
    done = 0
    for number in range(space.blocks):
        points, columns = space.block(number)
        if not store.has(number):
            before = done

            def tell(count: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + count, total)
                if stop is not None and stop():
                    raise SweepInterrupted(
                        "interrupted; every finished block is safe",
                        remedy=f"the same command with --out {store.path} --resume",
                    )

            tell(0)
            store.write(number, engine.run(points, columns, tell))
        done += points.size
        if progress is not None:
            progress(done, total)


def _summary(
    request: SweepRequest, history: History, engine: SweepEngine, store: SweepStore, earlier: int
) -> dict[str, Any]:
    """Read the trials once more, block by block, and say what they are worth."""
    space, panel, book = request.space, history.panel, engine.book
    names = request.map_over or tuple(a.name for a in space.axes if a.values.size != 1)[:2]
    expected = store.rows(space.blocks)
    weighing = Weighing(space, request.metric, request.top, names or space.names[:1], expected)
    for part in store.each(space.blocks):
        weighing.add(part)
    if not weighing.trials:
        raise ConfigError(
            "the strategy refuses every point",
            got=weighing.reason,
            expected="at least one point that it allows",
        )
    weighing.chart.page(store.path / "heatmap.html")
    weighing.chart.picture(store.path / "heatmap.png")
    points = [row.values for row in weighing.rows()]
    return {
        "strategy": request.strategy,
        "data": panel.name,
        "symbols": list(book.symbols),
        "start": iso(int(panel.ts[0])),
        "end": iso(int(panel.ts[-1])),
        "bars": len(panel),
        **weighing.told(engine, earlier),
        "confirmed": confirm(engine, panel.ts, points) if request.confirm else [],
        "survivorship_note": panel.survivorship_note,
    }


def _recorded(request: SweepRequest, history: History, store: SweepStore, total: int, date: str) -> int:
    """Record the trials before the first of them runs, once; returns those recorded before them.

    An interrupted sweep has shown its finished blocks to whoever looks, so it counts from its start. The
    line is kept beside the sweep, and for the book that ships in the common record as well.
    """
    for trial in read_trials(store.record if store.record.exists() else None):
        return int(trial["earlier_trials"])
    path = None if request.history.files else find_trials()
    earlier = sum(int(t.get("trials", 1)) for t in read_trials(path) if t.get("kind") != "holdout")
    panel = history.panel
    trial = {
        "at": date,
        "kind": "sweep",
        "span": f"{iso(int(panel.ts[0]))}..{iso(int(panel.ts[-1]))}",
        "strategy": Path(request.strategy).name,
        "trials": total,
        "earlier_trials": earlier,
        "note": f"sweep of {', '.join(request.space.names)}, best by {request.metric}; counted as it began",
    }
    if path is not None:
        append_trial(path, trial)
    append_trial(store.record, trial)
    return earlier
