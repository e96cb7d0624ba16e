"""Entry point of ``janus``: commands are imported when they are used, errors are one clear message."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from janus_trader import __version__
from janus_trader.cli.studies import study_app

if TYPE_CHECKING:
    from janus_trader.contracts.errors import JanusError

app = typer.Typer(
    name="janus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An autonomous trading system that learns and that can be trusted. Start with `janus run --quick`.",
)
runs_app = typer.Typer(no_args_is_help=True, help="List finished and unfinished runs.")
data_app = typer.Typer(no_args_is_help=True, help="What data is there, and is it sound?")
config_app = typer.Typer(no_args_is_help=True, help="Show or write the configuration.")
app.add_typer(runs_app, name="runs")
app.add_typer(data_app, name="data")
book_app = typer.Typer(
    no_args_is_help=True, help="Order books: replay what an exchange or a simulation recorded."
)
app.add_typer(config_app, name="config")
app.add_typer(book_app, name="book")
app.add_typer(study_app, name="study")

BAR_END = Annotated[
    bool | None, typer.Option("--bar-end/--bar-start", help="What time stamps mark; default: detected.")
]
COLUMNS = Annotated[
    str | None, typer.Option(help="Columns by role, e.g. time=when,close=px; default: detected.")
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"janus {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An autonomous trading system that learns and that can be trusted."""


@app.command()
def run(
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="OHLCV files, CSV or Parquet; default: the book that ships."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two years of the default book.")] = False,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")] = None,
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
    holdout: Annotated[
        bool, typer.Option("--holdout", help="Open 2018-2022 on the record: appends to TRIALS.jsonl.")
    ] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with an interrupted run.")] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="TOML file; default: janus.toml if there.")
    ] = None,
    overlay: Annotated[str | None, typer.Option("--overlay", help="TOML file laid over the first.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, e.g. sleep.enabled=false")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of time stamps without one, e.g. UTC.")] = None,
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
            symbols=tuple(s.strip() for s in (symbols or "").split(",") if s.strip()),
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


@app.command()
def explain(
    run_path: Annotated[str, typer.Argument(metavar="RUN", help="Directory, or name under runs/.")],
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="Step number, or YYYY-MM-DD.")],
    json_: JSON = False,
) -> None:
    """Tell the whole chain of one decision in words; DECISION is a step number or a date."""
    from janus_trader.cli.inspect_commands import explain_command

    explain_command(run_path, decision, json_)


@app.command()
def replay(
    run_path: Annotated[str, typer.Argument(metavar="RUN", help="Directory, or name under runs/.")],
    json_: JSON = False,
) -> None:
    """Recompute a run and say whether it is identical, or where it first diverges and by how much."""
    from janus_trader.cli.inspect_commands import replay_command

    replay_command(run_path, json_)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="One run.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
    json_: JSON = False,
) -> None:
    """Two runs side by side: figures, configuration, first differing decision."""
    from janus_trader.cli.inspect_commands import compare_command

    compare_command(a, b, json_)


