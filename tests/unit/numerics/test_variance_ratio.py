import numpy as np
import pytest
from arch.unitroot import VarianceRatio
from scipy import stats

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.variance_ratio import RollingVarianceRatio, variance_ratio


@pytest.mark.parametrize("q", [2, 5, 10])
def test_against_arch(rng, q):
    r = 0.01 * rng.standard_t(4, 300) + 0.0005
    ratio, z = variance_ratio(r, q)
    other = VarianceRatio(
        np.append(0.0, np.cumsum(r)), lags=q, trend="c", overlap=True, robust=True, debiased=True
    )
    assert ratio == pytest.approx(other.vr, rel=1e-8)
    assert z == pytest.approx(other.stat, rel=1e-8)


def test_random_walk_has_ratio_one_and_a_standard_normal_z_in_spite_of_changing_volatility():
    g = np.random.default_rng(1)
    volatility = 0.01 * np.exp(np.sin(np.arange(500) / 40.0))
    found = np.array([variance_ratio(volatility * g.standard_normal(500), 4) for _ in range(800)])
    assert found[:, 0].mean() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(found[:, 1]) > 1.96) == pytest.approx(0.05, abs=0.025)
    assert stats.kstest(found[:, 1] - found[:, 1].mean(), "norm").pvalue > 0.001


def test_trend_is_above_one_and_reversion_below():
    e = np.random.default_rng(2).standard_normal(5000)
    for phi, wanted in ((0.3, 1.3), (-0.3, 0.7)):  # VR(2) of an AR(1) is 1 + phi
        r = np.zeros(5000)
        for t in range(1, 5000):
            r[t] = phi * r[t - 1] + e[t]
        ratio, z = variance_ratio(r, 2)
        assert ratio == pytest.approx(wanted, abs=0.05)
        assert z * (wanted - 1.0) > 0
        assert abs(z) > 5


def test_scale_and_drift_do_not_matter(rng):
    r = rng.standard_normal(100)
    assert variance_ratio(-40.0 * r + 3.0, 5) == pytest.approx(variance_ratio(r, 5), rel=1e-9)


def test_rolling_form_equals_the_batch_form(rng):
    r = 0.01 * rng.standard_normal(60)
    got = RollingVarianceRatio(31, 5).transform(r)
    assert np.isnan(got[:30]).all()
    assert got[30:].tolist() == [list(variance_ratio(r[t - 30 : t + 1], 5)) for t in range(30, 60)]


def test_constant_returns_have_no_ratio():
    assert np.isnan(variance_ratio(np.full(50, 0.1), 5)).all()
    assert np.isnan(RollingVarianceRatio(16, 2).transform(np.full(20, 0.3))).all()


def test_bad_input_is_refused():
    for r, q in ((np.ones(5), 5), (np.ones(5), 1), (np.array([1.0, np.nan, 2.0]), 2)):
        with pytest.raises(DataError, match="variance ratio"):
            variance_ratio(r, q)
    with pytest.raises(DataError, match="out of range"):
        RollingVarianceRatio(5, 5)
