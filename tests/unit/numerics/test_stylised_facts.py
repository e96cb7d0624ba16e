import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats
from statsmodels.tsa.stattools import acf

from janus_trader.contracts.errors import DataError
from janus_trader.numerics import stylised_facts as facts
from janus_trader.numerics.block_estimates import (
    estimate_by_resampling,
    estimate_from_means,
    mean_block_length,
)
from janus_trader.numerics.fractional_noise import fractional_noise


def generator():
    return np.random.default_rng(5)


def ar1(rng, n, rho):
    return signal.lfilter([1.0], [1.0, -rho], rng.standard_normal(n))


def holds(estimate, truth, k=0):
    return estimate.low[k] <= truth <= estimate.high[k]


def test_autocorrelation_of_an_autoregression():
    lags, covered = np.array([1, 2, 5, 10]), np.zeros(4)
    for seed in range(30):
        x = ar1(np.random.default_rng(seed), 4_000, 0.6)
        found = facts.autocorrelation(x, lags, generator())
        np.testing.assert_allclose(found.value, acf(x, nlags=10)[lags], atol=1e-2)
        covered += (found.low <= 0.6**lags) & (0.6**lags <= found.high)
    assert np.all(covered >= 25)


def test_autocorrelation_does_not_depend_on_unit_or_level(rng):
    x = ar1(rng, 500, 0.3)
    a, b = (facts.autocorrelation(y, [1, 3], generator()) for y in (x, -7.0 * x + 1e3))
    for left, right in zip(a, b, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-9)


def test_power_law_exponent_is_exact_on_a_power_law_and_leaves_out_what_is_not_positive():
    lags = np.array([1, 2, 4, 8, 16])
    values = 0.4 * lags**-0.7
    assert facts.power_law_exponent(lags, values) == pytest.approx(0.7)
    assert facts.power_law_exponent(lags, np.where(lags == 4, -1.0, values)) == pytest.approx(0.7)
    assert np.isnan(facts.power_law_exponent(lags, np.where(lags > 2, -1.0, values)))
    both = facts.power_law_exponent(lags, np.stack((values, lags**-1.5)))
    np.testing.assert_allclose(both, [0.7, 1.5])


def test_memory_exponent_of_fractional_noise(rng):
    noise = fractional_noise(2**16, 0.8, rng).ravel()
    found = facts.memory_exponent(noise, [1, 2, 4, 8, 16, 32], generator())
    assert found.value[0] == pytest.approx(0.4, abs=0.1)  # 2 - 2H
    assert found.low[0] < found.value[0] < found.high[0]


def test_memory_exponent_of_independent_signs_is_no_power_law(rng):
    # negative correlations at every lag but one
    alternating = np.tile([1.0, -1.0], 500)
    assert np.isnan(facts.memory_exponent(alternating, [1, 3, 5, 7], generator()).value[0])


def test_kurtosis_is_that_of_scipy_and_falls_with_aggregation(rng):
    steps = rng.standard_t(6, 100_000)
    prices = np.append(0.0, np.cumsum(steps))
    found = facts.kurtosis_by_scale(prices, [1, 10, 50], generator())
    first = facts.kurtosis_by_scale(prices, [1], generator())
    assert first.value[0] == pytest.approx(stats.kurtosis(steps), rel=1e-9)
    assert holds(found, 0.3, 1)  # excess 3 of a step, a tenth of it for ten
    assert found.value[0] > 5 * found.value[1]
    assert holds(found, 0.06, 2)


def test_signature_of_a_walk_with_bounce(rng):
    walk = np.cumsum(rng.standard_normal(50_000))
    bounce = 1.5 * rng.standard_normal(50_000)
    found = facts.signature(walk + bounce, [1, 4, 64], generator())
    for k, scale in enumerate((1, 4)):
        truth = (1 + 2 * 1.5**2 / scale) / (1 + 2 * 1.5**2 / 64)
        assert holds(found, truth, k)
    assert found.value[2] == 1.0


def test_tail_exponent_of_a_pareto_variable(rng):
    x = (1.0 - rng.random(20_000)) ** (-1 / 3.0)
    assert holds(facts.tail_exponent(x, generator()), 3.0)


