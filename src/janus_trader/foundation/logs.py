"""JSON-line logs: one event per line, with the run's own time where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import msgspec

from janus_trader.foundation.clock import Clock, SystemClock


class JsonLog:
    """Append events as JSON lines.

    ``event(name, **fields)`` writes ``{"at": <wall ns>, "event": name, ...}``. Wall time is for the
    reader; nothing reads it back.
    """

    def __init__(self, path: Path | str, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._handle: IO[bytes] | None = open(path, "ab")

    def event(self, name: str, **fields: Any) -> None:
        """Write one line; after `close` events are dropped."""
        if self._handle is not None:
            line = {"at": self._clock.now_ns(), "event": name, **fields}
            self._handle.write(msgspec.json.encode(line, enc_hook=str) + b"\n")

    def close(self) -> None:
        """Flush and close; may be called twice."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
