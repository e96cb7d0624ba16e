from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.cortex import Cortex, CortexConfig, HMMVoterConfig
from janus_trader.brain.cortex.feature_row import FEATURES
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.protocols import Stateful
from janus_trader.contracts.regime import Regime, RegimeState
from janus_trader.foundation.codec import encode

SMALL = CortexConfig(history=600)


def episode(ts: int) -> Episode:
    return Episode(
        step=ts,
        ts_event=ts,
        context=np.zeros(1),
        posterior=np.full(7, 1 / 7),
        signals=np.zeros((1, 1), "f4"),
        payoff=np.zeros((1, 1), "f4"),
        weights=np.zeros(1, "f4"),
        reward=0.0,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def market(bars: int, seed: int = 1) -> list[FeatureVector]:
    """A market that alternates between a calm rise and a stormy fall every 60 bars."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(bars):
        storm = (t // 60) % 2 == 1
        vol, drift = (0.5, -0.08) if storm else (0.12, 0.04)
        values = {
            "market_return": float(drift / 21 + vol / 16 * rng.standard_normal()),
            "trailing_return": float(drift + 0.01 * rng.standard_normal()),
            "realised_vol": float(vol * np.exp(0.1 * rng.standard_normal())),
            "momentum": float(np.tanh((-0.8 if storm else 0.5) + 0.2 * rng.standard_normal())),
            "max_drawdown": float(abs((0.25 if storm else 0.02) + 0.01 * rng.standard_normal())),
            "average_correlation": 0.8 if storm else 0.3,
            "vol_rate_of_change": float((0.2 if storm else 0.0) + 0.05 * rng.standard_normal()),
            "mean_reversion": 0.0,
        }
        out.append(FeatureVector(ts_event=t, values=values))
    return out


def check(state: RegimeState) -> None:
    assert abs(sum(state.posterior) - 1.0) < 1e-9
    assert abs(sum(state.forecast) - 1.0) < 1e-9
    assert min(state.posterior) >= 0.0
    for x in (state.confidence, state.change_probability, state.agreement):
        assert 0.0 <= x <= 1.0 + 1e-12
    assert np.isfinite(state.turbulence)
    assert state.turbulence >= 0.0
    encode(state)  # refuses NaN in arrays and is what the journal does


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1, 1),
    st.sampled_from([1e300, -1e300, 0.0, 5e-324]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FEATURES[:-1]), values), min_size=1, max_size=40))
def test_posterior_sums_to_one_for_random_absent_and_extreme_features(rows: list[dict[str, float]]) -> None:
    cortex = Cortex(SMALL)
    for t, row in enumerate(rows):
        check(cortex.update(FeatureVector(ts_event=t, values=row)))


def test_early_belief_is_unsure_ranging() -> None:
    state = Cortex().update(FeatureVector(ts_event=0, values={}))
    assert state.dominant is Regime.RANGING
    assert state.confidence < 0.3
    assert state.votes == {}


def test_calm_rises_and_storms_are_told_apart() -> None:
    cortex = Cortex()
    states = [cortex.update(f) for f in market(480)]
    for state in states:
        check(state)
    late_calm = [states[t] for t in range(480) if (t // 60) % 2 == 0 and t % 60 > 30]
    late_storm = [states[t] for t in range(480) if (t // 60) % 2 == 1 and t % 60 > 30]
    assert np.mean([s.dominant is Regime.BULL for s in late_calm]) > 0.9
    bad = (Regime.CRISIS, Regime.BEAR)
    assert np.mean([s.dominant in bad for s in late_storm]) > 0.9
    assert np.mean([s.risk_on for s in late_calm]) > np.mean([s.risk_on for s in late_storm]) + 0.3


def test_change_probability_rises_at_a_change_of_volatility() -> None:
    cortex = Cortex()
    rng = np.random.default_rng(2)
    change = []
    for t in range(420):
        scale = 0.01 if t < 400 else 0.06
        f = FeatureVector(ts_event=t, values={"market_return": float(scale * rng.standard_normal())})
        change.append(cortex.update(f).change_probability)
    assert np.mean(change[200:400]) < 0.15
    assert max(change[400:]) > 0.8


def test_belief_depends_on_the_past_only() -> None:
    a, b = market(200), market(200)
    b[150:] = [FeatureVector(ts_event=f.ts_event, values={"realised_vol": 3.0}) for f in b[150:]]
    one, other = Cortex(SMALL), Cortex(SMALL)
    x, y = [one.update(f) for f in a], [other.update(f) for f in b]
    assert x[:150] == y[:150]
    assert x[150] != y[150]


def fitted() -> tuple[Cortex, Any]:
    cortex = Cortex(SMALL)
    for f in market(500):
        cortex.update(f)
    learner = cortex.learners()[0]
    candidate = learner.propose([episode(t) for t in range(400)], np.random.default_rng(3))
    return cortex, candidate


def test_hmm_learner_beats_having_no_model_and_starts_to_vote() -> None:
    cortex, candidate = fitted()
    learner = cortex.learners()[0]
    assert learner.name == "hmm"
    assert learner.deep_only
    assert learner.parameters() is None
    held_back = [episode(t) for t in range(401, 500)]
    assert learner.score(candidate, held_back) > learner.score(None, held_back) + 1.0
    learner.adopt(candidate)
    state = cortex.update(market(501)[-1])
    assert "hmm" in state.votes
    assert abs(sum(state.votes["hmm"]) - 1.0) < 1e-9
    assert cortex.parameters()["hmm"] is not None


def test_hmm_states_are_mapped_by_their_own_profiles() -> None:
    _, candidate = fitted()
    top = {Regime(int(row.argmax())) for row in candidate["map"]}
    assert Regime.BULL in top
    assert top & {Regime.CRISIS, Regime.BEAR}
    np.testing.assert_allclose(candidate["map"].sum(axis=1), 1.0)


def test_hmm_training_sees_no_bar_after_the_last_episode() -> None:
    def candidate(tail: float) -> Any:
        cortex = Cortex(SMALL)
        for f in market(500):
            v = f.values if f.ts_event <= 399 else {**f.values, "realised_vol": tail}
            cortex.update(FeatureVector(ts_event=f.ts_event, values=v))
        return cortex.learners()[0].propose([episode(t) for t in range(400)], np.random.default_rng(3))

    a, b = candidate(0.1), candidate(5.0)
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key])


def test_hmm_waits_for_enough_rows() -> None:
    cortex = Cortex(CortexConfig(hmm=HMMVoterConfig(min_rows=100)))
    for f in market(60):
        cortex.update(f)
    learner = cortex.learners()[0]
    assert learner.propose([episode(59)], np.random.default_rng(0)) is None
    assert learner.propose([], np.random.default_rng(0)) is None
    assert learner.score(None, []) == 0.0


def test_a_night_that_only_proposes_changes_nothing_live() -> None:
    cortex, _ = fitted()
    before = cortex.snapshot()
    for learner in cortex.learners():
        learner.propose([episode(t) for t in range(450)], np.random.default_rng(4))
        learner.score(None, [episode(460), episode(480)])
    assert cortex.snapshot() == before


def test_snapshot_continues_identically_with_learned_parameters() -> None:
    a, candidate = fitted()
    a.learners()[0].adopt(candidate)
    schemas = a.learners()[1].propose([episode(499)], np.random.default_rng(5))
    assert schemas is not None
    a.learners()[1].adopt(schemas)
    b = Cortex(SMALL)
    b.restore(a.snapshot())
    for f in market(560)[500:]:
        assert a.update(f) == b.update(f)
    assert a.snapshot() == b.snapshot()
    assert len(a.snapshot()) < 100_000
    a.reset()
    assert a.snapshot() == Cortex(SMALL).snapshot()


def test_a_snapshot_of_another_capacity_is_refused() -> None:
    a = Cortex(SMALL)
    for f in market(400):
        a.update(f)
    with pytest.raises(IntegrityError):
        Cortex(CortexConfig(history=100)).restore(a.snapshot())


def test_protocols() -> None:
    cortex = Cortex()
    assert isinstance(cortex, Stateful)
    assert [(learner.name, learner.deep_only) for learner in cortex.learners()] == [
        ("hmm", True),
        ("schemas", False),
    ]


def test_update_is_quick() -> None:
    cortex, candidate = fitted()
    cortex.learners()[0].adopt(candidate)
    features = market(3)[-1]
    best = np.inf
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(20):
            cortex.update(features)
        best = min(best, (time.perf_counter() - start) / 20)
    assert best < 400e-6  # a guard against a slip, not a benchmark: about 45 us alone
