"""The twelve features of one instrument that policies and market axioms read."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES
from janus_trader.numerics.dsp_thresholds import standard_thresholds
from janus_trader.numerics.dsp_vector import N_DSP, dsp_vector_dtype, dsp_vector_step
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.mirrored_ring import mirrored_push, mirrored_ring_dtype, mirrored_window
from janus_trader.numerics.noise_statistic import checked_horizon, noise_of_score, structure_score
from janus_trader.numerics.streaming import StreamingKernel
from janus_trader.numerics.trend_slope import slope_score, slope_weights
from janus_trader.numerics.volatility import EWMA_VARIANCE_DTYPE, ewma_variance_step, halflife_alpha

TREND_SLOPE, NOISE, VOLATILITY_RATIO, KNOWN = (
    INSTRUMENT_FEATURES.index(name) for name in ("trend_slope", "noise", "volatility_ratio", "known")
)
_SCORE_WARMUP = 50  # values a score of the fractal part needs, as in `DSPVector`
_DECAY, _CLIP = 0.05, 3.0


class InstrumentFeatureSettings(NamedTuple):
    """What the compiled step reads, checked and in order (see `instrument_feature_settings`)."""

    slowest: float
    fastest: float
    decay: float
    clip: float
    reverting: float
    trending: float
    weights: np.ndarray
    horizon: int
    short: float
    long: float
    warmup: int


def instrument_feature_settings(
    window: int = 64,
    trend_window: int = 64,
    noise_horizon: int = 8,
    short_halflife: float = 10.0,
    long_halflife: float = 60.0,
) -> InstrumentFeatureSettings:
    """Check the parameters of `InstrumentFeatures`.

    Raises
    ------
    ConfigError
        A parameter out of range, or a window without tabulated regime thresholds.

    >>> instrument_feature_settings().warmup
    113
    """
    trend_window = checked_period("trend_window", trend_window, at_least=3)
    if not 0.0 < short_halflife < long_halflife < math.inf:
        raise ConfigError(
            "volatility ratio needs a short and a long half-life",
            got=f"short={short_halflife}, long={long_halflife}",
            expected="0 < short < long",
            remedy="set short_halflife=10, long_halflife=60, say",
        )
    limits = standard_thresholds(window)
    return InstrumentFeatureSettings(
        slowest=0.01,
        fastest=0.5,
        decay=_DECAY,
        clip=_CLIP,
        reverting=limits.reverting,
        trending=limits.trending,
        weights=slope_weights(trend_window),
        horizon=checked_horizon(trend_window, noise_horizon),
        short=halflife_alpha(short_halflife),
        long=halflife_alpha(long_halflife),
        warmup=max(window + _SCORE_WARMUP - 1, trend_window + 1),
    )


def instrument_features_dtype(window: int, trend_window: int) -> np.dtype:
    """State of `instrument_features_step`: the fractal part, a window of returns, two variances.

    >>> instrument_features_dtype(64, 64)["row"].shape
    (12,)
    """
    return np.dtype(
        [
            ("n", "i8"),
            ("last", "f8"),
            ("dsp", dsp_vector_dtype(window)),
            ("returns", mirrored_ring_dtype(trend_window)),
            ("short", EWMA_VARIANCE_DTYPE),
            ("long", EWMA_VARIANCE_DTYPE),
            ("row", "f8", (N_INSTRUMENT_FEATURES,)),
        ],
        align=True,
    )


@njit(cache=True)
def instrument_features_step(
    s, x, slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long, warmup
):  # type: ignore[no-untyped-def]
    """One positive finite close into a record of `instrument_features_dtype`; the row is ``s.row``.

    The row stays zero until ``warmup`` closes have come. O(window + trend_window horizon).
    """
    dsp_vector_step(s.dsp, x, slowest, fastest, 0.0, decay, clip, reverting, trending)
    if s.n > 0:
        r = math.log(x / s.last)
        mirrored_push(s.returns, r)
        near = ewma_variance_step(s.short, r, short)
        far = ewma_variance_step(s.long, r, long)
        s.row[VOLATILITY_RATIO] = math.sqrt(near / far) - 1.0 if far > 0.0 else 0.0
    s.last = x
    s.n += 1
    if s.n < warmup:
        s.row[VOLATILITY_RATIO] = 0.0
        return
    s.row[:N_DSP] = s.dsp.row
    window = mirrored_window(s.returns)
    s.row[TREND_SLOPE] = slope_score(window, weights)
    s.row[NOISE] = noise_of_score(structure_score(window, horizon))
    s.row[KNOWN] = 1.0


@njit(cache=True)
def instrument_features_into(
    states, closes, present, rows,
    slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long, warmup,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Bring the rows (n, 12) of many instruments up to date with their closes (n,).

    An instrument that is absent, or whose close is not a positive finite number, keeps its row.
    O(n (window + trend_window horizon)).
    """
    for i in range(closes.shape[0]):
        if present[i] and closes[i] > 0.0 and closes[i] < math.inf:
            instrument_features_step(
                states[i], closes[i], slowest, fastest, decay, clip, reverting, trending, weights, horizon,
                short, long, warmup,
            )  # fmt: skip
        rows[i] = states[i].row


