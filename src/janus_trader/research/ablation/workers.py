"""Independent pieces of work on all cores, each result handed over as soon as it is there.

Processes are spawned, not forked: what a piece of work finds is what a fresh interpreter would find. Every
process uses one thread of BLAS and of numba, in this process too, so that a result does not depend on how
many of them run side by side.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from janus_trader.contracts.errors import ConfigError, JanusError
from janus_trader.foundation.threads import one_thread

T = TypeVar("T")
#: ``tell(share)`` says how much of a piece is done and raises `Stopped` when the work is to end.
Tell = Callable[[float], None]
Stop = Callable[[], bool]
#: ``progress(share)`` of the whole, in [0, 1].
Progress = Callable[[float], None]

#: numba's own is left out: no kernel is parallel, and a process that compiled under another value may not go back.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL_S = 0.2


class Stopped(JanusError):
    """The work was asked to end; every finished piece is kept."""


def each_result(
    function: Callable[[T, Tell], Any],
    tasks: Sequence[T],
    *,
    jobs: int,
    progress: Progress | None = None,
    stop: Stop | None = None,
    first: T | None = None,
) -> Iterator[tuple[int, Any]]:
    """Number and result of each task, as they finish.

    Parameters
    ----------
    function : callable
        ``function(task, tell)``, importable by name; ``task`` and result can be pickled.
    tasks : sequence
    jobs : int
        Processes; 1 works here, in order.
    progress, stop : callable, optional
    first : task, optional
        Done before all others where there is more than one process, its result dropped: what it compiles
        the others find in the cache.

    Raises
    ------
    ConfigError
        ``jobs`` < 1.
    Stopped
        ``stop()`` became true.
    JanusError
        A piece of work failed; the pieces finished before are out already.
    """
    if jobs < 1:
        raise ConfigError("work needs a process", got=jobs, expected="--jobs 1 or more")
    if not tasks:
        return
    if jobs == 1 or len(tasks) == 1:
        yield from _here(function, tasks, progress, stop)
    else:
        yield from _spawned(function, tasks, min(jobs, len(tasks)), progress, stop, first)


def _here(
    function: Callable[[T, Tell], Any], tasks: Sequence[T], progress: Progress | None, stop: Stop | None
) -> Iterator[tuple[int, Any]]:
    for number, task in enumerate(tasks):

        def tell(share: float, number: int = number) -> None:
            if progress is not None:
                progress((number + share) / len(tasks))
            if stop is not None and stop():
                raise Stopped("interrupted")

        tell(0.0)
        with one_thread():
            result = function(task, tell)
        yield number, result
    if progress is not None:
        progress(1.0)


# ---------------------------------------------------------------------- processes


class _Worker:
    """What a spawned process shares with the one that asks: a flag to stop, and how far each task is."""

    ending: Any = None
    shares: Any = None


def _begin(ending: Any, shares: Any, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    _Worker.ending, _Worker.shares = ending, shares

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # whoever asked is gone, however it went

    threading.Thread(target=watch, daemon=True).start()


def _call(function: Callable[[T, Tell], Any], number: int, task: T) -> Any:
    def tell(share: float) -> None:
        if number >= 0:
            _Worker.shares[number] = share
        if _Worker.ending.is_set():
            raise Stopped("interrupted")

    tell(0.0)
    with one_thread():
        result = function(task, tell)
    tell(1.0)
    return result


def _spawned(
    function: Callable[[T, Tell], Any],
    tasks: Sequence[T],
    jobs: int,
    progress: Progress | None,
    stop: Stop | None,
    first: T | None,
) -> Iterator[tuple[int, Any]]:
    context = get_context("spawn")
    ending, shares = context.Event(), context.Array("d", len(tasks), lock=False)
    pool = ProcessPoolExecutor(jobs, context, _begin, (ending, shares, os.getpid()))

    def look() -> None:
        if progress is not None:
            progress(sum(shares) / len(tasks))
        if stop is not None and stop():
            raise Stopped("interrupted")

    try:
        with _environment():
            if first is not None:
                warm = pool.submit(_call, function, -1, first)
                while not wait([warm], timeout=_POLL_S).done:
                    look()
                warm.result()
            waiting: dict[Future, int] = {
                pool.submit(_call, function, number, task): number for number, task in enumerate(tasks)
            }
        while waiting:
            look()
            done, _ = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()
        look()
    except BrokenProcessPool as error:
        raise JanusError(
            "a working process died",
            got=str(error),
            expected="a result",
            remedy="look for memory that ran out; fewer --jobs need less",
        ) from error
    finally:
        ending.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _environment() -> Iterator[None]:
    """One thread a process, for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
