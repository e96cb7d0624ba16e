"""Stability index and Kolmogorov-Smirnov test against numpy and scipy."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.drift import (
    ReferenceBins,
    RollingPSI,
    ks_two_sample,
    population_stability_index,
    reference_bins,
)


def slow_psi(edges, reference, sample, floor):
    def shares(x):
        bounds = np.concatenate(([-np.inf], edges, [np.inf]))
        return np.array([np.mean((x > a) & (x <= b)) for a, b in itertools.pairwise(bounds)])

    e, a = (np.maximum(shares(x), floor) for x in (reference, sample))
    return float(np.sum((a - e) * np.log(a / e)))


def test_index_follows_its_definition(rng):
    reference, sample = rng.standard_normal(1000), rng.normal(0.3, 1.2, 700)
    bins = reference_bins(reference, 10)
    np.testing.assert_allclose(bins.fractions, 0.1, atol=1e-9)
    got = population_stability_index(bins, sample)
    assert got == pytest.approx(slow_psi(bins.edges, reference, sample, 1e-4), rel=1e-12)


def test_no_shift_is_nothing_and_empty_bins_are_bounded(rng):
    reference = rng.standard_normal(4000)
    bins = reference_bins(reference)
    assert population_stability_index(bins, reference) == 0.0
    same = [population_stability_index(bins, rng.standard_normal(500)) for _ in range(200)]
    assert np.mean(same) == pytest.approx(9 * (1 / 500 + 1 / 4000), rel=0.2)
    far = population_stability_index(bins, reference + 100.0)
    assert 5.0 < far < 20.0
    assert population_stability_index(bins, reference + 1e9) == far


def test_ties_merge_bins_and_no_bin_of_the_reference_is_empty():
    bins = reference_bins(np.array([0.0] * 70 + [1.0] * 20 + [2.0] * 10))
    assert bins.edges.tolist() == [0.0, 1.0]
    assert bins.fractions.tolist() == [0.7, 0.2, 0.1]


def test_rolling_index_is_the_index_of_the_window(rng):
    bins = reference_bins(rng.standard_normal(300), 6)
    xs = rng.normal(0.2, 1.0, 90)
    ys = RollingPSI(bins, window=25).transform(xs)
    assert np.isnan(ys[:24]).all()
    wanted = [population_stability_index(bins, xs[t - 24 : t + 1]) for t in range(24, 90)]
    np.testing.assert_allclose(ys[24:], wanted, rtol=1e-12)


def share_of_orders_as_far_apart(m, n, statistic):
    """The exact p-value by counting: how many orders of m + n values reach the statistic."""
    far = total = 0
    for of_a in itertools.combinations(range(m + n), m):
        step = np.full(m + n, -1.0 / n)
        step[list(of_a)] = 1.0 / m
        far += np.abs(np.cumsum(step)).max() >= statistic - 1e-9
        total += 1
    return far / total


samples = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=5).map(np.array)


@given(samples, samples)
def test_exact_p_value_counts_the_orders(a, b):
    got = ks_two_sample(a, b, "exact")
    steps = np.unique(np.concatenate([a, b]))
    distance = max(abs(np.mean(a <= x) - np.mean(b <= x)) for x in steps)
    assert got.statistic == pytest.approx(distance, abs=1e-12)
    assert got.p_value == pytest.approx(share_of_orders_as_far_apart(a.size, b.size, distance), abs=1e-12)


@pytest.mark.parametrize(("m", "n", "shift"), [(30, 40, 0.0), (60, 35, 1.5), (100, 100, 1.0), (200, 3, 0.0)])
def test_exact_test_is_that_of_scipy_also_far_in_the_tail(rng, m, n, shift):
    a, b = rng.standard_normal(m), rng.standard_normal(n) + shift
    assert ks_two_sample(a, b).p_value == pytest.approx(stats.ks_2samp(a, b, method="exact").pvalue, rel=1e-9)


def test_asymptotic_test(rng):
    a, b = rng.standard_normal(2000), rng.normal(0.05, 1.0, 1500)
    got = ks_two_sample(a, b)
    assert got.method == "asymptotic"
    assert got.p_value == pytest.approx(
        stats.kstwobign.sf(got.statistic * np.sqrt(2000 * 1500 / 3500)), rel=1e-10
    )
    assert got.p_value == pytest.approx(ks_two_sample(a, b, "exact").p_value, rel=0.05)


def test_symmetry_and_equal_samples(rng):
    a, b = rng.standard_normal(20), rng.standard_normal(31)
    one, two = ks_two_sample(a, b), ks_two_sample(np.exp(b), np.exp(a))
    assert one.statistic == two.statistic
    assert one.p_value == pytest.approx(two.p_value, rel=1e-12)
    assert ks_two_sample(a, a)[:2] == (0.0, 1.0)


def test_bad_input_is_refused(rng):
    x = rng.standard_normal(20)
    bins = reference_bins(x, 4)
    for bad in (np.array([]), np.array([np.nan]), x[:, None]):
        with pytest.raises(DataError, match="sample"):
            ks_two_sample(x, bad)
        with pytest.raises(DataError, match="sample"):
            population_stability_index(bins, bad)
    with pytest.raises(DataError, match="no two bins"):
        reference_bins(np.ones(30))
    for call in (
        lambda: reference_bins(x, 1),
        lambda: population_stability_index(bins, x, 0.0),
        lambda: RollingPSI(bins, window=0),
        lambda: RollingPSI(ReferenceBins(*bins), floor=0.5),
        lambda: ks_two_sample(x, x, "approximate"),
    ):
        with pytest.raises(ConfigError):
            call()
