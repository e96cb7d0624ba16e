"""The forward model: what an order does to the price (specification eqs. 35 and 52)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class PriceMove(NamedTuple):
    """Expected effect of an order, as signed fractions of the price: what stays and what is paid and fades."""

    permanent: float
    temporary: float


class ForwardModel(NamedTuple):
    r"""Impact in units of volatility.

    .. math:: \Delta p / p = \mathrm{sgn}(v)\,\big(\underbrace{\gamma\,\sigma\,|v| / L}_{\text{permanent}}
              + \underbrace{h + \eta\,\sigma\sqrt{|v| / L}}_{\text{temporary}}\big)

    the form of specification eq. 52 with order size v, liquidity L (value traded in the time that
    :math:`\sigma` is the volatility of) and volatility. Permanent impact is linear, or buying and selling
    in different sizes would earn money (Huberman & Stanzl 2004); temporary impact is of the square root.

    >>> ForwardModel(permanent=0.3, temporary=0.5, half_spread=1e-4).move(-1e6, 1e8, 0.02).temporary
    -0.0011
    """

    permanent: float
    temporary: float
    half_spread: float

    def move(self, value: float, liquidity: float, sigma: float) -> PriceMove:
        """Effect of trading ``value`` (signed, currency); unknown liquidity or volatility: the spread alone."""
        side = math.copysign(1.0, value) if value != 0.0 and math.isfinite(value) else 0.0
        if not (liquidity > 0.0 and math.isfinite(liquidity) and sigma >= 0.0 and math.isfinite(sigma)):
            return PriceMove(0.0, side * self.half_spread)
        share = abs(value) / liquidity if side else 0.0
        return PriceMove(
            side * self.permanent * sigma * share,
            side * (self.half_spread + self.temporary * sigma * math.sqrt(share)),
        )

    def next_price(
        self, price: np.ndarray, value: np.ndarray, liquidity: np.ndarray, sigma: np.ndarray
    ) -> np.ndarray:
        """Expected prices after the orders ``value``, (n,) (specification eq. 35): only what stays moves them."""
        moves = [
            self.move(float(v), float(q), float(s)) for v, q, s in zip(value, liquidity, sigma, strict=True)
        ]
        return np.asarray(price) * (1.0 + np.array([m.permanent for m in moves]))
