"""The projections against their optimality conditions and against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.numerics.capped_simplex import checked_bounds, project_capped_simplex


@st.composite
def problems(draw):
    n = draw(st.integers(1, 12))
    g = np.random.default_rng(draw(st.integers(0, 10_000)))
    scale = draw(st.sampled_from([1e-6, 1.0, 1e3]))
    y = scale * g.standard_normal(n)
    if draw(st.booleans()):
        y = np.round(y)  # ties
    lower = g.random(n) * draw(st.sampled_from([0.0, 0.5])) / n
    upper = np.maximum(lower, draw(st.sampled_from([1.01, 1.5, 3.0])) / n * (0.7 + 0.6 * g.random(n)))
    if upper.sum() < 1.0:
        upper += (1.0 - upper.sum()) / n + 1e-9
    return y, lower, upper


def by_bisection(a, b, lower, upper):
    """clip(a + b t) with the sum 1, t by a root search."""
    ends = np.concatenate([(lower - a) / b, (upper - a) / b])
    t = brentq(
        lambda t: np.clip(a + b * t, lower, upper).sum() - 1.0, ends.min() - 1, ends.max() + 1, xtol=1e-14
    )
    return np.clip(a + b * t, lower, upper)


@given(problems())
def test_euclidean_projection(problem):
    y, lower, upper = problem
    w = project_capped_simplex(y, lower, upper)
    assert (w >= lower).all()
    assert (w <= upper).all()
    assert w.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(w, by_bisection(y, np.ones(y.size), lower, upper), atol=1e-9)


@given(problems())
def test_entropic_projection(problem):
    y, lower, upper = problem
    q = np.exp(np.clip(y, -20, 20))
    w = project_capped_simplex(q, lower, upper, entropic=True)
    assert w.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(w, by_bisection(np.zeros(q.size), q / q.max(), lower, upper), atol=1e-9)


def test_no_feasible_point_is_nearer(rng):
    y = rng.standard_normal(8)
    w = project_capped_simplex(y, 0.02, 0.3)
    for _ in range(200):
        other = project_capped_simplex(rng.standard_normal(8), 0.02, 0.3)
        assert (y - w) @ (other - w) <= 1e-12  # the variational inequality of a projection


def test_a_point_inside_stays_and_projection_is_idempotent(rng):
    w = project_capped_simplex(rng.standard_normal(6), 0.05, 0.4)
    np.testing.assert_allclose(project_capped_simplex(w, 0.05, 0.4), w, atol=1e-15)
    np.testing.assert_allclose(project_capped_simplex(w, 0.05, 0.4, entropic=True), w, atol=1e-15)


def test_extremes():
    for y in ([1e300, 0.0, -1e300], [1e308, -1e308, -1.7e308]):
        w = project_capped_simplex(np.array(y), 0.0, 0.6)
        np.testing.assert_allclose(w, [0.6, 0.4, 0.0], atol=1e-15)
    w = project_capped_simplex(np.array([1.0, 1e-300, 1e-299]), 0.0, 0.6, entropic=True)
    np.testing.assert_allclose(w, [0.6, 0.4 / 11, 4.0 / 11], rtol=1e-12)
    assert project_capped_simplex(np.array([5.0])).tolist() == [1.0]
    assert project_capped_simplex(np.array([7.0, 1.0, 3.0, 2.0]), 0.0, 0.25).tolist() == [0.25] * 4
    assert project_capped_simplex(np.array([7.0, 1.0]), 0.5, 1.0).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(project_capped_simplex(np.full(3, 1e12)), 1 / 3, rtol=1e-15)
    np.testing.assert_allclose(project_capped_simplex(np.array([1.0, 2.0]), -1.0, 2.0), [0.0, 1.0])


def test_bad_input_is_refused():
    with pytest.raises(Infeasible, match="bounds"):
        project_capped_simplex(np.zeros(3), 0.0, 0.3)
    with pytest.raises(Infeasible):
        project_capped_simplex(np.zeros(3), 0.4, 1.0)
    with pytest.raises(Infeasible):
        project_capped_simplex(np.zeros(2), np.array([0.6, 0.0]), np.array([0.5, 1.0]))
    for bad in (np.array([np.nan, 1.0]), np.zeros((2, 2)), np.array([])):
        with pytest.raises(DataError):
            project_capped_simplex(bad)
    with pytest.raises(DataError, match="positive"):
        project_capped_simplex(np.array([0.0, 1.0]), entropic=True)
    with pytest.raises(DataError, match="entropy"):
        project_capped_simplex(np.array([0.5, 1.0]), -0.1, 1.0, entropic=True)
    for lower in (np.zeros(3), np.nan):
        with pytest.raises(DataError, match="bounds"):
            checked_bounds(2, lower, 1.0)
