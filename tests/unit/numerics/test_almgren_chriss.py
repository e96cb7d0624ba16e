import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.numerics.almgren_chriss import cost_variance, expected_cost, trajectory, urgency

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
