"""The learned policy: finds what pays, is judged before it is trained, and counts as its evidence allows."""

from dataclasses import replace

import numpy as np
import pytest

from janus_trader.brain.basal_ganglia.policy_config import LogicConfig, PolicyConfig, TrustConfig
from janus_trader.brain.basal_ganglia.policy_input import position_column
from janus_trader.brain.basal_ganglia.policy_learner import (
    ActorCriticLearner,
    DoubleDqnLearner,
)
from janus_trader.brain.basal_ganglia.policy_payoffs import choice_rewards, logical_slopes
from janus_trader.brain.basal_ganglia.policy_trust import PolicyTrust
from janus_trader.contracts.features import INSTRUMENT_FEATURES
from janus_trader.foundation.codec import pack, unpack
from support.policies import lesson

N, K, D = 6, 3, 5
SLOPE = INSTRUMENT_FEATURES.index("trend_slope")
KINDS = {"actor_critic": ActorCriticLearner, "double_dqn": DoubleDqnLearner}


def config_of(kind, **changes):
    base = PolicyConfig(kind=kind, rows=512, share=1.0)
    fast = base.actor_critic.optimiser.replace(rate=3e-3, decay=0.0)
    return base.replace(
        actor_critic=base.actor_critic.replace(optimiser=fast),
        double_dqn=base.double_dqn.replace(optimiser=fast, soft_update=0.05),
        **changes,
    )


def learner_of(kind, **changes):
    return KINDS[kind](config_of(kind, **changes), N, K, D)


def episodes(count, edge, seed=0, after=True):
    """Lessons of a book of this size."""
    return lesson(N, K, D, count=count, edge=edge, seed=seed, after=after)


def nights(learner, data, count=60, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        learner.adopt(learner.propose(data, rng))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [True, False])
def test_a_policy_finds_what_pays(kind, after):
    learner, unseen = learner_of(kind), episodes(200, 0.5, seed=9)
    assert learner.score(None, unseen) == 0.0
    nights(learner, episodes(300, 0.5, after=after))
    paid = learner.paid(unseen)
    assert paid.mean() > 0.3  # 0.5 less the cost of turning over
    positions = learner.probabilities(learner._rows(unseen, np.arange(N)).states) @ [-1, 0, 1]
    trend = np.sign(unseen.features[:, :, SLOPE]).T.ravel()
    assert np.corrcoef(positions, trend)[0, 1] > 0.75


@pytest.mark.parametrize("kind", KINDS)
def test_dear_positions_are_kept(kind):
    """Where changing costs more than it pays the policy stays with what it holds."""
    data = episodes(400, 0.0)
    rng = np.random.default_rng(1)
    held = rng.choice([-1.0, 0.0, 1.0], (400, N)) / N
    data = replace(data, held=held, after=replace(data.after, held=held))
    learner = learner_of(kind, cost=0.5)
    nights(learner, data, 80)
    rows = learner._rows(data, np.arange(N))
    positions = learner.probabilities(rows.states) @ [-1, 0, 1]
    assert np.corrcoef(positions, rows.position)[0, 1] > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_policy_is_undecided_and_worth_nothing(kind):
    learner, data = learner_of(kind), episodes(30, 0.5)
    assert not learner.trained
    np.testing.assert_allclose(learner.probabilities(learner._rows(data, np.arange(N)).states), 1 / 3)
    assert not learner.paid(data).any()


@pytest.mark.parametrize("kind", KINDS)
def test_proposing_changes_nothing_in_force(kind):
    learner, data = learner_of(kind), episodes(100, 0.5)
    before = pack(learner.parameters())
    candidate = learner.propose(data, np.random.default_rng(0))
    assert pack(learner.parameters()) == before
    assert pack(candidate) != before
    again = learner.propose(data, np.random.default_rng(0))
    assert pack(candidate) == pack(again)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_that_went_through_bytes_train_on_alike(kind):
    data = episodes(100, 0.5)
    one, other = learner_of(kind), learner_of(kind)
    nights(one, data, 5)
    other.adopt(unpack(pack(one.parameters())))
    nights(one, data, 5, seed=1)
    nights(other, data, 5, seed=1)
    assert pack(one.parameters()) == pack(other.parameters())


