import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.umap_graph import fuzzy_union, nearest_neighbours, smooth_memberships
from janus_trader.numerics.umap_layout import (
    attraction,
    cross_entropy,
    curve_parameters,
    force_tables,
    layout_epochs,
    repulsion,
)


def brute_neighbours(x, k):
    d = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(d, np.inf)
    order = np.argsort(d, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(d, order, axis=1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 90), st.integers(1, 70), st.sampled_from([1.0, 1e-6, 1e9]))
def test_neighbours_are_those_of_brute_force(seed, n, d, scale):
    rng = np.random.default_rng(seed)
    x = scale * (rng.standard_normal((n, d)) + 100.0)
    k = min(5, n - 1)
    index, distance = nearest_neighbours(x, k)
    expected, lengths = brute_neighbours(x, k)
    assert np.array_equal(index, expected)
    assert np.allclose(distance, lengths, rtol=1e-7, atol=1e-9 * scale)


def test_neighbours_in_tight_clusters_far_apart_are_exact():
    """Single precision cannot tell these apart: the rows must be searched in full."""
    rng = np.random.default_rng(0)
    x = np.repeat(1e3 * rng.standard_normal((4, 8)), 40, axis=0) + 1e-4 * rng.standard_normal((160, 8))
    index, _ = nearest_neighbours(x, 3)
    assert np.array_equal(index, brute_neighbours(x, 3)[0])


def test_ties_go_to_the_lower_index_and_equal_points_are_neighbours():
    x = np.zeros((40, 2))
    index, distance = nearest_neighbours(x, 3)
    assert index[0].tolist() == [1, 2, 3]
    assert index[39].tolist() == [0, 1, 2]
    assert not distance.any()


@pytest.mark.parametrize("x", [np.full((5, 2), np.nan), np.zeros((3, 2)), np.zeros(5)])
def test_unusable_points_are_refused(x):
    with pytest.raises(DataError):
        nearest_neighbours(x, 3)


def test_memberships_solve_their_equation():
    distance = np.sort(np.random.default_rng(1).gamma(2.0, 1.0, (30, 14)), axis=1)
    v = smooth_memberships(distance)
    for row, got in zip(distance, v, strict=True):
        gap = row - row[0]
        scale = brentq(lambda s, gap=gap: np.exp(-gap / s).sum() - np.log2(15.0), 1e-6, 1e3)
        assert np.allclose(got, np.exp(-gap / scale), atol=2e-4)
    assert np.allclose(v.sum(axis=1), np.log2(15.0), atol=2e-5)


def test_memberships_of_points_at_one_place_are_whole():
    assert np.array_equal(smooth_memberships(np.zeros((3, 4))), np.ones((3, 4)))
    some = smooth_memberships(np.array([[0.0, 0.0, 1.0, 2.0]]))
    assert some[0, :3].tolist() == [1.0, 1.0, 1.0]


def test_union_is_that_of_matrices():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((50, 3))
    index, distance = nearest_neighbours(x, 6)
    v = smooth_memberships(distance)
    directed = np.zeros((50, 50))
    np.put_along_axis(directed, index.astype(np.int64), v, axis=1)
    head, tail, weight = fuzzy_union(index, v)
    got = np.zeros((50, 50))
    got[head, tail] = weight
    assert np.allclose(got, directed + directed.T - directed * directed.T, atol=1e-15)
    assert np.all(np.diff(head) >= 0)
    assert len(set(zip(head.tolist(), tail.tolist(), strict=True))) == len(head)


@pytest.mark.parametrize(("min_dist", "a", "b"), [(0.1, 1.577, 0.8951), (0.5, 0.5830, 1.3342)])
def test_curve_parameters_are_the_published_ones(min_dist, a, b):
    got = curve_parameters(min_dist)
    assert got == pytest.approx((a, b), rel=1e-3)
    with pytest.raises(ConfigError):
        curve_parameters(2.0)


def test_forces_descend_the_cross_entropy_with_its_sign_put_right():
    """Eq. 47 as printed has the opposite sign: its minimiser would push neighbours apart."""
    a, b, h = 1.577, 0.8951, 1e-6
    y = np.array([[0.3, -0.2], [1.1, 0.7]])
    d2 = float(((y[0] - y[1]) ** 2).sum())

    def q(shift):
        d = y[0] + shift - y[1]
        return 1.0 / (1.0 + a * (d @ d) ** b)

    for loss, force in ((lambda p: -np.log(p), attraction), (lambda p: -np.log(1.0 - p), repulsion)):
        gradient = [(loss(q(h * e)) - loss(q(-h * e))) / (2 * h) for e in np.eye(2)]
        assert np.allclose(-np.array(gradient), force(d2, a, b) * (y[0] - y[1]), rtol=2e-3)
    assert attraction(d2, a, b) < 0.0 < repulsion(d2, a, b)


def test_tables_agree_with_the_formulas():
    pull, push = force_tables(1.577, 0.8951)
    steps = np.arange(len(pull))
    d2 = 2.0 ** (steps // 64 - 24) * (1.0 + (steps % 64) / 64)
    for table, force in ((pull, attraction), (push, repulsion)):
        exact = np.array([force(x, 1.577, 0.8951) for x in d2])
        assert np.abs(table / exact - 1.0).max() < 0.02


def descend(y, graph, epochs, seed=1, first=0, last=None, state=None):
    head, tail, weight = graph
    interval = (weight.max() / weight).astype(np.float32)
    due, random = state if state is not None else (interval.copy(), np.array([seed], np.uint64))
    layout_epochs(
        y, head, tail, interval, due, *force_tables(*curve_parameters(0.1)),
        first, epochs if last is None else last, epochs, 5, 1.0,
        np.zeros_like(y), np.zeros(len(y), np.float32), 0.0, random,
    )  # fmt: skip
    return due, random


def test_layout_lowers_the_cross_entropy_and_is_fixed_by_the_seed():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((80, 5)) + 6.0 * np.repeat(np.eye(5)[:2], 40, axis=0)
    index, distance = nearest_neighbours(x, 8)
    graph = fuzzy_union(index, smooth_memberships(distance))
    dense = np.zeros((80, 80))
    dense[graph[0], graph[1]] = graph[2]
    start = rng.uniform(-10, 10, (80, 2)).astype(np.float32)
    y, again, other = start.copy(), start.copy(), start.copy()
    descend(y, graph, 200)
    state = descend(again, graph, 200, last=77)
    descend(again, graph, 200, first=77, state=state)
    descend(other, graph, 200, seed=2)
    a, b = curve_parameters(0.1)
    assert cross_entropy(y.astype(float), dense, a, b) < 0.7 * cross_entropy(start.astype(float), dense, a, b)
    assert np.array_equal(y, again)
    assert not np.array_equal(y, other)


def test_cross_entropy_by_hand():
    w = np.array([[0.0, 0.7], [0.7, 0.0]])
    y = np.array([[0.0, 0.0], [2.0, 0.0]])
    q = 1.0 / 5.0
    by_hand = -2.0 * (0.7 * np.log(q) + 0.3 * np.log(1.0 - q))
    assert cross_entropy(y, w, 1.0, 1.0) == pytest.approx(by_hand)
