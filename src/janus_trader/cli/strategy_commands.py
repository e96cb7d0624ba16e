"""One strategy alone: ``janus check-strategy``, ``sweep`` and ``backtest``."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import (
    BAR_END,
    COLUMNS,
    FEE,
    FROM,
    HOLDOUT,
    JSON,
    SAME_CLOSE,
    SELECTION,
    SLIPPAGE,
    STRATEGY,
    SYMBOLS,
    TIMEZONE,
    TO,
    names,
)


def check_strategy(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A .py file, or a built-in's name.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", help="OHLCV files to check it on; default: made-up bars.")
    ] = None,
    symbols: SYMBOLS = None,
    bars: Annotated[int, typer.Option(min=200, help="Bars of each instrument that are used.")] = 1500,
    json_: JSON = False,
) -> None:
    """Does a strategy look ahead? Names the bar, the field and the line; exit 1 when it does."""
    from janus_trader.cli.check_strategy_command import check_strategy_command

    check_strategy_command(strategy, tuple(data or ()), names(symbols), bars, json_)


def sweep(
    strategy: STRATEGY,
    grid: Annotated[
        list[str], typer.Option("--grid", help="name=first:last:step, name=a,b,c or name=first:last:logK.")
    ],
    data: SELECTION = None,
    samples: Annotated[int, typer.Option(min=0, help="Random points instead of the whole grid.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random points.")] = 0,
    where: Annotated[
        str | None, typer.Option(help='Only points that satisfy it, e.g. "fast < slow".')
    ] = None,
    metric: Annotated[str, typer.Option(help="What the best is chosen by.")] = "sharpe",
    top: Annotated[int, typer.Option(min=1, help="Rows of the table; the venue confirms them.")] = 5,
    map_over: Annotated[str | None, typer.Option("--map", help="Two parameters of the heat map.")] = None,
    start: FROM = None,
    end: TO = None,
    symbols: SYMBOLS = None,
    capital: Annotated[float, typer.Option(help="Cash at the start, shared evenly.")] = 100_000.0,
    fee_bps: FEE = 2.0,
    slippage_bps: SLIPPAGE = 1.0,
    same_close: SAME_CLOSE = False,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0: one a core.")] = 0,
    confirm: Annotated[bool, typer.Option(help="Match the top once more with nautilus_trader.")] = True,
    out: Annotated[str | None, typer.Option(help="Directory; default: a new one under sweeps/.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in --out.")] = False,
    timezone: TIMEZONE = None,
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


def backtest(
    strategy: STRATEGY,
    data: SELECTION = None,
    start: FROM = None,
    end: TO = None,
    symbols: SYMBOLS = None,
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
    fee_bps: FEE = 2.0,
    slippage_bps: SLIPPAGE = 1.0,
    max_volume_frac: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a bar's volume that may be taken; 0: no limit.")
    ] = 0.0,
    tick: Annotated[float, typer.Option(help="Price increment.")] = 1e-6,
    lot: Annotated[float, typer.Option(help="Size increment.")] = 1e-6,
    same_close: SAME_CLOSE = False,
    holdout: HOLDOUT = False,
    out: Annotated[str | None, typer.Option(help="Directory for picture and records.")] = None,
    timezone: TIMEZONE = None,
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
            symbols=names(symbols),
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
