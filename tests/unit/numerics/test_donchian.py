import math

import numpy as np
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.donchian import Donchian


@pytest.mark.parametrize("window", [2, 20])
def test_matches_ta_lib(rng, window):
    bars = Donchian().example_input(rng, 200)
    high, low = np.ascontiguousarray(bars.T)
    middle, upper, lower = Donchian(window).transform(bars).T
    np.testing.assert_array_equal(upper, talib.MAX(high, window))
    np.testing.assert_array_equal(lower, talib.MIN(low, window))
    np.testing.assert_allclose(middle, talib.MIDPRICE(high, low, window), rtol=1e-15)


def test_a_window_of_one_is_the_bar():
    assert Donchian(1).transform(np.array([[5.0, 3.0], [4.0, 2.0]])).tolist() == [
        [4.0, 5.0, 3.0],
        [3.0, 4.0, 2.0],
    ]


@pytest.mark.parametrize("column", [0, 1])
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = Donchian().example_input(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    y = Donchian(5).transform(holed)
    np.testing.assert_array_equal(y[20], y[19])
    np.testing.assert_array_equal(np.delete(y, 20, axis=0), Donchian(5).transform(bars))


def test_a_bad_window_is_refused():
    with pytest.raises(ConfigError, match="window"):
        Donchian(0)
