import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.numerics.trading_cost import trading_cost_fraction, trading_cost_fractions

RATES = {"commission": 1e-4, "half_spread": 2e-4, "spread_vol": 0.02, "impact": 0.1}
positive = st.floats(1e-6, 1e9)


def cost(value, sigma, daily_value):
    return trading_cost_fraction(value, sigma, daily_value, *RATES.values())


def test_each_term_by_hand():
    assert trading_cost_fraction(1e6, 0.02, 1e8, 1e-4, 0.0, 0.0, 0.0) == 1e-4
    assert trading_cost_fraction(1e6, 0.02, 1e8, 0.0, 2e-4, 0.0, 0.0) == 2e-4
    assert trading_cost_fraction(1e6, 0.02, 1e8, 0.0, 0.0, 0.5, 0.0) == 0.01
    assert trading_cost_fraction(1e6, 0.02, 1e8, 0.0, 0.0, 0.0, 0.1) == pytest.approx(0.1 * 0.02 * 0.1)


@pytest.mark.parametrize("unknown", [math.nan, math.inf, 0.0, -5.0])
def test_unknown_volume_has_no_impact_term(unknown):
    assert cost(1e6, 0.02, unknown) == pytest.approx(3e-4 + 0.02 * 0.02, rel=1e-15)


def test_unknown_volatility_has_no_price():
    assert math.isnan(cost(1e6, math.nan, 1e8))


@given(value=positive, sigma=st.floats(1e-6, 1.0), daily=positive, factor=st.floats(1.01, 100.0))
def test_grows_with_size_and_risk_and_shrinks_with_liquidity(value, sigma, daily, factor):
    base = cost(value, sigma, daily)
    assert cost(value * factor, sigma, daily) >= base
    assert cost(value, sigma * factor, daily) >= base
    assert cost(value, sigma, daily * factor) <= base
    assert cost(-value, sigma, daily) == base
    impact = base - cost(value, sigma, math.nan)
    assert cost(4.0 * value, sigma, daily) - cost(value, sigma, math.nan) == pytest.approx(
        2.0 * impact, abs=1e-9 * base + 1e-15
    )


def test_array_form_equals_scalar_form(rng):
    values, sigmas, daily = rng.uniform(0, 1e6, 50), rng.uniform(0, 0.1, 50), rng.uniform(-1e6, 1e9, 50)
    daily[::7] = np.nan
    got = trading_cost_fractions(values, sigmas, daily, *RATES.values())
    assert got.tolist() == [cost(v, s, d) for v, s, d in zip(values, sigmas, daily, strict=True)]
