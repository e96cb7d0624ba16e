import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.fractal_bundle import FractalBundle, hurst_lagged
from janus_trader.numerics.frama import FRAMA
from janus_trader.numerics.sevcik import RollingSevcik
from janus_trader.numerics.vector_log import log_in_place


def written_out(w):
    lags = np.arange(2, 21)
    return np.polyfit(np.log(lags), np.log([np.std(w[k:] - w[:-k]) for k in lags]), 1)[0]


def test_the_bundle_is_its_parts(rng):
    p = np.cumsum(rng.standard_normal(600)) + 100.0
    rows = FractalBundle(64).transform(p)
    np.testing.assert_array_equal(rows[:, 0], FRAMA(64).transform(np.column_stack([p, p])))
    np.testing.assert_array_equal(rows[:, 2], RollingSevcik(64).transform(p))
    wanted = [written_out(p[t - 63 : t + 1]) for t in range(63, 600)]
    np.testing.assert_allclose(rows[63:, 3], wanted, rtol=0, atol=1e-10)


def test_the_dimension_is_the_one_of_frama(rng):
    p = np.cumsum(rng.standard_normal(100))
    bundle, average = FractalBundle(32), FRAMA(32)
    for x in p:
        row = bundle.update(x)
        average.update(np.array([x, x]))
    assert row[1] == average.dimension


@pytest.mark.parametrize("n", [32, 64, 301])
def test_lagged_exponent_equals_the_usual_snippet(rng, n):
    w = np.cumsum(rng.standard_normal(n))
    assert hurst_lagged(w) == pytest.approx(written_out(w), abs=1e-12)
    assert hurst_lagged(-1e-3 * w + 50.0) == pytest.approx(hurst_lagged(w), abs=1e-8)


def test_a_spike_leaves_nothing_behind(rng):
    p = np.cumsum(rng.standard_normal(400)) + 100.0
    p[150] = 1e9
    got = FractalBundle(64).transform(p)[:, 3]
    wanted = [written_out(p[t - 63 : t + 1]) for t in range(214, 400)]
    np.testing.assert_allclose(got[214:], wanted, rtol=0, atol=1e-9)


def test_paths_without_movement():
    rows = FractalBundle(32).transform(np.r_[np.full(40, 5.0), 5.0 + np.arange(60.0)])
    assert rows[39].tolist()[:3] == [5.0, 1.0, 1.0]
    assert np.isnan(rows[39, 3])
    assert np.isnan(rows[-1, 3])  # a straight line: every lagged difference is the same
    assert rows[-1, 1] == pytest.approx(1.0, abs=0.1)
    assert np.isnan(hurst_lagged(np.full(64, 3.0)))


def test_bad_input_is_refused():
    for bad in (np.ones(31), np.append(np.ones(40), np.inf), np.ones((40, 2))):
        with pytest.raises(DataError, match="lagged Hurst"):
            hurst_lagged(bad)
    for window in (30, 33):
        with pytest.raises(ConfigError):
            FractalBundle(window)


def test_logarithms_are_right_to_the_last_place_or_so(rng):
    x = np.r_[rng.lognormal(0.0, 100.0, 2000), 1.0 + 1e-9 * rng.standard_normal(100), 1e-307, 1e308, 1.0]
    got = x.copy()
    log_in_place(got)
    assert (np.abs(got - np.log(x)) <= 2.0 * np.spacing(np.abs(np.log(x)))).all()


@pytest.mark.parametrize(("n", "mean", "deviation"), [(64, 0.35, 0.16), (256, 0.47, 0.07)])
def test_random_walks_have_the_stated_mean_and_deviation(rng, n, mean, deviation):
    h = [hurst_lagged(walk) for walk in np.cumsum(rng.standard_normal((4000, n)), axis=1)]
    assert np.mean(h) == pytest.approx(mean, abs=0.01)
    assert np.std(h) == pytest.approx(deviation, abs=0.01)
