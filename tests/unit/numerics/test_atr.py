import math

import numpy as np
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.atr import ATR, example_bars, true_range


@pytest.mark.parametrize("period", [2, 14])
def test_matches_ta_lib(rng, period):
    bars = example_bars(rng, 400)
    high, low, close = np.ascontiguousarray(bars.T)
    np.testing.assert_allclose(ATR(period).transform(bars), talib.ATR(high, low, close, period), rtol=1e-12)


def test_period_one_is_the_true_range(rng):
    bars = example_bars(rng, 100)
    high, low, close = np.ascontiguousarray(bars.T)
    np.testing.assert_allclose(ATR(1).transform(bars), talib.TRANGE(high, low, close), rtol=1e-13)


@pytest.mark.parametrize(
    ("bar", "wanted"),
    [((12.0, 11.0, 11.5), 1.0), ((12.0, 11.0, 9.0), 3.0), ((12.0, 11.0, 15.0), 4.0)],
    ids=["inside", "gap up", "gap down"],
)
def test_true_range_covers_the_gap(bar, wanted):
    assert true_range(*bar) == wanted


def test_closes_alone_give_the_mean_absolute_change():
    close = np.array([1.0, 2.0, 4.0, 3.0])
    bars = np.column_stack((close, close, close))
    assert ATR(3).transform(bars)[-1] == pytest.approx(4.0 / 3.0)


def test_scales_with_prices_and_ignores_their_level(rng):
    bars = np.round(example_bars(rng, 100) * 64.0) / 64.0
    base = ATR(14).transform(bars)
    np.testing.assert_array_equal(ATR(14).transform(bars * 4.0), base * 4.0)
    np.testing.assert_array_equal(ATR(14).transform(bars + 1024.0), base)


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = example_bars(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    y = ATR(5).transform(holed)
    assert y[20] == y[19]
    np.testing.assert_array_equal(np.delete(y, 20), ATR(5).transform(bars))


def test_a_bad_period_is_refused():
    with pytest.raises(ConfigError, match="period"):
        ATR(0)
