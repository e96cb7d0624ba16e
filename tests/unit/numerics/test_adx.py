import math

import numpy as np
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.adx import ADX
from janus_trader.numerics.atr import example_bars


def _closes_only(close) -> np.ndarray:
    close = np.asarray(close, float)
    return np.column_stack((close, close, close))


def _brute_force(bars: np.ndarray, period: int) -> np.ndarray:
    """The definition with whole arrays: sums over the first bars, then Wilder's recursion."""
    high, low, close = bars.T
    up, down = np.diff(high), -np.diff(low)
    plus = np.where((up > down) & (up > 0), up, 0.0)
    minus = np.where((down > up) & (down > 0), down, 0.0)
    ranges = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])

    def smoothed(x):
        y = [x[:period].sum()]
        for value in x[period:]:
            y.append(y[-1] - y[-1] / period + value)
        return np.array(y)

    pdi, mdi = smoothed(plus) / smoothed(ranges), smoothed(minus) / smoothed(ranges)
    dx = 100.0 * np.abs(pdi - mdi) / (pdi + mdi)
    out = np.full(len(bars), np.nan)
    out[2 * period - 1] = dx[:period].mean()
    for k in range(period, len(dx)):
        out[period + k] = (out[period + k - 1] * (period - 1) + dx[k]) / period
    return out


@pytest.mark.parametrize("period", [3, 14])
def test_matches_the_definition(rng, period):
    bars = example_bars(rng, 200)
    np.testing.assert_allclose(ADX(period).transform(bars), _brute_force(bars, period), rtol=1e-11)


def test_settles_on_ta_lib(rng):
    bars = example_bars(rng, 900)
    high, low, close = np.ascontiguousarray(bars.T)
    np.testing.assert_allclose(
        ADX(14).transform(bars)[600:], talib.ADX(high, low, close, 14)[600:], rtol=1e-9
    )


def test_flat_prices_stay_finite_at_zero():
    y = ADX(3).transform(_closes_only(np.full(30, 7.0)))
    assert np.isnan(y[:5]).all()
    assert (y[5:] == 0.0).all()


def test_flat_then_moving_then_flat_stays_in_range(rng):
    close = np.concatenate((np.full(30, 7.0), 7.0 + np.cumsum(rng.standard_normal(30)), np.full(200, 5.0)))
    y = ADX(3).transform(_closes_only(close))[5:]
    assert ((y >= 0.0) & (y <= 100.0)).all()


def test_a_straight_line_is_the_strongest_trend():
    up, down = ADX(3), ADX(3)
    for price in range(1, 20):
        y = up.update(np.full(3, float(price))), down.update(np.full(3, -float(price)))
    assert y == (100.0, 100.0)
    assert (up.plus_di, up.minus_di) == (100.0, 0.0)
    assert (down.plus_di, down.minus_di) == (0.0, 100.0)


def test_turning_prices_over_swaps_the_directions(rng):
    bars = example_bars(rng, 80)
    mirrored = np.ascontiguousarray(-bars[:, [1, 0, 2]])
    a, b = ADX(5), ADX(5)
    for bar, mirror in zip(bars, mirrored, strict=True):
        ya, yb = a.update(bar), b.update(mirror)
    assert ya == pytest.approx(yb, rel=1e-12)
    assert (a.plus_di, a.minus_di) == pytest.approx((b.minus_di, b.plus_di), rel=1e-12)


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = example_bars(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    y = ADX(5).transform(holed)
    assert y[20] == y[19]
    np.testing.assert_array_equal(np.delete(y, 20), ADX(5).transform(bars))


def test_a_bad_period_is_refused():
    with pytest.raises(ConfigError, match="period"):
        ADX(0)
