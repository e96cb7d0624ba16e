"""The bandit allocator against textbook matrices, and its behaviour."""

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible, IntegrityError
from janus_trader.numerics.capped_simplex import project_capped_simplex
from janus_trader.portfolio.meta_allocator import MetaAllocator, MetaAllocatorConfig

CONFIG = MetaAllocatorConfig(
    ridge=0.7, exploration=0.8, max_weight=0.5, min_weight=0.05, tail_share=0.1, tail_penalty=2.0,
    tail_window=40, tail_least=15, temperature=0.3,
)  # fmt: skip


def slow_scores(history, contexts, config):
    """The definition with explicit inverses; ``history`` is a list of (contexts, rewards)."""
    out = []
    for j in range(len(contexts)):
        seen = [(x[j], r[j]) for x, r in history if np.isfinite(r[j])]
        a = config.ridge * np.eye(contexts.shape[1]) + sum(np.outer(x, x) for x, _ in seen)
        b = sum((r * x for x, r in seen), np.zeros(contexts.shape[1]))
        inverse, x = np.linalg.inv(a), contexts[j]
        score = x @ inverse @ b + config.exploration * np.sqrt(x @ inverse @ x)
        rewards = np.sort([r for _, r in seen][-config.tail_window :])
        if len(rewards) >= config.tail_least:
            k = max(1, int(config.tail_share * len(rewards)))
            score -= config.tail_penalty * max(0.0, -rewards[:k].mean())
        out.append(score)
    return np.array(out)


def test_scores_and_weights_follow_the_definition(rng):
    allocator, history = MetaAllocator(4, 3, CONFIG), []
    for step in range(120):
        x = rng.standard_normal((4, 3))
        if step % 20 == 0:
            wanted = slow_scores(history, x, CONFIG)
            np.testing.assert_allclose(allocator.scores(x), wanted, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(
                allocator.weights(x), project_capped_simplex(wanted / 0.3, 0.05, 0.5), atol=1e-9
            )
        r = 0.1 * x[:, 0] + 0.05 * rng.standard_normal(4)
        r[step % 5 :: 5] = np.nan
        allocator.learn(x, r)
        history.append((x, r))
    np.testing.assert_allclose(allocator.theta[:, 0], 0.1, atol=0.03)


def test_the_factor_stays_exact_over_many_updates(rng):
    allocator = MetaAllocator(1, 4, MetaAllocatorConfig(max_weight=1.0))
    total = np.eye(4)
    for _ in range(5000):
        x = rng.standard_normal((1, 4)) * np.array([1.0, 10.0, 0.1, 1e-3])
        total += np.outer(x, x)
        allocator.learn(x, np.zeros(1))
    x = np.array([[0.0, 0.0, 0.0, 1.0]])
    assert allocator.scores(x)[0] == pytest.approx(1.5 * np.sqrt(np.linalg.inv(total)[3, 3]), rel=1e-9)


def test_doubt_is_explored_and_then_given_up():
    allocator = MetaAllocator(2, 1, MetaAllocatorConfig(max_weight=1.0, temperature=0.1))
    x = np.ones((2, 1))
    for _ in range(200):
        allocator.learn(x, np.array([0.01, np.nan]))
    assert allocator.weights(x)[1] == 1.0  # the strategy never observed may be better
    for _ in range(2000):
        allocator.learn(x, np.array([0.2, -0.2]))
    assert allocator.weights(x)[0] == 1.0


def test_a_bad_tail_is_penalised_at_equal_means():
    config = MetaAllocatorConfig(
        max_weight=0.9, exploration=0.0, tail_penalty=1.0, tail_share=0.05, temperature=0.5
    )
    allocator, x = MetaAllocator(2, 1, config), np.ones((2, 1))
    for t in range(200):
        allocator.learn(x, np.array([0.01, -0.18 if t % 20 == 0 else 0.02]))
    steady, risky = allocator.scores(x)
    assert steady - risky == pytest.approx(0.18, abs=1e-6)
    assert allocator.weights(x)[0] > 0.6


def test_weights_meet_the_bounds_for_any_context(rng):
    allocator = MetaAllocator(6, 2, CONFIG)
    for scale in (0.0, 1e-9, 1.0, 1e9):
        w = allocator.weights(scale * rng.standard_normal((6, 2)))
        assert w.sum() == pytest.approx(1.0, abs=1e-12)
        assert w.min() >= 0.05
        assert w.max() <= 0.5


def test_snapshot_reset_and_purity(rng):
    one, two = MetaAllocator(3, 2, CONFIG), MetaAllocator(3, 2, CONFIG)
    x, r = rng.standard_normal((3, 2)), rng.standard_normal(3)
    kept = x.copy(), r.copy()
    fresh = one.snapshot()
    one.learn(x, r)
    one.weights(x)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(r, kept[1])
    two.restore(one.snapshot())
    one.learn(x, r)
    two.learn(x, r)
    assert one.snapshot() == two.snapshot()
    one.reset()
    assert one.snapshot() == fresh
    with pytest.raises(IntegrityError):
        MetaAllocator(2, 2, CONFIG).restore(fresh)


def test_bad_input_is_refused(rng):
    allocator = MetaAllocator(3, 2, CONFIG)
    for bad in (np.zeros((2, 2)), np.zeros(3), np.full((3, 2), np.nan)):
        for call in (allocator.scores, allocator.weights, lambda x: allocator.learn(x, np.zeros(3))):
            with pytest.raises(DataError, match="contexts"):
                call(bad)
    for bad in (np.zeros(2), np.array([0.0, np.inf, 0.0])):
        with pytest.raises(DataError, match="rewards"):
            allocator.learn(np.zeros((3, 2)), bad)
    with pytest.raises(Infeasible):
        MetaAllocator(3, 2, MetaAllocatorConfig(max_weight=0.3))
    with pytest.raises(Infeasible):
        MetaAllocator(30, 2, MetaAllocatorConfig(min_weight=0.1, max_weight=0.5))
    with pytest.raises(ConfigError):
        MetaAllocator(0, 2, CONFIG)
