"""Scores against their integrals and definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.scoring import (
    brier_score,
    crps_ensemble,
    crps_gaussian,
    log_score,
    log_score_gaussian,
    reliability_curve,
)

finite = st.floats(-50, 50)
probabilities = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(st.lists(finite, min_size=1, max_size=15).map(np.array), finite)
def test_ensemble_score_is_the_integral_of_the_squared_distance(x, y):
    points = np.sort(np.append(x, y))
    below = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)
    wanted = np.sum((below - (points[:-1] >= y)) ** 2 * np.diff(points))
    assert crps_ensemble(x, np.array(y)) == pytest.approx(wanted, abs=1e-9)


def test_ensemble_score_of_many_cases_and_the_fair_variant(rng):
    x, y = rng.standard_normal((4, 3, 6)), rng.standard_normal((4, 3))
    pairs = np.abs(x[..., :, None] - x[..., None, :]).sum(axis=(-1, -2))
    near = np.abs(x - y[..., None]).mean(axis=-1)
    np.testing.assert_allclose(crps_ensemble(x, y), near - pairs / 72, atol=1e-12)
    np.testing.assert_allclose(crps_ensemble(x, y, fair=True), near - pairs / 60, atol=1e-12)


@pytest.mark.parametrize(("mu", "sigma", "y"), [(0.0, 1.0, 0.3), (2.0, 0.5, -1.0), (-1.0, 3.0, 4.0)])
def test_normal_score_is_the_integral_and_the_limit_of_ensembles(mu, sigma, y):
    law = stats.norm(mu, sigma)
    left = integrate.quad(lambda z: law.cdf(z) ** 2, -np.inf, y)[0]
    right = integrate.quad(lambda z: law.sf(z) ** 2, y, np.inf)[0]
    got = float(crps_gaussian(mu, sigma, y))
    assert got == pytest.approx(left + right, abs=1e-7)
    members = law.ppf((np.arange(4000) + 0.5) / 4000)
    assert float(crps_ensemble(members, np.array(y))) == pytest.approx(got, abs=1e-3)


def test_the_true_law_scores_best(rng):
    y = rng.normal(1.0, 2.0, 20_000)
    for score in (crps_gaussian, log_score_gaussian):
        best = score(1.0, 2.0, y).mean()
        assert all(best < score(m, s, y).mean() for m, s in ((1.0, 1.5), (1.0, 2.6), (0.5, 2.0)))


def test_log_scores_against_scipy_and_sklearn(rng):
    y = rng.standard_normal(30)
    np.testing.assert_allclose(log_score_gaussian(0.2, 1.3, y), -stats.norm(0.2, 1.3).logpdf(y), rtol=1e-12)
    p, hit = rng.random(50), rng.random(50) < 0.5
    assert log_score(p, hit) == pytest.approx(sklearn_log_loss(hit, p), rel=1e-12)
    assert log_score(np.array([0.0]), np.array([1.0]), 1e-6) == pytest.approx(-np.log(1e-6))


@given(probabilities, st.sampled_from([None, 1, 4, 10]))
def test_brier_parts_add_up_for_every_binning(cases, n_bins):
    p, y = (np.array(v, dtype=float) for v in zip(*cases, strict=True))
    b = brier_score(p, y, n_bins)
    assert b.score == pytest.approx(np.mean((p - y) ** 2), abs=1e-12)
    assert b.reliability - b.resolution + b.uncertainty + b.within == pytest.approx(b.score, abs=1e-12)
    assert min(b.reliability, b.resolution, b.uncertainty) >= 0.0
    if n_bins is None:
        assert b.within == pytest.approx(0.0, abs=1e-12)


def test_brier_against_sklearn_and_a_calibrated_forecast(rng):
    p = rng.random(40_000)
    y = (rng.random(40_000) < p).astype(float)
    b = brier_score(p, y, 10)
    assert b.score == pytest.approx(brier_score_loss(y, p), rel=1e-12)
    assert b.reliability < 1e-3
    curve = reliability_curve(p, y, 10)
    np.testing.assert_allclose(curve.forecast, curve.frequency, atol=0.03)
    assert curve.cases.sum() == 40_000
    assert curve.expected_error < 0.02
    assert reliability_curve(np.minimum(1.0, p + 0.2), y).expected_error > 0.1


def test_empty_bins_are_left_out_and_the_last_one_holds_certainty():
    curve = reliability_curve(np.array([0.05, 1.0, 1.0]), np.array([0, 1, 1]))
    assert curve.forecast.tolist() == [0.05, 1.0]
    assert curve.cases.tolist() == [1, 2]


def test_bad_input_is_refused():
    half, one = np.array([0.5]), np.array([1.0])
    for p, y in (
        (1.1 * one, one),
        (half, half),
        (np.array([np.nan]), one),
        (half[:0], one[:0]),
        (half, np.ones(3) / 2),
    ):
        for score in (log_score, brier_score, reliability_curve):
            with pytest.raises(DataError):
                score(p, y)
    for call in (
        lambda: crps_ensemble(np.ones((2, 3)), np.ones(3)),
        lambda: crps_ensemble(one, np.array(1.0), fair=True),
        lambda: crps_ensemble(np.array([np.inf]), np.array(1.0)),
        lambda: crps_gaussian(0.0, 0.0, 1.0),
        lambda: log_score_gaussian(np.ones(2), np.ones(3), 1.0),
    ):
        with pytest.raises(DataError):
            call()
    for config in (lambda: log_score(half, one, 0.7), lambda: reliability_curve(half, one, 0)):
        with pytest.raises(ConfigError):
            config()
