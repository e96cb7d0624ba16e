"""A small book, a compiled strategy file with two windows, and a plain one."""

from __future__ import annotations

import numpy as np
import pytest

SMA = """
from numba import njit

STATE = [("n", "i8"), ("fast", "f8"), ("slow", "f8"), ("ring", "f8", (64,))]
PARAMS = {"fast": 5, "slow": 20}


@njit
def step(params, state, bar):
    n, x = state.n, bar.close
    state.fast += x - (state.ring[(n - params.fast) & 63] if n >= params.fast else 0.0)
    state.slow += x - (state.ring[(n - params.slow) & 63] if n >= params.slow else 0.0)
    state.ring[n & 63] = x
    state.n = n + 1
    if state.n < params.slow:
        return 0.0
    return 1.0 if state.fast * params.slow > state.slow * params.fast else -0.5
"""
PLAIN = """
RATE = 0.1
LEVEL = 0.0


def step(state, bar):
    mean = state.get("mean", bar.close)
    state["mean"] = mean = mean + RATE * (bar.close - mean)
    return 1.0 if bar.close > mean * (1 + LEVEL) else 0.0
"""


def _csv(path, length=320, symbols=("AAA", "BBB"), seed=1, late=40):
    """Daily bars of a few instruments; the last one begins ``late`` days later and misses some."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2020-01-01") + np.arange(length)
    lines = ["date,symbol,open,high,low,close,volume"]
    for i, symbol in enumerate(symbols):
        close = 50.0 * (i + 1) * np.exp(np.cumsum(rng.normal(0.0005, 0.02, length)))
        for t, (day, c) in enumerate(zip(days, close, strict=True)):
            if i == len(symbols) - 1 and i and (t < late or t % 50 == 7):
                continue
            o = close[max(t - 1, 0)]
            lines.append(
                f"{day},{symbol},{o:.4f},{1.01 * max(o, c):.4f},{0.99 * min(o, c):.4f},{c:.4f},{1000 + t}"
            )
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def csv(tmp_path):
    return _csv(tmp_path / "book.csv")


@pytest.fixture
def make_csv():
    return _csv


@pytest.fixture
def sma(tmp_path):
    path = tmp_path / "sma.py"
    path.write_text(SMA)
    return str(path)


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text(PLAIN)
    return str(path)
