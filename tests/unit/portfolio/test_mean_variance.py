from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.portfolio.mean_variance import MeanVariance, MeanVarianceConfig, solve_mean_variance

KINDS = ("book", "budget", "tight_rows", "pinned", "gross_only", "no_room")


def problem(n: int, kind: str, rng: np.random.Generator):
    factors = rng.normal(size=(n, 3)) * 0.01
    cov = factors @ factors.T + np.diag(rng.uniform(0.005, 0.02, n) ** 2)
    mu, previous = rng.normal(0, 0.001, n), rng.normal(0, 0.05, n)
    kw = {
        "risk_aversion": float(rng.uniform(1, 10)),
        "turnover_cost": rng.uniform(0, 0.001, n),
        "robustness": float(rng.choice([0.0, 0.02, 0.05])),
        "lower": -0.1,
        "upper": 0.15,
        "gross": 1.5,
        "net": (-0.3, 1.2),
    }
    if kind == "budget":
        kw.update(lower=0.0, upper=1.0 if n <= 5 else 0.3, gross=1.0, net=(1.0, 1.0))
        previous = np.abs(previous)
    elif kind == "tight_rows":
        kw.update(gross=0.5, net=(-0.1, 0.1), turnover_cost=0.0)
    elif kind == "pinned":
        pinned = rng.random(n) < 0.2
        lower, upper = np.full(n, -0.1), np.full(n, 0.15)
        lower[pinned] = upper[pinned] = previous[pinned]
        kw.update(lower=lower, upper=upper, gross=4.0, net=(-np.inf, np.inf))
    elif kind == "gross_only":
        kw.update(lower=-np.inf, upper=np.inf, gross=1.0, net=(-np.inf, np.inf))
    elif kind == "no_room":
        kw.update(lower=-1.0, upper=1.0, gross=1.0, net=(1.0, 1.0))
    return mu, cov, previous, kw


def objective(w, mu, cov, previous, kw):
    sigma = np.sqrt(np.diag(cov))
    return (
        mu @ w
        - 0.5 * kw["risk_aversion"] * w @ cov @ w
        - np.sum(kw["turnover_cost"] * np.abs(w - previous))
        - kw["robustness"] * sigma @ np.abs(w)
    )


def clarabel(mu, cov, previous, kw):
    n = len(mu)
    w = cp.Variable(n)
    limits = [cp.norm1(w) <= kw["gross"]]
    if np.all(np.isfinite(kw["lower"])):
        limits += [w >= kw["lower"], w <= kw["upper"]]
    if np.isfinite(kw["net"][0]):
        limits += [cp.sum(w) >= kw["net"][0], cp.sum(w) <= kw["net"][1]]
    value = (
        mu @ w
        - 0.5 * kw["risk_aversion"] * cp.quad_form(w, cp.psd_wrap(cov))
        - cp.sum(cp.multiply(kw["turnover_cost"] * np.ones(n), cp.abs(w - previous)))
        - kw["robustness"] * np.sqrt(np.diag(cov)) @ cp.abs(w)
    )
    tight = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
    cp.Problem(cp.Maximize(1e3 * value), limits).solve(solver="CLARABEL", **tight)
    return w.value


def assert_feasible(w, kw, tol=1e-9):
    assert (w >= np.asarray(kw["lower"]) - tol).all()
    assert (w <= np.asarray(kw["upper"]) + tol).all()
    assert np.abs(w).sum() <= kw["gross"] + tol
    assert kw["net"][0] - tol <= w.sum() <= kw["net"][1] + tol


@pytest.mark.parametrize("kind", KINDS)
def test_objective_matches_clarabel(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for n in (1, 2, 5, 20, 20, 40):
        mu, cov, previous, kw = problem(n, kind, rng)
        out = solve_mean_variance(mu, cov, previous, **kw)
        gap = objective(clarabel(mu, cov, previous, kw), mu, cov, previous, kw) - objective(
            out.weights, mu, cov, previous, kw
        )
        assert out.converged
        assert gap <= 1e-8
        assert_feasible(out.weights, kw)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS), st.integers(1, 25))
def test_every_random_problem_converges_and_beats_random_feasible_points(seed, kind, n):
    rng = np.random.default_rng(seed)
    mu, cov, previous, kw = problem(n, kind, rng)
    try:
        out = solve_mean_variance(mu, cov, previous, **kw)
    except Infeasible:
        assert kind == "pinned"
        return
    assert out.converged
    assert out.residual <= 1e-8
    assert_feasible(out.weights, kw)
    best = objective(out.weights, mu, cov, previous, kw)
    for _ in range(20):  # any feasible point on the way to another feasible point is no better
        other = solve_mean_variance(rng.normal(0, 0.002, n), cov, previous, **kw).weights
        mixed = out.weights + rng.uniform(0, 1) * (other - out.weights)
        assert objective(mixed, mu, cov, previous, kw) <= best + 1e-11


def test_unconstrained_interior_is_the_closed_form():
    cov = np.array([[0.04, 0.01], [0.01, 0.09]])
    mu = np.array([0.01, 0.02])
    out = solve_mean_variance(
        mu, cov, np.zeros(2), risk_aversion=2.0, lower=-5, upper=5, gross=np.inf, net=(-np.inf, np.inf)
    )
    np.testing.assert_allclose(out.weights, np.linalg.solve(2.0 * cov, mu), atol=1e-8)


def test_costly_turnover_leaves_the_book_exactly_as_it_is():
    rng = np.random.default_rng(3)
    mu, cov, _, kw = problem(20, "book", rng)
    previous = rng.uniform(-0.05, 0.1, 20)
    kw["turnover_cost"] = 1.0
    np.testing.assert_array_equal(solve_mean_variance(mu, cov, previous, **kw).weights, previous)


