from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.portfolio import (
    Allocator,
    DrawdownLimit,
    KellyConfig,
    allocator,
    drawdown_fraction,
    hrp,
    kelly_fraction,
    kelly_weights,
    min_variance,
    risk_parity,
)
from janus_trader.portfolio.cholesky import LIBRARY_SIZE, cholesky_in_place, cholesky_solve
from janus_trader.portfolio.hrp import _bisect, single_linkage_order

METHODS = ("mean_variance", "hrp", "risk_parity", "min_variance")


def random_covariance(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 3)) * 0.01
    return factors @ factors.T + np.diag(rng.uniform(0.005, 0.02, n) ** 2)


def naive_hrp(cov: np.ndarray, linkage) -> np.ndarray:
    """The article's recursion, written down with scipy and numpy."""
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    sigma = np.sqrt(np.diag(cov))
    distance = np.sqrt(np.clip(0.5 * (1 - cov / np.outer(sigma, sigma)), 0, None))
    np.fill_diagonal(distance, 0.0)
    order = hierarchy.leaves_list(linkage(hierarchy, distance))
    weights, parts = np.ones(len(cov)), [order]
    while parts:
        part = parts.pop()
        if len(part) < 2:
            continue
        halves = part[: len(part) // 2], part[len(part) // 2 :]
        risk = []
        for half in halves:
            block = cov[np.ix_(half, half)]
            w = 1 / np.diag(block) / (1 / np.diag(block)).sum()
            risk.append(w @ block @ w)
        weights[halves[0]] *= 1 - risk[0] / sum(risk)
        weights[halves[1]] *= risk[0] / sum(risk)
        parts += halves
    return weights


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_hrp_is_the_article_written_down(n):
    from scipy.spatial.distance import pdist, squareform

    cov = random_covariance(n, n)
    if n == 1:
        np.testing.assert_array_equal(hrp(cov), [1.0])
        return
    direct = naive_hrp(cov, lambda h, d: h.linkage(squareform(d, checks=False), "single"))
    columns = naive_hrp(cov, lambda h, d: h.linkage(pdist(d), "single"))
    np.testing.assert_allclose(hrp(cov), direct, atol=1e-12)
    np.testing.assert_allclose(hrp(cov, clustering="columns"), columns, atol=1e-12)


def test_skfolio_differs_from_hrp_only_by_the_order_of_the_leaves():
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform
    from skfolio import RiskMeasure
    from skfolio.optimization import HierarchicalRiskParity

    x = np.random.default_rng(2).normal(0, 0.01, (200, 15)) @ np.random.default_rng(3).normal(size=(15, 15))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skfolio.cluster import HierarchicalClustering, LinkageMethod

        single = HierarchicalClustering(linkage_method=LinkageMethod.SINGLE)
        peer = HierarchicalRiskParity(
            risk_measure=RiskMeasure.VARIANCE, hierarchical_clustering_estimator=single
        ).fit(x)
    distance = squareform(np.sqrt(np.clip(0.5 * (1 - np.corrcoef(x.T)), 0, None)), checks=False)
    tree = hierarchy.optimal_leaf_ordering(hierarchy.linkage(distance, "single"), distance)
    turned = hierarchy.leaves_list(tree).astype(np.int64)
    np.testing.assert_allclose(_bisect(np.cov(x.T), turned), peer.weights_, atol=1e-12)
    assert np.abs(hrp(np.cov(x.T)) - peer.weights_).max() > 1e-3


def test_unknown_clustering_is_refused():
    with pytest.raises(ConfigError, match="clustering"):
        hrp(np.eye(2), clustering="ward")


def test_single_linkage_order_matches_scipy():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    from scipy.spatial.distance import squareform

    for seed in range(20):
        points = np.random.default_rng(seed).normal(size=(15, 4))
        distance = np.linalg.norm(points[:, None] - points[None], axis=2)
        peer = hierarchy.leaves_list(hierarchy.linkage(squareform(distance, checks=False), "single"))
        np.testing.assert_array_equal(single_linkage_order(distance), peer)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(0, 1000))
def test_risk_parity_has_equal_contributions(n, seed):
    cov = random_covariance(n, seed)
    w = risk_parity(cov)
    share = w * (cov @ w) / (w @ cov @ w)
    np.testing.assert_allclose(share, 1.0 / n, rtol=1e-6)
    assert w.sum() == pytest.approx(1.0)


