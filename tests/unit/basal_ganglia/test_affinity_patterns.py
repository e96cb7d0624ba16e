import numpy as np

from janus_trader.brain.basal_ganglia import AffinityConfig, AffinityLearner, PatternConfig, PatternLearner
from janus_trader.contracts.memory import Episode
from janus_trader.foundation.codec import pack

RNG = np.random.default_rng(0)


def episode(step, signals, payoff, reward=0.0, context=None):
    signals = np.asarray(signals, np.float32)
    return Episode(
        step=step,
        ts_event=step,
        context=np.zeros(24) if context is None else context,
        posterior=np.full(7, 1 / 7),
        signals=signals,
        payoff=np.broadcast_to(np.asarray(payoff, np.float32), signals.shape),
        weights=np.zeros(signals.shape[1], np.float32),
        reward=reward,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def pair_world(steps, edge, seed, n=4):
    """Source 0 pays ``edge[i]`` per unit in instrument i; source 1 never speaks for the last instrument."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(steps):
        signals = rng.choice([-1.0, 1.0], (2, n))
        signals[1, -1] = 0.0
        out.append(episode(t, signals, rng.standard_normal(n) + np.asarray(edge) * signals[0]))
    return out


def test_affinity_finds_where_a_source_works():
    learner = AffinityLearner(AffinityConfig(), 2, 4)
    candidate = learner.propose(pair_world(800, (0.5, 0.5, -0.5, 0.0), 1), RNG)
    a = candidate["affinity"]
    assert a[0, :2].min() > 1.3
    assert a[0, 2] < 0.5
    assert abs(a[1, :3] - 1.0).max() < 0.4
    assert a[1, 3] == 1.0  # untested
    held = pair_world(200, (0.5, 0.5, -0.5, 0.0), 2)
    assert learner.score(candidate, held) > learner.score(None, held)


def test_a_source_to_be_faded_is_not_shut_everywhere():
    learner = AffinityLearner(AffinityConfig(), 2, 4)
    candidate = learner.propose(pair_world(800, (-0.5, -0.5, -0.5, -0.1), 3), RNG)
    assert candidate["direction"][0] == -1.0
    assert candidate["affinity"][0].min() > 0.3
    assert candidate["affinity"][0, :3].min() > candidate["affinity"][0, 3]


def test_tested_pairs_below_the_minimum_are_shut_and_untested_obey_the_policy():
    learner = AffinityLearner(AffinityConfig(gain=20.0, allow_untested=False), 2, 4)
    assert (learner.affinity == 0.0).all()
    a = learner.propose(pair_world(800, (1.0, 1.0, -1.0, 0.0), 4), RNG)["affinity"]
    assert a[0, 2] == 0.0
    assert a[1, 3] == 0.0
    few = learner.propose(pair_world(9, (1.0, 1.0, -1.0, 0.0), 4), RNG)["affinity"]
    assert (few == 0.0).all()


def test_affinity_of_noise_replayed_many_times_stays_neutral():
    learner = AffinityLearner(AffinityConfig(), 2, 4)
    episodes = pair_world(60, (0.0,) * 4, 5)
    for _ in range(50):
        learner.adopt(learner.propose(episodes, RNG))
    assert np.abs(learner.affinity - 1.0).max() < 0.15


def test_a_long_life_does_not_wear_evidence_out():
    learner = AffinityLearner(AffinityConfig(memory=500.0), 2, 4)
    episodes = pair_world(400, (0.5, 0.5, -0.5, 0.0), 12)
    learner.adopt(learner.propose(episodes, RNG))
    once = learner.affinity
    for _ in range(50):
        learner.adopt(learner.propose(episodes, RNG))
    np.testing.assert_allclose(learner.affinity, once, atol=1e-6)


def pattern_world(learner, steps, seed):
    """Contexts of one half-space of the first hyperplane lose."""
    rng = np.random.default_rng(seed)
    contexts = rng.uniform(-1, 1, (steps, 24))
    bad = contexts @ learner.planes[:, 0] > 0
    reward = 0.01 * rng.standard_normal(steps) - 0.008 * bad
    return [
        episode(t, np.zeros((1, 1)), [0.0], float(r), c)
        for t, (r, c) in enumerate(zip(reward, contexts, strict=True))
    ], bad


def test_patterns_forbid_where_the_book_lost():
    learner = PatternLearner(PatternConfig(bits=3), 24)
    train, bad = pattern_world(learner, 1500, 6)
    candidate = learner.propose(train, RNG)
    assert learner.strength(train[0].context) == 0.0
    held, _ = pattern_world(learner, 300, 7)
    assert learner.score(candidate, held) > learner.score(None, held) == 0.0
    learner.adopt(candidate)
    strengths = np.array([learner.strength(e.context) for e in train])
    assert strengths[bad].mean() > 0.8
    assert strengths[~bad].mean() < 0.15


def test_cells_are_shared_out_even_when_contexts_are_nearly_constant():
    learner = PatternLearner(PatternConfig(), 24)
    rng = np.random.default_rng(10)
    contexts = 0.6 + 0.1 * rng.standard_normal((400, 24))
    train = [episode(t, np.zeros((1, 1)), [0.0], 0.01, c) for t, c in enumerate(contexts)]
    p = learner.propose(train, RNG)
    counts = np.bincount(learner.cells(contexts, p["centre"], p["scale"]), minlength=16)
    assert counts.max() < 120
    assert (counts > 0).sum() == 16


def test_what_is_usual_is_taken_anew_as_the_memory_grows():
    learner = PatternLearner(PatternConfig(), 24)
    train, _ = pattern_world(learner, 400, 11)
    learner.adopt(learner.propose(train[:100], RNG))
    first = learner.parameters()["centre"]
    learner.adopt(learner.propose(train[:150], RNG))
    assert learner.parameters()["centre"] is first
    learner.adopt(learner.propose(train, RNG))
    assert learner.parameters()["centre"] is not first


def test_replaying_the_same_episodes_adds_no_evidence_to_patterns():
    learner = PatternLearner(PatternConfig(), 24)
    train, _ = pattern_world(learner, 150, 8)
    learner.adopt(learner.propose(train, RNG))
    once = learner.parameters()["strength"]
    for _ in range(30):
        learner.adopt(learner.propose(train, RNG))
    np.testing.assert_allclose(learner.parameters()["strength"], once, atol=1e-6)
    few, _ = pattern_world(learner, 12, 8)
    fresh = PatternLearner(PatternConfig(), 24)
    assert (fresh.propose(few, RNG)["strength"] == 0.0).all()


def test_learners_are_pure_and_reset():
    affinity, patterns = AffinityLearner(AffinityConfig(), 2, 4), PatternLearner(PatternConfig(), 24)
    for learner in (affinity, patterns):
        train = pair_world(50, (0.5,) * 4, 9)
        before = pack(learner.parameters())
        a, b = learner.propose(train, RNG), learner.propose(train, RNG)
        assert pack(a) == pack(b)
        assert pack(learner.parameters()) == before
        learner.adopt(a)
        learner.reset()
        assert pack(learner.parameters()) == before
        assert learner.propose([], RNG) is None
        assert learner.score(None, []) == 0.0


def resting_share(chance, start, steps=40_000):
    """Share of moments at which a cell forbids, where this share of them loses."""
    from janus_trader.brain.basal_ganglia.patterns import adapt_inhibition

    rng = np.random.default_rng(0)
    adapted, forbids = np.array([start]), 0
    rule = np.array([-0.1, 0.05, -0.02, 0.08])
    for reward in np.where(rng.random(steps) < chance, -1.0, 1.0):
        forbids += adapted[0] >= 0.5
        adapt_inhibition(adapted, np.zeros(1, np.int64), np.array([reward]), 0.5, rule)
    return forbids / steps


def test_stepwise_adaptation_rests_where_its_steps_balance():
    assert resting_share(0.1, 1.0, 4000) < 0.05
    assert resting_share(0.8, 0.0, 4000) > 0.9
    assert 0.2 < resting_share(0.45, 0.0, 4000) < 0.8  # to and fro: why it is off by default


def test_stepwise_adaptation_takes_its_four_steps():
    from janus_trader.brain.basal_ganglia.patterns import adapt_inhibition

    adapted, rule = np.array([0.2, 0.2, 0.7, 0.7]), np.array([-0.1, 0.05, -0.02, 0.08])
    adapt_inhibition(adapted, np.arange(4), np.array([-1.0, 1.0, -1.0, 1.0]), 0.5, rule)
    np.testing.assert_allclose(adapted, [0.28, 0.18, 0.75, 0.6])
