import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.spread import RollSpread, spread_decomposition, value_as_of


def test_the_parts_add_up(rng):
    n = 300
    mid = 100.0 + np.cumsum(rng.standard_normal(n)) * 0.01
    later = mid + rng.standard_normal(n) * 0.01
    side = rng.choice([-1, 0, 1], n)
    price = mid + side * 0.02
    got = spread_decomposition(price, side, mid, later)
    np.testing.assert_allclose(got.effective, got.realised + got.impact, atol=1e-15)
    np.testing.assert_allclose(got.effective * mid, 0.04 * np.abs(side), atol=1e-12)
    assert (got.impact[side == 0] == 0.0).all()


def test_a_constant_spread_without_information_is_kept_whole():
    got = spread_decomposition([100.5, 99.5], [1, -1], [100.0, 100.0], [100.0, 100.0])
    np.testing.assert_allclose(got.realised, [0.01, 0.01])
    np.testing.assert_array_equal(got.impact, [0.0, 0.0])


def test_unknown_mid_prices_stay_unknown():
    got = spread_decomposition([100.0, 100.0], [1, 1], [99.0, np.nan], [np.nan, 99.0])
    assert np.isfinite(got.effective[0])
    assert np.isnan(got.realised).all()


@pytest.mark.parametrize(
    "columns",
    [
        ([1.0], [1, 1], [1.0], [1.0]),
        ([1.0], [2], [1.0], [1.0]),
        ([1.0], [np.nan], [1.0], [1.0]),
        ([1.0], [1], [0.0], [1.0]),
        ([1.0], [1], [1.0], [-1.0]),
    ],
)
def test_bad_columns_are_refused(columns):
    with pytest.raises(DataError):
        spread_decomposition(*columns)


def test_value_as_of_is_the_last_known_value(rng):
    times = np.sort(rng.integers(0, 50, 40))
    values = rng.standard_normal(40)
    at = np.arange(-3, 55)
    wanted = []
    for moment in at:
        before = np.flatnonzero(times <= moment)
        wanted.append(values[before[-1]] if before.size and moment <= times[-1] else np.nan)
    np.testing.assert_array_equal(value_as_of(times, values, at), wanted)
    assert np.isnan(value_as_of(np.empty(0), np.empty(0), at)).all()
    with pytest.raises(DataError, match="ascending"):
        value_as_of([2, 1], [0.0, 0.0], [1])
    with pytest.raises(DataError, match="match"):
        value_as_of([1, 2], [0.0], [1])


def test_roll_is_the_covariance_of_neighbouring_changes(rng):
    price = 50.0 + np.cumsum(rng.standard_normal(120)) * 0.01 + rng.choice([-0.05, 0.05], 120)
    got = RollSpread(40).transform(price)
    change = np.diff(price)
    for end in (40, 77, 119):
        d = change[end - 40 : end] - change[end - 40 : end].mean()
        assert got[end] == pytest.approx(2.0 * np.sqrt(max(-np.mean(d[1:] * d[:-1]), 0.0)), rel=1e-10)


def test_roll_recovers_the_spread_of_a_bouncing_price(rng):
    price = 50.0 + np.cumsum(rng.standard_normal(20_001)) * 0.01 + rng.choice([-0.05, 0.05], 20_001)
    assert RollSpread(20_000).transform(price)[-1] == pytest.approx(0.10, abs=0.005)


def test_roll_of_constant_and_of_trending_prices_is_zero():
    assert RollSpread(5).transform(np.full(10, 3.0))[-1] == 0.0
    assert RollSpread(5).transform(np.arange(10.0) ** 2)[-1] == 0.0
    with pytest.raises(ConfigError):
        RollSpread(1)
