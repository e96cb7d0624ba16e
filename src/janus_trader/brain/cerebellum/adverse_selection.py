"""Adverse selection: do prices move against us once we were filled?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from janus_trader.brain.cerebellum.open_fills import OpenFills
from janus_trader.foundation.config import Config, Positive


class AdverseSelectionConfig(Config, frozen=True):
    """Horizon, memory and alarm of the markouts."""

    horizon_ns: Annotated[int, Meta(ge=1, description="from a fill to its markout")] = 5_000_000_000
    patience: Annotated[
        float, Meta(ge=1, description="horizons after which a later price is no markout any more")
    ] = 10.0
    halflife: Annotated[Positive, Meta(description="fills, of the mean markout")] = 100.0
    warmup: Annotated[int, Meta(ge=2, description="markouts before anything is said")] = 30
    alarm: Annotated[Positive, Meta(description="deviations of the mean below zero that are toxic")] = 3.0
    pending: Annotated[int, Meta(ge=1, description="fills waiting for their markout, at most")] = 4096


class Markout(NamedTuple):
    """Mean markout in basis points, its standard error, and whether flow is toxic; NaN before the warm-up."""

    mean_bps: float
    error_bps: float
    toxic: bool


class AdverseSelection:
    r"""Exponentially weighted mean of markouts and its test against zero.

    .. math:: m_i = 10^4\, d_i\, \frac{p_{t_i + \tau} - p_i}{p_i}, \qquad
              \text{toxic} \iff \bar m < -z\; s_m / \sqrt{n_\text{eff}}

    with :math:`d_i` 1 for what was bought and -1 for what was sold at :math:`p_i`, and the first mid price
    known at or after the horizon; where it comes only after ``patience`` horizons (daily bars) the fill says
    nothing. A resting order earns its half spread where nobody knows better (:math:`\bar m > 0`, the realised
    spread); against informed flow the price runs away and it loses. ``n_eff`` counts at most the memory of
    the mean. Fills of one moment are one piece of evidence: their markouts are averaged first. O(fills).

    Parameters
    ----------
    config : AdverseSelectionConfig

    Examples
    --------
    >>> a = AdverseSelection(AdverseSelectionConfig(horizon_ns=1, warmup=2))
    >>> for t in range(4):
    ...     a.fill(2 * t, "A", 1.0, 100.0)
    ...     a.price(2 * t + 1, "A", 99.9 - 0.001 * t)
    >>> a.markout().toxic
    True
    """

    count: int
    _mean: float
    _variance: float

    def __init__(self, config: AdverseSelectionConfig) -> None:
        self.config = config
        self._gain = 1.0 - 0.5 ** (1.0 / config.halflife)
        self._open = OpenFills(config.horizon_ns, config.patience, config.pending)
        self.reset()

    def fill(self, ts: int, symbol: str, side: float, price: float) -> None:
        """Note a fill at ``price`` > 0; ``side`` is 1 where we bought, -1 where we sold."""
        self._open.add(ts, symbol, side, price)

    def price(self, ts: int, symbol: str, mid: float) -> None:
        """A mid price of one instrument: settles the fills whose horizon it has reached."""
        self.prices(ts, {symbol: mid})

    def prices(self, ts: int, mids: Mapping[str, float]) -> None:
        """Mid prices of several instruments, NaN where unknown: as `price` for each in turn. O(fills waiting)."""
        for fills in self._open.settle(ts, mids):
            moments: dict[int, list[float]] = {}
            for fill in fills:
                moments.setdefault(fill.ts, []).append(fill.drift_bps(mids[fill.symbol]))
            for found in moments.values():
                self._count(sum(found) / len(found))

    def _count(self, markout: float) -> None:
        self.count += 1
        gain = max(self._gain, 1.0 / self.count)
        deviation = markout - self._mean
        self._mean += gain * deviation
        self._variance = (1.0 - gain) * (self._variance + gain * deviation * deviation)

    def markout(self) -> Markout:
        """What is known now."""
        if self.count < self.config.warmup:
            return Markout(math.nan, math.nan, False)
        effective = min(self.count, 2.0 / self._gain - 1.0)  # of an exponential mean: (2 - g) / g
        error = math.sqrt(self._variance / max(1.0, effective - 1.0))
        return Markout(self._mean, error, self._mean < -self.config.alarm * error)

    def reset(self) -> None:
        """Forget everything."""
        self._open.reset()
        self.count, self._mean, self._variance = 0, 0.0, 0.0

    def state(self) -> list[Any]:
        """State tree for a snapshot."""
        return [self._open.state(), self.count, self._mean, self._variance]

    def put_state(self, state: list[Any]) -> None:
        """Inverse of `state`."""
        self._open.put_state(state[0])
        self.count, self._mean, self._variance = int(state[1]), float(state[2]), float(state[3])
