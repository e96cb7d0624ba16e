"""The seven regime schemas: weighted feature intervals and how well a moment matches each.

The printed intervals are those of the specification's schemas (mechanisms C.3). What is learned is a
prototype per schema; the intervals follow it within a bounded drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import (
    CENTRE,
    N_SCHEMA_FEATURES,
    SCHEMA_FEATURES,
    SPREAD,
    fall_off,
    softmax_into,
)
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.config import Config, Fraction

INF = math.inf


@dataclass(frozen=True)
class Schema:
    """One regime: intervals ``{feature: (low, high, weight)}``, the score at which it is accepted, its
    priority among accepted ones, and the sign of market return it stands for (0: either)."""

    intervals: dict[str, tuple[float, float, float]]
    accept: float
    priority: float
    direction: int


SCHEMAS: dict[Regime, Schema] = {
    Regime.BULL: Schema(
        {
            "trailing_return": (0.02, INF, 2.0),
            "realised_vol": (0.0, 0.25, 1.5),
            "momentum": (0.2, 1.0, 1.0),
            "max_drawdown": (0.0, 0.08, 1.0),
        },
        accept=0.65,
        priority=2.0,
        direction=1,
    ),
    Regime.BEAR: Schema(
        {
            "trailing_return": (-INF, -0.03, 2.0),
            "momentum": (-1.0, -0.1, 1.0),
            "max_drawdown": (0.05, 0.5, 1.5),
        },
        accept=0.55,
        priority=2.0,
        direction=-1,
    ),
    Regime.RANGING: Schema(
        {
            "trailing_return": (-0.02, 0.02, 1.5),
            "realised_vol": (0.0, 0.25, 1.0),
            "momentum": (-0.3, 0.3, 1.0),
        },
        accept=0.50,
        priority=1.0,
        direction=0,
    ),
    Regime.CRISIS: Schema(
        {
            "realised_vol": (0.4, INF, 2.0),
            "max_drawdown": (0.1, 1.0, 2.0),
            "average_correlation": (0.65, 1.0, 1.5),
            "vol_rate_of_change": (0.05, INF, 1.0),
        },
        accept=0.65,
        priority=3.0,
        direction=0,
    ),
    Regime.RECOVERY: Schema(
        {
            "trailing_return": (0.005, 0.05, 1.5),
            "realised_vol": (0.15, 0.45, 1.0),
            "vol_rate_of_change": (-INF, -0.01, 1.0),
            "max_drawdown": (0.03, 0.2, 1.0),
        },
        accept=0.80,
        priority=1.5,
        direction=1,
    ),
    Regime.BUBBLE: Schema(
        {
            "trailing_return": (0.08, INF, 2.0),
            "realised_vol": (0.0, 0.3, 1.0),
            "momentum": (0.6, 1.0, 1.5),
            "relative_volume": (1.5, INF, 1.0),
        },
        accept=0.55,
        priority=2.5,
        direction=1,
    ),
    Regime.DEFLATION: Schema(
        {
            "trailing_return": (-0.05, 0.0, 1.5),
            "realised_vol": (0.0, 0.2, 1.5),
            "yield_curve_slope": (-INF, 0.0, 2.0),
            "credit_spread": (0.03, INF, 1.0),
        },
        accept=0.85,
        priority=1.5,
        direction=-1,
    ),
}


class SchemaConfig(Config, frozen=True):
    """Matching and slow learning of the schemas."""

    min_coverage: Annotated[
        Fraction, Meta(description="share of a schema's weight that must be present for it to score")
    ] = 0.6
    sharpness: Annotated[
        float, Meta(gt=0, le=50, description="softmax gain on the margin over acceptance")
    ] = 4.0
    no_match_keep: Annotated[
        Fraction, Meta(description="share of the last vote kept while nothing is accepted")
    ] = 0.5
    learning_rate: Annotated[Fraction, Meta(description="eta of eq. 46, per recalled bar")] = 0.01
    recall_cosine: Annotated[
        float, Meta(ge=-1, le=1, description="cosine to the prototype from which a recall succeeds")
    ] = 0.7
    max_drift: Annotated[
        Fraction, Meta(description="furthest an interval may move, in its widths or feature spreads")
    ] = 0.25


def _arrays() -> tuple[np.ndarray, ...]:
    shape = (N_REGIMES, N_SCHEMA_FEATURES)
    low, high, weight = np.full(shape, -INF), np.full(shape, INF), np.zeros(shape)
    for regime, schema in SCHEMAS.items():
        for name, (a, b, w) in schema.intervals.items():
            j = SCHEMA_FEATURES.index(name)
            low[regime, j], high[regime, j], weight[regime, j] = a, b, w
    accept = np.array([SCHEMAS[r].accept for r in Regime])
    priority = np.array([SCHEMAS[r].priority for r in Regime])
    direction = np.array([SCHEMAS[r].direction for r in Regime])
    # a wide interval such as a drawdown of 0.1 to 1 must not reach all the way to none at all
    reach = np.where(np.isfinite(low) & np.isfinite(high), np.minimum(high - low, SPREAD), 0.0)
    for array in (low, high, weight, reach, accept, priority, direction):
        array.flags.writeable = False
    return low, high, weight, reach, accept, priority, direction


LOW, HIGH, WEIGHT, REACH, ACCEPT, PRIORITY, DIRECTION = _arrays()


def first_prototypes() -> np.ndarray:
    """Prototypes (7, 10) before any learning: the middle of a finite interval, one spread inside an
    open one, the feature's typical centre where the schema does not use it."""
    middle = 0.5 * (np.where(np.isfinite(LOW), LOW, 0.0) + np.where(np.isfinite(HIGH), HIGH, 0.0))
    out = np.where(np.isfinite(LOW) & np.isfinite(HIGH), middle, CENTRE)
    out = np.where(np.isfinite(LOW) & ~np.isfinite(HIGH), LOW + SPREAD, out)
    out = np.where(~np.isfinite(LOW) & np.isfinite(HIGH), HIGH - SPREAD, out)
    return np.where(WEIGHT > 0, out, CENTRE)


