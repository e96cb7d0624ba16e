"""``janus ablate``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.errors import ConfigError

if TYPE_CHECKING:
    from janus_trader.research.ablation import MatrixStore, Plan

#: Seconds of one core that a life takes for each bar, about; for --dry-run only.
_SECONDS_A_BAR = 0.0095


@dataclass(frozen=True)
class AblateArguments:
    """What the user typed."""

    regions: str | None
    mechanisms: str | None
    quick: bool
    seeds: int | None
    start: str | None
    end: str | None
    symbols: tuple[str, ...]
    world: str
    config: str | None
    settings: tuple[str, ...]
    out: str | None
    resume: str | None
    jobs: int
    holdout: bool
    record: bool | None
    dry_run: bool
    html: str | None
    document: str | None
    json: bool


class WorkDisplay:
    """How far a long piece of work is, and how long it will take, on standard error."""

    def __init__(self, what: str, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._live, self._quiet = self._console.is_terminal and not quiet, quiet
        self._began = self._last = time.monotonic()
        self._at: float | None = None
        self._progress = Progress(
            TextColumn(what),
            BarColumn(bar_width=36),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._progress.add_task("", total=1.0, told="")

    def __enter__(self) -> WorkDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, share: float, told: str) -> None:
        """Show the share that is done."""
        now = time.monotonic()
        if self._at is None or share <= self._at:  # what was there, and starting up, say nothing about speed
            self._at, self._began = share, now
        if self._live:
            self._progress.update(self._task, completed=share, told=told)
        elif not self._quiet and now - self._last > 20.0:
            self._last = now
            rate = (share - self._at) / max(now - self._began, 1e-9)
            left = f", {(1.0 - share) / rate:,.0f} s left" if rate > 0.0 else ""
            self._console.print(f"{share:.0%}  {told}{left}")


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C once asks to stop; twice ends at once."""
    asked = False

    def on_interrupt(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, previous)


def ablate_command(arguments: AblateArguments) -> None:
    """Plan, live, judge, print; see `janus_trader.cli.experiments.ablate`."""
    from janus_trader.research.ablation import Stopped, resumed_plan, run_matrix
    from janus_trader.research.ablation.store import MatrixStore

    now = datetime.now(UTC)
    if arguments.resume:
        store = MatrixStore(arguments.resume)
        plan = resumed_plan(store)
    else:
        plan = _plan(arguments)
        name = f"{now:%Y%m%d-%H%M%S}-{plan.config.fingerprint[:6]}"
        store = MatrixStore(arguments.out or Path("ablations") / name)
    if arguments.dry_run:
        _tell_plan(plan, store, arguments)
        return
    _check_outputs(arguments)
    with interruptible() as stop, WorkDisplay("ablate", arguments.json) as display:
        try:
            summary = run_matrix(
                plan,
                store,
                date=f"{now:%Y-%m-%d}",
                jobs=arguments.jobs,
                resume=bool(arguments.resume),
                progress=lambda lives, total, share: display(share, f"{lives}/{total} lives"),
                stop=stop,
            )
        except Stopped as error:
            raise Stopped(
                "interrupted; every finished life is kept", remedy=f"janus ablate --resume {store.path}"
            ) from error
    _tell(summary, store, arguments)


def _plan(arguments: AblateArguments) -> Plan:
    from janus_trader.config import load_config
    from janus_trader.research.ablation import AblationRequest, plan_matrix
    from janus_trader.research.ablation.mechanisms import REGIONS
    from janus_trader.runs.history import QUICK_END, QUICK_START, HistoryRequest

    start, end = arguments.start, arguments.end
    if arguments.quick:
        if start or end or arguments.holdout:
            raise ConfigError("--quick has a span of its own", remedy="leave out --from, --to and --holdout")
        start, end = QUICK_START, QUICK_END
    regions = _names(arguments.regions)
    if regions is None or regions == ("all",):
        regions = REGIONS if arguments.mechanisms is None or regions else ()
    request = AblationRequest(
        regions=() if regions == ("none",) else regions,
        mechanisms=_names(arguments.mechanisms) or (),
        seeds=arguments.seeds if arguments.seeds is not None else (2 if arguments.quick else 3),
        history=HistoryRequest(start=start, end=end, symbols=arguments.symbols, world=arguments.world),
        holdout=arguments.holdout,
        record=arguments.record,
    )
    config = load_config(Path(arguments.config) if arguments.config else None, None, arguments.settings)
    return plan_matrix(request, config)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _check_outputs(arguments: AblateArguments) -> None:
    """Find out before the work, not after it, that a page cannot be written."""
    from janus_trader.cli.generated import replace_generated

    if arguments.html and not Path(arguments.html).resolve().parent.is_dir():
        raise ConfigError(f"no folder for {arguments.html}", got=arguments.html, remedy="make it first")
    if arguments.document:
        replace_generated(Path(arguments.document).read_text(), "", "janus ablate")


def _tell_plan(plan: Plan, store: MatrixStore, arguments: AblateArguments) -> None:
    from janus_trader.research.ablation.lives import history_of

    bars = len(history_of(plan.request.history).panel)
    minutes = plan.lives * bars * _SECONDS_A_BAR / max(1, min(arguments.jobs, os.cpu_count() or 1)) / 60.0
    configurations = [{"name": "whole", "settings": []}]
    configurations += [{"name": v.name, "settings": list(v.settings)} for v in plan.variants]
    if arguments.json:
        print_json(
            {
                "configurations": configurations,
                "lives": plan.lives,
                "bars": bars,
                "recorded": plan.recorded or plan.request.holdout,
                "path": str(store.path),
            }
        )
        return
    names = [["whole", "as configured"], *[[v.name, ", ".join(v.settings)] for v in plan.variants]]
    print_table("", ("configuration", "settings"), names)
    print_words(
        [
            f"{plan.lives} lives of {bars:,} bars ({plan.request.seeds} seeds), about {minutes:.0f} minutes "
            f"by {arguments.jobs} processes.",
            "Counted as trials in TRIALS.jsonl."
            if plan.recorded or plan.request.holdout
            else "Not counted as trials.",
            f"directory: {store.path}",
        ]
    )


def _tell(summary: dict[str, Any], store: MatrixStore, arguments: AblateArguments) -> None:
    from janus_trader.cli.generated import replace_generated
    from janus_trader.research.ablation import page as pages

    if arguments.html:
        Path(arguments.html).write_text(pages.page(summary), encoding="utf-8")
    if arguments.document:
        path = Path(arguments.document)
        path.write_text(replace_generated(path.read_text(), pages.markdown(summary), "janus ablate"))
    if arguments.json:
        print_json({**summary, "path": str(store.path)})
        return
    for name, part in summary["parts"].items():
        words = pages.part_words(summary, name)
        print_words(words[:1])
        for kind in pages.kinds(part) if part is not None else ():
            print_table("", (kind, *pages.COLUMNS[1:]), pages.rows(part, kind))
        print_words([*words[1:], ""])
    print_words(pages.notes(summary))
    written = (("directory", store.path), ("picture", arguments.html), ("page", arguments.document))
    print_words([f"{what}: {path}" for what, path in written if path])
