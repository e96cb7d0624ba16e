"""Planted leaks are found with field and line; clean strategies pass."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, StrategyError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.research.strategy_check import CheckSettings, Kind, check_strategy
from janus_trader.research.strategy_check.check import known_columns, made_up_columns
from janus_trader.strategies.catalogue import NAMES
from support.command import janus

TUTORIAL = Path(__file__).resolve().parents[4] / "docs" / "tutorial" / "your_own_strategy.md"
QUICK = CheckSettings(bars=700)

TABLE = (
    "import numpy as np\nimport pandas as pd\nHISTORY = 300\n\ndef signals(bars):\n    c = bars['close']\n"
)
STEP = "def step(state, bar):\n"

# name: (kind, field, source); the line that must be named ends in "# LEAK"
LEAKS = {
    "shift": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE + "    later = c.shift(-1)  # LEAK\n    return np.sign(later - c).fillna(0.0)\n",
    ),
    "index of a loop": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE
        + "    x = c.to_numpy()\n    out = np.zeros(len(x))\n    level = 0.0\n"
        + "    for t in range(len(x)):\n        level += 0.1 * (x[t] - level)\n"
        + "        if t + 1 < len(x):\n            coming = x[t + 1]  # LEAK\n"
        + "            out[t] = 1.0 if coming > x[t] else -1.0\n    return out\n",
    ),
    "iloc": (
        Kind.LOOK_AHEAD,
        "open",
        TABLE
        + "    out = []\n    for i in range(len(bars) - 1):\n"
        + "        out.append(float(np.sign(bars['open'].iloc[i + 1] - c.iloc[i])))  # LEAK\n"
        + "    return [*out, 0.0]\n",
    ),
    "centred window": (
        Kind.LOOK_AHEAD,
        "high",
        TABLE
        + "    peak = bars['high'].rolling(\n        11, center=True  # LEAK\n    ).max()\n"
        + "    return (bars['high'] < peak).astype(float)\n",
    ),
    "backward fill": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE
        + "    breakout = c.where(c >= c.rolling(15).max())\n    level = breakout.bfill()  # LEAK\n"
        + "    return (level > c).astype(float)\n",
    ),
    "mean of the whole": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE + "    centre = c.mean()  # LEAK\n    gap = c - centre\n    return np.tanh(gap / c)\n",
    ),
    "maximum of the whole": (
        Kind.LOOK_AHEAD,
        "volume",
        TABLE + "    share = bars['volume'] / bars['volume'].max()  # LEAK\n    return share.clip(0, 1)\n",
    ),
    "high of the session": (
        Kind.LOOK_AHEAD,
        "high",
        TABLE
        + "    top = bars.groupby('session')['high'].transform('max')  # LEAK\n"
        + "    return -(c / top).clip(0, 1)\n",
    ),
    "roll": (
        Kind.LOOK_AHEAD,
        "low",
        TABLE
        + "    low = bars['low'].to_numpy()\n    later = np.roll(low, -2)  # LEAK\n"
        + "    return np.where(later > low, 1.0, 0.0)\n",
    ),
    "from the end": (
        Kind.LOOK_AHEAD,
        "low",
        TABLE
        + "    floor = bars['low'][::-1].cummin()[::-1]  # LEAK\n    return (c > 1.02 * floor).astype(float)\n",
    ),
    "slice": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE
        + "    x = c.to_numpy()\n"
        + "    ahead = np.array([x[t : t + 5].max() for t in range(len(x))])  # LEAK\n"
        + "    return (ahead > 1.01 * x) * 1.0\n",
    ),
    "gradient": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE + "    slope = np.gradient(c.to_numpy()) if len(c) > 1 else np.zeros(1)  # LEAK\n"
        "    return np.sign(slope)\n",
    ),
    "trend of the whole": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE
        + "    t = np.arange(len(c))\n    if len(c) < 3:\n        return np.zeros(len(c))\n"
        + "    line = np.polyfit(t, c, 1)  # LEAK\n"
        + "    trend = np.polyval(line, t)\n    return np.tanh(c - trend)\n",
    ),
    "rank": (
        Kind.LOOK_AHEAD,
        "volume",
        TABLE + "    return bars['volume'].rank(pct=True)  # LEAK\n",
    ),
    "last row": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE + "    last = c.iloc[-1]  # LEAK\n    return (c < last).astype(float)\n",
    ),
    "at the end of a session": (
        Kind.LOOK_AHEAD,
        "close",
        TABLE
        + "    rises = c.shift(-1) > c  # LEAK\n"
        + "    return np.where(bars['bar_of_session'] == 25, rises * 1.0, 0.0)\n",
    ),
    "next session by position": (
        Kind.LOOK_AHEAD,
        "open",
        TABLE
        + "    x = bars['open'].to_numpy()\n    n = len(x)\n"
        + "    later = x[np.minimum(np.arange(n) + 3, n - 1)]  # LEAK\n    return np.sign(later - x)\n",
    ),
    "scaled by a class": (
        Kind.LOOK_AHEAD,
        "close",
        "class Scaler:\n    def fit(self, x):\n        self.top = max(x)\n        return self\n\n"
        + "def signals(bars):\n    c = bars['close']\n    scaler = Scaler().fit(c)  # LEAK\n"
        + "    share = c / scaler.top\n    return share.clip(0, 1)\n",
    ),
    "the caller's table": (
        Kind.LOOK_AHEAD,
        "high",
        "import sys\n\n"
        + STEP
        + "    n = state['n'] = state.get('n', 0) + 1\n    table = sys._getframe(2).f_locals['bars']\n"
        + "    ahead = float(table[min(n, len(table) - 1), 0]['high'])  # LEAK\n"
        + "    return 1.0 if ahead > bar.high else -1.0\n",
    ),
    "in a function": (
        Kind.LOOK_AHEAD,
        "close",
        "import numpy as np\n\ndef target(x):\n    return x.pct_change().shift(-3)  # LEAK\n\n"
        + "def signals(bars):\n    return np.sign(target(bars['close']))\n",
    ),
    "list of the module": (
        Kind.STATE,
        None,
        "SEEN = []\n\n" + STEP + "    SEEN.append(bar.close)  # LEAK\n    return len(SEEN) % 7 / 7\n",
    ),
    "default value": (
        Kind.STATE,
        None,
        "def step(state, bar, memory={}):  # LEAK\n"
        + "    up = bar.close > memory.get('last', 0.0)\n    memory['last'] = bar.close\n    return 1.0 * up\n",
    ),
    "random numbers": (
        Kind.RANDOM,
        None,
        "import random\n\n" + STEP + "    u = random.random()  # LEAK\n    return 2.0 * u - 1.0\n",
    ),
    "own file": (
        Kind.OWN_DATA,
        None,
        "import os\nfrom pathlib import Path\n\nTABLE = Path(__file__).read_text()  # LEAK\n\n"
        + STEP
        + "    return 1.0 if len(TABLE) > 3 else 0.0\n",
    ),
    "volume not known": (
        Kind.UNKNOWN_BARS,
        "volume",
        STEP + "    return 0.0 if bar.volume <= 0 else 1.0 / int(bar.volume + 2.0)  # LEAK\n",
    ),
}

CLEAN = {
    "averages": TABLE + "    return np.sign(c.rolling(10).mean() - c.rolling(40).mean())\n",
    "donchian": TABLE
    + "    top, floor = bars['high'].rolling(20).max().shift(1), bars['low'].rolling(20).min().shift(1)\n"
    + "    return (c > top) * 1.0 - (c < floor) * 1.0\n",
    "rolling z-score": TABLE
    + "    z = (c - c.rolling(50).mean()) / c.rolling(50).std()\n    return -np.tanh(z)\n",
    "loop": TABLE
    + "    x, out = c.to_numpy(), np.zeros(len(bars))\n    for t in range(9, len(x)):\n"
    + "        window = x[t - 9 : t + 1]\n        out[t] = 1.0 if x[t] >= window.max() else 0.0\n    return out\n",
    "python ema": STEP
    + "    fast = state.get('fast', bar.close)\n    slow = state.get('slow', bar.close)\n"
    + "    state['fast'] = fast = fast + 0.2 * (bar.close - fast)\n"
    + "    state['slow'] = slow = slow + 0.05 * (bar.close - slow)\n    return 1.0 if fast > slow else -1.0\n",
    "compiled": """
