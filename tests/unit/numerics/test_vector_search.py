import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.vector_search import dot, nearest_rows, top_cosine, unit_rows


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 9), st.integers(1, 12))
def test_top_cosine_is_a_full_sort(seed, m, d, k):
    rng = np.random.default_rng(seed)
    units = unit_rows(rng.integers(-2, 3, (m, d)) + 0.25)  # many equal directions
    keys = rng.permutation(3 * m)[:m].astype(np.int64)
    active = rng.random(m) < 0.8
    query = unit_rows(rng.integers(-2, 3, d) + 0.25)
    index, score = np.empty(k, np.int64), np.empty(k)
    found = top_cosine(units, keys, active, query, index, score)
    cosine = np.array([min(max(dot(u, query), -1.0), 1.0) for u in units])
    expected = sorted((i for i in range(m) if active[i]), key=lambda i: (-cosine[i], keys[i]))[:k]
    assert index[:found].tolist() == expected
    assert score[:found].tolist() == cosine[expected].tolist()


def test_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(2)
    units, keys = unit_rows(rng.integers(0, 2, (50, 3)) + 0.5), np.arange(50)
    order = rng.permutation(50)
    results = []
    for rows in (np.arange(50), order):
        index, score = np.empty(20, np.int64), np.empty(20)
        top_cosine(units[rows], keys[rows], np.ones(50, np.bool_), unit_rows(np.ones(3)), index, score)
        results.append(keys[rows][index].tolist())
    assert results[0] == results[1]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 70))
def test_dot_is_the_inner_product(seed, d):
    a, b = np.random.default_rng(seed).standard_normal((2, d))
    assert dot(a, b) == pytest.approx(float(a @ b), abs=1e-12)


def test_nearest_rows_is_the_argmax_of_cosines():
    rng = np.random.default_rng(3)
    units, queries = unit_rows(rng.standard_normal((7, 5))), unit_rows(rng.standard_normal((30, 5)))
    out = np.empty(30, np.int64)
    nearest_rows(units, queries, out)
    assert out.tolist() == (queries @ units.T).argmax(axis=1).tolist()


def test_vectors_without_direction_are_refused_and_large_ones_are_not():
    for bad in (np.zeros(3), np.array([1.0, np.nan, 0.0]), np.array([np.inf, 1.0, 0.0])):
        with pytest.raises(DataError):
            unit_rows(bad)
    assert np.linalg.norm(unit_rows(np.array([1e200, 1e200]))) == pytest.approx(1.0)
