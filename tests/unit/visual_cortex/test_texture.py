"""The O(W) texture agrees with the full images, written out entry by entry from the definition."""

import numpy as np
import pytest

from janus_trader.brain.visual_cortex import N_TEXTURES, read_texture
from janus_trader.brain.visual_cortex.texture import line_travel


def read(path):
    w = len(path)
    out = np.empty(N_TEXTURES)
    units = line_travel(w), line_travel(w // 2), line_travel(w - w // 2)
    trend, reversal = read_texture(np.asarray(path, float), np.empty(w), np.empty(w), *units, out)
    return trend, reversal, out


def images(path):
    path = np.asarray(path, float)
    x = np.clip(2 * (path - path.min()) / np.ptp(path) - 1, -1 + 1e-6, 1 - 1e-6)
    phi = np.arccos(x)
    return np.cos(phi[:, None] + phi[None, :]), np.sin(phi[:, None] - phi[None, :])


def upper_mean(block):
    return block[np.triu_indices(len(block), 1)].mean()


@pytest.mark.parametrize("w", [8, 17, 32])
def test_texture_equals_means_over_the_arccos_images(w):
    path = np.cumsum(np.random.default_rng(w).standard_normal(w))
    gasf, gadf = images(path)
    h = w // 2
    line = images(np.arange(w))[1]
    trend, _, out = read(path)
    assert out[0] == pytest.approx(gasf[:h, :h].mean(), abs=1e-9)
    assert out[1] == pytest.approx(gasf[:h, h:].mean(), abs=1e-9)
    assert out[2] == pytest.approx(gasf[h:, h:].mean(), abs=1e-9)
    assert out[3] == pytest.approx(np.diag(gasf).mean(), abs=1e-9)
    assert out[4] == pytest.approx(gadf[:h, h:].mean(), abs=1e-9)
    assert trend == pytest.approx(np.clip(upper_mean(gadf) / upper_mean(line), -1, 1), abs=1e-9)


def test_texture_agrees_with_the_shared_gramian_kernel():
    gramian = pytest.importorskip("janus_trader.numerics.gramian")
    path = np.cumsum(np.random.default_rng(5).standard_normal(32))
    gasf, gadf = np.empty((32, 32)), np.empty((32, 32))
    gramian.gramian_angular_fields(path, gasf, gadf)
    _, _, out = read(path)
    assert out[1] == pytest.approx(gasf[:16, 16:].mean(), abs=1e-5)
    assert out[4] == pytest.approx(gadf[:16, 16:].mean(), abs=1e-5)


def test_straight_line_is_pure_trend_and_v_is_pure_reversal():
    trend, reversal, _ = read(np.linspace(0, 1, 32))
    assert trend == pytest.approx(1.0)
    assert reversal == pytest.approx(0.0, abs=1e-9)
    trend, reversal, _ = read(np.abs(np.linspace(-1, 1, 32)))
    assert reversal > 0.5
    assert abs(trend) < 0.1


def test_mirrored_path_flips_both_signs_and_flat_is_zero():
    path = np.cumsum(np.random.default_rng(1).standard_normal(32) + 0.2)
    up, down = read(path), read(-path)
    assert up[0] == pytest.approx(-down[0], abs=1e-12)
    assert up[1] == pytest.approx(-down[1], abs=1e-12)
    assert read(np.zeros(32))[:2] == (0.0, 0.0)


def test_everything_is_bounded():
    rng = np.random.default_rng(2)
    for _ in range(200):
        trend, reversal, out = read(np.cumsum(rng.standard_t(2, 24)))
        assert np.all(np.abs([trend, reversal, *out]) <= 1.0)
