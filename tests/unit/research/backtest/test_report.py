"""``janus backtest``: what it computes, writes, prints and refuses."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from janus_trader.cli.backtest_command import BacktestArguments, backtest_command
from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError, StrategyError
from janus_trader.research.backtest import report
from janus_trader.research.backtest.report import BacktestRequest, run_backtest, strategy_named
from janus_trader.runs.history import HistoryRequest
from janus_trader.runs.trials import trial_count


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
        "maintenance_margin": 0.0,
        "borrow_rate": 0.0,
        "debit_rate": 0.0,
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


def panel_between(start, end):
    """A panel of which only the time stamps are read."""
    ts = np.array([start, end], "datetime64[ns]").astype(np.int64)
    return SimpleNamespace(ts=ts)


def test_an_opening_is_recorded_before_anything_is_traded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "TRIALS.jsonl").write_text("")
    late = HistoryRequest(start="2017-06-01", end="2018-03-01", symbols=("AAPL",))

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "_results", fail)
    with pytest.raises(KeyboardInterrupt):
        run_backtest(request("", history=late, holdout=True), date="2020-01-01")
    line = json.loads((tmp_path / "TRIALS.jsonl").read_text())
    assert (line["kind"], line["at"], line["strategy"]) == ("holdout", "2020-01-01", "ema_flip")
    assert line["span"] == "2017-06-01..2018-03-01"


def test_without_a_record_the_holdout_stays_shut(monkeypatch):
    monkeypatch.setattr(report, "find_trials", lambda: None)
    panel = panel_between("2018-01-02", "2019-06-28")
    with pytest.raises(ConfigError, match="on the record only"):
        report._record_opening(request("", holdout=True), panel, "2020-01-01")
    report._record_opening(request("", holdout=True), panel_between("2016-01-04", "2017-12-29"), "")


def test_each_back_test_of_the_book_counts_as_a_trial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "TRIALS.jsonl"
    record.write_text("")
    history = HistoryRequest(start="2016-01-04", end="2016-06-30", symbols=("AAPL",))
    for _ in range(2):
        summary = run_backtest(request("", history=history), date="2020-01-01")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["backtest", "backtest"]
    assert lines[0]["sharpe"] == summary["sharpe"]
    assert trial_count(lines) == 2


def test_records_name_times_symbols_and_kinds_and_repeat_byte_by_byte(file, tmp_path):
    for name in ("a", "b"):
        run_backtest(request(file, form="brackets"), tmp_path / name)
    rows = list(csv.DictReader((tmp_path / "a" / "orders.csv").read_text().splitlines()))
    assert rows[0]["time"].startswith("2016-01-")
    assert rows[0]["instrument"] == "walk"
    assert {row["kind"] for row in rows} >= {"market", "stop"}
    assert "filled" in {row["state"] for row in rows}
    for name in ("equity.html", "orders.csv", "fills.csv", "summary.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_summary_tells_the_settings_that_were_used(file):
    used = run_backtest(request(file))["settings"]
    assert used["size"] == 1.0
    assert used["bars_per_year"] > 1000.0


def test_a_directory_of_something_else_is_not_written_over(file, tmp_path):
    (tmp_path / "summary.json").write_text('{"kind": "run"}')
    with pytest.raises(ConfigError, match="something else"):
        run_backtest(request(file), tmp_path)
    assert (tmp_path / "summary.json").read_text() == '{"kind": "run"}'


def test_what_was_refused_borrowed_or_never_traded_is_said(file, tmp_path, capsys):
    short = tmp_path / "short.py"
    short.write_text("def step(state, bar):\n    return -1.0\n")
    nothing = tmp_path / "nothing.py"
    nothing.write_text("def step(state, bar):\n    return 0.0\n")
    plain = {"form": "targets", "venue": "compiled"}
    backtest_command(arguments(file, **plain, strategy=str(short)))
    assert "financing was free" in capsys.readouterr().out
    backtest_command(arguments(file, **plain, strategy=str(short), borrow_rate=0.02))
    text = capsys.readouterr().out
    assert "financing was free" not in text
    backtest_command(arguments(file, **plain, strategy=str(short), size=3.0))
    assert "1 order refused: would have gone beyond --leverage" in " ".join(capsys.readouterr().out.split())
    backtest_command(arguments(file, **plain, strategy=str(nothing)))
    assert "It never traded" in capsys.readouterr().out


def test_what_the_user_typed_is_named(file):
    with pytest.raises(ConfigError, match="--fee-bps"):
        backtest_command(arguments(file, fee_bps=-5000.0))
    with pytest.raises(ConfigError) as caught:
        strategy_named("ema_flop")
    assert caught.value.remedy == "did you mean ema_flip?"


def test_a_step_that_writes_orders_is_not_read_from_a_file(tmp_path):
    path = tmp_path / "orders.py"
    path.write_text("def step(params, state, bar, account, orders):\n    pass\n")
    with pytest.raises(StrategyError, match="cannot be read from a file"):
        strategy_named(str(path))