@app.command()
def warm() -> None:
    """Compile every kernel once, so that the first run is quick; `make run` does it."""
    from janus_trader.cli.warm_command import warm_command

    warm_command()


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Works whose names start with this; repeatable.")
    ] = None,
    peers: Annotated[
        str | None, typer.Option(help="Folder that describes the peers; default: benchmarks/peers.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="Time spent on each work, about.")] = 1.0,
    growth: Annotated[bool, typer.Option("--growth", help="Show how our cost grows with size, too.")] = False,
    names: Annotated[bool, typer.Option("--list", help="Name the works and stop.")] = False,
    document: Annotated[
        str | None, typer.Option("--document", help="Rewrite the generated part of this Markdown page.")
    ] = None,
    json_: JSON = False,
) -> None:
    """Time our kernels on this machine, beside every peer that is installed."""
    from janus_trader.cli.bench_command import bench_command

    bench_command(tuple(only or ()), peers, seconds, growth, names, document, json_)


@app.command("check-strategy")
def check_strategy(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A .py file, or a built-in's name.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", help="OHLCV files to check it on; default: made-up bars.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")] = None,
    bars: Annotated[int, typer.Option(min=200, help="Bars of each instrument that are used.")] = 1500,
    json_: JSON = False,
) -> None:
    """Does a strategy look ahead? Names the bar, the field and the line; exit 1 when it does."""
    from janus_trader.cli.check_strategy_command import check_strategy_command

    names = tuple(s.strip() for s in (symbols or "").split(",") if s.strip())
    check_strategy_command(strategy, tuple(data or ()), names, bars, json_)


@app.command()
def sweep(
    strategy: Annotated[str, typer.Option("--strategy", help="A built-in's name, or a .py file.")],
    grid: Annotated[
        list[str], typer.Option("--grid", help="name=first:last:step, name=a,b,c or name=first:last:logK.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="OHLCV files; default: the book that ships, to 2017-12-31."),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Random points instead of the whole grid.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random points.")] = 0,
    where: Annotated[
        str | None, typer.Option(help='Only points that satisfy it, e.g. "fast < slow".')
    ] = None,
    metric: Annotated[str, typer.Option(help="What the best is chosen by.")] = "sharpe",
    top: Annotated[int, typer.Option(min=1, help="Rows of the table; the venue confirms them.")] = 5,
    map_over: Annotated[str | None, typer.Option("--map", help="Two parameters of the heat map.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")] = None,
    capital: Annotated[float, typer.Option(help="Cash at the start, shared evenly.")] = 100_000.0,
    fee_bps: Annotated[float, typer.Option(help="Fee on the traded value, bps.")] = 2.0,
    slippage_bps: Annotated[float, typer.Option(min=0, help="What market orders pay over the price.")] = 1.0,
    same_close: Annotated[
        bool, typer.Option("--same-close", help="Fill at the close decided on, not at the next open.")
    ] = False,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0: one a core.")] = 0,
    confirm: Annotated[bool, typer.Option(help="Match the top once more with nautilus_trader.")] = True,
    out: Annotated[str | None, typer.Option(help="Directory; default: a new one under sweeps/.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in --out.")] = False,
    timezone: Annotated[str | None, typer.Option(help="Zone of time stamps without one, e.g. UTC.")] = None,
    bar_end: BAR_END = None,
    columns: COLUMNS = None,
    json_: JSON = False,
) -> None:
    """Back-test a strategy with many parameters, and say what the best of them is worth.

    \b
    janus sweep --strategy ema_flip --data BTC.csv --grid fast=3:30:3 --grid slow=10:120:10
    janus sweep --strategy mine.py --data BTC.csv --grid rate=0.01:0.5:log --samples 2000
    """
    from janus_trader.cli.sweep_command import SweepArguments, sweep_command

    def names(text: str | None) -> tuple[str, ...]:
        return tuple(s.strip() for s in (text or "").split(",") if s.strip())

    sweep_command(
        SweepArguments(
            strategy=strategy,
            data=tuple(data or ()),
            grid=tuple(grid),
            samples=samples,
            seed=seed,
            where=where,
            metric=metric,
            top=top,
            map_over=names(map_over),
            start=start,
            end=end,
            symbols=names(symbols),
            capital=capital,
            fee_bps=fee_bps,
            slippage_bps=slippage_bps,
            same_close=same_close,
            workers=workers,
            confirm=confirm,
            out=out,
            resume=resume,
            timezone=timezone,
            bar_end=bar_end,
            columns=columns,
            json=json_,
        )
    )


@app.command()
def simulate(
    scenario: Annotated[str | None, typer.Option(help="What happens; --list names them.")] = None,
    assets: Annotated[int | None, typer.Option(help="Instruments of bars; default: 5.")] = None,
    days: Annotated[int | None, typer.Option(help="Trading days; default: the scenario's own.")] = None,
    minutes: Annotated[int | None, typer.Option(help="Length of a book market; default: 60.")] = None,
    bar: Annotated[str | None, typer.Option(help="1min to 1d; default: the scenario's own.")] = None,
    severity: Annotated[
        float, typer.Option(help="Factor on what happens; 0: nothing, 1: as it stands.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    level: Annotated[
        str, typer.Option(help="bars of several instruments, or the messages of one order book.")
    ] = "bars",
    out: Annotated[
        str | None,
        typer.Option(help="FILE.parquet of bars; truth, trades and messages go beside it."),
    ] = None,
    plot: Annotated[str | None, typer.Option(help="FILE.html with the phases shaded.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the scenarios and stop.")] = False,
    json_: JSON = False,
) -> None:
    """Make a market to which something known happens: a crash, a drought, an outage, a bubble.

    \b
    janus simulate --list
    janus simulate --scenario slow_bear --out bear.parquet --plot bear.html
    janus run --world simulated:slow_bear:days=800,assets=10
    """
    from janus_trader.cli.simulate_command import SimulateArguments, simulate_command

    simulate_command(
        SimulateArguments(
            scenario=scenario,
            assets=assets,
            days=days,
            minutes=minutes,
            bar=bar,
            severity=severity,
            seed=seed,
            level=level,
            out=out,
            plot=plot,
            list=list_,
            json=json_,
        )
    )


@app.command()
def ablate(
    regions: Annotated[
        str | None, typer.Option(help="Comma-separated; all or none. Default: all ten.", show_default=False)
    ] = None,
    mechanisms: Annotated[
        str | None,
        typer.Option(help="Single mechanisms instead, comma-separated, or all; with --regions: as well."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two years, two seeds: minutes.")] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Lives of each configuration; default: 3, --quick 2.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last day; default and latest without --holdout: 2017-12-31.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")] = None,
    world: Annotated[str, typer.Option(help="As of `janus run`.")] = "real",
    config: Annotated[
        str | None, typer.Option("--config", help="TOML file of the whole; default: janus.toml if there.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the whole.")] = None,
    out: Annotated[str | None, typer.Option(help="Directory; default: a new one under ablations/.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with the matrix in this directory.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    holdout: Annotated[
        bool, typer.Option("--holdout", help="Open 2018-2022 on the record and judge them apart.")
    ] = False,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Count it in TRIALS.jsonl; default: over the whole span."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be lived, and stop.")] = False,
    html: Annotated[str | None, typer.Option("--html", help="FILE.html for the picture.")] = None,
    document: Annotated[
        str | None, typer.Option("--document", help="Rewrite the generated part of this Markdown page.")
    ] = None,
    json_: JSON = False,
) -> None:
    """What does each region contribute? Lives with and without it, on the same days and seeds.

    \b
    janus ablate --quick                         ten regions, two years, two seeds
    janus ablate --mechanisms learning,freeze:opal
    janus ablate --resume ablations/20260101-... go on after Ctrl-C
    """
    from janus_trader.cli.ablate_command import AblateArguments, ablate_command

    ablate_command(
        AblateArguments(
            regions=regions,
            mechanisms=mechanisms,
            quick=quick,
            seeds=seeds,
            start=start,
            end=end,
            symbols=tuple(s.strip() for s in (symbols or "").split(",") if s.strip()),
            world=world,
            config=config,
            settings=tuple(set_ or ()),
            out=out,
            resume=resume,
            jobs=jobs,
            holdout=holdout,
            record=record,
            dry_run=dry_run,
            html=html,
            document=document,
            json=json_,
        )
    )


@app.command()
def forget(
    seeds: Annotated[int, typer.Option(min=2, help="Independent markets of every regime.")] = 6,
    days: Annotated[int, typer.Option(help="Days to learn from in each regime.")] = 252,
    held_out: Annotated[int, typer.Option(help="Days of each regime to be judged by.")] = 252,
    every: Annotated[int, typer.Option(min=1, help="Days from night to night.")] = 5,
    regimes: Annotated[
        str | None, typer.Option(help="Comma-separated; default: all seven.", show_default=False)
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="TOML file; default: janus.toml if there.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the file.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Directory that keeps each finished seed, and goes on there.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    html: Annotated[str | None, typer.Option("--html", help="FILE.html for the heat maps.")] = None,
    document: Annotated[
        str | None, typer.Option("--document", help="Rewrite the generated part of this Markdown page.")
    ] = None,
    json_: JSON = False,
) -> None:
    """How much of one regime is lost by learning another, with replay and without? Minutes of work."""
    from janus_trader.cli.forget_command import ForgetArguments, forget_command

    forget_command(
        ForgetArguments(
            seeds=seeds,
            days=days,
            held_out=held_out,
            every=every,
            regimes=tuple(s.strip() for s in (regimes or "").split(",") if s.strip()),
            config=config,
            settings=tuple(set_ or ()),
            out=out,
            jobs=jobs,
            html=html,
            document=document,
            json=json_,
        )
    )


@app.command()
def backtest(
    strategy: Annotated[str, typer.Option("--strategy", help="A built-in's name, or a .py file.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="OHLCV files; default: the book that ships, to 2017-12-31."),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")] = None,
    form: Annotated[
        str, typer.Option(help="targets: the exposure alone; brackets: entries with stop and target orders.")
    ] = "targets",
    venue: Annotated[str, typer.Option(help="Who matches: compiled, nautilus or both.")] = "compiled",
    capital: Annotated[float, typer.Option(help="Cash at the start.")] = 100_000.0,
    size: Annotated[
        float | None, typer.Option(help="Fraction of equity at exposure 1; default: 1 / instruments.")
    ] = None,
    leverage: Annotated[
        float, typer.Option(help="Gross value over equity that positions and orders may reach.")
    ] = 1.0,
    maintenance_margin: Annotated[
        float, typer.Option(help="Equity over gross value below which all is sold.")
    ] = 0.0,
    borrow_rate: Annotated[float, typer.Option(help="A year's charge on short positions, e.g. 0.02.")] = 0.0,
    debit_rate: Annotated[float, typer.Option(help="A year's interest on negative cash.")] = 0.0,
    fee_bps: Annotated[float, typer.Option(help="Fee on the traded value, bps.")] = 2.0,
    slippage_bps: Annotated[float, typer.Option(min=0, help="What market orders pay over the price.")] = 1.0,
    max_volume_frac: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a bar's volume that may be taken; 0: no limit.")
    ] = 0.0,
    tick: Annotated[float, typer.Option(help="Price increment.")] = 1e-6,
    lot: Annotated[float, typer.Option(help="Size increment.")] = 1e-6,
    same_close: Annotated[
        bool, typer.Option("--same-close", help="Fill at the close decided on, not at the next open.")
    ] = False,
    holdout: Annotated[
        bool, typer.Option("--holdout", help="Open 2018-2022 on the record: appends to TRIALS.jsonl.")
    ] = False,
    out: Annotated[str | None, typer.Option(help="Directory for picture and records.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of time stamps without one, e.g. UTC.")] = None,
    bar_end: BAR_END = None,
    columns: COLUMNS = None,
    json_: JSON = False,
) -> None:
    """Trade one strategy over a history with stops, fees and slippage, and say what came of it.

    \b
    janus backtest --strategy ema_flip --data BTC.csv --form brackets --venue both
    janus backtest --strategy mine.py --data BTC.csv --out result
    """
    from janus_trader.cli.backtest_command import BacktestArguments, backtest_command

    backtest_command(
        BacktestArguments(
            strategy=strategy,
            data=tuple(data or ()),
            start=start,
            end=end,
            symbols=tuple(s.strip() for s in (symbols or "").split(",") if s.strip()),
            form=form,
            venue=venue,
            capital=capital,
            size=size,
            leverage=leverage,
            maintenance_margin=maintenance_margin,
            borrow_rate=borrow_rate,
            debit_rate=debit_rate,
            fee_bps=fee_bps,
            slippage_bps=slippage_bps,
            max_volume_frac=max_volume_frac,
            tick=tick,
            lot=lot,
            same_close=same_close,
            holdout=holdout,
            out=out,
            timezone=timezone,
            bar_end=bar_end,
            columns=columns,
            json=json_,
        )
    )


@runs_app.command("list")
def runs_list(
    root_path: Annotated[str, typer.Option("--root", help="Where runs live.")] = "runs", json_: JSON = False
) -> None:
    """Every run under runs/ with its span and figures."""
    from janus_trader.cli.inspect_commands import runs_list_command

    runs_list_command(root_path, json_)


@data_app.command("list")
def data_list(json_: JSON = False) -> None:
    """Sources that ship, with span, availability lag and licence."""
    from janus_trader.cli.data_commands import data_list_command

    data_list_command(json_)


@data_app.command("check")
def data_check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="CSV or Parquet.")],
    timezone: Annotated[str | None, typer.Option(help="Zone of time stamps without one.")] = None,
    bar_end: BAR_END = None,
    columns: COLUMNS = None,
    json_: JSON = False,
) -> None:
    """Can these files be run, and what is wrong with their rows?"""
    from janus_trader.cli.data_commands import data_check_command

    data_check_command(files, timezone, bar_end, columns, json_)


