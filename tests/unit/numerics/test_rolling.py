import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.rolling import (
    RollingMax,
    RollingMean,
    RollingMin,
    RollingStd,
    rolling_dtype,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_push,
    rolling_std,
)

WINDOW = 5
STATISTICS = [(RollingMean, np.mean), (RollingStd, np.std), (RollingMax, np.max), (RollingMin, np.min)]
statistics = pytest.mark.parametrize(("kernel", "oracle"), STATISTICS, ids=lambda f: f.__name__)


@statistics
@given(x=st.lists(st.floats(-1e4, 1e4), min_size=0, max_size=40))
def test_matches_numpy_on_every_window(kernel, oracle, x):
    y = kernel(WINDOW).transform(np.array(x))
    for t in range(len(x)):
        if t < WINDOW - 1:
            assert math.isnan(y[t])
        else:
            assert y[t] == pytest.approx(oracle(x[t - WINDOW + 1 : t + 1]), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("window", [1, 20])
def test_matches_pandas(rng, window):
    x = rng.standard_normal(300)
    rolling = pd.Series(x).rolling(window)
    np.testing.assert_allclose(RollingMean(window).transform(x), rolling.mean(), atol=1e-12)
    np.testing.assert_allclose(RollingStd(window).transform(x), rolling.std(ddof=0), atol=1e-7)
    np.testing.assert_array_equal(RollingMax(window).transform(x), rolling.max())
    np.testing.assert_array_equal(RollingMin(window).transform(x), rolling.min())


@statistics
def test_depends_on_the_window_alone(kernel, oracle, rng):
    tail = rng.standard_normal(WINDOW)
    for k in range(2 * WINDOW):
        before = rng.standard_normal(k) * 10.0**k
        last = kernel(WINDOW).transform(np.concatenate((before, tail)))[-1]
        assert last == pytest.approx(oracle(tail), rel=1e-12)


def test_does_not_drift_after_a_huge_value():
    x = np.concatenate(([1e16], np.full(WINDOW, 0.1)))
    assert RollingMean(WINDOW).transform(x)[-1] == pytest.approx(0.1, rel=1e-15)
    assert RollingStd(WINDOW).transform(x)[-1] < 1e-16


def test_flat_values_after_a_jump_have_no_spread():
    y = RollingStd(WINDOW).transform(np.concatenate((np.full(7, 1e6), np.full(40, 0.25))))
    assert (y[7 + WINDOW - 1 :] == 0.0).all()


def test_no_error_builds_up(rng):
    x = 1e5 + np.cumsum(rng.standard_normal(40_000))
    y = RollingStd(20).transform(x)[19:]
    wanted = np.lib.stride_tricks.sliding_window_view(x, 20).std(axis=1)
    np.testing.assert_allclose(y, wanted, rtol=1e-11)


def test_a_small_spread_on_a_high_level_keeps_its_digits():
    x = 1e8 + np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert RollingStd(WINDOW).transform(x)[-1] == pytest.approx(math.sqrt(2.0), rel=1e-14)


@statistics
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_input_is_not_in_the_window(kernel, oracle, bad):
    x = np.array([1.0, bad, 2.0, 4.0, bad, 8.0, 16.0, bad])
    y = kernel(WINDOW).transform(x)
    assert np.isnan(y[:6]).all()
    assert y[6] == y[7] == pytest.approx(oracle([1.0, 2.0, 4.0, 8.0, 16.0]))


def test_the_functions_share_one_buffer():
    state = np.zeros(1, rolling_dtype(WINDOW))
    for x in (9.0, 1.0, 2.0, 3.0, 4.0, 5.0):
        rolling_push(state[0], x, WINDOW)
    assert rolling_mean(state[0], WINDOW) == 3.0
    assert rolling_std(state[0], WINDOW) == pytest.approx(math.sqrt(2.0))
    assert (rolling_max(state[0], WINDOW), rolling_min(state[0], WINDOW)) == (5.0, 1.0)
    assert state["n"][0] == 6


@statistics
def test_a_bad_window_is_refused(kernel, oracle):
    for window in (0, 1.5):
        with pytest.raises(ConfigError, match="window"):
            kernel(window)
