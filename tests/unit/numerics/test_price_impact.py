import numpy as np
import pytest
import statsmodels.api as sm

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.price_impact import Amihud, KyleLambda


def test_lambda_and_error_agree_with_statsmodels(rng):
    flow = rng.standard_normal(200) * 30.0 + 5.0
    change = 0.02 * flow + rng.standard_normal(200) + 0.1
    got = KyleLambda(40).transform(np.column_stack((change, flow)))
    for end in (40, 97, 200):
        fit = sm.OLS(change[end - 40 : end], sm.add_constant(flow[end - 40 : end])).fit()
        np.testing.assert_allclose(got[end - 1], [fit.params[1], fit.bse[1]], rtol=1e-9)


def test_a_known_impact_is_found_within_its_error(rng):
    flow = rng.standard_normal(5000)
    change = 0.3 * flow + rng.standard_normal(5000)
    rows = np.column_stack((change, flow))
    estimate = KyleLambda(50).transform(rows)[49::50]
    z = (estimate[:, 0] - 0.3) / estimate[:, 1]
    assert abs(z.mean()) < 0.3
    assert 0.75 < z.std() < 1.3


def test_equal_flows_have_no_impact_to_measure():
    rows = np.column_stack((np.arange(6.0), np.full(6, 2.0)))
    assert np.isnan(KyleLambda(3).transform(rows)).all()


def test_amihud_is_the_mean_ratio_and_skips_intervals_without_trading(rng):
    r, value = rng.standard_normal(60) * 0.01, rng.exponential(1e6, 60)
    value[[7, 30]] = 0.0, -5.0
    got = Amihud(10).transform(np.column_stack((r, value)))
    ratio = (np.abs(r) / np.where(value > 0.0, value, np.nan))[value > 0.0]
    wanted = np.array([ratio[k - 9 : k + 1].mean() for k in range(9, ratio.size)])
    np.testing.assert_allclose(got[value > 0.0][9:], wanted, rtol=1e-12)
    assert got[30] == got[29]


def test_bad_windows_are_refused():
    with pytest.raises(ConfigError):
        KyleLambda(2)
    with pytest.raises(ConfigError):
        Amihud(0)
