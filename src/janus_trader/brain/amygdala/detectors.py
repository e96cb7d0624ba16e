"""The detectors: raw statistics of a bar, their fusion, and signals with thresholds of their own.

A level of 1 is a detector's own alarm; the severity thresholds of `AmygdalaConfig` are levels too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.amygdala.calibration import (
    COLUMNS,
    CORRELATION,
    DEVIATION,
    HISTORY_DTYPE,
    JUDGED,
    N_ANOMALIES,
    RARITY,
    TURBULENCE,
    VOLATILITY,
    ZSCORE,
    Calibration,
    fuse,
    raw_statistics,
)
from janus_trader.brain.amygdala.detector_config import DetectorConfig
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.numerics.critical_slowing_down import (
    critical_slowing_down_dtype,
    critical_slowing_down_step,
)

#: The five anomaly detectors, in the order of `calibration.raw_statistics`; their fused level; the signals.
ANOMALIES: tuple[str, ...] = ("zscore", "isolation_forest", "moving_average", "percentile", "mahalanobis")
SIGNALS: tuple[str, ...] = (
    "volatility_spike",
    "correlation_breakdown",
    "regime_shift",
    "black_swan",
    "slowing_down",
    "vpin",
    "flash_crash",
    "liquidity",
    "drawdown",
    "daily_loss",
    "blind",
)
DETECTORS: tuple[str, ...] = (*ANOMALIES, "anomaly", *SIGNALS)
N_DETECTORS = len(DETECTORS)
#: Where the levels begin that speak for themselves: the fused one and the signals.
FIRST_VOICE = N_ANOMALIES
_FUSED = N_ANOMALIES
_VOL, _CORR, _SHIFT, _SWAN, _SLOW, _VPIN, _FLASH, _SPREAD, _DD, _DAY, _BLIND = range(
    N_ANOMALIES + 1, N_DETECTORS
)
#: Signals whose level a conformal p-value over strictly earlier bars gates.
N_GATED = 3
_SLOW_WINDOW = _SLOW_TREND = 60

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
    "vpin_rank",
    "flash_drop",
    "spread_ratio",
    "lost_senses",
)


def detector_dtype(window: int, average_window: int, ranks: int, history: int) -> np.dtype:
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
            ("slowing", critical_slowing_down_dtype(_SLOW_WINDOW, _SLOW_TREND)),
            ("losses", "i8"),
            ("loss", "f8", (ranks,)),
            ("count", "i8", (N_GATED,)),
            ("ring", "f8", (N_GATED, window)),
            ("bars", "i8"),
            ("history", HISTORY_DTYPE, (history,)),
        ],
        align=True,
    )


@njit(cache=True)
def _surprise(ring: np.ndarray, total: int, x: float) -> float:
    """Conformal p-value of ``x`` among the last values of a ring, which it joins afterwards. O(window).

    ``p = (1 + #{past >= x}) / (1 + #past)`` is at most alpha with probability at most alpha when past and
    present are exchangeable.
    """
    past = min(total, ring.shape[0])
    above = 0
    for i in range(past):
        above += ring[i] >= x
    ring[total % ring.shape[0]] = x
    return (1.0 + above) / (1.0 + past)


@njit(cache=True)
def conformal_level(
    s: Any, row: int, raw: float, floor: float, alpha: float, ceiling: float, held: float
) -> float:
    """Level of one signal: ``raw / floor``, held back unless it is rare among earlier values.

    While the past is too short for a p-value of alpha, the largest value so far passes. O(window).
    """
    past = min(s["count"][row], s["ring"].shape[1])
    p = _surprise(s["ring"][row], s["count"][row], raw)
    s["count"][row] += 1
    level = raw / floor
    if p > max(alpha, 1.0 / (1.0 + past)) and level < ceiling:
        return min(level, held)
    return level


@njit(cache=True)
def _ladder(x: float, at: np.ndarray, level: np.ndarray) -> float:
    previous_x, previous_level = 0.0, 0.0
    for i in range(at.shape[0]):
        if x < at[i]:
            return previous_level + (level[i] - previous_level) * (x - previous_x) / (at[i] - previous_x)
        previous_x, previous_level = at[i], level[i]
    return previous_level * max(1.0, x / previous_x)


@njit(cache=True)
def _market(s: Any, r: float, alpha: float, c: np.ndarray, row: np.ndarray, out: np.ndarray) -> None:
    # c: ceiling, held, upside, decays (z, fast, slow), warmup, floors (vol, slowing)
    window = s["path"].shape[0]
    n = s["n"]
    if n >= c[6] and s["z_var"] > 0.0 and s["slow_var"] > 0.0:
        row[ZSCORE] = r / np.sqrt(s["z_var"])
        loss = (-r if r < 0.0 else c[2] * r) / np.sqrt(s["slow_var"])
        rank = -np.log10(_surprise(s["loss"], s["losses"], loss))
        if s["losses"] >= s["loss"].shape[0]:  # the rarest of few would be less rare than that of many
            row[RARITY] = rank
        s["losses"] += 1
    floor_weight = 1.0 / (n + 1.0)
    s["z_var"] += max(1.0 - c[3], floor_weight) * (r * r - s["z_var"])
    s["fast_var"] += max(1.0 - c[4], floor_weight) * (r * r - s["fast_var"])
    s["slow_var"] += max(1.0 - c[5], floor_weight) * (r * r - s["slow_var"])
    s["level"] += np.log1p(max(-0.999999, min(r, 1e6)))
    s["path"][n % window] = s["level"]
    s["n"] = n + 1
    slow = np.empty(4)
    critical_slowing_down_step(s["slowing"], s["level"], _SLOW_WINDOW, _SLOW_TREND, slow)
    if np.isfinite(slow[2]) and np.isfinite(slow[3]):
        out[_SLOW] = min(1.0, max(0.0, min(slow[2], slow[3])) / c[8])
    if s["n"] < max(c[6], window) or s["slow_var"] <= 0.0:
        return
    mean = 0.0
    for i in range(window):
        mean += s["path"][i] - s["level"]
    # the end of a random walk leaves the mean of its last w values by sigma * sqrt(w / 3)
    row[DEVIATION] = -mean / window / np.sqrt(s["slow_var"] * window / 3.0)
    ratio = np.sqrt(s["fast_var"] / s["slow_var"])
    row[VOLATILITY] = np.log(max(ratio, 1e-6))
    out[_VOL] = conformal_level(s, 0, ratio, c[7], alpha, c[0], c[1])


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
    out[_DD] = min(severity[2], _ladder(1.0 - equity / s["peak"], at, severity[:3]))
    if 1.0 - equity / peak >= b[1]:
        out[_DD] = max(out[_DD], severity[3])
    if start > 0.0:
        out[_DAY] = max(0.0, severity[1] * (1.0 - equity / start) / b[2])


@njit(cache=True)
def _flow(x: np.ndarray, f: np.ndarray, severity: np.ndarray, ladders: np.ndarray, out: np.ndarray) -> None:
    # ladders: VPIN (2), flash crash (2); f[4:7]: least VPIN rank, spread multiple, held level
    toxic = np.isfinite(x[4]) and x[4] >= ladders[0]
    if np.isfinite(x[4]):
        out[_VPIN] = min(_ladder(x[4], ladders[:2], severity[:2]), severity[1])
        if np.isfinite(x[9]) and x[9] < f[4]:
            out[_VPIN] = min(out[_VPIN], f[6])
    if np.isfinite(x[10]):
        drop = max(0.0, x[10])
        step = 1 if toxic else 0  # informed sellers make the same fall one severity worse
        out[_FLASH] = _ladder(drop, ladders[2:4], severity[1 + step : 3 + step])
    if not np.isnan(x[11]):
        wide = severity[1] * min(x[11], 1e6) / f[5]
        out[_SPREAD] = wide if x[11] >= f[5] else min(wide, f[6])


@njit(cache=True)
def detect(
    states: np.ndarray,
    ts: int,
    x: np.ndarray,
    alpha: float,
    c: np.ndarray,
    f: np.ndarray,
    b: np.ndarray,
    severity: np.ndarray,
    drawdown_at: np.ndarray,
    ladders: np.ndarray,
    absolute: np.ndarray,
    scale: np.ndarray,
    thresholds: np.ndarray,
    calibrated: bool,
    forest: Any,
    corroboration: float,
    out: np.ndarray,
) -> None:
    """One bar of every detector: levels into ``out`` (17,), NaN where a detector has no input."""
    s = states[0]
    out[:] = np.nan
    row = np.full(COLUMNS, np.nan)
    if np.isfinite(x[0]):
        s["stale"] = 0
        _market(s, x[0], alpha, c, row, out)
    else:
        s["stale"] += 1
    row[TURBULENCE] = x[1] if np.isfinite(x[1]) else np.nan
    row[CORRELATION] = x[3] if np.isfinite(x[3]) else np.nan
    if np.isfinite(x[2]):
        out[_SHIFT] = min(conformal_level(s, 1, x[2], f[1], alpha, np.inf, c[1]), severity[0])
    if np.isfinite(x[3]):
        out[_CORR] = conformal_level(s, 2, x[3], f[0], alpha, c[0], c[1])
    raw = np.empty(N_ANOMALIES)
    raw_statistics(row, c[2], forest, raw)
    fused = fuse(raw, scale, corroboration, out)
    if not np.isnan(fused):
        out[_FUSED] = _ladder(fused, thresholds, severity)
        row[JUDGED] = fused / thresholds[0] if calibrated else np.nan
    swan = -np.inf
    for d in range(N_ANOMALIES):
        if np.isfinite(raw[d]):
            swan = max(swan, raw[d] / absolute[d])
    if np.isfinite(swan):  # far beyond every usual scale no history is asked
        out[_SWAN] = swan if swan >= c[0] else min(max(swan, 0.0), c[1])
    _flow(x, f, severity, ladders, out)
    _book(s, x, b, severity, drawdown_at, out)
    if x[8] <= 0.0 or s["stale"] > f[3] or x[12] > 0.0:
        out[_BLIND] = f[2]
    kept = s["history"][s["bars"] % s["history"].shape[0]]
    kept["ts"] = ts
    for i in range(COLUMNS):
        kept["row"][i] = row[i]
    s["bars"] += 1


class DetectorBank:
    """All detectors over one state record.

    Levels are 0 for calm, 1 at a detector's own alarm. Five anomaly detectors say how unusual a bar is
    among earlier ones; ``anomaly`` is their fused level, whose severities come up at stated rates (see
    `calibration`). The signals have absolute thresholds; three of them also ask a conformal p-value of
    ``false_positive_rate / 3`` over the last ``window`` bars, so that together they alarm on at most that
    share of exchangeable bars while the ceiling does not bind. About 4 us.

    Parameters
    ----------
    config : DetectorConfig
    severity_levels : 4 increasing floats
        Levels of LOW, MEDIUM, HIGH and CRITICAL.
    corroboration : float
        Relative raise of the fused statistic for each further anomaly detector in alarm.

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

    def __init__(
        self,
        config: DetectorConfig,
        severity_levels: tuple[float, float, float, float],
        corroboration: float = 0.1,
    ) -> None:
        self.config = config
        self._alpha = config.false_positive_rate / N_GATED
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
            ("flash_levels", config.flash_levels),
            ("severity_levels", severity_levels),
        ):
            if ladder[0] <= 0 or any(b <= a for a, b in pairwise(ladder)):
                raise ConfigError(f"{name} must increase from above 0", got=ladder, expected="increasing")
        self._dtype = detector_dtype(config.window, config.average_window, config.rank_window, config.history)
        self.calibration = Calibration(config, severity_levels, corroboration)
        self._pack(config, severity_levels)
        self.levels = np.zeros(N_DETECTORS)
        self.reset()

    def _pack(self, c: DetectorConfig, severity_levels: tuple[float, ...]) -> None:
        def decay(halflife: float) -> float:
            return float(0.5 ** (1.0 / halflife))

        decays = (decay(c.z_halflife), decay(c.fast_halflife), decay(c.slow_halflife))
        self._c = np.array(
            [
                c.ceiling,
                c.gated_level,
                c.upside_weight,
                *decays,
                c.warmup,
                c.volatility_floor,
                c.slowing_floor,
            ]
        )
        blind = (c.blind_level, c.stale_bars)
        self._f = np.array(
            [c.correlation_floor, c.shift_floor, *blind, c.vpin_rank, c.spread_multiple, c.gated_level]
        )
        self._b = np.array([decay(c.peak_halflife), c.drawdown_halt, c.daily_loss])
        self._severity = np.array(severity_levels)
        self._drawdown_at = np.array(c.drawdown_levels)
        self._ladders = np.array([*c.vpin_levels, *c.flash_levels])
        # no absolute scale for what is a rank already
        self._absolute = np.array(
            [c.zscore_floor, np.inf, c.moving_average_floor, np.inf, c.mahalanobis_floor]
        )

    def update(self, x: np.ndarray, ts: int = 0) -> np.ndarray:
        """Take in one row of `INPUTS` (NaN: absent); levels (17,), overwritten by the next call."""
        k = self.calibration
        detect(
            self._state,
            ts,
            x,
            self._alpha,
            self._c,
            self._f,
            self._b,
            self._severity,
            self._drawdown_at,
            self._ladders,
            self._absolute,
            k.scale,
            k.thresholds,
            k.bars > 0,
            k.forest,
            k.corroboration,
            self.levels,
        )
        return self.levels

    def history(self, until_ts: int) -> np.ndarray:
        """Statistics of the bars remembered whose time is at most ``until_ts``, oldest first, (m, 7)."""
        s = self._state[0]
        rows, bars = s["history"], int(s["bars"])
        if bars < len(rows):
            rows = rows[:bars]
        else:
            rows = np.roll(rows, -(bars % len(rows)))
        return np.ascontiguousarray(rows["row"][rows["ts"] <= until_ts, :COLUMNS], dtype=np.float64)

    def reset(self) -> None:
        """Forget all past data and what was calibrated on it."""
        self._state = np.zeros(1, self._dtype)
        self.calibration.reset()

    def snapshot(self) -> bytes:
        """State as bytes, without the room no bar has filled yet; the calibration is a parameter and not part
        of it."""
        return self._bytes(self._state)[: self._filled(self._state)].tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        state = np.zeros(1, self._dtype)
        if len(raw) <= self._dtype.itemsize:
            self._bytes(state)[: len(raw)] = np.frombuffer(raw, np.uint8)
        if len(raw) != self._filled(state):
            raise IntegrityError(
                "detector snapshot does not fit",
                got=f"{len(raw)} bytes",
                expected=f"{self._filled(state)} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self._state = state

    @staticmethod
    def _bytes(state: np.ndarray) -> np.ndarray:
        return state.view(np.uint8)

    def _filled(self, state: np.ndarray) -> int:
        """Bytes of a state up to the last bar remembered: the history comes last."""
        assert self._dtype.fields is not None
        rows = min(max(int(state["bars"][0]), 0), state["history"].shape[1])
        return self._dtype.fields["history"][1] + rows * HISTORY_DTYPE.itemsize
