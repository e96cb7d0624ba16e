"""What a strategy is: a name, what it needs, where it fits, and one pure step.

The step of a compiled strategy is ``step(params, state, bar) -> float``: ``params`` is a record made
from its `Config`, ``state`` a record it may change, ``bar`` a record of `BAR_DTYPE`. It returns the
desired exposure in [-1, 1], direction times conviction, 0 when flat. ``run`` is the one compiled loop
over that step, used for one bar of many instruments and for the whole history of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Protocol, get_type_hints

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.config import Config

HOUR_SECONDS = 3_600.0
DAY_SECONDS = 24.0 * HOUR_SECONDS
WEEK_SECONDS = 7.0 * DAY_SECONDS


class Family(StrEnum):
    """What kind of move a source lives on."""

    TREND = "trend"
    REVERSION = "reversion"
    USER = "user"
    EXTERNAL = "external"


class Lane(Protocol):
    """A strategy bound to ``n`` instruments: their states, and one bar at a time."""

    def advance(self, bars: np.ndarray, present: np.ndarray, last: np.ndarray, out: np.ndarray) -> None:
        """Take in ``(T, n)`` bars; ``last`` (n,) is the running output, ``out`` (T, n) its path."""

    def reset(self) -> None: ...
    def state(self) -> bytes: ...
    def load(self, state: Any) -> None: ...


@dataclass(frozen=True)
class StrategyDefinition:
    """Name, needs and fit of a strategy; subclasses know how to run it.

    Parameters
    ----------
    name : str
        Unique in a panel.
    family : Family
    fields : frozenset of Field
        What the data must deliver; where they do not, the strategy is inactive.
    horizon : (float, float)
        Shortest and longest bar, in seconds, on which it makes sense.
    regime_weights : 7 floats in [0, 1]
        Compatibility with each regime, in the order of `Regime`.
    prior : float
        How far it is trusted before anything is learned: 1 for strategies, 0 for external signals.
    """

    name: str
    family: Family
    fields: frozenset[Field]
    horizon: tuple[float, float]
    regime_weights: tuple[float, ...]
    prior: float = 1.0

    def __post_init__(self) -> None:
        weights = self.regime_weights
        if len(weights) != N_REGIMES or not all(0.0 <= w <= 1.0 for w in weights):
            raise DataError(
                f"strategy {self.name}: bad regime weights",
                got=weights,
                expected=f"{N_REGIMES} numbers in [0, 1]",
            )

    def carried_by(self, fields: frozenset[Field], bar_seconds: float) -> bool:
        """Whether data with these fields and this bar length can carry the strategy."""
        return self.fields <= fields and self.horizon[0] <= bar_seconds <= self.horizon[1]

    def bind(self, n: int) -> Lane:
        """Fresh states for ``n`` instruments."""
        raise NotImplementedError

    def scan(self, bars: np.ndarray) -> np.ndarray:
        """Outputs (T,) of a fresh state over the (T,) bars of one instrument."""
        if bars.dtype != BAR_DTYPE or bars.ndim != 1:
            raise DataError(
                f"strategy {self.name}: bad bars", got=(bars.dtype, bars.shape), expected="(T,) of BAR_DTYPE"
            )
        out = np.zeros((len(bars), 1))
        self.bind(1).advance(bars.reshape(-1, 1), np.ones(out.shape, np.bool_), np.zeros(1), out)
        return out[:, 0]


@dataclass(frozen=True)
class CompiledStrategy(StrategyDefinition):
    """A strategy whose step is compiled.

    ``params`` is a (1,) structured array, ``state_dtype`` the dtype of one instrument's state.
    """

    params: np.ndarray = None  # type: ignore[assignment]
    state_dtype: np.dtype = None  # type: ignore[assignment]
    step: Callable[..., Any] = None  # type: ignore[assignment]
    run: Callable[..., Any] = None  # type: ignore[assignment]
    config: Config | None = None

    def bind(self, n: int) -> CompiledLane:
        """Fresh states for ``n`` instruments."""
        return CompiledLane(self, n)


class CompiledLane:
    """States of one compiled strategy for ``n`` instruments."""

    def __init__(self, strategy: CompiledStrategy, n: int) -> None:
        self._name = strategy.name
        self._run = strategy.run
        self._params = strategy.params
        self.states = np.zeros(n, strategy.state_dtype)

    def advance(self, bars: np.ndarray, present: np.ndarray, last: np.ndarray, out: np.ndarray) -> None:
        """Run the compiled loop."""
        self._run(self._params, self.states, bars, present, last, out)

    def reset(self) -> None:
        """Back to fresh states."""
        self.states[:] = np.zeros(1, self.states.dtype)

    def state(self) -> bytes:
        """The states as bytes."""
        return self.states.tobytes()

    def load(self, state: Any) -> None:
        """Put states back; refuses bytes of another configuration or number of instruments."""
        if not isinstance(state, bytes) or len(state) != self.states.nbytes:
            raise IntegrityError(
                f"strategy {self._name}: snapshot does not fit",
                got=f"{len(state)} bytes" if isinstance(state, bytes) else type(state).__name__,
                expected=f"{self.states.nbytes} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self.states = np.frombuffer(state, self.states.dtype).copy()


def params_record(config: Config, **derived: float) -> np.ndarray:
    """The values of a configuration as a (1,) structured array that compiled code can read.

    Fields annotated as floats become ``f8``, the others (integers, booleans) ``i8``; ``derived`` adds
    values computed once from the configuration, such as smoothing factors, as ``f8``.

    >>> class Small(Config, frozen=True):
    ...     period: int = 8
    ...     width: float = 2
    >>> params_record(Small(), alpha=0.5)
    array([(8, 2., 0.5)],
          dtype={'names': ['period', 'width', 'alpha'], 'formats': ['<i8', '<f8', '<f8'], \
'offsets': [0, 8, 16], 'itemsize': 24, 'aligned': True})
    """
    hints = get_type_hints(type(config))
    values = {name: getattr(config, name) for name in config.__struct_fields__}
    kinds = [(name, "f8" if hints[name] is float else "i8") for name in values]
    kinds += [(name, "f8") for name in derived]
    record = np.zeros(1, np.dtype(kinds, align=True))
    for name, value in {**values, **derived}.items():
        record[name] = value
    return record


def require_increasing(config: Config, *names: str) -> None:
    """Refuse a configuration whose named fields do not increase strictly.

    Raises
    ------
    ConfigError
        With the values found.
    """
    values = [getattr(config, name) for name in names]
    if any(a >= b for a, b in pairwise(values)):
        raise ConfigError(
            f"{type(config).__name__}: periods out of order",
            got=", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True)),
            expected=" < ".join(names),
            remedy="set each one smaller than the next",
        )
