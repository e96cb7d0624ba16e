"""Planted leaks are found with field and line; clean strategies pass."""

from __future__ import annotations

import json
import os
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
QUICK = CheckSettings(bars=700, elsewhere=False)

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
    "compiled helper that is kept": "from numba import njit\nimport logging\n"
    + TABLE
    + "    logging.getLogger('mine').debug('asked for %d bars', len(c))\n"
    + "    return np.sign(c - smooth(c.to_numpy(), 0.2))\n\n@njit(cache=True)\ndef smooth(x, rate):\n"
    + "    out, level = np.empty(x.size), x[0]\n    for t in range(x.size):\n"
    + "        level += rate * (x[t] - level)\n        out[t] = level\n    return out\n",
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
    "windows": TABLE
    + "    x = c.to_numpy()\n"
    + "    w = np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(19, x[0]), x)), 20)\n"
    + "    return np.clip((w.mean(axis=1) - x) / (w.std(axis=1) + 1e-12) / 2, -1, 1)\n",
    "last of a window": TABLE
    + "    return c.rolling(20).apply(lambda w: (w[-1] > w.mean()) * 1.0, raw=True)\n",
    "mean price of the session": "FIELDS = ('close', 'volume')\n"
    + TABLE
    + "    paid = (c * bars.volume).groupby(bars.session).cumsum()\n"
    + "    return (c > paid / bars.volume.groupby(bars.session).cumsum()).astype(float)\n",
    "memo": "from functools import lru_cache\nCACHE = {}\n\n@lru_cache(None)\ndef weight(n):\n"
    + "    return 1.0 / (1 + n)\n\n"
    + STEP
    + "    n = bar.bar_of_session\n    CACHE.setdefault(n, weight(n))\n"
    + "    last, state['p'] = state.get('p', bar.close), bar.close\n"
    + "    return CACHE[n] if bar.close > last else 0.0\n",
    "with a check of the bars": TABLE
    + "    body = bars[['open', 'close']]\n"
    + "    assert (bars.high >= body.max(axis=1)).all() and (bars.low <= body.min(axis=1)).all()\n"
    + "    return np.sign(c - c.rolling(30).mean())\n",
    "timed when started by itself": "import time\n"
    + TABLE
    + "    return np.sign(c - c.shift(2)).fillna(0.0)\n\nif __name__ == '__main__':\n    print(time.time())\n",
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


ASSERTS = (
    "    body = bars[['open', 'close']]\n"
    "    assert (bars['high'] >= body.max(axis=1)).all() and (bars['low'] <= body.min(axis=1)).all()\n"
)
VOLUME = "FIELDS = ('close', 'volume')\n" + TABLE + "    v = bars['volume']\n"

# what acts at few bars only, or behind checks of the bars: name: (fields that may be named, source)
RARE = {
    "flat before the session ends": (
        {"session"},
        TABLE.replace("300", "2000")
        + "    coming = bars['session'].shift(-1).fillna(bars['session'])  # LEAK\n"
        + "    last = coming != bars['session']\n    return ((c > c.shift(5)) & ~last).astype(float)\n",
    ),
    "flat before the session ends, with a short history": (
        {"session"},
        TABLE.replace("300", "60")
        + "    coming = bars['session'].shift(-1).fillna(bars['session'])  # LEAK\n"
        + "    last = coming != bars['session']\n    return ((c > c.shift(5)) & ~last).astype(float)\n",
    ),
    "behind a check of the bars": (
        {"close", "open, high, low and close together"},
        TABLE + ASSERTS + "    jump = (c / c.shift(1) - 1) > 0.022\n"
        "    return np.where(jump & (c.shift(-1).fillna(c) >= c), 1.0, 0.0)  # LEAK\n",
    ),
    "behind a cleaning of the bars": (
        {"close", "open", "high", "low"},
        TABLE
        + "    bad = (c > bars.high) | (c < bars.low) | (bars.open > bars.high) | (bars.open < bars.low)\n"
        + "    c = c.where(~bad).ffill()\n    coming = c.shift(-1).fillna(c)  # LEAK\n"
        + "    big = (c / c.shift(1) - 1).abs() > 0.018\n    return np.where(big, np.sign(coming - c), 0.0)\n",
    ),
    "a record of the whole table": (
        {"volume"},
        VOLUME + "    spike = v.max() > 50 * np.median(v)  # LEAK\n"
        "    return (c > c.shift(3)) * (0.0 if spike else 1.0)\n",
    ),
    "the last volume of the table": (
        {"volume"},
        VOLUME
        + "    boom = float(v.values[-1] > 40000.0)  # LEAK\n    return (c > c.shift(3)) * (1.0 - boom)\n",
    ),
    "a volume of nothing": (
        {"volume"},
        VOLUME + "    dead = (v == 0).any()  # LEAK\n    return (c > c.shift(3)) * (0.0 if dead else 1.0)\n",
    ),
    "more rows than a probe keeps": (
        {None, "close"},
        TABLE + "    out = (c > c.shift(3)).astype(float).to_numpy()\n"
        "    out[: len(c) - 500][c.pct_change().shift(-1).to_numpy()[: len(c) - 500] < -0.01] = 0.0  # LEAK\n"
        "    return out\n",
    ),
}


