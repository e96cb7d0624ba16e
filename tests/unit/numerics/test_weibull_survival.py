"""Weibull regression against scipy's optimiser, statsmodels' Cox model and the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.weibull_survival import fit_weibull, weibull_log_likelihood

BETA, SHAPE = np.array([1.2, -0.4, 0.3]), 1.4


def lifetimes(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.standard_normal(n), 5.0 + 2.0 * rng.random(n)])
    life = np.exp(BETA[0] + x @ BETA[1:]) * rng.weibull(SHAPE, n)
    end = rng.exponential(np.median(life) * 2.0, n)  # censoring independent of the lives
    return np.minimum(life, end), life <= end, x


def test_derivatives_agree_with_finite_differences() -> None:
    time, event, x = lifetimes(200)
    design, theta = np.column_stack([np.ones(200), x]), np.array([0.8, -0.2, 0.2, 0.1])

    def value(p):
        return weibull_log_likelihood(p, time, event, design)[0]

    def gradient(p):
        return weibull_log_likelihood(p, time, event, design)[1]

    assert check_grad(value, gradient, theta) < 1e-5
    hessian = weibull_log_likelihood(theta, time, event, design)[2]
    for j in range(4):
        h = 1e-6 * np.eye(4)[j]
        np.testing.assert_allclose(hessian[j], (gradient(theta + h) - gradient(theta - h)) / 2e-6, rtol=1e-4)


def test_the_fit_is_scipys_maximum() -> None:
    time, event, x = lifetimes(800, 1)
    fit = fit_weibull(time, event, x, ridge=0.0)
    design = np.column_stack([np.ones(800), x])

    def loss(p):
        value, gradient, _ = weibull_log_likelihood(p, time, event, design)
        return -value, -gradient

    found = minimize(loss, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(fit.coefficients, found[:-1], rtol=1e-4, atol=1e-4)
    assert fit.shape == pytest.approx(np.exp(found[-1]), rel=1e-4)


def test_intervals_cover_the_planted_truth() -> None:
    covered = []
    for seed in range(200):
        fit = fit_weibull(*lifetimes(400, 10 + seed))
        error = np.append(fit.coefficients - BETA, np.log(fit.shape / SHAPE))
        covered.append(np.abs(error) < 1.96 * np.sqrt(np.diag(fit.covariance)))
    share = np.mean(covered, axis=0)
    assert ((share > 0.89) & (share <= 1.0)).all()


def test_hazard_ratios_agree_with_the_cox_model() -> None:
    from statsmodels.duration.hazard_regression import PHReg

    time, event, x = lifetimes(3000, 2)
    cox = PHReg(time, x, status=event.astype(int)).fit()
    fit = fit_weibull(time, event, x)
    np.testing.assert_allclose(np.log(fit.hazard_ratio()), cox.params, atol=2.0 * cox.bse.max())


def test_leaving_out_the_censored_would_be_wrong() -> None:
    time, event, x = lifetimes(4000, 3)
    right = fit_weibull(time, event, x).survival(2.0, x).mean()
    wrong = fit_weibull(time[event], event[event], x[event]).survival(2.0, x).mean()
    rng = np.random.default_rng(9)
    truth = (np.exp(BETA[0] + x @ BETA[1:]) * rng.weibull(SHAPE, 4000) > 2.0).mean()
    assert abs(right - truth) < 0.02 < abs(wrong - truth)


def test_units_of_covariates_and_time_do_not_matter() -> None:
    time, event, x = lifetimes(500, 4)
    a, b = fit_weibull(time, event, x), fit_weibull(60.0 * time, event, 100.0 * x - 7.0)
    np.testing.assert_allclose(a.survival(1.5, x), b.survival(90.0, 100.0 * x - 7.0), rtol=1e-6)


def test_a_constant_covariate_explains_nothing() -> None:
    time, event, x = lifetimes(300, 5)
    fit = fit_weibull(time, event, np.column_stack([x, np.full(300, 3.0)]))
    assert fit.coefficients[-1] == 0.0
    assert np.isfinite(fit.covariance).all()


def test_unusable_lifetimes_are_refused() -> None:
    time, event, x = lifetimes(50)
    for bad in (0.0, -1.0, np.nan, np.inf):
        other = time.copy()
        other[3] = bad
        with pytest.raises(DataError):
            fit_weibull(other, event, x)
    with pytest.raises(DataError):
        fit_weibull(time, event[:-1], x)
    with pytest.raises(DataError, match="few"):
        fit_weibull(time, np.zeros(50, bool), x)
