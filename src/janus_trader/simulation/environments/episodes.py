"""What every environment is made of: a batch of independent episodes, and the check of its actions."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError

_ROUNDING = 1e-6  # a float32 action may miss its bound by this much


@njit(cache=True, nogil=True)
def _first_bad_row(actions, low, high, running):
    """First row with an entry that is not finite or out of bounds, −1 without one."""
    for e in range(actions.shape[0]):
        if running[e]:
            for j in range(actions.shape[1]):
                if not (low[j] <= actions[e, j] <= high[j]):
                    return e
    return -1


class Episodes(ABC):
    """``size`` episodes that advance side by side and know nothing of one another.

    One step of one episode is a compiled function of its state, its action and numbers drawn at its
    start; a batch is a loop over it. So an episode is the same alone or among thousands, on one thread
    or several, and a seed fixes it.

    Attributes
    ----------
    observation_space, action_space : Box
        Of one episode, both one-dimensional.
    """

    observation_space: Box
    action_space: Box
    least_chunk = 128  # fewer episodes are not worth a thread

    def __init__(self, size: int, threads: int | None = None) -> None:
        if size < 1 or (threads is not None and threads < 1):
            raise ConfigError("no episodes to run", got=(size, threads), expected="size >= 1, threads >= 1")
        self.size = int(size)
        wanted = threads or os.cpu_count() or 1
        self.threads = max(1, min(wanted, self.size // self.least_chunk))
        self._pool: ThreadPoolExecutor | None = None

    @abstractmethod
    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        """Start the episodes ``rows`` (k,) anew, each with its own of the k generators.

        Raises
        ------
        DataError
            An option that there is not or that cannot be met.
        """

    @abstractmethod
    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Write the observations of the episodes ``rows`` into their rows of ``out`` (size, d) float32."""

    @abstractmethod
    def advance(
        self,
        actions: np.ndarray,
        running: np.ndarray,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        """One step of the episodes marked in ``running``; writes their rows and leaves the others alone."""

    @abstractmethod
    def info(self) -> dict[str, np.ndarray]:
        """Figures of every episode, each (size,), as fresh arrays."""

    def checked_actions(self, actions: Any, running: np.ndarray) -> np.ndarray:
        """The actions (size, k) as float64.

        Raises
        ------
        DataError
            Another shape, an entry that is not a number, or one outside the action space; nothing has
            been carried out.
        """
        shape = (self.size, *self.action_space.shape)
        try:
            array = np.ascontiguousarray(actions, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError("the action is not an array of numbers", got=repr(actions)[:80]) from error
        if array.shape != shape:
            raise DataError(
                "the action has another shape", got=array.shape, expected=f"{shape}, one row an episode"
            )
        low = self.action_space.low.astype(np.float64) - _ROUNDING
        high = self.action_space.high.astype(np.float64) + _ROUNDING
        row = _first_bad_row(array, low, high, running)
        if row >= 0:
            raise DataError(
                "the action is outside the action space",
                got=f"{array[row].tolist()} for episode {row}",
                expected=f"finite numbers in {self.action_space}",
                remedy="clip actions to the space before the step",
            )
        return array

    def in_chunks(self, run: Callable[[int, int], None]) -> None:
        """Call ``run(first, last)`` over all episodes, one chunk a thread; ``run`` must free the GIL."""
        if self.threads == 1:
            run(0, self.size)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="episodes")
        edges = np.linspace(0, self.size, self.threads + 1).astype(int).tolist()
        others = [self._pool.submit(run, edges[k], edges[k + 1]) for k in range(1, self.threads)]
        run(edges[0], edges[1])
        for other in others:
            other.result()

    def close(self) -> None:
        """End the threads; the episodes may still be used."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


def known_options(options: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse a reset option that the environment does not know.

    Raises
    ------
    DataError
        Some key is not in ``names``.
    """
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise DataError(
            "unknown reset option", got=unknown, expected="among: " + (", ".join(names) or "none")
        )


def box(low: Any, high: Any, size: int) -> Box:
    """A one-dimensional float32 box."""
    return Box(np.float32(low), np.float32(high), (size,), np.float32)
