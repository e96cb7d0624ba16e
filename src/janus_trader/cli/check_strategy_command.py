"""``janus check-strategy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from janus_trader.cli.display import print_json, print_words

if TYPE_CHECKING:
    from janus_trader.research.strategy_check import CheckReport


def check_strategy_command(
    strategy: str, data: tuple[str, ...], symbols: tuple[str, ...], bars: int, as_json: bool
) -> None:
    """Check one strategy and print what was found; exit 1 when something was."""
    from janus_trader.research.strategy_check import CheckSettings, check_strategy

    settings = CheckSettings(bars=bars)
    columns = None
    if data:
        from janus_trader.research.strategy_check.check import known_columns
        from janus_trader.runs.history import HistoryRequest, load_history

        panel = load_history(HistoryRequest(files=data, symbols=symbols, warmup_bars=0)).panel
        columns = known_columns(panel.bars, panel.present)
    report = check_strategy(strategy, columns, settings)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    if not report.clean:
        raise typer.Exit(1)


def _print(report: CheckReport) -> None:
    many = "instrument" if report.instruments == 1 else "instruments"
    typer.echo(f"{report.name} ({report.form}), {report.bars} bars of {report.instruments} {many}")
    for violation in report.violations:
        place = [f"line {violation.line}"] if violation.line is not None else []
        place += [f"bar {violation.bar}"] if violation.bar is not None else []
        place += [violation.field] if violation.field else []
        print_words([f"VIOLATION {violation.kind.value}: {', '.join(place)}: {violation.message}"])
        if violation.text:
            typer.echo(f"    {violation.line} | {violation.text}")
    print_words(f"note: {note}" for note in report.notes)
    if report.warm_up is not None:
        typer.echo(
            f"warm-up: {report.warm_up} bars, then answers no longer depend on where the history starts"
        )
    if report.clean and report.warm_up is None:
        typer.echo("clean: no answer depended on the future, on other instruments or on chance")
    elif report.clean:
        typer.echo("clean: no answer depended on the future, on other instruments, on chance or on the start")
