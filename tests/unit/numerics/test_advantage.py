"""Advantages, traces and targets against their definitions; truncation is not termination."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.numerics.advantage import (
    double_q_targets,
    generalised_advantages,
    linear_td_lambda,
    temporal_differences,
    trace_step,
)

GAMMA = 0.9


def gae(rewards, values, after, terminated, last, gamma=GAMMA, lam=0.8):
    out = np.empty(len(rewards))
    generalised_advantages(rewards, values, after, terminated, last, gamma, lam, out)
    return out


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_gae_is_its_sum_over_the_trajectory(seed, length):
    rng = np.random.default_rng(seed)
    rewards, values, after = rng.standard_normal((3, length))
    terminated, last = rng.random(length) < 0.2, rng.random(length) < 0.2
    expected = np.zeros(length)
    for t in range(length):
        factor = 1.0
        for s in range(t, length):
            expected[t] += factor * (rewards[s] + GAMMA * (not terminated[s]) * after[s] - values[s])
            factor *= GAMMA * 0.8
            if terminated[s] or last[s]:
                break
    np.testing.assert_allclose(gae(rewards, values, after, terminated, last), expected, atol=1e-12)


def test_lambda_one_is_the_discounted_return_less_the_value():
    rewards, values = np.array([1.0, 2.0, 3.0]), np.array([0.5, -0.5, 1.0])
    after = np.array([-0.5, 1.0, 0.0])
    out = gae(rewards, values, after, np.array([False, False, True]), np.array([False, False, True]), lam=1.0)
    returns = np.array([1 + 0.9 * 2 + 0.81 * 3, 2 + 0.9 * 3, 3.0])
    np.testing.assert_allclose(out, returns - values)


def test_lambda_zero_is_the_one_step_error():
    rng = np.random.default_rng(0)
    rewards, values, after = rng.standard_normal((3, 9))
    terminated, last = rng.random(9) < 0.3, rng.random(9) < 0.3
    expected = np.empty(9)
    temporal_differences(rewards, values, after, terminated, GAMMA, expected)
    np.testing.assert_allclose(gae(rewards, values, after, terminated, last, lam=0.0), expected)


def test_truncation_bootstraps_and_termination_does_not():
    one, ten = np.ones(1), np.full(1, 10.0)
    cut = gae(one, np.zeros(1), ten, np.zeros(1, bool), np.ones(1, bool))
    over = gae(one, np.zeros(1), ten, np.ones(1, bool), np.ones(1, bool))
    assert cut.tolist() == [10.0]
    assert over.tolist() == [1.0]


def test_value_of_an_endless_reward_seen_in_pieces():
    """A reward of 1 for ever is worth 1/(1-γ): pieces of three bars find it only if a cut bootstraps."""
    value = 0.0
    for _ in range(600):
        out = gae(
            np.ones(3),
            np.full(3, value),
            np.full(3, value),
            np.zeros(3, bool),
            np.array([False, False, True]),
        )
        value += 0.1 * out[0]
    assert value == pytest.approx(1 / (1 - GAMMA), rel=1e-3)
    wrong = 0.0
    for _ in range(600):
        ends = np.array([False, False, True])
        wrong += 0.1 * gae(np.ones(3), np.full(3, wrong), np.full(3, wrong), ends, ends)[0]
    assert wrong < 0.5 / (1 - GAMMA)


def walk(rng, states=5):
    """Random walk of Sutton: starts in the middle, 1 for leaving on the right."""
    at, seen = states // 2, []
    while 0 <= at < states:
        seen.append(at)
        at += 1 if rng.random() < 0.5 else -1
    rewards = np.zeros(len(seen))
    rewards[-1] = float(at >= states)
    return np.array(seen), rewards


def test_offline_traces_are_the_forward_view():
    """Over an episode, with the values held still, TD(λ)'s updates add up to those of the λ-return."""
    rng, lam, gamma = np.random.default_rng(3), 0.7, 0.95
    seen, rewards = walk(rng)
    x, values = np.eye(5)[seen], rng.random(5)
    after = np.append(values[seen[1:]], 0.0)
    terminated = np.zeros(len(seen), bool)
    terminated[-1] = True
    delta, forward_view = np.empty(len(seen)), np.zeros(5)
    temporal_differences(rewards, values[seen], after, terminated, gamma, delta)
    advantage = gae(rewards, values[seen], after, terminated, terminated, gamma, lam)
    for t, s in enumerate(seen):
        forward_view[s] += advantage[t]
    theta, trace = np.zeros(5), np.zeros(5)
    for t in range(len(seen)):
        trace_step(theta, trace, x[t], delta[t], 1.0, gamma * lam)
    np.testing.assert_allclose(theta, forward_view, atol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.5, 0.9])
def test_td_lambda_finds_the_values_of_the_random_walk(lam):
    rng, weights = np.random.default_rng(0), np.full(5, 0.5)
    total = np.zeros(5)
    for episode in range(3000):
        seen, rewards = walk(rng)
        x = np.eye(5)[seen]
        after = np.vstack([x[1:], np.zeros(5)])
        terminated = np.zeros(len(seen), bool)
        terminated[-1] = True
        weights = linear_td_lambda(weights, x, rewards, after, terminated, 0.02, 1.0, lam)
        total += weights * (episode >= 1000)
    np.testing.assert_allclose(total / 2000, np.arange(1, 6) / 6, atol=0.03)


def test_double_q_lets_one_choose_and_the_other_judge():
    rng = np.random.default_rng(1)
    rewards, online, target = (
        rng.standard_normal(50),
        rng.standard_normal((50, 4)),
        rng.standard_normal((50, 4)),
    )
    terminated, out = rng.random(50) < 0.3, np.empty(50)
    double_q_targets(rewards, online, target, terminated, GAMMA, out)
    judged = target[np.arange(50), online.argmax(axis=1)]
    np.testing.assert_allclose(out, rewards + GAMMA * judged * ~terminated)
    assert (out <= rewards + GAMMA * target.max(axis=1) * ~terminated + 1e-12).all()


def test_double_q_is_less_optimistic_than_the_maximum():
    rng, out = np.random.default_rng(2), np.empty(20_000)
    online, target = rng.standard_normal((2, 20_000, 5))
    double_q_targets(np.zeros(20_000), online, target, np.zeros(20_000, bool), 1.0, out)
    assert abs(out.mean()) < 0.03
    assert target.max(axis=1).mean() > 1.0
