import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.trend_slope import TrendSlope, slope_weights


def test_is_the_least_squares_slope_over_its_deviation_under_a_random_walk(rng):
    r = rng.standard_normal(40) * 0.01
    path = np.concatenate([[0.0], np.cumsum(r)])
    x = np.arange(41.0)
    slope = np.polyfit(x, path, 1)[0]
    centred = x - x.mean()
    per_return = np.cumsum(centred[::-1])[::-1][1:] / np.sum(centred**2)  # d slope / d r_j
    wanted = slope / np.sqrt(np.mean(r**2) * np.sum(per_return**2))
    assert TrendSlope(40).transform(r)[-1] == pytest.approx(wanted, rel=1e-10)


def test_variance_of_the_slope_has_the_published_limit():
    n = 2000
    j = np.arange(1.0, n + 1)
    c = j * (n + 1 - j) / 2.0 / (n * (n + 1) * (n + 2) / 12.0)
    assert n * np.sum(c**2) == pytest.approx(6.0 / 5.0, rel=1e-3)  # Durlauf & Phillips
    np.testing.assert_allclose(slope_weights(n), c / np.linalg.norm(c), rtol=1e-12)


def test_is_standard_normal_on_random_walks(rng):
    z = np.array([TrendSlope(64).transform(r)[-1] for r in rng.standard_normal((3000, 64))])
    assert abs(z.mean()) < 0.06
    assert z.std() == pytest.approx(1.0, abs=0.05)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.05, abs=0.015)


@given(st.lists(st.floats(-10, 10), min_size=6, max_size=6), st.floats(0.01, 100))
def test_bounded_odd_and_free_of_scale(values, scale):
    r = np.array(values)
    z = TrendSlope(6).transform(r)[-1]
    assert abs(z) <= np.sqrt(6) + 1e-12
    assert TrendSlope(6).transform(-r)[-1] == -z
    if np.abs(r).min() > 1e-3:
        assert TrendSlope(6).transform(r * scale)[-1] == pytest.approx(z, abs=1e-9)


def test_constant_price_has_no_slope():
    assert TrendSlope(5).transform(np.zeros(9))[-1] == 0.0


def test_a_window_of_one_is_refused():
    with pytest.raises(ConfigError):
        TrendSlope(1)
