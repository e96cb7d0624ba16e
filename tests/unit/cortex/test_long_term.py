"""Formed schemas, the knowledge base, and how the cortex is fed by night."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm

from janus_trader.brain.cortex import (
    Cortex,
    CortexConfig,
    FormationConfig,
    KnowledgeBase,
    KnowledgeConfig,
    SchemaFormation,
)
from janus_trader.brain.cortex.feature_row import COLUMN, ROW
from janus_trader.brain.cortex.knowledge import CONDITIONS, conditions_of
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.memory import Consolidated, Episode
from janus_trader.contracts.regime import Regime
from janus_trader.stores.vectors import ExactVectorStore

EVEN = np.full(7, 1 / 7)


def traces(n, seed=0, shift=0.0, first=0):
    """Three kinds of days: where they lie, what they were called, what they paid."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    x = np.eye(5)[kind] + shift + 0.05 * rng.standard_normal((n, 5))
    posterior = 0.1 / 7 + 0.9 * np.eye(7)[np.array([Regime.BULL, Regime.BEAR, Regime.CRISIS])[kind]]
    reward = np.array([0.01, -0.01, -0.03])[kind] + np.array([0.002, 0.004, 0.02])[
        kind
    ] * rng.standard_normal(n)
    return first + np.arange(n), x, posterior, reward, kind


def formation(**kw):
    return SchemaFormation(FormationConfig(**{"clusters": 3, "min_traces": 30, **kw}))


# --- formation ----------------------------------------------------------------------------------------


def test_schemas_are_the_clusters_with_their_statistics():
    step, x, posterior, reward, kind = traces(300)
    f = formation()
    assert f.add(step, x, posterior, reward) == 300
    schemas = f.form(np.random.default_rng(0))
    assert {s.regime for s in schemas} == {Regime.BULL, Regime.BEAR, Regime.CRISIS}
    for s in schemas:
        members = kind == [Regime.BULL, Regime.BEAR, Regime.CRISIS].index(s.regime)
        mean = x[members].mean(axis=0)
        assert s.count == members.sum()
        assert np.allclose(s.centroid, mean / np.linalg.norm(mean))
        assert s.mean_reward == pytest.approx(reward[members].mean())
        assert s.volatility == pytest.approx(reward[members].std())
        assert s.mass == pytest.approx(0.9 + 0.1 / 7)


def test_nearest_is_the_argmax_of_cosines():
    f = formation()
    f.add(*traces(200)[:4])
    schemas = f.form(np.random.default_rng(0))
    for vector in np.random.default_rng(1).standard_normal((50, 5)):
        cosines = [s.centroid @ vector / np.linalg.norm(vector) for s in schemas]
        assert f.nearest(vector) == schemas[int(np.argmax(cosines))]
    assert f.nearest(np.zeros(5)) is None
    assert f.nearest(np.full(5, np.nan)) is None
    assert f.nearest(np.ones(4)) is None


@pytest.mark.parametrize("seed", range(5))
def test_identities_persist_while_clusters_move(seed):
    f = formation(capacity=200)
    keys = {}
    for night in range(6):
        f.add(*traces(200, seed=night, shift=0.02 * night, first=200 * night)[:4])
        schemas = f.form(np.random.default_rng(100 * seed + night))
        named = {s.regime: s.key for s in schemas}
        keys = keys or named
        assert named == keys
        assert {s.age for s in schemas} == {night + 1}


def test_matching_is_the_best_of_all_assignments():
    f = formation(clusters=4, min_traces=4)
    rng = np.random.default_rng(3)
    step = np.arange(40)
    f.add(step, rng.standard_normal((40, 3)), np.tile(EVEN, (40, 1)), np.zeros(40))
    f.form(rng)
    old = f._centres.copy()
    new = rng.standard_normal((4, 3))
    keys, _ = f._identities(new)
    cost = ((new[:, None] - old[None]) ** 2).sum(axis=2)
    best = min(permutations(range(4)), key=lambda p: sum(cost[i, j] for i, j in enumerate(p)))
    assert keys.tolist() == [f.schemas[j].key for j in best]


