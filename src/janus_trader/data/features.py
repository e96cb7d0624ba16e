"""The streaming feature engine: the same code offline, on paper and live.

Normalisation. The regime schemas speak of a market that moves about one per cent a day (a trailing
return of 2 %, an annual volatility of 25 %). So that the same thresholds serve a minute of bitcoin
and a day of an index, the market's return ``r_t`` is first put on that scale,

    u_t = 0.01 * r_t / sigma_{t-1},      sigma_t^2 = sum_k d^k r_{t-k}^2 / sum_k d^k,

with ``d = 2^(-1/504)``: a slow, causal volatility of strictly earlier returns, which is the plain
mean square while few are known (at least 21). Trailing return, drawdown, volatility (times
``sqrt(252)``), momentum and mean reversion are those of the path ``prod(1 + u)``; the raw return is
given beside them as ``market_return``. With this unit a market at its own usual volatility shows
``realised_vol`` near 0.16 whatever the length of its bars.

Average correlation. With ``x_i`` the returns in units of each instrument's own earlier volatility,

    rho_t = EWMA[(sum x)^2 - sum x^2] / EWMA[(m - 1) sum x^2],

the mean pairwise correlation weighted by realised scale: O(n), and 1 for identical instruments.

Causality. A value at ``t`` uses bars up to ``t`` and observations that were available at ``t``. An
observation older than its source's maximal age is not used: a source that fell silent is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel, Observations
from janus_trader.data.auxiliary import AuxiliaryState
from janus_trader.data.feature_kernel import (
    INSTRUMENT_DTYPE,
    KERNEL_FEATURES,
    NORMALISED_RETURN,
    PARAMETERS_DTYPE,
    feature_step,
    market_state_dtype,
)
from janus_trader.data.panels import panel_returns
from janus_trader.data.schema import AUXILIARY_SOURCES, CREDIT_SPREAD
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Positive
from janus_trader.numerics.hurst import box_sizes, dfa_kernel
from janus_trader.numerics.tail_index import hill_kernel
from janus_trader.numerics.variance_ratio import variance_ratio_kernel

Window = Annotated[int, Meta(ge=5, le=5000)]


class FeatureConfig(Config, frozen=True):
    """Windows (bars) and half-lives (bars) of the features; mechanisms C.3 gives the first ten."""

    slow_halflife: Annotated[float, Meta(ge=20, description="volatility of the unit")] = 504.0
    fast_halflife: Annotated[float, Meta(ge=2, description="volatility of market_zscore")] = 21.0
    instrument_halflife: Annotated[float, Meta(ge=5, description="own volatility")] = 63.0
    correlation_halflife: Annotated[float, Meta(ge=2)] = 21.0
    cross_halflife: Annotated[float, Meta(ge=1, description="dispersion, cross_skew")] = 5.0
    unit_volatility: Annotated[float, Meta(gt=0, le=0.1, description="a usual bar")] = 0.01
    unit_bars_per_year: Positive = 252.0
    return_clip: Annotated[float, Meta(gt=0, lt=1, description="bound of |u|")] = 0.5
    sigma_clip: Annotated[float, Meta(ge=3, description="bound of scores in sigmas")] = 20.0
    min_obs: Annotated[int, Meta(ge=5, description="returns before a volatility counts")] = 21
    short_window: Window = 21
    long_window: Window = 63
    roc_bars: Annotated[int, Meta(ge=1, le=500)] = 5
    volume_window: Window = 63
    statistics_window: Annotated[int, Meta(ge=64, le=5000, description="VR, Hurst, tail")] = 252
    statistics_stride: Annotated[int, Meta(ge=1, le=252, description="bars between updates")] = 5
    variance_ratio_lag: Annotated[int, Meta(ge=2, le=50)] = 5
    tail_observations: Annotated[int, Meta(ge=5, description="order statistics of Hill")] = 25
    monthly_max_age_days: Positive = 75.0
    daily_max_age_days: Positive = 10.0


def _decay(halflife: float) -> float:
    return float(0.5 ** (1.0 / halflife))


class FeatureEngine:
    """Market-level features of one bar after another.

    Parameters
    ----------
    config : FeatureConfig
    n : int
        Number of instruments.
    auxiliary : sequence of Observations, optional
        Values of the sources ``vix``, ``credit_spread`` and ``yield_curve_slope``, each with the time
        from which it may be used. Values that arrive while running come through `push`.

    Notes
    -----
    Warm-up: a feature appears once its inputs suffice (`FeatureSpec.warmup` bars) and is absent
    before; NaN never leaves. A NaN market price is replaced by the return of the equal-weight present
    book. A bar without any return repeats the path features. Cost O(n + windows) a bar.

    Examples
    --------
    >>> engine = FeatureEngine(FeatureConfig(), 1)
    >>> one, here = np.zeros(1), np.ones(1, bool)
    >>> _ = engine.update(1, 100.0, float("nan"), one, here)
    >>> engine.update(2, 101.0, float("nan"), one + 0.01, here).values
    {'market_return': 0.010000000000000009}
    """

    def __init__(self, config: FeatureConfig, n: int, auxiliary: Sequence[Observations] = ()) -> None:
        if n < 1:
            raise DataError("a feature engine needs instruments", got=n, expected="n >= 1")
        self.config, self.n = config, n
        c = config
        if c.short_window > min(c.long_window, c.statistics_window):
            raise ConfigError(
                "data.features.short_window is not allowed",
                got=c.short_window,
                expected="at most long_window and statistics_window",
            )
        dtype = market_state_dtype(c.long_window, c.roc_bars, c.volume_window, c.statistics_window)
        self._state = np.zeros(1, dtype)
        self._instruments = np.zeros(n, INSTRUMENT_DTYPE)
        self._parameters = self._pack_parameters()
        self._out = np.empty(NORMALISED_RETURN + 1)
        self._returns, self._present = np.zeros(n), np.zeros(n, bool)
        ages = {
            source: int(
                (c.monthly_max_age_days if source == CREDIT_SPREAD else c.daily_max_age_days) * NS_PER_DAY
            )
            for source in AUXILIARY_SOURCES
        }
        self._auxiliary = AuxiliaryState(auxiliary, ages)
        sizes = box_sizes(c.statistics_window)
        self._kernels: tuple[tuple[str, Callable[[np.ndarray], float]], ...] = (
            ("variance_ratio", lambda u: variance_ratio_kernel(u, c.variance_ratio_lag)[0]),
            ("hurst", lambda u: dfa_kernel(u, sizes)),
            ("tail_index", lambda u: hill_kernel(u, c.tail_observations)),
        )
        self._statistics: dict[str, float] = {}
        self._last_ts: int | None = None

    @classmethod
    def for_panel(cls, panel: MarketPanel, config: FeatureConfig | None = None) -> FeatureEngine:
        """The engine of a panel, with its auxiliary observations."""
        return cls(config or FeatureConfig(), len(panel.instruments), panel.auxiliary)

    def _pack_parameters(self) -> np.ndarray:
        c = self.config
        p = np.zeros(1, PARAMETERS_DTYPE)
        p["slow_decay"], p["fast_decay"] = _decay(c.slow_halflife), _decay(c.fast_halflife)
        p["instrument_decay"] = _decay(c.instrument_halflife)
        p["correlation_decay"] = _decay(c.correlation_halflife)
        p["cross_decay"] = _decay(c.cross_halflife)
        p["annual"] = np.sqrt(c.unit_bars_per_year)
        for name in PARAMETERS_DTYPE.names or ():
            if hasattr(c, name):
                p[name] = getattr(c, name)
        return p

    def push(self, source: str, ts_available: int, value: float) -> None:
        """Hand in an observation that may be used from ``ts_available`` (ns UTC) on.

        Raises
        ------
        DataError
            The source is unknown or the value not finite.
        """
        self._auxiliary.push(source, ts_available, value)

    def update(
        self, ts: int, market_price: float, market_volume: float, returns: np.ndarray, present: np.ndarray
    ) -> FeatureVector:
        """Take in the bar that closed at ``ts`` and return the features known then.

        Parameters
        ----------
        ts : int, ns UTC, later than the bar before
        market_price, market_volume : float or NaN
        returns : (n,) float64, simple returns, 0 where absent
        present : (n,) bool

        Raises
        ------
        DataError
            Time does not advance, or the arrays have another length.
        """
        if self._last_ts is not None and ts <= self._last_ts:
            raise DataError("bar times must increase", got=ts, expected=f"later than {self._last_ts}")
        if len(returns) != self.n or len(present) != self.n:
            raise DataError("wrong number of instruments", got=len(returns), expected=str(self.n))
        self._last_ts = int(ts)
        out = self._out
        self._returns[:], self._present[:] = returns, present  # own buffers: one compiled signature
        feature_step(
            self._state,
            self._instruments,
            self._parameters,
            float(market_price),
            float(market_volume),
            self._returns,
            self._present,
            out,
        )
        numbers = out.tolist()
        values = {name: x for name, x in zip(KERNEL_FEATURES, numbers, strict=False) if x == x}
        if numbers[NORMALISED_RETURN] == numbers[NORMALISED_RETURN]:
            self._update_statistics()
        for name, _ in self._kernels:
            if name in self._statistics:
                values[name] = self._statistics[name]
        values.update(self._auxiliary.advance(ts))
        return FeatureVector(ts_event=int(ts), values=values)

    def _update_statistics(self) -> None:
        """Variance ratio, Hurst exponent and tail index of the last normalised returns, each every
        ``statistics_stride`` bars, in turn; between two updates the last values stand."""
        c, k = self.config, int(self._state["k"][0])
        if k < c.statistics_window or k % c.statistics_stride >= len(self._kernels):
            return
        window, start = self._state["unit"][0], k % c.statistics_window
        u = np.concatenate((window[start:], window[:start]))
        for phase, (name, kernel) in enumerate(self._kernels):
            if k % c.statistics_stride == phase % c.statistics_stride:
                value = kernel(u)
                if np.isfinite(value):
                    self._statistics[name] = float(value)
                else:
                    self._statistics.pop(name, None)

    def reset(self) -> None:
        """Back to the state of a fresh engine; pushed observations are forgotten."""
        self._state[:] = np.zeros(1, self._state.dtype)
        self._instruments[:] = np.zeros(self.n, INSTRUMENT_DTYPE)
        self._auxiliary.reset()
        self._statistics = {}
        self._last_ts = None

    def snapshot(self) -> bytes:
        """The state as bytes; with config and auxiliary observations it determines what follows."""
        return pack(
            {
                "state": self._state.tobytes(),
                "instruments": self._instruments.tobytes(),
                "auxiliary": self._auxiliary.state(),
                "statistics": self._statistics,
                "last_ts": self._last_ts,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        tree = unpack(raw)
        for name, held in (("state", self._state), ("instruments", self._instruments)):
            if len(tree[name]) != held.nbytes:
                raise IntegrityError(
                    "feature snapshot does not fit",
                    got=f"{len(tree[name])} bytes of {name}",
                    expected=f"{held.nbytes} bytes",
                    remedy="restore with the configuration and book it was taken with",
                )
        self._auxiliary.put_back(tree["auxiliary"])
        self._state = np.frombuffer(tree["state"], self._state.dtype).copy()
        self._instruments = np.frombuffer(tree["instruments"], INSTRUMENT_DTYPE).copy()
        self._statistics = dict(tree["statistics"])
        self._last_ts = tree["last_ts"]


def panel_features(panel: MarketPanel, config: FeatureConfig | None = None) -> Iterator[FeatureVector]:
    """Features of a whole panel, bar by bar, by the very `FeatureEngine.update` that runs live."""
    engine = FeatureEngine.for_panel(panel, config)
    returns = panel_returns(panel)
    prices, volumes, times = panel.market.tolist(), panel.market_volume.tolist(), panel.ts.tolist()
    for t, ts in enumerate(times):
        yield engine.update(ts, prices[t], volumes[t], returns[t], panel.present[t])