import math
from numba import njit
STATE = [("n", "i8"), ("mean", "f8")]
PARAMS = {"rate": 0.1}

@njit
def step(params, state, bar):
    state.mean = bar.close if state.n == 0 else state.mean + params.rate * (bar.close - state.mean)
    state.n += 1
    return math.tanh(20.0 * (bar.close / state.mean - 1.0))
""",
}


@pytest.fixture
def write(tmp_path):
    def _write(source, name="mine.py"):
        path = tmp_path / name
        path.write_text(source)
        return str(path)

    return _write


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found_with_field_and_line(write, name):
    kind, field, source = LEAKS[name]
    report = check_strategy(write(source), settings=QUICK)
    assert not report.clean
    found = [v for v in report.violations if v.kind is kind and v.field == field]
    assert found, report
    line = next(i for i, text in enumerate(source.splitlines(), 1) if text.endswith("# LEAK"))
    assert found[0].line == line, found
    assert found[0].text == source.splitlines()[line - 1].strip()
    if kind is Kind.LOOK_AHEAD:
        assert {v.field for v in report.violations if v.kind is kind} == {field}
        assert 0 <= found[0].bar < QUICK.bars


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_strategy_passes(write, name):
    report = check_strategy(write(CLEAN[name]), settings=QUICK)
    assert report.clean, report
    assert 0 < report.warm_up < 300


def test_the_tutorial_passes(write):
    example = re.search(r"```python[^\n]*\n(.*?)```", TUTORIAL.read_text(), re.S).group(1)
    assert check_strategy(write(example), settings=QUICK).clean


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_strategy_passes(name):
    assert check_strategy(name).clean


def test_two_leaks_of_two_fields_are_told_apart(write):
    source = (
        TABLE
        + "    a = bars['open'].shift(-1)\n    b = bars['volume'].shift(-2)\n"
        + "    return (a > c) * 0.5 + (b > bars['volume']) * 0.5\n"
    )
    report = check_strategy(write(source), settings=QUICK)
    assert [(v.field, v.line) for v in report.violations] == [("open", 7), ("volume", 8)]


def test_a_leak_by_the_length_alone_is_found(write):
    source = TABLE + "    n = len(c)\n    return np.full(n, 1.0 if n % 2 else -1.0)\n"
    report = check_strategy(write(source), settings=QUICK)
    assert report.violations[0].kind is Kind.LOOK_AHEAD
    assert report.violations[0].field is None


def test_too_short_a_history_is_told(write):
    source = TABLE.replace("300", "30") + "    return np.sign(c - c.rolling(90).mean())\n"
    report = check_strategy(write(source), settings=QUICK)
    assert [v.kind for v in report.violations] == [Kind.HISTORY]
    assert "HISTORY = 30" in report.violations[0].message
    assert report.warm_up == 89


def test_answers_that_never_forget_the_start_are_told(write):
    source = (
        STEP
        + "    first = state.setdefault('first', bar.close)\n    return 1.0 if bar.close > first else -1.0\n"
    )
    report = check_strategy(write(source), settings=QUICK)
    assert [v.kind for v in report.violations] == [Kind.HISTORY]
    assert report.warm_up is None


def test_the_unit_of_prices_is_a_note(write):
    source = STEP + "    return 1.0 if bar.close > 150.0 else 0.0\n"
    report = check_strategy(write(source), settings=QUICK)
    assert report.clean
    assert "unit of prices" in report.notes[0]


def test_a_harmless_construct_is_a_note(write):
    source = TABLE + "    unused = c.shift(-1)\n    return np.sign(c - c.shift(1)).fillna(0.0)\n"
    report = check_strategy(write(source), settings=QUICK)
    assert report.clean
    assert any("line 7" in note and "no probe saw" in note for note in report.notes)


def test_bad_input_is_refused(write, tmp_path):
    with pytest.raises(ConfigError, match="no strategy"):
        check_strategy("nonsense")
    with pytest.raises(StrategyError, match="cannot read"):
        check_strategy(str(tmp_path / "absent.py"))
    with pytest.raises(DataError, match="too little data"):
        check_strategy("ema_flip", [np.zeros(5, BAR_DTYPE)])
    with pytest.raises(StrategyError, match="signals raised"):
        check_strategy(write(TABLE + "    return c.nothing\n"))
    with pytest.raises(StrategyError, match="something else than exposures"):
        check_strategy(write(TABLE + "    return c\n"))
    with pytest.raises(StrategyError, match="something else than exposures"):
        check_strategy(write(TABLE + "    return 1.0\n"))


def test_only_known_bars_are_used():
    bars = np.stack(made_up_columns(300, 2), axis=1)
    present = np.ones(bars.shape, bool)
    present[:7, 0] = False
    bars["close"][40, 1] = np.nan
    assert [len(c) for c in known_columns(bars, present)] == [293, 299]


def test_the_command_exits_1_on_a_violation_and_0_on_none(write, tmp_path):
    bad = write(LEAKS["shift"][2], "bad.py")
    done = janus("check-strategy", bad, "--json", cwd=tmp_path, code=1)
    told = json.loads(done.stdout)
    assert told["clean"] is False
    assert told["violations"][0]["field"] == "close"
    assert told["violations"][0]["line"] == 7
    text = janus("check-strategy", "./bad.py", cwd=tmp_path, code=1).stdout
    assert "line 7" in text
    assert "c.shift(-1)" in text
    good = write(CLEAN["averages"], "good.py")
    assert "clean" in janus("check-strategy", good, cwd=tmp_path, code=0).stdout
