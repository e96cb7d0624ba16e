import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import EMA, EMA_DTYPE, checked_period, ema_step, span_alpha

prices = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def test_matches_pandas_from_the_end_of_the_warm_up(rng):
    x = rng.standard_normal(300)
    wanted = pd.Series(x).ewm(span=12, adjust=False, min_periods=12).mean().to_numpy()
    np.testing.assert_allclose(EMA(12).transform(x), wanted, rtol=0, atol=1e-13)


def test_the_first_value_seeds():
    state = np.zeros(1, EMA_DTYPE)
    assert ema_step(state[0], 7.0, 0.1) == 7.0
    assert ema_step(state[0], 17.0, 0.1) == 8.0
    assert state["n"][0] == 2


@given(prices)
def test_stays_within_the_range_of_the_inputs(x):
    y = EMA(3).transform(np.array(x))
    tolerance = 1e-9 * (1.0 + np.abs(x).max())
    defined = y[~np.isnan(y)]
    assert len(defined) == max(0, len(x) - 2)
    assert ((defined >= min(x) - tolerance) & (defined <= max(x) + tolerance)).all()


@given(st.floats(-1e6, 1e6), st.integers(1, 20))
def test_a_constant_is_kept_exactly(x, period):
    assert (EMA(period).transform(np.full(50, x))[period - 1 :] == x).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_non_finite_input_repeats_the_last_output(bad):
    ema = EMA(1)
    assert math.isnan(ema.update(bad))
    assert ema.update(3.0) == ema.update(bad) == 3.0


def test_a_step_nests_in_a_larger_record():
    pair = np.zeros(2, np.dtype([("a", EMA_DTYPE), ("b", EMA_DTYPE)], align=True))
    ema_step(pair[1]["b"], 4.0, 0.5)
    assert pair["b"]["value"].tolist() == [0.0, 4.0]
    assert pair["a"]["n"].tolist() == [0, 0]


@pytest.mark.parametrize("period", [0, -3, 2.5, True, "9", None])
def test_a_bad_period_is_refused(period):
    with pytest.raises(ConfigError, match="integer >= 1"):
        EMA(period)


def test_numpy_integers_are_periods():
    assert checked_period("window", np.int64(5)) == 5
    assert span_alpha(19) == 0.1
