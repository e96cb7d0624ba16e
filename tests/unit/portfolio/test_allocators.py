from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.portfolio import (
    Allocator,
    KellyConfig,
    allocator,
    hrp,
    kelly_fraction,
    kelly_weights,
    min_variance,
    risk_parity,
)
from janus_trader.portfolio.hrp import single_linkage_order

METHODS = ("mean_variance", "hrp", "risk_parity", "min_variance")


def random_covariance(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 3)) * 0.01
    return factors @ factors.T + np.diag(rng.uniform(0.005, 0.02, n) ** 2)


def test_hrp_matches_riskfolio():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        riskfolio = pytest.importorskip("riskfolio")
        rng = np.random.default_rng(0)
        for n in (2, 5, 20):
            frame = pd.DataFrame(rng.normal(0, 0.01, (250, n)) @ rng.normal(size=(n, n)))
            frame.columns = [f"a{i}" for i in range(n)]
            book = riskfolio.HCPortfolio(returns=frame)
            peer = book.optimization(
                model="HRP", codependence="pearson", rm="MV", rf=0, linkage="single", leaf_order=False
            )
            np.testing.assert_allclose(hrp(np.cov(frame.T)), peer.iloc[:, 0], atol=1e-10)


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


def test_risk_parity_without_risk_is_infeasible():
    with pytest.raises(Infeasible, match="equal risk"):
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
