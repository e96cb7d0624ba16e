"""Which strategies a run uses, and with which parameters."""

from __future__ import annotations

from janus_trader.foundation.config import Config
from janus_trader.strategies.bollinger_squeeze import BollingerSqueezeConfig
from janus_trader.strategies.ema_flip import EmaFlipConfig
from janus_trader.strategies.ema_ribbon import EmaRibbonConfig
from janus_trader.strategies.mean_reversion import MeanReversionConfig
from janus_trader.strategies.momentum_surge import MomentumSurgeConfig
from janus_trader.strategies.multi_timeframe_trend import MultiTimeframeTrendConfig
from janus_trader.strategies.opening_range import OpeningRangeConfig
from janus_trader.strategies.trend_pullback import TrendPullbackConfig
from janus_trader.strategies.vwap_scalper import VwapScalperConfig


class Strategies(Config, frozen=True):
    """The built-in strategies.

    ``enabled`` lists the ones to use (empty: all of them); ``disabled`` takes some out again.
    """

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    ema_flip: EmaFlipConfig = EmaFlipConfig()
    ema_ribbon: EmaRibbonConfig = EmaRibbonConfig()
    trend_pullback: TrendPullbackConfig = TrendPullbackConfig()
    momentum_surge: MomentumSurgeConfig = MomentumSurgeConfig()
    multi_timeframe_trend: MultiTimeframeTrendConfig = MultiTimeframeTrendConfig()
    mean_reversion: MeanReversionConfig = MeanReversionConfig()
    bollinger_squeeze: BollingerSqueezeConfig = BollingerSqueezeConfig()
    vwap_scalper: VwapScalperConfig = VwapScalperConfig()
    opening_range: OpeningRangeConfig = OpeningRangeConfig()
