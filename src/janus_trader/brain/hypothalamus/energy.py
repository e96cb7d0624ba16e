"""Energy: the reserve that use of capital and losses drain and that rest restores."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta

from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive


class EnergyConfig(Config, frozen=True):
    """Rates of the reserve, per bar."""

    recovery: Annotated[Fraction, Meta(description="share of what is missing that returns")] = 0.05
    capacity_drawdown: Annotated[
        float, Meta(gt=0, le=1, description="drawdown at which nothing is left to recover with")
    ] = 0.5
    set_point: Annotated[Positive, Meta(description="utilisation carried without fatigue, regime 1")] = 0.8
    use_drain: Annotated[NonNegative, Meta(description="per unit of utilisation above the set point")] = 0.05
    margin_drain: Annotated[NonNegative, Meta(description="per unit of equity that is borrowed")] = 0.02
    loss_drain: Annotated[NonNegative, Meta(description="per deviation lost beyond one")] = 0.03
    floor: Annotated[Fraction, Meta(description="factor at an empty reserve")] = 0.5


class EnergyReserve:
    """Reserve E in [0, 1] of the trading system.

    With utilisation ``u = gross / gross_limit``, borrowed share b, the book's return r in units of its
    target deviation z, the regime's appetite a and the recovery capacity q left by a drawdown d::

        q = (1 - d / d_0)+
        E <- clip(E + rho q (1 - E) - k_u (u - u*(a))+ - k_m b - k_l (-z - 1)+, 0, 1)
        u*(a) = set_point * a            factor = floor + (1 - floor) E

    The set point moves with the regime (allostasis): what is comfortable in a bull market is
    exhausting in a crisis. Losses within one deviation cost nothing. O(1).

    Parameters
    ----------
    config : EnergyConfig
    gross_limit : float
    deviation : float
        Standard deviation of one bar's return at the volatility target.

    Examples
    --------
    >>> energy = EnergyReserve(EnergyConfig(), gross_limit=1.5, deviation=0.01)
    >>> energy.update(gross=0.5, cash_share=0.5, r=-0.06, appetite=1.0)
    >>> round(energy.factor, 3)
    0.925
    """

    def __init__(self, config: EnergyConfig, gross_limit: float, deviation: float) -> None:
        self.config, self._limit, self._deviation = config, gross_limit, deviation
        self.reserve = 1.0

    @property
    def factor(self) -> float:
        """Factor of the appetite, in [floor, 1]."""
        return self.config.floor + (1.0 - self.config.floor) * self.reserve

    def update(
        self, gross: float, cash_share: float, r: float, appetite: float, drawdown: float = 0.0
    ) -> None:
        """Take in one bar; ``r`` may be NaN where there is no return yet, ``drawdown`` is in [0, 1]."""
        c = self.config
        load = c.use_drain * max(0.0, gross / self._limit - c.set_point * appetite)
        load += c.margin_drain * max(0.0, -cash_share)
        if math.isfinite(r):
            load += c.loss_drain * max(0.0, -r / self._deviation - 1.0)
        capacity = max(0.0, 1.0 - drawdown / c.capacity_drawdown)
        gain = c.recovery * capacity * (1.0 - self.reserve)
        self.reserve = min(1.0, max(0.0, self.reserve + gain - load))

    def reset(self) -> None:
        """A full reserve."""
        self.reserve = 1.0
