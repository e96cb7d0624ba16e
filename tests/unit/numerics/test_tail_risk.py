import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.tail_risk import (
    cornish_fisher_tail_risk,
    expected_shortfall,
    gaussian_tail_risk,
    historical_tail_risk,
    value_at_risk,
)

series = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=80).map(np.array)
levels = st.floats(0.01, 0.99)


@given(series, levels)
def test_value_at_risk_is_the_lower_quantile_of_the_losses(returns, level):
    losses = -returns
    var = value_at_risk(returns, level)
    # Smallest loss whose distribution function reaches the level, up to rounding of the level itself.
    assert np.mean(losses <= var) >= level - 1e-9
    assert var in losses
    smaller = losses[losses < var]
    assert smaller.size == 0 or np.mean(losses <= smaller.max()) <= level + 1e-9


@given(series, levels)
def test_shortfall_is_the_minimum_of_the_rockafellar_uryasev_function(returns, level):
    losses = -returns
    wanted = min(v + np.maximum(losses - v, 0.0).mean() / (1.0 - level) for v in losses)
    assert expected_shortfall(returns, level) == pytest.approx(wanted, abs=1e-7)


@given(series, levels)
def test_shortfall_is_at_least_value_at_risk_and_scales(returns, level):
    var, es = value_at_risk(returns, level), expected_shortfall(returns, level)
    assert es >= var - 1e-12
    assert expected_shortfall(3.0 * returns, level) == pytest.approx(3.0 * es, abs=1e-9)
    assert expected_shortfall(returns + 0.1, level) == pytest.approx(es - 0.1, abs=1e-9)


@given(st.integers(0, 10_000), levels)
def test_shortfall_is_subadditive(seed, level):
    a, b = 0.02 * np.random.default_rng(seed).standard_t(3, (2, 37))
    whole = expected_shortfall(a + b, level)
    assert whole <= expected_shortfall(a, level) + expected_shortfall(b, level) + 1e-12


def test_normal_law_has_its_textbook_values():
    r = 0.01 * np.random.default_rng(0).standard_normal(400_000)
    assert value_at_risk(r, 0.99) == pytest.approx(0.0232635, rel=0.02)
    assert expected_shortfall(r, 0.99) == pytest.approx(0.0266521, rel=0.02)


@pytest.mark.parametrize(("returns", "level"), [([], 0.9), ([np.nan], 0.9), ([0.1], 1.0), ([0.1], 0.0)])
def test_bad_input_is_refused(returns, level):
    for measure in (value_at_risk, expected_shortfall):
        with pytest.raises(DataError, match="tail risk"):
            measure(np.array(returns), level)


def coverage(measure, truth, draw, level, repeats=400):
    """Shares of intervals that hold the true value at risk and the true shortfall."""
    hits = np.zeros(2)
    for seed in range(repeats):
        risk = measure(draw(np.random.default_rng(seed)), level)
        for i, (low, high) in enumerate((risk.value_at_risk_interval, risk.expected_shortfall_interval)):
            hits[i] += low <= truth[i] <= high
    return hits / repeats


def normal_truth(level):
    z = stats.norm.ppf(level)
    return z, stats.norm.pdf(z) / (1.0 - level)


def test_historical_intervals_cover():
    var, es = coverage(historical_tail_risk, normal_truth(0.95), lambda g: g.standard_normal(1000), 0.95)
    assert 0.93 <= var <= 0.99  # order statistics: at least 0.95 but for chance
    assert 0.90 <= es <= 0.98


def test_normal_intervals_cover():
    var, es = coverage(gaussian_tail_risk, normal_truth(0.99), lambda g: g.standard_normal(20), 0.99, 1500)
    assert 0.93 <= var <= 0.97
    assert 0.93 <= es <= 0.97


