"""What an allocator is, and the ones a configuration can name."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.portfolio.hrp import HierarchicalRiskParity
from janus_trader.portfolio.mean_variance import MeanVariance, MeanVarianceConfig
from janus_trader.portfolio.min_variance import MinVariance
from janus_trader.portfolio.risk_parity import RiskParity


@runtime_checkable
class Allocator(Protocol):
    """Turns a covariance (n, n), expected returns (n,) and held weights (n,) into weights (n,).

    An allocator that does not use ``mu`` or ``previous`` ignores them; absent means none (0).
    Allocators keep no state: same arguments, same weights.
    """

    name: str

    def weights(
        self, cov: np.ndarray, mu: np.ndarray | None = None, previous: np.ndarray | None = None
    ) -> np.ndarray: ...


def allocator(method: str, config: MeanVarianceConfig | None = None) -> Allocator:
    """The allocator of a name: mean_variance, hrp, risk_parity or min_variance.

    ``config`` is used by mean_variance alone.

    Raises
    ------
    ConfigError
        The name is unknown.

    Examples
    --------
    >>> allocator("hrp").weights(np.eye(2)).tolist()
    [0.5, 0.5]
    """
    if method == "mean_variance":
        return MeanVariance(config or MeanVarianceConfig())
    if method == "hrp":
        return HierarchicalRiskParity()
    if method == "risk_parity":
        return RiskParity()
    if method == "min_variance":
        return MinVariance()
    raise ConfigError(
        f"no allocator {method!r}", got=method, expected="mean_variance, hrp, risk_parity or min_variance"
    )