def test_risk_parity_of_uncorrelated_instruments_is_inverse_volatility():
    sigma = np.array([0.1, 0.2, 0.4])
    np.testing.assert_allclose(risk_parity(np.diag(sigma**2)), (1 / sigma) / (1 / sigma).sum(), rtol=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_risk_contributions_are_the_budgets(n, seed):
    cov = random_covariance(n, seed)
    budgets = np.random.default_rng(seed).uniform(0.1, 5.0, n)
    w = risk_parity(cov, budgets=budgets)
    np.testing.assert_allclose(w * (cov @ w) / (w @ cov @ w), budgets / budgets.sum(), rtol=1e-6)


def test_risk_parity_with_hedges_and_a_singular_matrix():
    hedged = np.array([[1.0, -0.9], [-0.9, 1.0]])
    np.testing.assert_allclose(risk_parity(hedged), 0.5, rtol=1e-7)
    np.testing.assert_allclose(risk_parity(np.full((3, 3), 0.04)), 1 / 3, rtol=1e-7)


@pytest.mark.parametrize("bad", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, np.nan], [[1.0, 1.0]]])
def test_bad_budgets_are_refused(bad):
    with pytest.raises(DataError, match="budgets"):
        risk_parity(np.eye(2), budgets=bad)


def test_risk_parity_without_risk_is_infeasible():
    with pytest.raises(Infeasible, match="risk contributions"):
        risk_parity(np.array([[1.0, -1.0], [-1.0, 1.0]]), max_sweeps=50)


def test_min_variance_matches_the_closed_form_where_it_is_long_only():
    cov = np.diag([0.04, 0.01, 0.02]) + 0.001
    inverse = np.linalg.solve(cov, np.ones(3))
    np.testing.assert_allclose(min_variance(cov), inverse / inverse.sum(), atol=1e-8)


def test_min_variance_respects_its_cap():
    w = min_variance(random_covariance(10, 1), cap=0.15)
    assert w.max() <= 0.15 + 1e-12
    assert w.sum() == pytest.approx(1.0)
    with pytest.raises(Infeasible):
        min_variance(np.eye(3), cap=0.2)


def test_no_long_only_book_has_less_variance():
    cov = random_covariance(8, 2)
    w = min_variance(cov)
    rng = np.random.default_rng(0)
    others = rng.dirichlet(np.full(8, 0.3), 2000)
    assert w @ cov @ w <= np.einsum("ij,jk,ik->i", others, cov, others).min() + 1e-15


@pytest.mark.parametrize("method", METHODS)
def test_every_allocator_keeps_the_protocol(method):
    one = allocator(method)
    assert isinstance(one, Allocator)
    assert one.name == method
    cov = random_covariance(6, 3)
    w = one.weights(cov, np.full(6, 0.01), np.zeros(6))
    assert w.shape == (6,)
    assert (w >= 0).all()
    assert w.sum() <= 1.0 + 1e-9
    np.testing.assert_array_equal(w, one.weights(cov, np.full(6, 0.01), np.zeros(6)))
    single = one.weights(np.array([[0.04]]), np.array([1.0]), np.zeros(1))
    np.testing.assert_allclose(single, [1.0], atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "cov",
    [
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[1.0, np.nan], [np.nan, 1.0]]),
        np.zeros((2, 2)),
        np.zeros((0, 0)),
        np.ones((2, 3)),
    ],
)
def test_every_allocator_refuses_a_bad_covariance(method, cov):
    with pytest.raises(DataError):
        allocator(method).weights(cov)


@pytest.mark.parametrize("method", ["hrp", "risk_parity", "min_variance"])
def test_scale_free_and_permutation_equivariant(method):
    cov = random_covariance(7, 4)
    order = np.random.default_rng(1).permutation(7)
    w = allocator(method).weights(cov)
    np.testing.assert_allclose(allocator(method).weights(cov * 100.0), w, atol=1e-7)
    if method != "hrp":  # bisection cuts an ordered list, which a permutation may mirror
        np.testing.assert_allclose(allocator(method).weights(cov[np.ix_(order, order)]), w[order], atol=1e-7)


def test_hrp_accepts_a_singular_matrix():
    w = hrp(np.full((4, 4), 0.04))
    np.testing.assert_allclose(w, 0.25)


def test_unknown_method_is_a_configuration_error():
    with pytest.raises(ConfigError, match="no allocator"):
        allocator("oracle")