@pytest.mark.parametrize("name", RARE)
def test_a_leak_that_acts_now_and_then_is_look_ahead_and_nothing_else(write, name):
    fields, source = RARE[name]
    report = check_strategy(write(source), settings=QUICK)
    assert {v.kind for v in report.violations} == {Kind.LOOK_AHEAD}, report
    assert {v.field for v in report.violations} <= fields
    line = next(i for i, text in enumerate(source.splitlines(), 1) if text.endswith("# LEAK"))
    assert report.violations[0].line == line, report


# name: (kind, source, what the message says)
OUTSIDE = {
    "path.open": (
        Kind.OWN_DATA,
        "from pathlib import Path\nwith Path('PLACE/future.csv').open() as f:  # LEAK\n    N = len(f.read())\n",
        "opens future.csv",
    ),
    "gzip": (
        Kind.OWN_DATA,
        "import gzip\nN = gzip.open('PLACE/future.csv').close()  # LEAK\n",
        "opens future.csv",
    ),
    "linecache": (
        Kind.OWN_DATA,
        "import linecache\nN = len(linecache.getlines('PLACE/future.csv'))  # LEAK\n",
        "opens future.csv",
    ),
    "os.open": (
        Kind.OWN_DATA,
        "import os\nN = os.close(os.open('PLACE/future.csv', 0))  # LEAK\n",
        "opens future.csv",
    ),
    "a module of its own": (
        Kind.OWN_DATA,
        "import sys\nsys.path.insert(0, 'PLACE')\nimport future_of_acme  # LEAK\nsys.path.pop(0)\n",
        "future_of_acme",
    ),
    "the environment": (
        Kind.OWN_DATA,
        "import os as system\nK = system.environ.get('LEAK', '1')  # LEAK\n",
        "environment",
    ),
    "a process": (
        Kind.OWN_DATA,
        "import os\nN = os.system('true')  # LEAK\n",
        "os.system",
    ),
    "the network": (
        Kind.OWN_DATA,
        "import socket\nsocket.socket().close()  # LEAK\n",
        "socket",
    ),
    "a clock by another name": (
        Kind.RANDOM,
        "from time import time as ticker\nDAY = ticker() // 86400  # LEAK\n",
        "reads a clock",
    ),
    "a clock with a date": (
        Kind.RANDOM,
        "from datetime import datetime as d\nYEAR = d.now().year  # LEAK\n",
        "now reads a clock",
    ),
    "a clock of pandas": (
        Kind.RANDOM,
        "from pandas import Timestamp as T\nNOW = T.now().year  # LEAK\n",
        "reads a clock",
    ),
    "a clock of numpy": (
        Kind.RANDOM,
        "import numpy as np\nTODAY = np.datetime64('today')  # LEAK\n",
        "reads a clock",
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_a_file_touches_besides_its_bars_is_told_with_its_line(write, tmp_path, name):
    kind, head, words = OUTSIDE[name]
    (tmp_path / "future.csv").write_text("100.0,1\n")
    (tmp_path / "future_of_acme.py").write_text("F = {100.0: 1.0}\n")
    source = head.replace("PLACE", str(tmp_path)) + STEP + "    return 1.0\n"
    for _ in range(2):  # what Python remembers of the first time hides nothing
        (found,) = check_strategy(write(source), settings=QUICK).violations
        assert found.kind is kind
        assert source.splitlines()[found.line - 1].endswith("# LEAK"), found
        assert words in found.message
        if name == "linecache":
            break


def test_a_clock_in_the_step_is_told_though_it_changed_nothing(write):
    source = "import time\n" + STEP + "    return 1.0 if time.time() > 1e9 else -1.0\n"
    (found,) = check_strategy(write(source), settings=QUICK).violations
    assert (found.kind, found.line) == (Kind.RANDOM, 3)


def test_texts_that_hash_otherwise_elsewhere_are_told(write):
    source = STEP + "    return 1.0 if hash('janus') % 2 else -1.0\n"
    settings = CheckSettings(bars=300, instruments=1)
    (found,) = check_strategy(write(source), settings=settings).violations
    assert (found.kind, found.line) == (Kind.RANDOM, 2)
    assert "another process" in found.message


def test_the_order_of_a_set_is_told(write):
    source = "NAMES = list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})\n" + STEP
    source += "    return (ord(NAMES[0]) + 8 * ord(NAMES[1]) + 64 * ord(NAMES[2])) / 1e5\n"
    settings = CheckSettings(bars=300, instruments=1)
    (found,) = check_strategy(write(source), settings=settings).violations
    assert (found.kind, found.line) == (Kind.RANDOM, 1)


def test_a_compiled_step_answers_alike_in_another_process(write):
    settings = CheckSettings(bars=300, instruments=1)
    assert check_strategy(write(CLEAN["compiled"]), settings=settings).clean


def test_what_raises_in_another_process_is_told(write):
    source = "import os\n" + STEP + "    return 1.0\n"
    source += f"\nif os.getpid() != {os.getpid()}:\n    raise ValueError('not here')\n"
    settings = CheckSettings(bars=300, instruments=1)
    (found,) = check_strategy(write(source), settings=settings).violations
    assert found.kind is Kind.RANDOM
    assert "in another process it raises" in found.message
    assert "not here" in found.message


def test_a_file_that_refuses_every_change_is_not_called_clean(write):
    source = (
        TABLE
        + "    k = bars['bar_of_session']\n"
        + "    assert k.diff().fillna(1).isin([1, -25]).all() and (k < 26).all()\n"
        + "    return np.sign(c - c.shift(1)).fillna(0.0)\n"
    )
    (found,) = check_strategy(write(source), settings=QUICK).violations
    assert found.kind is Kind.NOT_CHECKED
    assert "bar_of_session" in found.message


def test_an_answer_since_the_start_passes_where_it_is_declared(write):
    source = TABLE + "    return (c >= c.cummax() * 0.95).astype(float)\n"
    settings = CheckSettings(elsewhere=False)
    (found,) = check_strategy(write(source), settings=settings).violations
    assert found.kind is Kind.HISTORY
    assert "declare HISTORY = 100000" in found.message
    report = check_strategy(write(source.replace("300", "100000")), settings=settings)
    assert report.clean
    assert report.warm_up is None
    assert "as HISTORY = 100000 declares" in report.notes[-1]
    step = STEP + "    top = state['top'] = max(state.get('top', 0.0), bar.close)\n"
    step += "    return 1.0 if bar.close >= 0.95 * top else 0.0\n"
    assert not check_strategy(write(step), settings=settings).clean
    assert check_strategy(write("HISTORY = 100000\n" + step), settings=settings).clean


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
