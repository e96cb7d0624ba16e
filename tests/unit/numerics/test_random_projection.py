import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.random_projection import (
    gaussian_projection,
    k_winners,
    project,
    project_sparse,
    sparse_projection,
)


def winners(response, k):
    index, value = np.empty(k, np.int64), np.empty(k)
    k_winners(np.asarray(response, float), index, value)
    return index, value


def densified(columns, values, size):
    dense = np.zeros((len(columns), size))
    np.put_along_axis(dense, columns, values, axis=1)
    return dense


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=40), st.data())
def test_winners_are_a_stable_sort_by_magnitude(response, data):
    k = data.draw(st.integers(1, len(response)))
    index, value = winners(response, k)
    wanted = np.argsort(-np.abs(response), kind="stable")[:k]
    np.testing.assert_array_equal(index, wanted)
    np.testing.assert_array_equal(value, np.array(response, float)[wanted])


def test_nan_loses_and_ties_go_to_the_lower_unit():
    index, value = winners([math.nan, 0.0, math.nan, -2.0, 2.0], 3)
    assert index.tolist() == [3, 4, 1]
    assert value.tolist() == [-2.0, 2.0, 0.0]
    assert winners([math.nan, math.nan], 2)[0].tolist() == [0, 1]


def test_dense_projection_is_the_matrix_product(rng):
    weights, x, out = gaussian_projection(50, 12, rng), rng.standard_normal(12), np.empty(50)
    project(weights, x, out)
    np.testing.assert_allclose(out, weights @ x, rtol=1e-12)
    x[3] = math.nan
    project(weights, x, out)
    assert np.isnan(out).all()


def test_sparse_projection_is_the_matrix_product(rng):
    columns, values = sparse_projection(50, 40, 0.1, rng)
    assert columns.shape == (50, 4)
    assert (np.diff(columns, axis=1) > 0).all()
    x, out = rng.standard_normal(40), np.empty(50)
    project_sparse(columns, values, x, out)
    np.testing.assert_allclose(out, densified(columns, values, 40) @ x, rtol=1e-12)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_distances_are_kept(rng, kind):
    """Squared distances of 2000 responses: relative deviation about sqrt(2 / 2000) = 3 %."""
    if kind == "dense":
        weights = gaussian_projection(2000, 60, rng)
    else:
        weights = densified(*sparse_projection(2000, 60, 0.2, rng), 60)
    x = rng.standard_normal((30, 60))
    y = x @ weights.T
    before = ((x[:, None] - x) ** 2).mean(axis=2)
    after = ((y[:, None] - y) ** 2).mean(axis=2)
    off = ~np.eye(30, dtype=bool)
    np.testing.assert_allclose(after[off] / before[off], 1.0, atol=0.2)
    assert (after[off] / before[off]).mean() == pytest.approx(1.0, abs=0.03)


def test_the_generator_alone_decides():
    a, b = (sparse_projection(5, 9, 0.5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])


def test_bad_sizes_are_refused(rng):
    for bad in ((0, 3), (3, 0)):
        with pytest.raises(ConfigError):
            gaussian_projection(*bad, rng)
        with pytest.raises(ConfigError):
            sparse_projection(*bad, 0.5, rng)
    for density in (0.0, 1.1, math.nan):
        with pytest.raises(ConfigError, match="density"):
            sparse_projection(3, 3, density, rng)
