"""``janus sweep``."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from janus_trader.cli.data_commands import parse_columns
from janus_trader.cli.display import print_json, print_table, print_words

if TYPE_CHECKING:
    from janus_trader.research.sweep import SweepRequest


@dataclass(frozen=True)
class SweepArguments:
    """What the user typed."""

    strategy: str
    data: tuple[str, ...]
    grid: tuple[str, ...]
    samples: int
    seed: int
    where: str | None
    metric: str
    top: int
    map_over: tuple[str, ...]
    start: str | None
    end: str | None
    symbols: tuple[str, ...]
    capital: float
    fee_bps: float
    slippage_bps: float
    same_close: bool
    workers: int
    confirm: bool
    out: str | None
    resume: bool
    timezone: str | None
    bar_end: bool | None
    columns: str | None
    json: bool


class SweepDisplay:
    """Points done, rate and time left, on standard error."""

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True)
        self._live = console.is_terminal and not quiet
        self._quiet, self._console = quiet, console
        self._began = self._last = time.monotonic()
        self._progress = Progress(
            TextColumn("sweep"),
            BarColumn(bar_width=36),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._progress.add_task("", total=1, rate=0.0)

    def __enter__(self) -> SweepDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        rate = done / max(now - self._began, 1e-9)
        if self._live:
            self._progress.update(self._task, completed=done, total=total, rate=rate)
        elif not self._quiet and now - self._last > 10.0:
            self._last = now
            left = (total - done) / max(rate, 1e-9)
            self._console.print(f"{done:,}/{total:,} trials  {rate:,.0f}/s  {left:,.0f} s left")


def request_of(arguments: SweepArguments) -> SweepRequest:
    """The sweep that was asked for."""
    from janus_trader.contracts.backtest import BacktestSettings
    from janus_trader.research.sweep import Space, SweepRequest, parse_axis
    from janus_trader.runs.history import HistoryRequest

    history = HistoryRequest(
        files=tuple(str(Path(f).resolve()) for f in arguments.data),
        timezone=arguments.timezone,
        bar_end=arguments.bar_end,
        columns=parse_columns(arguments.columns),
        start=arguments.start,
        end=arguments.end,
        symbols=arguments.symbols,
    )
    settings = BacktestSettings(
        capital=arguments.capital,
        taker_fee=1e-4 * arguments.fee_bps,
        slippage="bps" if arguments.slippage_bps else "none",
        slippage_size=arguments.slippage_bps,
        fill="same_close" if arguments.same_close else "next_open",
    )
    return SweepRequest(
        strategy=arguments.strategy,
        space=Space(
            [parse_axis(text) for text in arguments.grid],
            samples=arguments.samples,
            seed=arguments.seed,
            where=arguments.where,
        ),
        history=history,
        settings=settings,
        metric=arguments.metric,
        top=arguments.top,
        map_over=arguments.map_over,
        confirm=arguments.confirm,
    )


def sweep_command(arguments: SweepArguments) -> None:
    """Run or resume a sweep, show progress, print what the best is worth."""
    from janus_trader.research.sweep import run_sweep

    now, request = datetime.now(UTC), request_of(arguments)
    name = f"{now:%Y%m%d-%H%M%S}-{Path(arguments.strategy).stem}"
    out = Path(arguments.out) if arguments.out else Path("sweeps") / name
    asked_to_stop = False

    def on_interrupt(number: int, frame: Any) -> None:
        nonlocal asked_to_stop
        if asked_to_stop:
            raise KeyboardInterrupt
        asked_to_stop = True

    began = time.monotonic()
    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        with SweepDisplay(arguments.json) as display:
            result = run_sweep(
                request,
                out,
                date=f"{now:%Y-%m-%d}",
                resume=arguments.resume,
                workers=arguments.workers,
                progress=display,
                stop=lambda: asked_to_stop,
            )
    finally:
        signal.signal(signal.SIGINT, previous)
    if arguments.json:
        print_json({**result.summary, "path": str(result.path)})
    else:
        _print(result.summary, result.path, time.monotonic() - began)


def _print(summary: dict[str, Any], path: Path, seconds: float) -> None:
    title = (
        f"{summary['strategy']}: {_many(summary['trials'], 'trial')} on "
        f"{_many(len(summary['symbols']), 'instrument')}, {_many(summary['bars'], 'bar')}, "
        f"{summary['start']} to {summary['end']}, by {summary['metric']}"
    )
    if summary["best"]:
        print_words([title])  # a table folds its title to its own width
        print_table("", *best_table(summary))
    rate = summary["trials"] / max(seconds, 1e-9)
    files = f"table: {path / 'trials.parquet'}   map: {path / 'heatmap.html'}, {path / 'heatmap.png'}"
    print_words([*_words(summary), f"{rate:,.0f} a second, {seconds:.1f} s", files])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _were(count: int, what: str) -> str:
    return f"{_many(count, what)} {'was' if count == 1 else 'were'}"


def best_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the best trials."""
    from janus_trader.runs.figures_text import number

    best, confirmed = summary["best"], summary["confirmed"]
    names = list(best[0]["parameters"])
    header = ["trial", *names, "Sharpe", "return", "a year", "drawdown", "fills", "costs", "venue"]
    rows = []
    for k, row in enumerate(best):
        told = "–"
        if confirmed:
            told = "agrees" if confirmed[k]["agrees"] else f"{confirmed[k]['difference']:.3g} off"
        rows.append(
            [
                str(row["trial"]),
                *[f"{row['parameters'][name]:g}" for name in names],
                number(row["sharpe"]),
                number(row["total_return"], "%"),
                number(row["annual_return"], "%"),
                number(row["max_drawdown"], "%"),
                f"{row['fills']:.0f}",
                number(row["costs"], ","),
                told,
            ]
        )
    return header, rows


def _words(summary: dict[str, Any]) -> list[str]:
    """Everything below the table."""
    from janus_trader.research.sweep.evidence import histogram

    lines = list(summary["sentences"])
    if summary["overfitting"]:
        lines.append("Logits of the splits (below 0: the chosen was worse than the median outside):")
        lines += histogram(summary["overfitting"]["logit_counts"])
    if summary["refused"]:
        lines.append(
            f"{_were(summary['refused'], 'point')} refused by the strategy: {summary['refused_reason']}"
        )
    if summary["excluded"]:
        lines.append(f"{_were(summary['excluded'], 'point')} excluded by --where.")
    if summary["undefined"]:
        have = "has" if summary["undefined"] == 1 else "have"
        lines.append(f"{_many(summary['undefined'], 'trial')} {have} no {summary['metric']}.")
    if summary["survivorship_note"]:
        lines.append(summary["survivorship_note"])
    return lines
