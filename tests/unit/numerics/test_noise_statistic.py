import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.dsp_thresholds import sevcik_dimensions
from janus_trader.numerics.fractional_noise import fractional_noise
from janus_trader.numerics.noise_statistic import RollingNoise, noise_statistic, structure_score


def written_out(r, q):
    total = np.sum(r**2)
    rho = np.array([np.sum(r[j:] * r[: r.size - j]) / total for j in range(1, q)])
    delta = np.array([np.sum((r[j:] * r[: r.size - j]) ** 2) / total**2 for j in range(1, q)])
    weight = 2.0 * (1.0 - np.arange(1, q) / q)
    z = np.log(1.0 + weight @ rho) / np.sqrt(weight**2 @ delta)
    return 2.0 * stats.norm.sf(abs(z))


@pytest.mark.parametrize("q", [2, 5, 8])
def test_agrees_with_its_definition(rng, q):
    r = rng.standard_normal(50) * 0.02
    assert noise_statistic(r, q) == pytest.approx(written_out(r, q), abs=1e-12)


@pytest.mark.parametrize("draw", ["normal", "t3"])
def test_is_uniform_on_random_walks(rng, draw):
    r = rng.standard_normal((3000, 64)) if draw == "normal" else rng.standard_t(3, (3000, 64))
    noise = [noise_statistic(x) for x in r]
    assert stats.kstest(noise, "uniform").statistic < 0.06


def test_falls_on_trends_drifts_and_reversion_alike(rng):
    cases = {
        "trend": fractional_noise(64, 0.85, rng, 400),
        "reversion": fractional_noise(64, 0.15, rng, 400),
        "drift": rng.standard_normal((400, 64)) + 0.8,
    }
    for r in cases.values():
        assert np.mean([noise_statistic(x) for x in r]) < 0.05


def test_is_nearly_uncorrelated_with_the_exponent_on_random_walks(rng):
    # an efficiency ratio, by contrast, shares the path length with H = 2 - D
    r = rng.standard_normal((4000, 64))
    paths = np.cumsum(r, axis=1)
    h = 2.0 - sevcik_dimensions(paths)
    inefficiency = 1.0 - np.abs(paths[:, -1] - paths[:, 0]) / np.abs(np.diff(paths, axis=1)).sum(axis=1)
    assert abs(np.corrcoef([noise_statistic(x) for x in r], h)[0, 1]) < 0.25
    assert np.corrcoef(inefficiency, h)[0, 1] < -0.6


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40), st.floats(1e-6, 1e6))
def test_bounded_symmetric_and_free_of_scale(values, scale):
    r = np.array(values)
    noise = noise_statistic(r, 2)
    assert 0.0 <= noise <= 1.0
    assert noise_statistic(-r, 2) == noise
    assert noise_statistic(r[::-1], 2) == pytest.approx(noise, abs=1e-6)
    if np.abs(r).min() > 1e-3:
        assert noise_statistic(r * scale, 2) == pytest.approx(noise, abs=1e-9)


def test_nothing_moving_is_noise_not_health():
    assert noise_statistic(np.zeros(20)) == 1.0
    assert noise_statistic(np.eye(20)[7]) == 1.0
    assert structure_score(np.full(20, 1e-300), 4) > 2.0


def test_rolling_is_the_window(rng):
    r = rng.standard_normal(60)
    got = RollingNoise(20, 4).transform(r)
    wanted = [noise_statistic(r[t - 19 : t + 1], 4) for t in range(19, 60)]
    np.testing.assert_allclose(got[19:], wanted, rtol=0, atol=1e-12)


def test_bad_input_is_refused():
    for bad in (np.array([1.0, np.nan, 2.0]), np.zeros((2, 2))):
        with pytest.raises(DataError):
            noise_statistic(bad, 2)
    for call in (
        lambda: noise_statistic(np.zeros(2), 2),
        lambda: RollingNoise(8, 8),
        lambda: RollingNoise(2),
    ):
        with pytest.raises(ConfigError):
            call()
