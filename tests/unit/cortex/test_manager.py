"""The feudal manager: goals by day without torch, weights by night with it."""

import sys

import numpy as np
import pytest
import torch

from janus_trader.brain.cortex.manager import FeudalManager, GoalNetwork, ManagerConfig, consecutive
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.learning.feudal.config import FeudalConfig
from janus_trader.learning.feudal.networks import Manager
from janus_trader.learning.feudal.reward import intrinsic_reward

ON = ManagerConfig(enabled=True, horizon=5, dilation=3, units=8, min_steps=50, epochs=60)


def episode(step, context, reward):
    return Episode(
        step=step,
        ts_event=step,
        context=context,
        posterior=np.full(7, 1 / 7),
        signals=np.zeros((1, 2), "f4"),
        payoff=np.zeros((1, 2), "f4"),
        weights=np.zeros(2, "f4"),
        reward=reward,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def world(n=400, seed=0):
    """A context that drifts to the right on good days and to the left on bad ones, one kind following the other."""
    rng = np.random.default_rng(seed)
    good = np.repeat(rng.random(n // 10) < 0.5, 10)
    x = np.zeros((n, 3))
    for t in range(1, n):
        x[t, :2] = x[t - 1, :2] * 0.9 + [0.1 if good[t - 1] else -0.1, 0.05 * rng.standard_normal()]
        x[t, 2] = 0.1 * rng.standard_normal()
    reward = np.where(good, 0.01, -0.01) + 0.003 * rng.standard_normal(n)
    return Episodes.of([episode(t, x[t], float(reward[t])) for t in range(n)])


def trained():
    manager = FeudalManager(ON)
    (learner,) = manager.learners()
    manager.adopt(learner.propose(world(), np.random.default_rng(1)))
    return manager, learner


def test_the_day_s_network_is_that_of_the_night():
    torch.manual_seed(0)
    net = Manager(3, FeudalConfig(manager_units=8, dilation=3))
    weights = {k: v.double().numpy() for k, v in net.state_dict().items()}
    states = np.random.default_rng(0).standard_normal((10, 3))
    with torch.no_grad():
        goals, _ = net(torch.from_numpy(states.astype("f4"))[:, None])
    ours = GoalNetwork(weights, 3)
    assert np.allclose([ours.step(s) for s in states], goals[:, 0].numpy(), atol=1e-6)


def test_goals_point_where_good_days_go_and_are_judged_on_days_not_seen():
    manager, learner = trained()
    held_back = world(seed=9)
    assert learner.score(manager.weights, held_back) > 0.1
    assert learner.score(None, held_back) == 0.0
    goals = [manager.step(x).direction for x in held_back.context]
    assert np.mean([g[0] for g in goals]) > 0.5


def test_a_goal_is_held_for_its_horizon_and_earns_what_funs_formula_says():
    manager, _ = trained()
    contexts = world(40, seed=3).context
    goals = [manager.step(x) for x in contexts]
    assert [g.age for g in goals[:12]] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    for t in range(40):
        assert np.array_equal(goals[t].direction, goals[t - t % 5].direction)
        assert np.linalg.norm(goals[t].direction) == pytest.approx(1.0)
    expected = intrinsic_reward(contexts, np.stack([g.direction for g in goals]), 5)
    assert np.allclose([g.intrinsic for g in goals], expected)


def test_no_goal_before_training_nor_for_a_context_that_is_not_finite():
    assert FeudalManager(ON).step(np.zeros(3)) is None
    manager, _ = trained()
    assert manager.step(np.array([np.nan, 0.0, 0.0])) is None
    assert manager.step(np.zeros(3)) is not None


def test_snapshot_goes_on_with_the_same_goals():
    manager, _ = trained()
    contexts = world(30, seed=4).context
    for x in contexts[:13]:
        manager.step(x)
    again = FeudalManager(ON)
    again.restore(manager.snapshot())
    for x in contexts[13:]:
        a, b = manager.step(x), again.step(x)
        assert np.array_equal(a.direction, b.direction)
        assert (a.age, a.intrinsic) == (b.age, b.intrinsic)
    assert again.snapshot() == manager.snapshot()
    with pytest.raises(IntegrityError):
        FeudalManager(ON.replace(dilation=2)).restore(manager.snapshot())


def test_a_night_is_fixed_by_its_generator_and_changes_nothing_by_proposing():
    manager, learner = trained()
    before = manager.snapshot()
    one, two = (learner.propose(world(seed=2), np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert manager.snapshot() == before


def test_off_by_default_and_too_little_teaches_nothing():
    assert FeudalManager().learners() == []
    (learner,) = FeudalManager(ON).learners()
    assert learner.propose(world(20), np.random.default_rng(0)) is None
    assert learner.propose([], np.random.default_rng(0)) is None
    gaps = [e for e in world(200) if e.step % 3]
    assert learner.propose(gaps, np.random.default_rng(0)) is None


def test_stretches_are_consecutive_and_each_decision_counts_once():
    e = Episodes.of([episode(t, np.zeros(3), 0.0) for t in (4, 1, 2, 2, 8, 9)])
    assert [e.step[rows].tolist() for rows in consecutive(e)] == [[1, 2], [4], [8, 9]]


def test_without_torch_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"janus-trader\[ml\]"):
        FeudalManager(ON)
    assert FeudalManager().step(np.zeros(3)) is None


def test_a_constant_context_or_reward_leaves_finite_weights():
    _, learner = trained()
    same = Episodes.of([episode(t, np.zeros(3), 0.0) for t in range(200)])
    weights = learner.propose(same, np.random.default_rng(0))
    assert all(np.isfinite(w).all() for w in weights.values())
    assert learner.score(weights, same) == 0.0
