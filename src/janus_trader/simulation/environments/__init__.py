"""Gymnasium environments: a portfolio, the execution of a parent order, market making.

Importing this package registers them under ``janus/``; `gymnasium.make` gives one, `gymnasium.make_vec`
thousands in one compiled call a step. Needs the extra ``gym``.
"""

try:
    import gymnasium
except ImportError as error:
    from janus_trader.contracts.errors import ConfigError

    raise ConfigError("the environments need gymnasium", remedy='pip install "janus-trader[gym]"') from error

from janus_trader.simulation.environments.book_execution import (
    BookExecutionConfig,
    BookExecutionEnv,
    BookExecutionVectorEnv,
)
from janus_trader.simulation.environments.book_market_making import (
    BookMarketMakingConfig,
    BookMarketMakingEnv,
    BookMarketMakingVectorEnv,
)
from janus_trader.simulation.environments.book_world import BookWorld
from janus_trader.simulation.environments.execution import (
    ExecutionConfig,
    ExecutionEnv,
    ExecutionVectorEnv,
)
from janus_trader.simulation.environments.history import PortfolioHistory, random_walk_history
from janus_trader.simulation.environments.market_making import (
    MarketMakingConfig,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    avellaneda_stoikov_offsets,
)
from janus_trader.simulation.environments.portfolio import (
    PortfolioConfig,
    PortfolioEnv,
    PortfolioVectorEnv,
)

__all__ = [
    "BookExecutionConfig",
    "BookExecutionEnv",
    "BookExecutionVectorEnv",
    "BookMarketMakingConfig",
    "BookMarketMakingEnv",
    "BookMarketMakingVectorEnv",
    "BookWorld",
    "ExecutionConfig",
    "ExecutionEnv",
    "ExecutionVectorEnv",
    "MarketMakingConfig",
    "MarketMakingEnv",
    "MarketMakingVectorEnv",
    "PortfolioConfig",
    "PortfolioEnv",
    "PortfolioHistory",
    "PortfolioVectorEnv",
    "avellaneda_stoikov_offsets",
    "random_walk_history",
]

for _name in ("Portfolio", "Execution", "MarketMaking", "BookExecution", "BookMarketMaking"):
    gymnasium.register(
        id=f"janus/{_name}-v0",
        entry_point=f"{__name__}:{_name}Env",
        vector_entry_point=f"{__name__}:{_name}VectorEnv",
    )
