import math

import numpy as np
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.atr import example_bars
from janus_trader.numerics.stochastic import NEUTRAL_STOCHASTIC, Stochastic


@pytest.mark.parametrize("periods", [(14, 3, 3), (5, 4, 2)])
def test_matches_ta_lib(rng, periods):
    bars = example_bars(rng, 300)
    high, low, close = np.ascontiguousarray(bars.T)
    window, smooth, signal = periods
    slow, average = talib.STOCH(high, low, close, window, smooth, 0, signal, 0)
    ours = Stochastic(*periods).transform(bars)
    np.testing.assert_allclose(ours[:, 1], slow, rtol=1e-10)
    np.testing.assert_allclose(ours[:, 2], average, rtol=1e-10)
    fast, fast_average = talib.STOCHF(high, low, close, window, smooth, 0)
    settled = sum(periods)
    np.testing.assert_allclose(ours[settled:, 0], fast[settled:], rtol=1e-10)
    np.testing.assert_allclose(ours[settled:, 1], fast_average[settled:], rtol=1e-10)


def test_lies_between_0_and_100(rng):
    y = Stochastic(5, 1, 1).transform(example_bars(rng, 300))[4:]
    assert ((y >= 0.0) & (y <= 100.0)).all()


def test_a_window_without_range_is_neutral():
    assert (Stochastic(3, 2, 2).transform(np.full((20, 3), 4.0))[5:] == NEUTRAL_STOCHASTIC).all()


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = example_bars(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    kernel = Stochastic(5, 2, 2)
    y = kernel.transform(holed)
    np.testing.assert_array_equal(y[20], y[19])
    np.testing.assert_array_equal(np.delete(y, 20, axis=0), kernel.transform(bars))


def test_bad_periods_are_refused():
    for bad in ((0, 3, 3), (14, 0, 3), (14, 3, 1.5)):
        with pytest.raises(ConfigError):
            Stochastic(*bad)
