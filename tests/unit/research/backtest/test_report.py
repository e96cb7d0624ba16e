"""``janus backtest``: what it computes, writes, prints and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from janus_trader.cli.backtest_command import BacktestArguments, backtest_command
from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError
from janus_trader.research.backtest import report
from janus_trader.research.backtest.report import BacktestRequest, run_backtest, strategy_named
from janus_trader.runs.history import HistoryRequest


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(4)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    opened = np.concatenate((close[:1], close[:-1]))
    path = tmp_path / "walk.csv"
    lines = ["time,open,high,low,close,volume"]
    for t in range(400):
        o, c = opened[t], close[t]
        stamp = np.datetime64("2016-01-01T00:00") + np.timedelta64(t, "h")
        lines.append(f"{stamp}:00Z,{o:.4f},{max(o, c) * 1.002:.4f},{min(o, c) * 0.998:.4f},{c:.4f},1000")
    path.write_text("\n".join(lines) + "\n")
    return path


def request(file, **changes):
    settings = BacktestSettings(tick_size=0.0001, lot_size=0.01, taker_fee=0.0005, slippage="ticks")
    history = HistoryRequest(files=(str(file),))
    return BacktestRequest(**{"strategy": "ema_flip", "history": history, "settings": settings, **changes})


def arguments(file, **changes):
    values = {
        "strategy": "ema_flip",
        "data": (str(file),),
        "start": None,
        "end": None,
        "symbols": (),
        "form": "brackets",
        "venue": "both",
        "capital": 1e5,
        "size": None,
        "leverage": 1.0,
        "fee_bps": 2.0,
        "slippage_bps": 1.0,
        "max_volume_frac": 0.0,
        "tick": 0.0001,
        "lot": 0.01,
        "same_close": False,
        "holdout": False,
        "out": None,
        "timezone": None,
        "bar_end": None,
        "columns": None,
        "json": False,
    }
    return BacktestArguments(**{**values, **changes})


def test_both_engines_agree_and_the_records_are_written(file, tmp_path):
    out = tmp_path / "out"
    summary = run_backtest(request(file, engine="both", form="brackets"), out)
    assert summary["agreement"]["exact"]
    assert summary["fills"] > 10
    low, high = summary["sharpe_interval"]
    assert low < summary["sharpe"] < high
    assert summary["costs"] == pytest.approx(summary["fees"] + summary["slippage"] + summary["borrowed"])
    assert json.loads((out / "summary.json").read_text())["fills"] == summary["fills"]
    fills = (out / "fills.csv").read_text().splitlines()
    assert len(fills) == summary["fills"] + 1
    assert "plotly" in (out / "equity.html").read_text()


def test_the_engine_can_be_chosen(file):
    ours, theirs = (run_backtest(request(file, engine=name)) for name in ("compiled", "nautilus"))
    assert (ours["engine"], theirs["engine"]) == ("compiled", "nautilus_trader")
    assert ours["final_equity"] == pytest.approx(theirs["final_equity"], abs=1e-4)


def test_a_table_and_json_are_printed(file, capsys):
    backtest_command(arguments(file))
    text = capsys.readouterr().out
    assert "95 % interval" in text
    assert "the same orders and fills" in " ".join(text.split())
    backtest_command(arguments(file, json=True, venue="compiled"))
    assert json.loads(capsys.readouterr().out)["strategy"] == "ema_flip"


@pytest.mark.parametrize(
    "change", [{"venue": "paper"}, {"form": "grid"}, {"strategy": "nothing"}, {"tick": -1.0}]
)
def test_bad_arguments_are_refused(file, change):
    with pytest.raises(ConfigError):
        backtest_command(arguments(file, **change))


def test_a_file_of_ones_own_is_loaded(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def step(state, bar):\n    return 1.0\n")
    assert strategy_named(str(path)).name == "mine"


def test_the_held_out_years_are_not_opened_in_passing():
    late = HistoryRequest(end="2019-06-30")
    with pytest.raises(ConfigError, match="held out"):
        run_backtest(request("", history=late))
    assert report._within_selection(request("", history=HistoryRequest())).end == "2017-12-31"
    assert report._within_selection(request("", history=late, holdout=True)).end == "2019-06-30"


def test_an_opening_is_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "TRIALS.jsonl").write_text("")
    summary = {"start": "2018-01-02", "end": "2019-06-28", "sharpe": 0.1, "max_drawdown": 0.2}
    report._record(request("", holdout=True), summary)
    line = json.loads((tmp_path / "TRIALS.jsonl").read_text())
    assert line["kind"] == "holdout"
    assert "ema_flip" in line["note"]
