"""Covariance of the book and how its average correlation behaves."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.decision import Correlation
from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.config import Config, Positive
from janus_trader.numerics.covariance import ewma_covariance_dtype, ewma_covariance_step


class CorrelationConfig(Config, frozen=True):
    """Memory of the covariance and scale of a breakdown."""

    halflife: Annotated[Positive, Meta(description="bars of the covariance")] = 63.0
    shrinkage: Annotated[float, Meta(ge=0, lt=1, description="towards the diagonal")] = 0.1
    min_bars: Annotated[int, Meta(ge=2, description="bars before it is used, per instrument too")] = 63
    slow_halflife: Annotated[Positive, Meta(description="bars of the mean correlation's own mean")] = 252.0
    breakdown_scale: Annotated[Positive, Meta(description="move of the mean correlation that is total")] = 0.5
    prior_volatility: Annotated[Positive, Meta(description="annual, of an instrument never seen")] = 0.3


@njit(cache=True)
def average_correlation(cov: np.ndarray, bars: np.ndarray, min_bars: int) -> float:
    """Mean off-diagonal correlation over instruments with enough bars and some variance; 0 for fewer
    than two of them. O(n^2)."""
    total, pairs = 0.0, 0
    for i in range(cov.shape[0]):
        if bars[i] < min_bars or not cov[i, i] > 0.0:
            continue
        for j in range(i):
            if bars[j] >= min_bars and cov[j, j] > 0.0:
                total += cov[i, j] / np.sqrt(cov[i, i] * cov[j, j])
                pairs += 1
    return total / pairs if pairs > 0 else 0.0


@njit(cache=True)
def _deviations(cov: np.ndarray, out: np.ndarray) -> None:
    for i in range(out.shape[0]):
        out[i] = np.sqrt(max(cov[i, i], 1e-16))


@njit(cache=True)
def _update(
    states: np.ndarray,
    returns: np.ndarray,
    present: np.ndarray,
    bars: np.ndarray,
    c: np.ndarray,
    min_bars: int,
    cov: np.ndarray,
    sigma: np.ndarray,
) -> tuple[float, bool]:
    # c: decay, its root, shrinkage; ``cov`` and ``sigma`` hold the last values and receive the new ones
    n = bars.shape[0]
    row = np.empty(n)
    some, ready = False, False
    for i in range(n):
        seen = present[i] and math.isfinite(returns[i])
        row[i] = returns[i] if seen else np.nan
        bars[i] += 1 if seen else 0
        some = some or bars[i] > 0
        ready = ready or bars[i] >= min_bars
    new = ewma_covariance_step(states[0], row, c[0], c[1], c[2])
    if some:
        cov[:] = new
        _deviations(cov, sigma)
    return average_correlation(cov, bars, min_bars), ready


class CorrelationTracker:
    """Streaming covariance, its mean correlation and the breakdown against the slow mean.

    ``breakdown = min(1, |rho - rho_slow| / scale)`` with ``rho_slow`` the exponentially weighted mean
    of strictly earlier values. Absent instruments leave their rows untouched. Before the first
    return the covariance is diagonal with the prior volatility. O(n^2).

    Parameters
    ----------
    config : CorrelationConfig
    n : int
    bars_per_year : float

    Attributes
    ----------
    covariance : (n, n) array
    sigma : (n,) array
        Deviation of one-bar returns, positive.
    bars : (n,) int array
        Returns seen of each instrument.
    ready : bool
        Whether some instrument has enough of them.
    average : float
        Mean correlation after the last bar, NaN before it is ready.

    Examples
    --------
    >>> tracker = CorrelationTracker(CorrelationConfig(min_bars=5), 2, 252.0)
    >>> for r in (0.01, -0.02, 0.01, 0.03, -0.01, 0.02):
    ...     out = tracker.update(np.array([r, r]), np.array([True, True]))
    >>> out.ready, round(out.average, 6)
    (True, 0.9)
    """

    def __init__(self, config: CorrelationConfig, n: int, bars_per_year: float) -> None:
        self.config, self.n = config, n
        self._prior = config.prior_volatility**2 / bars_per_year
        self._gain = 1.0 - 0.5 ** (1.0 / config.slow_halflife)
        decay = 0.5 ** (1.0 / config.halflife)
        self._c = np.array([decay, np.sqrt(decay), config.shrinkage])
        self._state = np.zeros(1, ewma_covariance_dtype(n))
        self.bars = np.zeros(n, np.int64)
        self.covariance, self.sigma = np.empty((n, n)), np.empty(n)
        self.reset()

    def update(self, returns: np.ndarray, present: np.ndarray) -> Correlation:
        """Take in one bar's returns (n,), read where ``present``; a return that is not finite is absent."""
        # fresh arrays every bar: those of earlier bars are in messages that went out
        self.covariance, self.sigma = self.covariance.copy(), self.sigma.copy()
        average, ready = _update(
            self._state,
            returns,
            present,
            self.bars,
            self._c,
            self.config.min_bars,
            self.covariance,
            self.sigma,
        )
        self.ready = ready
        self.average = average if ready else math.nan
        moved = 0.0
        if ready:
            if self._slow_count > 0:
                moved = min(1.0, abs(average - self._slow) / self.config.breakdown_scale)
            self._slow_count += 1
            self._slow += max(self._gain, 1.0 / self._slow_count) * (average - self._slow)
        return Correlation(covariance=self.covariance, average=average, breakdown=moved, ready=ready)

    def reset(self) -> None:
        """Forget everything."""
        self._state[:] = np.zeros(1, self._state.dtype)
        self.bars[:] = 0
        self._slow, self._slow_count, self.average = 0.0, 0, math.nan
        self._hold(self._prior * np.eye(self.n))

    def _hold(self, covariance: np.ndarray) -> None:
        self.covariance, self.sigma = covariance, np.empty(self.n)
        _deviations(covariance, self.sigma)
        self.ready = bool((self.bars >= self.config.min_bars).any())

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {
            "ewma": self._state.tobytes(),
            "bars": self.bars,
            "covariance": self.covariance,
            "slow": [self._slow, self._slow_count],
            "average": [self.average] if math.isfinite(self.average) else [],
        }

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for a book of another size."""
        if state["bars"].shape != (self.n,):
            raise IntegrityError(
                "correlation snapshot does not fit", got=state["bars"].shape, expected=f"({self.n},)"
            )
        self._state = np.frombuffer(state["ewma"], self._state.dtype).copy()
        self.bars[:] = state["bars"]
        self._hold(np.array(state["covariance"]))
        slow, count = state["slow"]
        self._slow, self._slow_count = float(slow), int(count)
        self.average = float(state["average"][0]) if len(state["average"]) else math.nan
