import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics.sum_tree import SumTree, sum_tree_levels

priorities = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.integers(0, 5).map(float)), min_size=1, max_size=40
)


def _tree(values) -> SumTree:
    tree = SumTree(len(values))
    tree.set_many(np.arange(len(values)), np.array(values))
    return tree


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 32), st.integers(0, 2**32 - 1))
def test_matches_the_cumulative_sum(values, k, seed):
    """Whole priorities have exact sums, so the index must be that of numpy's cumulative sum."""
    values = np.array(values, float)
    if values.sum() == 0.0:
        return
    u = np.random.default_rng(seed).random(k)
    mass = (np.arange(k) + u) / k * values.sum()
    wanted = np.searchsorted(np.cumsum(values), mass, side="right")
    assert _tree(values).sample_stratified(u).tolist() == wanted.tolist()


def binary_sums(values):
    """Sums of a binary tree over the values, the leaves as one level, the root as the last."""
    size = 1 << (len(values) - 1).bit_length()
    levels = [np.concatenate((values, np.zeros(size - len(values))))]
    while levels[-1].size > 1:
        levels.append(levels[-1][::2] + levels[-1][1::2])
    return levels


def binary_find(levels, mass):
    """Go down a binary tree one half at a time, never into one without mass."""
    node = 0
    for level in reversed(levels[:-1]):
        left, right = level[2 * node], level[2 * node + 1]
        go_right = mass >= left and right > 0.0
        mass -= left if go_right else 0.0
        node = 2 * node + go_right
    return node


@pytest.mark.parametrize("capacity", [2, 15, 16, 17, 256, 257, 5000, 70_000])
def test_draws_what_a_binary_tree_draws(capacity, rng):
    """Groups of 16 are only another way to store it: the additions, and so the bits, are the same."""
    values = rng.lognormal(0.0, 3.0, capacity) * (rng.random(capacity) < 0.7)
    values[0] = 1.0
    tree, levels = _tree(values), binary_sums(values)
    assert tree.total == levels[-1][0]
    u = rng.random(200)
    wanted = [binary_find(levels, (i + x) / 200 * levels[-1][0]) for i, x in enumerate(u)]
    assert tree.sample_stratified(u).tolist() == wanted


@given(st.integers(1, 10**6))
def test_levels_hold_every_leaf_in_whole_groups(capacity):
    levels = sum_tree_levels(capacity)
    assert (levels % 16 == 0).all()
    sizes = np.diff(levels)
    assert sizes[0] == sizes[1] == 16
    assert capacity <= sizes[-1] < capacity + 16
    assert (sizes[1:-1] * 16 >= sizes[2:]).all()


@given(priorities, st.integers(0, 2**32 - 1))
def test_never_draws_a_priority_of_zero(values, seed):
    tree = _tree(values)
    if tree.total == 0.0:
        return
    u = np.random.default_rng(seed).random(50)
    u[:3] = 0.0, 0.5, np.nextafter(1.0, 0.0)
    u[-1] = np.nextafter(1.0, 0.0)
    drawn = tree.sample_stratified(u)
    assert (np.array(values)[drawn] > 0.0).all()
    assert (np.diff(drawn) >= 0).all()


@given(priorities, st.randoms(use_true_random=False))
def test_is_a_function_of_the_priorities_alone(values, random):
    wanted = _tree(values)
    tree = SumTree(len(values))
    order = list(range(len(values)))
    for _ in range(3):
        random.shuffle(order)
        for index in order:
            tree.set(index, random.random() * 1e6)
    for index in order:
        tree.set(index, values[index])
    assert tree.snapshot() == wanted.snapshot()
    assert tree._tree.tobytes() == wanted._tree.tobytes()
    assert tree.total == pytest.approx(math.fsum(values), rel=1e-14)


def test_draws_in_proportion_to_priorities(rng):
    values = np.array([1.0, 0.0, 2.0, 5.0, 2.0])
    drawn = _tree(values).sample_stratified(rng.random(20_000))
    counts = np.bincount(drawn, minlength=5)
    # Each index fills its slice of the strata; only the two border strata of a slice can go astray.
    assert (np.abs(counts - 20_000 * values / 10.0) <= 2).all()


def test_a_single_draw_is_unbiased(rng):
    tree = _tree([1.0, 3.0])
    hits = sum(int(tree.sample_stratified(rng.random(1))[0]) for _ in range(4000))
    assert hits / 4000 == pytest.approx(0.75, abs=0.03)


def test_set_many_is_repeated_set(rng):
    a, b = SumTree(13), SumTree(13)
    index, value = rng.integers(0, 13, 40), rng.random(40)
    a.set_many(index, value)
    for i, v in zip(index, value, strict=True):
        b.set(int(i), float(v))
    assert a._tree.tobytes() == b._tree.tobytes()
    np.testing.assert_array_equal(a.priorities(index[-1:]), value[-1:])


def test_one_index_alone():
    tree = SumTree(1)
    tree.set(0, 2.0)
    assert tree.total == 2.0
    assert tree.sample_stratified(np.array([0.3, 0.9])).tolist() == [0, 0]


def test_sampling_nothing_gives_nothing():
    assert _tree([1.0]).sample_stratified(np.zeros(0)).tolist() == []


def test_continues_identically_after_a_restore(rng):
    tree = _tree(rng.random(37))
    other = SumTree(37)
    other.restore(tree.snapshot())
    for step in range(20):
        u, index, value = rng.random(8), int(rng.integers(37)), float(rng.random())
        assert tree.sample_stratified(u).tolist() == other.sample_stratified(u).tolist(), step
        tree.set(index, value)
        other.set(index, value)
    assert tree._tree.tobytes() == other._tree.tobytes()
    tree.reset()
    assert tree.snapshot() == SumTree(37).snapshot()


def test_restore_refuses_another_capacity():
    tree = _tree([1.0, 2.0])
    with pytest.raises(IntegrityError, match="capacity"):
        SumTree(3).restore(tree.snapshot())
    with pytest.raises(IntegrityError):
        tree.restore(b"\xc1")
    assert tree.total == 3.0


def test_an_empty_tree_cannot_be_sampled():
    with pytest.raises(DataError, match="positive"):
        SumTree(4).sample_stratified(np.array([0.5]))


@pytest.mark.parametrize("u", [[1.0], [-0.1], [math.nan], [[0.5]]])
def test_numbers_outside_the_unit_interval_are_refused(u):
    with pytest.raises(DataError):
        _tree([1.0]).sample_stratified(np.array(u))


@pytest.mark.parametrize("priority", [-1.0, math.nan, math.inf])
def test_an_unusable_priority_is_refused(priority):
    tree = _tree([1.0, 2.0])
    with pytest.raises(DataError, match="priority"):
        tree.set(0, priority)
    with pytest.raises(DataError, match="priority"):
        tree.set_many(np.array([0, 1]), np.array([5.0, priority]))
    assert tree.total == 3.0


def test_an_index_outside_is_refused():
    tree = SumTree(3)
    for index in (-1, 3):
        with pytest.raises(DataError, match="index"):
            tree.set(index, 1.0)
        with pytest.raises(DataError, match="index"):
            tree.set_many(np.array([index]), np.array([1.0]))
        with pytest.raises(DataError, match="index"):
            tree.priorities(np.array([index]))
    with pytest.raises(DataError, match="match"):
        tree.set_many(np.array([0, 1]), np.array([1.0]))


def test_a_bad_capacity_is_refused():
    with pytest.raises(ConfigError, match="capacity"):
        SumTree(0)
