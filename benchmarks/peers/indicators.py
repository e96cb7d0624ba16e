"""Peers of the indicator bundle."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Peer

AVERAGES = (8, 13, 21, 50, 200)


def _ta_lib(inputs):
    import talib

    high, low, close = np.ascontiguousarray(inputs["bars"][:, 1:4].T)

    def call():
        columns = [talib.EMA(close, period) for period in AVERAGES]
        columns += [talib.RSI(close, 14), talib.ATR(high, low, close, 14), talib.ADX(high, low, close, 14)]
        upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
        return [*columns, middle, upper, lower, *talib.MACD(close, 12, 26, 9)]

    return call


def _ta_lib_handles(inputs):
    from talib import stream

    from janus_trader.research.bench.works.indicators import _bars

    high, low, close = np.ascontiguousarray(_bars(1_000)[:, 1:4].T)
    of_close = [stream.EMA(close, period) for period in AVERAGES]
    of_close += [stream.RSI(close, 14), stream.BBANDS(close, 20, 2.0, 2.0), stream.MACD(close, 12, 26, 9)]
    of_bar = [stream.ATR(high, low, close, 14), stream.ADX(high, low, close, 14)]
    updates, bar_updates, ticks = [h.update for h in of_close], [h.update for h in of_bar], inputs["ticks"]

    def call():
        for high, low, close in ticks:
            values = [update(close) for update in updates]
            of_ranges = [update(high, low, close) for update in bar_updates]
        upper, middle, lower = values[6]
        return np.array([*values[:6], *of_ranges, middle, upper, lower, *values[7]])

    return call


def _nautilus(inputs):
    from nautilus_trader.core import nautilus_pyo3 as nautilus

    exponential, wilder = nautilus.MovingAverageType.Exponential, nautilus.MovingAverageType.Wilder
    ticks = inputs["ticks"]

    def call():
        averages = [nautilus.ExponentialMovingAverage(period) for period in AVERAGES]
        macd = nautilus.MovingAverageConvergenceDivergence(12, 26, exponential)
        signal = nautilus.ExponentialMovingAverage(9)
        # Whatever type of average is asked for, RSI takes an exponential one (2 / (27 + 1) is Wilder's
        # 1 / 14) and ATR a simple one.
        rsi, atr = nautilus.RelativeStrengthIndex(27), nautilus.AverageTrueRange(14, wilder)
        movement, adx = nautilus.DirectionalMovement(14, wilder), nautilus.WilderMovingAverage(14)
        bands = nautilus.BollingerBands(20, 2.0)
        for high, low, close in ticks:
            for average in averages:
                average.update_raw(close)
            macd.update_raw(close)
            signal.update_raw(macd.value)
            rsi.update_raw(close)
            atr.update_raw(high, low, close)
            movement.update_raw(high, low)
            total = movement.pos + movement.neg
            adx.update_raw(100.0 * abs(movement.pos - movement.neg) / total if total else 0.0)
            bands.update_raw(close, close, close)
        row = [average.value for average in averages]
        row += [100.0 * rsi.value, atr.value, adx.value, bands.middle, bands.upper, bands.lower]
        return np.array([*row, macd.value, signal.value, macd.value - signal.value])

    return call


def _talipp(inputs):
    from talipp.indicators import ADX, ATR, BB, EMA, MACD, RSI
    from talipp.ohlcv import OHLCV

    ticks = inputs["ticks"][:1_000]
    bars = [OHLCV(close, high, low, close, 1.0) for high, low, close in ticks]

    def call():
        of_close = [EMA(period) for period in AVERAGES] + [RSI(14), BB(20, 2.0), MACD(12, 26, 9)]
        of_bar = [ATR(14), ADX(14, 14)]
        for bar in bars:
            for indicator in of_close:
                indicator.add(bar.close)
            for indicator in of_bar:
                indicator.add(bar)
        return of_close[-1][-1]

    return call


def _same_row(ours, theirs) -> float:
    return float(np.abs(ours - theirs).max())


def _same_row_but_atr(ours, theirs) -> float:
    return float(np.abs(np.delete(ours - theirs, 6)).max())


def _settled_columns(ours, theirs) -> float:
    return max(float(np.abs(ours[5_000:, j] - column[5_000:]).max()) for j, column in enumerate(theirs))


PEERS = (
    Peer(
        "indicators.bundle.py",
        "nautilus_trader (Rust)",
        "nautilus_trader",
        _nautilus,
        _same_row_but_atr,
        settings="13 calls a tick, outputs read once at the end; its ATR averages simply, whatever is asked "
        "for, and is left out of the difference of the last tick's outputs",
    ),
    Peer(
        "indicators.bundle.py",
        "TA-Lib handles",
        "TA-Lib",
        _ta_lib_handles,
        _same_row,
        settings="its stateful stream handles, 10 calls a tick; difference of the last tick's outputs",
    ),
    Peer(
        "indicators.bundle.py",
        "talipp",
        "talipp",
        _talipp,
        items=1_000,
        settings="keeps the whole history; a third of the ticks",
    ),
    Peer(
        "indicators.batch.1m",
        "TA-Lib",
        "TA-Lib",
        _ta_lib,
        _settled_columns,
        settings="10 passes over contiguous columns, ours reads rows; difference from bar 5,000 on",
    ),
)
