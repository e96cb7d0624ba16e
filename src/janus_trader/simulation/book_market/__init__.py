"""Simulated book markets: an anonymous order flow and agents around the real order book.

`BookMarket` runs one from Python; `engine` has the compiled functions for environments.
"""

from janus_trader.simulation.book_market.agents import (
    Agent,
    avellaneda_stoikov,
    external,
    informed,
    market_maker,
    mean_reverting,
    metaorder,
    momentum,
    noise,
)
from janus_trader.simulation.book_market.flow import FlowModel, default_flow, read_flow
from janus_trader.simulation.book_market.flow_fit import fit_flow
from janus_trader.simulation.book_market.market import (
    BookMarket,
    MarketConfig,
    drive,
    new_state,
    open_market,
    refill,
)
from janus_trader.simulation.book_market.state import (
    PATH_DTYPE,
    TRADE_DTYPE,
    MarketState,
    copy_state,
    reset_state,
)

__all__ = [
    "PATH_DTYPE", "TRADE_DTYPE", "Agent", "BookMarket", "FlowModel", "MarketConfig", "MarketState",
    "avellaneda_stoikov", "copy_state", "default_flow", "drive", "external", "fit_flow", "informed", "market_maker",
    "mean_reverting", "metaorder", "momentum", "new_state", "noise", "open_market", "read_flow", "refill",
    "reset_state",
]  # fmt: skip
