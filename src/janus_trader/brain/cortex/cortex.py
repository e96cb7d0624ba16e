"""The cortex: from a feature vector to one regime posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import COLUMN, ROW, clean_row, delivered
from janus_trader.brain.cortex.history import FeatureHistory
from janus_trader.brain.cortex.hmm_voter import (
    EMISSION_CENTRE,
    EMISSION_UNIT,
    EMISSIONS,
    HMMLearner,
    HMMVoter,
    HMMVoterConfig,
    emission_into,
)
from janus_trader.brain.cortex.knowledge import Expectation
from janus_trader.brain.cortex.long_term import LongTermConfig, LongTermMemory
from janus_trader.brain.cortex.manager import FeudalManager, ManagerConfig
from janus_trader.brain.cortex.markov import MarkovConfig, RegimeChain
from janus_trader.brain.cortex.regime import VOTERS, EnsembleConfig, RegimeEnsemble
from janus_trader.brain.cortex.schema_formation import FormedSchema
from janus_trader.brain.cortex.schema_learner import SchemaLearner
from janus_trader.brain.cortex.schemas import SchemaConfig, SchemaVoter, schema_vote
from janus_trader.brain.cortex.statistical_voter import (
    STATISTICAL_EVIDENCE,
    StatisticalVoter,
    StatisticalVoterConfig,
    statistical_vote,
)
from janus_trader.brain.cortex.technical_voter import (
    TECHNICAL_EVIDENCE,
    TechnicalVoter,
    TechnicalVoterConfig,
    technical_vote,
)
from janus_trader.contracts.decision import Goal
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.memory import Consolidated, Episode
from janus_trader.contracts.protocols import Learner, VectorStore
from janus_trader.contracts.regime import N_REGIMES, Regime, RegimeState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.numerics.bocpd import BOCPD, bocpd_step
from janus_trader.numerics.mahalanobis import TurbulenceIndex, turbulence_step

_MARKET_RETURN = COLUMN["market_return"]


class ChangeConfig(Config, frozen=True):
    """Change-point detection and turbulence."""

    expected_run: Annotated[float, Meta(gt=1, description="bars; hazard = 1 / expected_run")] = 250.0
    max_run: Annotated[int, Meta(ge=10, le=5000, description="longest run told apart")] = 250
    recent: Annotated[Count, Meta(description="a change so few bars ago is a change now")] = 5
    volatility_halflife: Annotated[Positive, Meta(description="bars, scale of the market return")] = 252.0
    volatility_warmup: Annotated[int, Meta(ge=2, description="returns before the scale is used")] = 21
    return_limit: Annotated[Positive, Meta(description="deviations beyond which a return is cut")] = 8.0
    turbulence_halflife: Annotated[float, Meta(ge=1, description="bars")] = 250.0
    turbulence_quantile: Annotated[float, Meta(gt=0, lt=1, description="chi-square quantile")] = 0.99
    turbulence_rows: Annotated[int, Meta(ge=10, description="rows before the index speaks")] = 63
    turbulence_shrinkage: Annotated[float, Meta(ge=0, lt=1)] = 0.1


class CortexConfig(Config, frozen=True):
    """Configuration of the cortex; nested records belong to its parts."""

    schemas: SchemaConfig = SchemaConfig()
    statistical: StatisticalVoterConfig = StatisticalVoterConfig()
    technical: TechnicalVoterConfig = TechnicalVoterConfig()
    hmm: HMMVoterConfig = HMMVoterConfig()
    ensemble: EnsembleConfig = EnsembleConfig()
    markov: MarkovConfig = MarkovConfig()
    change: ChangeConfig = ChangeConfig()
    long_term: LongTermConfig = LongTermConfig()
    manager: ManagerConfig = ManagerConfig()
    history: Annotated[int, Meta(ge=100, description="bars kept for the learners of the night")] = 2520


@njit(cache=True)
def _standardised(r: float, s: np.ndarray, c: np.ndarray) -> float:
    # s: slow variance and returns seen, updated; c: decay, warm-up, limit of the result
    if not np.isfinite(r):
        return np.nan
    z = np.nan
    if s[1] >= c[1] and s[0] > 0.0:
        z = min(max(r / np.sqrt(s[0]), -c[2]), c[2])
    s[1] += 1.0
    s[0] += max(1.0 - c[0], 1.0 / s[1]) * (r * r - s[0])
    return z


@njit(cache=True)
def _perceive(
    rows: np.ndarray, s: np.ndarray, c: np.ndarray, centre: np.ndarray, unit: np.ndarray, emission: np.ndarray
) -> float:
    """Clean the delivered row (1, 15), complete it and write its emission (1, 4); the standardised return."""
    row = rows[0]
    clean_row(row)
    row[-1] = _standardised(row[_MARKET_RETURN], s, c)
    emission_into(rows, centre, unit, emission)
    return row[-1]


@njit(cache=True)
def _indicator_votes(  # type: ignore[no-untyped-def]
    x, low, high, weight, reach, accept, priority, c, last, scores,
    table_s, scales_s, table_t, scales_t, votes, coverage,
):  # fmt: skip
    """Votes and coverage of the three voters that read the row, in the order of `VOTERS`."""
    coverage[0] = schema_vote(x, low, high, weight, reach, accept, priority, c, last, scores, votes[0])
    coverage[1] = statistical_vote(x, table_s, scales_s, votes[1])
    coverage[2] = technical_vote(x, table_t, scales_t, votes[2])


@njit(cache=True)
def _sense(  # type: ignore[no-untyped-def]
    rows, scale, c, centre, unit, emission, run, table, hazard, prior_mean, prior_beta, decay, recent, cloud,
    fade, threshold, min_obs, shrinkage, floor, low, high, weight, reach, accept, priority, schema_c, last, scores,
    table_s, scales_s, table_t, scales_t, votes, coverage,
):  # fmt: skip
    """`_perceive`, change point, turbulence and `_indicator_votes` in one call: (change, turbulence), or NaN."""
    z = _perceive(rows, scale, c, centre, unit, emission)
    joint = np.empty(table.shape[1])
    change = bocpd_step(run[0], z, table, joint, hazard, prior_mean, prior_beta, decay, recent)
    turbulence = turbulence_step(cloud[0], emission[0], fade, threshold, min_obs, shrinkage, floor)
    _indicator_votes(
        rows[0], low, high, weight, reach, accept, priority, schema_c, last, scores, table_s, scales_s, table_t,
        scales_t, votes, coverage,
    )  # fmt: skip
    return change, turbulence


class Cortex:
    """Regime ensemble over the market's features.

    Four voters (schemas, statistics, indicators, HMM) are fused with weights times coverage; the
    posterior is smoothed with a gain that rises to 1 where the market's returns changed (BOCPD), and a
    Markov chain forecasts the next bar. Past data only. Absent features are left out, values that are
    not finite count as absent; with nothing at hand the posterior is nearly uniform, Ranging ahead.
    Change probability and turbulence are 0 until their own warm-up has ended. About 40 us a bar.

    Parameters
    ----------
    config : CortexConfig

    Examples
    --------
    >>> cortex = Cortex()
    >>> state = cortex.update(FeatureVector(ts_event=0, values={}))
    >>> state.dominant.name, round(sum(state.posterior), 12), state.confidence < 0.3
    ('RANGING', 1.0, True)
    """

    def __init__(self, config: CortexConfig | None = None) -> None:
        self.config = config or CortexConfig()
        c, d = self.config, self.config.change
        self.schemas = SchemaVoter(c.schemas)
        self.statistical = StatisticalVoter(c.statistical)
        self.technical = TechnicalVoter(c.technical)
        self.hmm = HMMVoter(c.hmm)
        self.ensemble = RegimeEnsemble(c.ensemble)
        self.chain = RegimeChain(c.markov)
        self.history = FeatureHistory(c.history)
        self.long_term = LongTermMemory(c.long_term, self.history)
        self.manager = FeudalManager(c.manager)
        self._bocpd = BOCPD(hazard=1.0 / d.expected_run, max_run=d.max_run, recent=d.recent)
        self._turbulence = TurbulenceIndex(
            len(EMISSIONS),
            halflife=d.turbulence_halflife,
            quantile=d.turbulence_quantile,
            min_obs=d.turbulence_rows,
            shrinkage=d.turbulence_shrinkage,
        )
        decay = 0.5 ** (1.0 / d.volatility_halflife)
        self._c = np.array([decay, d.volatility_warmup, d.return_limit])
        self._rows, self._emission = np.full((1, ROW), np.nan), np.full((1, len(EMISSIONS)), np.nan)
        self._row = self._rows[0]
        self._votes = np.full((len(VOTERS), N_REGIMES), 1.0 / N_REGIMES)
        self._coverage = np.zeros(len(VOTERS))
        self._scale = np.zeros(2)  # slow variance of the market return, returns seen

    def update(self, features: FeatureVector) -> RegimeState:
        """Take in one bar's features and return the regime posterior and what led to it."""
        row, votes, coverage = self._row, self._votes, self._coverage
        row[:] = delivered(features.values)
        change, turbulence = _sense(  # type: ignore[call-arg]
            self._rows, self._scale, self._c, EMISSION_CENTRE, EMISSION_UNIT, self._emission,
            *self._bocpd.arguments, *self._turbulence.arguments, *self.schemas.arguments,
            STATISTICAL_EVIDENCE, self.statistical.scales, TECHNICAL_EVIDENCE, self.technical.scales, votes,
            coverage,
        )  # fmt: skip
        change, turbulence = _known(change), _known(turbulence)
        coverage[3] = self.hmm.vote(self._emission[0], votes[3])
        self.ensemble.update(votes, coverage, change, self.chain.forecast)
        posterior = self.ensemble.posterior
        forecast = self.chain.update(posterior)
        self.history.append(features.ts_event, row)
        return self._state(posterior, forecast, change, turbulence)

    def _state(
        self, posterior: np.ndarray, forecast: np.ndarray, change: float, turbulence: float
    ) -> RegimeState:
        p = tuple(posterior.tolist())
        dominant = self.ensemble.dominant
        votes = zip(VOTERS, self._votes.tolist(), self._coverage.tolist(), strict=True)
        return RegimeState(
            posterior=p,
            dominant=Regime(dominant),
            confidence=p[dominant],
            change_probability=change,
            turbulence=turbulence,
            agreement=self.ensemble.agreement,
            votes={name: tuple(vote) for name, vote, coverage in votes if coverage > 0.0},
            age=self.ensemble.age,
            forecast=tuple(forecast.tolist()),
        )

    def learners(self) -> list[Learner]:
        """What a night may train here: the HMM (deep nights), the schemas and, where it is on, the manager."""
        return [
            HMMLearner(self.hmm, self.schemas, self.history),
            SchemaLearner(self.schemas, self.history),
            *self.manager.learners(),
        ]

    def consolidate(
        self,
        records: Sequence[Consolidated],
        generator: np.random.Generator,
        episodes: Sequence[Episode] = (),
        store: VectorStore | None = None,
    ) -> tuple[FormedSchema, ...]:
        """A deep night: form schemas from what the hippocampus hands on, learn statements from episodes.

        Nothing the day decides by is changed. See `janus_trader.brain.cortex.long_term.LongTermMemory`.
        """
        self.long_term.learn(episodes)
        return self.long_term.consolidate(records, generator, store)

    def expectation(self, regime: RegimeState, ts_event: int | None = None) -> Expectation:
        """What the knowledge base expects of the next bar in this regime, and on what grounds."""
        return self.long_term.expectation(regime, ts_event)

    def goal(self, context: np.ndarray) -> Goal | None:
        """What the feudal manager asks for, given the percept's context (d,); None while it is off or untrained."""
        return self.manager.step(context) if self.config.manager.enabled else None

    def parameters(self) -> dict[str, Any]:
        """Learned parameters in force, as a plain tree by learner."""
        return {learner.name: learner.parameters() for learner in self.learners()}

    def reset(self) -> None:
        """Back to a fresh instance, learned parameters included."""
        for part in (self.schemas, self.hmm, self.ensemble, self.chain, self.history):
            part.reset()
        self.long_term.reset()
        self.manager.reset()
        self._bocpd.reset()
        self._turbulence.reset()
        self._votes[:] = 1.0 / N_REGIMES
        self._coverage[:] = 0.0
        self._scale[:] = 0.0

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        return pack(
            {
                "schemas": self.schemas.state(),
                "hmm": self.hmm.state(),
                "ensemble": self.ensemble.snapshot(),
                "chain": self.chain.state(),
                "history": self.history.state(),
                "long_term": self.long_term.state(),
                "manager": self.manager.snapshot(),
                "bocpd": self._bocpd.snapshot(),
                "turbulence": self._turbulence.snapshot(),
                "variance": float(self._scale[0]),
                "returns": int(self._scale[1]),
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        state = unpack(raw)
        self.schemas.put_state(state["schemas"])
        self.hmm.put_state(state["hmm"])
        self.ensemble.restore(state["ensemble"])
        self.chain.put_state(state["chain"])
        self.history.put_state(state["history"])
        self.long_term.put_state(state["long_term"])
        self.manager.restore(state["manager"])
        self._bocpd.restore(state["bocpd"])
        self._turbulence.restore(state["turbulence"])
        self._scale[:] = state["variance"], state["returns"]


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0
