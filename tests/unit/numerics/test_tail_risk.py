import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.tail_risk import expected_shortfall, value_at_risk

series = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=80).map(np.array)
levels = st.floats(0.01, 0.99)


@given(series, levels)
def test_value_at_risk_is_the_lower_quantile_of_the_losses(returns, level):
    losses = -returns
    var = value_at_risk(returns, level)
    # Smallest loss whose distribution function reaches the level, up to rounding of the level itself.
    assert np.mean(losses <= var) >= level - 1e-9
    assert var in losses
    smaller = losses[losses < var]
    assert smaller.size == 0 or np.mean(losses <= smaller.max()) <= level + 1e-9


@given(series, levels)
def test_shortfall_is_the_minimum_of_the_rockafellar_uryasev_function(returns, level):
    losses = -returns
    wanted = min(v + np.maximum(losses - v, 0.0).mean() / (1.0 - level) for v in losses)
    assert expected_shortfall(returns, level) == pytest.approx(wanted, abs=1e-7)


@given(series, levels)
def test_shortfall_is_at_least_value_at_risk_and_scales(returns, level):
    var, es = value_at_risk(returns, level), expected_shortfall(returns, level)
    assert es >= var - 1e-12
    assert expected_shortfall(3.0 * returns, level) == pytest.approx(3.0 * es, abs=1e-9)
    assert expected_shortfall(returns + 0.1, level) == pytest.approx(es - 0.1, abs=1e-9)


@given(st.integers(0, 10_000), levels)
def test_shortfall_is_subadditive(seed, level):
    a, b = 0.02 * np.random.default_rng(seed).standard_t(3, (2, 37))
    whole = expected_shortfall(a + b, level)
    assert whole <= expected_shortfall(a, level) + expected_shortfall(b, level) + 1e-12


def test_normal_law_has_its_textbook_values():
    r = 0.01 * np.random.default_rng(0).standard_normal(400_000)
    assert value_at_risk(r, 0.99) == pytest.approx(0.0232635, rel=0.02)
    assert expected_shortfall(r, 0.99) == pytest.approx(0.0266521, rel=0.02)


@pytest.mark.parametrize(("returns", "level"), [([], 0.9), ([np.nan], 0.9), ([0.1], 1.0), ([0.1], 0.0)])
def test_bad_input_is_refused(returns, level):
    for measure in (value_at_risk, expected_shortfall):
        with pytest.raises(DataError, match="tail risk"):
            measure(np.array(returns), level)
