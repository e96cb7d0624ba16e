"""GAF video against its definition, written out index by index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.gramian import paa
from janus_trader.numerics.gramian_video import (
    frame_coordinates,
    gramian_video,
    paa_matrix,
    patches_into,
    sliding_windows,
    video_frames,
)


def by_definition(x, window, stride, size):
    """Eq. 1, 3, 5, 6 after averaging by repeating every point ``size`` times."""
    frames = []
    for start in range(0, len(x) - window + 1, stride):
        w = np.repeat(x[start : start + window], size).reshape(size, window).mean(axis=1)
        c = 2 * (w - w.min()) / np.ptp(w) - 1 if np.ptp(w) > 0 else np.zeros(size)
        phi = np.arccos(np.clip(c, -1 + 1e-6, 1 - 1e-6))
        frames.append([np.cos(phi[:, None] + phi), np.sin(phi[:, None] - phi)])
    return np.array(frames)


@given(st.integers(2, 12), st.integers(1, 7), st.integers(0, 30), st.integers(0, 2**31))
def test_video_is_the_stack_of_its_frames(window, stride, more, seed):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal(window + more))
    size = int(rng.integers(2, window + 1))
    video = gramian_video(x, window, stride, size)
    exact = by_definition(x, window, stride, size)
    assert video.shape == exact.shape == (video_frames(len(x), window, stride), 2, size, size)
    np.testing.assert_allclose(video, exact, atol=1e-7)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_fractional_averages_by_brute_force(n, w, seed):
    w = min(w, n)
    x = np.random.default_rng(seed).standard_normal(n)
    exact = np.repeat(x, w).reshape(w, n).mean(axis=1)  # every point in w equal pieces, n pieces a frame
    np.testing.assert_allclose(paa(x, w), exact, atol=1e-12)
    np.testing.assert_allclose(x @ paa_matrix(n, w), exact, atol=1e-12)


def test_windows_are_those_of_the_specification():
    x = np.arange(1.0, 12.0)
    windows = sliding_windows(x, 4, 3)
    for k in range(1, 4):
        assert windows[k - 1].tolist() == [(k - 1) * 3 + i for i in range(1, 5)]
    assert len(windows) == video_frames(11, 4, 3) == 3


def test_a_frame_sees_its_own_window_alone():
    x = np.cumsum(np.random.default_rng(0).standard_normal(40))
    changed = x.copy()
    changed[30:] += 100.0
    a, b = gramian_video(x, 8, 4, 8), gramian_video(changed, 8, 4, 8)
    assert a[:6].tobytes() == b[:6].tobytes()
    assert not np.allclose(a[6], b[6])


def test_flat_and_broken_windows():
    flat = gramian_video(np.full(8, 3.0) + 1e-14 * np.arange(8), 8, 1, 4)[0]
    np.testing.assert_array_equal(flat[0], -1.0)
    np.testing.assert_array_equal(flat[1], 0.0)
    x = np.arange(12.0)
    x[10] = np.nan
    video = gramian_video(x, 4, 4, 4)
    assert np.isfinite(video[:2]).all()
    assert np.isnan(video[2]).all()
    for args in ((x[:3], 4, 1, 4), (x, 4, 0, 4), (x, 4, 1, 5), (x[None], 4, 1, 4)):
        with pytest.raises(DataError):
            gramian_video(*args)


def test_patches_are_cut_from_the_images():
    x = np.cumsum(np.random.default_rng(3).standard_normal(8))
    cosine, sine = np.empty((2, 8))
    frame_coordinates(x, np.empty(8), cosine, sine, 1e-6)
    patches = np.full((4, 4 * 16), np.nan)
    patches_into(cosine, sine, 4, 2, patches)
    image = gramian_video(x, 8, 1, 8)[0]
    for a in range(2):
        for b in range(2):
            block = image[:, 4 * a : 4 * a + 4, 4 * b : 4 * b + 4]
            np.testing.assert_allclose(patches[2 * a + b, 32:], block.ravel(), atol=1e-15)
    assert np.isnan(patches[:, :32]).all()
