"""A strategy whose step is plain Python: one dict of state per instrument."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from janus_trader.contracts.errors import IntegrityError, StrategyError
from janus_trader.contracts.market import Field
from janus_trader.foundation.codec import pack, unpack
from janus_trader.strategies.definition import StrategyDefinition


class Bar(NamedTuple):
    """One bar as a plain-Python step reads it; ``volume`` is NaN where it is not known."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    session: int
    bar_of_session: int


@dataclass(frozen=True)
class PythonStrategy(StrategyDefinition):
    """A strategy given by ``step(state: dict, bar: Bar) -> float`` in a file."""

    step: Callable[[dict, Bar], Any] = None  # type: ignore[assignment]
    path: str = ""
    line: int = 0

    def bind(self, n: int) -> PythonLane:
        """Fresh, empty dicts for ``n`` instruments."""
        return PythonLane(self, n)


def line_of(error: BaseException, path: str, fallback: int) -> int:
    """The deepest line of ``path`` on the way to the error."""
    line, trace = fallback, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def call_step(strategy: PythonStrategy, state: dict, bar: Bar) -> float:
    """Call the step and check what comes back.

    Raises
    ------
    StrategyError
        The step raised, or returned something other than a finite number in [-1, 1].
    """
    try:
        value = strategy.step(state, bar)
    except Exception as error:
        line = line_of(error, strategy.path, strategy.line)
        raise StrategyError(
            f"{strategy.path}:{line}: step raised",
            got=f"{type(error).__name__}: {error}",
            expected="a step that returns a number for every bar",
            remedy=f"mend line {line}",
        ) from error
    return checked_output(value, f"{strategy.path}:{strategy.line}")


def checked_output(value: Any, where: str) -> float:
    """The output as a float in [-1, 1].

    Raises
    ------
    StrategyError
        It is not a number, not finite or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise StrategyError(
            f"{where}: step returned a wrong type",
            got=f"{value!r} ({type(value).__name__})",
            expected="a float in [-1, 1]",
            remedy="return 0.0 to be flat; is there a path without a return?",
        )
    number = float(value)
    if not math.isfinite(number) or abs(number) > 1.0:
        raise StrategyError(
            f"{where}: step returned a value out of range",
            got=number,
            expected="a finite number in [-1, 1]",
            remedy="return direction times conviction; an unknown volume is NaN",
        )
    return number


class PythonLane:
    """Dicts of state of one plain-Python strategy for ``n`` instruments."""

    def __init__(self, strategy: PythonStrategy, n: int) -> None:
        self._strategy = strategy
        self._needs_volume = Field.VOLUME in strategy.fields
        self.states: list[dict] = [{} for _ in range(n)]

    def advance(self, bars: np.ndarray, present: np.ndarray, last: np.ndarray, out: np.ndarray) -> None:
        """Call the step for every present instrument whose bar is known."""
        for t, row in enumerate(bars.tolist()):
            for i, values in enumerate(row):
                if present[t, i]:
                    bar = Bar._make(values)
                    if all(map(math.isfinite, bar[:4])) and (
                        not self._needs_volume or math.isfinite(bar.volume)
                    ):
                        last[i] = call_step(self._strategy, self.states[i], bar)
                out[t, i] = last[i]

    def reset(self) -> None:
        """Back to empty dicts."""
        self.states = [{} for _ in self.states]

    def state(self) -> bytes:
        """The dicts as bytes.

        Raises
        ------
        StrategyError
            A dict holds something other than plain values.
        """
        try:
            return pack(self.states)
        except (NotImplementedError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise StrategyError(
                f"{self._strategy.path}:{self._strategy.line}: the state of step cannot be saved",
                got=f"{type(error).__name__}: {error}",
                expected="numbers, text, lists, dicts and numpy arrays",
                remedy="keep plain values in state",
            ) from error

    def load(self, state: Any) -> None:
        """Put dicts back; refuses another number of instruments. Tuples come back as lists."""
        entries = unpack(state) if isinstance(state, bytes) else None
        fits = isinstance(entries, list) and len(entries) == len(self.states)
        if entries is None or not fits or not all(isinstance(entry, dict) for entry in entries):
            raise IntegrityError(
                f"strategy {self._strategy.name}: snapshot does not fit",
                expected=f"a list of {len(self.states)} dicts",
                remedy="restore with the configuration it was taken with",
            )
        self.states = entries
