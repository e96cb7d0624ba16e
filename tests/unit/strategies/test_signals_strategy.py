"""The table form of a user's strategy: asked causally, whatever it does with its table."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import IntegrityError, StrategyError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.strategies import load_strategy
from janus_trader.strategies.signals_strategy import SignalsStrategy, call_signals
from janus_trader.strategies.user import rehearsal_bars

AVERAGE = (
    "HISTORY = 30\n\ndef signals(bars):\n    c = bars['close']\n    return (c > c.rolling(9).mean()) * 1.0\n"
)
LEAKY = "HISTORY = 30\n\ndef signals(bars):\n    c = bars['close']\n    return (c.shift(-1) > c) * 1.0\n"


@pytest.fixture
def write(tmp_path):
    def _write(text):
        path = tmp_path / "table.py"
        path.write_text(text)
        return path

    return _write


@pytest.fixture
def bars():
    return rehearsal_bars(frozenset())


def feed(lane, last, bars):
    out = np.zeros((len(bars), 1))
    lane.advance(bars.reshape(-1, 1), np.ones(out.shape, bool), last, out)
    return out[:, 0]


def test_it_is_asked_for_the_last_of_the_bars_so_far(write, bars):
    strategy = load_strategy(write(AVERAGE))
    assert isinstance(strategy, SignalsStrategy)
    outputs = strategy.scan(bars)
    for t in (0, 5, 40, 159):
        assert outputs[t] == call_signals(strategy, bars[max(0, t - 29) : t + 1])[-1]
    assert outputs.tobytes() == call_signals(strategy, bars).tobytes()


def test_a_leak_finds_nothing_in_a_run(write, bars):
    strategy = load_strategy(write(LEAKY))
    assert call_signals(strategy, bars).any()
    assert not strategy.scan(bars).any()


def test_streaming_snapshot_and_reset_are_the_batch(write, bars):
    strategy = load_strategy(write(AVERAGE))
    expected = strategy.scan(bars)
    first, last = strategy.bind(1), np.zeros(1)
    head = feed(first, last, bars[:77])
    second = strategy.bind(1)
    second.load(first.state())
    assert np.concatenate((head, feed(second, last, bars[77:]))).tobytes() == expected.tobytes()
    second.reset()
    assert feed(second, np.zeros(1), bars).tobytes() == expected.tobytes()
    with pytest.raises(IntegrityError, match="does not fit"):
        strategy.bind(2).load(first.state())
    with pytest.raises(IntegrityError, match="does not fit"):
        second.load(3)


def test_unknown_bars_are_kept_from_it(write, bars):
    strategy = load_strategy(write(AVERAGE))
    gaps = np.insert(bars, 50, bars[50])
    gaps["high"][50] = np.nan
    outputs = strategy.scan(gaps)
    assert outputs[50] == outputs[49]
    assert np.delete(outputs, 50).tobytes() == strategy.scan(bars).tobytes()


def test_a_file_with_both_functions_is_taken_by_its_step(write, bars):
    strategy = load_strategy(write(AVERAGE + "\ndef step(state, bar):\n    return 0.25\n"))
    assert set(strategy.scan(bars)) == {0.25}


def test_what_is_not_known_yet_is_flat(write):
    strategy = load_strategy(
        write("def signals(bars):\n    return bars['close'].rolling(3).mean() * 0 + 0.5\n")
    )
    assert strategy.scan(rehearsal_bars(frozenset())[:4]).tolist() == [0.0, 0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    return bars['price']\n", r"table\.py:2: signals raised"),
        ("    return 0.5\n", "something else than exposures"),
        ("    return bars['close']\n", "something else than exposures"),
        ("    return ['long'] * len(bars)\n", "something else than exposures"),
        ("    return bars\n", "something else than exposures"),
        ("    return bars['close'].to_numpy()[1:] * 0\n", "something else than exposures"),
    ],
)
def test_wrong_answers_are_told(write, body, words):
    with pytest.raises(StrategyError, match=words):
        load_strategy(write("def signals(bars):\n" + body))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def signals(a, b):\n    return a\n", "wrong arguments"),
        ("HISTORY = 0\n" + AVERAGE.partition("\n")[2], "HISTORY"),
        ("import numba\n\n@numba.njit\ndef signals(bars):\n    return bars\n", "cannot be compiled"),
    ],
)
def test_bad_declarations_are_refused(write, text, words):
    with pytest.raises(StrategyError, match=words):
        load_strategy(write(text))


def test_a_clock_is_refused_at_the_rehearsal(write):
    text = "import random\n\ndef signals(bars):\n    return [random.random() for _ in range(len(bars))]\n"
    with pytest.raises(StrategyError, match="does not repeat"):
        load_strategy(write(text))


def test_the_table_has_the_columns_of_a_bar(write):
    names = ", ".join(BAR_DTYPE.names)
    text = f"def signals(bars):\n    assert ', '.join(bars.columns) == '{names}'\n    return bars.close * 0\n"
    assert load_strategy(write(text)).scan(rehearsal_bars(frozenset())[:3]).tolist() == [0.0, 0.0, 0.0]
