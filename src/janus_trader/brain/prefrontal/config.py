"""Limits of the rulebook, all as fractions of equity, and what is watched besides."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.brain.prefrontal.goals import GoalsConfig
from janus_trader.brain.prefrontal.logic_monitor import LogicMonitorConfig
from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config


class PrefrontalConfig(Config, frozen=True):
    """Parameters of every rule, of the axioms and of the goals.

    ``truth_*`` and ``forall_p`` shape the fuzzy truth only, never a verdict; no more do ``logic`` and ``goals``.
    """

    max_long: Annotated[float, Meta(ge=0, le=5, description="largest long weight of an instrument")] = 0.15
    max_short: Annotated[float, Meta(ge=0, le=5, description="largest short weight, as a size")] = 0.10
    max_gross: Annotated[float, Meta(ge=0, le=10, description="cap on Σ|w|")] = 1.5
    min_net: Annotated[float, Meta(ge=-10, le=0, description="floor of Σw")] = -0.3
    max_net: Annotated[float, Meta(ge=0, le=10, description="cap on Σw")] = 1.2
    max_turnover: Annotated[
        float, Meta(ge=0, le=10, description="new exposure in one bar; reductions are never limited")
    ] = 1.0
    drawdown_start: Annotated[
        float, Meta(ge=0, le=1, description="drawdown from which the gross cap shrinks")
    ] = 0.10
    max_drawdown: Annotated[
        float, Meta(gt=0, le=1, description="drawdown from which there is no new risk")
    ] = 0.40
    drawdown_floor: Annotated[
        float, Meta(ge=0, le=1, description="share of the gross cap left at max_drawdown")
    ] = 0.25
    max_daily_loss: Annotated[
        float, Meta(gt=0, le=1, description="loss since the session's start from which there is no new risk")
    ] = 0.05
    reduce_scale: Annotated[float, Meta(ge=0, le=1, description="share of the limits left at REDUCE")] = 0.5
    safe_scale: Annotated[float, Meta(ge=0, le=1, description="share of a position left at SAFE")] = 0.5
    restricted: tuple[str, ...] = ()
    truth_sharpness: Annotated[float, Meta(gt=0, le=100, description="fall of truth per relative excess")] = (
        5.0
    )
    truth_scale: Annotated[float, Meta(gt=0, le=1, description="least limit an excess is related to")] = 0.05
    forall_p: Annotated[float, Meta(ge=1, le=100, description="p of the p-mean-error quantifier")] = 2.0
    satisfaction_alpha: Annotated[
        float, Meta(gt=0, le=1, description="weight of the newest review in the running satisfaction")
    ] = 0.05
    logic: LogicMonitorConfig = LogicMonitorConfig()
    goals: GoalsConfig = GoalsConfig()

    def __post_init__(self) -> None:
        if self.drawdown_start >= self.max_drawdown:
            raise ConfigError(
                "drawdown limits are not ordered",
                got=f"drawdown_start={self.drawdown_start}, max_drawdown={self.max_drawdown}",
                expected="drawdown_start < max_drawdown",
            )
