import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.numerics.almgren_chriss import (
    cost_variance,
    expected_cost,
    trajectory,
    trajectory_per_slice,
    urgency,
)

MARKET = {"sigma": 0.95, "eta": 2.5e-6, "gamma": 2.5e-7}


def objective(x, horizon, risk_aversion):
    cost = expected_cost(x, horizon, MARKET["eta"], MARKET["gamma"])
    return cost + risk_aversion * cost_variance(x, horizon, MARKET["sigma"])


def direct(quantity, horizon, n, risk_aversion):
    """Solution of the first-order conditions of the quadratic programme."""
    tau = horizon / n
    cost = (MARKET["eta"] - 0.5 * MARKET["gamma"] * tau) / tau
    risk = risk_aversion * MARKET["sigma"] ** 2 * tau
    matrix = np.diag(np.full(n - 1, 2.0 * cost + risk)) - cost * (np.eye(n - 1, k=1) + np.eye(n - 1, k=-1))
    edge = np.zeros(n - 1)
    edge[0] = cost * quantity
    return np.concatenate([[quantity], np.linalg.solve(matrix, edge), [0.0]])


@given(
    st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1),
    st.floats(0.1, 20.0),
    st.integers(2, 40),
    st.sampled_from([0.0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-3, -1e-9]),
)
def test_equals_the_direct_solution(quantity, horizon, n, risk_aversion):
    x = trajectory(quantity, horizon, n, **MARKET, risk_aversion=risk_aversion)
    assert x[0] == quantity
    assert x[-1] == 0.0
    np.testing.assert_allclose(x, direct(quantity, horizon, n, risk_aversion), atol=1e-8 * abs(quantity))


@given(st.integers(2, 30), st.sampled_from([0.0, 1e-6, 1e-4]), st.integers(0, 1000))
def test_no_other_schedule_is_better(n, risk_aversion, seed):
    x = trajectory(1e5, 5.0, n, **MARKET, risk_aversion=risk_aversion)
    g, best = np.random.default_rng(seed), objective(x, 5.0, risk_aversion)
    for size in (1.0, 100.0, 1e4):
        other = x.copy()
        other[1:-1] += size * g.standard_normal(n - 1)
        assert objective(other, 5.0, risk_aversion) >= best


@given(st.floats(1e-9, 1.0), st.integers(1, 200))
def test_never_buys_back_and_is_faster_for_the_more_averse(risk_aversion, n):
    x = trajectory(1e6, 5.0, n, **MARKET, risk_aversion=risk_aversion)
    assert np.isfinite(x).all()  # also where sinh would overflow
    assert (np.diff(x) <= 0.0).all()
    assert (trajectory(1e6, 5.0, n, **MARKET, risk_aversion=2.0 * risk_aversion) <= x + 1e-6).all()


def test_limits():
    np.testing.assert_allclose(trajectory(100.0, 1.0, 4, 1.0, 1.0, 0.0, 0.0), [100, 75, 50, 25, 0])
    np.testing.assert_allclose(
        trajectory(100.0, 1.0, 4, 1.0, 1.0, 0.0, 1e-14), [100, 75, 50, 25, 0], rtol=1e-9
    )
    assert trajectory(100.0, 1.0, 1, 1.0, 1.0, 0.0, 5.0).tolist() == [100.0, 0.0]
    assert trajectory(100.0, 1.0, 4, 1.0, 1.0, 0.0, 1e9)[1] < 1e-4
    assert trajectory(0.0, 1.0, 3, 1.0, 1.0, 0.0, 1.0).tolist() == [0.0] * 4


def test_a_risk_seeker_waits_but_not_without_bound():
    x = trajectory(1e6, 5.0, 5, **MARKET, risk_aversion=-2e-7)
    assert (x[1:-1] > trajectory(1e6, 5.0, 5, **MARKET, risk_aversion=0.0)[1:-1]).all()
    assert np.isnan(urgency(5.0, 5, **MARKET, risk_aversion=-2e-7).kappa)
    for wild in (-1e-5, -1e-3):
        with pytest.raises(Infeasible, match="minimum"):
            trajectory(1e6, 5.0, 5, **MARKET, risk_aversion=wild)


def test_discrete_kappa_tends_to_the_continuous_one():
    fine = urgency(5.0, 100_000, **MARKET, risk_aversion=1e-6)
    assert fine.kappa == pytest.approx(np.sqrt(fine.kappa_tilde_squared), rel=1e-8)


def test_bad_problems_are_refused():
    for change in ({"horizon": 0.0}, {"n_steps": 0}, {"sigma": -1.0}, {"eta": np.nan}, {"quantity": np.inf}):
        problem = {"quantity": 1.0, "horizon": 1.0, "n_steps": 2, **MARKET, "risk_aversion": 1e-6, **change}
        with pytest.raises(DataError):
            trajectory(**problem)
    with pytest.raises(DataError, match="temporary impact"):
        trajectory(1.0, 1.0, 1, 1.0, 0.1, 0.5, 1.0)
    for call in (lambda x: expected_cost(x, 1.0, 1.0, 0.0), lambda x: cost_variance(x, 1.0, 1.0)):
        with pytest.raises(DataError, match="schedule"):
            call(np.array([1.0]))


