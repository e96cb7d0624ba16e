"""Files that are never half-written (write beside, flush to disk, rename over), and files written in place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

#: Pieces that one call to the system may take everywhere.
_AT_ONCE = 512


def write_atomic(path: Path | str, data: bytes, *, durable: bool = False) -> None:
    """Replace a file by ``data`` in one step; a reader sees the old or the new, never a part.

    ``durable`` also waits for the disk. On any failure (a full disk, say) the old file stays.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(beside, "wb") as handle:
            handle.write(data)
            if durable:
                handle.flush()
                os.fsync(handle.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def overwrite(path: Path | str, pieces: Iterable[bytes]) -> None:
    """Write pieces one after another from the start of a file, without copying them together first.

    The file is made where it is not there, and what lies beyond the pieces stays. Whoever reads it must be
    able to tell that a write was torn.
    """
    left = [memoryview(piece) for piece in pieces if piece]
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        while left:
            written = os.writev(file, left[:_AT_ONCE])
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]
    finally:
        os.close(file)
