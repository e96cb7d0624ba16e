import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.k_means import assign, k_means, seeded_centres


def blobs(seed, n=300, d=6, k=5, spread=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 4, (k, d))[rng.integers(0, k, n)] + spread * rng.standard_normal((n, d))


@pytest.mark.parametrize("seed", range(4))
def test_from_the_same_centres_it_ends_where_scikit_learn_does(seed):
    x = blobs(seed)
    first = x[:5].copy()
    centres, label, inertia = k_means(x, 5, np.random.default_rng(0), starts=0, first=first, tol=0.0)
    reference = KMeans(5, init=first, n_init=1, tol=0.0, algorithm="lloyd").fit(x)
    assert inertia == pytest.approx(reference.inertia_, rel=1e-9)
    assert np.allclose(centres, reference.cluster_centers_)
    assert np.array_equal(label, reference.labels_)


def test_with_several_starts_it_is_as_good_as_scikit_learn():
    for seed in range(6):
        x = blobs(seed, spread=3.0)
        _, _, inertia = k_means(x, 5, np.random.default_rng(seed), starts=8)
        best = KMeans(5, n_init=8, random_state=seed).fit(x).inertia_
        assert inertia <= 1.02 * best


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 5), st.integers(1, 8))
def test_the_result_is_a_fixed_point(seed, n, d, k):
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, (n, d)).astype(float)  # many equal points
    centres, label, inertia = k_means(x, k, rng, tol=0.0, max_iter=500)
    assert len(centres) == min(k, n)
    again, distance = np.empty(n, np.int64), np.empty(n)
    assert assign(x, centres, again, distance) == pytest.approx(inertia, abs=1e-9)
    assert np.array_equal(again, label)
    for c in np.unique(label):
        assert np.allclose(centres[c], x[label == c].mean(axis=0), atol=1e-9)


def test_a_centre_without_points_moves_to_where_points_are_far_from_theirs():
    x = np.concatenate([np.zeros((10, 2)), np.full((10, 2), 5.0), np.full((1, 2), 100.0)])
    first = np.array([[0.0, 0.0], [5.0, 5.0], [-900.0, -900.0]])
    centres, _, inertia = k_means(x, 3, np.random.default_rng(0), starts=0, first=first)
    assert inertia == 0.0
    assert sorted(centres[:, 0].tolist()) == [0.0, 5.0, 100.0]


def test_seeding_prefers_what_is_far():
    x = np.concatenate([np.random.default_rng(0).normal(0, 0.01, (500, 1)), [[100.0]]])
    hits = sum(
        500 in [int(np.argmin(np.abs(x - c))) for c in seeded_centres(x, 2, np.random.default_rng(s))]
        for s in range(50)
    )
    assert hits == 50


def test_the_generator_decides_alone():
    x = blobs(1, spread=4.0)
    one, two = (k_means(x, 5, np.random.default_rng(7), starts=2) for _ in range(2))
    assert one[0].tobytes() == two[0].tobytes()


@pytest.mark.parametrize("x", [np.empty((0, 2)), np.full((4, 2), np.nan), np.zeros(3)])
def test_what_cannot_be_clustered_is_refused(x):
    with pytest.raises(DataError):
        k_means(x, 2, np.random.default_rng(0))
