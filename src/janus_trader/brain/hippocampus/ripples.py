"""Sharp-wave ripples: eleven kinds of event that make an episode worth replaying."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive


class RippleType(StrEnum):
    """The eleven kinds, in order of weight."""

    LARGE_LOSS = "large_loss"
    RISK_EVENT = "risk_event"
    LARGE_PROFIT = "large_profit"
    REGIME_CHANGE = "regime_change"
    MARKET_ANOMALY = "market_anomaly"
    CORRELATION_BREAKDOWN = "correlation_breakdown"
    STRATEGY_BREAKTHROUGH = "strategy_breakthrough"
    NOVEL_PATTERN = "novel_pattern"
    VOLATILITY_SPIKE = "volatility_spike"
    LIQUIDITY_EVENT = "liquidity_event"
    PERIODIC = "periodic"


#: Kinds in the order in which the ring stores them (0 means none).
RIPPLES = tuple(RippleType)


class RippleWeights(Config, frozen=True):
    """Priority of each kind."""

    large_loss: Fraction = 1.0
    risk_event: Fraction = 0.95
    large_profit: Fraction = 0.85
    regime_change: Fraction = 0.80
    market_anomaly: Fraction = 0.75
    correlation_breakdown: Fraction = 0.70
    strategy_breakthrough: Fraction = 0.65
    novel_pattern: Fraction = 0.60
    volatility_spike: Fraction = 0.55
    liquidity_event: Fraction = 0.50
    periodic: Fraction = 0.30


class RippleConfig(Config, frozen=True):
    """Weights of the kinds and the thresholds at which they are raised."""

    weights: RippleWeights = RippleWeights()
    profit: Annotated[Positive, Meta(description="return of a large profit or loss, in deviations")] = 2.0
    breakthrough: Annotated[Positive, Meta(description="payoff of one source, in volatilities")] = 2.5
    volatility: Annotated[Positive, Meta(description="mean |payoff| of the book, in volatilities")] = 2.5
    novelty: Annotated[Positive, Meta(description="1 − similarity to the nearest memory")] = 0.7
    correlation: Annotated[Positive, Meta(description="move of the average correlation")] = 0.5
    turbulence: Annotated[Positive, Meta(description="turbulence over its threshold")] = 1.0
    liquidity: Annotated[Positive, Meta(description="forecast cost over its running mean")] = 3.0
    levels: tuple[float, float, float] = (1.5, 2.0, 3.0)
    dedup_seconds: Annotated[NonNegative, Meta(description="a kind is raised once within this")] = 60.0
    periodic_seconds: Annotated[Positive, Meta(description="time between periodic ripples")] = 3600.0
    periodic_bars: Annotated[int, Meta(ge=1, description="bars between periodic ripples")] = 21


class RippleDetector:
    """Names the strongest ripple of an episode.

    A statistic over its threshold raises its kind; the strength is the kind's weight times 1, 1.5, 2 or 3
    as the statistic passes 1, 1.5, 2 and 3 thresholds. The same kind is not raised twice within
    ``dedup_seconds``. The periodic ripple needs both its time and its bars, so that daily data does not
    raise it at every bar. O(1).

    Examples
    --------
    >>> d = RippleDetector(RippleConfig())
    >>> d.detect(0, 0, {RippleType.LARGE_LOSS: 1.2, RippleType.NOVEL_PATTERN: 1.1})
    (<RippleType.LARGE_LOSS: 'large_loss'>, 1.0)
    """

    def __init__(self, config: RippleConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Nothing has been raised."""
        self._last: dict[str, int] = {}
        self._last_step = 0

    def strength(self, kind: RippleType, ratio: float) -> float:
        """Weight of a kind times the multiplier of its ``ratio`` = statistic over threshold."""
        first, second, third = self.config.levels
        factor = 3.0 if ratio >= third else 2.0 if ratio >= second else 1.5 if ratio >= first else 1.0
        return getattr(self.config.weights, kind.value) * factor

    def detect(
        self, ts_event: int, step: int, ratios: Mapping[RippleType, float]
    ) -> tuple[RippleType | None, float]:
        """The strongest kind and its strength; (None, 0) when nothing stood out."""
        best, strongest = None, 0.0
        wait = int(self.config.dedup_seconds * 1e9)
        for kind in RIPPLES:  # in a fixed order: the first of equals wins
            ratio = ratios.get(kind, 0.0)
            if not ratio >= 1.0:
                continue
            last = self._last.get(kind)
            if last is not None and ts_event - last < wait:
                continue
            value = self.strength(kind, ratio)
            if value > strongest:
                best, strongest = kind, value
        if best is None and self._is_periodic(ts_event, step):
            best, strongest = RippleType.PERIODIC, self.strength(RippleType.PERIODIC, 1.0)
            self._last_step = step
        if best is not None:
            self._last[best.value] = ts_event
        return best, strongest

    def _is_periodic(self, ts_event: int, step: int) -> bool:
        last = self._last.get(RippleType.PERIODIC)
        if step - self._last_step < self.config.periodic_bars:
            return False
        return last is None or ts_event - last >= self.config.periodic_seconds * 1e9

    def state(self) -> dict[str, Any]:
        """When each kind was last raised."""
        return {"last": dict(self._last), "last_step": self._last_step}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._last = {str(k): int(v) for k, v in state["last"].items()}
        self._last_step = int(state["last_step"])
