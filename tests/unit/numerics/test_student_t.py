import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc
from scipy.stats import t as student

from janus_trader.numerics.student_t import incomplete_beta, student_t_cdf


@given(st.floats(-60, 60), st.sampled_from([0.25, 0.7, 1.0, 2.0, 5.0, 30.0, 400.0]))
def test_agrees_with_scipy(t, degrees):
    assert student_t_cdf(t, degrees) == pytest.approx(student.cdf(t, degrees), rel=1e-9, abs=1e-14)


@given(st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a, b, x):
    assert incomplete_beta(a, b, x) == pytest.approx(betainc(a, b, x), rel=1e-9, abs=1e-13)


@given(st.floats(0, 1e6), st.floats(0.2, 100))
def test_is_symmetric(t, degrees):
    assert student_t_cdf(t, degrees) + student_t_cdf(-t, degrees) == pytest.approx(1.0, abs=1e-14)


def test_edges():
    assert student_t_cdf(math.inf, 3.0) == 1.0
    assert student_t_cdf(-math.inf, 3.0) == 0.0
    assert math.isnan(student_t_cdf(math.nan, 3.0))
    assert incomplete_beta(2.0, 3.0, -0.1) == 0.0
    assert incomplete_beta(2.0, 3.0, 1.1) == 1.0
    assert math.isnan(incomplete_beta(2.0, 3.0, math.nan))
