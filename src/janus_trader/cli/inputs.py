"""What a run is given: ``janus data`` and ``janus config``."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_trader.cli.options import BAR_END, COLUMNS, JSON

data_app = typer.Typer(no_args_is_help=True, help="What data is there, and is it sound?")
config_app = typer.Typer(no_args_is_help=True, help="Show or write the configuration.")


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
