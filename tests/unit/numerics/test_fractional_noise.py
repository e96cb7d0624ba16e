import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.fractional_noise import fractional_noise


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_has_the_stated_autocovariance(rng, hurst):
    x = fractional_noise(16, hurst, rng, series=40_000)
    for k in (0, 1, 2, 5):
        wanted = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + abs(k - 1) ** (2 * hurst))
        assert np.mean(x[:, 0] * x[:, k]) == pytest.approx(wanted, abs=0.03)


def test_sums_spread_like_a_power_of_time(rng):
    x = fractional_noise(64, 0.75, rng, series=20_000)
    assert np.var(x.sum(axis=1)) == pytest.approx(64**1.5, rel=0.05)


@pytest.mark.parametrize(("n", "hurst", "series"), [(1, 0.5, 1), (8, 0.0, 1), (8, 1.0, 1), (8, 0.5, 0)])
def test_refuses_what_is_not_defined(rng, n, hurst, series):
    with pytest.raises(DataError, match="not defined"):
        fractional_noise(n, hurst, rng, series)
