import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.fractional_noise import fractional_noise
from janus_trader.numerics.rescaled_range import (
    RollingRescaledRange,
    block_sizes,
    expected_rescaled_range,
    hurst_rescaled_range,
)


def ratio(block):
    path = np.append(0.0, np.cumsum(block - block.mean()))
    return np.ptp(path) / block.std()


def written_out(x):
    n, logs, weights = len(x), [], []
    for s in block_sizes(n):
        count = n // s
        blocks = [x[b * s : (b + 1) * s] for b in range(count)]
        blocks += [x[n - (b + 1) * s : n - b * s] for b in range(count)]
        excess = np.log(np.mean([ratio(b) for b in blocks])) - np.log(expected_rescaled_range(int(s)))
        logs.append((np.log(s), excess))
        weights.append(count)
    a, b = np.array(logs).T
    return 0.5 + np.polyfit(a, b, 1, w=np.sqrt(weights))[0]


@pytest.mark.parametrize("n", [32, 77, 250])
def test_equals_a_written_out_one(rng, n):
    x = rng.standard_normal(n)
    assert hurst_rescaled_range(x) == pytest.approx(written_out(x), abs=1e-9)


@pytest.mark.parametrize("n", [8, 23])
def test_the_expectation_is_that_of_normal_values(rng, n):
    found = [ratio(block) for block in rng.standard_normal((20_000, n))]
    assert np.mean(found) == pytest.approx(expected_rescaled_range(n), rel=0.005)


def test_white_noise_is_unbiased_on_short_series(rng):
    found = [hurst_rescaled_range(x) for x in rng.standard_normal((1500, 128))]
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("hurst", "low", "high"), [(0.25, 0.2, 0.42), (0.8, 0.65, 0.85)])
def test_finds_persistence_and_reversion(rng, hurst, low, high):
    found = [hurst_rescaled_range(x) for x in fractional_noise(512, hurst, rng, series=60)]
    assert low < np.mean(found) < high


def test_scale_and_drift_do_not_matter(rng):
    x = rng.standard_normal(128)
    assert hurst_rescaled_range(-1e-4 * x + 2e-4) == pytest.approx(hurst_rescaled_range(x), abs=1e-9)


def test_rolling_form_equals_the_batch_form(rng):
    x = rng.standard_normal(60)
    got = RollingRescaledRange(45).transform(x)
    assert got[44:].tolist() == [hurst_rescaled_range(x[t - 44 : t + 1]) for t in range(44, 60)]


def test_constant_increments_have_no_exponent():
    assert np.isnan(hurst_rescaled_range(np.full(64, 0.1)))
    assert np.isnan(RollingRescaledRange(32).transform(np.full(40, 0.1))).all()


def test_bad_input_is_refused():
    for bad in (np.ones(31), np.append(np.ones(40), np.nan), np.ones((40, 2))):
        with pytest.raises(DataError, match="rescaled range"):
            hurst_rescaled_range(bad)
    with pytest.raises(ConfigError):
        RollingRescaledRange(31)
