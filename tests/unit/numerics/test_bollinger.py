import math

import numpy as np
import pandas as pd
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.bollinger import Bollinger, bollinger_dtype, bollinger_step


def test_matches_pandas(rng):
    x = 100.0 + np.cumsum(rng.standard_normal(200))
    rolling = pd.Series(x).rolling(20)
    mean, spread = rolling.mean(), 2.5 * rolling.std(ddof=0)
    wanted = np.column_stack((mean, mean + spread, mean - spread))
    np.testing.assert_allclose(Bollinger(20, 2.5).transform(x), wanted, rtol=1e-9)


def test_bands_are_ordered_and_symmetric(rng):
    middle, upper, lower = Bollinger(20, 2.0).transform(np.cumsum(rng.standard_normal(200)))[19:].T
    assert ((lower <= middle) & (middle <= upper)).all()
    np.testing.assert_allclose(upper - middle, middle - lower, atol=1e-12)


def test_a_constant_closes_the_bands():
    y = Bollinger(20, 2.0).transform(np.full(30, 0.25))
    assert (y[19:] == 0.25).all()


def test_the_step_returns_a_tuple():
    state = np.zeros(1, bollinger_dtype(20))
    for x in range(20):
        out = bollinger_step(state[0], float(x), 20, 1.0)
    assert out == pytest.approx((9.5, 9.5 + math.sqrt(33.25), 9.5 - math.sqrt(33.25)))
    assert bollinger_step(state[0], math.nan, 20, 1.0) == out


def test_bad_parameters_are_refused():
    for window, width in ((1, 2.0), (20, 0.0), (20, -1.0), (20, math.nan), (20, math.inf)):
        with pytest.raises(ConfigError):
            Bollinger(window, width)