@book_app.command("replay")
def book_replay(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="A recorded feed, plain or compressed; parts in their order."),
    ],
    form: Annotated[
        str, typer.Option("--format", help="auto, recording, lobster, bitstamp, databento or binance.")
    ] = "auto",
    book: Annotated[
        list[str] | None,
        typer.Option("--book", help="LOBSTER order book files; default: those beside the messages."),
    ] = None,
    levels: Annotated[int, typer.Option(min=1, help="Levels compared and in the imbalance.")] = 10,
    symbol: Annotated[str | None, typer.Option(help="Instrument, where the file does not say.")] = None,
    day: Annotated[str | None, typer.Option(help="YYYY-MM-DD, where a LOBSTER file does not say.")] = None,
    out: Annotated[str | None, typer.Option(help="Write the recording, Parquet.")] = None,
    html: Annotated[str | None, typer.Option(help="Write a picture of depth, trades and imbalance.")] = None,
    json_: JSON = False,
) -> None:
    """Replay a recorded book, and say how well it agrees with what the source recorded.

    \b
    janus book replay AAPL_2012-06-21_34200000_37800000_message_50.csv.gz --html book.html
    janus book replay BTCUSD_orders.csv.xz --out btc.parquet
    """
    from janus_trader.cli.book_command import BookReplayArguments, book_replay_command

    book_replay_command(
        BookReplayArguments(
            files=tuple(files),
            form=form,
            books=tuple(book or ()),
            levels=levels,
            symbol=symbol,
            day=day,
            out=out,
            html=html,
            json=json_,
        )
    )


