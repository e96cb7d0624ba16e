import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.gramian import EDGE, gramian_angular_fields, gramian_fields, gramian_image, paa

windows = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=24).map(np.array)


def _fields(window):
    n = len(window)
    gasf, gadf = np.empty((n, n)), np.empty((n, n))
    gramian_angular_fields(np.asarray(window, float), gasf, gadf)
    return gasf, gadf


def _by_angles(window, edge=EDGE):
    """Wang and Oates with the arccos written out."""
    lo, hi = window.min(), window.max()
    x = np.clip(((window - hi) + (window - lo)) / (hi - lo), -(1.0 - edge), 1.0 - edge)
    phi = np.arccos(x)
    return np.cos(phi[:, None] + phi[None, :]), np.sin(phi[:, None] - phi[None, :])


def test_matches_the_angles_written_out(rng):
    window = 100.0 + np.cumsum(rng.standard_normal(32))
    for ours, theirs in zip(_fields(window), _by_angles(window), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_three_points_by_hand():
    # x = (-1, 0, 1) up to the clip: phi = (pi, pi/2, 0).
    gasf, gadf = _fields([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gasf, [[1, 0, -1], [0, -1, 0], [-1, 0, 1]], atol=3e-3)
    np.testing.assert_allclose(gadf, [[0, 1, 0], [-1, 0, 1], [0, -1, 0]], atol=3e-3)


@given(windows)
def test_symmetries_diagonal_and_range_are_exact(window):
    gasf, gadf = _fields(window)
    assert np.array_equal(gasf, gasf.T)
    assert np.array_equal(gadf, -gadf.T)
    assert (np.diag(gadf) == 0.0).all()
    assert (np.abs(gasf) <= 1.0 + 1e-12).all()
    assert (np.abs(gadf) <= 1.0 + 1e-12).all()


@given(windows)
def test_the_two_fields_are_one_angle(window):
    """cos^2 of the sum and sin^2 of the difference come from unit vectors: c^2 + s^2 = 1."""
    gasf, _ = _fields(window)
    cosine_squared = (1.0 + np.diag(gasf)) / 2.0
    assert ((cosine_squared >= -1e-12) & (cosine_squared <= (1.0 - EDGE) ** 2 + 1e-12)).all()


def test_both_fields_have_rank_two(rng):
    for field in _fields(np.cumsum(rng.standard_normal(20))):
        assert (np.linalg.svd(field, compute_uv=False)[2:] < 1e-12).all()


def test_scale_and_level_do_not_matter(rng):
    window = np.round(np.cumsum(rng.standard_normal(16)) * 64.0)
    for ours, moved in zip(_fields(window), _fields(window * 8.0 + 4096.0), strict=True):
        np.testing.assert_array_equal(ours, moved)


def test_turning_the_window_over_negates_the_difference_field(rng):
    window = np.round(np.cumsum(rng.standard_normal(16)) * 64.0)
    (gasf, gadf), (gasf_over, gadf_over) = _fields(window), _fields(-window)
    np.testing.assert_allclose(gasf_over, gasf, atol=1e-15)
    np.testing.assert_allclose(gadf_over, -gadf, atol=1e-15)


def test_the_clip_keeps_the_ends_inside():
    gasf, _ = _fields([0.0, 1.0])
    assert gasf[1, 1] == pytest.approx(2.0 * (1.0 - EDGE) ** 2 - 1.0, abs=1e-15)
    assert gasf[1, 1] < 1.0


def test_a_constant_window_has_a_defined_image():
    gasf, gadf = _fields(np.full(5, 3.0))
    assert (gasf == -1.0).all()
    assert (gadf == 0.0).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_value_blanks_the_image(bad):
    for field in _fields([1.0, bad, 3.0]):
        assert np.isnan(field).all()


@pytest.mark.parametrize("edge", [0.0, EDGE, 0.1])
@pytest.mark.parametrize("n", [2, 7, 64])
def test_a_batch_matches_the_angles_written_out(rng, n, edge):
    windows = 100.0 + np.cumsum(rng.standard_normal((3, n)), axis=1)
    for difference in (False, True):
        wanted = [_by_angles(window, edge)[difference] for window in windows]
        got = gramian_fields(windows, difference=difference, edge=edge)
        # arccos near 1 loses half the digits, so the oracle is the less exact side without an edge.
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 if edge else 1e-7)
        single = gramian_fields(windows, np.empty((3, n, n), np.float32), difference=difference, edge=edge)
        np.testing.assert_allclose(single, got, rtol=0, atol=2e-7)


def test_a_batch_is_its_windows(rng):
    windows = np.cumsum(rng.standard_normal((4, 19)), axis=1)
    gasf, gadf = gramian_fields(windows), gramian_fields(windows, difference=True)
    for k in range(4):
        for ours, alone in zip((gasf[k], gadf[k]), _fields(windows[k]), strict=True):
            np.testing.assert_array_equal(ours, alone)
    assert gramian_fields(np.empty((0, 5))).shape == (0, 5, 5)


def test_without_an_edge_the_extremes_are_exact():
    np.testing.assert_array_equal(
        gramian_fields(np.array([[1.0, 2.0, 3.0]]), edge=0.0)[0], [[1, 0, -1], [0, -1, 0], [-1, 0, 1]]
    )


def test_a_buffer_is_filled_and_returned(rng):
    windows, out = rng.standard_normal((2, 6)), np.full((2, 6, 6), 7.0)
    kept = windows.copy()
    assert gramian_fields(windows, out) is out
    np.testing.assert_array_equal(out, gramian_fields(windows))
    np.testing.assert_array_equal(windows, kept)


def test_a_batch_that_does_not_fit_is_refused(rng):
    windows = rng.standard_normal((2, 4))
    for out in (np.empty((2, 4)), np.empty((2, 4, 4), np.int64), np.empty((4, 4, 2)).T, np.empty((1, 4, 4))):
        with pytest.raises(DataError, match="output array"):
            gramian_fields(windows, out)
    for bad in (windows[0], np.empty((2, 0)), np.empty((1, 2, 3))):
        with pytest.raises(DataError, match="batch of windows"):
            gramian_fields(bad)
    for edge in (-1e-9, 1.0, math.nan):
        with pytest.raises(ConfigError):
            gramian_fields(windows, edge=edge)


def test_ranges_beyond_the_arithmetic():
    got = gramian_fields(np.array([[0.0, 5e-324, 0.0], [-1e308, 0.0, 1e308], [1.0, 2.0, math.nan]]))
    assert (got[0] == -1.0).all()
    assert np.isnan(got[1:]).all()


def _paa_by_repetition(x, w):
    """Repeat each point w times, then average blocks of n: the fractional weights without fractions."""
    return np.repeat(x, w).reshape(w, len(x)).mean(axis=1)


@given(windows, st.data())
def test_paa_matches_repetition(x, data):
    w = data.draw(st.integers(1, len(x)))
    np.testing.assert_allclose(paa(x, w), _paa_by_repetition(x, w), rtol=1e-9, atol=1e-8)


def test_paa_limits():
    x = np.array([1.0, 5.0, 3.0, 7.0, 4.0])
    np.testing.assert_array_equal(paa(x, 5), x)
    assert paa(x, 1).tolist() == [4.0]
    assert paa(x, 2).tolist() == [(1 + 5 + 1.5) / 2.5, (1.5 + 7 + 4) / 2.5]
    assert paa(x, 3).mean() == pytest.approx(4.0)


def test_paa_refuses_what_it_cannot_average():
    for x, w in ((np.arange(5.0), 0), (np.arange(5.0), 6), (np.zeros((2, 2)), 1), (np.zeros(0), 1)):
        with pytest.raises(DataError):
            paa(x, w)


def test_image_averages_before_it_rescales(rng):
    x = np.cumsum(rng.standard_normal(50))
    image = gramian_image(x, 16)
    assert image.shape == (2, 16, 16)
    for ours, theirs in zip(image, _fields(paa(x, 16)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
