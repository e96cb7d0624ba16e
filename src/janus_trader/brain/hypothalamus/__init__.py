"""Hypothalamus: homeostasis of the book.

Biology
    The hypothalamus keeps vital signs near set points and moves the set points ahead of need
    (allostasis; Sterling 2012): what is regulated is not the present error but the predicted one.

Mechanism
    `Hypothalamus.appetite` multiplies five factors to one risk scalar: regime, drawdown ladder,
    realised against predicted risk, tempered Kelly on the book's own returns, and energy: a reserve
    that utilisation, margin and losses drain and that recovers the slower the deeper the drawdown, times
    the cut of `Homeostasis`, which keeps exposure, heat, drawdown and correlation within ranges that move
    with the regime ahead of time. `correlate` keeps the covariance and watches its average.
    `allocate` spends the appetite: a risk-parity anchor as prior, scores as views, turnover priced in.

Deliberate departures
    * Volatility is targeted once, by the allocator. The volatility factor only corrects the risk
      model by its own error (prediction error), so risk is not cut twice for one cause.
    * Appetite enters the allocation as risk tolerance: without views and costs the target is the
      anchor times the appetite.
    * The drawdown ladder is linear between its steps: a step function would trade at every crossing.
    * Kelly works on the whole book with a mean shrunk to a prior, and can only reduce.
    * Views tilt a long anchor: with nothing to say the book holds diversified risk, not cash.
"""

from janus_trader.brain.hypothalamus.allocation import AllocationConfig, TargetAllocator
from janus_trader.brain.hypothalamus.appetite import AppetiteConfig, AppetiteModel
from janus_trader.brain.hypothalamus.correlation import (
    CorrelationConfig,
    CorrelationTracker,
    average_correlation,
)
from janus_trader.brain.hypothalamus.energy import EnergyConfig, EnergyReserve
from janus_trader.brain.hypothalamus.homeostasis import VITAL_SIGNS, Homeostasis, HomeostasisConfig, Vitals
from janus_trader.brain.hypothalamus.hypothalamus import Hypothalamus, HypothalamusConfig

__all__ = [
    "VITAL_SIGNS",
    "AllocationConfig",
    "AppetiteConfig",
    "AppetiteModel",
    "CorrelationConfig",
    "CorrelationTracker",
    "EnergyConfig",
    "EnergyReserve",
    "Homeostasis",
    "HomeostasisConfig",
    "Hypothalamus",
    "HypothalamusConfig",
    "TargetAllocator",
    "Vitals",
    "average_correlation",
]
