import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.decomposition import PCA

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.factor_covariance import FactorModel, given_factor_model, statistical_factor_model


def panel(rng, t=300, n=8, k=2):
    factors = 0.01 * rng.standard_normal((t, k))
    loadings = rng.normal(1.0, 0.5, (n, k))
    return factors @ loadings.T + 0.005 * rng.standard_normal((t, n)), factors, loadings


def test_principal_components_are_those_of_sklearn(rng):
    x, _, _ = panel(rng)
    model = statistical_factor_model(x, 3)
    peer = PCA(3).fit(x)
    np.testing.assert_allclose(np.diag(model.factor_covariance), peer.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(np.abs(model.loadings.T), np.abs(peer.components_), atol=1e-9)
    assert (model.loadings.sum(axis=0) >= 0.0).all()


def test_variances_are_those_of_the_sample_and_all_factors_give_the_sample(rng):
    x, _, _ = panel(rng)
    sample = np.cov(x.T)
    np.testing.assert_allclose(
        np.diag(statistical_factor_model(x, 1).covariance()), np.diag(sample), rtol=1e-12
    )
    np.testing.assert_allclose(statistical_factor_model(x, 8).covariance(), sample, rtol=1e-6, atol=1e-12)


def test_more_instruments_than_rows_still_gives_a_positive_definite_matrix(rng):
    x, _, _ = panel(rng, t=20, n=50)
    assert np.linalg.eigvalsh(statistical_factor_model(x, 2).covariance())[0] > 0.0


def test_a_factor_model_is_nearer_to_the_truth_than_the_sample(rng):
    x, _, loadings = panel(rng, t=60, n=40)
    truth = 1e-4 * loadings @ loadings.T + 25e-6 * np.eye(40)
    model = statistical_factor_model(x, 2).covariance()
    # the error of minimum-variance weights is what an allocator feels
    inverse = [np.linalg.solve(m, np.ones(40)) for m in (model, np.cov(x.T), truth)]
    variance = [w @ truth @ w / w.sum() ** 2 for w in inverse]
    assert variance[2] < variance[0] < variance[1]


def test_given_factors_are_regressed_as_by_statsmodels(rng):
    x, factors, _ = panel(rng)
    model = given_factor_model(x, factors)
    for i in range(x.shape[1]):
        fit = sm.OLS(x[:, i], sm.add_constant(factors)).fit()
        np.testing.assert_allclose(model.loadings[i], fit.params[1:], rtol=1e-9)
        assert model.idiosyncratic[i] == pytest.approx(fit.mse_resid, rel=1e-9)
    np.testing.assert_allclose(model.factor_covariance, np.cov(factors.T), rtol=1e-12)


def test_one_instrument_one_factor(rng):
    f = rng.standard_normal((50, 1))
    model = given_factor_model(2.0 * f, f)
    assert model.loadings[0, 0] == pytest.approx(2.0)
    assert model.covariance()[0, 0] == pytest.approx(4.0 * f.var(ddof=1), rel=1e-6)
    assert isinstance(statistical_factor_model(f, 1), FactorModel)


def test_inputs_are_left_alone(rng):
    x, factors, _ = panel(rng)
    kept = x.copy(), factors.copy()
    statistical_factor_model(x, 2)
    given_factor_model(x, factors)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(factors, kept[1])


@pytest.mark.parametrize("k", [0, 9, True])
def test_a_bad_number_of_factors_is_refused(rng, k):
    with pytest.raises(DataError, match="factors"):
        statistical_factor_model(panel(rng)[0], k)


@pytest.mark.parametrize("bad", [np.ones((1, 3)), np.ones(4), np.array([[1.0, np.nan], [1.0, 2.0]])])
def test_bad_returns_are_refused(bad):
    with pytest.raises(DataError):
        statistical_factor_model(bad, 1)
    with pytest.raises(DataError):
        given_factor_model(bad, np.arange(8.0).reshape(4, 2))


def test_factors_that_do_not_fit_are_refused(rng):
    x, factors, _ = panel(rng)
    with pytest.raises(DataError, match="linearly dependent"):
        given_factor_model(x, np.column_stack([factors, factors[:, 0]]))
    with pytest.raises(DataError, match="rows"):
        given_factor_model(x, factors[:-1])
    with pytest.raises(DataError, match="not usable"):
        given_factor_model(x[:4], rng.standard_normal((4, 3)))
