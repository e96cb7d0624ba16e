import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.hawkes import (
    HawkesIntensity,
    branching_ratio,
    exponential_p_value,
    hawkes_log_likelihood,
    hawkes_parameters,
    hawkes_residuals,
    hawkes_score,
)
from janus_trader.numerics.hawkes_fit import fit_hawkes, simulate_hawkes, thin_hawkes

ONE = hawkes_parameters(0.6, 0.9, 1.8)
TWO = hawkes_parameters([0.4, 0.7], [[0.5, 0.2], [0.6, 0.3]], [[1.5, 0.8], [2.5, 1.1]])


def intensity(t, i, times, marks, p):
    """The sum of the definition, over strictly earlier events."""
    past = times < t
    j = marks[past]
    return p.mu[i] + float(np.sum(p.alpha[i, j] * np.exp(-p.beta[i, j] * (t - times[past]))))


def sample(p, rng, n=40):
    times = np.cumsum(rng.exponential(0.5, n))
    return times, rng.integers(0, p.mu.size, n)


@pytest.mark.parametrize("p", [ONE, TWO])
def test_likelihood_is_the_definition(p, rng):
    times, marks = sample(p, rng)
    horizon = times[-1] + 1.3
    wanted = sum(math.log(intensity(t, m, times, marks, p)) for t, m in zip(times, marks, strict=True))
    edges = np.concatenate(([0.0], times, [horizon]))
    for i in range(p.mu.size):
        for a, b in itertools.pairwise(edges):
            wanted -= quad(lambda s, i=i: intensity(s, i, times, marks, p), a, b)[0]
    assert hawkes_log_likelihood(times, marks, horizon, p) == pytest.approx(wanted, rel=1e-8)


def test_gradient_is_the_slope_of_the_likelihood(rng):
    times, marks = sample(TWO, rng)
    horizon = times[-1] + 0.5
    theta = np.concatenate([np.ravel(a) for a in TWO])

    def value(v):
        return hawkes_log_likelihood(
            times, marks, horizon, hawkes_parameters(v[:2], v[2:6].reshape(2, 2), v[6:].reshape(2, 2))
        )

    gradient = np.zeros(10)
    hawkes_score(times, marks, horizon, *TWO, gradient)
    h = 1e-6
    slopes = [(value(theta + h * e) - value(theta - h * e)) / (2 * h) for e in np.eye(10)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6)


def test_streaming_intensity_is_the_definition(rng):
    times, marks = sample(TWO, rng)
    got = HawkesIntensity(*TWO).transform(np.column_stack((times, marks)))
    for k in (0, 7, 39):
        just_after = np.nextafter(times[k], np.inf)
        wanted = [intensity(just_after, i, times, marks, TWO) for i in range(2)]
        np.testing.assert_allclose(got[k], wanted, rtol=1e-12)


def test_unusable_events_are_ignored():
    h = HawkesIntensity(*TWO)
    first = h.update(np.array([1.0, 0.0]))
    for bad in ([0.5, 0.0], [2.0, 2.0], [2.0, -1.0], [math.nan, 0.0], [math.inf, 0.0], [2.0, math.nan]):
        np.testing.assert_array_equal(h.update(np.array(bad)), first)


def test_known_parameters_are_recovered():
    times, marks = simulate_hawkes(ONE, 8000.0, np.random.default_rng(3))
    fit = fit_hawkes(times, marks, 8000.0)
    assert fit.converged
    for got, wanted in zip(fit.parameters, ONE, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0.1)
    assert fit.log_likelihood >= hawkes_log_likelihood(times, marks, 8000.0, ONE)


def test_known_parameters_of_two_types_are_recovered():
    times, marks = simulate_hawkes(TWO, 15_000.0, np.random.default_rng(4))
    fit = fit_hawkes(times, marks, 15_000.0, types=2)
    np.testing.assert_allclose(fit.parameters.mu, TWO.mu, rtol=0.15)
    np.testing.assert_allclose(
        fit.parameters.alpha / fit.parameters.beta, TWO.alpha / TWO.beta, rtol=0.2, atol=0.03
    )


