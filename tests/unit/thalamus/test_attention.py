import numpy as np
import pytest

from janus_trader.brain.thalamus import AttentionConfig, Thalamus, ThalamusConfig
from janus_trader.brain.thalamus.attention import AttentionGates
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.memory import Episode
from janus_trader.foundation.codec import encode, pack, unpack
from support.senses import START, blind, moment, reading, regime_state

ON = AttentionConfig(enabled=True, width=8, steps=150, learning_rate=0.05, least_episodes=50)
NAMES, FAMILIES = ("trend_a", "trend_b", "revert_a"), ("trend", "trend", "reversion")


def build(attention=ON, memory=512):
    return Thalamus(ThalamusConfig(attention=attention, memory=memory), 3, NAMES, FAMILIES)


def live(thalamus, steps, seed):
    """Trend sources pay on days of good news and cost on days of bad news; reversion never pays."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(steps):
        tone = float(rng.choice([-1.0, 1.0]))
        m = moment(
            t, senses={"news": reading(at=START + t * 60 * 10**9, sentiment=tone, count=50.0)}, step_s=60
        )
        percept = thalamus.fuse(m, regime_state(), blind())
        payoff = rng.standard_normal((3, 3)) * 0.3
        payoff[:2] += tone
        out.append(
            Episode(
                step=t,
                ts_event=m.ts_event,
                context=percept.context,
                posterior=np.full(7, 1 / 7),
                signals=np.ones((3, 3), np.float32),
                payoff=payoff.astype(np.float32),
                weights=np.zeros(3, np.float32),
                reward=0.0,
                cost=0.0,
                fear=0.0,
                surprise=0.0,
                confidence=0.5,
            )
        )
    return out


@pytest.fixture(scope="module")
def trained():
    thalamus = build()
    episodes = live(thalamus, 400, 1)
    learner = thalamus.learners()[1]
    candidate = learner.propose(episodes[:300], np.random.default_rng(0))
    return thalamus, learner, episodes, candidate


def test_it_is_off_by_default_and_then_absent():
    thalamus = Thalamus(ThalamusConfig(), 3, NAMES, FAMILIES)
    assert [x.name for x in thalamus.learners()] == ["relevance"]
    untrained = build()
    assert [x.name for x in untrained.learners()] == ["relevance", "attention_gates"]
    assert untrained.learners()[1].deep_only
    a, b = (x.fuse(moment(), regime_state(), blind()) for x in (thalamus, untrained))
    assert encode(a) == encode(b)  # before the first training it changes nothing


def test_learns_which_news_a_family_should_be_heard_on(trained):
    _, learner, episodes, candidate = trained
    assert learner.parameters() == {}  # proposing changes nothing
    assert learner.score(candidate, episodes[300:]) > learner.score(None, episodes[300:]) + 0.05


def test_what_it_learned_moves_the_gates_of_the_sources(trained):
    thalamus, _, _, candidate = trained
    other = build()
    other.restore(thalamus.snapshot())
    other.learners()[1].adopt(candidate)
    at = 1000
    gates = {}
    for tone in (-1.0, 1.0):
        twin = build()
        twin.restore(other.snapshot())
        for t in range(at, at + 8):  # tone is remembered: give it some bars
            news = reading(at=START + t * 60 * 10**9, sentiment=tone, count=50.0)
            gates[tone] = twin.fuse(moment(t, senses={"news": news}), regime_state(), blind()).source_gates
    assert gates[1.0][0] > gates[-1.0][0] + 0.05
    assert gates[1.0][0] == gates[1.0][1]  # one family, one gate


def test_parameters_are_a_plain_tree_and_the_snapshot_continues(trained):
    thalamus, _, _, candidate = trained
    assert set(unpack(pack(candidate))) == set(candidate)
    a, b = build(), build()
    a.restore(thalamus.snapshot())
    a.learners()[1].adopt(candidate)
    b.restore(a.snapshot())
    assert a.snapshot() == b.snapshot()
    m = moment(2000, senses={"news": reading(at=START + 2000 * 60 * 10**9, sentiment=0.3)})
    assert encode(a.fuse(m, regime_state(), blind())) == encode(b.fuse(m, regime_state(), blind()))
    with pytest.raises(IntegrityError):
        Thalamus(ThalamusConfig(memory=512), 3, NAMES, FAMILIES).restore(a.snapshot())


def test_same_seed_same_candidate(trained):
    _, learner, episodes, candidate = trained
    again = learner.propose(episodes[:300], np.random.default_rng(0))
    assert pack(again) == pack(candidate)


def test_too_little_is_nothing(trained):
    _, learner, episodes, _ = trained
    assert learner.propose(episodes[:20], np.random.default_rng(0)) is None
    assert learner.propose([], np.random.default_rng(0)) is None
    assert learner.score(None, []) == 0.0
    assert AttentionGates(ON, np.zeros(3, np.int64), 16, lambda: np.ones(3)).score(None, episodes[:5]) == 0.0


def test_heads_must_divide_the_width():
    with pytest.raises(ConfigError):
        build(AttentionConfig(enabled=True, width=9, heads=2))
