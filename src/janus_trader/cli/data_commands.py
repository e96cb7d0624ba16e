"""``janus data list`` and ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        header, rows = quality_table([msgspec.to_builtins(one) for one in report.instruments])
        print_table(f"bars of {_length(report.bar_seconds)}", header, rows)
        for note in report.notes:
            typer.echo(note)
        typer.echo("clean" if report.clean else "rows were set aside; a run leaves them out and counts them")
    if not report.clean:
        raise typer.Exit(1)


#: Shown for every instrument; the others only where one of them has something to say.
_ALWAYS = ("rows", "clean", "first", "last")


def quality_table(instruments: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, an instrument a row; findings that are nowhere are left out.

    >>> quality_table([{"symbol": "A", "rows": 3, "crossed": 0, "quarantined": {"nan_price": 1}}])
    (['instrument', 'rows', 'set aside: nan price'], [['A', '3', '1']])
    """
    skipped = {"type", "symbol", "quarantined"}
    keys = [key for key in (instruments[0] if instruments else {}) if key not in skipped]
    keys = [key for key in keys if key in _ALWAYS or any(row[key] for row in instruments)]
    reasons = sorted({reason for row in instruments for reason in row["quarantined"]})
    header = ["instrument", *[key.replace("_", " ") for key in keys]]
    header += [f"set aside: {reason.replace('_', ' ')}" for reason in reasons]
    rows = [
        [
            row["symbol"],
            *[_shown(row[key]) for key in keys],
            *[str(row["quarantined"].get(reason, 0)) for reason in reasons],
        ]
        for row in instruments
    ]
    return header, rows


def _length(seconds: float) -> str:
    """A bar's length in the unit people use.

    >>> _length(86400), _length(1800), _length(3600)
    ('1 day', '30 minutes', '1 hour')
    """
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{seconds:g} seconds"


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, str):
        return value.removesuffix("T00:00:00").replace("T", " ")
    return f"{value:g}" if isinstance(value, float) else str(value)
