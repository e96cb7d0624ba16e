"""A trial of a sweep is a back-test: the same figures as one made by hand, whatever the threads."""

from __future__ import annotations

import re

import numpy as np
import pytest

from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError, StrategyError
from janus_trader.numerics.drawdown import max_drawdown
from janus_trader.numerics.sharpe import sharpe
from janus_trader.research.backtest import backtest
from janus_trader.research.sweep.candidates import candidates, common_state, typed
from janus_trader.research.sweep.engine import SweepEngine, book_of
from janus_trader.research.sweep.space import Space, parse_axis
from janus_trader.research.sweep.statistics import FIGURES, block_edges
from janus_trader.runs.history import HistoryRequest, load_history

SETTINGS = BacktestSettings(capital=100_000.0, taker_fee=0.0005, slippage="bps", slippage_size=2.0)


@pytest.fixture
def book(csv):
    return book_of(load_history(HistoryRequest(files=(str(csv),), warmup_bars=0)).panel, SETTINGS)


def engine_of(strategy, book, axes, workers=1, where=None):
    space = Space([parse_axis(a) for a in axes], where=where)
    found = candidates(strategy, space.names)
    made = SweepEngine(found, book, blocks=8, state_dtype=common_state(found, space), workers=workers)
    return made, space


def by_hand(strategy, book):
    """Equity of the book from one back-test for each instrument."""
    total = np.zeros(book.length)
    fills = 0
    for bars, rows in zip(book.bars, book.rows, strict=True):
        result = backtest(strategy, bars, book.settings)
        fills += len(result.fills)
        path = np.full(book.length, np.nan)
        path[rows] = result.equity
        last = book.settings.capital
        for t in range(book.length):
            last = path[t] if np.isfinite(path[t]) else last
            total[t] += last
    return total, fills


def check(trials, engine, book, defaults):
    for k, row in enumerate(typed(trials.values, defaults)):
        total, fills = by_hand(engine.candidates.define(row), book)
        figures = dict(zip(FIGURES, trials.figures[k], strict=True))
        returns = total[1:] / total[:-1] - 1.0
        assert figures["fills"] == fills
        assert figures["sharpe"] == pytest.approx(sharpe(returns, book.bars_per_year), rel=1e-9)
        assert figures["total_return"] == pytest.approx(total[-1] / book.capital - 1.0, rel=1e-12)
        assert figures["max_drawdown"] == pytest.approx(max_drawdown(total), rel=1e-12)
        assert trials.mean[k] == pytest.approx(returns.mean(), rel=1e-9)
        centred = returns - returns.mean()
        edges = block_edges(returns.size, 8)
        np.testing.assert_allclose(trials.sums[k], np.add.reduceat(centred, edges[:-1]), atol=1e-12)
        np.testing.assert_allclose(trials.squares[k], np.add.reduceat(centred**2, edges[:-1]), rtol=1e-9)
        assert engine.equity(row).tobytes() == total.tobytes()


def test_a_compiled_file_is_back_tested_at_every_point(sma, book):
    engine, space = engine_of(sma, book, ["fast=2:8:3", "slow=10,30"])
    trials = engine.run(*space.block(0))
    assert len(trials) == 6
    check(trials, engine, book, engine.candidates.defaults)


@pytest.mark.parametrize(
    ("name", "axes"),
    [("ema_flip", ["fast=3:9:6", "min_confidence=0.1,0.5"]), ("mean_reversion", ["window=8,25"])],
)
def test_a_built_in_strategy_is_back_tested_whatever_its_window(name, axes, book):
    engine, space = engine_of(name, book, axes)
    trials = engine.run(*space.block(0))
    assert trials.figures[:, FIGURES.index("fills")].max() > 0
    check(trials, engine, book, engine.candidates.defaults)


def test_a_plain_file_takes_the_numbers_at_its_top(plain, book):
    engine, space = engine_of(plain, book, ["RATE=0.05,0.4", "LEVEL=0:0.01:0.01"], workers=4)
    assert engine.workers == 1
    trials = engine.run(*space.block(0))
    assert len(np.unique(trials.figures[:, 0])) == 4
    check(trials, engine, book, engine.candidates.defaults)


def test_the_number_of_threads_changes_nothing(sma, book):
    results = []
    for workers in (1, 2, 3):
        engine, space = engine_of(sma, book, ["fast=2:30:1", "slow=10:50:10"], workers, "fast < slow")
        told = []
        results.append(engine.run(*space.block(0), told.append))
        assert told[-1] == len(results[-1])
        assert told == sorted(told)
    for other in results[1:]:
        assert other.figures.tobytes() == results[0].figures.tobytes()
        assert other.sums.tobytes() == results[0].sums.tobytes()


def test_points_that_the_strategy_refuses_are_counted(book):
    engine, space = engine_of("ema_flip", book, ["fast=5,30", "slow=10,40"])
    trials = engine.run(*space.block(0))
    assert trials.numbers.tolist() == [0, 1, 3]
    assert trials.refused == 1
    assert "fast < slow" in trials.reason


def test_parameters_are_checked(sma, plain, tmp_path):
    for strategy, name, words in (
        ("ema_flip", "fats", "did you mean fast"),
        (sma, "fost", "did you mean fast"),
        (plain, "RATES", "did you mean RATE"),
        ("ema_flop", "fast", "did you mean ema_flip"),
    ):
        with pytest.raises(ConfigError, match=words):
            candidates(strategy, [name])
    with pytest.raises(ConfigError, match="whole number"):
        typed({"fast": np.array([2.5])}, candidates(sma, ["fast"]).defaults)
    with pytest.raises(StrategyError, match="cannot read"):
        candidates(str(tmp_path / "absent.py"), [])


def test_a_strategy_that_leaves_the_range_is_told_with_file_and_line(tmp_path, book):
    path = tmp_path / "wild.py"
    path.write_text(
        'from numba import njit\nSTATE = [("n", "i8")]\nPARAMS = {"size": 0.5}\n\n'
        "@njit\ndef step(params, state, bar):\n    return params.size\n"
    )
    engine, space = engine_of(str(path), book, ["size=0.5,3.5"])
    trials = engine.run(*space.block(0))
    assert (trials.values["size"].tolist(), trials.refused) == ([0.5], 1)
    assert re.search(r"^size=3\.5: .*wild\.py:5.*out of range", trials.reason)
