"""Entry point of ``janus``: commands are imported when they are used, errors are one clear message."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from janus_trader import __version__
from janus_trader.cli.experiments import ablate, bench, forget
from janus_trader.cli.inputs import config_app, data_app
from janus_trader.cli.lives import compare, explain, replay, run, runs_app, warm
from janus_trader.cli.markets import book_app, simulate
from janus_trader.cli.strategy_commands import backtest, check_strategy, sweep
from janus_trader.cli.studies import study_app

if TYPE_CHECKING:
    from janus_trader.contracts.errors import JanusError

app = typer.Typer(
    name="janus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An autonomous trading system that learns and that can be trusted. Start with `janus run --quick`.",
)
ONE = (run, explain, replay, compare, warm, bench, check_strategy, sweep, simulate, ablate, forget, backtest)
SEVERAL = {"runs": runs_app, "data": data_app, "config": config_app, "book": book_app, "study": study_app}
for command in ONE:
    app.command()(command)
for name, commands in SEVERAL.items():
    app.add_typer(commands, name=name)


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
