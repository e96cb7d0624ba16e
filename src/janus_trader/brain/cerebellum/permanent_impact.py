"""What a trade leaves behind: permanent impact from the drift of prices after fills."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.brain.cerebellum.forward_model import ForwardModel
from janus_trader.brain.cerebellum.open_fills import OpenFills
from janus_trader.foundation.config import Config, NonNegative, Positive


class PermanentImpactConfig(Config, frozen=True):
    """Horizon and evidence of permanent impact."""

    horizon_ns: Annotated[int, Meta(ge=1, description="from a fill until temporary impact is gone")] = (
        60_000_000_000
    )
    patience: Annotated[
        float, Meta(ge=1, description="horizons after which a later price is mostly the market's own move")
    ] = 10.0
    halflife: Annotated[Positive, Meta(description="fills of the regression's memory")] = 2000.0
    warmup: Annotated[int, Meta(ge=3, description="fills before anything is said")] = 50
    evidence: Annotated[NonNegative, Meta(description="errors from zero before it is believed")] = 2.0
    pending: Annotated[int, Meta(ge=1, description="fills waiting for a later price, at most")] = 4096


class Permanent(NamedTuple):
    """Coefficient and its standard error; NaN before the warm-up. ``known``: it is told from zero."""

    coefficient: float
    error: float
    known: bool


class PermanentImpact:
    r"""Streaming regression of price drift on what was traded.

    .. math:: 10^4\, d_i\, \frac{p_{t_i + \tau} - p^{dec}_i}{p^{dec}_i} = \gamma\, s_i q_i + \varepsilon_i,
              \qquad \varepsilon_i \sim s_i

    with the price the order was decided at, the first price known after the horizon, volatility s in basis
    points and size q over the reference value; divided by s, so that wild and calm instruments count alike,
    and without a constant. The mean cost of the fills (`fit_costs`) says what is paid; this says what stays:
    the two are identified by different prices. Where the noise of the market hides it ``known`` is False and nothing is
    predicted from it; a price that comes only after ``patience`` horizons (daily bars) is not used. O(1) a fill.

    Parameters
    ----------
    config : PermanentImpactConfig

    Examples
    --------
    >>> p = PermanentImpact(PermanentImpactConfig(horizon_ns=1, warmup=3))
    >>> for t in range(6):
    ...     p.fill(2 * t, "A", 1.0, 100.0, 100.0, 1.0 + t)
    ...     p.price(2 * t + 1, "A", 100.0 * (1.0 + 1e-4 * 0.5 * 100.0 * (1.0 + t)))
    >>> round(p.estimate().coefficient, 6), p.estimate().known
    (0.5, True)
    """

    count: int
    _sums: list[float]

    def __init__(self, config: PermanentImpactConfig) -> None:
        self.config = config
        self._keep = 0.5 ** (1.0 / config.halflife)
        self._open = OpenFills(config.horizon_ns, config.patience, config.pending)
        self.reset()

    def fill(
        self, ts: int, symbol: str, side: float, decision_price: float, sigma_bps: float, size: float
    ) -> None:
        """Note a fill of ``size`` (value over the reference) decided at a price; ``side`` is 1 or -1."""
        self._open.add(ts, symbol, side, decision_price, sigma_bps, size)

    def price(self, ts: int, symbol: str, price: float) -> None:
        """A price of one instrument: settles the fills whose horizon it has reached."""
        self.prices(ts, {symbol: price})

    def prices(self, ts: int, prices: Mapping[str, float]) -> None:
        """Prices of several instruments, NaN where unknown: as `price` for each in turn. O(fills waiting)."""
        for fills in self._open.settle(ts, prices):
            for fill in fills:
                sigma, size = fill.known
                self._count(size, fill.drift_bps(prices[fill.symbol]) / sigma)

    def _count(self, x: float, y: float) -> None:
        k = self._keep
        self.count += 1
        self._sums = [k * s + new for s, new in zip(self._sums, (x * x, x * y, y * y, 1.0), strict=True)]

    def estimate(self) -> Permanent:
        """What is known now."""
        sxx, sxy, syy, weight = self._sums
        if self.count < self.config.warmup or not sxx > 0.0:
            return Permanent(math.nan, math.nan, False)
        slope = sxy / sxx
        error = math.sqrt(max(0.0, syy - slope * sxy) / max(1.0, weight - 1.0) / sxx)
        return Permanent(slope, error, slope > self.config.evidence * error)

    def next_prices(
        self, prices: np.ndarray, value: np.ndarray, sigma: np.ndarray, reference: float
    ) -> np.ndarray:
        """Expected prices after orders ``value`` (n,), signed, in currency (specification eq. 35)."""
        known = self.estimate()
        if not known.known:
            return np.array(prices, dtype=np.float64)
        model = ForwardModel(known.coefficient, 0.0, 0.0)
        return model.next_price(prices, value, np.full(len(value), reference), sigma)

    def reset(self) -> None:
        """Forget everything."""
        self._open.reset()
        self.count, self._sums = 0, [0.0] * 4

    def state(self) -> list[Any]:
        """State tree for a snapshot."""
        return [self._open.state(), self.count, list(self._sums)]

    def put_state(self, state: list[Any]) -> None:
        """Inverse of `state`."""
        self._open.put_state(state[0])
        self.count, self._sums = int(state[1]), [float(x) for x in state[2]]
