import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.dsp_thresholds import (
    PROBABILITIES,
    QUANTILES,
    Thresholds,
    calibrate_thresholds,
    quantile_row,
    random_walk_exponents,
    sevcik_dimensions,
    standard_thresholds,
)
from janus_trader.numerics.fractional_noise import fractional_noise
from janus_trader.numerics.sevcik import sevcik_dimension


def outside(h, limits):
    return np.mean(h < limits.reverting), np.mean(h > limits.trending)


def test_the_table_is_what_its_simulation_gives():
    row = quantile_row(64, n=40_000, seed=7)
    # Standard error of a quantile: sqrt(p (1-p) / n) over the density there, about 1e-3 in the tails.
    np.testing.assert_allclose(row, QUANTILES[64], rtol=0, atol=4e-3)
    np.testing.assert_allclose(row[3:8], QUANTILES[64][3:8], rtol=0, atol=2e-3)


def test_the_table_is_ordered():
    assert sorted(QUANTILES) == [32, 64, 128, 256]
    for row in QUANTILES.values():
        assert len(row) == len(PROBABILITIES)
        assert list(row) == sorted(set(row))


@pytest.mark.parametrize("window", [32, 64, 128, 256])
@pytest.mark.parametrize("level", [0.02, 0.1])
def test_random_walks_are_neutral_at_the_stated_rate(rng, window, level):
    h = random_walk_exponents(window, 10_000, rng)
    for share in outside(h, standard_thresholds(window, level)):
        assert share == pytest.approx(level / 2, abs=4.0 * np.sqrt(level / 2 / 10_000))


def test_fixed_limits_would_not_be_neutral(rng):
    reverting, trending = outside(random_walk_exponents(64, 5000, rng), Thresholds(0.4, 0.6, 0.0))
    assert reverting == 0.0
    assert trending > 0.85


@pytest.mark.parametrize("window", [64, 256])
def test_persistence_and_reversion_are_detected(rng, window):
    limits = standard_thresholds(window, 0.1)
    for hurst, side in ((0.2, 0), (0.9, 1)):
        paths = np.cumsum(fractional_noise(window, hurst, rng, series=1000), axis=1)
        shares = outside(2.0 - sevcik_dimensions(paths), limits)
        assert shares[side] > 0.5
        assert shares[1 - side] < 0.01


def test_calibration_agrees_with_the_table(rng):
    limits = calibrate_thresholds(128, 20_000, rng, level=0.05)
    assert limits == pytest.approx(standard_thresholds(128, 0.05), abs=4e-3)


def test_batch_equals_one_by_one(rng):
    paths = np.cumsum(rng.standard_normal((5, 33)), axis=1)
    assert sevcik_dimensions(paths).tolist() == [sevcik_dimension(y) for y in paths]


def test_bad_input_is_refused(rng):
    for level, n in ((0.0, 1000), (1.0, 1000), (0.01, 100)):
        with pytest.raises(ConfigError, match="calibrated"):
            calibrate_thresholds(64, n, rng, level)
    for window, level in ((50, 0.1), (64, 0.15)):
        with pytest.raises(ConfigError, match="tabulated"):
            standard_thresholds(window, level)
    for bad in (np.ones(5), np.ones((2, 2)), np.full((2, 5), np.nan)):
        with pytest.raises(DataError):
            sevcik_dimensions(bad)
