import math
import pickle

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics.adx import ADX
from janus_trader.numerics.atr import ATR
from janus_trader.numerics.bollinger import Bollinger
from janus_trader.numerics.ema import EMA
from janus_trader.numerics.indicator_bundle import OUTPUTS, IndicatorBundle
from janus_trader.numerics.macd import MACD
from janus_trader.numerics.rsi import RSI

SHORT = {"rsi": 5, "atr": 7, "adx": 3, "window": 20, "width": 1.5, "macd": (3, 10, 4)}


def single_kernels(bars: np.ndarray, averages, rsi, atr, adx, window, width, macd) -> np.ndarray:
    close, hlc = bars[:, 3], bars[:, 1:4]
    columns = [EMA(period).transform(close) for period in averages]
    columns += [RSI(rsi).transform(close), ATR(atr).transform(hlc), ADX(adx).transform(hlc)]
    columns += [*Bollinger(window, width).transform(close).T, *MACD(*macd).transform(close).T]
    return np.column_stack(columns)


@pytest.fixture
def bars(rng) -> np.ndarray:
    return IndicatorBundle.example_input(rng, 600)


def test_every_column_equals_its_single_kernel_to_the_last_bit(bars):
    wanted = single_kernels(bars, (8, 13, 21, 50, 200), 14, 14, 14, 20, 2.0, (12, 26, 9))
    np.testing.assert_array_equal(IndicatorBundle().transform(bars), wanted)
    averages = (1, 2, 30, 4, 5)
    bundle = IndicatorBundle(averages, **SHORT)
    np.testing.assert_array_equal(bundle.transform(bars), single_kernels(bars, averages, **SHORT))


def test_jumps_and_flat_stretches_equal_the_single_kernels(bars):
    bars[250:300, 1:4] = 50.0
    bars[400:, 1:4] += 1e6
    wanted = single_kernels(bars, (8, 13, 21, 50, 200), 14, 14, 14, 20, 2.0, (12, 26, 9))
    np.testing.assert_array_equal(IndicatorBundle().transform(bars), wanted)


def test_ticks_equal_the_batch(bars):
    bundle = IndicatorBundle((2, 3, 4, 5, 6), **SHORT)
    wanted = bundle.transform(bars)
    got = np.array([bundle.tick(*map(float, bar[1:4])).copy() for bar in bars])
    np.testing.assert_array_equal(got, wanted)


def test_the_nested_states_are_those_of_the_single_kernels(bars):
    bundle = IndicatorBundle((8, 13, 21, 50, 60))
    kernels = {
        "rsi": RSI(),
        "atr": ATR(),
        "adx": ADX(),
        "bands": Bollinger(),
        "macd": MACD(),
        "ema_5": EMA(60),
    }
    for bar in bars[:200]:
        bundle.update(bar)
        for name, kernel in kernels.items():
            kernel.update(bar[1:4] if name in ("atr", "adx") else bar[3])
    for name, kernel in kernels.items():
        assert bundle._state[name][0].tobytes() == kernel.snapshot(), name


@pytest.mark.parametrize("column", [1, 2, 3])
@pytest.mark.parametrize("row", [0, 30, 599])
def test_a_bar_with_a_missing_price_is_skipped(bars, row, column):
    holed = np.insert(bars, row, bars[row], axis=0)
    holed[row, column] = math.nan
    bundle = IndicatorBundle((2, 3, 4, 5, 6), **SHORT)
    y = bundle.transform(holed)
    np.testing.assert_array_equal(np.delete(y, row, axis=0), bundle.transform(bars))
    np.testing.assert_array_equal(y[row], y[row - 1] if row else np.full(len(OUTPUTS), np.nan))


def test_open_and_volume_are_not_read(bars):
    other = bars.copy()
    other[:, [0, 4]] = math.nan
    np.testing.assert_array_equal(IndicatorBundle().transform(bars), IndicatorBundle().transform(other))


def test_flat_prices_are_neutral():
    row = IndicatorBundle().transform(np.full((300, 5), 8.0))[-1]
    wanted = {"rsi": 50.0, "atr": 0.0, "adx": 0.0, "macd": 0.0, "signal": 0.0, "histogram": 0.0}
    assert dict(zip(OUTPUTS, row, strict=True)) == {name: wanted.get(name, 8.0) for name in OUTPUTS}


def test_outputs_go_where_they_are_asked_to(bars):
    out = np.empty((len(bars), len(OUTPUTS)))
    assert IndicatorBundle().transform(bars, out=out) is out
    np.testing.assert_array_equal(out, IndicatorBundle().transform(bars))


@pytest.mark.parametrize(
    "out",
    [np.empty((600, 13)), np.empty((600, 14), np.float32), np.empty((14, 600)).T],
    ids=["shape", "dtype", "order"],
)
def test_an_unusable_output_array_is_refused(bars, out):
    with pytest.raises(DataError, match="out cannot be filled"):
        IndicatorBundle().transform(bars, out=out)


def test_a_pickled_bundle_goes_on_alike(bars):
    bundle = IndicatorBundle((2, 3, 4, 5, 6), **SHORT)
    for bar in bars[:100]:
        bundle.update(bar)
    copy = pickle.loads(pickle.dumps(bundle))
    assert copy.out.tolist() == bundle.out.tolist()
    for bar in bars[100:200]:
        np.testing.assert_array_equal(copy.update(bar), bundle.update(bar))


def test_what_is_not_a_number_is_refused_and_leaves_the_state_alone(bars):
    bundle = IndicatorBundle((2, 3, 4, 5, 6), **SHORT)
    bundle.update(bars[0])
    before = bundle.snapshot()
    for price in (None, [1.0], bars):
        with pytest.raises(TypeError):
            bundle.tick(12.0, 11.0, price)
    assert bundle.snapshot() == before
    assert bundle.tick(12, 11, np.float32(11.5)).shape == (14,)


def test_a_snapshot_of_another_window_is_refused():
    with pytest.raises(IntegrityError):
        IndicatorBundle(window=20).restore(IndicatorBundle(window=21).snapshot())


@pytest.mark.parametrize(
    "bad",
    [
        {"ema_periods": (8, 13, 21)},
        {"ema_periods": (8, 13, 21, 50, 0)},
        {"rsi": 0},
        {"atr": 1.5},
        {"adx": -1},
        {"window": 1},
        {"width": 0.0},
        {"macd": (26, 12, 9)},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ConfigError):
        IndicatorBundle(**bad)
