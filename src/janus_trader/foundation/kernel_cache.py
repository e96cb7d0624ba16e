"""Where compiled kernels are kept: one cache for each state of the source.

numba's own cache notices a change of the file a function is written in, but not of the functions it
calls from other files, and would go on using the old ones. Each state of the modules with compiled
functions therefore has its own directory; older ones are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

KEEP = 3


def source_state(root: Path) -> str:
    """Sixteen hex digits over the modules below ``root`` that hold compiled functions."""
    body = hashlib.sha256()
    for path in sorted(_modules(str(root))):
        with open(path, "rb") as handle:
            text = handle.read()
        if b"njit" in text:
            body.update(path[len(str(root)) :].encode() + b"\0" + text)
    return body.hexdigest()[:16]


def _modules(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _modules(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path


def use_kernel_cache() -> Path | None:
    """Point numba at the directory of this state of the source, unless NUMBA_CACHE_DIR says otherwise.

    The cache lives inside the environment, or in the user's cache directory where that cannot be
    written. None when numba was pointed elsewhere already or nothing can be written.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return None
    state = source_state(Path(__file__).resolve().parents[1])
    for base in (Path(sys.prefix) / "var", Path(os.path.expanduser("~")) / ".cache"):
        path = base / "janus-trader" / "kernels" / state
        with contextlib.suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
            if os.access(path, os.W_OK):
                os.environ["NUMBA_CACHE_DIR"] = str(path)
                _prune(path)
                return path
    return None


def _prune(current: Path) -> None:
    with contextlib.suppress(OSError):
        others = [p for p in current.parent.iterdir() if p != current]
        if len(others) >= KEEP:
            for old in sorted(others, key=lambda p: p.stat().st_mtime)[: len(others) - KEEP + 1]:
                shutil.rmtree(old, ignore_errors=True)
