"""Candles, by hand and against TA-Lib."""

from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.numerics.candlestick import (
    CandlestickPatterns,
    body_fraction,
    candle,
    doji,
    engulfing,
    inside_bar,
    pin_bar,
)


def bar(opened, high, low, close):
    record = np.zeros(1, BAR_DTYPE)
    record[0] = (opened, high, low, close, 1.0, 0, 0)
    return record[0]


def test_a_bar_with_range_is_its_own_candle():
    assert candle(90.0, bar(10.0, 12.0, 9.0, 11.0)) == (10.0, 12.0, 9.0)


@pytest.mark.parametrize(("previous", "expected"), [(9.0, (9.0, 10.0, 9.0)), (12.0, (12.0, 12.0, 10.0))])
def test_a_bar_without_range_reaches_from_the_close_before(previous, expected):
    assert candle(previous, bar(10.0, 10.0, 10.0, 10.0)) == expected


def test_the_first_bar_has_no_close_before():
    assert candle(0.0, bar(10.0, 10.0, 10.0, 10.0)) == (10.0, 10.0, 10.0)


def test_body_fraction():
    assert body_fraction(10.0, 12.0, 8.0, 11.0) == 0.25
    assert body_fraction(11.0, 12.0, 8.0, 10.0) == -0.25
    assert body_fraction(10.0, 10.0, 10.0, 10.0) == 0.0


def test_pin_bars():
    assert pin_bar(10.0, 10.6, 8.0, 10.5, 2.0) == 1.0
    assert pin_bar(10.5, 12.5, 9.9, 10.0, 2.0) == -1.0
    assert pin_bar(10.0, 10.6, 9.2, 10.5, 2.0) == 0.0  # wick too short
    assert pin_bar(10.0, 12.0, 8.0, 10.0, 2.0) == 0.0  # as long on both sides
    assert pin_bar(10.0, 11.0, 10.0, 11.0, 2.0) == 0.0  # no wick


def test_engulfing():
    assert engulfing(10.0, 9.0, 8.9, 10.1) == 1.0
    assert engulfing(9.0, 10.0, 10.1, 8.9) == -1.0
    assert engulfing(10.0, 9.0, 9.1, 10.1) == 0.0
    assert engulfing(9.0, 10.0, 8.0, 11.0) == 0.0  # same direction
    assert engulfing(10.0, 10.0, 9.0, 11.0) == 0.0  # no body before


def test_doji():
    assert doji(10.0, 12.0, 8.0, 10.25, 0.1) == 1.0
    assert doji(10.0, 12.0, 8.0, 10.5, 0.1) == 0.0
    assert doji(10.0, 10.0, 10.0, 10.0, 0.1) == 0.0  # no range


def test_inside_bar():
    assert inside_bar(12.0, 8.0, 12.0, 8.0) == 1.0
    assert inside_bar(12.0, 8.0, 11.0, 7.9) == 0.0
    assert inside_bar(12.0, 8.0, 12.1, 9.0) == 0.0


def test_the_columns_are_the_patterns(rng):
    bars = CandlestickPatterns.example_input(rng, 60)
    y = CandlestickPatterns(1.5, 0.2).transform(bars)
    assert np.isnan(y[0]).all()
    for t in range(1, len(bars)):
        opened, high, low, close = bars[t]
        assert y[t].tolist() == [
            body_fraction(opened, high, low, close),
            doji(opened, high, low, close, 0.2),
            pin_bar(opened, high, low, close, 1.5),
            engulfing(bars[t - 1, 0], bars[t - 1, 3], opened, close),
            inside_bar(bars[t - 1, 1], bars[t - 1, 2], high, low),
        ]


def test_engulfing_matches_ta_lib(rng):
    opened, close = 100.0 + rng.standard_normal((2, 400))
    high, low = np.maximum(opened, close) + 0.1, np.minimum(opened, close) - 0.1
    ours = CandlestickPatterns().transform(np.column_stack((opened, high, low, close)))[2:, 3]
    theirs = np.sign(talib.CDLENGULFING(opened, high, low, close))[2:]
    assert (theirs != 0).sum() > 30
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("column", range(4))
def test_a_bar_with_one_missing_field_is_skipped(rng, column):
    bars = CandlestickPatterns.example_input(rng, 40)
    holed = np.insert(bars, 20, bars[20], axis=0)
    holed[20, column] = math.nan
    y = CandlestickPatterns().transform(holed)
    np.testing.assert_array_equal(y[20], y[19])
    np.testing.assert_array_equal(np.delete(y, 20, axis=0), CandlestickPatterns().transform(bars))


@pytest.mark.parametrize("bad", [(0.0, 0.1), (math.inf, 0.1), (2.0, -0.1), (2.0, 1.1), (2.0, math.nan)])
def test_bad_limits_are_refused(bad):
    with pytest.raises(ConfigError):
        CandlestickPatterns(*bad)
