"""From a point of the parameter space to a strategy, for the three ways a strategy has parameters.

A built-in strategy has the fields of its configuration, a compiled file its ``PARAMS``, a plain Python file
the numbers at its top level.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config
from janus_trader.research.sweep.space import Space
from janus_trader.strategies.catalogue import MODULES, NAMES
from janus_trader.strategies.definition import CompiledStrategy, StrategyDefinition
from janus_trader.strategies.python_strategy import PythonStrategy
from janus_trader.strategies.signals_strategy import SignalsStrategy
from janus_trader.strategies.user import load_strategy

Values = Mapping[str, float]


class Candidates(Protocol):
    """The strategies of one sweep."""

    defaults: Mapping[str, float]
    compiled: bool

    def define(self, values: Values) -> StrategyDefinition:
        """The strategy at a point.

        Raises
        ------
        ConfigError
            The strategy refuses these values.
        """


class _BuiltIn(Candidates):
    """A strategy of the catalogue; the point replaces fields of its configuration."""

    compiled = True

    def __init__(self, name: str) -> None:
        self._module = next(m for m in MODULES if name == m.NAME)
        self._config: Config = self._module.define().config
        self.defaults = {n: getattr(self._config, n) for n in self._config.__struct_fields__}

    def define(self, values: Values) -> CompiledStrategy:
        return self._module.define(self._config.replace(**values))


class _CompiledFile(Candidates):
    """A user's compiled file; the point replaces values of ``PARAMS``."""

    compiled = True

    def __init__(self, strategy: CompiledStrategy) -> None:
        self._strategy = strategy
        record = strategy.params
        self.defaults = {name: record[name][0].item() for name in record.dtype.names or ()}

    def define(self, values: Values) -> CompiledStrategy:
        params = self._strategy.params.copy()
        for name, value in values.items():
            params[name] = value
        return replace(self._strategy, params=params)


class _PlainFile(Candidates):
    """A plain Python file, loaded anew for each point; numbers at its top level are replaced.

    What the file computes from such a number while it is loaded keeps the old one.
    """

    compiled = False

    def __init__(self, path: str) -> None:
        self._path = path
        space = _names_of(load_strategy(path))
        self.defaults = {
            name: value
            for name, value in space.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not name.startswith("_")
        }

    def define(self, values: Values) -> StrategyDefinition:
        strategy = load_strategy(self._path, rehearse=False)
        _names_of(strategy).update(values)
        return strategy


def _names_of(strategy: StrategyDefinition) -> dict[str, Any]:
    """The top-level names of a plain strategy's file."""
    if isinstance(strategy, PythonStrategy):
        return strategy.step.__globals__
    assert isinstance(strategy, SignalsStrategy)
    return strategy.signals.__globals__


def candidates(strategy: str, names: Sequence[str]) -> Candidates:
    """The strategies that a sweep over the parameters ``names`` tries.

    Raises
    ------
    ConfigError
        No such strategy, or it has no such parameter.
    StrategyError
        The file cannot be loaded.

    Examples
    --------
    >>> candidates("ema_flip", ["fast"]).define({"fast": 5}).params["fast"].tolist()
    [5]
    """
    found: Candidates
    if strategy in NAMES:
        found = _BuiltIn(strategy)
    elif strategy.endswith(".py"):
        loaded = load_strategy(strategy)
        found = _CompiledFile(loaded) if isinstance(loaded, CompiledStrategy) else _PlainFile(strategy)
    else:
        near = difflib.get_close_matches(strategy, NAMES, n=1)
        raise ConfigError(
            f"no strategy {strategy!r}",
            got=strategy,
            expected="a .py file or one of " + ", ".join(NAMES),
            remedy=f"did you mean {near[0]}?" if near else "janus sweep --strategy ema_flip",
        )
    for name in names:
        if name not in found.defaults:
            near = difflib.get_close_matches(name, list(found.defaults), n=1)
            known = (
                ", ".join(sorted(found.defaults)) or "none: name a number at the top of the file, or PARAMS"
            )
            raise ConfigError(
                f"{strategy} has no parameter {name!r}",
                got=name,
                expected=known,
                remedy=f"did you mean {near[0]}?" if near else "use one of these names",
            )
    return found


def typed(columns: Mapping[str, np.ndarray], defaults: Values) -> list[dict[str, float]]:
    """Rows of parameters with whole numbers where the strategy has them.

    Raises
    ------
    ConfigError
        A whole-number parameter would get a fraction.

    Examples
    --------
    >>> typed({"n": np.array([5.0]), "x": np.array([5.0])}, {"n": 3, "x": 1.0})
    [{'n': 5, 'x': 5.0}]
    """
    lists: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if isinstance(defaults[name], int):
            if not (values == np.rint(values)).all():
                raise ConfigError(
                    f"{name} is a whole number",
                    got=f"{values[values != np.rint(values)][0]:g}",
                    expected="whole numbers, as 5:50:5",
                )
            lists[name] = values.astype(np.int64).tolist()
        else:
            lists[name] = values.tolist()
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def widest(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype whose every buffer is as long as the longer of the two.

    A state whose buffers are longer than its window works as well, so that one compiled step serves
    windows of every length.

    >>> widest(np.dtype([("b", "f8", (3,))]), np.dtype([("b", "f8", (5,))]))["b"].shape
    (5,)
    """
    if a.fields is None or b.fields is None:
        if a.subdtype is None or b.subdtype is None:
            return a
        shape = tuple(max(x, y) for x, y in zip(a.shape, b.shape, strict=True))
        return np.dtype((widest(a.base, b.base), shape))
    return np.dtype([(n, widest(a[n], b[n])) for n in a.names or ()], align=True)


def common_state(found: Candidates, space: Space) -> np.dtype | None:
    """A state dtype that serves the whole space: the longest buffers met on its edges."""
    base = found.define({})
    if not isinstance(base, CompiledStrategy):
        return None
    dtype = base.state_dtype
    rows = [{axis.name: np.array([axis.high])} for axis in space.axes]
    corner = {axis.name: np.array([axis.high]) for axis in space.axes}
    for columns in (*rows, corner):
        try:
            strategy = found.define(typed(columns, found.defaults)[0])
        except ConfigError:
            continue
        if isinstance(strategy, CompiledStrategy):
            dtype = widest(dtype, strategy.state_dtype)
    return dtype
