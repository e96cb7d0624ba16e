"""Everything a life through a history can be configured with, composed of the components' own configs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.brain.integration.brain import BrainConfig
from janus_trader.brain.integration.sleep import SleepConfig
from janus_trader.data.features import FeatureConfig
from janus_trader.execution.cost_model import CostConfig
from janus_trader.execution.planner import PlannerConfig
from janus_trader.foundation.config import Config
from janus_trader.stores.vectors.config import VectorsConfig
from janus_trader.strategies.config import Strategies
from janus_trader.trader.backtest import VenueConfig


class AccountConfig(Config, frozen=True):
    """The account at the venue."""

    capital: Annotated[float, Meta(gt=0, description="starting cash, in the book's currency")] = 1_000_000.0
    cash_rate: Annotated[
        float, Meta(ge=-0.1, le=0.5, description="interest on cash, a year, as a fraction")
    ] = 0.0
    long_only: bool = False


class BaselineConfig(Config, frozen=True):
    """The portfolios a run is compared with. They fill by the same rule at the same costs."""

    rebalance_bars: Annotated[int, Meta(ge=1, description="bars between rebalances")] = 21
    lookback_bars: Annotated[int, Meta(ge=20, description="bars of past returns for covariances")] = 252


class LifeConfig(Config, frozen=True):
    """One life: the brain, its nights, its strategies, its account and what trading costs."""

    account: AccountConfig = AccountConfig()
    costs: CostConfig = CostConfig()
    orders: PlannerConfig = PlannerConfig()
    venue: VenueConfig = VenueConfig()
    features: FeatureConfig = FeatureConfig()
    strategies: Strategies = Strategies()
    brain: BrainConfig = BrainConfig()
    sleep: SleepConfig = SleepConfig()
    vectors: VectorsConfig = VectorsConfig()
    baselines: BaselineConfig = BaselineConfig()
