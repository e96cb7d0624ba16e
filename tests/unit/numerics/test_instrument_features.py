import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.features import INSTRUMENT_FEATURES
from janus_trader.numerics.dsp_vector import DSP_NAMES, DSPVector
from janus_trader.numerics.fractional_noise import fractional_noise
from janus_trader.numerics.instrument_features import InstrumentFeatures
from janus_trader.numerics.noise_statistic import RollingNoise
from janus_trader.numerics.trend_slope import TrendSlope
from janus_trader.numerics.volatility import EwmaVolatility


def column(rows, name):
    return rows[:, INSTRUMENT_FEATURES.index(name)]


def test_columns_are_those_of_the_kernels_they_name(rng):
    closes = 50.0 * np.exp(np.cumsum(rng.standard_normal(300)) * 0.02)
    rows = InstrumentFeatures().transform(closes)
    assert INSTRUMENT_FEATURES[:8] == DSP_NAMES
    np.testing.assert_array_equal(rows[112:, :8], DSPVector().transform(closes)[112:])
    returns = np.diff(np.log(closes))
    late = rows[113:]
    np.testing.assert_allclose(
        column(late, "trend_slope"), TrendSlope(64).transform(returns)[112:], atol=1e-9
    )
    np.testing.assert_allclose(column(late, "noise"), RollingNoise(64, 8).transform(returns)[112:], atol=1e-9)
    short, long = (EwmaVolatility(h).transform(returns)[112:] for h in (10.0, 60.0))
    np.testing.assert_allclose(column(late, "volatility_ratio"), short / long - 1.0, atol=1e-12)
    assert (column(rows[112:], "known") == 1.0).all()


def test_slope_and_divergence_are_not_one_measurement(rng):
    closes = np.exp(np.cumsum(fractional_noise(4000, 0.5, rng)[0]) * 0.01)
    rows = InstrumentFeatures().transform(closes)[112:]
    agree = np.mean(np.sign(column(rows, "trend_slope")) == column(rows, "divergence_sign"))
    assert 0.5 < agree < 0.9  # related, but each says what the other does not
    assert abs(np.corrcoef(column(rows, "noise"), column(rows, "hurst"))[0, 1]) < 0.4


def test_a_rise_of_volatility_shows():
    wave = np.where(np.arange(200) % 2, 0.01, -0.01)
    wave[180:] *= 4.0
    rows = InstrumentFeatures().transform(np.exp(np.cumsum(wave)))
    ratio = column(rows, "volatility_ratio")
    assert abs(ratio[170]) < 1e-12
    assert ratio[-1] > 0.3


def test_constant_price_is_noise_without_slope():
    rows = InstrumentFeatures().transform(np.full(150, 7.0))
    last = dict(zip(INSTRUMENT_FEATURES, rows[-1].tolist(), strict=True))
    assert (last["trend_slope"], last["noise"], last["volatility_ratio"]) == (0.0, 1.0, 0.0)


def test_prices_that_are_none_are_ignored(rng):
    closes = 50.0 * np.exp(np.cumsum(rng.standard_normal(140)) * 0.02)
    dirty = np.insert(closes, [5, 60, 130], [-1.0, 0.0, np.inf])
    np.testing.assert_array_equal(
        InstrumentFeatures().transform(dirty)[-1], InstrumentFeatures().transform(closes)[-1]
    )


@pytest.mark.parametrize(
    "wrong", [{"window": 50}, {"trend_window": 2}, {"noise_horizon": 64}, {"short_halflife": 60.0}]
)
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        InstrumentFeatures(**wrong)
