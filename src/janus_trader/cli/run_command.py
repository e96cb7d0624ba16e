"""``janus run``."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from janus_trader.cli.data_commands import parse_columns
from janus_trader.cli.display import LifeDisplay, print_json, print_table
from janus_trader.cli.inspect_commands import resolve_run
from janus_trader.config import JanusConfig, load_config
from janus_trader.contracts.errors import ConfigError
from janus_trader.runs.driver import Interrupted
from janus_trader.runs.history import QUICK_END, QUICK_START, HistoryRequest
from janus_trader.runs.launch import RunRequest, new_directory, resume, start
from janus_trader.stores.run_directory import RunDirectory


@dataclass(frozen=True)
class RunArguments:
    """What the user typed."""

    data: tuple[str, ...]
    quick: bool
    start: str | None
    end: str | None
    symbols: tuple[str, ...]
    seed: int
    out: str | None
    capital: float | None
    cash_rate: float | None
    cost_multiplier: float | None
    long_only: bool
    benchmark: str
    strategies: tuple[str, ...]
    news: tuple[str, ...]
    world: str
    holdout: bool
    resume: str | None
    config: str | None
    overlay: str | None
    settings: tuple[str, ...]
    timezone: str | None
    bar_end: bool | None
    columns: str | None
    json: bool


def configuration(arguments: RunArguments) -> JanusConfig:
    """Files, then ``--set``, then the options that stand for a key."""
    settings = list(arguments.settings)
    for key, value in (
        ("account.capital", arguments.capital),
        ("account.cash_rate", arguments.cash_rate),
        ("costs.multiplier", arguments.cost_multiplier),
    ):
        if value is not None:
            settings.append(f"{key}={float(value)!r}")
    if arguments.long_only:
        settings.append("account.long_only=true")
    return load_config(
        Path(arguments.config) if arguments.config else None,
        Path(arguments.overlay) if arguments.overlay else None,
        settings,
    )


def request_of(arguments: RunArguments) -> RunRequest:
    """The history and extras that were asked for."""
    first, last = arguments.start, arguments.end
    if arguments.quick:
        if arguments.data:
            raise ConfigError(
                "--quick is a span of the default book", remedy="use --from and --to with --data"
            )
        first, last = first or QUICK_START, last or QUICK_END
    history = HistoryRequest(
        files=tuple(str(Path(f).resolve()) for f in arguments.data),
        timezone=arguments.timezone,
        bar_end=arguments.bar_end,
        columns=parse_columns(arguments.columns),
        start=first,
        end=last,
        symbols=arguments.symbols,
        world=arguments.world,
        seed=arguments.seed,
        news=tuple(str(Path(f).resolve()) for f in arguments.news),
    )
    return RunRequest(
        history=history,
        strategies=arguments.strategies,
        benchmark=arguments.benchmark,
        holdout=arguments.holdout,
    )


def run_command(arguments: RunArguments) -> None:
    """Start or resume, show progress, print the closing table."""
    asked_to_stop = False

    def on_interrupt(number: int, frame: Any) -> None:
        nonlocal asked_to_stop
        if asked_to_stop:
            raise KeyboardInterrupt
        asked_to_stop = True

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        with LifeDisplay(quiet=arguments.json) as display:
            if arguments.resume:
                directory = RunDirectory(resolve_run(arguments.resume))
                summary = resume(directory, display=display, stop=lambda: asked_to_stop)
            else:
                config = configuration(arguments)
                now = datetime.now(UTC)
                directory = (
                    RunDirectory(arguments.out) if arguments.out else new_directory(Path("runs"), config, now)
                )
                summary = start(
                    request_of(arguments),
                    config,
                    directory,
                    created_ns=round(now.timestamp() * 1e9),
                    display=display,
                    stop=lambda: asked_to_stop,
                )
    except Interrupted as error:
        raise Interrupted(
            "interrupted; everything up to the last night is safe",
            remedy=f"janus run --resume {directory.path}",
        ) from error
    finally:
        signal.signal(signal.SIGINT, previous)
    if arguments.json:
        print_json(summary)
    else:
        _closing_table(summary, directory)


def _closing_table(summary: dict[str, Any], directory: RunDirectory) -> None:
    from rich.console import Console

    from janus_trader.runs.figures_text import COLUMNS, number
    from janus_trader.runs.report_words import caution, in_short

    columns = {"janus": summary, **summary["baselines"]}
    rows = [
        [label, *[number(figures.get(key), style) for figures in columns.values()]]
        for key, style, label in COLUMNS
    ]
    many = "instrument" if summary["instruments"] == 1 else "instruments"
    title = f"{summary['instruments']} {many}, {summary['bars']} bars, {summary['start']} to {summary['end']}"
    if summary["world"] != "real":
        title += f", {summary['world']} world"
    print_table(title, ["", *[name.replace("_", " ") for name in columns]], rows)
    console = Console(highlight=False)
    console.print()
    for sentence in in_short(summary):
        console.print(sentence)
    for note in (caution(summary), summary["survivorship_note"], *summary["notes"]):
        if note:
            console.print(note, style="yellow")
    console.print(
        f"{summary['steps_per_s']:.0f} steps/s, {summary['wall_s']:.1f} s, {summary['peak_rss_mb']:.0f} MB"
    )
    console.print(f"report: {directory.report}", soft_wrap=True)
    console.print(f"next: janus explain {directory.path} {summary['end']}", soft_wrap=True)
