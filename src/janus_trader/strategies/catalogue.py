"""The nine built-in strategies, in the order of the specification."""

from __future__ import annotations

import difflib
from types import ModuleType

from janus_trader.contracts.errors import ConfigError
from janus_trader.strategies import (
    bollinger_squeeze,
    ema_flip,
    ema_ribbon,
    mean_reversion,
    momentum_surge,
    multi_timeframe_trend,
    opening_range,
    trend_pullback,
    vwap_scalper,
)
from janus_trader.strategies.config import Strategies
from janus_trader.strategies.definition import CompiledStrategy

MODULES: tuple[ModuleType, ...] = (
    ema_flip,
    ema_ribbon,
    trend_pullback,
    momentum_surge,
    multi_timeframe_trend,
    mean_reversion,
    bollinger_squeeze,
    vwap_scalper,
    opening_range,
)
NAMES: tuple[str, ...] = tuple(module.NAME for module in MODULES)


def _check_names(key: str, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            raise ConfigError(
                f"strategies.{key} names an unknown strategy",
                got=name,
                expected="one of " + ", ".join(NAMES),
                remedy=f"did you mean {near[0]}?" if near else "take it out of the list",
            )


def default_strategies(config: Strategies = Strategies()) -> tuple[CompiledStrategy, ...]:
    """The enabled built-in strategies with their parameters.

    Raises
    ------
    ConfigError
        ``enabled`` or ``disabled`` names a strategy that does not exist.

    Examples
    --------
    >>> [s.name for s in default_strategies(Strategies(enabled=("ema_flip", "mean_reversion")))]
    ['ema_flip', 'mean_reversion']
    """
    _check_names("enabled", config.enabled)
    _check_names("disabled", config.disabled)
    wanted = set(config.enabled or NAMES) - set(config.disabled)
    return tuple(m.define(getattr(config, m.NAME)) for m in MODULES if m.NAME in wanted)
