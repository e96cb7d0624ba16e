import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.rsi import NEUTRAL_RSI, RSI


@pytest.mark.parametrize("period", [2, 9, 14])
def test_matches_ta_lib(rng, period):
    x = 100.0 + np.cumsum(rng.standard_normal(400))
    np.testing.assert_allclose(RSI(period).transform(x), talib.RSI(x, period), rtol=1e-10)


@given(st.lists(st.floats(1.0, 1e6), min_size=6, max_size=40))
def test_lies_between_0_and_100(x):
    y = RSI(4).transform(np.array(x))
    assert np.isnan(y[:4]).all()
    assert ((y[4:] >= 0.0) & (y[4:] <= 100.0)).all()


@given(st.lists(st.integers(1, 1000), min_size=10, max_size=40))
def test_turning_prices_over_mirrors_it(x):
    x = np.array(x, float)
    up, down = RSI(4).transform(x), RSI(4).transform(-x)
    np.testing.assert_allclose(up[4:] + down[4:], 100.0, rtol=1e-12)


def test_only_rises_and_only_falls():
    x = np.arange(1.0, 31.0)
    assert (RSI(14).transform(x)[14:] == 100.0).all()
    assert (RSI(14).transform(-x)[14:] == 0.0).all()


def test_prices_that_never_moved_are_neutral():
    assert (RSI(3).transform(np.full(10, 5.0))[3:] == NEUTRAL_RSI).all()


def test_a_non_finite_price_is_skipped():
    rsi = RSI(1)
    assert [math.isnan(rsi.update(x)) for x in (1.0, math.inf, 2.0)] == [True, True, False]
    assert rsi.update(math.nan) == 100.0
    assert rsi.update(1.0) == 0.0


def test_a_bad_period_is_refused():
    with pytest.raises(ConfigError, match="period"):
        RSI(0)
