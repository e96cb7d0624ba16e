"""Tables and progress on the terminal; figures go to standard output, progress to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table


def print_json(value: Any) -> None:
    """Indented JSON on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with the first column to the left and the others to the right."""
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    Console().print(table)


class LifeDisplay:
    """Progress of a life: market date, regime, posture, equity, steps per second.

    Draws at most ten times a second; where standard error is no terminal it prints a line every
    ten seconds instead.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal and not quiet
        self._last = 0.0
        self._progress: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> LifeDisplay:
        if self._live:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.fields[day]}"),
                BarColumn(bar_width=28),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("[cyan]{task.fields[regime]:<9}[/] {task.fields[posture]:<7}"),
                TextColumn("equity [bold]{task.fields[equity]:>13,.0f}[/]"),
                TextColumn("{task.fields[speed]:>5.0f}/s"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(
                "", total=None, day="loading   ", regime="", posture="", equity=0.0, speed=0.0
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, state: Any) -> None:
        """Show one state of a life (`janus_trader.runs.driver.Progress`)."""
        now = time.monotonic()
        if self._quiet or now - self._last < (0.1 if self._live else 10.0):
            return
        self._last = now
        from janus_trader.runs.history import iso

        if self._progress is not None:
            self._progress.update(
                self._task,
                completed=state.step,
                total=state.total,
                day=iso(state.ts_event),
                regime=state.regime.lower(),
                posture=state.posture.lower(),
                equity=state.equity,
                speed=state.steps_per_s,
            )
        else:
            self._console.print(
                f"{iso(state.ts_event)}  {state.step}/{state.total}  {state.regime.lower()}  "
                f"{state.posture.lower()}  equity {state.equity:,.0f}  {state.steps_per_s:.0f}/s"
            )
