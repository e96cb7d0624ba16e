"""Nine strategies, one file each, the panel that asks them, and strategies of the user's own."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.config import Strategies
from janus_trader.strategies.definition import CompiledStrategy, Family, StrategyDefinition
from janus_trader.strategies.panel import StrategyPanel
from janus_trader.strategies.user import load_strategy

__all__ = [
    "CompiledStrategy",
    "Family",
    "Strategies",
    "StrategyDefinition",
    "StrategyPanel",
    "default_strategies",
    "load_strategy",
]