def test_a_schema_without_successor_is_forgotten_and_its_key_not_used_again():
    f = formation(clusters=3, min_traces=3, capacity=16)
    store = ExactVectorStore(2)
    x = np.repeat([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], 4, axis=0)
    f.add(np.arange(12), x, np.tile(EVEN, (12, 1)), np.zeros(12))
    f.form(np.random.default_rng(0), store)
    assert len(store) == 3
    f.add(
        np.arange(12, 28),
        np.repeat([[1.0, 0.1], [0.1, 1.0]], 8, axis=0),
        np.tile(EVEN, (16, 1)),
        np.zeros(16),
    )
    two = f.form(np.random.default_rng(1), store)
    assert len(two) == len(store) == 2
    assert {s.key for s in two} < {0, 1, 2}
    f.add(
        np.arange(28, 44),
        np.repeat([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], 4, axis=0),
        np.tile(EVEN, (16, 1)),
        np.zeros(16),
    )
    three = f.form(np.random.default_rng(2), store)
    assert max(s.key for s in three) == 3


def test_schemas_are_upserted_with_what_they_stand_for():
    f, store = formation(), ExactVectorStore(5)
    f.add(*traces(200)[:4])
    schemas = f.form(np.random.default_rng(0), store)
    crisis = next(s for s in schemas if s.regime is Regime.CRISIS)
    ((key, cosine, payload),) = store.search(crisis.centroid, 1, {"regime": "CRISIS"})
    assert (key, payload["count"]) == (crisis.key, crisis.count)
    assert cosine == pytest.approx(1.0)
    f.form(np.random.default_rng(1), store)
    assert len(store) == 3


def test_too_few_traces_form_nothing_and_the_oldest_leave():
    f = formation(capacity=40)
    f.add(*traces(20)[:4])
    assert f.form(np.random.default_rng(0)) == ()
    f.add(*traces(60, first=10)[:4])
    assert len(f) == 40
    assert f._step.tolist() == list(range(30, 70))


@pytest.mark.parametrize(
    "x",
    [np.zeros((50, 4)), np.ones((50, 4)), np.eye(4)[np.zeros(50, int)]],
    ids=["zero", "constant", "one axis"],
)
def test_constant_embeddings_form_one_schema(x):
    f = formation()
    f.add(np.arange(50), x, np.tile(EVEN, (50, 1)), np.zeros(50))
    schemas = f.form(np.random.default_rng(0), ExactVectorStore(4))
    assert len(schemas) == 1
    assert schemas[0].count == 50
    assert (f.nearest(np.ones(4)) is None) == (not x.any())


def test_unusable_traces_are_left_out_or_refused():
    step, x, posterior, reward, _ = traces(100)
    x[3, 0], reward[5], posterior[7, 2] = np.nan, np.inf, np.nan
    f = formation()
    assert f.add(step, x, posterior, reward) == 97
    assert not set(f._step) & {3, 5, 7}
    for bad in (
        (step, x[:, :4], posterior, reward),
        (step, x, posterior[:, :3], reward),
        (step, x[:9], posterior, reward),
    ):
        with pytest.raises(DataError):
            f.add(*bad)
    assert f.add(np.empty(0), np.empty((0, 5)), np.empty((0, 7)), np.empty(0)) == 0


# --- knowledge ----------------------------------------------------------------------------------------


def test_a_statement_is_the_shrunken_weighted_mean_with_its_error():
    rng = np.random.default_rng(0)
    config = KnowledgeConfig(halflife=200.0, prior_support=40.0, min_support=10.0)
    base = KnowledgeBase(config)
    posterior = rng.dirichlet(np.ones(7), 400)
    reward = rng.normal(0.001, 0.01, 400)
    holds = np.ones((400, 7), bool)
    holds[:, 1:] = rng.random((400, 6)) < 0.5
    base.learn(np.arange(400), 10 * np.arange(400), posterior, reward, holds)
    age = 0.5 ** ((399 - np.arange(400)) / 200.0)
    usual = np.average((reward - np.average(reward, weights=age)) ** 2, weights=age)
    for s in base.statements():
        k, j = Regime[s.subject], CONDITIONS.index(s.condition)
        p = posterior[:, k]
        w = np.where(p >= 0.1, p, 0.0) * holds[:, j] * age
        n, mean = w.sum(), np.average(reward, weights=w)
        spread = (n * np.average((reward - mean) ** 2, weights=w) + 40.0 * usual) / (n + 40.0)
        assert s.support == pytest.approx(n)
        assert s.value == pytest.approx(mean * n / (n + 40.0))
        assert s.error == pytest.approx(np.sqrt(spread / (n + 40.0)))
        assert s.confidence == pytest.approx(2 * norm.cdf(abs(s.value) / s.error) - 1)
        assert (s.first_ts, s.last_ts) == (10 * np.flatnonzero(w > 0)[0], 10 * np.flatnonzero(w > 0)[-1])
    assert len(base.statements()) > 10


