"""A strategy that answers for a whole table of bars at once, as pandas users write it; run causally.

``signals(bars)`` gets a `pandas.DataFrame` with the columns of a bar, one row a bar, oldest first, and
returns one exposure a row. What it returns for a row may look at rows below it, which at the time were
the future. So the product never uses those answers: at each bar it hands over the bars seen so far, at
most the last ``history`` of them, and takes the answer for the last row alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.errors import IntegrityError, StrategyError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.foundation.codec import pack, unpack
from janus_trader.strategies.definition import StrategyDefinition
from janus_trader.strategies.python_strategy import line_of

if TYPE_CHECKING:
    import pandas as pd

#: Bars that ``signals`` gets at most where the file does not say ``HISTORY``.
DEFAULT_HISTORY = 500


@dataclass(frozen=True)
class SignalsStrategy(StrategyDefinition):
    """A strategy given by ``signals(bars: DataFrame) -> one exposure a row`` in a file."""

    signals: Callable[[pd.DataFrame], Any] = None  # type: ignore[assignment]
    history: int = DEFAULT_HISTORY
    path: str = ""
    line: int = 0

    def bind(self, n: int) -> SignalsLane:
        """No bars seen yet, for ``n`` instruments."""
        return SignalsLane(self, n)


def call_signals(strategy: SignalsStrategy, bars: np.ndarray) -> np.ndarray:
    """The (T,) answers for (T,) bars in one call; NaN (not known yet) is 0, True is 1.

    Raises
    ------
    StrategyError
        ``signals`` raised, or did not return one number in [-1, 1] for each bar.
    """
    import pandas as pd

    where = f"{strategy.path}:{strategy.line}"
    table = pd.DataFrame({name: bars[name] for name in BAR_DTYPE.names or ()})
    try:
        answer = strategy.signals(table)
    except Exception as error:
        line = line_of(error, strategy.path, strategy.line)
        raise StrategyError(
            f"{strategy.path}:{line}: signals raised",
            got=f"{type(error).__name__}: {error}",
            expected="signals(bars) that returns one number for every row, however few rows there are",
            remedy=f"mend line {line}; at the first bar the table has one row",
        ) from error
    try:
        values = np.array(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _wrong(where, type(answer).__name__) from error
    if values.shape != (len(bars),):
        raise _wrong(where, f"shape {values.shape} for {len(bars)} rows")
    values[np.isnan(values)] = 0.0
    if not (np.abs(values) <= 1.0).all():
        raise _wrong(where, float(values[~(np.abs(values) <= 1.0)][0]))
    return values


def _wrong(where: str, got: object) -> StrategyError:
    return StrategyError(
        f"{where}: signals returned something else than exposures",
        got=got,
        expected="one number in [-1, 1] for each row; NaN counts as 0",
        remedy="return a Series or an array as long as bars",
    )


class SignalsLane:
    """The last bars of ``n`` instruments, and one call for each new bar. O(history) a bar."""

    def __init__(self, strategy: SignalsStrategy, n: int) -> None:
        self._strategy = strategy
        self._needs_volume = Field.VOLUME in strategy.fields
        self.states: list[np.ndarray] = [np.zeros(0, BAR_DTYPE) for _ in range(n)]

    def advance(self, bars: np.ndarray, present: np.ndarray, last: np.ndarray, out: np.ndarray) -> None:
        """Ask for every present instrument whose bar is known; the others keep their last output."""
        for t in range(bars.shape[0]):
            for i in range(bars.shape[1]):
                if present[t, i] and self._known(bars[t, i]):
                    seen = np.append(self.states[i], bars[t : t + 1, i])[-self._strategy.history :]
                    self.states[i] = seen
                    last[i] = call_signals(self._strategy, seen)[-1]
                out[t, i] = last[i]

    def _known(self, bar: np.void) -> bool:
        prices = (bar["open"], bar["high"], bar["low"], bar["close"])
        return all(map(math.isfinite, prices)) and (not self._needs_volume or math.isfinite(bar["volume"]))

    def reset(self) -> None:
        """Forget every bar."""
        self.states = [np.zeros(0, BAR_DTYPE) for _ in self.states]

    def state(self) -> bytes:
        """The bars kept, as bytes."""
        return pack(self.states)

    def load(self, state: Any) -> None:
        """Put bars back; refuses another number of instruments."""
        entries = unpack(state) if isinstance(state, bytes) else None
        fits = isinstance(entries, list) and len(entries) == len(self.states)
        if (
            entries is None
            or not fits
            or not all(isinstance(e, np.ndarray) and e.dtype == BAR_DTYPE for e in entries)
        ):
            raise IntegrityError(
                f"strategy {self._strategy.name}: snapshot does not fit",
                expected=f"bars of {len(self.states)} instruments",
                remedy="restore with the configuration it was taken with",
            )
        self.states = entries
