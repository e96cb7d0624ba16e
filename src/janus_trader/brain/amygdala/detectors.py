"""The detectors and their calibration: raw statistics, conformal p-values, levels.

A level of 1 is a detector's own alarm; the severity thresholds of `AmygdalaConfig` are levels too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.foundation.config import Config, Positive

#: Names in the order of the level vector; the first seven are calibrated on past data.
DETECTORS: tuple[str, ...] = (
    "zscore",
    "mahalanobis",
    "percentile",
    "moving_average",
    "volatility_spike",
    "correlation_breakdown",
    "regime_shift",
    "vpin",
    "drawdown",
    "daily_loss",
    "blind",
)
N_DETECTORS = len(DETECTORS)
N_CALIBRATED = 7
_Z, _MAHA, _PCT, _MA, _VOL, _CORR, _SHIFT, _VPIN, _DD, _DAY, _BLIND = range(N_DETECTORS)

#: Layout of the input vector of `detect`; NaN marks an absent input.
INPUTS: tuple[str, ...] = (
    "market_return",
    "turbulence",
    "crisis_or_change",
    "correlation_breakdown",
    "vpin",
    "equity",
    "peak_equity",
    "session_start_equity",
    "senses",
)


class DetectorConfig(Config, frozen=True):
    """Floors, calibration and memory of the detectors."""

    false_positive_rate: Annotated[
        float, Meta(gt=0, lt=0.5, description="per bar, over all calibrated detectors together")
    ] = 0.01
    window: Annotated[int, Meta(ge=50, le=20000, description="past values a p-value is taken over")] = 1008
    ceiling: Annotated[
        float, Meta(gt=1, description="multiple of a floor above which no p-value is asked")
    ] = 2.0
    gated_level: Annotated[
        float, Meta(gt=0, lt=1, description="highest level of a statistic its p-value holds back")
    ] = 0.75
    zscore_floor: Annotated[Positive, Meta(description="deviations of the EWMA volatility")] = 4.0
    moving_average_floor: Annotated[Positive, Meta(description="deviations of a random walk")] = 3.0
    volatility_floor: Annotated[Positive, Meta(description="fast over baseline volatility (2.8)")] = 3.0
    mahalanobis_floor: Annotated[Positive, Meta(description="distance over its chi-square threshold")] = 1.0
    correlation_floor: Annotated[float, Meta(gt=0, le=1, description="breakdown in [0, 1]")] = 0.6
    shift_floor: Annotated[
        float, Meta(gt=0, le=1, description="crisis mass or change probability; LOW at most")
    ] = 0.9
    upside_weight: Annotated[
        float, Meta(ge=0, le=1, description="weight of a surprise upwards; losses count fully")
    ] = 0.5
    z_halflife: Annotated[Positive, Meta(description="bars, scale of the z-score")] = 21.0
    fast_halflife: Annotated[Positive, Meta(description="bars, fast volatility")] = 10.0
    slow_halflife: Annotated[Positive, Meta(description="bars, baseline volatility")] = 252.0
    average_window: Annotated[int, Meta(ge=5, le=1000, description="bars of the moving average")] = 63
    warmup: Annotated[int, Meta(ge=2, description="returns before the return detectors speak")] = 63
    stale_bars: Annotated[int, Meta(ge=1, description="bars without a market return before it counts")] = 3
    blind_level: Annotated[float, Meta(ge=1, description="level raised when nothing is seen")] = 1.25
    vpin_levels: tuple[float, float] = (0.6, 0.8)
    drawdown_levels: tuple[float, float, float] = (0.12, 0.2, 0.3)
    drawdown_halt: Annotated[float, Meta(gt=0, le=1, description="from the all-time peak")] = 0.5
    peak_halflife: Annotated[Positive, Meta(description="bars: the peak forgets half its lead")] = 63.0
    daily_loss: Annotated[float, Meta(gt=0, lt=1, description="loss of a session that freezes")] = 0.05


def detector_dtype(window: int, average_window: int) -> np.dtype:
    """State of the bank: rings of past statistics, of the price path, and running variances."""
    return np.dtype(
        [
            ("n", "i8"),
            ("stale", "i8"),
            ("z_var", "f8"),
            ("fast_var", "f8"),
            ("slow_var", "f8"),
            ("level", "f8"),
            ("peak", "f8"),
            ("path", "f8", (average_window,)),
            ("count", "i8", (N_CALIBRATED,)),
            ("ring", "f8", (N_CALIBRATED, window)),
        ],
        align=True,
    )


@njit(cache=True)
def conformal_level(
    s: Any, row: int, raw: float, floor: float, alpha: float, ceiling: float, held: float
) -> float:
    """Level of one statistic: ``raw / floor``, held back unless it is rare among earlier values.

    ``p = (1 + #{past >= raw}) / (1 + #past)`` is at most alpha with probability at most alpha when
    past and present are exchangeable. While the past is too short for that, the largest value so far
    passes. The statistic joins the past only after it was judged. O(window).
    """
    ring = s["ring"][row]
    window = ring.shape[0]
    total = s["count"][row]
    past = min(total, window)
    above = 0
    for i in range(past):
        if ring[i] >= raw:
            above += 1
    ring[total % window] = raw
    s["count"][row] = total + 1
    level = raw / floor
    p = (1.0 + above) / (1.0 + past)
    if p > max(alpha, 1.0 / (1.0 + past)) and level < ceiling:
        return min(level, held)
    return level


@njit(cache=True)
def _downside(x: float, upside_weight: float) -> float:
    return -x if x < 0.0 else upside_weight * x


@njit(cache=True)
def _ladder(x: float, at: np.ndarray, level: np.ndarray) -> float:
    previous_x, previous_level = 0.0, 0.0
    for i in range(at.shape[0]):
        if x < at[i]:
            return previous_level + (level[i] - previous_level) * (x - previous_x) / (at[i] - previous_x)
        previous_x, previous_level = at[i], level[i]
    return previous_level


@njit(cache=True)
def _returns(s: Any, r: float, c: np.ndarray, alpha: float, out: np.ndarray) -> None:
    # c: ceiling, held, floors (z, ma, vol), upside, decays (z, fast, slow), warmup
    ceiling, held, up = c[0], c[1], c[5]
    window = s["path"].shape[0]
    n = s["n"]
    loss = _downside(r, up)
    if n >= c[9] and s["z_var"] > 0.0 and s["slow_var"] > 0.0:
        out[_Z] = conformal_level(s, _Z, loss / np.sqrt(s["z_var"]), c[2], alpha, ceiling, held)
        rare = conformal_level(s, _PCT, loss / np.sqrt(s["slow_var"]), 1.0, alpha, np.inf, held)
        out[_PCT] = min(rare, 1.0)
    decay_z, decay_fast, decay_slow = c[6], c[7], c[8]
    floor_weight = 1.0 / (n + 1.0)
    s["z_var"] += max(1.0 - decay_z, floor_weight) * (r * r - s["z_var"])
    s["fast_var"] += max(1.0 - decay_fast, floor_weight) * (r * r - s["fast_var"])
    s["slow_var"] += max(1.0 - decay_slow, floor_weight) * (r * r - s["slow_var"])
    s["level"] += np.log1p(max(-0.999999, min(r, 1e6)))
    s["path"][n % window] = s["level"]
    s["n"] = n + 1
    if s["n"] < max(c[9], window) or s["slow_var"] <= 0.0:
        return
    mean = 0.0
    for i in range(window):
        mean += s["path"][i] - s["level"]
    # the end of a random walk leaves the mean of its last w values by sigma * sqrt(w / 3)
    walk = np.sqrt(s["slow_var"] * window / 3.0)
    out[_MA] = conformal_level(s, _MA, _downside(-mean / window / walk, up), c[3], alpha, ceiling, held)
    ratio = np.sqrt(s["fast_var"] / s["slow_var"])
    out[_VOL] = conformal_level(s, _VOL, ratio, c[4], alpha, ceiling, held)


@njit(cache=True)
def _book(
    s: Any, x: np.ndarray, b: np.ndarray, severity: np.ndarray, at: np.ndarray, out: np.ndarray
) -> None:
    # b: peak decay, halt drawdown, daily loss
    equity, peak, start = x[5], x[6], x[7]
    if not (np.isfinite(equity) and np.isfinite(peak) and np.isfinite(start)) or equity <= 0.0 or peak <= 0.0:
        out[_DD] = 2.0 * severity[3]
        return
    s["peak"] = max(equity, s["peak"] - (1.0 - b[0]) * (s["peak"] - equity))
    out[_DD] = _ladder(1.0 - equity / s["peak"], at, severity)
    if 1.0 - equity / peak >= b[1]:
        out[_DD] = max(out[_DD], severity[3])
    if start > 0.0:
        out[_DAY] = max(0.0, severity[1] * (1.0 - equity / start) / b[2])


@njit(cache=True)
def detect(
    states: np.ndarray,
    x: np.ndarray,
    alpha: float,
    c: np.ndarray,
    f: np.ndarray,
    b: np.ndarray,
    severity: np.ndarray,
    drawdown_at: np.ndarray,
    vpin_at: np.ndarray,
    out: np.ndarray,
) -> None:
    """One bar of every detector: levels into ``out`` (11,), NaN where a detector has no input."""
    s = states[0]
    out[:] = np.nan
    if np.isfinite(x[0]):
        s["stale"] = 0
        _returns(s, x[0], c, alpha, out)
    else:
        s["stale"] += 1
    if np.isfinite(x[1]):
        out[_MAHA] = conformal_level(s, _MAHA, x[1], f[0], alpha, c[0], c[1])
    if np.isfinite(x[2]):
        shift = conformal_level(s, _SHIFT, x[2], f[2], alpha, np.inf, c[1])
        out[_SHIFT] = min(shift, severity[0])
    if np.isfinite(x[3]):
        out[_CORR] = conformal_level(s, _CORR, x[3], f[1], alpha, c[0], c[1])
    if np.isfinite(x[4]):
        out[_VPIN] = _ladder(x[4], vpin_at, severity)
    _book(s, x, b, severity, drawdown_at, out)
    if x[8] <= 0.0 or s["stale"] > f[4]:
        out[_BLIND] = f[3]


class DetectorBank:
    """All detectors over one state record.

    Levels are 0 for calm, 1 at a detector's own alarm. The seven calibrated detectors alarm
    together on at most a share ``false_positive_rate`` of bars whose statistics are exchangeable
    with the last ``window`` ones (Bonferroni over conformal p-values), as long as the ceiling does
    not bind. Cost O(7 window) comparisons, about 4 us at the default.

    Parameters
    ----------
    config : DetectorConfig
    severity_levels : 4 increasing floats
        Levels of LOW, MEDIUM, HIGH and CRITICAL.

    Raises
    ------
    ConfigError
        The window is too short for the false-positive rate, or ladders do not increase.

    Examples
    --------
    >>> bank = DetectorBank(DetectorConfig(), (1.0, 1.5, 2.25, 3.5))
    >>> x = np.full(len(INPUTS), np.nan); x[5:8] = 100.0; x[8] = 0.0
    >>> float(bank.update(x)[DETECTORS.index("blind")])
    1.25
    """

    def __init__(self, config: DetectorConfig, severity_levels: tuple[float, float, float, float]) -> None:
        self.config = config
        self._alpha = config.false_positive_rate / N_CALIBRATED
        if (config.window + 1) * self._alpha < 1.0:
            raise ConfigError(
                "the detectors' window is too short for their false-positive rate",
                got=config.window,
                expected=f"window >= {int(np.ceil(1.0 / self._alpha)) - 1}",
                remedy="lengthen the window or allow a higher rate",
            )
        for name, ladder in (
            ("drawdown_levels", config.drawdown_levels),
            ("vpin_levels", config.vpin_levels),
            ("severity_levels", severity_levels),
        ):
            if ladder[0] <= 0 or any(b <= a for a, b in pairwise(ladder)):
                raise ConfigError(f"{name} must increase from above 0", got=ladder, expected="increasing")
        self._dtype = detector_dtype(config.window, config.average_window)
        self._pack(config, severity_levels)
        self.levels = np.zeros(N_DETECTORS)
        self.reset()

    def _pack(self, c: DetectorConfig, severity_levels: tuple[float, ...]) -> None:
        def decay(halflife: float) -> float:
            return float(0.5 ** (1.0 / halflife))

        decays = (decay(c.z_halflife), decay(c.fast_halflife), decay(c.slow_halflife))
        floors = (c.zscore_floor, c.moving_average_floor, c.volatility_floor)
        self._c = np.array([c.ceiling, c.gated_level, *floors, c.upside_weight, *decays, c.warmup])
        self._f = np.array(
            [c.mahalanobis_floor, c.correlation_floor, c.shift_floor, c.blind_level, c.stale_bars]
        )
        self._b = np.array([decay(c.peak_halflife), c.drawdown_halt, c.daily_loss])
        self._severity = np.array(severity_levels)
        self._drawdown_at = np.array(c.drawdown_levels)
        self._vpin_at = np.array(c.vpin_levels)

    def update(self, x: np.ndarray) -> np.ndarray:
        """Take in one row of `INPUTS` (NaN: absent); levels (11,), overwritten by the next call."""
        detect(
            self._state,
            x,
            self._alpha,
            self._c,
            self._f,
            self._b,
            self._severity,
            self._drawdown_at,
            self._vpin_at,
            self.levels,
        )
        return self.levels

    def reset(self) -> None:
        """Forget all past data."""
        self._state = np.zeros(1, self._dtype)

    def snapshot(self) -> bytes:
        """State as bytes."""
        return self._state.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        if len(raw) != self._dtype.itemsize:
            raise IntegrityError(
                "detector snapshot does not fit",
                got=f"{len(raw)} bytes",
                expected=f"{self._dtype.itemsize} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self._state = np.frombuffer(raw, self._dtype).copy()
