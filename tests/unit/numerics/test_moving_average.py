import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.moving_average import SMA, WMA


@pytest.mark.parametrize("window", [2, 14])
def test_match_ta_lib(rng, window):
    x = 100.0 + np.cumsum(rng.standard_normal(200))
    np.testing.assert_allclose(WMA(window).transform(x), talib.WMA(x, window), rtol=1e-12)
    np.testing.assert_allclose(SMA(window).transform(x), talib.SMA(x, window), rtol=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=30))
def test_the_weighted_average_is_a_dot_product(x):
    y = WMA(4).transform(np.array(x))
    for t in range(3, len(x)):
        wanted = np.dot(x[t - 3 : t + 1], [0.1, 0.2, 0.3, 0.4])
        assert y[t] == pytest.approx(wanted, rel=1e-12, abs=1e-9)


def test_a_constant_is_kept():
    assert (WMA(5).transform(np.full(20, 3.25))[4:] == 3.25).all()


def test_a_window_longer_than_the_data_gives_no_value():
    assert np.isnan(WMA(10).transform(np.arange(9.0))).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_input_is_not_in_the_window(bad):
    y = WMA(2).transform(np.array([1.0, bad, 4.0, bad]))
    assert y[2:].tolist() == [3.0, 3.0]


def test_a_bad_window_is_refused():
    with pytest.raises(ConfigError, match="window"):
        WMA(0)
