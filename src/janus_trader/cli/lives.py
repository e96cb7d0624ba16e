"""``janus run`` and what is asked of a run afterwards."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import (
    BAR_END,
    COLUMNS,
    CONFIG,
    FROM,
    HOLDOUT,
    JSON,
    RUN,
    SYMBOLS,
    TIMEZONE,
    TO,
    names,
)

runs_app = typer.Typer(no_args_is_help=True, help="List finished and unfinished runs.")


def run(
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="OHLCV files, CSV or Parquet; default: the book that ships."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two years of the default book.")] = False,
    start: FROM = None,
    end: TO = None,
    symbols: SYMBOLS = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random stream.")] = 0,
    out: Annotated[
        str | None, typer.Option(help="Directory of this run; default: a new one under runs/.")
    ] = None,
    capital: Annotated[float | None, typer.Option(help="Starting cash.")] = None,
    cash_rate: Annotated[float | None, typer.Option(help="Interest on cash a year, e.g. 0.02.")] = None,
    cost_multiplier: Annotated[float | None, typer.Option(help="Factor on every cost; 0 is free.")] = None,
    long_only: Annotated[bool, typer.Option("--long-only", help="Never hold a short position.")] = False,
    benchmark: Annotated[
        str, typer.Option(help="Baseline or symbol that the Sharpe ratio is compared with.")
    ] = "equal_weight",
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", help="A strategy of your own, one Python file.")
    ] = None,
    news: Annotated[
        list[str] | None,
        typer.Option(
            "--news", help="Recorded headlines, JSON lines or CSV; each counts from when it was seen."
        ),
    ] = None,
    world: Annotated[
        str,
        typer.Option(
            help="real, shuffled (no signal), leaked (a known future), bootstrap, or simulated:<scenario>."
        ),
    ] = "real",
    holdout: HOLDOUT = False,
    resume: Annotated[str | None, typer.Option(help="Go on with an interrupted run.")] = None,
    config: CONFIG = None,
    overlay: Annotated[str | None, typer.Option("--overlay", help="TOML file laid over the first.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, e.g. sleep.enabled=false")
    ] = None,
    timezone: TIMEZONE = None,
    bar_end: BAR_END = None,
    columns: COLUMNS = None,
    json_: JSON = False,
    more_data: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE...]", help="More files for --data.", show_default=False),
    ] = None,
) -> None:
    """Live through a history, day and night, and report what happened.

    \b
    janus run --quick                     two years, seconds
    janus run                             20 US stocks, 1990 to 2022
    janus run --data BTC.csv ETH.parquet  your own bars
    janus run --resume runs/20260101-...  go on after Ctrl-C
    """
    from janus_trader.cli.run_command import RunArguments, run_command

    run_command(
        RunArguments(
            data=(*(data or ()), *(more_data or ())),
            quick=quick,
            start=start,
            end=end,
            symbols=names(symbols),
            seed=seed,
            out=out,
            capital=capital,
            cash_rate=cash_rate,
            cost_multiplier=cost_multiplier,
            long_only=long_only,
            benchmark=benchmark,
            strategies=tuple(strategy or ()),
            news=tuple(news or ()),
            world=world,
            holdout=holdout,
            resume=resume,
            config=config,
            overlay=overlay,
            settings=tuple(set_ or ()),
            timezone=timezone,
            bar_end=bar_end,
            columns=columns,
            json=json_,
        )
    )


def explain(
    run_path: RUN,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="Step number, or YYYY-MM-DD.")],
    json_: JSON = False,
) -> None:
    """Tell the whole chain of one decision in words; DECISION is a step number or a date."""
    from janus_trader.cli.inspect_commands import explain_command

    explain_command(run_path, decision, json_)


def replay(
    run_path: RUN,
    json_: JSON = False,
) -> None:
    """Recompute a run and say whether it is identical, or where it first diverges and by how much."""
    from janus_trader.cli.inspect_commands import replay_command

    replay_command(run_path, json_)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="One run.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
    json_: JSON = False,
) -> None:
    """Two runs side by side: figures, configuration, first differing decision."""
    from janus_trader.cli.inspect_commands import compare_command

    compare_command(a, b, json_)


@runs_app.command("list")
def runs_list(
    root_path: Annotated[str, typer.Option("--root", help="Where runs live.")] = "runs", json_: JSON = False
) -> None:
    """Every run under runs/ with its span and figures."""
    from janus_trader.cli.inspect_commands import runs_list_command

    runs_list_command(root_path, json_)


def warm() -> None:
    """Compile every kernel once, so that the first run is quick; `make run` does it."""
    from janus_trader.cli.warm_command import warm_command

    warm_command()
