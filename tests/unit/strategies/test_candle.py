"""Candles, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.strategies.candle import body_fraction, candle, engulfing, pin_bar


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
