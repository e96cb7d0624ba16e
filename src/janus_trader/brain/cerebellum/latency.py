"""How long an order takes: a lognormal law that follows the venue."""

from __future__ import annotations

import math
from typing import Annotated, Any

from msgspec import Meta
from scipy.special import ndtri

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config, Positive


class LatencyConfig(Config, frozen=True):
    """Memory of the latency model."""

    halflife: Annotated[Positive, Meta(description="orders")] = 200.0
    warmup: Annotated[int, Meta(ge=2, description="orders before anything is said")] = 20


class LatencyModel:
    r"""Exponentially weighted moments of log latency; quantiles of the lognormal law they give.

    .. math:: m \leftarrow m + g (\log \ell - m), \quad s^2 \leftarrow (1 - g)(s^2 + g (\log \ell - m)^2),
              \qquad q_p = e^{m + s \Phi^{-1}(p)}

    A latency that is not a positive number is left out. NaN before ``warmup`` orders. O(1).

    Parameters
    ----------
    config : LatencyConfig

    Examples
    --------
    >>> model = LatencyModel(LatencyConfig(warmup=3))
    >>> for ns in (1e6, 2e6, 4e6):
    ...     model.observe(ns)
    >>> round(model.quantile(0.5) / 1e6, 3)
    2.0
    """

    count: int
    _mean: float
    _variance: float

    def __init__(self, config: LatencyConfig) -> None:
        self.config = config
        self._gain = 1.0 - 0.5 ** (1.0 / config.halflife)
        self.reset()

    def observe(self, latency_ns: float) -> None:
        """Take in the latency of one order, from the decision to the venue's word."""
        if not (latency_ns > 0.0 and math.isfinite(latency_ns)):
            return
        self.count += 1
        gain = max(self._gain, 1.0 / self.count)
        deviation = math.log(latency_ns) - self._mean
        self._mean += gain * deviation
        self._variance = (1.0 - gain) * (self._variance + gain * deviation * deviation)

    def quantile(self, p: float) -> float:
        """Latency in ns that is not exceeded with probability ``p`` in (0, 1); NaN before the warm-up."""
        if not 0.0 < p < 1.0:
            raise DataError("a quantile of latency", got=p, expected="in (0, 1)")
        if self.count < self.config.warmup:
            return math.nan
        return math.exp(self._mean + math.sqrt(self._variance) * float(ndtri(p)))

    def reset(self) -> None:
        """Forget everything."""
        self.count, self._mean, self._variance = 0, 0.0, 0.0

    def state(self) -> list[Any]:
        """State tree for a snapshot."""
        return [self.count, self._mean, self._variance]

    def put_state(self, state: list[Any]) -> None:
        """Inverse of `state`."""
        self.count, self._mean, self._variance = int(state[0]), float(state[1]), float(state[2])
