"""Homeostasis: vital signs of the book, ranges that move with the regime, and what brings them back."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, NamedTuple

from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive

#: Vital signs: gross exposure over its limit, predicted over target volatility, drawdown, mean correlation.
VITAL_SIGNS: tuple[str, ...] = ("exposure", "heat", "drawdown", "correlation")
_EXPOSURE = 0


class Vitals(NamedTuple):
    """Vital signs of one bar; NaN where one is not known."""

    exposure: float
    heat: float
    drawdown: float
    correlation: float


class HomeostasisConfig(Config, frozen=True):
    """Ranges at regime appetite 1 and the controller that defends them."""

    #: Upper ends of the ranges, in the order of `VITAL_SIGNS`.
    high: tuple[float, float, float, float] = (1.0, 1.5, 0.25, 0.8)
    #: Share of each upper end that stays where the regime leaves no appetite: how far set points move.
    rigid: tuple[float, float, float, float] = (0.4, 0.4, 0.5, 0.75)
    exposure_low: Annotated[Fraction, Meta(description="lower end of exposure, appetite 1")] = 0.0
    kp: Annotated[NonNegative, Meta(description="cut per relative excess")] = 0.3
    ki: Annotated[NonNegative, Meta(description="cut per relative excess and bar")] = 0.05
    leak: Annotated[Fraction, Meta(description="share of the cut forgotten per bar within the range")] = 0.1
    most: Annotated[Fraction, Meta(description="largest cut")] = 0.5
    boost: Annotated[float, Meta(ge=0, le=0.5, description="largest raise where exposure is too low")] = 0.0
    anticipation: Annotated[Fraction, Meta(description="weight of the forecast regime in set points")] = 0.5
    gate: Annotated[Positive, Meta(description="relative excesses are clipped here before they count")] = 2.0


class Homeostasis:
    r"""Keeps vital signs within ranges around set points that move with the regime (allostasis).

    .. math::

        h_v(a) = h_v\,(\rho_v + (1 - \rho_v) \min(a, 1)), \qquad
        e_v = x_v / h_v(a) - 1 \ \text{above},\quad x_v / l_v(a) - 1 \ \text{below},\quad 0\ \text{within}

        I_v \leftarrow \mathrm{clip}\big((1 - \lambda 1_{e_v = 0}) I_v + k_i e_v,\, -b_v,\, u_\max\big), \qquad
        u_v = \mathrm{clip}(k_p e_v + I_v,\, -b_v,\, u_\max)

    and the factor of the appetite is ``1 - max_v u_v``: the vital sign furthest from its range governs, so
    that one cause is not punished twice (a raise counts where no sign asks for a cut). The integral is
    clamped to what a cut may be, so that it does not wind up, and leaks within the range. Only exposure has
    a lower end, and a raise must be allowed (``boost``). ``a`` is the appetite of the regime expected next,
    not of the one seen. Worse signs never give a larger factor.

    A vital sign that is not known leaves its cut as it was. O(4), no warm-up.

    Parameters
    ----------
    config : HomeostasisConfig

    Raises
    ------
    ConfigError
        A range is not positive or a rigid share is not in [0, 1].

    Examples
    --------
    >>> h = Homeostasis(HomeostasisConfig())
    >>> h.update(Vitals(exposure=0.6, heat=1.0, drawdown=0.02, correlation=0.3), appetite=1.0)
    1.0
    >>> round(h.update(Vitals(exposure=1.4, heat=1.0, drawdown=0.02, correlation=0.3), appetite=1.0), 3)
    0.86

    References
    ----------
    Sterling, P. (2012). Allostasis: a model of predictive regulation. Physiology & Behavior 106.
    """

    def __init__(self, config: HomeostasisConfig) -> None:
        c = config
        if not (all(h > 0.0 for h in c.high) and all(0.0 <= r <= 1.0 for r in c.rigid)):
            raise ConfigError(
                "ranges of vital signs are not usable",
                got=f"high {c.high}, rigid {c.rigid}",
                expected="positive upper ends and rigid shares in [0, 1]",
            )
        if not all(a <= b for a, b in pairwise((c.exposure_low, c.high[_EXPOSURE]))):
            raise ConfigError("exposure has no range", got=f"[{c.exposure_low}, {c.high[_EXPOSURE]}]")
        self.config = config
        self.reset()

    @property
    def factor(self) -> float:
        """Factor of the appetite, in [1 - most, 1 + boost]."""
        worst = max(self.cuts)
        return 1.0 - (worst if worst > 0.0 else self.cuts[_EXPOSURE])

    def ranges(self, appetite: float) -> tuple[float, ...]:
        """Upper ends of the ranges where the regime's appetite is this."""
        a = min(1.0, max(0.0, appetite))
        c = self.config
        return tuple(h * (r + (1.0 - r) * a) for h, r in zip(c.high, c.rigid, strict=True))

    def update(self, vitals: Vitals, appetite: float) -> float:
        """Take in one bar's vital signs and the appetite of the regime expected; the factor."""
        c = self.config
        a = min(1.0, max(0.0, appetite))
        for k, (x, high) in enumerate(zip(vitals, self.ranges(appetite), strict=True)):
            if not math.isfinite(x):
                continue
            low = c.exposure_low * a if k == _EXPOSURE else 0.0
            boost = c.boost if k == _EXPOSURE else 0.0
            error = 0.0
            if x > high:
                error = min(x / high - 1.0, c.gate)
            elif x < low and low > 0.0:
                error = x / low - 1.0
            self._control(k, error, boost)
        return self.factor

    def _control(self, k: int, error: float, boost: float) -> None:
        c = self.config
        held = self._integral[k]
        held = held + c.ki * error if error else (1.0 - c.leak) * held
        held = self._integral[k] = min(c.most, max(-boost, held))
        self.cuts[k] = min(c.most, max(-boost, c.kp * error + held))

    def reset(self) -> None:
        """No cut."""
        self.cuts = [0.0] * len(VITAL_SIGNS)
        self._integral = [0.0] * len(VITAL_SIGNS)

    def state(self) -> list[list[float]]:
        """State tree for a snapshot."""
        return [list(self.cuts), list(self._integral)]

    def put_state(self, state: list[list[float]]) -> None:
        """Inverse of `state`."""
        self.cuts, self._integral = ([float(x) for x in row] for row in state)
