"""What the region does with input that is missing, empty, constant, not finite or of one instrument."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from janus_trader.contracts.decision import Recollection
from janus_trader.contracts.memory import Episodes
from janus_trader.foundation.codec import encode, pack
from support.policies import CORRELATION, acts, lesson, seen, trained

KINDS = ("actor_critic", "double_dqn", "blend")


@pytest.mark.parametrize("kind", KINDS)
def test_features_that_are_missing_or_not_finite_are_unknown(kind):
    answers = []
    wild = seen().features.copy()
    wild[:] = np.nan
    wild[:, -1] = 1.0
    for features in (np.empty(0), np.zeros((3, 12)), np.zeros((2, 12))):
        answers.append(acts(trained(kind), seen(features=features)).policy)
    assert answers[0].tobytes() == answers[1].tobytes() == answers[2].tobytes()
    action = acts(trained(kind), seen(features=wild))
    assert np.isfinite(action.policy).all()
    encode(action)


@pytest.mark.parametrize("kind", KINDS)
def test_held_weights_that_are_not_finite_count_as_nothing_held(kind):
    bad = acts(trained(kind), seen(), held=np.array([np.nan, np.inf, 0.0]))
    good = acts(trained(kind), seen())
    assert bad.policy.tobytes() == good.policy.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_constant_lessons_teach_nothing_wild(kind):
    data = lesson()
    still = replace(data, payoff=np.zeros_like(data.payoff), signals=np.zeros_like(data.signals))
    action = acts(trained(kind, data=still), seen())
    assert np.isfinite(action.policy).all()
    assert action.policy_weight <= 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_wild_payoff_is_clipped_and_one_that_is_not_a_number_makes_no_step(kind):
    data = lesson()
    payoff = np.array(data.payoff)
    payoff[3] = 1e9
    assert np.isfinite(acts(trained(kind, data=replace(data, payoff=payoff)), seen()).policy).all()
    payoff[3] = np.nan
    for learner in trained(kind).learners()[4:]:
        before = np.array(learner.parameters()["network"]["theta"])
        after = learner.propose(replace(data, payoff=payoff), np.random.default_rng(0))
        assert np.isfinite(after["network"]["theta"]).all()
        assert np.abs(after["network"]["theta"] - before).max() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_no_episodes_no_candidate(kind):
    for learner in trained(kind).learners():
        assert learner.propose([], np.random.default_rng(0)) is None
        assert learner.propose(Episodes.of([]), np.random.default_rng(0)) is None
        assert learner.score(None, []) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_one_instrument_is_a_book(kind):
    bg = trained(kind, n=1)
    action = acts(
        bg,
        seen(n=1),
        correlation=msgspec.structs.replace(CORRELATION, covariance=np.eye(1) * 1e-4),
    )
    assert action.policy.shape == (1, 3)
    assert action.confidence.shape == action.habit.shape == (1,)


def test_a_singular_covariance_stops_nothing():
    flat = msgspec.structs.replace(CORRELATION, covariance=np.zeros((3, 3)))
    action = acts(trained(), seen(), correlation=flat)
    encode(action)


def test_outlooks_that_cannot_be_read_say_nothing():
    plain = acts(trained(recollection_drive=0.1, visual_drive=0.1), seen())
    for outlook in (np.full(3, np.nan), np.empty(0), np.zeros(5)):
        memory = recollection(outlook)
        action = acts(trained(recollection_drive=0.1, visual_drive=0.1), seen(), recollection=memory)
        assert action.score.tobytes() == plain.score.tobytes()


def recollection(outlook, confidence=1.0):
    none = np.empty(0)
    steps = np.empty(0, np.int64)
    return Recollection(
        steps=steps, ts_events=steps, similarity=none, rewards=none, outlook=np.asarray(outlook, float),
        reward=0.0, confidence=confidence,
    )  # fmt: skip


def test_a_recollection_drives_as_strongly_as_it_is_sure():
    scores = []
    for strength, confidence in ((0.0, 1.0), (0.1, 0.0), (0.1, 0.5), (0.1, 1.0)):
        bg = trained("off", recollection_drive=strength)
        memory = recollection([1.0, 0.0, -1.0], confidence)
        scores.append(acts(bg, seen(), recollection=memory).score)
    assert scores[0].tobytes() == scores[1].tobytes()
    assert scores[0][0] < scores[2][0] < scores[3][0]
    assert scores[0][2] > scores[2][2] > scores[3][2]
    assert scores[0][1] == scores[3][1]


def test_parameters_of_another_network_are_refused():
    from janus_trader.contracts.errors import IntegrityError

    bg, other = trained(), trained(k=5)
    learner = bg.learners()[-1]
    learner.adopt(other.learners()[-1].parameters())
    with pytest.raises(IntegrityError):
        learner.propose(lesson(), np.random.default_rng(0))
    assert pack(learner.parameters())
