"""The hypothalamus: how much risk the book may carry, and the target it is spent on."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.brain.hypothalamus.allocation import AllocationConfig, TargetAllocator
from janus_trader.brain.hypothalamus.appetite import AppetiteConfig, AppetiteModel
from janus_trader.brain.hypothalamus.correlation import CorrelationConfig, CorrelationTracker
from janus_trader.brain.hypothalamus.homeostasis import VITAL_SIGNS
from janus_trader.contracts.decision import Action, Appetite, Correlation, Target
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config


class HypothalamusConfig(Config, frozen=True):
    """Configuration of the hypothalamus; nested records belong to its parts."""

    appetite: AppetiteConfig = AppetiteConfig()
    correlation: CorrelationConfig = CorrelationConfig()
    allocation: AllocationConfig = AllocationConfig()


class Hypothalamus:
    """Appetite, correlation and allocation of one book, called in this order every bar.

    `appetite` uses the covariance of the bar before (it is asked first), `allocate` that of the bar
    itself. Nothing here is trained at night: set points adapt by day and are part of the snapshot.

    Parameters
    ----------
    config : HypothalamusConfig
    n : int
        Number of instruments.
    bars_per_year : float
    long_only : bool

    Examples
    --------
    >>> h = Hypothalamus(HypothalamusConfig(), n=2, bars_per_year=252.0, long_only=True)
    >>> h.correlate(np.zeros(2), np.array([True, True])).ready
    False
    """

    def __init__(
        self, config: HypothalamusConfig, n: int, bars_per_year: float, long_only: bool = True
    ) -> None:
        self.config, self.n = config, n
        target = config.appetite.volatility_target
        self._appetite = AppetiteModel(config.appetite, bars_per_year, config.allocation.gross)
        self._correlation = CorrelationTracker(config.correlation, n, bars_per_year)
        self._allocator = TargetAllocator(config.allocation, n, bars_per_year, target, long_only)

    def appetite(self, regime: RegimeState, portfolio: PortfolioState) -> Appetite:
        """The risk scalar of this bar and its factors (see `AppetiteModel`)."""
        tracker = self._correlation
        return self._appetite.appetite(regime, portfolio, tracker.covariance, tracker.ready, tracker.average)

    @property
    def vital_signs(self) -> dict[str, float]:
        """Cut of the appetite that each vital sign asks for now (see `Homeostasis`)."""
        return dict(zip(VITAL_SIGNS, self._appetite.homeostasis.cuts, strict=True))

    def correlate(self, returns: np.ndarray, present: np.ndarray) -> Correlation:
        """Covariance of one-bar returns after this bar (see `CorrelationTracker`)."""
        return self._correlation.update(returns, present)

    def sigma(self) -> np.ndarray:
        """Deviation of one-bar returns as known now, (n,), positive."""
        return self._correlation.sigma

    def allocate(
        self,
        action: Action,
        appetite: Appetite,
        correlation: Correlation,
        previous: np.ndarray,
        cost_bps: np.ndarray,
    ) -> Target:
        """Target weights (n,) from the released scores (see `TargetAllocator`)."""
        least = self.config.correlation.min_bars if correlation.ready else 1
        return self._allocator.allocate(
            action.score,
            action.released,
            appetite,
            correlation.covariance,
            correlation.ready,
            self._correlation.bars >= least,
            previous,
            cost_bps,
        )

    def reset(self) -> None:
        """Back to a fresh instance."""
        self._appetite.reset()
        self._correlation.reset()
        self._allocator.reset()

    def _parts(self) -> dict[str, Any]:
        return {"appetite": self._appetite, "correlation": self._correlation, "allocator": self._allocator}

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({name: part.state() for name, part in self._parts().items()})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to a book of another size."""
        state = unpack(raw)
        self._correlation.put_state(state["correlation"])
        self._appetite.put_state(state["appetite"])
        self._allocator.put_state(state["allocator"])
