import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.fractional_noise import fractional_noise
from janus_trader.numerics.hurst import RollingHurst, box_sizes, hurst_dfa


def written_out(x):
    """DFA-1 with polyfit in every box."""
    n, profile = len(x), np.cumsum(x - x.mean())
    logs, weights = [], []
    for s in box_sizes(n):
        count = n // s
        boxes = [profile[b * s : (b + 1) * s] for b in range(count)]
        boxes += [profile[n - (b + 1) * s : n - b * s] for b in range(count)]
        residuals = [y - np.polyval(np.polyfit(np.arange(s), y, 1), np.arange(s)) for y in boxes]
        logs.append((np.log(s), 0.5 * np.log(np.mean(np.square(residuals)) * s * s / (s * s - 4.0))))
        weights.append(count)
    a, b = np.array(logs).T
    return np.polyfit(a, b, 1, w=np.sqrt(weights))[0]


@pytest.mark.parametrize("n", [32, 97, 250])
def test_equals_a_written_out_one(rng, n):
    x = rng.standard_normal(n)
    assert hurst_dfa(x) == pytest.approx(written_out(x), abs=1e-9)


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7, 0.9])
def test_finds_the_exponent_of_fractional_noise(hurst):
    g = np.random.default_rng(int(10 * hurst))
    found = [hurst_dfa(x) for x in fractional_noise(500, hurst, g, series=60)]
    assert np.mean(found) == pytest.approx(hurst, abs=0.035)


def test_short_white_noise_is_unbiased():
    g = np.random.default_rng(5)
    found = [hurst_dfa(g.standard_normal(128)) for _ in range(1500)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.015)
    assert np.std(found) < 0.1


def test_scale_and_drift_do_not_matter(rng):
    x = rng.standard_normal(128)
    assert hurst_dfa(-1e-4 * x + 2e-4) == pytest.approx(hurst_dfa(x), abs=1e-9)


def test_rolling_form_equals_the_batch_form(rng):
    x = rng.standard_normal(60)
    got = RollingHurst(45).transform(x)
    assert np.isnan(got[:44]).all()
    assert got[44:].tolist() == [hurst_dfa(x[t - 44 : t + 1]) for t in range(44, 60)]


def test_constant_increments_have_no_exponent():
    assert np.isnan(hurst_dfa(np.full(64, 0.1)))


def test_bad_input_is_refused():
    for bad in (np.ones(31), np.append(np.ones(40), np.nan), np.ones((40, 2))):
        with pytest.raises(DataError, match="DFA"):
            hurst_dfa(bad)
    with pytest.raises(DataError, match="too short"):
        RollingHurst(31)
