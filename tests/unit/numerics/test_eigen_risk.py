import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.eigen_risk import (
    eigen_risk_adjustment,
    marchenko_pastur_clip,
    marchenko_pastur_edge,
)


def truth(rng, n=20):
    b = rng.normal(1.0, 0.4, (n, 1))
    return 1e-4 * b @ b.T + np.diag(rng.uniform(0.5, 2.0, n)) * 1e-4


def test_adjusted_risk_of_eigenportfolios_is_nearer_to_their_true_risk(rng):
    cov, t = truth(rng), 60
    before, after = [], []
    for _ in range(30):
        x = rng.multivariate_normal(np.zeros(20), cov, t)
        sample = np.cov(x.T)
        adjusted, _ = eigen_risk_adjustment(sample, t, rng, simulations=50)
        least = np.linalg.eigh(sample)[1][:, 0]
        real = least @ cov @ least
        before.append(real / (least @ sample @ least))
        after.append(real / (least @ adjusted @ least))
    assert np.mean(before) > 2.0
    assert 0.6 < np.mean(after) < 0.75 * np.mean(before)


def test_a_long_sample_needs_no_adjustment(rng):
    cov = truth(rng, 4)
    adjusted, bias = eigen_risk_adjustment(cov, 20_000, rng, simulations=5)
    np.testing.assert_allclose(bias, 1.0, atol=0.02)
    np.testing.assert_allclose(adjusted, cov, rtol=0.05, atol=1e-6)


def test_scale_zero_changes_nothing_and_scale_is_linear(rng):
    cov = truth(rng, 6)
    same, bias = eigen_risk_adjustment(cov, 30, rng, simulations=3, scale=0.0)
    np.testing.assert_allclose(same, cov, atol=1e-18)
    np.testing.assert_array_equal(bias, 1.0)
    one, two = (
        eigen_risk_adjustment(cov, 30, np.random.default_rng(1), simulations=3, scale=s)[1]
        for s in (1.0, 2.0)
    )
    np.testing.assert_allclose(two - 1.0, 2.0 * (one - 1.0))


def test_the_generator_is_the_only_randomness(rng):
    cov = truth(rng, 5)
    a, b = (eigen_risk_adjustment(cov, 40, np.random.default_rng(7))[0] for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_eigenvalues_of_noise_lie_below_the_edge(rng):
    x = rng.standard_normal((1000, 200))
    values = np.linalg.eigvalsh(np.corrcoef(x.T))
    assert values[-1] == pytest.approx(marchenko_pastur_edge(200, 1000), rel=0.05)
    clipped, signals = marchenko_pastur_clip(np.cov(x.T), 1000)
    assert signals <= 2
    assert np.abs(clipped - np.diag(np.diag(clipped))).max() < 0.05


def test_clipping_keeps_variances_and_the_signal_and_allocates_better(rng):
    cov = truth(rng, 40)
    x = rng.multivariate_normal(np.zeros(40), cov, 100)
    sample = np.cov(x.T)
    clipped, signals = marchenko_pastur_clip(sample, 100)
    assert 1 <= signals <= 2  # the market, and at most one eigenvalue at the edge
    np.testing.assert_array_equal(np.diag(clipped), np.diag(sample))
    assert np.linalg.eigvalsh(clipped)[0] > 0.0
    inverse = [np.linalg.solve(m, np.ones(40)) for m in (cov, clipped, sample)]
    variance = [w @ cov @ w / w.sum() ** 2 for w in inverse]  # of least-variance weights, in truth
    assert variance[0] < variance[1] < variance[2]


def test_singular_and_single_matrices_can_be_clipped(rng):
    x = rng.standard_normal((10, 30))
    clipped, _ = marchenko_pastur_clip(np.cov(x.T), 10)
    assert np.linalg.eigvalsh(clipped)[0] > -1e-12
    one, _ = marchenko_pastur_clip(np.array([[4.0]]), 10)
    assert one.tolist() == [[4.0]]


@pytest.mark.parametrize(
    ("cov", "observations"),
    [
        (np.ones((2, 3)), 10),
        (np.zeros((0, 0)), 10),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), 10),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), 10),
        (np.array([[0.0, 0.0], [0.0, 1.0]]), 10),
        (np.eye(2), 1),
    ],
)
def test_bad_input_is_refused(cov, observations, rng):
    with pytest.raises(DataError):
        marchenko_pastur_clip(cov, observations)
    with pytest.raises(DataError):
        eigen_risk_adjustment(cov, observations, rng)


def test_what_cannot_be_simulated_is_refused(rng):
    with pytest.raises(DataError, match="observations"):
        eigen_risk_adjustment(np.eye(5), 5, rng)
    with pytest.raises(DataError, match="positive definite"):
        eigen_risk_adjustment(np.full((2, 2), 1.0), 50, rng)
    with pytest.raises(DataError):
        eigen_risk_adjustment(np.eye(2), 50, rng, scale=-1.0)
