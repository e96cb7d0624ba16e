"""What parts of the product are worth: ``janus ablate``, ``forget`` and ``bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import CONFIG, DOCUMENT, FROM, HTML, JOBS, JSON, SYMBOLS, names


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
    start: FROM = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last day; default and latest without --holdout: 2017-12-31.")
    ] = None,
    symbols: SYMBOLS = None,
    world: Annotated[str, typer.Option(help="As of `janus run`.")] = "real",
    config: Annotated[
        str | None, typer.Option("--config", help="TOML file of the whole; default: janus.toml if there.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the whole.")] = None,
    out: Annotated[str | None, typer.Option(help="Directory; default: a new one under ablations/.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with the matrix in this directory.")] = None,
    jobs: JOBS = 2,
    holdout: Annotated[
        bool, typer.Option("--holdout", help="Open 2018-2022 on the record and judge them apart.")
    ] = False,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Count it in TRIALS.jsonl; default: over the whole span."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be lived, and stop.")] = False,
    html: HTML = None,
    document: DOCUMENT = None,
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
            symbols=names(symbols),
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


def forget(
    seeds: Annotated[int, typer.Option(min=2, help="Independent markets of every regime.")] = 6,
    days: Annotated[int, typer.Option(help="Days to learn from in each regime.")] = 252,
    held_out: Annotated[int, typer.Option(help="Days of each regime to be judged by.")] = 252,
    every: Annotated[int, typer.Option(min=1, help="Days from night to night.")] = 5,
    regimes: Annotated[
        str | None, typer.Option(help="Comma-separated; default: all seven.", show_default=False)
    ] = None,
    config: CONFIG = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the file.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Directory that keeps each finished seed, and goes on there.")
    ] = None,
    jobs: JOBS = 2,
    html: Annotated[str | None, typer.Option("--html", help="FILE.html for the heat maps.")] = None,
    document: DOCUMENT = None,
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
            regimes=names(regimes),
            config=config,
            settings=tuple(set_ or ()),
            out=out,
            jobs=jobs,
            html=html,
            document=document,
            json=json_,
        )
    )


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
    document: DOCUMENT = None,
    json_: JSON = False,
) -> None:
    """Time our kernels on this machine, beside every peer that is installed."""
    from janus_trader.cli.bench_command import bench_command

    bench_command(tuple(only or ()), peers, seconds, growth, names, document, json_)
