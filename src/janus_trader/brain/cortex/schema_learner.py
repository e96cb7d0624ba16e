"""Recall-gated consolidation of the schemas (specification eq. 46)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.cortex.feature_row import CENTRE, COLUMN, N_SCHEMA_FEATURES, SPREAD
from janus_trader.brain.cortex.history import FeatureHistory
from janus_trader.brain.cortex.schemas import (
    ACCEPT,
    DIRECTION,
    REACH,
    WEIGHT,
    SchemaVoter,
    copy_parameters,
    intervals,
    schema_scores,
)
from janus_trader.contracts.memory import Episode, Episodes

_RETURN = COLUMN["trailing_return"]


@njit(cache=True)
def recall_cosine(
    x: np.ndarray, prototype: np.ndarray, weight: np.ndarray, centre: np.ndarray, spread: np.ndarray
) -> float:
    """Weighted cosine between a row and a prototype over the schema's present features, in [-1, 1]."""
    dot, xx, pp = 0.0, 0.0, 0.0
    for f in range(weight.shape[0]):
        if weight[f] > 0.0 and not np.isnan(x[f]):
            a = (x[f] - centre[f]) / spread[f]
            b = (prototype[f] - centre[f]) / spread[f]
            dot += weight[f] * a * b
            xx += weight[f] * a * a
            pp += weight[f] * b * b
    return dot / np.sqrt(xx * pp) if xx > 0.0 and pp > 0.0 else 0.0


@njit(cache=True)
def consolidate(
    rows: np.ndarray,
    prototype: np.ndarray,
    count: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weight: np.ndarray,
    reach: np.ndarray,
    accept: np.ndarray,
    direction: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    return_column: int,
    c: np.ndarray,
) -> None:
    """Move the prototypes of recalled schemas, in place: ``z <- z + eta (x - z)``.

    A recall succeeds when the best-scoring schema is accepted, the row's cosine to its prototype
    reaches ``c[1]`` and the sign of the market return is the one the schema stands for. ``c`` holds
    the minimum coverage, the cosine and eta. O(rows * 70).
    """
    scores = np.empty(weight.shape[0])
    for t in range(rows.shape[0]):
        x = rows[t]
        schema_scores(x, low, high, weight, reach, c[0], scores)
        best = -1
        for k in range(scores.shape[0]):
            if not np.isnan(scores[k]) and (best < 0 or scores[k] > scores[best]):
                best = k
        if best < 0 or scores[best] < accept[best]:
            continue
        r = x[return_column]
        if direction[best] != 0 and (np.isnan(r) or r * direction[best] < 0.0):
            continue
        if recall_cosine(x, prototype[best], weight[best], centre, spread) < c[1]:
            continue
        for f in range(weight.shape[1]):
            if weight[best, f] > 0.0 and not np.isnan(x[f]):
                prototype[best, f] += c[2] * (x[f] - prototype[best, f])
        count[best] += 1


@njit(cache=True)
def _mean_best(
    rows: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weight: np.ndarray,
    reach: np.ndarray,
    coverage: float,
) -> float:
    scores = np.empty(weight.shape[0])
    total, n = 0.0, 0
    for t in range(rows.shape[0]):
        schema_scores(rows[t], low, high, weight, reach, coverage, scores)
        best = -1.0
        for k in range(scores.shape[0]):
            if scores[k] > best:
                best = scores[k]
        if best >= 0.0:
            total += best
            n += 1
    return total / n if n > 0 else 0.0


class SchemaLearner:
    """The night's view of the schemas (see `contracts.protocols.Learner`).

    Every bar is consolidated once, in order of time; the score is the mean best-match score on the
    held-back bars. Drift is bounded, so a prototype cannot wander to wherever matches are easy.
    """

    name = "schemas"
    deep_only = False

    def __init__(self, voter: SchemaVoter, history: FeatureHistory) -> None:
        self._voter = voter
        self._history = history

    def parameters(self) -> dict[str, Any]:
        """A copy of the parameters in force."""
        return copy_parameters(self._voter.parameters)

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Prototypes after the bars up to the last training episode; None when there are no new bars."""
        if not train:
            return None
        p = self.parameters()
        last = int(Episodes.of(train).ts_event.max())
        rows = self._history.rows(p["last_ts"] + 1, last)[:, :N_SCHEMA_FEATURES]
        if len(rows) == 0:
            return None
        c = self._voter.config
        consolidate(
            np.ascontiguousarray(rows),
            p["prototype"],
            p["count"],
            self._voter.low,
            self._voter.high,
            WEIGHT,
            REACH,
            ACCEPT,
            DIRECTION,
            CENTRE,
            SPREAD,
            _RETURN,
            np.array([c.min_coverage, c.recall_cosine, c.learning_rate]),
        )
        p["last_ts"] = last
        return p

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean best-match score in [0, 1] on the bars the held-back episodes span; 0 without any."""
        if not held_back:
            return 0.0
        p = self._voter.parameters if parameters is None else parameters
        times = Episodes.of(held_back).ts_event
        rows = np.ascontiguousarray(
            self._history.rows(int(times.min()), int(times.max()))[:, :N_SCHEMA_FEATURES]
        )
        low, high = intervals(np.asarray(p["prototype"]), self._voter.config.max_drift)
        return float(_mean_best(rows, low, high, WEIGHT, REACH, self._voter.config.min_coverage))

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put a candidate in force."""
        self._voter.adopt(parameters)
