"""Source weights learned from episodes: both signs are found, noise stays near zero."""

import numpy as np
import pytest

from janus_trader.brain.basal_ganglia import OpalConfig, OpalLearner
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.memory import Episode
from janus_trader.foundation.codec import pack, unpack

N = 20
ANYWHERE = np.full(7, 1 / 7)


def episodes_of(steps, edges, seed, common=0.3, posterior=None):
    """Sources whose signal-weighted payoff has the given information ratio per episode; inf: the payoff
    itself, -inf: its negative."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(steps):
        payoff = np.sqrt(common) * rng.standard_normal() + np.sqrt(1 - common) * rng.standard_normal(N)
        signals = rng.uniform(-1, 1, (len(edges), N))
        for k, edge in enumerate(edges):
            if np.isinf(edge):
                signals[k] = np.sign(edge) * np.clip(payoff, -3, 3) / 3
            elif edge:
                # Weighted mean payoff of noise signals has deviation sqrt(Σs²)/Σ|s| = 1.155/sqrt(N).
                payoff = payoff + edge * 1.155 / np.sqrt(N) * 1.5 * signals[k]
        out.append(
            Episode(
                step=t,
                ts_event=t,
                context=np.zeros(24),
                posterior=rng.dirichlet(np.ones(7)) if posterior is None else posterior(t),
                signals=signals.astype(np.float32),
                payoff=np.broadcast_to(payoff.astype(np.float32), signals.shape),
                weights=np.zeros(N, np.float32),
                reward=0.0,
                cost=1e-4,
                fear=0.0,
                surprise=0.0,
                confidence=0.5,
            )
        )
    return out


def nights(learner, episodes, every=21, sample=64, seed=0, gate=False):
    """Live through the episodes: at every night a sample of the past is replayed in order."""
    rng = np.random.default_rng(seed)
    for now in range(every * 2, len(episodes) + 1, every):
        past = episodes[: now - every]
        picks = np.sort(rng.integers(0, len(past), sample))
        candidate = learner.propose([past[i] for i in picks], rng)
        fresh = episodes[now - every : now]
        if not gate or learner.score(candidate, fresh) >= learner.score(None, fresh):
            learner.adopt(candidate)


def learner_of(priors, **changes):
    return OpalLearner(OpalConfig(**changes), np.asarray(priors, float))


def test_without_learning_external_is_exactly_zero_and_builtin_has_a_head_start():
    learner = learner_of([1, 0])
    for rho in (-0.8, 0.0, 0.8):
        w = learner.weights(ANYWHERE, rho)
        assert w[1] == 0.0
        assert w[0] > 0.0
    assert learner.weights(ANYWHERE)[0] == pytest.approx((np.exp(0.3) - 1) / (np.exp(0.3) + 2))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_leak_of_either_sign_is_found_within_months(sign):
    learner = learner_of([1, 1, 0])
    episodes = episodes_of(126, (0.0, 0.0, sign * np.inf), 1)
    nights(learner, episodes, every=7, gate=True)
    assert sign * learner.weights(ANYWHERE)[2] > 0.6
    held = episodes_of(40, (0.0, 0.0, sign * np.inf), 2)
    assert learner.score(None, held) > learner_of([1, 1, 0]).score(None, held) + 0.1


@pytest.mark.parametrize("sign", [1, -1])
def test_a_small_edge_of_either_sign_is_found_within_years(sign):
    weights = []
    for seed in range(3):
        learner = learner_of([0, 0])
        nights(learner, episodes_of(1800, (0.1 * sign, 0.0), 10 + seed), every=5)
        weights.append(learner.weights(ANYWHERE))
    mean = np.mean(weights, axis=0)
    assert sign * mean[0] > 0.25
    assert sign * mean[0] > abs(mean[1]) + 0.1


def test_noise_stays_near_zero():
    """Sampling noise alone allows about .12 root mean square; the bounds leave room for the seeds."""
    weights = []
    for seed in range(4):
        episodes = episodes_of(600, (0.0,) * 4, 30 + seed)
        for stop in (60, 200, 600):
            learner = learner_of([0] * 4)
            nights(learner, episodes[:stop], every=5)
            weights.append(np.abs(learner.weights(ANYWHERE)))
    weights = np.array(weights)
    assert np.sqrt((weights**2).mean()) < 0.18
    assert np.quantile(weights, 0.95) < 0.35


def test_replaying_the_same_few_noise_episodes_does_not_saturate():
    learner = learner_of([0] * 6)
    episodes = episodes_of(40, (0.0,) * 6, 50)
    for _ in range(80):
        learner.adopt(learner.propose(episodes, np.random.default_rng(0)))
    assert np.abs(learner.weights(ANYWHERE)).max() < 0.35


def test_regimes_keep_their_own_weights():
    bull, bear = np.eye(7)[0], np.eye(7)[1]
    pays = episodes_of(500, (np.inf,), 3, posterior=lambda t: bull)
    costs = episodes_of(500, (-np.inf,), 4, posterior=lambda t: bear)
    mixed = [e for pair in zip(pays, costs, strict=True) for e in pair]
    learner = learner_of([0])
    for _ in range(4):
        learner.adopt(learner.propose(mixed, np.random.default_rng(0)))
    assert learner.weights(bull)[0] > 0.3
    assert learner.weights(bear)[0] < -0.3


def test_a_regime_never_seen_borrows_from_any_regime():
    bull, crisis = np.eye(7)[0], np.eye(7)[3]
    learner = learner_of([0])
    for _ in range(4):
        learner.adopt(
            learner.propose(
                episodes_of(200, (np.inf,), 5, posterior=lambda t: bull), np.random.default_rng(0)
            )
        )
    assert learner.weights(crisis)[0] > 0.5


def test_proposing_is_pure_deterministic_and_adoptable_from_bytes():
    learner = learner_of([1, 0])
    episodes = episodes_of(100, (0.0, np.inf), 6)
    before = pack(learner.parameters())
    a = learner.propose(episodes, np.random.default_rng(0))
    b = learner.propose(episodes, np.random.default_rng(1))
    assert pack(a) == pack(b)
    assert pack(learner.parameters()) == before
    other = learner_of([1, 0])
    other.adopt(unpack(pack(a)))
    learner.adopt(a)
    assert other.weights(ANYWHERE).tobytes() == learner.weights(ANYWHERE).tobytes()
    assert learner.propose([], np.random.default_rng(0)) is None
    assert learner.score(None, []) == 0.0
    learner.reset()
    assert pack(learner.parameters()) == before


def test_score_prefers_the_right_sign():
    learner = learner_of([0])
    held = episodes_of(50, (np.inf,), 7)
    good = learner.propose(episodes_of(100, (np.inf,), 8), np.random.default_rng(0))
    bad = learner.propose(episodes_of(100, (-np.inf,), 8), np.random.default_rng(0))
    assert learner.score(good, held) > learner.score(None, held) > learner.score(bad, held)
    assert learner.score(None, held) == 0.0


def test_clamp_must_contain_the_start():
    with pytest.raises(ConfigError):
        learner_of([1], lowest=1.5)
