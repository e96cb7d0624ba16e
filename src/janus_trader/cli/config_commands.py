"""``janus config show`` and ``init``."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer

from janus_trader.cli.display import print_json
from janus_trader.config import JanusConfig, load_config, to_toml
from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.files import write_atomic


def config_show_command(path: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Print the configuration in force."""
    config = load_config(Path(path) if path else None, None, settings)
    if as_json:
        print_json({"fingerprint": config.fingerprint, "config": msgspec.to_builtins(config)})
    else:
        typer.echo(f"# fingerprint {config.fingerprint}\n{to_toml(config, commented=True)}", nl=False)


def config_init_command(path: str, force: bool) -> None:
    """Write every default with its range and meaning."""
    target = Path(path)
    if target.exists() and not force:
        raise ConfigError(f"{path} exists already", remedy="choose another name, or --force overwrites it")
    write_atomic(target, to_toml(JanusConfig(), commented=True).encode())
    typer.echo(f"wrote {path}; `janus run` in this directory reads it")