def per_slice_quadratic(x0, xn, n, dt, sigma, eta, gamma, phi):
    """The programme of the per-slice notation as written, as ½ zᵀHz + gᵀz of the inner holdings z."""
    # v = d z + e, x = (z, xn): every term is expanded from its own matrix, permanent impact included
    d = np.vstack([-np.eye(n - 1), np.zeros(n - 1)]) + np.vstack([np.zeros(n - 1), np.eye(n - 1)])
    e = np.zeros(n)
    e[0], e[-1] = x0, e[-1] - xn
    held, last = np.vstack([np.eye(n - 1), np.zeros(n - 1)]), np.zeros(n)
    last[-1] = xn
    h = 2 * eta * d.T @ d + gamma * (d.T @ held + held.T @ d) + 2 * phi * sigma**2 * dt * held.T @ held
    g = 2 * eta * d.T @ e + gamma * (d.T @ last + held.T @ e) + 2 * phi * sigma**2 * dt * held.T @ last
    return h, g


@given(
    st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.integers(2, 30), st.floats(0.01, 2.0),
    st.sampled_from([0.0, 1e-3, 0.4]), st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 1e4]),
)  # fmt: skip
def test_per_slice_form_solves_its_programme(x0, xn, n, dt, gamma, phi):
    h, g = per_slice_quadratic(x0, xn, n, dt, 0.5, 0.3, gamma, phi)
    wanted = np.concatenate([[x0], np.linalg.solve(h, -g), [xn]])
    got = trajectory_per_slice(x0, xn, n, dt, 0.5, 0.3, gamma, phi)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-10 * (abs(x0) + abs(xn) + 1e-300))


def test_per_slice_form_against_a_convex_solver():
    x0, xn, n, dt, sigma, eta, gamma, phi = 1000.0, 250.0, 12, 0.25, 0.6, 0.2, 0.05, 0.4
    x = cp.Variable(n + 1)
    v = x[:-1] - x[1:]
    # the permanent term in its convex form, ½γ(x0² - xN² - Σv²)
    cost = (eta - gamma / 2) * cp.sum_squares(v) + phi * sigma**2 * dt * cp.sum_squares(x[1:])
    cp.Problem(cp.Minimize(cost), [x[0] == x0, x[n] == xn]).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-14, tol_gap_rel=1e-14, tol_feas=1e-14
    )
    got = trajectory_per_slice(x0, xn, n, dt, sigma, eta, gamma, phi)
    np.testing.assert_allclose(got, x.value, atol=1e-5)


def test_the_two_notations_are_one_schedule():
    x0, n, dt, eta_rate = 1e6, 5, 0.4, MARKET["eta"]
    rate = trajectory(x0, n * dt, n, **MARKET, risk_aversion=1e-6)
    per_slice = trajectory_per_slice(x0, 0.0, n, dt, MARKET["sigma"], eta_rate / dt, MARKET["gamma"], 1e-6)
    np.testing.assert_allclose(per_slice, rate, rtol=1e-12, atol=1e-6)
    kappa = np.arccosh(1 + 1e-6 * MARKET["sigma"] ** 2 * dt / (2 * (eta_rate / dt - MARKET["gamma"] / 2)))
    k = np.arange(n + 1)
    np.testing.assert_allclose(
        per_slice, x0 * np.sinh(kappa * (n - k)) / np.sinh(kappa * n), rtol=1e-9, atol=1e-6
    )


def test_the_ends_are_exact_and_nothing_overflows():
    x = trajectory_per_slice(1e6, 3e5, 400, 1.0, 10.0, 1e-6, 0.0, 1e3)
    assert (x[0], x[-1]) == (1e6, 3e5)
    assert np.isfinite(x).all()
    assert abs(x[200]) < 1e-3  # so averse that it holds nothing in between
    np.testing.assert_allclose(
        trajectory(1e4, 1.0, 4, **MARKET, risk_aversion=0.0, final=2e3), [1e4, 8e3, 6e3, 4e3, 2e3]
    )


def test_cost_of_a_partial_liquidation_is_the_sum_of_its_trades():
    x, tau = trajectory(1e6, 5.0, 5, **MARKET, risk_aversion=1e-6, final=4e5), 1.0
    v = -np.diff(x)
    slow = np.sum(MARKET["gamma"] * v * x[1:]) + np.sum(MARKET["eta"] / tau * v**2)
    assert expected_cost(x, 5.0, MARKET["eta"], MARKET["gamma"]) == pytest.approx(slow, rel=1e-12)


def test_bad_per_slice_problems_are_refused():
    with pytest.raises(DataError, match="temporary impact"):
        trajectory_per_slice(1.0, 0.0, 3, 1.0, 1.0, 0.25, 0.5, 1.0)
    with pytest.raises(DataError, match="finite"):
        trajectory_per_slice(1.0, np.nan, 3, 1.0, 1.0, 1.0, 0.5, 1.0)
    with pytest.raises(DataError):
        trajectory_per_slice(1.0, 0.0, 3, 0.0, 1.0, 1.0, 0.5, 1.0)