def test_response_of_permanent_impact(rng):
    signs = np.where(rng.random(20_000) < 0.5, 1.0, -1.0)
    moves = 0.5 * signs + rng.standard_normal(20_000)
    mids = np.append(0.0, np.cumsum(moves))[:-1]
    found = facts.response(mids, signs, [1, 10, 50], generator())
    assert all(holds(found, 0.5, k) for k in range(3))


def test_response_to_signs_that_persist_grows(rng):
    stays = rng.random(40_000) < 0.75
    signs = np.cumprod(np.where(stays, 1.0, -1.0))  # autocorrelation 0.5 ** lag
    mids = np.append(0.0, np.cumsum(0.5 * signs + rng.standard_normal(40_000)))[:-1]
    found = facts.response(mids, signs, [1, 2, 20], generator())
    assert holds(found, 0.5, 0)
    assert holds(found, 0.75, 1)
    assert holds(found, 1.0, 2)


def test_dispersion_of_exponential_waits_is_one(rng):
    assert holds(facts.dispersion(rng.exponential(3.0, 20_000), generator()), 1.0)


def test_dispersion_counts_clusters(rng):
    waits = rng.exponential(1.0, 20_000) * np.where(rng.random(20_000) < 0.1, 10.0, 0.1)
    mean, square = 0.9 * 0.1 + 0.1 * 10, 2 * (0.9 * 0.01 + 0.1 * 100)
    assert holds(facts.dispersion(waits, generator()), np.sqrt(square - mean**2) / mean)


def test_mean_ratios_are_the_ratios_and_undefined_over_nothing(rng):
    rows, below = rng.random((100, 3)), rng.random((100, 3))
    below[:, 2] = 0.0
    found = facts.mean_ratios(rows, below, generator())
    np.testing.assert_allclose(found.value[:2], rows[:, :2].mean(axis=0) / below[:, :2].mean(axis=0))
    assert np.isnan(found.value[2])
    assert np.isnan(found.low[2])


