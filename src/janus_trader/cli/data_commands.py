"""``janus data list`` and ``check``."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer

from janus_trader.cli.display import print_json, print_table
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import NS_PER_DAY


def parse_columns(text: str | None) -> dict[str, str]:
    """``"time=when,close=px"`` as a mapping.

    >>> parse_columns("time=when, close=px")
    {'time': 'when', 'close': 'px'}
    """
    mapping = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        role, equals, column = part.partition("=")
        if not equals:
            raise ConfigError("cannot read --columns", got=part, expected="role=column,role=column")
        mapping[role.strip()] = column.strip()
    return mapping


def data_list_command(as_json: bool) -> None:
    """Print the sources of the default book and its features."""
    from janus_trader.data.sources.default_book import load_default_book
    from janus_trader.runs.history import iso

    panel = load_default_book()
    if as_json:
        body = msgspec.to_builtins(panel.schema)
        print_json({"book": panel.name, "symbols": panel.symbols, "schema_hash": panel.schema.hash, **body})
        return
    rows = [
        [s.name, iso(s.start_ns), iso(s.end_ns), f"{s.availability_lag_ns / NS_PER_DAY:.2f}", s.licence]
        for s in panel.schema.sources
    ]
    print_table("sources", ["name", "from", "to", "lag, days", "licence"], rows)
    for source in panel.schema.sources:
        typer.echo(f"  {source.name}: {source.note}")
    typer.echo("")
    print_table(
        f"features, schema {panel.schema.version}",
        ["name", "source", "unit", "warm-up, bars"],
        [[f.name, f.source, f.unit, f.warmup] for f in panel.schema.features],
    )
    for feature in panel.schema.features:
        typer.echo(f"  {feature.name}: {feature.meaning}")
    typer.echo("")
    typer.echo(f"{panel.name}: {', '.join(panel.symbols)}")
    typer.echo(panel.survivorship_note)


def data_check_command(
    files: list[str], timezone: str | None, bar_end: bool | None, columns: str | None, as_json: bool
) -> None:
    """Print the quality report of files; exit 1 when rows had to be set aside."""
    from janus_trader.data.quality import check_files

    report = check_files(
        [Path(f) for f in files], timezone=timezone, bar_end=bar_end, columns=parse_columns(columns) or None
    )
    if as_json:
        print_json(report.to_dict())
    else:
        table = [msgspec.to_builtins(one) for one in report.instruments]
        keys = [key for key in table[0] if key not in ("quarantined", "type", "symbol")] if table else []
        rows = [[key.replace("_", " "), *[_shown(row[key]) for row in table]] for key in keys]
        reasons = sorted(report.quarantined)
        rows += [[f"set aside: {r}", *[str(row["quarantined"].get(r, 0)) for row in table]] for r in reasons]
        print_table(f"bars of {report.bar_seconds:g} s", ["", *[row["symbol"] for row in table]], rows)
        for note in report.notes:
            typer.echo(note)
        typer.echo("clean" if report.clean else "rows were set aside; a run leaves them out and counts them")
    if not report.clean:
        raise typer.Exit(1)


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
