import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.sevcik import RollingSevcik, finite_length_offset, sevcik_dimension
from janus_trader.numerics.sliding_range import sliding_range_dtype, sliding_range_push


def written_out(y, finite_length=False):
    n = len(y)
    unit = (y - y.min()) / (y.max() - y.min())
    length = np.hypot(np.diff(unit), 1.0 / (n - 1)).sum()
    return 1.0 + (np.log(length) - (np.log(2.0) if finite_length else 0.0)) / np.log(2.0 * (n - 1))


@pytest.mark.parametrize("finite_length", [False, True])
@pytest.mark.parametrize("n", [3, 10, 64, 101])
def test_equals_the_formula_written_out(rng, n, finite_length):
    y = 100.0 + np.cumsum(rng.standard_normal(n))
    wanted = written_out(y, finite_length)
    assert sevcik_dimension(y, finite_length) == pytest.approx(wanted, abs=1e-13)
    assert RollingSevcik(n, finite_length).transform(y)[-1] == sevcik_dimension(y, finite_length)


def test_a_line_has_the_length_of_the_diagonal():
    wanted = 1.0 + math.log(math.sqrt(2.0)) / math.log(126.0)
    assert sevcik_dimension(np.linspace(5.0, -3.0, 64)) == pytest.approx(wanted, abs=1e-13)
    assert sevcik_dimension(np.arange(64.0), True) == pytest.approx(
        wanted - finite_length_offset(64), abs=1e-13
    )


def test_known_means_of_walks_and_noise(rng):
    noise = rng.standard_normal((4000, 64))
    walks = [sevcik_dimension(y) for y in np.cumsum(noise, axis=1)]
    assert np.mean(walks) == pytest.approx(1.325, abs=0.005)
    assert np.std(walks) == pytest.approx(0.058, abs=0.003)
    assert np.mean([sevcik_dimension(y) for y in noise]) == pytest.approx(1.56, abs=0.01)


def test_a_constant_window_has_dimension_one_in_both_forms():
    for finite_length in (False, True):
        assert sevcik_dimension(np.full(9, 7.0), finite_length) == 1.0
        assert RollingSevcik(9, finite_length).transform(np.full(12, 7.0))[-1] == 1.0


def test_scale_and_level_do_not_matter(rng):
    y = np.cumsum(rng.standard_normal(64))
    assert sevcik_dimension(-1e-5 * y + 3.0) == pytest.approx(sevcik_dimension(y), abs=1e-9)


def test_bad_input_is_refused():
    for bad in (np.ones(2), np.array([1.0, np.nan, 2.0]), np.ones((4, 4))):
        with pytest.raises(DataError, match="Sevcik"):
            sevcik_dimension(bad)
    with pytest.raises(ConfigError):
        RollingSevcik(2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=7, max_size=40))
def test_the_sliding_range_is_the_range_of_the_window(values):
    state = np.zeros(1, sliding_range_dtype(7))
    got = [sliding_range_push(state[0], x, x - 1.0) for x in values]
    for t in range(6, len(values)):
        window = values[t - 6 : t + 1]
        assert got[t] == (max(window), min(x - 1.0 for x in window))
