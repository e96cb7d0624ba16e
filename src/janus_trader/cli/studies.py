"""``janus study``: the product judged where the truth is known, or by what it learned."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import DOCUMENT, FROM, HTML, JSON, RUN, SELECTION, SYMBOLS, TO, names

study_app = typer.Typer(no_args_is_help=True, help="Judge the product where the truth is known.")


@study_app.command("detectors")
def study_detectors(
    lives: Annotated[int, typer.Option(help="Lives in each world; their seeds are 0, 1, 2, ...")] = 20,
    days: Annotated[int, typer.Option(help="Trading days of a life with switching regimes.")] = 2016,
    html: HTML = None,
    document: DOCUMENT = None,
    json_: JSON = False,
) -> None:
    """How soon and how truly regimes and crashes are seen in simulated markets; minutes of work."""
    from janus_trader.cli.study_command import study_detectors_command

    study_detectors_command(lives, days, html, document, json_)


@study_app.command("nights")
def study_nights(
    run_path: RUN,
    html: HTML = None,
    json_: JSON = False,
) -> None:
    """What each learner gained by its nights: on the days held back, and on days that came later."""
    from janus_trader.cli.study_nights_command import study_nights_command

    study_nights_command(run_path, html, json_)


@study_app.command("forecast")
def study_forecast(
    data: SELECTION = None,
    symbols: SYMBOLS = None,
    start: FROM = None,
    end: TO = None,
    network: Annotated[str, typer.Option(help="lstm or mlp.")] = "lstm",
    output: Annotated[str, typer.Option(help="gaussian, student_t or quantiles.")] = "student_t",
    window: Annotated[int, typer.Option(min=2, help="Bars the network sees.")] = 32,
    folds: Annotated[int, typer.Option(min=1, help="Blocks judged, walking forward.")] = 4,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data, at most.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights and order.")] = 0,
    html: Annotated[str | None, typer.Option("--html", help="FILE.html for the calibration.")] = None,
    json_: JSON = False,
) -> None:
    """Train a probabilistic forecaster of the next bar and judge it beside volatility alone (extra `ml`)."""
    from janus_trader.cli.study_forecast_command import study_forecast_command

    study_forecast_command(
        tuple(data or ()),
        names(symbols),
        start,
        end,
        network,
        output,
        window,
        folds,
        epochs,
        seed,
        html,
        json_,
    )


@study_app.command("costs")
def study_costs(
    seeds: Annotated[int, typer.Option(min=2, help="Simulated markets of each world.")] = 12,
    orders: Annotated[int, typer.Option(min=5, help="Orders traded in each.")] = 40,
    document: DOCUMENT = None,
    json_: JSON = False,
) -> None:
    """How much nearer the cerebellum's correction brings the cost forecast, in simulated markets."""
    from janus_trader.cli.study_costs_command import study_costs_command

    study_costs_command(seeds, orders, document, json_)


@study_app.command("markov")
def study_markov(
    markets: Annotated[int, typer.Option(min=1, help="Simulated markets with known regimes.")] = 12,
    document: DOCUMENT = None,
    json_: JSON = False,
) -> None:
    """Whether the Markov forecast of the regime is worth more than the belief it starts from."""
    from janus_trader.cli.study_markov_command import study_markov_command

    study_markov_command(markets, document, json_)


@study_app.command("memory")
def study_memory(
    run_path: RUN,
    maps: Annotated[
        int, typer.Option(min=2, help="Nights that are mapped, half a window apart, up to the last.")
    ] = 8,
    window: Annotated[int, typer.Option(min=50, help="Memories on each map.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the maps.")] = 0,
    parametric: Annotated[
        bool, typer.Option("--parametric", help="Compare networks that place new memories (extra ml).")
    ] = False,
    html: HTML = None,
    document: DOCUMENT = None,
    json_: JSON = False,
) -> None:
    """What a run remembers as one map aligned over its nights, and how far it drifted (AlignedUMAP)."""
    from janus_trader.cli.manifold_command import study_memory_command

    study_memory_command(run_path, maps, window, seed, html, document, json_, parametric)


@study_app.command("vision")
def study_vision(
    symbol: Annotated[str, typer.Argument(help="An instrument of the default book or of --data.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", help="OHLCV files; default: the book that ships.")
    ] = None,
    end: TO = None,
    html: HTML = None,
    png: Annotated[str | None, typer.Option("--png", help="FILE.png for the fields alone.")] = None,
    json_: JSON = False,
) -> None:
    """Draw what a vision model is shown of an instrument: its Gramian fields, frame by frame."""
    from janus_trader.cli.vision_command import study_vision_command

    study_vision_command(symbol, tuple(data or ()), end, html, png, json_)
