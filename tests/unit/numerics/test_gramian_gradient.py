import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.gramian import EDGE, gramian_fields
from janus_trader.numerics.gramian_gradient import gramian_gradient

both_fields = pytest.mark.parametrize("difference", [False, True])


def _by_differences(window, cotangent, difference, edge, h):
    slopes = np.empty(len(window))
    for i in range(len(window)):
        moved = np.stack([window, window])
        moved[0, i] += h
        moved[1, i] -= h
        up, down = gramian_fields(moved, difference=difference, edge=edge)
        slopes[i] = ((up - down) * cotangent).sum() / (2.0 * h)
    return slopes


@both_fields
@pytest.mark.parametrize("edge", [0.0, EDGE, 0.05])
@pytest.mark.parametrize("n", [3, 16, 67])
def test_gradient_matches_finite_differences(rng, n, edge, difference):
    windows = np.array([rng.permutation(n) * 0.5 + rng.uniform(0.0, 0.2, n) for _ in range(3)])
    cotangents = rng.standard_normal((3, n, n))
    got = gramian_gradient(windows, cotangents, difference=difference, edge=edge)
    for window, cotangent, ours in zip(windows, cotangents, got, strict=True):
        wanted = _by_differences(window, cotangent, difference, edge, 1e-5)
        np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max() + 1e-8)


@both_fields
def test_the_whole_jacobian_of_four_points(difference):
    window = np.array([[3.0, -1.0, 0.5, 2.0]])
    rows = [
        gramian_gradient(window, np.eye(16)[k].reshape(1, 4, 4), difference=difference)[0] for k in range(16)
    ]
    wanted = [
        _by_differences(window[0], np.eye(16)[k].reshape(4, 4), difference, EDGE, 1e-6) for k in range(16)
    ]
    np.testing.assert_allclose(rows, wanted, rtol=0, atol=1e-8)


@both_fields
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_neither_level_nor_scale_has_a_slope(difference, values, seed):
    window = np.array([values], float)
    cotangents = np.random.default_rng(seed).standard_normal((1, len(values), len(values)))
    got = gramian_gradient(window, cotangents, difference=difference)[0]
    size = np.abs(got).sum() + 1e-300
    assert abs(got.sum()) <= 1e-11 * size
    assert abs((got * window[0]).sum()) <= 1e-11 * size * (np.abs(window).max() + 1.0)


def test_tied_extremes_share_the_slope(rng):
    window, cotangent = np.array([[0.0, 0.0, 1.0, 0.4, 1.0, 1.0]]), rng.standard_normal((1, 6, 6))
    got = gramian_gradient(window, cotangent)[0]
    assert got[0] == got[1]
    assert got[2] == got[4] == got[5]
    # Moving all that are tied together keeps the ties: there the field has a derivative.
    for tied in ([0, 1], [2, 4, 5]):
        moved = np.repeat(window, 2, axis=0)
        moved[0, tied] += 1e-6
        moved[1, tied] -= 1e-6
        up, down = gramian_fields(moved)
        assert got[tied].sum() == pytest.approx(((up - down) * cotangent[0]).sum() / 2e-6, rel=1e-6)


def test_windows_without_a_derivative():
    windows = np.array([[2.0, 2.0, 2.0], [1.0, math.nan, 2.0], [1.0, math.inf, 2.0], [1.0, 2.0, 4.0]])
    got = gramian_gradient(windows, np.ones((4, 3, 3)))
    assert got[0].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(got[1:3]).all()
    assert np.isfinite(got[3]).all()
    assert gramian_gradient(windows[:1, :1], np.ones((1, 1, 1))).tolist() == [[0.0]]
    assert gramian_gradient(np.empty((0, 3)), np.empty((0, 3, 3))).shape == (0, 3)


def test_a_nan_cotangent_shows(rng):
    cotangents = np.ones((1, 8, 8))
    cotangents[0, 3, 5] = math.nan
    assert np.isnan(gramian_gradient(rng.standard_normal((1, 8)), cotangents)).any()


@both_fields
@pytest.mark.parametrize("n", [5, 64])
def test_single_precision_agrees_with_double(rng, n, difference):
    windows = np.cumsum(rng.standard_normal((4, n)), axis=1) + 100.0
    cotangents = rng.standard_normal((4, n, n)).astype(np.float32)
    out = np.empty((4, n), np.float32)
    single = gramian_gradient(windows, cotangents, out, difference=difference)
    assert single is out
    double = gramian_gradient(windows, cotangents.astype(float), difference=difference)
    np.testing.assert_allclose(single, double, rtol=0, atol=3e-5 * np.abs(double).max())


def test_what_does_not_fit_is_refused(rng):
    windows, cotangents = rng.standard_normal((2, 4)), rng.standard_normal((2, 4, 4))
    for bad in (cotangents[:1], cotangents[:, :3], cotangents[0]):
        with pytest.raises(DataError):
            gramian_gradient(windows, bad)
    for out in (np.empty((2, 4), np.float32), np.empty((2, 5)), np.empty((4, 2)).T):
        with pytest.raises(DataError):
            gramian_gradient(windows, cotangents, out)
    with pytest.raises(DataError):
        gramian_gradient(windows[0], cotangents)
    for edge in (-0.1, 1.0, math.nan):
        with pytest.raises(ConfigError):
            gramian_gradient(windows, cotangents, edge=edge)


def test_inputs_are_not_changed(rng):
    windows, cotangents = rng.standard_normal((2, 6)), rng.standard_normal((2, 6, 6))
    kept = windows.copy(), cotangents.copy()
    gramian_gradient(windows, cotangents)
    np.testing.assert_array_equal(windows, kept[0])
    np.testing.assert_array_equal(cotangents, kept[1])