def test_kelly_is_mean_over_variance_halved_and_capped():
    config = KellyConfig(confidence=1.0)
    assert kelly_fraction(0.002, 0.01, 100, config) == pytest.approx(0.5 * 0.002 / 0.01)
    assert kelly_fraction(1.0, 0.01, 100, config) == config.cap
    assert kelly_fraction(1e-9, 0.01, 100, config) == config.floor
    assert kelly_fraction(0.002, 0.01, 29, config) == 0.0
    for mean, variance in ((-1.0, 0.01), (np.nan, 0.01), (0.1, 0.0), (0.1, np.inf), (0.1, -1.0)):
        assert kelly_fraction(mean, variance, 100, config) == 0.0


def test_kelly_bet_maximises_log_growth():
    p = 0.55
    mean, variance = 2 * p - 1, 1 - (2 * p - 1) ** 2
    full = kelly_fraction(mean, variance, 100, KellyConfig(fraction=1.0, confidence=1.0, cap=1.0))
    bets = np.linspace(0, 0.5, 501)
    growth = p * np.log1p(bets) + (1 - p) * np.log1p(-bets)
    assert full == pytest.approx(bets[np.argmax(growth)], abs=0.003)


def test_kelly_weights_solve_and_scale():
    cov, mu = random_covariance(5, 5), np.full(5, 1e-5)
    np.testing.assert_allclose(
        kelly_weights(mu, cov, gross=np.inf), 0.5 * np.linalg.solve(cov, mu), rtol=1e-6
    )
    assert np.abs(kelly_weights(mu * 1e3, cov)).sum() == pytest.approx(1.0)
    with pytest.raises(DataError):
        kelly_weights(np.zeros(4), cov)


@pytest.mark.parametrize("kw", [{"fraction": 0.0}, {"fraction": 1.5}, {"gross": -1.0}, {"gross": np.nan}])
def test_kelly_parameters_out_of_range_are_refused(kw):
    with pytest.raises(DataError):
        kelly_weights(np.zeros(2), np.eye(2), **kw)


def test_drawdown_limit_holds_in_simulated_wealth():
    limit = DrawdownLimit(0.3, 0.2)
    share = drawdown_fraction(limit)
    edge, years, steps = 0.5, 60, 3000  # an edge of one bet: drift = variance of the full bet
    rng = np.random.default_rng(4)
    dt = years / steps
    noise = rng.standard_normal((4000, steps))
    growth = (share - share**2 / 2) * edge * dt + share * np.sqrt(edge * dt) * noise
    lowest = np.minimum.accumulate(np.cumsum(growth, axis=1), axis=1)[:, -1]
    # between two steps wealth can be lower: the known correction of a discretely watched barrier
    barrier = np.log1p(-limit.depth) + 0.5826 * share * np.sqrt(edge * dt)
    assert (lowest <= barrier).mean() == pytest.approx(limit.probability, abs=0.02)


def test_drawdown_limit_lowers_the_bet_only_where_it_binds():
    cov, mu = random_covariance(5, 5), np.full(5, 1e-5)
    tight, loose = DrawdownLimit(0.1, 0.01), DrawdownLimit(0.9, 0.9)
    full = kelly_weights(mu, cov, fraction=1.0, gross=np.inf)
    got = kelly_weights(mu, cov, fraction=1.0, gross=np.inf, drawdown=tight)
    np.testing.assert_allclose(got, drawdown_fraction(tight) * full)
    assert drawdown_fraction(loose) == 1.0
    half = kelly_weights(mu, cov, gross=np.inf, drawdown=loose)
    np.testing.assert_allclose(half, 0.5 * full)
    for bad in (DrawdownLimit(0.0, 0.1), DrawdownLimit(0.1, 1.0), DrawdownLimit(np.nan, 0.1)):
        with pytest.raises(DataError):
            drawdown_fraction(bad)


@pytest.mark.parametrize("n", [1, LIBRARY_SIZE - 1, LIBRARY_SIZE, 90])
def test_cholesky_solves_and_refuses(n):
    rng = np.random.default_rng(n)
    root = rng.normal(size=(n, n))
    matrix = root @ root.T + np.eye(n)
    factor = np.full((n, n + 3), np.nan)  # a block of a larger matrix; the upper triangle is not read
    factor[:, :n] = np.where(np.tri(n, dtype=bool), matrix, np.nan)
    right = rng.normal(size=(2, n))
    x = right.copy()
    assert cholesky_in_place(factor, n)
    cholesky_solve(factor, n, x)
    np.testing.assert_allclose(x @ matrix, right, atol=1e-9)
    assert not cholesky_in_place(matrix - 1e6 * np.eye(n), n)
    assert not cholesky_in_place(np.full((n, n), np.nan), n)
