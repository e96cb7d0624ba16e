"""Options that several commands share, and how they are read."""

from __future__ import annotations

from typing import Annotated

import typer

BAR_END = Annotated[
    bool | None, typer.Option("--bar-end/--bar-start", help="What time stamps mark; default: detected.")
]
COLUMNS = Annotated[
    str | None, typer.Option(help="Columns by role, e.g. time=when,close=px; default: detected.")
]
CONFIG = Annotated[str | None, typer.Option("--config", help="TOML file; default: janus.toml if there.")]
DOCUMENT = Annotated[
    str | None, typer.Option("--document", help="Rewrite the generated part of this Markdown page.")
]
FEE = Annotated[float, typer.Option(help="Fee on the traded value, bps.")]
FROM = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")]
HOLDOUT = Annotated[
    bool, typer.Option("--holdout", help="Open 2018-2022 on the record: appends to TRIALS.jsonl.")
]
HTML = Annotated[str | None, typer.Option("--html", help="FILE.html for the picture.")]
JOBS = Annotated[int, typer.Option(min=1, help="Processes.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RUN = Annotated[str, typer.Argument(metavar="RUN", help="Directory, or name under runs/.")]
SAME_CLOSE = Annotated[
    bool, typer.Option("--same-close", help="Fill at the close decided on, not at the next open.")
]
SELECTION = Annotated[
    list[str] | None,
    typer.Option("--data", help="OHLCV files; default: the book that ships, to 2017-12-31."),
]
SLIPPAGE = Annotated[float, typer.Option(min=0, help="What market orders pay over the price.")]
STRATEGY = Annotated[str, typer.Option("--strategy", help="A built-in's name, or a .py file.")]
SYMBOLS = Annotated[str | None, typer.Option(help="Comma-separated instruments; default: all.")]
TIMEZONE = Annotated[str | None, typer.Option(help="Zone of time stamps without one, e.g. UTC.")]
TO = Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")]


def names(text: str | None) -> tuple[str, ...]:
    """Names out of a comma-separated list.

    >>> names("AAPL, KO,"), names(None)
    (('AAPL', 'KO'), ())
    """
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
