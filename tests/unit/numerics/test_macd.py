import math

import numpy as np
import pandas as pd
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.macd import MACD, MACD_DTYPE, macd_step


def _pandas(x: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    def average(series, span):
        return series.ewm(span=span, adjust=False).mean()

    series = pd.Series(x)
    macd = average(series, fast) - average(series, slow)
    out = np.column_stack((macd, average(macd, signal), macd - average(macd, signal)))
    out[: slow + signal - 2] = np.nan
    return out


@pytest.mark.parametrize("periods", [(12, 26, 9), (3, 10, 16)])
def test_matches_pandas(rng, periods):
    x = 100.0 + np.cumsum(rng.standard_normal(200))
    np.testing.assert_allclose(MACD(*periods).transform(x), _pandas(x, *periods), atol=1e-11)


def test_the_histogram_is_the_difference(rng):
    y = MACD().transform(np.cumsum(rng.standard_normal(100)))[40:]
    np.testing.assert_array_equal(y[:, 2], y[:, 0] - y[:, 1])


def test_a_constant_has_no_divergence():
    assert (MACD().transform(np.full(60, 12.5))[33:] == 0.0).all()


def test_the_sign_follows_the_trend():
    line = np.arange(100.0)
    assert (MACD().transform(line)[40:, 0] > 0.0).all()
    assert (MACD().transform(-line)[40:, 0] < 0.0).all()


def test_a_non_finite_price_repeats_the_last_output():
    state = np.zeros(1, MACD_DTYPE)
    assert all(map(math.isnan, macd_step(state[0], math.nan, 0.5, 0.25, 0.5)))
    macd_step(state[0], 1.0, 0.5, 0.25, 0.5)
    out = macd_step(state[0], 2.0, 0.5, 0.25, 0.5)
    assert macd_step(state[0], math.inf, 0.5, 0.25, 0.5) == out
    assert state["n"][0] == 2


def test_bad_periods_are_refused():
    for periods in ((26, 12, 9), (12, 12, 9), (0, 26, 9), (12, 26, 0), (12, 26.0, 9)):
        with pytest.raises(ConfigError):
            MACD(*periods)