def drift_unit() -> np.ndarray:
    """The unit of drift of each interval (7, 10): its width, or the feature's spread where open."""
    finite = np.isfinite(LOW) & np.isfinite(HIGH)
    return np.where(finite, np.where(finite, HIGH, 0.0) - np.where(finite, LOW, 0.0), SPREAD)


@njit(cache=True)
def schema_scores(
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weight: np.ndarray,
    reach: np.ndarray,
    min_coverage: float,
    out: np.ndarray,
) -> None:
    """Score of each schema, NaN where too little of it is present.

    ``score_k = sum_f w_kf m_kf(x_f) / sum_f w_kf`` over the present features of the schema, with
    the membership m of `fall_off` (eq. 43 divided by the weights, not by the number of features); it
    falls off over the interval's width, at most one feature spread, and at once beyond an open
    interval. O(70).
    """
    for k in range(weight.shape[0]):
        got, present, total = 0.0, 0.0, 0.0
        for f in range(weight.shape[1]):
            w = weight[k, f]
            if w > 0.0:
                total += w
                if not np.isnan(x[f]):
                    present += w
                    got += w * fall_off(x[f], low[k, f], high[k, f], reach[k, f])
        out[k] = got / present if present > 0.0 and present >= min_coverage * total else np.nan


@njit(cache=True)
def margins(
    scores: np.ndarray, accept: np.ndarray, priority: np.ndarray, sharpness: float, out: np.ndarray
) -> bool:
    """Vote from scores: softmax of ``sharpness (score - accept) / (1 - accept) + log priority``.

    A schema without a score gets no mass. Returns whether any schema is accepted; with no score at
    all the vote is uniform.
    """
    n = scores.shape[0]
    logits = np.empty(n)
    accepted, some = False, False
    for k in range(n):
        if np.isnan(scores[k]):
            logits[k] = -np.inf
            continue
        some = True
        accepted = accepted or scores[k] >= accept[k]
        margin = (scores[k] - accept[k]) / (1.0 - accept[k])
        logits[k] = sharpness * max(-1.0, margin) + np.log(priority[k])
    if some:
        softmax_into(logits, out)
    else:
        out[:] = 1.0 / n
    return accepted


@njit(cache=True)
def schema_vote(
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weight: np.ndarray,
    reach: np.ndarray,
    accept: np.ndarray,
    priority: np.ndarray,
    c: np.ndarray,
    last: np.ndarray,
    scores: np.ndarray,
    out: np.ndarray,
) -> float:
    """Write the vote (7,) and return the share of schemas that could be scored.

    ``c`` holds the least coverage, the sharpness and the share kept without a match.
    """
    schema_scores(x, low, high, weight, reach, c[0], scores)
    scored = 0
    for k in range(scores.shape[0]):
        if not np.isnan(scores[k]):
            scored += 1
    accepted = margins(scores, accept, priority, c[1], out)
    if not accepted and scored > 0:
        for k in range(out.shape[0]):
            out[k] = c[2] * last[k] + (1.0 - c[2]) / out.shape[0]
    if scored > 0:
        last[:] = out
    return scored / scores.shape[0]


