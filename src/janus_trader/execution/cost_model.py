"""What trading costs: one causal model that the venue and the baselines both charge by."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config
from janus_trader.numerics.trading_cost import trading_cost_fraction

#: Running estimates of one instrument. ``variance`` is that of a session's return, ``value`` the
#: currency traded in a session; ``open_*`` belong to the session that has not ended yet.
COST_DTYPE = np.dtype(
    [
        ("variance", "f8"),
        ("value", "f8"),
        ("sessions", "i8"),
        ("valued", "i8"),
        ("session", "i8"),
        ("close", "f8"),
        ("open_variance", "f8"),
        ("open_value", "f8"),
        ("open_bars", "i8"),
    ],
    align=True,
)


class CostConfig(Config, frozen=True):
    """Parameters of `CostModel`; ``multiplier`` scales the whole cost (0: free, 2: doubled)."""

    commission_bps: Annotated[float, Meta(ge=0, le=100, description="commission, bps of value")] = 1.0
    half_spread_bps: Annotated[float, Meta(ge=0, le=500, description="fixed half-spread, bps of value")] = 2.0
    spread_vol: Annotated[float, Meta(ge=0, le=1, description="half-spread per unit of daily volatility")] = (
        0.02
    )
    impact: Annotated[float, Meta(ge=0, le=10, description="square-root impact coefficient")] = 0.1
    multiplier: Annotated[float, Meta(ge=0, le=100, description="factor on the whole cost")] = 1.0
    halflife_sessions: Annotated[float, Meta(ge=1, le=1000, description="half-life of sigma and value")] = (
        21.0
    )
    initial_sigma: Annotated[float, Meta(gt=0, le=1, description="daily volatility before any data")] = 0.01

    @property
    def alpha(self) -> float:
        """Weight of the newest session, 1 − 2^(−1/halflife)."""
        return 1.0 - 2.0 ** (-1.0 / self.halflife_sessions)


@njit(cache=True)
def cost_state_init(state: np.ndarray, initial_sigma: float) -> None:
    """Set the states (n,) of `COST_DTYPE` to the prior, which counts as one session."""
    for s in state:
        s.variance = initial_sigma * initial_sigma
        s.value = np.nan
        s.sessions = 1
        s.valued = 0
        s.session = -1
        s.close = np.nan
        s.open_variance = 0.0
        s.open_value = 0.0
        s.open_bars = 0


@njit(cache=True)
def _end_session(s, alpha):  # type: ignore[no-untyped-def]
    if s.open_bars > 0:
        s.sessions += 1
        a = max(alpha, 1.0 / s.sessions)
        s.variance += a * (s.open_variance - s.variance)
        if s.open_value > 0.0:
            s.valued += 1
            if s.valued == 1:
                s.value = s.open_value
            else:
                s.value += max(alpha, 1.0 / s.valued) * (s.open_value - s.value)
    s.open_variance = 0.0
    s.open_value = 0.0
    s.open_bars = 0


@njit(cache=True)
def cost_state_step(
    state: np.ndarray, bars: np.ndarray, present: np.ndarray, alpha: float, volume_known: bool
) -> None:
    """Take in one bar of every instrument; absent instruments and non-positive closes are skipped."""
    for i in range(state.size):
        s = state[i]
        bar = bars[i]
        if not present[i] or not (bar.close > 0.0 and math.isfinite(bar.close)):
            continue
        if bar.session != s.session:
            _end_session(s, alpha)
            s.session = bar.session
        if s.close > 0.0:
            r = bar.close / s.close - 1.0
            s.open_variance += r * r
            s.open_bars += 1
        if volume_known and bar.volume > 0.0 and math.isfinite(bar.volume):
            s.open_value += bar.volume * bar.close
        s.close = bar.close


@njit(cache=True)
def cost_state_fraction(
    state: np.ndarray,
    i: int,
    value: float,
    commission: float,
    half_spread: float,
    spread_vol: float,
    impact: float,
    multiplier: float,
) -> float:
    """Cost of trading ``value`` of instrument ``i`` as a fraction of that value."""
    s = state[i]
    return multiplier * trading_cost_fraction(
        abs(value), math.sqrt(s.variance), s.value, commission, half_spread, spread_vol, impact
    )


@njit(cache=True)
def _fractions(
    state: np.ndarray,
    values: np.ndarray,
    commission: float,
    half_spread: float,
    spread_vol: float,
    impact: float,
    multiplier: float,
) -> np.ndarray:
    out = np.empty(state.size)
    for i in range(state.size):
        out[i] = cost_state_fraction(
            state, i, values[i], commission, half_spread, spread_vol, impact, multiplier
        )
    return out


class CostModel:
    """Cost of a trade as a fraction of its value, from what was known before it.

    ``fraction = m·(c + h + k·σ + η·σ·√(value/V))`` with commission ``c``, fixed half-spread ``h``,
    spread per volatility ``k`` and square-root impact ``η``; ``σ`` is the volatility of a session's
    return and ``V`` the currency value traded in a session, both running means over *finished* sessions
    with weight ``max(α, 1/number)`` (so the first sessions count equally), ``m`` the multiplier.
    A session's variance is the sum of its squared close-to-close bar returns, so a daily and a
    minute source give figures of the same meaning. Without volume the impact term is 0.

    A fill is charged with the figures of the bars observed *before* it: call `observe` after the
    fills of a bar.

    Parameters
    ----------
    config : CostConfig
    n : int
        Number of instruments.
    volume_known : bool
        Whether the bars' volume may be used.

    Notes
    -----
    Warm-up: none; before data σ is ``initial_sigma``, which then counts as one session.
    NaN policy: a non-finite or non-positive close, or an absent instrument, leaves its figures as they
    are. Cost O(n) per bar, O(1) per fraction.

    Raises
    ------
    ConfigError
        ``n < 1``.
    DataError
        Bars or values of another shape.

    Examples
    --------
    >>> model = CostModel(CostConfig(spread_vol=0.0, impact=0.0), n=1, volume_known=False)
    >>> round(1e4 * model.fraction(0, 10_000.0), 6)
    3.0

    References
    ----------
    Almgren, Thum, Hauptmann, Li (2005), Direct estimation of equity market impact (square-root form).
    """

    def __init__(self, config: CostConfig, n: int, volume_known: bool) -> None:
        if n < 1:
            raise ConfigError("a cost model needs instruments", got=n, expected="n >= 1")
        self.config, self.n, self.volume_known = config, int(n), bool(volume_known)
        self._alpha = config.alpha
        self._rates = (
            config.commission_bps * 1e-4,
            config.half_spread_bps * 1e-4,
            config.spread_vol,
            config.impact,
            config.multiplier,
        )
        self._state = np.zeros(self.n, COST_DTYPE)
        self.reset()

    @property
    def rates(self) -> tuple[float, float, float, float, float]:
        """Commission, half-spread, spread per volatility, impact and multiplier, as the kernels take them."""
        return self._rates

    @property
    def alpha(self) -> float:
        """Weight of the newest finished session."""
        return self._alpha

    @property
    def sigma(self) -> np.ndarray:
        """Daily volatility of each instrument in force, (n,)."""
        return np.sqrt(self._state["variance"])

    @property
    def daily_value(self) -> np.ndarray:
        """Currency traded per session, (n,); NaN where unknown."""
        return self._state["value"].copy()

    def observe(self, bars: np.ndarray, present: np.ndarray) -> None:
        """Take in one bar time, after its fills: ``bars`` (n,) of `BAR_DTYPE`, ``present`` (n,) bool."""
        if bars.shape != (self.n,) or bars.dtype != BAR_DTYPE or len(present) != self.n:
            raise DataError(
                "bars do not fit the cost model",
                got=f"{bars.shape} {bars.dtype}",
                expected=f"({self.n},) BAR_DTYPE",
            )
        cost_state_step(self._state, bars, present, self._alpha, self.volume_known)

    def fraction(self, i: int, value: float) -> float:
        """Cost of trading ``value`` (currency; the sign is ignored) of instrument ``i``, as a fraction."""
        if not 0 <= i < self.n or not math.isfinite(value):
            raise DataError(
                "no such trade", got=f"i={i}, value={value}", expected=f"0 <= i < {self.n}, finite"
            )
        return float(cost_state_fraction(self._state, i, value, *self._rates))

    def fractions(self, values: np.ndarray) -> np.ndarray:
        """`fraction` of every instrument at once: ``values`` (n,) in currency."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.shape != (self.n,) or not np.isfinite(values).all():
            raise DataError("values do not fit the cost model", got=values, expected=f"({self.n},) finite")
        return _fractions(self._state, values, *self._rates)

    def reset(self) -> None:
        """Back to the prior."""
        cost_state_init(self._state, self.config.initial_sigma)

    def snapshot(self) -> bytes:
        """The running figures as bytes."""
        return pack({"state": self._state, "config": self.config.fingerprint})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        tree = unpack(raw)
        if tree.get("config") != self.config.fingerprint or tree["state"].shape != (self.n,):
            raise IntegrityError(
                "snapshot of another cost model",
                got=tree.get("config"),
                expected=self.config.fingerprint,
                remedy="restore with the configuration it was taken with",
            )
        self._state = tree["state"].astype(COST_DTYPE)
