import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.vwap import VWAP, VWAP_DTYPE, VWAPBands, vwap_step

rows = st.lists(st.tuples(st.floats(1.0, 1e5), st.integers(0, 1000)), min_size=1, max_size=30)


@given(rows)
def test_matches_the_weighted_sums_of_numpy(rows):
    price, volume = np.array(rows, float).T
    y = VWAP().transform(np.column_stack((np.zeros(len(price)), price, volume)))
    for t in range(len(price)):
        p, v = price[: t + 1], volume[: t + 1]
        if v.sum() == 0.0:
            assert np.isnan(y[t]).all()
            continue
        mean = np.average(p, weights=v)
        spread = math.sqrt(np.average((p - mean) ** 2, weights=v))
        assert y[t, 0] == pytest.approx(mean, rel=1e-12)
        assert y[t, 1] == pytest.approx(spread, rel=1e-6, abs=1e-6)


def test_each_session_starts_afresh(rng):
    table = VWAP().example_input(rng, 200)
    y = VWAP().transform(table)
    for day in np.unique(table[:, 0]):
        inside = table[:, 0] == day
        np.testing.assert_array_equal(y[inside], VWAP().transform(table[inside]))


def test_a_small_spread_on_a_high_price_keeps_its_digits():
    table = np.array([[0.0, 1e9, 1.0], [0.0, 1e9 + 1.0, 1.0]])
    assert VWAP().transform(table)[-1].tolist() == [1e9 + 0.5, 0.5]


def test_a_session_without_volume_is_undefined():
    y = VWAP().transform(np.array([[1.0, 10.0, 5.0], [2.0, 11.0, 0.0], [2.0, 12.0, 1.0]]))
    assert y[0].tolist() == [10.0, 0.0]
    assert np.isnan(y[1]).all()
    assert y[2].tolist() == [12.0, 0.0]


@pytest.mark.parametrize(
    "row",
    [
        (math.nan, 1.0, 1.0),
        (1.0, math.nan, 1.0),
        (1.0, 1.0, math.nan),
        (1.0, math.inf, 1.0),
        (9.0, 1.0, -1.0),
    ],
)
def test_an_unusable_row_repeats_the_last_output(row):
    vwap = VWAP()
    vwap.update(np.array([1.0, 10.0, 5.0]))
    before = vwap.snapshot()
    assert vwap.update(np.array(row)).tolist() == [10.0, 0.0]
    assert vwap.snapshot() == before


def test_the_step_takes_whole_session_numbers():
    state = np.zeros(1, VWAP_DTYPE)
    assert vwap_step(state[0], 19000, 10.0, 2.0) == (10.0, 0.0)
    assert vwap_step(state[0], 19001, 20.0, 2.0) == (20.0, 0.0)


def test_bands_are_deviations_around_the_price(rng):
    table = VWAP().example_input(rng, 200)
    centre, spread = VWAP().transform(table).T
    wanted = np.column_stack((centre, centre + 1.5 * spread, centre - 1.5 * spread))
    np.testing.assert_array_equal(VWAPBands(1.5).transform(table), wanted)


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_width_is_refused(width):
    with pytest.raises(ConfigError, match="width"):
        VWAPBands(width)