def test_transition_matrix_of_a_known_chain(rng):
    chain = np.array([[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    state, kinds = 0, []
    for u in rng.random(20_000):
        state = int(np.searchsorted(chain[state].cumsum(), u))
        kinds.append(state)
    found = facts.transition_matrix(np.array(kinds), 3, generator())
    np.testing.assert_allclose(found.value.reshape(3, 3).sum(axis=1), 1.0)
    np.testing.assert_allclose(found.value.reshape(3, 3), chain, atol=0.03)
    assert sum(holds(found, p, k) for k, p in enumerate(chain.ravel())) >= 7


def test_transition_matrix_says_nothing_of_kinds_that_never_come():
    found = facts.transition_matrix(np.tile([0, 1], 50), 3, generator())
    assert np.isnan(found.value.reshape(3, 3)[2]).all()


def test_activity_shape_finds_a_u_and_flatness(rng):
    flat = facts.activity_shape(rng.random(20_000), 0.0, 1.0, 6, generator())
    assert sum(holds(flat, 1.0, k) for k in range(6)) >= 5
    u = rng.random(60_000)
    bowed = u[rng.random(60_000) < 0.25 + 3 * (u - 0.5) ** 2]
    shape = facts.activity_shape(bowed, 0.0, 1.0, 6, generator())
    edges = np.linspace(0, 1, 7)
    mass = np.diff(0.25 * edges + (edges - 0.5) ** 3) * 6
    np.testing.assert_allclose(shape.value, mass / mass.mean(), atol=0.05)


def test_activity_outside_the_span_is_left_out():
    inside = np.linspace(0.0, 1.0, 2001)
    a = facts.activity_shape(inside, 0.0, 1.0, 2, generator())
    b = facts.activity_shape(np.append(inside, [5.0, -3.0]), 0.0, 1.0, 2, generator())
    np.testing.assert_array_equal(a.value, b.value)


def test_intervals_cover_the_truth_of_a_dependent_series_about_as_often_as_they_say():
    covered = 0
    for k in range(60):
        x = ar1(np.random.default_rng(k), 1_000, 0.7)
        found = estimate_from_means(x[:, None], lambda m: m, np.random.default_rng(k), n_samples=200)
        covered += bool(holds(found, 0.0))
    assert 48 <= covered <= 60  # independent draws would cover some 33


def test_resampled_and_mean_estimates_agree_on_a_mean(rng):
    x = rng.standard_normal(400)
    a = estimate_from_means(x[:, None], lambda m: m, generator(), mean_block=5, n_samples=2_000)
    b = estimate_by_resampling(x, lambda v: np.array([v.mean()]), generator(), mean_block=5, n_samples=2_000)
    assert a.value[0] == pytest.approx(b.value[0])
    assert a.high[0] - a.low[0] == pytest.approx(b.high[0] - b.low[0], rel=0.1)


def test_blocks_grow_with_dependence_and_stay_below_a_fifth(rng):
    white, slow = rng.standard_normal((2_000, 1)), ar1(rng, 2_000, 0.95)[:, None]
    assert mean_block_length(slow) > 5 * mean_block_length(white)
    assert mean_block_length(white, at_least=1e9) == 400


def test_the_generator_decides_everything(rng):
    x = rng.standard_normal(300)
    a, b, c = (facts.autocorrelation(x, [1], np.random.default_rng(k)) for k in (1, 1, 2))
    assert a.low == b.low
    assert a.low != c.low


@given(st.lists(st.integers(1, 50), min_size=64, max_size=200))
def test_shares_of_a_distribution_sum_to_one(values):
    values = np.array(values)
    found = facts.mean_ratios(values[:, None] == np.arange(1, 51), np.ones(len(values)), generator())
    assert found.value.sum() == pytest.approx(1.0)
    assert np.all(found.low <= found.value + 1e-12)
    assert np.all(found.value <= found.high + 1e-12)


SHORT, NAN = np.arange(20.0), np.append(np.arange(200.0), np.nan)
CONSTANT = np.full(300, 2.5)


@pytest.mark.parametrize("x", [SHORT, NAN, CONSTANT, np.empty(0), np.ones((100, 2))])
@pytest.mark.parametrize(
    "measure",
    [
        lambda x: facts.autocorrelation(x, [1], generator()),
        lambda x: facts.memory_exponent(x, [1, 2, 3], generator()),
        lambda x: facts.kurtosis_by_scale(x, [1], generator()),
        lambda x: facts.signature(x, [1, 2], generator()),
        lambda x: facts.tail_exponent(x, generator()),
    ],
)
def test_series_that_cannot_be_measured_are_refused(measure, x):
    with pytest.raises(DataError):
        measure(x)


@pytest.mark.parametrize("lags", [[], [0, 1], [3, 2], [1, 1]])
def test_lags_must_increase_from_one_on(lags):
    with pytest.raises(DataError, match="lags must increase"):
        facts.autocorrelation(np.arange(100.0), lags, generator())


def test_a_lag_longer_than_the_data_is_refused():
    with pytest.raises(DataError):
        facts.autocorrelation(np.arange(100.0), [1, 90], generator())


@pytest.mark.parametrize(
    "call",
    [
        lambda: facts.response(np.zeros(100), np.zeros(100), [1], generator()),
        lambda: facts.response(np.zeros(100), np.ones(99), [1], generator()),
        lambda: facts.dispersion(np.zeros(100), generator()),
        lambda: facts.dispersion(np.append(np.ones(99), -1.0), generator()),
        lambda: facts.tail_exponent(np.arange(100.0), generator(), share=0.05),
        lambda: facts.tail_exponent(np.arange(100.0), generator(), share=0.9),
        lambda: facts.mean_ratios(np.ones((50, 2)), np.ones(40), generator()),
        lambda: facts.mean_ratios(np.ones((10, 2)), np.ones(10), generator()),
        lambda: facts.transition_matrix(np.array([0, 1, 5] * 20), 3, generator()),
        lambda: facts.transition_matrix(np.array([-1, 1] * 20), 3, generator()),
        lambda: facts.transition_matrix(np.zeros(3, int), 3, generator()),
        lambda: facts.activity_shape(np.empty(0), 0.0, 1.0, 2, generator()),
        lambda: facts.activity_shape(np.ones(9), 1.0, 1.0, 2, generator()),
        lambda: facts.activity_shape(np.ones(9), 0.0, 2.0, 1, generator()),
        lambda: estimate_from_means(np.full((40, 1), np.inf), lambda m: m, generator()),
        lambda: estimate_from_means(np.ones((40, 1)), lambda m: m, generator(), mean_block=0.5),
        lambda: estimate_by_resampling(np.ones(4), lambda v: v[:1], generator()),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(DataError):
        call()
