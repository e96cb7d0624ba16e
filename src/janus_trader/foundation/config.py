"""Typed configuration: a frozen ``Config`` beside each component, read from TOML, refused when wrong.

The tree is built in layers: defaults, base file, overlay file, ``--set key=value``. A later layer
wins key by key. Unknown keys and values out of range are refused with their path.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Meta(ge=0.0)]
Positive = Annotated[float, Meta(gt=0.0)]
Count = Annotated[int, Meta(ge=1)]

C = TypeVar("C", bound="Config")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every configuration record.

    >>> class Ema(Config, frozen=True):
    ...     period: Annotated[int, Meta(ge=2)] = 20
    >>> Ema().period
    20
    """

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of this record, in hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def replace(self: C, **changes: Any) -> C:
        """A copy with some fields changed, validated again."""
        return build(type(self), [{**msgspec.to_builtins(self), **msgspec.to_builtins(changes)}])


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay one tree on another, table by table; lists and scalars are replaced.

    >>> merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    out = dict(base)
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(out.get(key), Mapping):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


def read_toml(path: Path | str) -> dict[str, Any]:
    """Parse one TOML file.

    Raises
    ------
    ConfigError
        The file is missing or is not TOML; the message names the line.
    """
    try:
        with open(path, "rb") as handle:
            return tomllib.load(handle)
    except FileNotFoundError as error:
        raise ConfigError(f"no configuration file {path}", remedy="`janus config init` writes one") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML", got=str(error)) from error


def parse_setting(text: str) -> dict[str, Any]:
    """Turn ``a.b.c=value`` into a tree; the value is read as TOML, else as a plain string.

    >>> parse_setting("sleep.holdback_days=10")
    {'sleep': {'holdback_days': 10}}
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"cannot read the setting {text!r}", expected="key=value", got=text)
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    tree: Any = parsed
    for part in reversed(key.strip().split(".")):
        tree = {part: tree}
    return tree


def build(kind: type[C], layers: Sequence[Mapping[str, Any]]) -> C:
    """Validate the merged layers as ``kind``.

    Raises
    ------
    ConfigError
        With the path of the first offending key, and a near spelling where there is one.
    """
    tree: dict[str, Any] = {}
    for layer in layers:
        tree = merge(tree, layer)
    unknown = _first_unknown(kind, tree, "")
    if unknown is not None:
        path, key, known = unknown
        near = difflib.get_close_matches(key, known, n=1)
        raise ConfigError(
            f"unknown configuration key {path}",
            got=key,
            expected="one of " + ", ".join(sorted(known)),
            remedy=f"did you mean {near[0]}?" if near else "`janus config show` lists every key",
        )
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`") or kind.__name__
        raise ConfigError(
            f"configuration value {name} is not allowed",
            got=_lookup(tree, name),
            expected=_plain(what),
            remedy="`janus config show` prints the defaults and ranges",
        ) from error


def _plain(complaint: str) -> str:
    """What is expected, out of "Expected `int`, got `str`".

    >>> _plain("Expected `int` >= 1"), _plain("Expected `bool`, got `str`"), _plain("a < b")
    ('int >= 1', 'bool', 'a < b')
    """
    return complaint.removeprefix("Expected ").split(", got ")[0].replace("`", "")


def _lookup(tree: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return None
        tree = tree[part]
    return tree


def _first_unknown(kind: type, tree: Mapping[str, Any], path: str) -> tuple[str, str, list[str]] | None:
    hints = get_type_hints(kind)
    known = list(kind.__struct_fields__)  # type: ignore[attr-defined]
    for key, value in tree.items():
        if key not in known:
            return path + str(key), str(key), known
        child = hints[key]
        if isinstance(child, type) and issubclass(child, Config) and isinstance(value, Mapping):
            found = _first_unknown(child, value, f"{path}{key}.")
            if found is not None:
                return found
    return None
