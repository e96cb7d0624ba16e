import math

import numpy as np
import pandas as pd
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.volatility import (
    EWMA_VARIANCE_DTYPE,
    EwmaVolatility,
    RealisedVolatility,
    ewma_variance_step,
    halflife_alpha,
)


@pytest.mark.parametrize("halflife", [1.5, 20.0])
def test_matches_pandas_with_adjusted_weights(rng, halflife):
    r = rng.standard_normal(300) * 0.01
    squares = pd.Series(r**2).ewm(halflife=halflife, adjust=True).mean()
    wanted = np.sqrt(squares).to_numpy()
    y = EwmaVolatility(halflife).transform(r)
    warm = max(2, math.ceil(halflife)) - 1
    assert np.isnan(y[:warm]).all()
    np.testing.assert_allclose(y[warm:], wanted[warm:], rtol=1e-12)


def test_matches_the_weighted_sum_written_out():
    r = np.array([0.01, -0.02, 0.03])
    weights = 0.5 ** (np.arange(3)[::-1] / 2.0)
    wanted = math.sqrt(np.sum(weights * r**2) / weights.sum())
    assert EwmaVolatility(2.0).transform(r)[-1] == pytest.approx(wanted, rel=1e-14)


def test_a_shock_counts_half_after_one_halflife():
    state = np.zeros(1, EWMA_VARIANCE_DTYPE)
    alpha = halflife_alpha(10.0)
    for _ in range(5000):
        ewma_variance_step(state[0], 0.0, alpha)
    shock = ewma_variance_step(state[0], 1.0, alpha)
    for _ in range(10):
        later = ewma_variance_step(state[0], 0.0, alpha)
    assert later / shock == pytest.approx(0.5, rel=1e-9)


def test_a_constant_size_is_its_own_volatility():
    r = np.where(np.arange(50) % 2, 0.01, -0.01)
    np.testing.assert_allclose(EwmaVolatility(5.0).transform(r)[4:], 0.01, rtol=1e-13)
    np.testing.assert_allclose(RealisedVolatility(20).transform(r)[19:], 0.01, rtol=1e-13)


def test_realised_matches_pandas(rng):
    r = rng.standard_normal(200) * 0.01
    wanted = pd.Series(r).rolling(20).std(ddof=0)
    np.testing.assert_allclose(RealisedVolatility(20).transform(r), wanted, rtol=1e-9)


def test_ewma_variance_repeats_on_a_missing_return():
    state = np.zeros(1, EWMA_VARIANCE_DTYPE)
    assert math.isnan(ewma_variance_step(state[0], math.nan, 0.1))
    variance = ewma_variance_step(state[0], 0.5, 0.1)
    assert variance == pytest.approx(0.25)
    assert ewma_variance_step(state[0], math.nan, 0.1) == variance


def test_bad_parameters_are_refused():
    for halflife in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="halflife"):
            EwmaVolatility(halflife)
    with pytest.raises(ConfigError, match="window"):
        RealisedVolatility(1)