def test_order_interval_is_the_narrowest_that_the_binomial_law_allows():
    r = -np.arange(1.0, 61.0)  # losses 1 … 60
    low, high = historical_tail_risk(r, 0.8, 0.9).value_at_risk_interval
    exceed = stats.binom(60, 0.2)  # number of losses above the quantile
    above, below = 61 - int(high), 61 - int(low)  # ranks of the two bounds, counted from the largest
    assert exceed.cdf(above - 1) <= 0.05 < exceed.cdf(above)
    assert exceed.sf(below - 1) <= 0.05 < exceed.sf(below - 2)


def test_a_short_sample_cannot_bound_a_far_quantile():
    risk = historical_tail_risk(np.random.default_rng(0).standard_normal(50), 0.99)
    assert risk.value_at_risk_interval[1] == np.inf
    assert np.isfinite(risk.value_at_risk_interval[0])


def test_normal_measures_are_those_of_the_fitted_law(rng):
    r = rng.normal(0.1, 0.5, 300)
    risk = gaussian_tail_risk(r, 0.9)
    law = stats.norm(-r.mean(), r.std(ddof=1))
    assert risk.value_at_risk == pytest.approx(law.ppf(0.9), rel=1e-12)
    assert risk.expected_shortfall == pytest.approx(law.expect(lb=law.ppf(0.9), conditional=True), rel=1e-8)
    flat = gaussian_tail_risk(np.full(5, 0.01))
    assert flat.value_at_risk == flat.expected_shortfall == pytest.approx(-0.01)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_cornish_fisher_is_its_expansion_and_that_expansions_integral(rng, level):
    r = 0.01 * (rng.standard_t(7, 1500) + 0.4 * rng.exponential(1.0, 1500))
    s, k, z = stats.skew(r), stats.kurtosis(r), stats.norm.ppf(1.0 - level)

    def w(x):
        return x + (x**2 - 1) * s / 6 + (x**3 - 3 * x) * k / 24 - (2 * x**3 - 5 * x) * s**2 / 36

    tail = integrate.quad(lambda x: w(x) * stats.norm.pdf(x), -np.inf, z)[0] / (1.0 - level)
    risk = cornish_fisher_tail_risk(r, level, generator=rng, n_samples=200)
    assert risk.value_at_risk == pytest.approx(-r.mean() - r.std(ddof=1) * w(z), rel=1e-9)
    assert risk.expected_shortfall == pytest.approx(-r.mean() - r.std(ddof=1) * tail, rel=1e-7)
    for value, (low, high) in ((risk[0], risk[2]), (risk[1], risk[3])):
        assert low < value < high


def test_cornish_fisher_corrects_towards_the_truth():
    law = stats.gamma(16.0)  # skewness 0.5, excess kurtosis 0.375
    r = -law.rvs(200_000, random_state=np.random.default_rng(3))
    corrected = cornish_fisher_tail_risk(r, 0.99, generator=np.random.default_rng(0), n_samples=2)
    truth = law.ppf(0.99)
    assert abs(corrected.value_at_risk - truth) < 0.1 * abs(gaussian_tail_risk(r, 0.99).value_at_risk - truth)


def test_an_expansion_that_is_no_quantile_function_is_refused():
    skewed = np.r_[np.zeros(99), -1.0]
    with pytest.raises(DataError, match="quantile function"):
        cornish_fisher_tail_risk(skewed, 0.95, generator=np.random.default_rng(0))


def test_bad_input_of_the_parametric_measures_is_refused(rng):
    for call in (
        lambda: gaussian_tail_risk(np.array([0.1])),
        lambda: historical_tail_risk(np.array([np.nan])),
        lambda: cornish_fisher_tail_risk(np.ones(10), generator=rng),
        lambda: cornish_fisher_tail_risk(rng.standard_normal(3), generator=rng),
        lambda: cornish_fisher_tail_risk(rng.standard_normal(30), 0.3, generator=rng),
        lambda: cornish_fisher_tail_risk(rng.standard_normal(30), generator=rng, n_samples=0),
    ):
        with pytest.raises(DataError):
            call()
    for measure in (historical_tail_risk, gaussian_tail_risk):
        with pytest.raises(ConfigError):
            measure(rng.standard_normal(30), 0.95, 1.0)
