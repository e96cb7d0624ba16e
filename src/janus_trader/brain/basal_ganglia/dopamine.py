"""Dopamine: one number that says how hopeful to be."""

from __future__ import annotations

from math import sqrt, tanh
from typing import Annotated

from msgspec import Meta

from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.config import Config, Fraction, NonNegative


class DopamineConfig(Config, frozen=True):
    """Weights of what dopamine listens to."""

    regime_gain: Annotated[NonNegative, Meta(description="of confidence × (risk-on − risk-off)")] = 0.5
    reward_gain: Annotated[NonNegative, Meta(description="of the running reward prediction error")] = 0.5
    expectation_rate: Annotated[Fraction, Meta(description="EMA rate of the expected return")] = 0.05
    error_rate: Annotated[Fraction, Meta(description="EMA rate of the prediction error")] = 0.1


class Dopamine:
    r"""Modulation ρ in [-1, 1] of the two pathways.

    .. math:: \rho = \mathrm{clip}\big(a\,\kappa\,(P_{on} - P_{off}) + b\,\overline{\tanh((r - V)/s)}\big)

    with κ the regime's confidence, r the book's return over the bar, V and s its running mean and
    deviation (from earlier bars) and the bar an exponential mean, 0 in the first bars. O(1).
    """

    def __init__(self, config: DopamineConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """No expectation."""
        self._equity, self._mean, self._variance, self._error, self._count = 0.0, 0.0, 0.0, 0.0, 0

    def update(self, regime: RegimeState, portfolio: PortfolioState) -> float:
        """Take in a bar and return ρ."""
        config = self.config
        if self._equity > 0.0:
            self._learn(portfolio.equity / self._equity - 1.0)
        self._equity = portfolio.equity
        hope = regime.confidence * (2.0 * regime.risk_on - 1.0)
        rho = config.regime_gain * hope + config.reward_gain * self._error
        return min(max(rho, -1.0), 1.0)

    def _learn(self, reward: float) -> None:
        gap = reward - self._mean
        deviation = sqrt(self._variance)
        surprise = tanh(gap / deviation) if deviation > 1e-12 else 0.0
        self._error += self.config.error_rate * (surprise - self._error)
        self._count += 1
        rate = max(self.config.expectation_rate, 1.0 / self._count)
        self._mean += rate * gap
        self._variance = (1.0 - rate) * (self._variance + rate * gap * gap)

    def state(self) -> list[float]:
        """Running values."""
        return [self._equity, self._mean, self._variance, self._error, float(self._count)]

    def load(self, state: list[float]) -> None:
        """Inverse of `state`."""
        self._equity, self._mean, self._variance, self._error = (float(x) for x in state[:4])
        self._count = int(state[4])
