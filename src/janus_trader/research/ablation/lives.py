"""One life of a matrix: lived in a scratch directory, kept as what each day brought."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.errors import IntegrityError, JanusError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import build
from janus_trader.research.ablation.workers import Stopped, Tell
from janus_trader.runs.driver import Interrupted, Life, Progress
from janus_trader.runs.history import History, HistoryRequest, load_history
from janus_trader.runs.records import StepRecord
from janus_trader.runs.settings import LifeConfig
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.panel import StrategyPanel

_TELL_EVERY = 32  # bars
_COLUMNS = ("ts", "returns", "costs", "turnover")


@dataclass(frozen=True)
class DailySeries:
    """What each of ``T`` days of a life brought; the first day, on which it begins, is left out.

    Attributes
    ----------
    ts : (T,) int64, last bar of the day, ns UTC
    returns : (T,) net simple returns of equity
    costs, turnover : (T,) what trading cost, and what was traded, over the equity of the day before
    days_per_year : float
    """

    ts: np.ndarray
    returns: np.ndarray
    costs: np.ndarray
    turnover: np.ndarray
    days_per_year: float

    def __len__(self) -> int:
        return len(self.ts)

    def taken(self, rows: np.ndarray) -> DailySeries:
        """Some days, by mask."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return DailySeries(**columns, days_per_year=self.days_per_year)

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return pack({**{name: getattr(self, name) for name in _COLUMNS}, "days_per_year": self.days_per_year})

    @classmethod
    def from_bytes(cls, raw: bytes) -> DailySeries:
        """Inverse of `to_bytes`.

        Raises
        ------
        IntegrityError
            These are other bytes.
        """
        try:
            tree = unpack(raw)
            columns = {name: np.array(tree[name]) for name in _COLUMNS}
            return cls(**columns, days_per_year=float(tree["days_per_year"]))
        except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
            raise IntegrityError("no daily series of a life", got=str(error)) from error


@dataclass(frozen=True)
class LifeTask:
    """One life to live; plain data, so that any process can. ``bars`` > 0 ends it early, to compile only."""

    name: str
    request: HistoryRequest
    config: dict[str, Any]
    bars: int = 0


class _UnsavedLife(Life):
    """A life that nobody resumes: it keeps no checkpoints."""

    def checkpoint(self) -> None:
        """Nothing: half a life is lived again from its beginning."""


def history_of(request: HistoryRequest) -> History:
    """The history; kept for the next life in it. The seed does not enter a real one."""
    if request.world == "real":
        request = msgspec.structs.replace(request, seed=0)
    return _history(msgspec.json.encode(request, order="deterministic"))


@functools.lru_cache(maxsize=2)
def _history(request: bytes) -> History:
    return load_history(msgspec.json.decode(request, type=HistoryRequest))


def live(task: LifeTask, tell: Tell) -> DailySeries:
    """Live a task to its end.

    Raises
    ------
    JanusError
        The life cannot be lived; the message names it.
    Stopped
        ``tell`` said so.
    """
    history = history_of(task.request)
    config = build(LifeConfig, [task.config])
    panel = history.panel
    strategies = StrategyPanel(
        default_strategies(config.strategies),
        len(panel.symbols),
        fields=panel.fields,
        bar_seconds=panel.bar_seconds,
        n_external=panel.external.shape[1],
    )
    times: list[int] = []
    rows: list[tuple[int, float, float, float]] = []
    last = task.bars or len(panel)

    def progress(state: Progress) -> None:
        if state.step % _TELL_EVERY == 0 or state.step >= last:
            tell(min(1.0, state.step / last))

    with tempfile.TemporaryDirectory(prefix="janus-ablation-") as scratch:
        directory = RunDirectory(Path(scratch) / "life").create()
        life = _UnsavedLife(history, config, strategies, directory, task.request.seed)
        life.bus.subscribe(StepRecord, lambda record: _see(record, times, rows))
        try:
            _run(life, task, progress)
        finally:
            life.venue.close()
    return daily_series(
        np.array(times, np.int64), np.array(rows, np.float64).reshape(len(rows), 4), panel.bars_per_year
    )


def _run(life: Life, task: LifeTask, progress: Callable[[Progress], None]) -> None:
    stop = (lambda: life.step >= task.bars) if task.bars else None
    try:
        life.run(progress, stop)
    except Interrupted:
        pass  # only a life that was to end early is stopped this way
    except Stopped:
        raise
    except JanusError as error:
        raise type(error)(
            f"the life {task.name} cannot be lived: {error.what}",
            got=error.got,
            expected=error.expected,
            remedy=error.remedy,
        ) from error


def _see(record: StepRecord, times: list[int], rows: list[tuple[int, float, float, float]]) -> None:
    if record.traded:
        value = sum(fill.quantity * fill.price for fill in record.fills)
        times.append(record.ts_event)
        rows.append((record.session, record.equity, record.costs, value))


def daily_series(ts: np.ndarray, rows: np.ndarray, bars_per_year: float) -> DailySeries:
    """Days from bars: times (B,) and rows of session, equity, costs so far and value traded, (B, 4).

    A book that has lost everything earns 0 from then on.

    >>> rows = np.array([[0, 100.0, 0.0, 0.0], [1, 110.0, 1.0, 55.0]])
    >>> daily_series(np.array([1, 2]), rows, 252.0).returns.round(3).tolist()
    [0.1]
    """
    session = rows[:, 0]
    ends = np.flatnonzero(np.r_[session[1:] != session[:-1], True]) if len(rows) else np.zeros(0, np.int64)
    equity, costs = rows[ends, 1], rows[ends, 2]
    traded = np.cumsum(rows[:, 3])[ends]
    before = equity[:-1]
    whole = before > 0.0
    safe = np.where(whole, before, 1.0)
    days_per_year = bars_per_year * len(ends) / max(1, len(rows))
    return DailySeries(
        ts=ts[ends[1:]],
        returns=np.where(whole, np.maximum(equity[1:] / safe - 1.0, -1.0), 0.0),
        costs=np.where(whole, np.diff(costs) / safe, 0.0),
        turnover=np.where(whole, np.diff(traded) / safe, 0.0),
        days_per_year=float(days_per_year),
    )