@book_app.command("compare")
def book_compare(
    files: Annotated[
        list[str],
        typer.Argument(metavar="REAL... SIMULATED", help="Recordings or recorded feeds; the last is judged."),
    ],
    html: Annotated[str | None, typer.Option(help="Write pictures side by side.")] = None,
    document: Annotated[
        str | None, typer.Option("--document", help="Rewrite the generated part of this Markdown page.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    json_: JSON = False,
) -> None:
    """Does a simulated book behave like real ones? Stylised facts with intervals, and where it fails.

    \b
    janus book compare AAPL_2012-06-21_34200000_37800000_message_50.csv.gz sim.parquet --html facts.html
    """
    from janus_trader.cli.book_compare_command import book_compare_command

    book_compare_command(tuple(files), html, document, seed, json_)


@config_app.command("show")
def config_show(
    config: Annotated[str | None, typer.Option(help="TOML file; default: janus.toml if there.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the file.")] = None,
    json_: JSON = False,
) -> None:
    """The configuration in force, with ranges and meanings."""
    from janus_trader.cli.config_commands import config_show_command

    config_show_command(config, tuple(set_ or ()), json_)


@config_app.command("init")
def config_init(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where to write.")] = "janus.toml",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration file with every default."""
    from janus_trader.cli.config_commands import config_init_command

    config_init_command(path, force)


def main() -> None:
    """Run the command line; every failure is one message on standard error and a non-zero exit."""
    from janus_trader.contracts.errors import JanusError

    try:
        app()
    except JanusError as error:
        _fail(_told(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        name = f" {error.filename}" if error.filename else ""
        remedy = _REMEDIES.get(error.errno or 0, "choose another path")
        _fail(f"{error.strerror or error}{name}\n  remedy: {remedy}", 3)
    except Exception as error:
        if os.environ.get("JANUS_DEBUG"):
            raise
        _fail(
            f"internal error: {type(error).__name__}: {error}\n"
            "  remedy: JANUS_DEBUG=1 shows where; please report it",
            70,
        )


#: What to do about the failures of a file system that a user can do something about.
_REMEDIES = {
    errno.ENOSPC: "free space, then go on with `janus run --resume RUN`",
    errno.EDQUOT: "free space, then go on with `janus run --resume RUN`",
    errno.EACCES: "choose a path that you may write, or change its permissions",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another path",
    errno.EROFS: "choose a path on a file system that can be written",
}


def _told(error: JanusError) -> str:
    """What went wrong, then what was got, expected and what to do, a line each."""
    parts = (("got", error.got), ("expected", error.expected), ("remedy", error.remedy))
    return "\n".join([error.what, *[f"  {name}: {text}" for name, text in parts if text is not None]])


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"janus: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
