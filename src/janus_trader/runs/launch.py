"""Start, resume and recompute a run: the only place that builds a life from a request."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader import __version__
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.message import Message
from janus_trader.foundation.config import build
from janus_trader.foundation.environment import environment, environment_fingerprint
from janus_trader.foundation.hashing import file_digest
from janus_trader.foundation.threads import one_thread
from janus_trader.runs.baselines import BASELINES
from janus_trader.runs.driver import Life, Progress, peak_rss_mb
from janus_trader.runs.finish import Finish
from janus_trader.runs.history import SELECTION_END, History, HistoryRequest, day_ns, load_history
from janus_trader.runs.memory_store import kept_memory
from janus_trader.runs.replay import ReplayResult, compare_journals
from janus_trader.runs.settings import LifeConfig
from janus_trader.runs.trials import append_trial, find_trials
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.panel import StrategyPanel

Display = Callable[[Progress], None]
Stop = Callable[[], bool]


class RunRequest(Message, frozen=True):
    """Everything that determines a run, apart from the configuration."""

    history: HistoryRequest = HistoryRequest()
    strategies: tuple[str, ...] = ()
    benchmark: str = "equal_weight"
    holdout: bool = False

    @property
    def seed(self) -> int:
        """Seed of every random stream of the run."""
        return self.history.seed


def start(
    request: RunRequest,
    config: LifeConfig,
    directory: RunDirectory,
    *,
    created_ns: int,
    display: Display | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Live through the asked history and return the summary.

    Raises
    ------
    JanusError
        Bad data, configuration or strategy; nothing half-written stays behind that a later command
        would mistake for a finished run.
    Interrupted
        ``stop()`` became true; `resume` goes on.
    """
    if request.holdout and request.history.world != "real":
        raise ConfigError(
            "the holdout is a span of the real history",
            got=f"--holdout in the world {request.history.world}",
            remedy="leave out --holdout",
        )
    history = load_history(request.history)
    _check_benchmark(request.benchmark, history)
    strategies = _strategies(request, config, history)
    directory.create()
    with kept_memory(config, directory, _name(directory.run_id, created_ns)) as memory:
        directory.write_json(
            directory.manifest, _manifest(request, config, directory.run_id, created_ns, history)
        )
        life = Life(history, config, strategies, directory, request.seed, memory)
        return _finish(life, request, display, stop)


def _name(run_id: str, created_ns: int) -> str:
    """By which a vector store knows the run."""
    return f"{run_id} {created_ns}"


def _manifest(
    request: RunRequest, config: LifeConfig, run_id: str, created_ns: int, history: History
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "created_ns": created_ns,
        "version": __version__,
        "request": msgspec.to_builtins(request.history),
        "strategies": [
            {"path": str(Path(p).resolve()), "sha256": file_digest(p)} for p in request.strategies
        ],
        "benchmark": request.benchmark,
        "holdout": request.holdout,
        "config": msgspec.to_builtins(config),
        "config_fingerprint": config.fingerprint,
        "symbols": list(history.panel.symbols),
        "data": history.panel.name,
        "data_fingerprint": history.fingerprint,
        "schema_hash": history.panel.schema.hash,
        "observe": history.observe,
        "environment": environment(),
        "environment_fingerprint": environment_fingerprint(),
    }


def resume(
    directory: RunDirectory, *, display: Display | None = None, stop: Stop | None = None
) -> dict[str, Any]:
    """Go on from the last finished night, to the same hash chain as an uninterrupted run.

    Raises
    ------
    DataError
        The run has finished already, or the directory is no run.
    IntegrityError
        Data, strategy file or environment are not what the run began with, or the vector store holds
        something else than its memory.
    """
    manifest = directory.read_json(directory.manifest)
    if directory.finished:
        raise DataError(f"run {directory.run_id} has finished already", remedy=f"see {directory.report}")
    request, config, history, strategies = _rebuild(manifest)
    if manifest["environment_fingerprint"] != environment_fingerprint():
        raise IntegrityError(
            "this environment is not the one the run began in",
            got=environment_fingerprint()[:16],
            expected=manifest["environment_fingerprint"][:16],
            remedy="resume it where it began, or start it again here",
        )
    with kept_memory(config, directory, _name(manifest["run_id"], manifest["created_ns"])) as memory:
        life = Life(history, config, strategies, directory, request.seed, memory)
        return _finish(life, request, display, stop)