def test_simulation_has_the_stationary_rate():
    times, marks = simulate_hawkes(TWO, 15_000.0, np.random.default_rng(5))
    wanted = np.linalg.solve(np.eye(2) - TWO.alpha / TWO.beta, TWO.mu)
    np.testing.assert_allclose(np.bincount(marks) / 15_000.0, wanted, rtol=0.06)
    assert (np.diff(times) > 0.0).all()
    again, _ = simulate_hawkes(TWO, 15_000.0, np.random.default_rng(5))
    assert times.tobytes() == again.tobytes()


def test_a_candidate_above_the_intensity_is_thinned_out():
    """Right after an event the bound is 2; half a unit later it is 1 + exp(-1/2) = 1.607."""
    p = hawkes_parameters(1.0, 1.0, 1.0)
    wait = -math.expm1(-2.0 * 0.5)  # a uniform whose exponential wait at rate 2 is 1/2
    for level, accepted in ((0.79, 1), (0.81, 0)):
        state, clock, times, marks = np.ones((1, 1)), np.zeros(1), np.empty(1), np.empty(1, np.int64)
        count, over = thin_hawkes(state, clock, 9.0, *p, np.array([[wait, level]]), times, marks)
        assert (count, over) == (accepted, False)
        assert clock[0] == pytest.approx(0.5)


def test_time_change_makes_the_true_model_exponential_and_shows_a_wrong_one():
    times, marks = simulate_hawkes(TWO, 3000.0, np.random.default_rng(6))
    waits = hawkes_residuals(times, marks, TWO)
    assert exponential_p_value(waits) > 0.01
    rate = np.bincount(marks) / 3000.0
    poisson = hawkes_parameters(rate, np.zeros((2, 2)), np.ones((2, 2)))
    assert exponential_p_value(hawkes_residuals(times, marks, poisson)) < 1e-6


def test_residuals_are_integrals_of_the_intensity(rng):
    times, marks = sample(TWO, rng, 12)
    got = hawkes_residuals(times, marks, TWO)
    for i in range(2):
        own = np.flatnonzero(marks == i)
        edge = 0.0
        for k in own:
            inner = [edge, *times[(times > edge) & (times < times[k])], times[k]]
            wanted = sum(
                quad(lambda s, i=i: intensity(s, i, times, marks, TWO), a, b)[0]
                for a, b in itertools.pairwise(inner)
            )
            assert got[k] == pytest.approx(wanted, rel=1e-8)
            edge = times[k]


def test_p_value_is_scipys_asymptotic_one(rng):
    waits = rng.exponential(1.1, 400)
    assert exponential_p_value(waits) == pytest.approx(
        kstest(waits, "expon", method="asymp").pvalue, rel=1e-9
    )


def test_bad_input_is_refused():
    for bad in ((0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.0), ([1.0, 1.0], 1.0, 1.0), (math.nan, 1, 1)):
        with pytest.raises(ConfigError):
            hawkes_parameters(*bad)
    with pytest.raises(ConfigError, match="branching"):
        simulate_hawkes(hawkes_parameters(1.0, 2.0, 1.0), 10.0, np.random.default_rng(0))
    assert branching_ratio(hawkes_parameters(1.0, 2.0, 1.0)) == 2.0
    with pytest.raises(DataError, match="ascending"):
        hawkes_log_likelihood(np.array([2.0, 1.0]), None, 3.0, ONE)
    with pytest.raises(DataError, match="span"):
        hawkes_log_likelihood(np.array([1.0, 5.0]), None, 3.0, ONE)
    with pytest.raises(DataError, match="mark"):
        hawkes_log_likelihood(np.array([1.0]), np.array([1]), 3.0, ONE)
    with pytest.raises(DataError, match="few"):
        fit_hawkes(np.array([1.0]), None, 3.0)
    with pytest.raises(DataError, match="waits"):
        exponential_p_value(np.empty(0))
    assert hawkes_log_likelihood(np.empty(0), None, 3.0, ONE) == pytest.approx(-1.8)
