import numpy as np
import pytest

from janus_trader.brain.hippocampus import PrioritisedReplay, ReplayConfig

NONE = np.empty(0, np.int64)


def replay_of(priorities, **changes):
    replay = PrioritisedReplay(ReplayConfig(**changes), 64)
    for slot in range(len(priorities)):
        replay.add(slot)
    replay.update(np.arange(len(priorities)), np.asarray(priorities, float))
    return replay


def test_frequencies_follow_the_powered_priorities():
    p = np.array([0.1, 1.0, 2.0, 0.0, 5.0])
    replay = replay_of(p)
    slots, _ = replay.sample(100_000, NONE, 5, np.random.default_rng(1))
    expected = (p + 1e-6) ** 0.6
    np.testing.assert_allclose(np.bincount(slots, minlength=5) / 1e5, expected / expected.sum(), atol=2e-3)


def test_importance_weights_are_the_published_formula_and_correct_the_mean():
    p = np.array([0.1, 1.0, 2.0, 5.0])
    replay = replay_of(p, beta_start=1.0)
    slots, weights = replay.sample(50_000, NONE, 4, np.random.default_rng(2))
    powered = (p + 1e-6) ** 0.6
    raw = (4 * powered / powered.sum()) ** -1.0
    np.testing.assert_allclose(weights, raw[slots] / raw.max())
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert np.average(values[slots], weights=weights) == pytest.approx(2.5, abs=0.01)


def test_new_slots_enter_at_the_largest_priority_and_beta_anneals():
    replay = replay_of([9.0, 0.0])
    replay.add(2)
    slots, _ = replay.sample(10_000, NONE, 3, np.random.default_rng(3))
    counts = np.bincount(slots, minlength=3)
    assert abs(counts[0] - counts[2]) < 100
    assert counts[1] < 10
    assert replay.beta == pytest.approx(0.402)
    for _ in range(400):
        replay.sample(1, NONE, 3, np.random.default_rng(3))
    assert replay.beta == 1.0


def test_held_slots_never_come_and_keep_their_priority():
    replay = replay_of([1.0, 1.0, 50.0])
    before = replay.state()["tree"]
    slots, _ = replay.sample(1000, np.array([2]), 2, np.random.default_rng(4))
    assert set(slots.tolist()) == {0, 1}
    assert replay.state()["tree"] == before
    empty, weights = replay.sample(5, np.arange(3), 0, np.random.default_rng(4))
    assert empty.size == weights.size == 0


def test_several_new_slots_enter_as_one_by_one():
    one, many = replay_of([3.0, 0.5]), replay_of([3.0, 0.5])
    for slot in (5, 9, 60):
        one.add(slot)
    many.add_many(np.array([5, 9, 60]))
    assert one.state()["tree"] == many.state()["tree"]