def recompute(
    directory: RunDirectory, *, display: Display | None = None, stop: Stop | None = None
) -> ReplayResult:
    """Live the run again in a scratch directory and compare the journals byte by byte."""
    manifest = directory.read_json(directory.manifest)
    request, config, history, strategies = _rebuild(manifest)
    with tempfile.TemporaryDirectory(prefix="janus-replay-") as scratch:
        again = RunDirectory(Path(scratch) / "again").create()
        Life(history, config, strategies, again, request.seed).run(display, stop)
        return compare_journals(directory.journal, again.journal)


def new_directory(root: Path, config: LifeConfig, now: datetime) -> RunDirectory:
    """A directory under ``root`` named by time and configuration that does not exist yet."""
    name = f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{config.fingerprint[:6]}"
    candidate, number = root / name, 1
    while candidate.exists():
        number += 1
        candidate = root / f"{name}-{number}"
    return RunDirectory(candidate)


def _rebuild(manifest: dict[str, Any]) -> tuple[RunRequest, LifeConfig, History, StrategyPanel]:
    request = RunRequest(
        history=msgspec.convert({**manifest["request"]}, HistoryRequest),
        strategies=tuple(item["path"] for item in manifest["strategies"]),
        benchmark=manifest["benchmark"],
        holdout=manifest["holdout"],
    )
    for item in manifest["strategies"]:
        if not os.path.exists(item["path"]) or file_digest(item["path"]) != item["sha256"]:
            raise IntegrityError(
                f"the strategy file {item['path']} is not the one the run began with",
                remedy="put the original file back",
            )
    config = build(LifeConfig, [manifest["config"]])
    history = load_history(request.history)
    if history.fingerprint != manifest["data_fingerprint"]:
        raise IntegrityError(
            "the data is not what the run began with",
            got=history.fingerprint[:16],
            expected=manifest["data_fingerprint"][:16],
            remedy="put the original files back",
        )
    return request, config, history, _strategies(request, config, history)


def _strategies(request: RunRequest, config: LifeConfig, history: History) -> StrategyPanel:
    from janus_trader.strategies.catalogue import default_strategies
    from janus_trader.strategies.user import load_strategy

    definitions = [*default_strategies(config.strategies), *(load_strategy(p) for p in request.strategies)]
    panel = history.panel
    return StrategyPanel(
        definitions,
        len(panel.symbols),
        fields=panel.fields,
        bar_seconds=panel.bar_seconds,
        n_external=panel.external.shape[1],
    )


def _check_benchmark(name: str, history: History) -> None:
    known = (*BASELINES, *history.panel.symbols)
    if name not in known:
        raise ConfigError(f"no benchmark {name!r}", got=name, expected="one of " + ", ".join(known))


def _finish(life: Life, request: RunRequest, display: Display | None, stop: Stop | None) -> dict[str, Any]:
    began, first = time.perf_counter(), life.step
    try:
        life.run(display, stop)
    finally:
        life.venue.close()
    wall = time.perf_counter() - began
    seconds = np.array(life.step_seconds) if life.step_seconds else np.zeros(1)
    directory, config = life.directory, life.config
    silent = 0 if life.memory is None else life.memory.silent
    finish = Finish(directory, life.history, config, request.benchmark, request.seed, silent)
    measured = {
        "step_ms": {
            "p50": round(1e3 * float(np.percentile(seconds, 50)), 4),
            "p99": round(1e3 * float(np.percentile(seconds, 99)), 4),
        },
        "steps_per_s": round((life.step - first) / max(wall, 1e-9), 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "wall_s": round(wall, 2),
    }
    with one_thread():  # baselines are part of what comes out
        summary = finish.write(measured)
    if request.holdout:
        _record_opening(summary)
    return summary


def _record_opening(summary: dict[str, Any]) -> None:
    """Append the opening of the holdout to the committed record, where there is one."""
    path = find_trials()
    if path is None or day_ns(summary["end"], end=True) <= day_ns(SELECTION_END, end=True):
        return
    held_out = summary["parts"].get("held out", {}).get("janus", {})
    append_trial(
        path,
        {
            "kind": "holdout",
            "span": f"{summary['start']}..{summary['end']}",
            "config_fingerprint": summary["config_fingerprint"],
            "sharpe": held_out.get("sharpe"),
            "max_drawdown": held_out.get("max_drawdown"),
            "decision_chain": summary["decision_chain"],
        },
    )