def test_rewards_are_position_times_payoff_less_the_change():
    rng = np.random.default_rng(0)
    position, payoff, out = rng.uniform(-1, 1, 20), 3 * rng.standard_normal(20), np.empty((20, 3))
    choice_rewards(position, payoff, 0.1, 3.0, out)
    for c, a in enumerate((-1, 0, 1)):
        np.testing.assert_allclose(out[:, c], a * np.clip(payoff, -3, 3) - 0.1 * np.abs(a - position))


def test_next_states_hold_what_was_chosen():
    learner, data = learner_of("double_dqn"), episodes(4, 0.0)
    rows, column = learner._rows(data, np.array([1, 4])), position_column(K)
    assert rows.after.shape == (8, learner.sizes[0])
    np.testing.assert_array_equal(rows.after, learner._rows(data.after, np.array([1, 4])).states)
    choice = np.arange(8) % 3
    after = learner._transitions(rows, choice)[1]
    assert after[:, column].tolist() == (choice - 1.0).tolist()
    np.testing.assert_array_equal(np.delete(after, column, 1), np.delete(rows.after, column, 1))
    assert rows.last.tolist() == [False, False, False, True] * 2


def test_rows_whose_future_is_not_recorded_do_not_teach():
    data = episodes(60, 0.5)
    continues = np.arange(60) < 30
    learner = learner_of("actor_critic")
    whole = learner.propose(replace(data, continues=continues), np.random.default_rng(0))
    wild = np.array(data.payoff)
    wild[30:] *= -7.0
    other = learner.propose(replace(data, continues=continues, payoff=wild), np.random.default_rng(0))
    weight = learner._rows(replace(data, continues=continues), np.arange(N)).weight
    assert weight.reshape(N, 60).sum(axis=0).tolist() == [N] * 30 + [0] * 30
    assert pack(whole) == pack(other)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_the_size_of_the_temporal_differences(kind):
    learner, data = learner_of(kind), episodes(80, 0.5)
    nights(learner, data, 40)
    errors = learner.errors(data)
    assert errors.shape == (80,)
    surprising = replace(data, payoff=data.payoff * 6.0)
    assert (errors > 0).all()
    assert learner.errors(surprising).mean() > 2 * errors.mean()
    assert learner.errors([]).shape == (0,)


def test_the_error_of_a_double_dqn_is_its_definition():
    learner, data = learner_of("double_dqn"), episodes(10, 0.5)
    nights(learner, data, 10)
    core = learner.parameters()["network"]
    rows = learner._rows(data, np.arange(N))
    q = learner._core.values(rows.states)
    a = q.argmax(axis=1)
    reward = learner._rewards(rows)[np.arange(60), a]
    after = rows.after.copy()
    after[:, position_column(K)] = a - 1.0
    judged = learner._core.online.outputs(after, core["target"]).copy()
    best = judged[np.arange(60), learner._core.values(after).argmax(axis=1)]
    delta = np.abs(reward + 0.9 * best - q[np.arange(60), a]).reshape(N, 10).mean(axis=0)
    np.testing.assert_allclose(learner.errors(data), delta)


class Prefers:
    """Axiom: go long. Satisfaction is the mean probability of long."""

    names = ("long",)

    def loss(self, probabilities, facts):
        slope = np.zeros_like(probabilities)
        slope[:, 2] = -1.0 / len(probabilities)
        return 1.0 - probabilities[:, 2].mean(), slope, probabilities[:, 2:].mean(axis=0)

    def truths(self, probabilities, facts):
        return probabilities[:, 2:]


@pytest.mark.parametrize("kind", KINDS)
def test_axioms_lead_where_rewards_say_nothing(kind):
    data = episodes(200, 0.0)
    logic = LogicConfig(weight=1.0, shares=(0.5, 0.5, 0.5))
    with_axiom, without = learner_of(kind, logic=logic), learner_of(kind, logic=logic)
    with_axiom.use_logic(Prefers())
    for learner in (with_axiom, without):
        nights(learner, data)
    long = [x.probabilities(x._rows(data, np.arange(N)).states)[:, 2].mean() for x in (with_axiom, without)]
    assert long[0] > 0.8 > long[1] + 0.2