def test_more_doubt_means_no_larger_book():
    rng = np.random.default_rng(4)
    mu, cov, previous, kw = problem(20, "book", rng)
    sizes = []
    for doubt in (0.0, 0.02, 0.05, 0.1, 1.0):
        kw.update(robustness=doubt, turnover_cost=0.0)
        sizes.append(np.abs(solve_mean_variance(mu, cov, previous, **kw).weights).sum())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0.0


def test_warm_start_gives_the_same_weights_in_fewer_steps():
    rng = np.random.default_rng(5)
    mu, cov, previous, kw = problem(20, "book", rng)
    first = solve_mean_variance(mu, cov, previous, **kw)
    near = mu + rng.normal(0, 1e-6, 20)
    cold, warm = (solve_mean_variance(near, cov, previous, start=s, **kw) for s in (None, first))
    np.testing.assert_allclose(cold.weights, warm.weights, atol=1e-8)
    assert warm.converged
    assert warm.iterations < cold.iterations


def test_useless_warm_start_falls_back():
    rng = np.random.default_rng(6)
    mu, cov, previous, kw = problem(20, "book", rng)
    first = solve_mean_variance(mu, cov, previous, **kw)
    cold, warm = (solve_mean_variance(-3 * mu, cov, previous, start=s, **kw) for s in (None, first))
    np.testing.assert_allclose(cold.weights, warm.weights, atol=1e-8)


def test_scaling_the_objective_changes_nothing():
    rng = np.random.default_rng(7)
    mu, cov, previous, kw = problem(10, "book", rng)
    a = solve_mean_variance(mu, cov, previous, **kw).weights
    kw.update(turnover_cost=kw["turnover_cost"] * 1e4, robustness=kw["robustness"] * 1e2)
    b = solve_mean_variance(mu * 1e4, cov * 1e4, previous, **kw).weights
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_permutation_of_the_book_permutes_the_weights():
    rng = np.random.default_rng(8)
    mu, cov, previous, kw = problem(12, "book", rng)
    order = rng.permutation(12)
    a = solve_mean_variance(mu, cov, previous, **kw).weights
    kw["turnover_cost"] = kw["turnover_cost"][order]
    b = solve_mean_variance(mu[order], cov[np.ix_(order, order)], previous[order], **kw).weights
    np.testing.assert_allclose(a[order], b, atol=1e-7)


def test_singular_covariance_has_an_answer():
    cov = np.full((3, 3), 0.04)
    out = solve_mean_variance(np.full(3, 0.01), cov, np.zeros(3), risk_aversion=1.0)
    assert out.converged
    assert out.weights.sum() == pytest.approx(0.25, abs=1e-6)
    assert np.ptp(out.weights) < 1e-6


def test_arguments_are_left_alone():
    rng = np.random.default_rng(9)
    mu, cov, previous, kw = problem(20, "no_room", rng)
    kw.update(lower=np.full(20, -1.0), upper=np.full(20, 1.0))
    copies = [a.copy() for a in (mu, cov, previous, kw["lower"], kw["upper"])]
    first = solve_mean_variance(mu, cov, previous, **kw)
    again = solve_mean_variance(mu, cov, previous, start=first, **kw)
    for a, b in zip((mu, cov, previous, kw["lower"], kw["upper"]), copies, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(first.weights, again.weights, atol=1e-9)


@pytest.mark.parametrize(
    "kw",
    [
        {"net": (2.0, 3.0), "gross": 1.0},
        {"net": (0.5, 0.4)},
        {"lower": 0.3, "upper": 0.2},
        {"lower": 0.4, "upper": 1.0, "gross": 0.6},
        {"lower": -0.1, "upper": 0.1, "net": (0.5, 1.0)},
        {"lower": -1.0, "upper": 1.0, "net": (0.9, 1.0), "gross": 0.8},
        {"net": (float("nan"), 1.0)},
        {"lower": 2.0, "upper": 3.0},
    ],
)
def test_contradictory_limits_are_infeasible(kw):
    with pytest.raises(Infeasible):
        solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), **kw)


@pytest.mark.parametrize(
    ("mu", "cov", "kw"),
    [
        ([0.0, np.nan], np.eye(2), {}),
        ([0.0, 0.0, 0.0], np.eye(2), {}),
        ([0.0, 0.0], np.ones((2, 3)), {}),
        ([0.0, 0.0], [[1.0, np.nan], [np.nan, 1.0]], {}),
        ([0.0, 0.0], [[1.0, 0.5], [0.4, 1.0]], {}),
        ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], {}),
        ([0.0, 0.0], [[0.0, 0.0], [0.0, 1.0]], {}),
        ([0.0, 0.0], np.eye(2), {"turnover_cost": -1.0}),
        ([0.0, 0.0], np.eye(2), {"risk_aversion": 0.0}),
        ([0.0, 0.0], np.eye(2), {"robustness": float("nan")}),
        ([0.0, 0.0], np.eye(2), {"gross": float("nan")}),
        ([0.0, 0.0], np.eye(2), {"gross": float("inf"), "upper": float("inf")}),
    ],
)
def test_bad_input_is_refused(mu, cov, kw):
    with pytest.raises(DataError):
        solve_mean_variance(np.array(mu), np.array(cov), np.zeros(2), **kw)


def test_allocator_uses_its_configuration():
    out = MeanVariance(MeanVarianceConfig(net_lower=1.0)).weights(np.eye(4))
    np.testing.assert_allclose(out, 0.25, atol=1e-8)
