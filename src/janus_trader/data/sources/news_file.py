"""Recorded headlines from a file: one JSON object a line, or CSV with a header."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.senses import Headline
from janus_trader.data.sources.remote import time_ns

_LONGEST_LINE = 1_000_000


def load_headlines(path: Path | str) -> tuple[Headline, ...]:
    """Headlines of a file in the order in which they could be known.

    Fields (columns in CSV, keys in JSON lines): ``title`` and ``published`` (ISO 8601 text, UTC where it has no
    zone, or ns since 1970) are required; ``seen`` (the same; when it could first be known), ``source``, ``body``,
    ``symbols`` (a list, or text divided by blanks) and ``url`` are optional.

    Parameters
    ----------
    path : path
        ``.csv``, or any other name for JSON lines.

    Returns
    -------
    tuple of Headline
        Sorted by ``ts_init``, which is ``seen`` where given, else ``published``: state ``seen`` where the source
        delivers late, or a replay knows too early.

    Raises
    ------
    DataError
        No such file, a line that cannot be read or lacks a field (with its number), or news seen before published.

    Notes
    -----
    Unknown fields are ignored. O(n log n).
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read {path}", got=type(error).__name__, expected="a UTF-8 text file"
        ) from error
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    found = [_headline(row, f"{path.name} line {number}") for number, row in rows]
    return tuple(sorted(found, key=lambda h: (h.ts_init, h.ts_event)))


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line) if len(line) <= _LONGEST_LINE else None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name} line {number} is not JSON", expected="one object a line") from error
        if not isinstance(row, dict):
            raise DataError(f"{path.name} line {number} is not an object", expected="one object a line")
        yield number, row


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    if reader.fieldnames is None or not {"title", "published"} <= set(reader.fieldnames):
        raise DataError(f"{path.name}: columns", got=reader.fieldnames, expected="title, published and more")
    for row in reader:
        yield reader.line_num, {k: v for k, v in row.items() if k is not None and v not in (None, "")}


def _headline(row: Mapping[str, Any], where: str) -> Headline:
    title = row.get("title")
    if not isinstance(title, str) or not title.strip():
        raise DataError(f"{where}: no title", got=repr(title), expected="text")
    published = _time(row.get("published"), where, "published")
    seen = _time(row["seen"], where, "seen") if row.get("seen") is not None else published
    if seen < published:
        raise DataError(
            f"{where}: seen before published", got=(seen, published), expected="seen >= published"
        )
    symbols = row.get("symbols") or ()
    if isinstance(symbols, str):
        symbols = symbols.split()
    if not all(isinstance(s, str) for s in symbols):
        raise DataError(f"{where}: symbols", got=repr(symbols), expected="a list of text")
    return Headline(
        source=str(row.get("source") or "file"),
        ts_event=published,
        ts_init=seen,
        title=title.strip(),
        body=str(row.get("body") or ""),
        symbols=tuple(symbols),
        url=str(row.get("url") or ""),
    )


def _time(value: Any, where: str, name: str) -> int:
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
        return value
    if isinstance(value, str):
        return time_ns(value, f"{where}, {name}")
    raise DataError(f"{where}: {name}", got=repr(value), expected="ISO 8601 text or ns since 1970")
