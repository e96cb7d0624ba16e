import math

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.atr import ATR, example_bars
from janus_trader.numerics.ema import EMA
from janus_trader.numerics.keltner import Keltner


@pytest.mark.parametrize("periods", [(20, 10), (3, 14)])
def test_is_an_average_and_ranges_around_it(rng, periods):
    bars = example_bars(rng, 100)
    middle, upper, lower = Keltner(*periods, 1.5).transform(bars).T
    first = max(periods[0], periods[1] + 1) - 1
    assert np.isnan(middle[:first]).all()
    centre, offset = EMA(periods[0]).transform(bars[:, 2]), 1.5 * ATR(periods[1]).transform(bars)
    np.testing.assert_array_equal(middle[first:], centre[first:])
    np.testing.assert_array_equal(upper[first:], (centre + offset)[first:])
    np.testing.assert_array_equal(lower[first:], (centre - offset)[first:])


def test_flat_prices_close_the_channel():
    assert (Keltner(3, 2).transform(np.full((20, 3), 4.0))[2:] == 4.0).all()


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = example_bars(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    y = Keltner(5, 5).transform(holed)
    np.testing.assert_array_equal(y[20], y[19])
    np.testing.assert_array_equal(np.delete(y, 20, axis=0), Keltner(5, 5).transform(bars))


def test_bad_parameters_are_refused():
    for bad in ((0, 10, 2.0), (20, 0, 2.0), (20, 10, 0.0), (20, 10, math.nan)):
        with pytest.raises(ConfigError):
            Keltner(*bad)
