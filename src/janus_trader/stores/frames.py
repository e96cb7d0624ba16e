"""Append-only file of framed payloads, safe against a crash in the middle of a write.

Layout of one frame: ``u32 length (little endian) | u32 crc32 of the payload | payload``. A torn last
frame is recognised and cut off by `recover`; a damaged frame in the middle raises IntegrityError.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from janus_trader.contracts.errors import IntegrityError

_HEADER = struct.Struct("<II")


class FrameWriter:
    """Append payloads to a file.

    Parameters
    ----------
    path : path
    offset : int, optional
        Cut the file to this many bytes first (a resumed run goes on from its checkpoint).
    """

    def __init__(self, path: Path | str, offset: int | None = None) -> None:
        self.path = Path(path)
        if offset is not None and self.path.exists():
            size = self.path.stat().st_size
            if size < offset:
                raise IntegrityError(
                    f"{self.path.name} is shorter than its checkpoint says",
                    got=f"{size} bytes",
                    expected=f"at least {offset} bytes",
                    remedy="start the run again; its journal was damaged outside the program",
                )
            if size > offset:
                os.truncate(self.path, offset)
        self._handle: IO[bytes] = open(self.path, "ab")
        self._length = self._handle.tell()

    def append(self, payload: bytes) -> None:
        """Write one frame (buffered; `flush` hands it to the operating system)."""
        self._handle.write(_HEADER.pack(len(payload), zlib.crc32(payload)) + payload)
        self._length += _HEADER.size + len(payload)

    def flush(self) -> int:
        """Hand everything to the operating system; returns the file's length in bytes."""
        self._handle.flush()
        return self._length

    def close(self) -> None:
        """Flush and close."""
        self._handle.close()


def read_frames(path: Path | str, end: int | None = None) -> Iterator[bytes]:
    """Payloads in order, those of the first ``end`` bytes where asked for; a torn last frame ends it silently.

    Raises
    ------
    IntegrityError
        A complete frame does not match its checksum.
    """
    with open(path, "rb") as handle:
        number = 0
        while (end is None or handle.tell() < end) and (header := handle.read(_HEADER.size)):
            if len(header) < _HEADER.size:
                return
            length, checksum = _HEADER.unpack(header)
            payload = handle.read(length)
            if len(payload) < length:
                return
            if zlib.crc32(payload) != checksum:
                raise IntegrityError(
                    f"frame {number} of {path} is damaged",
                    got="a checksum that does not match",
                    remedy="restore the file from a copy; its run cannot be trusted",
                )
            yield payload
            number += 1
