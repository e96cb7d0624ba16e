"""Execute a strategy file twice and find the first line after which the two differ.

Two histories agree up to a cut and differ beyond it. A variable as long as the table may differ only
beyond the cut; the first line that breaks this is where the future came in. A number on the way (the
mean of a whole column, say) has no such prefix: when the line found reads numbers that differ, the line
that made the oldest of them is blamed instead.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from janus_trader.research.strategy_check.source import names_read, statement_lines

#: Lines executed before a trace gives up: bounds time and memory.
MOST_EVENTS = 60_000
#: Rows by which a complete list may be shorter than the table.
_SHORTER = 64
_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)


@dataclass(frozen=True)
class Event:
    """One executed line: where it stands, and digests of the variables after it."""

    function: str
    line: int
    along: dict[str, str]
    single: dict[str, str]


class _Enough(Exception):
    """The trace is long enough."""


def record(call: Callable[[], Any], path: str, rows: int, cut: int) -> list[Event]:
    """Run ``call`` and record every line that it executes of the file at ``path``.

    ``rows`` is the length of the table and ``cut`` the first row that may differ; with ``rows`` 0 every
    value is compared whole. An exception of the call ends the trace.
    """
    events: list[Event] = []
    running: dict[int, int] = {}

    def snapshot(frame: FrameType, extra: dict[str, Any]) -> None:
        line = running.get(id(frame))
        if line is None:
            return
        if len(events) >= MOST_EVENTS:
            raise _Enough
        along: dict[str, str] = {}
        single: dict[str, str] = {}
        for name, value in {**frame.f_locals, **extra}.items():
            _digest(name, value, rows, cut, along, single)
        events.append(Event(frame.f_code.co_name, line, along, single))

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            snapshot(frame, {})
            running[id(frame)] = frame.f_lineno
        elif event == "return":
            snapshot(frame, {"return": argument})
            running.pop(id(frame), None)
        return local

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        return local if frame.f_code.co_filename == path else None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    except Exception:
        pass
    finally:
        sys.settrace(before)
    return events


def _digest(
    name: str, value: Any, rows: int, cut: int, along: dict[str, str], single: dict[str, str]
) -> None:
    """Put the digest of one variable where it belongs; what has no value of its own is left out."""
    if isinstance(value, _SCALARS):
        single[name] = repr(value)
        return
    if isinstance(value, dict):
        for key, item in list(value.items())[:50]:
            _digest(f"{name}.{key}", item, rows, cut, along, single)
        return
    if hasattr(value, "columns") and hasattr(value, "items"):
        for column, series in value.items():
            _digest(f"{name}.{column}", series, rows, cut, along, single)
        return
    if type(value).__module__.startswith("janus_user_strategy_"):  # an object of the file's own making
        _digest(name, dict(vars(value)) if hasattr(value, "__dict__") else None, rows, cut, along, single)
        return
    try:
        array = np.asarray(value)
    except Exception:
        return
    if array.ndim == 0 or (array.dtype.kind == "O" and not isinstance(value, (list, tuple))):
        return
    growing = isinstance(value, (list, tuple))  # where its rows stand is known only once it is complete
    if rows and (len(array) >= rows - _SHORTER if growing else 2 * len(array) >= rows):
        along[name] = _hash(array[: max(0, len(array) - (rows - cut))])
    if growing or name not in along:
        single[name] = _hash(array)


def _hash(array: np.ndarray) -> str:
    raw = (
        repr(array.tolist()).encode() if array.dtype.kind in "OUS" else np.ascontiguousarray(array).tobytes()
    )
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


def first_difference(
    ours: list[Event], theirs: list[Event], source: str, suspects: frozenset[int]
) -> int | None:
    """The line to blame for the first difference of two traces; None where there is none.

    A statement with one of the ``suspects`` (lines) is blamed itself, not the numbers it reads.
    """
    for k, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if (a.function, a.line) != (b.function, b.line):
            return _origin(ours, theirs, max(0, k - 1), source, suspects)
        if any(a.along[name] != b.along.get(name, a.along[name]) for name in a.along):
            return _origin(ours, theirs, k, source, suspects)
    return None


def first_single_difference(ours: list[Event], theirs: list[Event]) -> int | None:
    """The first line after which any value differs at all."""
    for k, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if (a.function, a.line) != (b.function, b.line):
            return ours[max(0, k - 1)].line
        if a.single != b.single or a.along != b.along:
            return a.line
    return None


def _origin(ours: list[Event], theirs: list[Event], k: int, source: str, suspects: frozenset[int]) -> int:
    """From the line found back to the one that made the numbers it reads differ."""
    spans = statement_lines(source)
    for _ in range(20):
        event = ours[k]
        first, last = spans.get(event.line, (event.line, event.line))
        if any(first <= line <= last for line in suspects):
            break
        reads = names_read(source, first, last)
        since = [
            earlier
            for name in reads
            if (earlier := _differs_since(ours, theirs, k, event.function, name)) is not None and earlier < k
        ]
        if not since:
            break
        k = min(since)
    return ours[k].line


def _differs_since(ours: list[Event], theirs: list[Event], k: int, function: str, name: str) -> int | None:
    """The event from which on a number differs, without a break up to event ``k``."""
    first = None
    for j in range(k, -1, -1):
        a, b = ours[j], theirs[j]
        if a.function != function:
            continue
        parts = [n for n in a.single if n == name or n.startswith(f"{name}.")]
        if parts and any(a.single[n] != b.single.get(n) for n in parts):
            first = j
        elif parts or j < k:
            break
    return first
