"""Votes of a Gaussian hidden Markov model, fitted at deep nights on the past (section 2.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import COLUMN, N_SCHEMA_FEATURES
from janus_trader.brain.cortex.history import FeatureHistory
from janus_trader.brain.cortex.markov import stationary_distribution
from janus_trader.brain.cortex.schemas import SchemaVoter
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.config import Config, Count, Fraction, Positive
from janus_trader.numerics.hmm import HMMFilter, HMMParameters, fit_hmm, log_likelihood

#: What the model emits. Every feature is brought to a fixed unit, so that likelihoods of models fitted
#: in different nights compare, and a standard normal is the model before the first fit.
EMISSIONS: tuple[str, ...] = ("return_z", "log_volatility", "momentum", "max_drawdown")
_Z, _VOL, _MOM, _DD = (COLUMN[name] for name in ("return_z", "realised_vol", "momentum", "max_drawdown"))
EMISSION_CENTRE = np.array([0.0, float(np.log(0.16)), 0.1, 0.05])
EMISSION_UNIT = np.array([1.0, 0.35, 0.5, 0.05])


class HMMVoterConfig(Config, frozen=True):
    """Size and fit of the model; states and least rows as in mechanisms C.9."""

    n_states: Annotated[int, Meta(ge=2, le=8)] = 3
    min_rows: Annotated[int, Meta(ge=50, description="complete rows before the first fit")] = 100
    lookback: Annotated[int, Meta(ge=50, description="latest rows a fit uses; several regimes long")] = 1260
    restarts: Annotated[int, Meta(ge=1, le=20, description="seedings per fit; the likeliest is kept")] = 3
    max_iter: Count = 50
    tol: Annotated[Positive, Meta(description="gain of log-likelihood per row that ends a fit")] = 1e-4
    min_variance: Annotated[
        Fraction, Meta(description="floor of a state's variance over that of all rows")
    ] = 0.02
    replay: Annotated[int, Meta(ge=0, description="rows a new model filters before it votes")] = 63


@njit(cache=True)
def emission_into(rows: np.ndarray, centre: np.ndarray, unit: np.ndarray, out: np.ndarray) -> None:
    """Write the emissions (T, 4) of feature rows (T, 15)."""
    for t in range(rows.shape[0]):
        out[t, 0] = rows[t, _Z]
        out[t, 1] = np.log(max(rows[t, _VOL], 1e-6)) if not np.isnan(rows[t, _VOL]) else np.nan
        out[t, 2] = rows[t, _MOM]
        out[t, 3] = rows[t, _DD]
        for i in range(out.shape[1]):
            out[t, i] = (out[t, i] - centre[i]) / unit[i]


def emission_rows(rows: np.ndarray) -> np.ndarray:
    """Emissions (T, 4) of feature rows (T, 15), in fixed units; NaN where absent.

    >>> from janus_trader.brain.cortex.feature_row import ROW
    >>> emission_rows(np.full((1, ROW), 0.16)).round(3).tolist()
    [[0.16, 0.0, 0.12, 2.2]]
    """
    out = np.empty((len(rows), len(EMISSIONS)))
    emission_into(rows, EMISSION_CENTRE, EMISSION_UNIT, out)
    return out


def standard_model() -> HMMParameters:
    """The model before the first fit: one standard normal state."""
    d = len(EMISSIONS)
    return HMMParameters(np.ones(1), np.ones((1, 1)), np.zeros((1, d)), np.ones((1, d)))


def _model(p: dict[str, Any]) -> HMMParameters:
    return HMMParameters(*(np.asarray(p[key], dtype=np.float64) for key in _KEYS))


_KEYS = ("initial", "transition", "means", "covariances")


class HMMVoter:
    """Filters the model in force and maps its states to the seven regimes.

    ``vote = sum_k P(z_t = k | x_1..t) M_k`` where row k of the (K, 7) map M is the mean profile
    of the state in the language of the schemas: their vote averaged over the training rows, each
    weighted by its probability of that state. (The vote on a state's mean features would call every
    mixed state Ranging.) No vote before the first fit; an incomplete row keeps the posterior.
    O(K^2) a bar.

    Parameters
    ----------
    config : HMMVoterConfig

    Examples
    --------
    >>> from janus_trader.brain.cortex.feature_row import ROW
    >>> HMMVoter().vote(np.zeros(ROW), np.zeros(7))
    0.0
    """

    def __init__(self, config: HMMVoterConfig | None = None) -> None:
        self.config = config or HMMVoterConfig()
        self.parameters: dict[str, Any] | None = None
        self._filter: HMMFilter | None = None
        self._map = np.zeros((0, N_REGIMES))

    def vote(self, emission: np.ndarray, out: np.ndarray) -> float:
        """Take in one row of `EMISSIONS` and write the vote (7,); coverage 0 or 1."""
        if self._filter is None:
            return 0.0
        posterior = self._filter.update(emission)
        if not posterior[0] >= 0.0:
            return 0.0
        np.dot(posterior, self._map, out=out)
        return 1.0

    def adopt(self, parameters: dict[str, Any] | None, recent: np.ndarray | None = None) -> None:
        """Put a model in force (None: none) after filtering ``recent`` emission rows (m, 4) with it."""
        self.parameters = None if parameters is None else copy_parameters(parameters)
        self._filter, self._map = None, np.zeros((0, N_REGIMES))
        if self.parameters is not None:
            self._filter = HMMFilter(_model(self.parameters))
            self._map = np.ascontiguousarray(self.parameters["map"])
            for row in recent if recent is not None else ():
                self._filter.update(row)

    def reset(self) -> None:
        """No model."""
        self.adopt(None)

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        inner = None if self._filter is None else self._filter.snapshot()
        return {"parameters": self.parameters, "filter": inner}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.adopt(state["parameters"])
        if (self._filter is None) != (state["filter"] is None):
            raise IntegrityError("HMM snapshot is torn", expected="a model with its filter, or neither")
        if self._filter is not None:
            self._filter.restore(state["filter"])


def copy_parameters(p: dict[str, Any]) -> dict[str, Any]:
    """An independent copy of a fitted model and its map to regimes."""
    return {key: np.array(p[key], dtype=np.float64) for key in (*_KEYS, "map")}


class HMMLearner:
    """The night's view of the model (see `contracts.protocols.Learner`); deep nights only.

    Fits on complete rows no later than the last training episode; the score is the log-likelihood
    per complete row over the span of the held-back episodes, in nats, where having no model counts
    as a standard normal in the fixed units.
    """

    name = "hmm"
    deep_only = True

    def __init__(self, voter: HMMVoter, schemas: SchemaVoter, history: FeatureHistory) -> None:
        self._voter = voter
        self._schemas = schemas
        self._history = history

    def parameters(self) -> dict[str, Any] | None:
        """A copy of the model in force; None before the first fit."""
        p = self._voter.parameters
        return None if p is None else copy_parameters(p)

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """The likeliest of a few fits; None while there are too few complete rows."""
        if not train:
            return None
        c = self._voter.config
        rows = self._history.rows(0, int(Episodes.of(train).ts_event.max()))
        emissions = emission_rows(rows)
        complete = np.isfinite(emissions).all(axis=1)
        rows, emissions = rows[complete][-c.lookback :], emissions[complete][-c.lookback :]
        if len(rows) < max(c.min_rows, 2 * c.n_states):
            return None
        model, _ = fit_hmm(emissions, c.n_states, rng, c.max_iter, c.tol, c.min_variance, n_starts=c.restarts)
        tree = {key: np.array(getattr(model, key)) for key in _KEYS}
        return {**tree, "map": self._regimes(model, rows, emissions)}

    def _regimes(self, model: HMMParameters, rows: np.ndarray, emissions: np.ndarray) -> np.ndarray:
        votes = np.array([self._schemas.profile(row) for row in rows[:, :N_SCHEMA_FEATURES]])
        weights = HMMFilter(model).transform(emissions)
        mass = weights.sum(axis=0)[:, None]
        even = np.full(N_REGIMES, 1.0 / N_REGIMES)
        return np.where(mass > 1e-6, weights.T @ votes / np.maximum(mass, 1e-6), even)

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Log-likelihood per complete held-back row, in nats; 0 when there is none."""
        if not held_back:
            return 0.0
        p = self._voter.parameters if parameters is None else parameters
        times = Episodes.of(held_back).ts_event
        emissions = emission_rows(self._history.rows(int(times.min()), int(times.max())))
        emissions = emissions[np.isfinite(emissions).all(axis=1)]
        if len(emissions) == 0:
            return 0.0
        # the first held-back row is no beginning of the series: start from the long-run law
        model = (
            standard_model()
            if p is None
            else _model({**p, "initial": stationary_distribution(p["transition"])})
        )
        return float(log_likelihood(model, emissions)) / len(emissions)

    def adopt(self, parameters: dict[str, Any] | None) -> None:
        """Put a model in force, in step with the latest rows."""
        last = emission_rows(self._history.latest(self._voter.config.replay))
        self._voter.adopt(parameters, last)
