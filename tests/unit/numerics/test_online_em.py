import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.hmm import HMMFilter, HMMParameters
from janus_trader.numerics.online_em import OnlineEM

START = HMMParameters(
    np.array([0.5, 0.5]),
    np.array([[0.8, 0.2], [0.2, 0.8]]),
    np.array([[-1.0, 0.0], [1.0, 0.5]]),
    np.ones((2, 2)),
)
FULL = HMMParameters(START.initial, START.transition, START.means, np.tile(np.eye(2), (2, 1, 1)))


def chain(g, n, means, roots, stay):
    state, rows = 0, np.empty((n, 2))
    for t in range(n):
        if g.random() > stay[state]:
            state = 1 - state
        rows[t] = means[state] + roots[state] @ g.standard_normal(2)
    return rows


def densities(p, x):
    covariances = p.covariances if p.full else [np.diag(v) for v in p.covariances]
    out = []
    for mean, c in zip(p.means, covariances, strict=True):
        z = x - mean
        out.append(np.exp(-0.5 * z @ np.linalg.solve(c, z)) / (2 * np.pi * np.sqrt(np.linalg.det(c))))
    return np.array(out)


def naive(p, xs, exponent, warmup):
    """Cappé's algorithm written out with absolute moments, from his equations."""
    k = p.n_states
    for n, x in enumerate(xs, start=1):
        row = np.concatenate([[1.0], x, np.outer(x, x).ravel()])
        if n == 1:
            phi = p.initial * densities(p, x)
            rho = np.einsum("m,ik->mik", row, np.eye(k))
            pairs = np.zeros((k, k, k))
        else:
            joint = phi[:, None] * p.transition
            predicted = joint.sum(axis=0)
            retro = joint / predicted
            phi = predicted * densities(p, x)
            step = n**-exponent
            rho = (1 - step) * rho @ retro + step * np.einsum("m,ik->mik", row, np.eye(k))
            pairs = (1 - step) * pairs @ retro + step * np.einsum("ij,jk->ijk", retro, np.eye(k))
        phi = phi / phi.sum()
        if n > warmup:
            s, q = rho @ phi, pairs @ phi
            means = (s[1:3] / s[0]).T
            second = (s[3:] / s[0]).T.reshape(k, 2, 2) - means[:, :, None] * means[:, None]
            covariances = second if p.full else np.einsum("kii->ki", second)
            p = HMMParameters(p.initial, q / q.sum(axis=1, keepdims=True), means, covariances.copy())
    return p, phi


@pytest.mark.parametrize("start", [START, FULL], ids=["diagonal", "full"])
def test_equals_the_algorithm_written_out(start):
    g = np.random.default_rng(1)
    xs = chain(
        g, 200, np.array([[-2.0, 0.0], [2.0, 1.0]]), np.array([np.eye(2), 0.7 * np.eye(2)]), (0.9, 0.8)
    )
    online = OnlineEM(start, exponent=0.7, warmup=25, min_variance=1e-6)
    for x in xs:
        posterior = online.update(x)
    wanted, phi = naive(start, xs, 0.7, 25)
    got = online.parameters
    np.testing.assert_allclose(posterior, phi, atol=1e-9)
    np.testing.assert_allclose(got.transition, wanted.transition, atol=1e-9)
    np.testing.assert_allclose(got.means, wanted.means, atol=1e-9)
    np.testing.assert_allclose(got.covariances, wanted.covariances, atol=1e-9)


def test_is_a_plain_filter_while_frozen():
    xs = np.random.default_rng(2).standard_normal((40, 2))
    ys = OnlineEM(START, warmup=40).transform(xs)
    assert np.isnan(ys[:39]).all()
    np.testing.assert_array_equal(ys[39], HMMFilter(START).transform(xs)[39])


def test_finds_the_parameters_of_a_long_series():
    g = np.random.default_rng(3)
    means = np.array([[-1.5, 2.0], [1.5, 0.0]])
    roots = np.array([[[0.5, 0.0], [0.3, 0.8]], [[1.0, 0.0], [-0.5, 0.4]]])
    online = OnlineEM(FULL)
    for x in chain(g, 20_000, means, roots, (0.95, 0.9)):
        online.update(x)
    p = online.parameters
    np.testing.assert_allclose(p.means, means, atol=0.15)
    np.testing.assert_allclose(p.covariances, roots @ roots.transpose(0, 2, 1), atol=0.2)
    np.testing.assert_allclose(np.diag(p.transition), [0.95, 0.9], atol=0.03)


@pytest.mark.parametrize("start", [START, FULL], ids=["diagonal", "full"])
def test_a_constant_series_and_a_forgotten_state_stay_finite(start):
    online = OnlineEM(start, warmup=5)
    for _ in range(500):
        posterior = online.update(np.array([-1.0, 0.0]))
    assert np.isfinite(posterior).all()
    p = online.parameters
    assert np.isfinite(p.means).all()
    np.testing.assert_allclose(p.means[0], [-1.0, 0.0], atol=0.05)
    online.update(np.array([1e9, -1e9]))
    assert np.isfinite(online.update(np.array([1.0, 1.0]))).all()


def test_reset_returns_to_the_first_model():
    online = OnlineEM(START, warmup=3)
    for x in np.random.default_rng(4).standard_normal((50, 2)):
        online.update(x)
    assert not np.array_equal(online.parameters.means, START.means)
    online.reset()
    np.testing.assert_array_equal(online.parameters.means, START.means)


@pytest.mark.parametrize("bad", [{"exponent": 0.5}, {"exponent": 1.1}, {"warmup": 0}, {"min_variance": 0.0}])
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ConfigError, match="out of range"):
        OnlineEM(START, **bad)
