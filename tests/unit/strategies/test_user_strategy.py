"""Users' files: the tutorial's example works, every mistake is told with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from janus_trader.contracts.errors import StrategyError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.strategies import StrategyPanel, load_strategy

TUTORIAL = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "your_own_strategy.md"

COMPILED = """
from numba import njit

STATE = [("previous", "f8"), ("n", "i8")]
PARAMS = {"gain": 0.5}

@njit
def step(params, state, bar):
    rising = state.n > 0 and bar.close > state.previous
    state.previous = bar.close
    state.n += 1
    return params.gain if rising else -params.gain
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return _write


def test_the_tutorial_example_runs(write):
    text = TUTORIAL.read_text()
    assert len(text.splitlines()) <= 60
    assert "janus run --quick --strategy" in text
    source = re.search(r"```python[^\n]*\n(.*?)```", text, re.S).group(1)
    strategy = load_strategy(write(source, "channel.py"))
    assert strategy.name == "channel"
    assert strategy.fields == {Field.CLOSE}
    bars = np.zeros(200, BAR_DTYPE)
    close = np.concatenate((100 + np.sin(np.arange(60)), 101 + np.arange(40.0), 140 - 2 * np.arange(100.0)))
    for name in ("open", "high", "low", "close"):
        bars[name] = close + 200
    signal = strategy.scan(bars)
    assert signal[99] == 1.0
    assert signal[-1] == -1.0
    assert 0.0 in signal[100:130]


def test_declarations_are_read(write):
    path = write(
        "NAME = 'own-1'\nFIELDS = ('volume',)\nFAMILY = 'trend'\nHORIZON = (60, 3600)\n"
        "REGIMES = (1, 0, 0, 0, 0, 0, 0.5)\ndef step(state, bar):\n    return 0\n"
    )
    strategy = load_strategy(path)
    assert (strategy.name, strategy.family, strategy.horizon) == ("own-1", "trend", (60.0, 3600.0))
    assert strategy.fields == {Field.CLOSE, Field.VOLUME}
    assert strategy.regime_weights[-1] == 0.5
    panel = StrategyPanel([strategy], 1, fields=frozenset({Field.CLOSE}), bar_seconds=600.0, n_external=0)
    assert not panel.active[0]
    assert panel.priors[0] == 1.0


def test_the_compiled_form_runs(write):
    strategy = load_strategy(write(COMPILED))
    bars = np.zeros(4, BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = [1.0, 2.0, np.nan, 1.5]
    assert strategy.scan(bars).tolist() == [-0.5, 0.5, 0.5, -0.5]
    assert len(strategy.regime_weights) == N_REGIMES


STEP = "def step(state, bar):\n"
MISTAKES = {
    "syntax": ("x = 1\ndef step(state, bar)\n    return 0\n", 2, "not valid Python"),
    "null byte": ("x = '\0'\n", 1, "not valid Python"),
    "import": ("import math\nimport no_such_module_at_all\n", 2, "raised while it was loaded"),
    "exit": ("raise SystemExit(3)\n", 1, "raised while it was loaded"),
    "no step": ("x = 1\n", 1, "has no step"),
    "step is data": ("step = 3\n", 1, "has no step"),
    "arguments": ("\ndef step(bar):\n    return 0\n", 2, "wrong arguments"),
    "raises": (STEP + "    y = bar.close\n    return y / 0\n", 3, "ZeroDivisionError"),
    "deep raise": ("def f(x):\n    return x['no']\n" + STEP + "    return f(state)\n", 2, "KeyError"),
    "raises later": (
        STEP + "    state['n'] = state.get('n', 0) + 1\n    return [0.0] * 99 and [0.0][state['n'] // 90]\n",
        3,
        "IndexError",
    ),
    "none": (STEP + "    pass\n", 1, "wrong type"),
    "text": (STEP + "    return 'long'\n", 1, "wrong type"),
    "bool": (STEP + "    return True\n", 1, "wrong type"),
    "nan": (STEP + "    return bar.volume\n", 1, "out of range"),
    "infinite": (STEP + "    return float('inf')\n", 1, "out of range"),
    "too large": (STEP + "    return 1.5\n", 1, "out of range"),
    "global": ("n = []\n" + STEP + "    n.append(1)\n    return len(n) % 7 / 7\n", 2, "does not repeat"),
    "random": (
        "import random\n" + STEP + "    return random.random()\n",
        2,
        "does not repeat",
    ),
    "tuple state": (
        STEP
        + "    out = 1.0 if isinstance(state.get('a'), list) else 0.0\n    state['a'] = (1, 2)\n    return out\n",
        1,
        "does not repeat",
    ),
    "object state": (STEP + "    state['a'] = object()\n    return 0.0\n", 1, "cannot be saved"),
    "compiled type": (COMPILED.replace("bar.close", "bar.price"), 7, "cannot be compiled"),
    "compiled range": (COMPILED.replace("0.5", "2.0"), 7, "out of range"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_name_file_line_and_remedy(write, kind):
    source, line, what = MISTAKES[kind]
    path = write(source)
    with pytest.raises(StrategyError) as caught:
        load_strategy(path)
    error = caught.value
    assert str(error).startswith(f"{path}:{line}: ")
    assert what in str(error)
    assert error.got is not None
    assert error.expected
    assert error.remedy


@pytest.mark.parametrize(
    ("declaration", "what"),
    [
        ("NAME = '../x'", "NAME"),
        ("FIELDS = ('closes',)", "FIELDS"),
        ("FAMILY = 'momentum'", "FAMILY"),
        ("HORIZON = (10, 1)", "HORIZON"),
        ("REGIMES = (1, 1)", "REGIMES"),
    ],
)
def test_bad_declarations_are_refused(write, declaration, what):
    with pytest.raises(StrategyError, match=what):
        load_strategy(write(f"{declaration}\n{STEP}    return 0.0\n"))


def test_compiled_form_needs_a_state_and_plain_parameters(write):
    with pytest.raises(StrategyError, match="STATE"):
        load_strategy(write(COMPILED.replace("STATE", "STATES")))
    with pytest.raises(StrategyError, match="PARAMS"):
        load_strategy(write(COMPILED.replace("0.5", "'half'")))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent.py", tmp_path):
        with pytest.raises(StrategyError, match="cannot read"):
            load_strategy(path)


def test_an_error_in_the_middle_of_a_run_is_told(write):
    strategy = load_strategy(write(STEP + "    return 0.0 if bar.close < 1e6 else 'x'\n"))
    panel = StrategyPanel([strategy], 1, fields=frozenset({Field.CLOSE}), bar_seconds=60.0, n_external=0)
    bars = np.zeros(1, BAR_DTYPE)
    bars["close"] = 1e7
    with pytest.raises(StrategyError, match="wrong type"):
        panel(bars, np.ones(1, bool), np.zeros((0, 1)))