def sure(regime, n):
    return np.tile(np.eye(7)[regime], (n, 1))


ANY = np.eye(7, dtype=bool)[[0]]


def learn(base, first, regime, reward):
    n = len(reward)
    return base.learn(first + np.arange(n), np.arange(n), sure(regime, n), reward, np.repeat(ANY, n, axis=0))


def test_knowledge_is_revised_and_says_so_and_fades():
    base = KnowledgeBase(KnowledgeConfig(halflife=50.0, prior_support=10.0))
    rng = np.random.default_rng(1)
    learn(base, 0, Regime.BEAR, rng.normal(0.005, 0.01, 200))
    (before,) = base.statements(Regime.BEAR)
    assert before.value > 0.0
    assert before.revisions == 0
    learn(base, 200, Regime.BEAR, rng.normal(-0.02, 0.01, 200))
    (after,) = base.statements(Regime.BEAR)
    assert after.value < 0.0
    assert after.revisions == 1
    assert "BEAR" in str(after)
    learn(base, 400, Regime.BULL, rng.normal(0.0, 0.01, 300))
    assert base.statements(Regime.BEAR) == ()
    assert [s.subject for s in base.statements()] == ["BULL"]


def test_each_decision_teaches_once():
    base, again = KnowledgeBase(), KnowledgeBase()
    reward = np.random.default_rng(2).normal(0, 0.01, 100)
    assert learn(base, 0, Regime.BULL, reward) == 100
    assert learn(again, 0, Regime.BULL, reward) == 100
    assert learn(again, 0, Regime.BULL, reward) == 0
    assert base.statements() == again.statements()


def test_noise_is_rarely_called_certain():
    """Sure at 95 % of nothing in about 5 % of the cases, less for the shrinkage."""
    wrong = 0
    for seed in range(120):
        base = KnowledgeBase(KnowledgeConfig(halflife=1e9))
        learn(base, 0, Regime.BULL, np.random.default_rng(seed).normal(0, 0.01, 120))
        wrong += base.statements()[0].confidence > 0.95
    assert wrong <= 10


def test_expectation_blends_regimes_by_their_probability():
    base = KnowledgeBase(KnowledgeConfig(halflife=1e9))
    rng = np.random.default_rng(3)
    learn(base, 0, Regime.BULL, rng.normal(0.01, 0.01, 300))
    learn(base, 300, Regime.BEAR, rng.normal(-0.02, 0.01, 300))
    bull, bear = (base.expect(np.eye(7)[r]) for r in (Regime.BULL, Regime.BEAR))
    half = base.expect(0.5 * np.eye(7)[Regime.BULL] + 0.5 * np.eye(7)[Regime.BEAR])
    assert bear.reward < half.reward < bull.reward
    assert half.reward == pytest.approx(0.5 * (bull.reward + bear.reward))
    assert bear.outlook < 0.0 < bull.outlook
    assert {s.subject for s in half.statements} == {"BULL", "BEAR"}
    nothing = base.expect(np.eye(7)[Regime.CRISIS])
    assert (nothing.reward, nothing.outlook, nothing.confidence, nothing.statements) == (0.0, 0.0, 0.0, ())


def test_conditions_are_read_from_the_features_and_unknown_ones_do_not_hold():
    now, before = np.full((3, ROW), np.nan), np.full((3, ROW), np.nan)
    now[0, COLUMN["average_correlation"]], before[0, COLUMN["average_correlation"]] = 0.2, 0.5
    now[1, COLUMN["momentum"]], now[1, COLUMN["vol_rate_of_change"]] = 0.3, -0.1
    named = [[n for n, h in zip(CONDITIONS, row, strict=True) if h] for row in conditions_of(now, before)]
    assert named == [["", "falling correlation"], ["", "falling volatility", "positive momentum"], [""]]


