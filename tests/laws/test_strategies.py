"""The laws of every strategy: the built-in ones, the tutorial's example and a compiled user's file.

A strategy added to the catalogue is covered without another line.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.strategies import CompiledStrategy, default_strategies, load_strategy

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "your_own_strategy.md"
COMPILED_EXAMPLE = """
import math
from numba import njit

STATE = [("n", "i8"), ("mean", "f8")]
PARAMS = {"rate": 0.1, "scale": 20.0}

@njit
def step(params, state, bar):
    state.mean = bar.close if state.n == 0 else state.mean + params.rate * (bar.close - state.mean)
    state.n += 1
    return math.tanh(params.scale * (bar.close / state.mean - 1.0))
"""
BUILT_IN = default_strategies()
NAMES = [*(s.name for s in BUILT_IN), "tutorial", "compiled_example"]
COMPILED = [*(s.name for s in BUILT_IN), "compiled_example"]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strategies")
    found = {s.name: s for s in BUILT_IN}
    example = re.search(r"```python[^\n]*\n(.*?)```", TUTORIAL.read_text(), re.S).group(1)
    for name, source in (("tutorial", example), ("compiled_example", COMPILED_EXAMPLE)):
        path = folder / f"{name}.py"
        path.write_text(source)
        found[name] = load_strategy(path)
    return found


def history(kind, length=900, seed=0):
    """Bars of a random walk, of a market with long trends, or of closes alone; some volume spikes."""
    rng = np.random.default_rng([seed, len(kind)])
    drift = 0.004 * np.sign(np.sin(np.arange(length) / 60.0)) if kind == "trending" else 0.0
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.008, length) + drift))
    bars = np.zeros(length, BAR_DTYPE)
    bars["close"] = close
    bars["open"] = close if kind == "closes" else np.concatenate((close[:1], close[:-1]))
    wick = 0.0 if kind == "closes" else np.abs(rng.normal(0, 0.003, length))
    bars["high"] = np.maximum(bars["open"], close) * (1 + wick)
    bars["low"] = np.minimum(bars["open"], close) * (1 - wick)
    bars["volume"] = np.nan if kind == "closes" else rng.lognormal(0, 1.0, length)
    bars["session"] = np.arange(length) // 40
    bars["bar_of_session"] = np.arange(length) % 40
    return bars


def scaled(bars, prices=1.0, volume=1.0):
    out = bars.copy()
    for name in ("open", "high", "low", "close"):
        out[name] *= prices
    out["volume"] *= volume
    return out


def feed(lane, last, bars):
    out = np.zeros((len(bars), 1))
    lane.advance(bars.reshape(-1, 1), np.ones(out.shape, bool), last, out)
    return out[:, 0]


KINDS = ["random", "trending", "closes"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_bounded_and_finite(definitions, name, kind):
    outputs = definitions[name].scan(history(kind))
    assert np.isfinite(outputs).all()
    assert np.abs(outputs).max() <= 1.0


@pytest.mark.parametrize("name", NAMES)
def test_one_bar_at_a_time_is_the_batch(definitions, name):
    strategy, bars = definitions[name], history("random")
    lane, last = strategy.bind(1), np.zeros(1)
    streamed = np.concatenate([feed(lane, last, bars[t : t + 1]) for t in range(len(bars))])
    assert streamed.tobytes() == strategy.scan(bars).tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["random", "trending"])
def test_the_future_does_not_change_the_past(definitions, name, kind):
    strategy, bars = definitions[name], history(kind)
    whole = strategy.scan(bars)
    other = history("trending", seed=9)
    for cut in (1, 37, 250, 611, 899):
        assert strategy.scan(bars[:cut]).tobytes() == whole[:cut].tobytes()
        changed = bars.copy()
        changed[cut:] = scaled(other[cut:], prices=3.0, volume=5.0)
        assert strategy.scan(changed)[:cut].tobytes() == whole[:cut].tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_an_unknown_bar_repeats_the_output_and_changes_nothing_later(definitions, name, field):
    strategy, bars = definitions[name], history("trending")
    places = np.array([0, 3, 260, 261, 500, 777])
    gaps = np.insert(bars, places, bars[places])
    rows = places + np.arange(len(places))
    gaps[field][rows] = np.nan
    outputs = strategy.scan(gaps)
    for row in rows:
        assert outputs[row] == (outputs[row - 1] if row else 0.0)
    assert np.delete(outputs, rows).tobytes() == strategy.scan(bars).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_state_continues_identically(definitions, name):
    strategy, bars = definitions[name], history("trending")
    expected = strategy.scan(bars)
    for cut in (0, 1, 333, 880):
        first, last = strategy.bind(1), np.zeros(1)
        feed(first, last, bars[:cut])
        second = strategy.bind(1)
        second.load(first.state())
        assert feed(second, last, bars[cut:]).tobytes() == expected[cut:].tobytes()
    second.reset()
    assert feed(second, np.zeros(1), bars).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_instruments_do_not_touch_each_other(definitions, name):
    strategy = definitions[name]
    columns = [history(kind, seed=k, length=500) for k, kind in enumerate(("random", "trending", "random"))]
    bars = np.stack(columns, axis=1)
    out = np.zeros(bars.shape)
    strategy.bind(3).advance(bars, np.ones(bars.shape, bool), np.zeros(3), out)
    for i, column in enumerate(columns):
        assert out[:, i].tobytes() == strategy.scan(column).tobytes()


@pytest.mark.parametrize("name", COMPILED)
def test_the_step_is_pure(definitions, name):
    strategy: CompiledStrategy = definitions[name]
    bars, params = history("trending"), strategy.params.tobytes()
    for cut in (0, 300, 700):
        lane = strategy.bind(1)
        feed(lane, np.zeros(1), bars[:cut])
        twin, bar = lane.states.copy(), bars[cut : cut + 1].copy()
        strategy.step(strategy.params[0], strategy.bind(1).states[0], bars[5])  # something else between
        first = strategy.step(strategy.params[0], lane.states[0], bar[0])
        second = strategy.step(strategy.params[0], twin[0], bar[0])
        assert first == second
        assert lane.state() == twin.tobytes()
        assert bar.tobytes() == bars[cut : cut + 1].tobytes()
    assert strategy.params.tobytes() == params


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["random", "closes"])
def test_the_unit_of_prices_and_volume_does_not_matter(definitions, name, kind):
    strategy, bars = definitions[name], history(kind)
    expected = strategy.scan(bars)
    # a power of two changes no mantissa: equal to the last bit; any other factor within rounding
    assert strategy.scan(scaled(bars, prices=0.125, volume=1024.0)).tobytes() == expected.tobytes()
    np.testing.assert_allclose(strategy.scan(scaled(bars, prices=3.7, volume=0.3)), expected, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_it_trades_both_ways_and_rests(definitions, name):
    histories = [history(kind, seed=s) for kind in ("random", "trending") for s in range(4)]
    outputs = np.concatenate([definitions[name].scan(h) for h in histories])
    assert (outputs > 0).any()
    assert (outputs < 0).any()
    if name != "compiled_example":
        assert (outputs == 0).any()


@pytest.mark.parametrize("name", ["ema_flip", "trend_pullback", "vwap_scalper", "opening_range"])
def test_a_mirrored_market_gives_mirrored_signals(definitions, name):
    strategy = definitions[name]
    bars = history("random", seed=3)
    level = bars["high"].max() + bars["low"].min()
    mirrored = bars.copy()
    mirrored["open"], mirrored["close"] = level - bars["open"], level - bars["close"]
    mirrored["high"], mirrored["low"] = level - bars["low"], level - bars["high"]
    outputs = strategy.scan(bars)
    assert outputs.any()
    np.testing.assert_allclose(strategy.scan(mirrored), -outputs, atol=1e-7)
