"""Allocation: robust mean–variance, hierarchical and budgeted risk parity, minimum variance, Kelly, views."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
from janus_trader.portfolio.black_litterman import Posterior, Views, black_litterman, implied_returns
from janus_trader.portfolio.correlation_derisking import (
    CovarianceAllocation,
    DeriskingConfig,
    align_by_time,
    covariance_allocation,
    derisk_correlated,
)
from janus_trader.portfolio.hrp import HierarchicalRiskParity, hrp
from janus_trader.portfolio.kelly import (
    DrawdownLimit,
    KellyConfig,
    drawdown_fraction,
    kelly_fraction,
    kelly_weights,
)
from janus_trader.portfolio.linear_rows import LinearRows
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
    "CovarianceAllocation",
    "DeriskingConfig",
    "DrawdownLimit",
    "HierarchicalRiskParity",
    "KellyConfig",
    "LinearRows",
    "MeanVariance",
    "MeanVarianceConfig",
    "MinVariance",
    "Posterior",
    "RiskParity",
    "Solution",
    "Views",
    "align_by_time",
    "allocator",
    "black_litterman",
    "covariance_allocation",
    "derisk_correlated",
    "drawdown_fraction",
    "hrp",
    "implied_returns",
    "kelly_fraction",
    "kelly_weights",
    "min_variance",
    "risk_parity",
    "solve_mean_variance",
]
