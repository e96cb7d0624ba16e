"""Forecast combination against cvxpy and closed forms."""

import cvxpy as cp
import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.portfolio.ensemble_weights import ensemble_weights


def errors(rng, t=200, k=5):
    return rng.standard_normal((t, 1)) * 0.5 + rng.standard_normal((t, k)) * np.linspace(0.5, 1.5, k) + 0.1


def by_clarabel(e, shrinkage, lower, upper, centred):
    if centred:
        e = e - e.mean(axis=0)
    s = e.T @ e / len(e)
    k = len(s)
    w = cp.Variable(k)
    pull = shrinkage * np.trace(s) / k
    goal = (1 - shrinkage) * cp.quad_form(w, cp.psd_wrap(s)) + pull * cp.sum_squares(w - 1.0 / k)
    cp.Problem(cp.Minimize(goal), [cp.sum(w) == 1, w >= lower, w <= upper]).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13
    )
    return w.value


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("lower", "upper"), [(0.0, 1.0), (0.05, 0.4), (-1.0, 2.0)])
@pytest.mark.parametrize("centred", [False, True])
def test_equals_the_convex_programme(rng, shrinkage, lower, upper, centred):
    e = errors(rng)
    got = ensemble_weights(e, shrinkage=shrinkage, lower=lower, upper=upper, centred=centred)
    np.testing.assert_allclose(got, by_clarabel(e, shrinkage, lower, upper, centred), atol=1e-6)
    assert got.sum() == pytest.approx(1.0, abs=1e-9)


def test_two_models_have_the_weight_of_bates_and_granger(rng):
    e = errors(rng, k=2)
    s = e.T @ e / len(e)
    wanted = (s[1, 1] - s[0, 1]) / (s[0, 0] + s[1, 1] - 2 * s[0, 1])
    assert ensemble_weights(e, lower=-5.0, upper=5.0)[0] == pytest.approx(wanted, abs=1e-7)


def test_scale_and_order_do_not_matter(rng):
    e = errors(rng)
    p = rng.permutation(5)
    np.testing.assert_allclose(ensemble_weights(1e-6 * e[:, p]), ensemble_weights(e)[p], atol=1e-7)


def test_degenerate_errors(rng):
    np.testing.assert_allclose(ensemble_weights(np.zeros((5, 3))), 1 / 3, atol=1e-9)
    assert ensemble_weights(rng.standard_normal((5, 1))).tolist() == [1.0]
    twins = np.tile(rng.standard_normal((50, 1)), (1, 2))
    np.testing.assert_allclose(ensemble_weights(twins, shrinkage=0.1), 0.5, atol=1e-8)
    short = ensemble_weights(rng.standard_normal((3, 8)), shrinkage=0.2)  # fewer periods than models
    assert short.sum() == pytest.approx(1.0, abs=1e-9)


def test_bad_input_is_refused(rng):
    e = errors(rng)
    for bad in (e[:, 0], e[:1], np.where(e > 1, np.nan, e), e[:, :0]):
        with pytest.raises(DataError, match="errors of every model"):
            ensemble_weights(bad)
    with pytest.raises(ConfigError):
        ensemble_weights(e, shrinkage=1.5)
    with pytest.raises(Infeasible):
        ensemble_weights(e, upper=0.1)
