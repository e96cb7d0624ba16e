"""Tail quantiles against the laws the samples come from and scipy's own fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.peaks_over_threshold import fit_pareto_tail, tail_quantiles


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3])
def test_shape_and_scale_of_a_generalised_pareto_sample_are_found(shape: float) -> None:
    # excesses of a generalised Pareto law over any threshold are one again, with scale beta + xi u
    x = stats.genpareto.rvs(shape, size=200_000, random_state=1)
    tail = fit_pareto_tail(x)
    assert tail.shape == pytest.approx(shape, abs=0.05)
    assert tail.scale == pytest.approx(1.0 + shape * tail.threshold, rel=0.05)


def test_estimates_agree_with_maximum_likelihood() -> None:
    x = stats.genpareto.rvs(0.25, size=40_000, random_state=2)
    tail = fit_pareto_tail(x)
    shape, _, scale = stats.genpareto.fit(x[x > tail.threshold] - tail.threshold, floc=0.0)
    assert tail.shape == pytest.approx(shape, abs=0.06)
    assert tail.scale == pytest.approx(scale, rel=0.08)


@pytest.mark.parametrize("law", [stats.norm(), stats.t(3), stats.t(4), stats.expon()])
def test_stated_rates_are_met_inside_and_outside_the_sample(law) -> None:
    rates = np.array([0.1, 0.01, 0.002, 0.0004])
    rng = np.random.default_rng(3)
    met = np.array([law.sf(tail_quantiles(law.rvs(2520, random_state=rng), rates)) for _ in range(200)])
    mean = met.mean(axis=0) / rates
    np.testing.assert_allclose(mean[:3], 1.0, atol=0.1)
    assert 0.6 < mean[3] < 1.7  # one value of a sample lies beyond: the tail law alone speaks


def test_the_quantile_inside_the_sample_is_exceeded_at_the_stated_rate_by_the_next_value() -> None:
    # exact for the uniform law: the expected coverage of an interpolated order statistic
    rng = np.random.default_rng(4)
    met = [1.0 - tail_quantiles(rng.random(400), np.array([0.2]))[0] for _ in range(2000)]
    assert np.mean(met) == pytest.approx(0.2, abs=4 * np.std(met) / np.sqrt(2000))


def test_values_that_do_not_vary_have_one_quantile() -> None:
    assert tail_quantiles(np.ones(100), np.array([0.1, 0.001])).tolist() == [1.0, 1.0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_quantiles_move_with_location_and_scale(seed: int, scale: float, move: float) -> None:
    x, rates = np.random.default_rng(seed).standard_t(4, 500), np.array([0.05, 0.001])
    np.testing.assert_allclose(
        tail_quantiles(scale * x + move, rates), scale * tail_quantiles(x, rates) + move, rtol=1e-8, atol=1e-8
    )


def test_unusable_samples_and_rates_are_refused() -> None:
    good = np.arange(100.0)
    for bad in (good[:59], np.append(good, np.nan), np.append(good, np.inf)):
        with pytest.raises(DataError):
            fit_pareto_tail(bad)
    for rates in ([0.0], [0.6], [0.01, 0.1]):
        with pytest.raises(DataError):
            tail_quantiles(good, np.array(rates))
