"""Markets made and markets recorded: ``janus simulate`` and ``janus book``."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import DOCUMENT, JSON

book_app = typer.Typer(
    no_args_is_help=True, help="Order books: replay what an exchange or a simulation recorded."
)


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
    document: DOCUMENT = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    json_: JSON = False,
) -> None:
    """Does a simulated book behave like real ones? Stylised facts with intervals, and where it fails.

    \b
    janus book compare AAPL_2012-06-21_34200000_37800000_message_50.csv.gz sim.parquet --html facts.html
    """
    from janus_trader.cli.book_compare_command import book_compare_command

    book_compare_command(tuple(files), html, document, seed, json_)
