"""How often the anomaly detectors may cry wolf: scales and thresholds from strictly earlier bars.

Each anomaly detector has a scale, the value its statistic exceeds on ``false_positive_rate`` of the bars
remembered (``tau_danger`` of specification eq. 51). Statistics over scales are fused to one number, and the
severities begin at values of it that are exceeded at stated rates. Both come from the amygdala's own past, at
night; by day they stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.amygdala.detector_config import DetectorConfig
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.numerics.isolation_forest import (
    expected_path,
    fit_isolation_forest,
    isolation_step,
    isolation_uniforms,
)
from janus_trader.numerics.peaks_over_threshold import tail_quantiles

#: Columns of what is remembered of a bar: return in sigmas, deviation from the moving average in sigmas of a
#: walk, log of fast over baseline volatility, turbulence, correlation breakdown, -log10 of the rank of the loss,
#: and the fused statistic over the threshold of LOW that was in force then (NaN before the first calibration).
ZSCORE, DEVIATION, VOLATILITY, TURBULENCE, CORRELATION, RARITY, JUDGED = range(7)
COLUMNS = 7
#: The leading columns are the state the isolation forest isolates.
N_STATE = 5
#: With one spare column, so that no record has padding.
HISTORY_DTYPE = np.dtype([("ts", "i8"), ("row", "f4", (COLUMNS + 1,))])

N_ANOMALIES = 5
_Z, _FOREST, _MA, _PCT, _MAHA = range(N_ANOMALIES)
#: No scale falls below this share of the floor it starts from: in dead-calm data noise is no alarm.
_LEAST_SCALE = 0.25
#: Before any calibration a loss is rare that no other of the last 199 reached (-log10 of its rank).
_RARE = 2.3
#: Scale of a detector that is not to speak before it is calibrated.
_SILENT = 1e9
#: Alarms as expected that the correction by realised rates starts from.
_PRIOR_ALARMS = 5.0

Forest = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]
CalibrationParameters = dict[str, Any]


def no_forest() -> Forest:
    """A forest without trees: it says nothing."""
    nodes = (0, 1)
    return (np.zeros(nodes, np.int32), np.zeros(nodes), np.zeros(nodes, np.int32), np.zeros(nodes), 1.0)


@njit(cache=True)
def raw_statistics(row: np.ndarray, upside: float, forest: Any, raw: np.ndarray) -> None:
    """The five statistics of a bar's row (7,) into ``raw`` (5,), NaN where an input is absent.

    z-score and deviation from the average count upwards moves by ``upside``; isolation is the odds
    ``s / (1 - s)`` of the score, so that what is set apart at once is far out. O(trees log rows).
    """
    z, deviation = row[ZSCORE], row[DEVIATION]
    raw[_Z] = -z if z < 0.0 else upside * z
    raw[_MA] = -deviation if deviation < 0.0 else upside * deviation
    raw[_PCT] = row[RARITY]
    raw[_MAHA] = row[TURBULENCE]
    raw[_FOREST] = np.nan
    if forest[0].shape[0] > 0:
        s = isolation_step(row[:N_STATE], forest[0], forest[1], forest[2], forest[3], forest[4])
        raw[_FOREST] = s / max(1.0 - s, 1e-9)


@njit(cache=True)
def fuse(raw: np.ndarray, scale: np.ndarray, corroboration: float, out: np.ndarray) -> float:
    """One number from the statistics that speak; each over its scale into ``out``. NaN where none does.

    ``F = max_d x_d / tau_d * (1 + corroboration * (#{x_d >= tau_d} - 1)+)``.
    """
    worst, alarms = np.nan, 0
    for d in range(raw.shape[0]):
        if np.isnan(raw[d]):
            continue
        out[d] = max(0.0, raw[d] / scale[d])
        worst = out[d] if np.isnan(worst) else max(worst, out[d])
        alarms += out[d] >= 1.0
    return worst * (1.0 + corroboration * max(0, alarms - 1))


@njit(cache=True)
def _statistics_of(rows: np.ndarray, upside: float, forest: Any, out: np.ndarray) -> None:
    for i in range(rows.shape[0]):
        raw_statistics(rows[i], upside, forest, out[i])


@njit(cache=True)
def _fused_of(raws: np.ndarray, scale: np.ndarray, corroboration: float, out: np.ndarray) -> None:
    levels = np.empty(raws.shape[1])
    for i in range(raws.shape[0]):
        out[i] = fuse(raws[i], scale, corroboration, levels)


class Calibration:
    """Scales, thresholds and forest in force, and how new ones come from past bars.

    Before ``min_history`` bars the scales are the configured floors, the thresholds the severity levels
    themselves, and the forest is silent. After it the fused statistic of a bar that is exchangeable with
    those remembered reaches LOW at the rate ``false_positive_rate`` and each further severity at
    ``severity_share`` of the rate of the one below, up to the error of a quantile estimated from
    ``history`` bars. Where a detector has no input the rates are smaller, never larger.

    Parameters
    ----------
    config : DetectorConfig
    severity_levels : 4 floats
    corroboration : float
    """

    def __init__(
        self, config: DetectorConfig, severity_levels: tuple[float, ...], corroboration: float
    ) -> None:
        self.config, self.corroboration = config, corroboration
        floors = (config.zscore_floor, _SILENT, config.moving_average_floor, _RARE, config.mahalanobis_floor)
        self._floors, self._levels = np.array(floors), np.array(severity_levels)
        self.rates = config.false_positive_rate * config.severity_share ** np.arange(4.0)
        self.reset()

    def reset(self) -> None:
        """Back to the floors."""
        self.scale, self.thresholds = self._floors.copy(), self._levels.copy()
        self.forest, self.bars = no_forest(), 0

    def estimate(self, rows: np.ndarray, rng: np.random.Generator) -> CalibrationParameters | None:
        """Parameters from rows (m, 7) of `HISTORY_DTYPE`; None for fewer than ``min_history``."""
        c = self.config
        if len(rows) < c.min_history:
            return None
        forest = self._grow(rows, rng)
        raws = np.empty((len(rows), N_ANOMALIES))
        _statistics_of(rows, c.upside_weight, forest, raws)
        scale = self._floors.copy()
        for d in range(N_ANOMALIES):
            known = raws[np.isfinite(raws[:, d]), d]
            if len(known) >= c.min_history:
                least = 1e-9 if d == _FOREST else _LEAST_SCALE * self._floors[d]
                scale[d] = max(least, tail_quantiles(known, self.rates[:1])[0])
        fused = np.empty(len(rows))
        _fused_of(raws, scale, self.corroboration, fused)
        fused = fused[np.isfinite(fused)]
        if len(fused) < c.min_history:
            return None
        thresholds = np.maximum(1.0001, tail_quantiles(fused, self.rates * self._correction(rows)))
        for i in range(1, 4):  # strictly increasing, also where the past does not vary
            thresholds[i] = max(thresholds[i], 1.001 * thresholds[i - 1])
        names = ("feature", "threshold", "child", "path")
        trees = dict(zip(names, forest[:4], strict=True))
        return {"scale": scale, "thresholds": thresholds, "bars": len(rows), "depth": forest[4], **trees}

    def _correction(self, rows: np.ndarray) -> float:
        """Stated over realised rate of LOW since the first calibration, shrunk to 1, in [0.5, 2].

        Quantiles of statistics that come in clusters are exceeded somewhat too often: what really happened
        to earlier thresholds, on bars they had not seen, takes that back (Gibbs & Candès 2021).
        """
        judged = rows[np.isfinite(rows[:, JUDGED]), JUDGED]
        stated = self.rates[0]
        alarms = float((judged >= 1.0).sum())
        return float(np.clip((_PRIOR_ALARMS + stated * len(judged)) / (_PRIOR_ALARMS + alarms), 0.5, 2.0))

    def _grow(self, rows: np.ndarray, rng: np.random.Generator) -> Forest:
        state = rows[:, :N_STATE]
        state = state[np.isfinite(state).all(axis=1)]
        sample = self.config.tree_rows
        if len(state) < max(self.config.min_history, sample):
            return no_forest()
        uniforms = rng.random(isolation_uniforms(self.config.trees, sample))
        f = fit_isolation_forest(state, uniforms, sample=sample)
        return (f.feature, f.threshold, f.child, f.path, float(expected_path(sample)))

    def adopt(self, parameters: CalibrationParameters) -> None:
        """Put parameters in force."""
        p = parameters
        self.scale, self.thresholds = np.array(p["scale"], float), np.array(p["thresholds"], float)
        arrays = [np.array(p[name]) for name in ("feature", "threshold", "child", "path")]
        kinds = (np.int32, np.float64, np.int32, np.float64)
        trees = [a.astype(k) for a, k in zip(arrays, kinds, strict=True)]
        self.forest = (trees[0], trees[1], trees[2], trees[3], float(p["depth"]))
        self.bars = int(p["bars"])

    def parameters(self) -> CalibrationParameters:
        """A copy of the parameters in force."""
        names = ("feature", "threshold", "child", "path")
        trees = {name: a.copy() for name, a in zip(names, self.forest[:4], strict=True)}
        return {
            "scale": self.scale.copy(),
            "thresholds": self.thresholds.copy(),
            "bars": self.bars,
            "depth": self.forest[4],
            **trees,
        }


class ThresholdLearner:
    """The night's view of the calibration (see `contracts.protocols.Learner`); deep nights only.

    Scores are 0 for any parameters: a rate of one in a hundred cannot be judged on some twenty bars held
    back, and letting them choose would bias the rate that is promised. An estimate is adopted as it is.
    """

    name = "threat_thresholds"
    deep_only = True

    def __init__(self, bank: Any) -> None:
        self._bank = bank

    def parameters(self) -> CalibrationParameters:
        """A copy of the parameters in force."""
        return self._bank.calibration.parameters()

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> CalibrationParameters | None:
        """Estimates from the bars up to the last training episode; None when they are too few."""
        if not len(train):
            return None
        until = int(Episodes.of(train).ts_event.max())
        return self._bank.calibration.estimate(self._bank.history(until), rng)

    def score(self, parameters: CalibrationParameters | None, held_back: Sequence[Episode]) -> float:
        """0."""
        return 0.0

    def adopt(self, parameters: CalibrationParameters) -> None:
        """Put a candidate in force."""
        self._bank.calibration.adopt(parameters)