def test_axioms_are_not_asked_about_unknown_rows():
    data = episodes(50, 0.0)
    unknown = replace(data, features=np.zeros_like(data.features))
    learner = learner_of("actor_critic", logic=LogicConfig(weight=1.0))
    plain = learner.propose(unknown, np.random.default_rng(0))
    learner.use_logic(Prefers())
    assert pack(learner.propose(unknown, np.random.default_rng(0))) == pack(plain)


def test_slope_through_the_softmax_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    z, g = rng.standard_normal((2, 1, 3))

    def loss(logits):
        p = np.exp(logits) / np.exp(logits).sum()
        return float((p * g).sum())

    p = np.exp(z) / np.exp(z).sum()
    h = 1e-6
    numeric = [(loss(z + h * e) - loss(z - h * e)) / (2 * h) for e in np.eye(3)]
    out = np.empty((2, 3))
    logical_slopes(np.stack([p[0], p[0]]), np.stack([g[0], g[0]]), np.array([True, False]), 0.5, out)
    np.testing.assert_allclose(out, [0.5 * np.array(numeric), np.zeros(3)], atol=1e-9)


def judged(learner, data, batches, **changes):
    trust = PolicyTrust(TrustConfig(**changes), [learner])
    for part in np.array_split(np.arange(len(data)), batches):
        trust.adopt(trust.propose(data.taken(part), np.random.default_rng(0)))
    return trust


def test_trust_is_earned_by_what_pays_and_by_nothing_else():
    good, bad = learner_of("actor_critic"), learner_of("actor_critic")
    nights(good, episodes(300, 0.5), 60)
    nights(bad, episodes(300, -0.5), 60)
    unseen = episodes(400, 0.5, seed=5)
    assert judged(good, unseen, 20).weights[0] > 0.5
    assert judged(bad, unseen, 20).weights[0] == 0.0
    assert judged(learner_of("actor_critic"), unseen, 20).weights[0] == 0.0


def test_trust_is_the_t_statistic_of_alpha_shrunk():
    """Against least squares with its textbook standard error."""
    learner = learner_of("actor_critic")
    nights(learner, episodes(300, 0.3), 30)
    unseen = episodes(300, 0.15, seed=6)
    weights = 0.1 * np.random.default_rng(8).standard_normal((300, N))
    unseen = replace(unseen, weights=weights + 0.05 * np.sign(unseen.features[:, :, SLOPE]))
    paid = learner.paid(unseen)
    book = (unseen.weights * unseen.payoff[:, 0, :]).sum(axis=1)
    design = np.column_stack([np.ones(300), book])
    coefficients, residual, *_ = np.linalg.lstsq(design, paid, rcond=None)
    error = np.sqrt(residual[0] / 300 * np.linalg.inv(design.T @ design)[0, 0])
    for against, t in (("book", coefficients[0] / error), ("nothing", paid.mean() / paid.std() * 300**0.5)):
        trust = judged(learner, unseen, 1, full=50.0, prior_bars=100.0, against=against)
        assert 0.0 < t < 50.0
        assert trust.weights[0] == pytest.approx(t / 50.0 * 0.75)


def test_a_policy_that_repeats_the_book_earns_nothing():
    learner = learner_of("actor_critic", cost=0.0)
    nights(learner, episodes(300, 0.5), 60)
    unseen = episodes(300, 0.5, seed=6)
    positions = learner.probabilities(learner._rows(unseen, np.arange(N)).states) @ [-1, 0, 1]
    copied = replace(unseen, weights=positions.reshape(N, 300).T / N)
    assert judged(learner, unseen, 5).weights[0] > 0.5
    assert judged(learner, copied, 5).weights[0] < 0.05


def test_a_bar_is_judged_once_however_often_it_is_replayed():
    learner, data = learner_of("actor_critic"), episodes(100, 0.5)
    nights(learner, data, 10)
    trust = judged(learner, data, 1)
    before = pack(trust.parameters())
    again = trust.propose(data.taken(np.array([3, 3, 50, 99])), np.random.default_rng(0))
    assert pack(again) == before
    twice = data.taken(np.repeat(np.arange(100), 2))
    assert judged(learner, twice, 1).parameters()["sums"][0, 0] == 100.0


def test_alpha_schedule_falls_as_documented():
    logic = LogicConfig(nights_per_epoch=1)
    assert [logic.share(e) for e in (0, 20, 21, 60, 61, 500)] == [0.8, 0.8, 0.5, 0.5, 0.3, 0.3]
