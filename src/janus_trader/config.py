"""The one typed configuration tree of the product, composed of the components' own configs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from janus_trader.foundation.config import build, parse_setting, read_toml
from janus_trader.runs.settings import LifeConfig


class JanusConfig(LifeConfig, frozen=True):
    """All sections. Files are found through ``--config``, else ``janus.toml`` in the working directory."""


def load_config(
    base: Path | None = None, overlay: Path | None = None, settings: Sequence[str] = ()
) -> JanusConfig:
    """Defaults, base file, overlay file and ``key=value`` settings, later ones winning.

    Raises
    ------
    ConfigError
        A file is missing or malformed, a key unknown, a value out of range; the message has the path.
    """
    layers: list[dict[str, Any]] = []
    if base is None and Path("janus.toml").is_file():
        base = Path("janus.toml")
    if base is not None:
        layers.append(read_toml(base))
    if overlay is not None:
        layers.append(read_toml(overlay))
    layers.extend(parse_setting(text) for text in settings)
    return build(JanusConfig, layers)


def to_toml(config: msgspec.Struct, *, commented: bool = False) -> str:
    """The tree as TOML; with ``commented`` every value carries its range and meaning.

    >>> to_toml(JanusConfig()).startswith("[account]")
    True
    """
    return os.linesep.join(_table(config, "", commented)).strip() + os.linesep


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list, set, frozenset)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{msgspec.json.encode(str(k)).decode()} = {_value(v)}" for k, v in value.items())
            + "}"
        )
    return msgspec.json.encode(value).decode()


def _meaning(field: msgspec.inspect.Field) -> str:
    kind = field.type
    parts = []
    for low, high in (("ge", "le"), ("gt", "lt")):
        bounds = getattr(kind, low, None), getattr(kind, high, None)
        if bounds[0] is not None:
            parts.append(f"{'>=' if low == 'ge' else '>'} {bounds[0]:g}")
        if bounds[1] is not None:
            parts.append(f"{'<=' if high == 'le' else '<'} {bounds[1]:g}")
    if isinstance(kind, msgspec.inspect.Metadata):
        text = (kind.extra_json_schema or {}).get("description", "")
        inner = _meaning(msgspec.inspect.Field(name=field.name, encode_name=field.name, type=kind.type))
        return "; ".join(p for p in (text, inner) if p)
    return ", ".join(parts)


def _table(config: msgspec.Struct, path: str, commented: bool) -> list[str]:
    lines: list[str] = []
    tables: list[str] = []
    info = msgspec.inspect.type_info(type(config))
    for field in info.fields:  # type: ignore[attr-defined]
        value = getattr(config, field.name)
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(value, msgspec.Struct):
            tables.extend(_table(value, name, commented))
        elif value is not None:
            meaning = _meaning(field) if commented else ""
            lines.append(f"{field.name} = {_value(value)}" + (f"  # {meaning}" if meaning else ""))
    head = [f"[{path}]", *lines, ""] if path and lines else lines
    return head + tables
