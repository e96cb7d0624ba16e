"""The stationary bootstrap against arch and against direct resampling."""

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length as arch_block_length

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.stationary_bootstrap import (
    optimal_block_length,
    stationary_bootstrap_means,
    stationary_indices,
)


def autoregression(rng, n, phi):
    x = rng.standard_normal(n)
    for t in range(1, n):
        x[t] += phi * x[t - 1]
    return x


def test_indices_follow_their_definition(rng):
    u, mean_block = rng.random((20, 60)), 4.0
    for row, got in zip(u, stationary_indices(u, mean_block), strict=True):
        at = int(row[0] * 60)
        for t in range(60):
            if t:
                at = int(row[t] * mean_block * 60) if row[t] < 1 / mean_block else (at + 1) % 60
            assert got[t] == at


def test_every_row_is_drawn_alike_and_blocks_have_their_mean_length(rng):
    n, mean_block = 50, 5.0
    indices = stationary_indices(rng.random((4000, n)), mean_block)
    counts = np.bincount(indices.ravel(), minlength=n)
    assert abs(counts / counts.mean() - 1.0).max() < 0.15
    continued = np.mean((indices[:, 1:] - indices[:, :-1]) % n == 1)
    assert continued == pytest.approx(1.0 - 1.0 / mean_block + 1.0 / mean_block / n, abs=0.005)


def test_a_block_of_one_draws_independently(rng):
    u = rng.random((3, 40))
    np.testing.assert_array_equal(stationary_indices(u, 1.0), (u * 40).astype(int))


@pytest.mark.parametrize("mean_block", [1.0, 3.0, 1e6])
def test_means_are_those_of_the_resampled_rows(rng, mean_block):
    x = 100.0 + rng.standard_normal((70, 3))
    got = stationary_bootstrap_means(x, 30, mean_block, np.random.default_rng(5))
    rows = stationary_indices(np.random.default_rng(5).random((30, 70)), mean_block)
    np.testing.assert_allclose(got, x[rows].mean(axis=1), rtol=0, atol=1e-12)


def test_means_do_not_depend_on_how_the_uniforms_are_drawn():
    x = np.random.default_rng(1).standard_normal((400_000, 1))  # two resamples fit in a chunk
    got = stationary_bootstrap_means(x, 3, 50.0, np.random.default_rng(2))
    u = np.random.default_rng(2).random((3, len(x)))
    np.testing.assert_allclose(got[:, 0], x[stationary_indices(u, 50.0), 0].mean(axis=1), atol=1e-12)


@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.3, 0.8, 0.97])
@pytest.mark.parametrize("n", [16, 101, 1000])
def test_block_length_is_that_of_arch(rng, phi, n):
    x = autoregression(rng, n, phi)
    wanted = arch_block_length(x)
    got = optimal_block_length(x)
    assert got.stationary == pytest.approx(max(1.0, wanted["stationary"].iloc[0]), rel=1e-9)
    assert got.circular == pytest.approx(max(1.0, wanted["circular"].iloc[0]), rel=1e-9)


def test_bad_input_is_refused(rng):
    x = rng.standard_normal((20, 2))
    for u, block in (
        ([0.5], 2.0),
        ([[1.0]], 2.0),
        ([[np.nan]], 2.0),
        ([[0.5]], 0.5),
        (np.empty((0, 3)), 2.0),
    ):
        with pytest.raises(DataError, match="uniforms"):
            stationary_indices(np.array(u), block)
    for bad in (x[:, 0], np.full((3, 1), np.nan), np.empty((0, 2))):
        with pytest.raises(DataError, match="rows of numbers"):
            stationary_bootstrap_means(bad, 10, 2.0, rng)
    for n_samples, block in ((1, 2.0), (10, 0.9), (10, np.nan)):
        with pytest.raises(DataError, match="cannot bootstrap"):
            stationary_bootstrap_means(x, n_samples, block, rng)
    for series in (np.ones(50), np.arange(10.0), np.array([np.nan] * 30), x):
        with pytest.raises(DataError, match="dispersion"):
            optimal_block_length(series)
