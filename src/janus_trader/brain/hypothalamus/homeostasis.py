"""Homeostasis: vital signs of the book, ranges that move with the regime, and what brings them back."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta
from numba import njit

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


@njit(cache=True)
def _factor(state: np.ndarray) -> float:
    worst = state[0].max()
    return 1.0 - (worst if worst > 0.0 else state[0, _EXPOSURE])


@njit(cache=True)
def _regulate(
    exposure: float,
    heat: float,
    drawdown: float,
    correlation: float,
    appetite: float,
    high: np.ndarray,
    rigid: np.ndarray,
    c: np.ndarray,
    state: np.ndarray,
) -> float:
    # c: kp, ki, leak, most, boost, gate, low end of exposure; state: cuts and integrals (2, 4)
    signs = (exposure, heat, drawdown, correlation)
    for k in range(4):
        x = signs[k]
        if not math.isfinite(x):
            continue
        top = high[k] * (rigid[k] + (1.0 - rigid[k]) * appetite)
        low = c[6] * appetite if k == _EXPOSURE else 0.0
        boost = c[4] if k == _EXPOSURE else 0.0
        error = 0.0
        if x > top:
            error = min(x / top - 1.0, c[5])
        elif x < low and low > 0.0:
            error = x / low - 1.0
        held = state[1, k] + c[1] * error if error != 0.0 else (1.0 - c[2]) * state[1, k]
        state[1, k] = min(c[3], max(-boost, held))
        state[0, k] = min(c[3], max(-boost, c[0] * error + state[1, k]))
    return _factor(state)


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
        self._high, self._rigid = np.array(c.high), np.array(c.rigid)
        self._c = np.array([c.kp, c.ki, c.leak, c.most, c.boost, c.gate, c.exposure_low])
        self.reset()

    @property
    def factor(self) -> float:
        """Factor of the appetite, in [1 - most, 1 + boost]."""
        return self._now

    @property
    def cuts(self) -> list[float]:
        """Cut each vital sign asks for, in the order of `VITAL_SIGNS`."""
        return [float(x) for x in self._state[0]]

    def ranges(self, appetite: float) -> tuple[float, ...]:
        """Upper ends of the ranges where the regime's appetite is this."""
        a = min(1.0, max(0.0, appetite))
        c = self.config
        return tuple(h * (r + (1.0 - r) * a) for h, r in zip(c.high, c.rigid, strict=True))

    def update(self, vitals: Vitals, appetite: float) -> float:
        """Take in one bar's vital signs and the appetite of the regime expected; the factor."""
        a = min(1.0, max(0.0, appetite))
        self._now = float(_regulate(*vitals, a, self._high, self._rigid, self._c, self._state))
        return self._now

    def reset(self) -> None:
        """No cut."""
        self._hold(np.zeros((2, len(VITAL_SIGNS))))

    def _hold(self, state: np.ndarray) -> None:
        self._state, self._now = state, float(_factor(state))

    def state(self) -> list[list[float]]:
        """State tree for a snapshot."""
        return [[float(x) for x in row] for row in self._state]

    def put_state(self, state: list[list[float]]) -> None:
        """Inverse of `state`."""
        self._hold(np.array([[float(x) for x in row] for row in state]))
