import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.tail_index import RollingTailIndex, hill


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_equals_the_formula_over_sorted_values(seed, k):
    x = np.random.default_rng(seed).standard_t(3, 60)
    top = np.sort(np.abs(x))[::-1]
    assert hill(x, k) == pytest.approx(1.0 / np.mean(np.log(top[:k] / top[k])), rel=1e-12)


@pytest.mark.parametrize("alpha", [1.5, 3.0, 5.0])
def test_finds_the_index_of_a_pareto_law(alpha):
    x = np.random.default_rng(1).pareto(alpha, 50_000) + 1.0
    assert hill(x, 2000) == pytest.approx(alpha, rel=4.0 / np.sqrt(2000))


def test_heavier_tails_have_a_smaller_index():
    g = np.random.default_rng(2)
    found = [hill(g.standard_t(df, 5000), 200) for df in (2, 4, 30)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(2.0, abs=0.5)


def test_sign_order_and_scale_do_not_matter(rng):
    x = rng.standard_normal(100)
    value = hill(x, 10)
    assert hill(-7.0 * x, 10) == pytest.approx(value, rel=1e-12)
    assert hill(rng.permutation(x), 10) == pytest.approx(value, rel=1e-12)


def test_rolling_form_equals_the_batch_form(rng):
    x = rng.standard_normal(50)
    got = RollingTailIndex(20, 4).transform(x)
    assert np.isnan(got[:19]).all()
    np.testing.assert_allclose(got[19:], [hill(x[t - 19 : t + 1], 4) for t in range(19, 50)], rtol=1e-13)


def test_no_tail_has_no_index():
    assert np.isnan(hill(np.zeros(10), 3))
    assert np.isnan(hill(np.full(10, 0.2), 3))
    assert np.isnan(hill(np.array([1.0, 2.0, 0.0, 0.0]), 2))


def test_bad_input_is_refused():
    for x, k in ((np.ones(5), 5), (np.ones(5), 0), (np.array([1.0, np.inf, 2.0]), 1)):
        with pytest.raises(DataError, match="Hill"):
            hill(x, k)
    with pytest.raises(DataError, match="out of range"):
        RollingTailIndex(4, 4)
