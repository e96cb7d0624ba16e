"""Sums over signals are to the bit those of numpy."""

import numpy as np
import pytest

from janus_trader.numerics.signal_payoffs import pairwise_sum, signal_payoffs, weighted_sums


@pytest.mark.parametrize("size", [*range(42), 127, 128, 129, 136, 255, 300, 1000, 4567])
def test_a_sum_is_that_of_numpy(size):
    x = np.random.default_rng(size).standard_normal(size) * 10.0 ** np.arange(size).clip(0, 5)
    assert pairwise_sum(x) == x.sum()


def test_a_sum_with_nan_is_nan():
    assert np.isnan(pairwise_sum(np.array([1.0, np.nan])))


@pytest.mark.parametrize("shape", [(0, 3, 4), (1, 1, 1), (5, 3, 7), (9, 12, 20), (4, 2, 150)])
@pytest.mark.parametrize("shared", [True, False])
def test_payoffs_are_those_of_the_formula_to_the_bit(shape, shared):
    rng = np.random.default_rng(sum(shape))
    signals = np.round(rng.standard_normal(shape)) * rng.uniform(0.1, 1.0, shape)
    payoff = 3.0 * rng.standard_normal((shape[0], 1 if shared else shape[1], shape[2]))
    mean, spoke = np.empty(shape[:2]), np.empty(shape[:2], np.bool_)
    signal_payoffs(signals, payoff, 0.5, mean, spoke)
    size = np.abs(signals).sum(axis=2)
    expected = (signals * payoff).sum(axis=2) / np.where(size > 1e-9, size, 1.0)
    assert spoke.tolist() == (size > 1e-9).tolist()
    assert mean.tobytes() == np.clip(np.where(size > 1e-9, expected, 0.0), -0.5, 0.5).tobytes()


@pytest.mark.parametrize("shape", [(0, 3), (1, 5), (40, 2), (65, 15)])
def test_weighted_sums_are_those_of_the_formula_to_the_bit(shape):
    rng = np.random.default_rng(sum(shape))
    values, counts, weight = rng.standard_normal(shape), rng.random(shape) < 0.7, rng.random(shape[0])
    sums = np.empty((3, shape[1]))
    weighted_sums(values, counts, weight, sums)
    counted = counts * weight[:, None]
    expected = np.stack([counted.sum(0), (values * counted).sum(0), (values * values * counted).sum(0)])
    assert sums.tobytes() == expected.tobytes()