@njit(cache=True)
def _update(
    states, x, slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long, warmup
):  # type: ignore[no-untyped-def]
    s = states[0]
    if x > 0.0 and x < math.inf:
        instrument_features_step(
            s, x, slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long, warmup
        )
    out = s.row.copy()
    if s.n < warmup:
        out[:] = math.nan
    return out


@njit(cache=True)
def _scan(
    states, xs, slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long, warmup
):  # type: ignore[no-untyped-def]
    ys = np.empty((xs.shape[0], N_INSTRUMENT_FEATURES))
    for t in range(xs.shape[0]):
        ys[t] = _update(
            states, xs[t], slowest, fastest, decay, clip, reverting, trending, weights, horizon, short, long,
            warmup,
        )  # fmt: skip
    return ys


class InstrumentFeatures(StreamingKernel):
    """One row of `janus_trader.contracts.features.INSTRUMENT_FEATURES` per close.

    The eight columns of `DSPVector`, then the trend's slope (`TrendSlope`), the noise statistic
    (`noise_statistic`), ``sigma_short / sigma_long - 1`` with exponentially weighted volatilities (0 where
    nothing has moved), and 1.

    Parameters
    ----------
    window : int
        Closes behind the fractal dimension; its regime thresholds are tabulated for 32, 64, 128 and 256.
    trend_window : int
        Returns behind slope and noise, at least 3.
    noise_horizon : int
        ``2 <= noise_horizon < trend_window``.
    short_halflife, long_halflife : float
        Half-lives of the two volatilities in bars.

    Notes
    -----
    Input: one close. Output: a row (12,). Warm-up: 113 closes by default, NaN before; a close that is not
    a positive finite number is ignored and the last row comes back. Slope and noise come from returns, the
    dimension from the path: neither column is a function of another. O(window + trend_window noise_horizon).

    Raises
    ------
    ConfigError
        A parameter out of range.

    Examples
    --------
    >>> features = InstrumentFeatures()
    >>> rising = 100.0 * np.exp(0.01 * np.arange(113))
    >>> row = dict(zip(INSTRUMENT_FEATURES, features.transform(rising)[-1].round(3).tolist()))
    >>> row["regime"], row["trend_slope"] > 5.0, row["noise"] < 0.01, row["volatility_ratio"], row["known"]
    (1.0, True, True, 0.0, 1.0)
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        window: int = 64,
        trend_window: int = 64,
        noise_horizon: int = 8,
        short_halflife: float = 10.0,
        long_halflife: float = 60.0,
    ) -> None:
        settings = instrument_feature_settings(
            window, trend_window, noise_horizon, short_halflife, long_halflife
        )
        self._init(instrument_features_dtype(window, trend_window), tuple(settings), settings.warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        """The defaults, and short windows."""
        return [cls(), cls(32, 12, 3, 2.0, 9.0)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Closes."""
        return 100.0 * np.exp(np.cumsum(rng.standard_normal(n)) * 0.01)
