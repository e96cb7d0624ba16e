"""Files that are never half-written: write beside, flush to disk, rename over."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
