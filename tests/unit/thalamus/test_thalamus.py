from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.thalamus import MODALITIES, Thalamus, ThalamusConfig
from janus_trader.contracts.decision import VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import BAR_DTYPE, Field, Moment, PortfolioState
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime, RegimeState
from janus_trader.contracts.senses import Reading
from janus_trader.foundation.codec import encode

N = 3
NAMES = ("trend_a", "trend_b", "revert_a", "external.0")
FAMILIES = ("trend", "trend", "reversion", "external")


def regime_state(posterior=(0.4, 0.1, 0.3, 0.05, 0.05, 0.05, 0.05), change=0.1, turbulence=0.5):
    return RegimeState(
        posterior=tuple(posterior),
        dominant=Regime(int(np.argmax(posterior))),
        confidence=float(max(posterior)),
        change_probability=change,
        turbulence=turbulence,
        agreement=0.8,
        votes={},
        age=3,
        forecast=tuple(posterior),
    )


def moment_at(t, *, volume=1e6, features=None, external=1, present=None, fields=None):
    bars = np.zeros(N, BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.0 + t
    bars["volume"] = volume
    present = np.ones(N, bool) if present is None else present
    return Moment(
        ts_event=1000 + t,
        step=t,
        session=t,
        symbols=("A", "B", "C"),
        bars=bars,
        present=present,
        returns=np.zeros(N),
        features=FeatureVector(ts_event=1000 + t, values=features or {}),
        portfolio=PortfolioState(
            ts_event=1000 + t,
            equity=1.0,
            cash=1.0,
            peak_equity=1.0,
            session_start_equity=1.0,
            weights=(0.0,) * N,
            quantities=(0.0,) * N,
        ),
        external=np.zeros((external, N)),
        fields=frozenset({Field.CLOSE, Field.VOLUME}) if fields is None else fields,
    )


def seen(trend=0.5, reversal=-0.2, ready=True):
    return VisualPercept(
        trend=np.full(N, trend),
        reversal=np.full(N, reversal),
        texture=np.zeros((N, 8)),
        ready=np.full(N, ready),
    )


def thalamus(**changes):
    return Thalamus(msgspec.structs.replace(ThalamusConfig(), **changes), N, NAMES, FAMILIES)


def episode(step, signals, payoff, reward=0.0):
    return Episode(
        step=step,
        ts_event=1000 + step,
        context=np.zeros(24),
        posterior=np.full(7, 1 / 7),
        signals=np.asarray(signals, np.float32),
        payoff=np.broadcast_to(np.asarray(payoff, np.float32), np.shape(signals)),
        weights=np.zeros(N, np.float32),
        reward=reward,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.5,
    )


def test_missing_modalities_have_gate_zero():
    percept = thalamus().fuse(
        moment_at(0, external=0, fields=frozenset({Field.CLOSE})), regime_state(), seen(ready=False)
    )
    assert percept.gates["price"] > 0.5
    assert all(percept.gates[m] == 0.0 for m in MODALITIES if m != "price")
    assert percept.source_gates[3] == 0.0
    assert (percept.source_gates[:3] > 0).all()
    assert (percept.evidence == 0).all()


def test_gates_follow_coverage_change_and_liquidity():
    calm = thalamus().fuse(moment_at(0), regime_state(change=0.0), seen())
    turning = thalamus().fuse(moment_at(0), regime_state(change=1.0), seen())
    assert turning.gates["visual"] < calm.gates["visual"]
    half = thalamus().fuse(moment_at(0, present=np.array([True, False, False])), regime_state(), seen())
    assert half.gates["price"] < calm.gates["price"]
    thin = thalamus().fuse(moment_at(0, features={"relative_volume": 0.1}), regime_state(), seen())
    assert 0 < thin.gates["volume"] < 0.3 < calm.gates["volume"]


def test_evidence_mixes_trend_and_reversal_by_regime():
    trending = thalamus().fuse(moment_at(0), regime_state((1, 0, 0, 0, 0, 0, 0)), seen(0.5, -0.5))
    ranging = thalamus().fuse(moment_at(0), regime_state((0, 0, 1, 0, 0, 0, 0)), seen(0.5, -0.5))
    assert (trending.evidence > 0).all()
    assert (ranging.evidence < 0).all()


def test_context_layout():
    brain = thalamus()
    percept = brain.fuse(moment_at(0, features={"momentum": 0.5}), regime_state(turbulence=1.0), seen())
    assert percept.context.shape == (brain.context_size,) == (24,)
    np.testing.assert_allclose(percept.context[:7], regime_state().posterior)
    assert percept.context[9] == 0.0
    assert percept.context[16] == pytest.approx(np.tanh(1.0))
    assert percept.context[11] == 0.0
    np.testing.assert_allclose(percept.context[19:], list(percept.gates.values())[:5])
    assert tuple(percept.gates) == MODALITIES


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=7, max_size=7),
    st.floats(0, 1),
    st.floats(0, 1e6),
    st.dictionaries(
        st.sampled_from(["momentum", "trailing_return", "relative_volume"]), st.floats(-1e6, 1e6)
    ),
)
def test_everything_is_bounded_and_a_legal_message(raw, change, turbulence, features):
    posterior = (np.array(raw) + 1e-3) / (np.sum(raw) + 7e-3)
    percept = thalamus().fuse(
        moment_at(0, features=features), regime_state(posterior.tolist(), change, turbulence), seen()
    )
    encode(percept)
    assert np.abs(percept.context).max() <= 1.0
    assert all(0.0 <= g <= 1.0 for g in percept.gates.values())
    assert ((percept.source_gates >= 0) & (percept.source_gates <= 1)).all()


