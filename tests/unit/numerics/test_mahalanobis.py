import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import mahalanobis

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.mahalanobis import TurbulenceIndex, mahalanobis_squared


def test_distance_against_scipy(rng):
    for d in (1, 3, 6):
        a = rng.standard_normal((d, d))
        precision = a @ a.T + np.eye(d)
        x, mean = rng.standard_normal((2, d))
        assert mahalanobis_squared(x, mean, precision) == pytest.approx(
            mahalanobis(x, mean, precision) ** 2, rel=1e-10
        )


def test_index_uses_the_weighted_moments_of_strictly_earlier_rows(rng):
    x = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 3)) + 5.0
    got = TurbulenceIndex(3, halflife=30.0, quantile=0.95, min_obs=20).transform(x)
    assert np.isnan(got[:20]).all()
    threshold = np.sqrt(stats.chi2.ppf(0.95, 3))
    for t in (20, 33, 79):
        past = pd.DataFrame(x[:t])
        mean = past.ewm(halflife=30.0).mean().iloc[-1].to_numpy()
        cov = past.ewm(halflife=30.0).cov().loc[t - 1].to_numpy()
        wanted = mahalanobis(x[t], mean, np.linalg.inv(cov)) / threshold
        assert got[t] == pytest.approx(wanted, rel=1e-9)


def test_exceeds_one_about_as_often_as_the_quantile_says():
    x = np.random.default_rng(3).standard_normal((6000, 3))
    y = TurbulenceIndex(3, halflife=1000.0, quantile=0.95, min_obs=500).transform(x)[500:]
    assert np.mean(y > 1.0) == pytest.approx(0.05, abs=0.01)


def test_does_not_depend_on_the_units_of_the_rows(rng):
    x = rng.standard_normal((100, 3))
    mixed = x @ np.array([[2.0, 0.3, 0.0], [0.0, 1.0, 0.5], [0.1, 0.0, 3.0]]) - 7.0
    one, two = (TurbulenceIndex(3, 40.0, 0.99, 10).transform(v) for v in (x, mixed))
    np.testing.assert_allclose(one[10:], two[10:], rtol=1e-6)


def test_a_crash_stands_out_and_does_not_look_ahead(rng):
    x = 0.01 * rng.standard_normal((200, 3))
    x[150] = -0.2
    y = TurbulenceIndex(3, 100.0, 0.99, 50).transform(x)
    assert y[150] > 4.0
    assert y[149] < 2.0
    calm = x.copy()
    calm[150] = 0.0
    np.testing.assert_array_equal(y[:150], TurbulenceIndex(3, 100.0, 0.99, 50).transform(calm)[:150])


@pytest.mark.parametrize("kind", ["constant", "duplicate"])
def test_degenerate_rows_stay_finite(rng, kind):
    x = rng.standard_normal((120, 3))
    x[:, 2] = 1.5 if kind == "constant" else x[:, 0]
    y = TurbulenceIndex(3, 50.0, 0.99, 20).transform(x)[20:]
    assert np.isfinite(y).all()
    assert y.max() < 3.0


def test_an_incomplete_row_is_ignored(rng):
    x = rng.standard_normal((60, 3))
    holed = np.insert(x, 40, [0.1, np.nan, 0.2], axis=0)
    one = TurbulenceIndex(3, 50.0, 0.99, 20).transform(x)
    two = TurbulenceIndex(3, 50.0, 0.99, 20).transform(holed)
    np.testing.assert_array_equal(np.delete(two, 40), one)
    assert two[40] == two[39]


def test_bad_parameters_are_refused():
    for bad in (
        {"d": 0},
        {"d": 3, "halflife": 0.5},
        {"d": 3, "quantile": 1.0},
        {"d": 3, "min_obs": 4},
        {"d": 3, "shrinkage": 1.0},
    ):
        with pytest.raises(DataError, match="out of range"):
            TurbulenceIndex(**bad)
