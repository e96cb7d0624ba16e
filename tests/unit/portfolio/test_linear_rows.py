"""General linear constraints and the holding cost of the mean–variance solver."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.portfolio import LinearRows, MeanVariance, MeanVarianceConfig, solve_mean_variance
from janus_trader.portfolio.linear_rows import conflicting_constraints

KINDS = ("groups", "neutral", "redundant", "many", "thin", "degenerate", "near_singular", "singular", "gross")
OPEN = (-np.inf, np.inf)


def problem(n: int, kind: str, rng: np.random.Generator):
    """A random problem that has a solution, at a point drawn first."""
    factors = rng.normal(size=(n, 3)) * 0.1
    cov = factors @ factors.T + np.diag(rng.uniform(0.05, 0.2, n) ** 2)
    inside = rng.dirichlet(np.ones(n))
    kw = {
        "risk_aversion": float(rng.uniform(0.5, 5)),
        "turnover_cost": rng.uniform(0, 0.004, n),
        "holding_cost": rng.uniform(0, 0.002, n),
        "lower": -0.2,
        "upper": 1.0,
        "gross": np.inf,
        "net": OPEN,
    }
    groups = np.zeros((3, n))
    for g in range(3):
        groups[g, g::3] = 1.0
    level = groups @ inside
    rows = LinearRows(groups, level - 0.1, level + 0.1)
    if kind == "groups":
        kw["net"] = (1.0, 1.0)
    elif kind == "neutral":
        dense = rng.normal(size=(2, n))
        rows = LinearRows(dense, dense @ inside, dense @ inside)
    elif kind == "redundant":  # the budget is the sum of the group equalities
        kw["net"] = (1.0, 1.0)
        rows = LinearRows(
            np.vstack([groups, groups[:1]]), np.append(level, level[0]), np.append(level, level[0])
        )
    elif kind == "many":
        dense = rng.normal(size=(2 * n, n))
        rows = LinearRows(dense, -np.inf, dense @ inside + rng.exponential(0.05, 2 * n))
    elif kind == "thin":
        rows = LinearRows(groups, level - 1e-7, level + 1e-7)
    elif kind == "degenerate":  # every row meets the optimum of the others
        dense = rng.normal(size=(6, n))
        rows = LinearRows(dense, -np.inf, dense @ inside)
        kw.update(lower=np.minimum(inside, 0.0), upper=inside + 0.1)
    elif kind == "near_singular":
        cov = factors @ factors.T + 1e-7 * np.eye(n)
        kw["net"] = (1.0, 1.0)
    elif kind == "singular":
        cov = factors @ factors.T + np.diag(np.where(np.arange(n) == 0, 0.0, 0.0))
    elif kind == "gross":
        kw.update(gross=1.1, net=(0.5, 1.0))
        rows = LinearRows(groups, level - 0.3, level + 0.2)
    return rng.normal(0, 0.03, n), cov, rng.normal(0, 0.05, n), rows, kw


def objective(w, mu, cov, previous, kw):
    return (
        mu @ w
        - 0.5 * kw["risk_aversion"] * w @ cov @ w
        - kw["turnover_cost"] @ np.abs(w - previous)
        - kw["holding_cost"] @ np.abs(w)
    )


def clarabel(mu, cov, previous, rows, kw):
    w = cp.Variable(len(mu))
    limits = [w >= kw["lower"], w <= kw["upper"]]
    lower, upper = (np.broadcast_to(side, len(rows.matrix)) for side in (rows.lower, rows.upper))
    for row, least, most in zip(rows.matrix, lower, upper, strict=True):
        if least == most:
            limits.append(row @ w == most)
            continue
        if np.isfinite(least):
            limits.append(row @ w >= least)
        if np.isfinite(most):
            limits.append(row @ w <= most)
    if np.isfinite(kw["net"][0]):
        limits += [cp.sum(w) >= kw["net"][0], cp.sum(w) <= kw["net"][1]]
    if np.isfinite(kw["gross"]):
        limits.append(cp.norm1(w) <= kw["gross"])
    value = (
        mu @ w
        - 0.5 * kw["risk_aversion"] * cp.quad_form(w, cp.psd_wrap(cov))
        - kw["turnover_cost"] @ cp.abs(w - previous)
        - kw["holding_cost"] @ cp.abs(w)
    )
    tight = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    cp.Problem(cp.Maximize(value), limits).solve(solver="CLARABEL", **tight)
    return w.value


def violation(w, rows, kw):
    level, net = rows.matrix @ w, w.sum()
    return max(
        (rows.lower - level).max(),
        (level - rows.upper).max(),
        (kw["lower"] - w).max(),
        (w - kw["upper"]).max(),
        kw["net"][0] - net,
        net - kw["net"][1],
        np.abs(w).sum() - kw["gross"],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_clarabel(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for n in (3, 8, 20, 60):
        mu, cov, previous, rows, kw = problem(n, kind, rng)
        out = solve_mean_variance(mu, cov, previous, rows=rows, **kw)
        peer = clarabel(mu, cov, previous, rows, kw)
        assert out.converged
        assert violation(out.weights, rows, kw) <= 1e-9
        ours, theirs = (objective(w, mu, cov, previous, kw) for w in (out.weights, peer))
        assert ours >= theirs - 1e-9 * (1.0 + violation(peer, rows, kw) * 1e9)
        assert abs(ours - theirs) <= 1e-7
        if kind not in ("singular", "near_singular"):  # there weights of equal worth lie far apart
            np.testing.assert_allclose(out.weights, peer, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS), st.integers(2, 25))
def test_every_feasible_problem_is_solved(seed, kind, n):
    mu, cov, previous, rows, kw = problem(n, kind, np.random.default_rng(seed))
    try:
        out = solve_mean_variance(mu, cov, previous, rows=rows, **kw)
    except DataError:
        assert kind in ("singular", "near_singular")  # a variance of 0
        return
    assert out.converged
    assert violation(out.weights, rows, kw) <= 1e-9


def test_rows_say_the_same_as_net():
    mu, cov, previous, _, kw = problem(12, "groups", np.random.default_rng(3))
    kw["net"] = (0.2, 0.4)
    wanted = solve_mean_variance(mu, cov, previous, **kw)
    kw["net"] = OPEN
    got = solve_mean_variance(mu, cov, previous, rows=LinearRows(np.ones((1, 12)), 0.2, 0.4), **kw)
    np.testing.assert_allclose(got.weights, wanted.weights, atol=1e-9)


def test_the_scale_of_a_row_changes_nothing():
    mu, cov, previous, rows, kw = problem(12, "groups", np.random.default_rng(4))
    size = np.array([1e-4, 1.0, 1e5])
    scaled = LinearRows(rows.matrix * size[:, None], rows.lower * size, rows.upper * size)
    a, b = (solve_mean_variance(mu, cov, previous, rows=r, **kw).weights for r in (rows, scaled))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_warm_start_with_rows_takes_fewer_steps():
    rng = np.random.default_rng(5)
    mu, cov, previous, rows, kw = problem(20, "groups", rng)
    first = solve_mean_variance(mu, cov, previous, rows=rows, **kw)
    near = mu + rng.normal(0, 1e-5, 20)
    cold, warm = (solve_mean_variance(near, cov, previous, rows=rows, start=s, **kw) for s in (None, first))
    np.testing.assert_allclose(cold.weights, warm.weights, atol=1e-8)
    assert warm.iterations < cold.iterations
    other = solve_mean_variance(near, cov, previous, start=first, **{**kw, "net": (0.0, 1.0)})
    assert other.converged  # a start of a problem with other rows is not used


def test_library_and_loops_agree():
    """48 instruments take LAPACK; the same 47 with one that is pinned at 0 take the loops."""
    mu, cov, previous, rows, kw = problem(48, "groups", np.random.default_rng(6))
    lower, upper = np.full(48, -0.2), np.full(48, 1.0)
    kw.update(lower=lower, upper=upper)
    lower[7], upper[7] = -1e-9, 1e-9
    near = solve_mean_variance(mu, cov, previous, rows=rows, **kw)
    lower[7], upper[7] = 0.0, 0.0
    pinned = solve_mean_variance(mu, cov, previous, rows=rows, **kw)
    assert near.converged
    assert pinned.converged
    np.testing.assert_allclose(near.weights, pinned.weights, atol=1e-7)


def test_holding_cost_is_the_certain_part_of_doubt():
    mu, cov, previous, _, kw = problem(10, "groups", np.random.default_rng(7))
    kw.update(net=(0.0, 1.0), gross=2.0)
    kw["holding_cost"] = 0.05 * np.sqrt(np.diag(cov))
    a = solve_mean_variance(mu, cov, previous, **kw).weights
    kw["holding_cost"] = 0.0
    b = solve_mean_variance(mu, cov, previous, robustness=0.05, **kw).weights
    np.testing.assert_allclose(a, b, atol=1e-10)
    nothing = MeanVariance(MeanVarianceConfig(holding_cost=1.0)).weights(cov, mu, previous)
    np.testing.assert_array_equal(nothing, 0.0)


def test_a_contradiction_is_named():
    three = LinearRows(
        np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
        np.array([0.9, -np.inf, -np.inf]),
        np.array([1.0, 0.2, 0.3]),
        ("energy", "metals", "oil"),
    )
    with pytest.raises(Infeasible, match="energy, metals, oil and the bounds") as caught:
        solve_mean_variance(np.zeros(3), np.eye(3), np.zeros(3), rows=three, net=OPEN, gross=np.inf)
    assert "net" not in caught.value.remedy


def test_a_row_that_the_bounds_cannot_meet_is_named():
    row = LinearRows(np.array([[1.0, 1.0]]), 3.0, 4.0, ("floor",))
    with pytest.raises(Infeasible, match="floor and the bounds"):
        solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), rows=row, net=OPEN, gross=np.inf)
    with pytest.raises(Infeasible, match="row 0"):
        solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), rows=LinearRows(row.matrix, 0.9, 0.8))


def test_gross_and_net_are_named():
    with pytest.raises(Infeasible, match="gross, net and the bounds"):
        solve_mean_variance(
            np.zeros(2), np.eye(2), np.zeros(2), lower=-1.0, upper=1.0, net=(0.9, 1.0), gross=0.8
        )
    apart = LinearRows(np.array([[1.0, -1.0]]), 0.9, np.inf, ("spread",))
    with pytest.raises(Infeasible, match="gross, spread"):
        solve_mean_variance(
            np.zeros(2), np.eye(2), np.zeros(2), lower=-1.0, upper=1.0, net=OPEN, gross=0.8, rows=apart
        )


def test_no_conflict_without_constraints_or_with_a_solution():
    one = np.ones(2)
    assert conflicting_constraints(-one, one, np.inf, np.ones((1, 2)), np.array([OPEN])) == (0.0, [])
    assert conflicting_constraints(-one, one, 1.0, np.ones((1, 2)), np.array([[1.0, 1.0]])) == (0.0, [])


def test_too_few_iterations_end_unconverged_not_infeasible():
    mu, cov, previous, rows, kw = problem(20, "many", np.random.default_rng(8))
    out = solve_mean_variance(mu, cov, previous, rows=rows, max_iterations=1, **kw)
    assert not out.converged


@pytest.mark.parametrize(
    "rows",
    [
        LinearRows(np.ones((1, 3)), 0.0, 1.0),
        LinearRows(np.ones(2), 0.0, 1.0),
        LinearRows(np.array([[np.nan, 1.0]]), 0.0, 1.0),
        LinearRows(np.ones((1, 2)), np.nan, 1.0),
        LinearRows(np.ones((1, 2)), np.zeros(2), 1.0),
    ],
)
def test_bad_rows_are_refused(rows):
    with pytest.raises(DataError):
        solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), rows=rows)


def test_a_row_without_coefficients_binds_nothing_or_contradicts():
    nothing = LinearRows(np.zeros((1, 2)), -1.0, 1.0)
    assert solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), rows=nothing).converged
    with pytest.raises(Infeasible, match="row 0"):
        solve_mean_variance(np.zeros(2), np.eye(2), np.zeros(2), rows=LinearRows(np.zeros((1, 2)), 1.0, 2.0))


def test_rows_are_left_alone():
    mu, cov, previous, rows, kw = problem(9, "groups", np.random.default_rng(9))
    copies = [a.copy() for a in rows[:3]]
    solve_mean_variance(mu, cov, previous, rows=rows, **kw)
    for a, b in zip(rows[:3], copies, strict=True):
        np.testing.assert_array_equal(a, b)
