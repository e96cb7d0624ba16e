"""Where compiled kernels are kept: a directory for each module and each state of all that it imports.

numba's own cache notices a change of the file a function is written in, but not of the functions and
constants it takes from other files, and would go on using the old ones. Here the directory of a module
is named by a digest of its source and of every module of this package that it imports, directly or
through others: a change makes exactly those modules compile again that can see it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Self

from numba.core import caching, config

PACKAGE = Path(__file__).resolve().parents[1]
#: States of a module that are kept; older ones are removed.
KEEP = 3

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(janus_trader[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(janus_trader[\w.]*))",
    re.MULTILINE,
)


@functools.cache
def _source(path: Path) -> bytes:
    return path.read_bytes()


def _file_of(module: str) -> Path | None:
    """The file of a module of this package, None where the name is something inside a module."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@functools.cache
def imported_files(path: Path) -> frozenset[Path]:
    """Files of this package that a module names in its imports."""
    files: set[Path] = set()
    for source, names, plain in _IMPORT.findall(_source(path)):
        module = (source or plain).decode()
        candidates = [module, *(f"{module}.{n}" for n in re.findall(r"\w+", names.decode()))]
        files.update(found for name in candidates if (found := _file_of(name)) is not None)
    return frozenset(files)


@functools.cache
def closure(path: Path) -> tuple[Path, ...]:
    """A module and every module of this package that it imports, directly or not, sorted.

    A package that is only passed on the way to a module counts by nothing but its side effects, which
    are those of this module and of `symbol_names`: they belong to every closure.
    """
    here = PACKAGE / "numerics"
    seen: set[Path] = set()
    todo = [path, here / "__init__.py", here / "kernel_cache.py", here / "symbol_names.py"]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(imported_files(current))
    return tuple(sorted(seen))


@functools.cache
def digest(path: Path) -> str:
    """Sixteen hex digits over the sources that the compiled functions of a module can depend on.

    >>> len(digest(PACKAGE / "numerics" / "ema.py"))
    16
    """
    body = hashlib.sha256()
    for file in closure(path):
        body.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + _source(file) + b"\0")
    return body.hexdigest()[:16]


@functools.cache
def cache_root() -> Path | None:
    """Where the kernels of this package are kept: NUMBA_CACHE_DIR, the environment or the user's cache."""
    if chosen := getattr(config, "CACHE_DIR", ""):
        return Path(chosen)
    for base in (Path(sys.prefix) / "var", Path(os.path.expanduser("~")) / ".cache"):
        root = base / "janus-trader" / "kernels"
        with contextlib.suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
            if os.access(root, os.W_OK):
                return root
    return None


class KernelLocator(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """Places the compiled functions of this package; leaves those of others to numba."""

    def __init__(self, py_func: Any, py_file: str, root: Path) -> None:
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno
        path = Path(py_file).resolve()
        self._digest = digest(path)
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        self._cache_path = str(root / module / self._digest)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Self | None:
        """A locator for a function of this package; None for others, or where nothing can be written."""
        root = cache_root()
        path = Path(py_file).resolve()
        if root is None or not path.is_relative_to(PACKAGE) or not path.is_file():
            return None
        self = cls(py_func, py_file, root)
        try:
            if not os.path.isdir(self._cache_path):
                self.ensure_cache_path()
                _prune(Path(self._cache_path))
        except OSError:
            return None
        return self

    def get_cache_path(self) -> str:
        """The directory of this state of the module."""
        return self._cache_path

    def get_source_stamp(self) -> str:
        """The digest: equal sources share compiled code, whenever and wherever they were written."""
        return self._digest


def _prune(current: Path) -> None:
    with contextlib.suppress(OSError):
        others = sorted(
            (p for p in current.parent.iterdir() if p != current), key=lambda p: p.stat().st_mtime
        )
        for old in others[: max(0, len(others) - KEEP + 1)]:
            shutil.rmtree(old, ignore_errors=True)


def use_kernel_cache() -> None:
    """Let numba ask `KernelLocator` first. Idempotent; must run before the first compiled function.

    >>> use_kernel_cache()
    >>> caching.CacheImpl._locator_classes[0] is KernelLocator
    True
    """
    classes: list[Any] = caching.CacheImpl._locator_classes
    if KernelLocator not in classes:
        classes.insert(0, KernelLocator)