def world(brain, steps, edge, seed, visual_edge=0.0):
    """Source 0 (trend) pays ``edge`` per unit; visual evidence pays ``visual_edge``; the rest is noise."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(steps):
        trend = rng.choice([-1.0, 1.0], N)
        brain.fuse(
            moment_at(t),
            regime_state((1, 0, 0, 0, 0, 0, 0)),
            VisualPercept(trend=trend, reversal=trend, texture=np.zeros((N, 8)), ready=np.ones(N, bool)),
        )
        signals = rng.choice([-1.0, 0.0, 1.0], (4, N))
        payoff = rng.standard_normal(N) + edge * signals[0] + visual_edge * trend
        out.append(episode(t, signals, payoff))
    return out


@pytest.mark.parametrize("edge", [0.6, -0.6])
def test_relevance_opens_for_what_pays_in_either_direction(edge):
    brain = thalamus()
    episodes = world(brain, 600, edge, 1)
    (learner,) = brain.learners()
    candidate = learner.propose(episodes[:500], np.random.default_rng(0))
    assert (learner.parameters()["family"] == 0).all()  # proposing changes nothing
    trend, reversion = candidate["family"][2], candidate["family"][1]
    assert trend > reversion
    assert candidate["direction"][0] == np.sign(edge)
    assert learner.score(candidate, episodes[500:]) > learner.score(None, episodes[500:])
    before = brain.fuse(moment_at(1000), regime_state(), seen()).source_gates
    learner.adopt(candidate)
    after = brain.fuse(moment_at(1001), regime_state(), seen()).source_gates
    assert after[0] > before[0]
    assert after[2] - before[2] < after[0] - before[0]


def test_visual_gate_opens_when_sight_pays_and_shuts_when_it_misleads():
    changes = []
    for edge in (0.5, -0.5):
        brain = thalamus()
        episodes = world(brain, 500, 0.0, 2, visual_edge=edge)
        (learner,) = brain.learners()
        changes.append(learner.propose(episodes, np.random.default_rng(0))["modality"][3])
    assert changes[0] > 0.5
    assert changes[1] < -0.5


def test_replaying_the_same_few_episodes_does_not_fake_evidence():
    brain = thalamus()
    episodes = world(brain, 40, 0.0, 3)
    (learner,) = brain.learners()
    for _ in range(60):
        learner.adopt(learner.propose(episodes, np.random.default_rng(0)))
    assert np.abs(learner.family).max() < 0.5


def test_snapshot_continues_identically():
    brain = thalamus()
    episodes = world(brain, 60, 0.3, 4)
    (learner,) = brain.learners()
    learner.adopt(learner.propose(episodes[:50], np.random.default_rng(0)))
    fresh = thalamus()
    fresh.restore(brain.snapshot())
    a, b = (x.fuse(moment_at(70), regime_state(), seen()) for x in (brain, fresh))
    assert encode(a) == encode(b)
    assert fresh.snapshot() == brain.snapshot()
    pa, pb = (x.learners()[0].propose(episodes, np.random.default_rng(0)) for x in (brain, fresh))
    assert pa["evidence"] == pb["evidence"]
    brain.reset()
    assert brain.snapshot() == thalamus().snapshot()
    with pytest.raises(IntegrityError):
        Thalamus(ThalamusConfig(), 2, NAMES, FAMILIES).restore(fresh.snapshot())


def test_memory_ring_recalls_by_time_after_wrapping():
    brain = thalamus(memory=16)
    for t in range(40):
        brain.fuse(moment_at(t), regime_state((1, 0, 0, 0, 0, 0, 0)), seen(trend=t / 64, reversal=0.0))
    values, known = brain._recall(np.array([1000 + 39, 1000 + 24, 1000 + 23, 5000]))
    assert known.tolist() == [True, True, False, False]
    np.testing.assert_allclose(values[:2, 0, 0], [39 / 64, 24 / 64])


def test_bad_input_is_refused():
    with pytest.raises(ConfigError):
        Thalamus(ThalamusConfig(), N, NAMES, FAMILIES[:2])
    blind = SimpleNamespace(trend=np.zeros(2))
    with pytest.raises(DataError):
        thalamus().fuse(moment_at(0), regime_state(), blind)


def test_news_that_pays_opens_its_gate_and_news_that_misleads_shuts_it():
    changes = []
    for edge in (0.5, -0.5):
        brain, rng, episodes = thalamus(), np.random.default_rng(5), []
        for t in range(500):
            tone = rng.choice([-1.0, 1.0], N)
            values = {"sentiment": 0.0, **{f"sentiment.{s}": x for s, x in zip("ABC", tone, strict=True)}}
            news = Reading(source="news", ts_event=1000 + t, ts_init=1000 + t, values=values)
            moment = msgspec.structs.replace(moment_at(t), senses={"news": news})
            brain.fuse(moment, regime_state(), seen(0.0, 0.0))
            pressure = brain._sent[t, 2].astype(float)
            payoff = rng.standard_normal(N) + edge * np.sign(pressure)
            episodes.append(episode(t, rng.choice([-1.0, 0.0, 1.0], (4, N)), payoff))
        changes.append(brain.learners()[0].propose(episodes, rng)["modality"][MODALITIES.index("sentiment")])
    assert changes[0] > 0.5
    assert changes[1] < -0.5
