import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.numerics.covariance import EwmaCovariance, ledoit_wolf, nearest_psd


@pytest.mark.parametrize(("t", "n"), [(2, 3), (10, 20), (60, 5), (500, 2), (30, 1)])
def test_ledoit_wolf_against_sklearn(rng, t, n):
    x = 0.01 * rng.standard_normal((t, n)) @ rng.standard_normal((n, n)) + 0.3
    cov, shrinkage = ledoit_wolf(x)
    wanted, wanted_shrinkage = sklearn_ledoit_wolf(x)
    np.testing.assert_allclose(cov, wanted, rtol=1e-9, atol=1e-18)
    assert shrinkage == pytest.approx(wanted_shrinkage, abs=1e-9)


def test_ledoit_wolf_of_constant_rows_is_zero():
    cov, shrinkage = ledoit_wolf(np.ones((5, 3)))
    assert not cov.any()
    assert shrinkage == 0.0


@pytest.mark.parametrize("bad", [np.ones((1, 3)), np.ones(4), np.array([[1.0, np.nan], [1.0, 2.0]])])
def test_ledoit_wolf_refuses_bad_input(bad):
    with pytest.raises(DataError, match="covariance"):
        ledoit_wolf(bad)


def run(kernel, rows):
    out = None
    for row in rows:
        out = kernel.update(row)
    return out


def returns(seed, t, n=3, missing=0.0):
    g = np.random.default_rng(seed)
    r = 0.01 * g.standard_normal((t, n)) @ (np.eye(n) + 0.5)
    r[g.random((t, n)) < missing] = np.nan
    return r


def test_complete_rows_give_the_bias_corrected_weighted_mean_of_products():
    r = returns(1, 120)
    cov = run(EwmaCovariance(3, halflife=20.0, shrinkage=0.0), r)
    frame = pd.DataFrame(r)
    for i in range(3):
        for j in range(3):
            wanted = (frame[i] * frame[j]).ewm(halflife=20.0, adjust=True).mean().iloc[-1]
            assert cov[i, j] == pytest.approx(wanted, rel=1e-10)


def test_shrinkage_pulls_only_the_off_diagonal():
    r = returns(2, 50)
    plain = run(EwmaCovariance(3, 20.0, 0.0), r)
    shrunk = run(EwmaCovariance(3, 20.0, 0.3), r)
    np.testing.assert_allclose(shrunk, 0.7 * plain + 0.3 * np.diag(np.diag(plain)), rtol=1e-13)


@given(st.integers(0, 10_000), st.floats(0.0, 0.9), st.floats(0.5, 50.0))
def test_is_positive_semi_definite_whatever_is_missing(seed, missing, halflife):
    r = returns(seed, 40, missing=missing)
    for cov in EwmaCovariance(3, halflife, 0.0).transform(r)[~np.isnan(r).all(axis=1).cumprod().astype(bool)]:
        assert np.isfinite(cov).all()
        assert np.array_equal(cov, cov.T)
        assert np.linalg.eigvalsh(cov)[0] >= -1e-12 * np.trace(cov)


def test_an_absent_instrument_keeps_its_variance_and_slowly_loses_its_correlation():
    kernel = EwmaCovariance(3, 10.0, 0.0)
    before = run(kernel, returns(3, 200))
    away = returns(4, 10)
    away[:, 2] = np.nan
    after = run(kernel, away)
    assert after[2, 2] == before[2, 2]
    corr = [c[0, 2] / np.sqrt(c[0, 0] * c[2, 2]) for c in (before, after)]
    assert 0.0 < corr[1] < corr[0]
    others = EwmaCovariance(3, 10.0, 0.0)
    run(others, returns(3, 200))
    filled = np.nan_to_num(away, nan=0.123)
    np.testing.assert_array_equal(run(others, filled)[:2, :2], after[:2, :2])


def test_an_unseen_instrument_has_the_mean_variance_of_the_others():
    r = returns(5, 30)
    r[:, 1] = np.nan
    kernel = EwmaCovariance(3, 10.0, 0.2)
    cov = run(kernel, r)
    assert cov[1, 1] == pytest.approx(0.5 * (cov[0, 0] + cov[2, 2]))
    assert not cov[1, [0, 2]].any()
    assert kernel.effective_observations[1] == 0.0


def test_permuting_the_instruments_permutes_the_matrix():
    r = returns(6, 80, missing=0.1)
    order = np.array([2, 0, 1])
    one, two = (run(EwmaCovariance(3, 15.0, 0.1), x) for x in (r, np.ascontiguousarray(r[:, order])))
    np.testing.assert_allclose(two, one[np.ix_(order, order)], rtol=1e-12)


def test_finds_the_covariance_of_a_long_stationary_series():
    g = np.random.default_rng(7)
    true = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, -0.5], [0.0, -0.5, 1.0]]) * 1e-4
    r = g.multivariate_normal(np.zeros(3), true, 20_000)
    np.testing.assert_allclose(run(EwmaCovariance(3, 2000.0, 0.0), r), true, atol=2e-5)


def test_outputs_are_fresh_arrays():
    kernel = EwmaCovariance(3, 10.0)
    first = kernel.update(returns(8, 1)[0])
    kept = first.copy()
    kernel.update(returns(9, 1)[0])
    np.testing.assert_array_equal(first, kept)


def test_readiness_snapshot_and_bad_parameters():
    kernel = EwmaCovariance(3, 4.5)
    ready = []
    for row in returns(1, 6):
        kernel.update(row)
        ready.append(kernel.ready)
    assert ready == [False] * 4 + [True] * 2
    other = EwmaCovariance(3, 4.5)
    other.restore(kernel.snapshot())
    row = returns(2, 1)[0]
    np.testing.assert_array_equal(other.update(row), kernel.update(row))
    with pytest.raises(IntegrityError):
        EwmaCovariance(4, 4.5).restore(kernel.snapshot())
    for args in ((0, 5.0), (3, 0.0), (3, 5.0, 1.5)):
        with pytest.raises(DataError, match="out of range"):
            EwmaCovariance(*args)


@given(st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([0.0, 0.1]))
def test_nearest_psd_is_the_projection(seed, n, floor):
    g = np.random.default_rng(seed)
    a = g.standard_normal((n, n))
    a = 0.5 * (a + a.T)
    x = nearest_psd(a, floor)
    values, gradient = np.linalg.eigvalsh(x), x - a
    assert values[0] >= floor - 1e-12
    # Optimality over the convex cone: <x - a, y - x> >= 0 for every feasible y.
    for _ in range(5):
        b = g.standard_normal((n, n))
        y = b @ b.T + floor * np.eye(n)
        assert np.sum(gradient * (y - x)) >= -1e-9
    np.testing.assert_allclose(nearest_psd(x, floor), x, atol=1e-12)


def test_nearest_psd_leaves_a_good_matrix_and_refuses_a_bad_one():
    good = np.array([[2.0, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(nearest_psd(good), good)
    for bad in (np.ones((2, 3)), np.array([[np.nan]])):
        with pytest.raises(DataError, match="covariance"):
            nearest_psd(bad)