_Array = np.ndarray
#: Bounds, weights, reaches, acceptance, priorities, scales, last vote and scores, as `schema_vote` takes them.
SchemaArguments = tuple[_Array, _Array, _Array, _Array, _Array, _Array, _Array, _Array, _Array]


class SchemaVoter:
    """Votes by matching the moment against the seven schemas.

    Without an accepted schema the last vote is kept at half its confidence (mechanisms C.3). Absent
    features drop out of a schema and its weights are renormalised over what is left, as long as
    ``min_coverage`` of the weight is there. State: the last vote. O(70) a bar.

    Parameters
    ----------
    config : SchemaConfig

    Examples
    --------
    >>> from janus_trader.brain.cortex.feature_row import ROW, fill_row
    >>> voter, vote = SchemaVoter(), np.zeros(7)
    >>> storm = {"realised_vol": 0.7, "max_drawdown": 0.3, "average_correlation": 0.8, "vol_rate_of_change": 0.4}
    >>> coverage = voter.vote(fill_row(storm, np.zeros(ROW)), vote)
    >>> Regime(int(vote.argmax())).name, round(coverage, 3)
    ('CRISIS', 0.286)
    """

    def __init__(self, config: SchemaConfig | None = None) -> None:
        self.config = config or SchemaConfig()
        c = self.config
        self._c = np.array([c.min_coverage, c.sharpness, c.no_match_keep])
        self.scores = np.full(N_REGIMES, np.nan)
        self.reset()

    def vote(self, x: np.ndarray, out: np.ndarray) -> float:
        """Write the vote (7,) for a row; returns the share of schemas that could be scored."""
        return float(schema_vote(x, *self.arguments, out))

    @property
    def arguments(self) -> SchemaArguments:
        """What `schema_vote` needs besides the row and the place of the vote."""
        return (self.low, self.high, WEIGHT, REACH, ACCEPT, PRIORITY, self._c, self._last, self.scores)

    def profile(self, x: np.ndarray) -> np.ndarray:
        """Vote (7,) for the ten schema features, without memory of earlier votes."""
        scores, out = np.empty(N_REGIMES), np.empty(N_REGIMES)
        schema_scores(x, self.low, self.high, WEIGHT, REACH, self.config.min_coverage, scores)
        margins(scores, ACCEPT, PRIORITY, self.config.sharpness, out)
        return out

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put learned prototypes in force; intervals move by at most ``max_drift``."""
        self.parameters = copy_parameters(parameters)
        self.low, self.high = intervals(self.parameters["prototype"], self.config.max_drift)

    def reset(self) -> None:
        """Printed intervals, uniform last vote."""
        self._last = np.full(N_REGIMES, 1.0 / N_REGIMES)
        self.adopt(fresh_parameters())

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {"last": self._last, "parameters": self.parameters}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for a tree of another shape."""
        last = np.array(state["last"], dtype=np.float64)
        if last.shape != (N_REGIMES,):
            raise IntegrityError("schema snapshot does not fit", got=last.shape, expected="(7,)")
        self._last = last
        self.adopt(state["parameters"])


def fresh_parameters() -> dict[str, Any]:
    """Learned parameters before any learning."""
    return {"prototype": first_prototypes(), "count": np.zeros(N_REGIMES, np.int64), "last_ts": -1}


def copy_parameters(p: dict[str, Any]) -> dict[str, Any]:
    """An independent copy of learned parameters."""
    return {
        "prototype": np.array(p["prototype"], dtype=np.float64),
        "count": np.array(p["count"], dtype=np.int64),
        "last_ts": int(p["last_ts"]),
    }


def intervals(prototype: np.ndarray, max_drift: float) -> tuple[np.ndarray, np.ndarray]:
    """Interval bounds (7, 10) moved with the prototypes, at most ``max_drift`` units from the print."""
    limit = max_drift * drift_unit()
    shift = np.clip(prototype - first_prototypes(), -limit, limit)
    return LOW + shift, HIGH + shift
