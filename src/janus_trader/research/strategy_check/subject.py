"""The strategy under check: one face for the three forms, loaded afresh where memory could hide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import Field
from janus_trader.strategies.catalogue import NAMES, default_strategies
from janus_trader.strategies.definition import CompiledStrategy, StrategyDefinition
from janus_trader.strategies.signals_strategy import SignalsStrategy, call_signals
from janus_trader.strategies.user import load_strategy


@dataclass(frozen=True)
class Subject:
    """A strategy and the file it came from.

    ``form`` is "compiled", "python" or "signals"; ``path`` is "" for a strategy that ships.
    """

    strategy: StrategyDefinition
    form: str
    path: str
    source: str

    @property
    def function(self) -> str:
        """Name of the function that answers."""
        return "signals" if self.form == "signals" else "step"

    @property
    def needs_volume(self) -> bool:
        """Whether bars without volume are kept from it."""
        return Field.VOLUME in self.strategy.fields

    def fresh(self) -> Subject:
        """The same strategy out of a newly executed file: nothing remembered but what the file says."""
        if self.form == "compiled":  # compiled code keeps nothing between calls but its arguments
            return self
        return replace(self, strategy=load_strategy(self.path, rehearse=False))

    def answers(self, bars: np.ndarray) -> np.ndarray:
        """Its (T,) answers to the (T,) known bars of one instrument, from a fresh state.

        The signals form is asked once for the whole table, as its author would in a notebook; the others
        bar by bar.
        """
        if isinstance(self.strategy, SignalsStrategy):
            return call_signals(self.strategy, bars)
        return self.strategy.scan(bars)


def subject(name_or_path: str) -> Subject:
    """A strategy that ships, by name, or a file.

    Raises
    ------
    ConfigError
        The name is of no strategy that ships and does not end in ``.py``.
    StrategyError
        The file cannot be loaded.

    Examples
    --------
    >>> subject("ema_flip").form
    'compiled'
    """
    if name_or_path in NAMES:
        built_in = next(s for s in default_strategies() if s.name == name_or_path)
        return Subject(built_in, "compiled", "", "")
    if not name_or_path.endswith(".py"):
        raise ConfigError(
            f"no strategy {name_or_path!r}",
            got=name_or_path,
            expected="a .py file or one of " + ", ".join(NAMES),
        )
    path = Path(name_or_path)
    strategy = load_strategy(path, rehearse=False)
    form = "compiled" if isinstance(strategy, CompiledStrategy) else "python"
    form = "signals" if isinstance(strategy, SignalsStrategy) else form
    return Subject(strategy, form, str(path), path.read_text(encoding="utf-8"))
