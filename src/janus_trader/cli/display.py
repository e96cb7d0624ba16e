"""Tables and progress on the terminal; figures go to standard output, progress to standard error."""

from __future__ import annotations

import re
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table


def print_json(value: Any) -> None:
    """Indented JSON on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


_NUMERIC = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?( ?%)?|–|")
#: Where standard output is no terminal there is no width to fit; tables take what they need up to this.
_PIPE_WIDTH = 160


def _console() -> Console:
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=_PIPE_WIDTH)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table without frame; columns of numbers to the right, columns of words to the left.

    The first column is never cut: it holds the names that other commands take.
    """
    body = [[str(cell) for cell in row] for row in rows]
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for i, name in enumerate(columns):
        numeric = i > 0 and all(_NUMERIC.fullmatch(row[i]) for row in body)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=i == 0)
    for row in body:
        table.add_row(*row)
    _console().print(table)


def print_words(lines: Iterable[str]) -> None:
    """Paragraphs, folded to the terminal with a hanging indent; one a line where there is no terminal."""
    width = Console().width if sys.stdout.isatty() else 0
    for line in lines:
        sys.stdout.write((textwrap.fill(line, width, subsequent_indent="  ") if width else line) + "\n")


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
                "", total=None, day="reading data", regime="", posture="", equity=0.0, speed=0.0
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
