"""Allocation: robust mean–variance, hierarchical and equal risk parity, minimum variance, Kelly."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
from janus_trader.portfolio.hrp import HierarchicalRiskParity, hrp
from janus_trader.portfolio.kelly import KellyConfig, kelly_fraction, kelly_weights
from janus_trader.portfolio.mean_variance import (
    MeanVariance,
    MeanVarianceConfig,
    Solution,
    solve_mean_variance,
)
from janus_trader.portfolio.min_variance import MinVariance, min_variance
from janus_trader.portfolio.protocol import Allocator, allocator
from janus_trader.portfolio.risk_parity import RiskParity, risk_parity

__all__ = [
    "Allocator",
    "HierarchicalRiskParity",
    "KellyConfig",
    "MeanVariance",
    "MeanVarianceConfig",
    "MinVariance",
    "RiskParity",
    "Solution",
    "allocator",
    "hrp",
    "kelly_fraction",
    "kelly_weights",
    "min_variance",
    "risk_parity",
    "solve_mean_variance",
]
