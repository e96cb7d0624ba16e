from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.prior import BlackLitterman, EmpiricalPrior

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.portfolio import Views, black_litterman, implied_returns, solve_mean_variance

TAU = 0.05


def case(seed: int, n: int = 5, k: int = 2):
    rng = np.random.default_rng(seed)
    b = rng.normal(size=(n, 2)) * 0.1
    cov = b @ b.T + np.diag(rng.uniform(0.05, 0.2, n) ** 2)
    return cov, rng.normal(0.05, 0.02, n), rng.normal(size=(k, n)), rng.normal(0.05, 0.05, k), rng


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 3))
def test_agrees_with_the_form_by_precisions(seed, n, k):
    cov, prior, p, q, rng = case(seed, n, k)
    omega = rng.uniform(0.1, 2.0, k) * 1e-3
    out = black_litterman(cov, prior, Views(p, q, omega), tau=TAU)
    precision = np.linalg.inv(TAU * cov)
    total = precision + p.T @ np.diag(1.0 / omega) @ p
    mean = np.linalg.solve(total, precision @ prior + p.T @ (q / omega))
    np.testing.assert_allclose(out.mean, mean, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(out.covariance, cov + np.linalg.inv(total), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("confidence", [None, [0.3, 0.9]])
def test_agrees_with_skfolio(confidence):
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal(np.full(4, 0.01), np.diag([1.0, 2.0, 3.0, 4.0]) * 1e-4, 200)
    model = BlackLitterman(
        views=["a - b == 0.02", "d == 0.03"], view_confidences=confidence, tau=TAU,
        prior_estimator=EmpiricalPrior(),
    )  # fmt: skip
    theirs = model.fit(pd.DataFrame(x, columns=list("abcd"))).return_distribution_
    p = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    views = Views(p, np.array([0.02, 0.03]), confidence=None if confidence is None else np.array(confidence))
    out = black_litterman(np.cov(x.T), x.mean(axis=0), views, tau=TAU)
    np.testing.assert_allclose(out.mean, theirs.mu, rtol=1e-6)
    np.testing.assert_allclose(out.covariance, theirs.covariance, rtol=1e-6, atol=1e-10)


def test_a_confidence_is_the_share_of_the_way_to_the_view():
    cov, prior, p, q, _ = case(1, k=1)
    for share in (0.0, 0.25, 1.0):
        out = black_litterman(cov, prior, Views(p, q, confidence=np.array([share])))
        moved = (p @ out.mean - p @ prior) / (q - p @ prior)
        np.testing.assert_allclose(moved, share, atol=1e-10)
    default = black_litterman(cov, prior, Views(p, q)).mean
    np.testing.assert_allclose(default, black_litterman(cov, prior, Views(p, q, confidence=[0.5])).mean)


def test_no_views_leave_the_prior():
    cov, prior, _, _, _ = case(2)
    out = black_litterman(cov, prior, Views(np.zeros((0, 5)), np.zeros(0)))
    np.testing.assert_array_equal(out.mean, prior)
    np.testing.assert_allclose(out.covariance, 1.05 * cov)


def test_the_book_that_implied_the_returns_is_optimal_for_them():
    cov, _, _, _, rng = case(3)
    book = rng.dirichlet(np.ones(5))
    pi = implied_returns(cov, book, 3.0)
    out = solve_mean_variance(
        pi, cov, np.zeros(5), risk_aversion=3.0, lower=-9, upper=9, gross=np.inf, net=(-np.inf, np.inf)
    )
    np.testing.assert_allclose(out.weights, book, atol=1e-7)


def test_a_singular_covariance_and_one_instrument_are_allowed():
    out = black_litterman(np.full((2, 2), 0.04), np.zeros(2), Views(np.array([[1.0, 0.0]]), np.array([0.1])))
    np.testing.assert_allclose(out.mean, [0.05, 0.05])  # what is the same moves together
    one = black_litterman(np.array([[0.04]]), np.zeros(1), Views(np.eye(1), np.array([0.1])))
    np.testing.assert_allclose(one.mean, [0.05])


def test_certain_views_that_repeat_or_contradict_are_infeasible():
    p = np.array([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(Infeasible, match="contradict"):
        black_litterman(np.eye(2), np.zeros(2), Views(p, np.array([0.1, 0.2]), confidence=np.ones(2)))


P, Q = np.array([[1.0, 0.0]]), np.array([0.1])


@pytest.mark.parametrize(
    ("cov", "prior", "views", "tau"),
    [
        (np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2), Views(P, Q), 0.05),
        (np.eye(2), np.array([np.nan, 0.0]), Views(P, Q), 0.05),
        (np.eye(2), np.zeros(3), Views(P, Q), 0.05),
        (np.eye(2), np.zeros(2), Views(P, Q), 0.0),
        (np.eye(2), np.zeros(2), Views(np.zeros((1, 2)), Q), 0.05),
        (np.eye(2), np.zeros(2), Views(np.ones((1, 3)), Q), 0.05),
        (np.eye(2), np.zeros(2), Views(P, np.zeros(2)), 0.05),
        (np.eye(2), np.zeros(2), Views(P, Q, np.array([-1.0])), 0.05),
        (np.eye(2), np.zeros(2), Views(P, Q, np.ones(2)), 0.05),
        (np.eye(2), np.zeros(2), Views(P, Q, confidence=np.array([1.5])), 0.05),
        (np.eye(2), np.zeros(2), Views(P, Q, np.ones(1), np.ones(1)), 0.05),
        (np.zeros((0, 0)), np.zeros(0), Views(np.zeros((0, 0)), np.zeros(0)), 0.05),
    ],
)
def test_bad_input_is_refused(cov, prior, views, tau):
    with pytest.raises(DataError):
        black_litterman(cov, prior, views, tau=tau)


def test_bad_risk_aversion_is_refused():
    with pytest.raises(DataError):
        implied_returns(np.eye(2), np.ones(2), 0.0)
