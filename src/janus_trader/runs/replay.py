"""Recompute a run and say whether it is identical, or where it first diverges and by how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader.foundation.codec import decode
from janus_trader.foundation.hashing import HashChain
from janus_trader.runs.records import StepRecord
from janus_trader.stores.frames import read_frames


@dataclass(frozen=True)
class Divergence:
    """The first step whose bytes differ, the field in which it does, and the largest difference."""

    step: int
    ts_event: int
    field: str
    size: float


@dataclass(frozen=True)
class ReplayResult:
    """Outcome of comparing two journals."""

    identical: bool
    steps: int
    recorded_chain: str
    recomputed_chain: str
    divergence: Divergence | None

    def to_dict(self) -> dict[str, Any]:
        """Plain mapping for JSON."""
        return msgspec.to_builtins(self)


def compare_journals(recorded: Path, recomputed: Path) -> ReplayResult:
    """Walk two journals side by side. Cost O(bytes)."""
    a, b = HashChain(), HashChain()
    divergence: Divergence | None = None
    steps = 0
    left, right = read_frames(recorded), read_frames(recomputed)
    while True:
        x, y = next(left, None), next(right, None)
        if x is None and y is None:
            break
        if x is not None:
            a.append(x)
        if y is not None:
            b.append(y)
        if divergence is None and x != y:
            if x is None or y is None:
                divergence = Divergence(steps, 0, "length", 0.0)
            else:
                divergence = first_difference(decode(x, StepRecord), decode(y, StepRecord))
        steps += 1
    return ReplayResult(divergence is None, steps, a.head, b.head, divergence)


def first_difference(a: StepRecord, b: StepRecord) -> Divergence:
    """Name the first field in which two records differ and by how much (0 where it is not a number)."""
    path, size = _walk(_plain(a), _plain(b), "")
    return Divergence(a.step, a.ts_event, path or "unknown", size)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(np.ndarray, bytes), enc_hook=lambda x: x)


def _walk(a: Any, b: Any, path: str) -> tuple[str, float]:
    """Path of the first leaf that differs ("" for none) and the size of the difference; NaN equals NaN."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return _arrays(a, b, path)
    if isinstance(a, dict) and isinstance(b, dict):
        return _children({**a, **b}, a, b, path, ".{}")
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return f"{path}.length", float(abs(len(a) - len(b)))
        return _children(range(len(a)), a, b, path, "[{}]")
    if a == b or (a != a and b != b):
        return "", 0.0
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    return path, abs(float(a) - float(b)) if numbers else 0.0


def _children(keys: Iterable[Any], a: Any, b: Any, path: str, form: str) -> tuple[str, float]:
    for key in keys:
        inner = path + form.format(key)
        if isinstance(a, dict) and (key not in a or key not in b):
            return inner, 0.0
        found = _walk(a[key], b[key], inner)
        if found[0]:
            return found
    return "", 0.0


def _arrays(a: np.ndarray, b: np.ndarray, path: str) -> tuple[str, float]:
    if a.shape != b.shape or a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return ("", 0.0) if a.shape == b.shape and np.array_equal(a, b) else (path, 0.0)
    x, y = a.astype(np.float64), b.astype(np.float64)
    differs = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    if not differs.any():
        return "", 0.0
    gap = np.abs(x[differs] - y[differs])
    known = gap[~np.isnan(gap)]
    return path, float(known.max()) if known.size else 0.0
