"""What a strategy file touches besides its bars: files, networks, processes, the environment, clocks.

The interpreter's audit events (`sys.addaudithook`) tell of every file that is opened, whatever opens it, and
its profile events of every call into C, under whatever name the file knows it. Only what happens below a
line of the strategy file counts, and what libraries read of their own installation does not.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import datetime
import os
import site
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from janus_trader.research.strategy_check.report import Kind

_CLOCKS: frozenset[Any] = frozenset(
    getattr(time, name)
    for name in (
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
        "process_time_ns", "thread_time", "localtime", "gmtime", "ctime", "asctime",
    )
    if hasattr(time, name)
)  # fmt: skip
_CLOCK_METHODS = frozenset({"now", "utcnow", "today"})
_BEYOND = ("socket.", "subprocess.", "urllib.", "http.client.", "ftplib.", "sqlite3.", "smtplib.")
_BEYOND_EVENTS = frozenset({"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.fork"})
_FILES = frozenset({"open", "os.listdir", "os.scandir"})
_ENVIRONMENT = (type(os.environ).__getitem__.__code__, type(os.environ).__iter__.__code__)
_PACKAGES = ("importlib.metadata", "pkg_resources")  # they list every place where packages may be
_LIBRARY_PATHS = ("/proc/", "/sys/", "/dev/null", "/dev/urandom", "/usr/share/zoneinfo", "/etc/localtime")


@dataclass(frozen=True)
class Touch:
    """One thing that a line of the file did."""

    kind: Kind
    line: int
    what: str


@dataclass
class Touched:
    """Everything seen; ``hashed`` is a line that called ``hash``, whose texts change with the process."""

    path: str
    found: list[Touch] = field(default_factory=list)
    hashed: int | None = None

    def add(self, kind: Kind, line: int, what: str) -> None:
        """Keep one thing for each line and kind."""
        if not any(t.kind is kind and t.line == line for t in self.found):
            self.found.append(Touch(kind, line, what))


class _Hook:
    """The audit hook of this process: it cannot be taken out again, so it sleeps while nothing is watched."""

    def __init__(self) -> None:
        self.watching: Touched | None = None
        self._installed = self._busy = False

    def begin(self, touched: Touched) -> None:
        if not self._installed:
            sys.addaudithook(self)
            self._installed = True
        self.watching = touched

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        touched = self.watching
        if touched is None or self._busy:
            return
        beyond = event in _BEYOND_EVENTS or event.startswith(_BEYOND)
        if not beyond and event not in _FILES:
            return
        self._busy = True
        try:
            line, importing = _place(sys._getframe(1), touched.path)
            if line is None:
                return
            if beyond:
                if not importing:
                    touched.add(Kind.OWN_DATA, line, f"reaches outside ({event})")
            elif (what := _told_file(event, arguments[0], touched.path, importing)) is not None:
                touched.add(Kind.OWN_DATA, line, what)
        finally:
            self._busy = False


_HOOK = _Hook()


def _place(frame: FrameType | None, path: str) -> tuple[int | None, bool]:
    """The line of the file at ``path`` below which this happens, and whether through an import."""
    importing = False
    while frame is not None:
        name = frame.f_code.co_filename
        if name == path:
            return frame.f_lineno, importing
        module = str(frame.f_globals.get("__name__"))
        importing = importing or name.startswith("<frozen importlib") or module.startswith(_PACKAGES)
        frame = frame.f_back
    return None, importing


def _told_file(event: str, name: Any, path: str, importing: bool) -> str | None:
    """What to say of a file that was opened; None where it belongs to Python or to the file itself."""
    if not isinstance(name, (str, bytes, os.PathLike)):
        return None
    opened = os.path.realpath(os.fsdecode(name))
    if opened == os.path.realpath(path) or opened.startswith(_LIBRARY_PATHS) or _installed(opened):
        return None
    if "__pycache__" in Path(opened).parts and not importing:  # compiled code that numba keeps
        return None
    if importing:
        code = opened.endswith((".py", ".pyc"))
        return f"imports a file of its own, {Path(opened).name.split('.')[0]}" if code else None
    if opened.endswith((".nbi", ".nbc")) or (event == "open" and os.path.isdir(opened)):
        return None  # compiled code that numba keeps elsewhere, and its trial of that place
    return f"opens {Path(opened).name}"


@cache
def _roots() -> tuple[str, ...]:
    """Where Python and installed packages are."""
    import numba

    import janus_trader

    paths = sysconfig.get_paths()
    found = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__)]
    found += [os.path.dirname(janus_trader.__file__), getattr(numba.config, "CACHE_DIR", "")]
    return tuple(os.path.realpath(p) + os.sep for p in found if p)


def _installed(path: str) -> bool:
    return path.startswith(_roots())


def _clock(function: Any) -> bool:
    if getattr(function, "__name__", "") in _CLOCK_METHODS:
        owner = getattr(function, "__self__", None)
        return isinstance(owner, type) and issubclass(owner, datetime.date)
    return function in _CLOCKS


@contextlib.contextmanager
def watched(path: str) -> Iterator[Touched]:
    """Watch what the file at ``path`` touches while the block runs, in this thread."""
    touched = Touched(path)

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename == path:
            if argument is builtins.hash:
                touched.hashed = touched.hashed or frame.f_lineno
            elif _clock(argument):
                touched.add(Kind.RANDOM, frame.f_lineno, f"{argument.__name__} reads a clock")
        elif event == "call" and frame.f_code in _ENVIRONMENT:
            caller = frame.f_back
            while caller is not None and caller.f_globals.get("__name__") in ("os", "collections.abc"):
                caller = caller.f_back
            if caller is not None and caller.f_code.co_filename == path:
                touched.add(Kind.OWN_DATA, caller.f_lineno, "reads the environment")

    _roots()
    before = sys.getprofile()
    _HOOK.begin(touched)
    sys.setprofile(profile)
    try:
        yield touched
    finally:
        sys.setprofile(before)
        _HOOK.watching = None


def own_modules(source: str) -> Iterator[Touch]:
    """Imports of modules that belong neither to Python nor to an installed package."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        listed = [alias.name for alias in node.names]
        for name in [node.module or ""] if isinstance(node, ast.ImportFrom) else listed:
            file = getattr(sys.modules.get(name.split(".")[0]), "__file__", None)
            if file and not _installed(os.path.realpath(file)):
                yield Touch(Kind.OWN_DATA, node.lineno, f"imports a file of its own, {name}")