def test_outcomes_that_do_not_fit_are_refused_and_nan_is_left_out():
    base = KnowledgeBase()
    with pytest.raises(DataError):
        base.learn(np.arange(3), np.arange(3), sure(0, 2), np.zeros(3), np.ones((3, 7), bool))
    reward = np.full(60, 0.01)
    reward[::2] = np.nan
    assert learn(base, 0, Regime.BULL, reward) == 30
    assert base.statements()[0].support < 30.1
    assert base.expect(np.full(7, np.nan)).confidence == 0.0


# --- the cortex ---------------------------------------------------------------------------------------


def record(step, embedding, regime, reward):
    return Consolidated(
        step=step,
        ts_event=step,
        embedding=embedding,
        posterior=np.eye(7)[regime],
        reward=reward,
        payoff=np.zeros(2),
        strength=1.0,
        emotion=0.5,
    )


def episode(step, regime, reward):
    return Episode(
        step=step,
        ts_event=step,
        context=np.zeros(1),
        posterior=np.eye(7)[regime],
        signals=np.zeros((1, 1), "f4"),
        payoff=np.zeros((1, 1), "f4"),
        weights=np.zeros(1, "f4"),
        reward=reward,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def fed():
    cortex = Cortex(CortexConfig(history=300))
    rng = np.random.default_rng(4)
    for t in range(200):
        rising = {
            "average_correlation": 0.1 + 0.002 * t,
            "momentum": 0.2,
            "market_return": 0.01 * rng.standard_normal(),
        }
        cortex.update(FeatureVector(ts_event=t, values=rising))
    records = [
        record(t, np.eye(4)[t % 4] + 0.01 * rng.standard_normal(4), t % 4, 0.01 * (t % 4)) for t in range(120)
    ]
    episodes = [episode(t, Regime.BEAR, float(rng.normal(-0.01, 0.01))) for t in range(150)]
    cortex.consolidate(records, np.random.default_rng(5), episodes)
    return cortex


def test_a_deep_night_forms_schemas_and_statements_under_named_conditions():
    cortex = fed()
    assert sum(s.count for s in cortex.long_term.formation.schemas) == 120
    said = cortex.long_term.knowledge.statements(Regime.BEAR, "rising correlation")
    assert len(said) == 1
    assert said[0].value < 0.0
    assert cortex.long_term.knowledge.statements(Regime.BEAR, "falling correlation") == ()
    state = cortex.update(FeatureVector(ts_event=200, values={"momentum": 0.2}))
    expected = cortex.expectation(state, 200)
    assert expected.reward <= 0.0
    assert 0.0 <= expected.confidence <= 1.0


def test_consolidation_changes_nothing_the_day_decides_by():
    one, two = fed(), Cortex(CortexConfig(history=300))
    rng = np.random.default_rng(4)
    for t in range(200):
        rising = {
            "average_correlation": 0.1 + 0.002 * t,
            "momentum": 0.2,
            "market_return": 0.01 * rng.standard_normal(),
        }
        two.update(FeatureVector(ts_event=t, values=rising))
    f = FeatureVector(ts_event=200, values={"momentum": 0.1})
    assert one.update(f) == two.update(f)
    assert repr(one.parameters()) == repr(two.parameters())


def test_snapshot_goes_on_with_the_same_schemas_and_knowledge():
    cortex = fed()
    again = Cortex(CortexConfig(history=300))
    again.restore(cortex.snapshot())
    assert again.snapshot() == cortex.snapshot()
    for c in (cortex, again):
        c.consolidate(
            [record(t, np.ones(4), 0, 0.0) for t in range(120, 160)],
            np.random.default_rng(6),
            [episode(150, 1, 0.0)],
        )
    assert again.snapshot() == cortex.snapshot()
    torn = cortex.long_term.state()
    torn["knowledge"] = {**torn["knowledge"], "table": np.zeros((2, 2))}
    with pytest.raises(IntegrityError):
        again.long_term.put_state(torn)
    cortex.reset()
    assert cortex.long_term.formation.schemas == ()
    assert cortex.long_term.knowledge.statements() == ()
