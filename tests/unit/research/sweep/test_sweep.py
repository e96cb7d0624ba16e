"""A whole sweep: what is written, what is said, what is refused, and that an interruption leaves no trace."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pyarrow.parquet as pq
import pytest

from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics.overfitting import backtest_overfitting
from janus_trader.numerics.sharpe import (
    deflated_sharpe_probability,
    max_sharpe_expected,
    return_moments,
)
from janus_trader.research.sweep import Space, SweepRequest, parse_axis, run_sweep
from janus_trader.research.sweep import space as space_module
from janus_trader.research.sweep.candidates import candidates
from janus_trader.research.sweep.engine import SweepEngine, book_of
from janus_trader.research.sweep.evidence import Sample, Spread, overfitting
from janus_trader.research.sweep.statistics import FIGURES, trial_figures
from janus_trader.research.sweep.sweep import SweepInterrupted
from janus_trader.runs.history import HistoryRequest, load_history
from janus_trader.runs.trials import find_trials, read_trials

SETTINGS = BacktestSettings(taker_fee=0.0002)


def ask(strategy, csv, *grid, where=None, samples=0, **more):
    space = Space([parse_axis(g) for g in grid], where=where, samples=samples)
    history = HistoryRequest(files=(str(csv),), warmup_bars=0)
    return SweepRequest(strategy, space, history, SETTINGS, **{"confirm": False, **more})


GRID = ("fast=2:12:2", "slow=5:45:10")


@pytest.fixture
def done(sma, csv, tmp_path):
    return run_sweep(ask(sma, csv, *GRID, where="fast < slow"), tmp_path / "out", date="2024-01-02")


def test_every_trial_is_in_the_table_and_the_best_are_the_best(done, sma, csv):
    table = pq.read_table(done.path / "trials.parquet").to_pydict()
    wanted = [(f, s) for f in range(2, 13, 2) for s in range(5, 46, 10) if f < s]
    assert list(zip(table["fast"], table["slow"], strict=True)) == wanted
    summary = done.summary
    assert summary == json.loads((done.path / "summary.json").read_text())
    assert (summary["points"], summary["trials"], summary["excluded"]) == (30, len(wanted), 30 - len(wanted))
    order = np.argsort(-np.array(table["sharpe"]), kind="stable")[:5]
    assert [row["trial"] for row in summary["best"]] == [table["trial"][k] for k in order]
    assert [row["sharpe"] for row in summary["best"]] == [table["sharpe"][k] for k in order]
    assert [row["parameters"]["fast"] for row in summary["best"]] == [table["fast"][k] for k in order]
    assert not (done.path / "blocks").exists()


def test_the_deflation_is_that_of_all_trials(done, sma, csv):
    table = pq.read_table(done.path / "trials.parquet").to_pydict()
    summary, evidence = done.summary, done.summary["evidence"]
    book = book_of(load_history(HistoryRequest(files=(str(csv),), warmup_bars=0)).panel, SETTINGS)
    engine = SweepEngine(candidates(sma, ["fast"]), book, blocks=16, state_dtype=None, workers=1)
    equity = engine.equity(summary["best"][0]["parameters"])
    moments = return_moments(equity[1:] / equity[:-1] - 1.0)
    spread = float(np.std(table["sharpe"], ddof=1))
    scale = book.bars_per_year**0.5
    assert evidence["sharpe_spread"] == pytest.approx(spread, rel=1e-12)
    expected = deflated_sharpe_probability(
        moments.mean / moments.std,
        moments.n,
        moments.skew,
        moments.kurtosis_raw,
        len(table["fast"]),
        spread / scale,
    )
    assert evidence["deflated_probability"] == pytest.approx(expected, rel=1e-9)
    luck = max_sharpe_expected(len(table["fast"]), scale / moments.n**0.5)
    assert evidence["luck_independent"] == pytest.approx(luck, rel=1e-12)
    assert f"{luck:.2f}" in summary["sentences"][0]


def test_the_validation_from_blocks_is_that_from_returns(done, sma, csv):
    book = book_of(load_history(HistoryRequest(files=(str(csv),), warmup_bars=0)).panel, SETTINGS)
    engine = SweepEngine(candidates(sma, ["fast"]), book, blocks=16, state_dtype=None, workers=1)
    table = pq.read_table(done.path / "trials.parquet").to_pydict()
    points = zip(table["fast"], table["slow"], strict=True)
    equity = np.column_stack([engine.equity({"fast": f, "slow": s}) for f, s in points])
    full = backtest_overfitting(equity[1:] / equity[:-1] - 1.0, 16)
    told = done.summary["overfitting"]
    assert told["probability"] == full.probability
    assert told["probability_of_loss"] == full.probability_of_loss
    assert sum(told["logit_counts"]) == told["splits"] == len(full.logits) == 12870


def test_noise_is_called_noise_and_skill_is_not(rng):
    edges = np.linspace(0, 960, 9).astype(np.int64)

    def validated(x):
        equity = np.cumprod(np.vstack((np.ones((1, x.shape[1])), 1.0 + x)), axis=0)
        sample = Sample(1, [], [], [])
        n = x.shape[1]
        mean, sums, squares = np.zeros(n), np.zeros((n, 8)), np.zeros((n, 8))
        for j in range(n):
            path = np.ascontiguousarray(equity[:, j])
            mean[j] = trial_figures(
                path, 1.0, 252.0, edges, np.zeros(960), np.zeros(len(FIGURES)), sums[j], squares[j]
            )
        sample.means, sample.sums, sample.squares = [mean], [sums], [squares]
        return overfitting(sample, edges, None)["probability"]

    noise = [validated(0.01 * rng.standard_normal((960, 40))) for _ in range(20)]
    assert 0.35 < np.mean(noise) < 0.65
    skilled = 0.01 * rng.standard_normal((960, 40))
    skilled[:, 7] += 0.004
    assert validated(skilled) < 0.02


def test_the_spread_of_blocks_is_that_of_all():
    x = np.array([0.3, np.nan, 1.2, -0.4, 2.0, 0.9])
    spread = Spread()
    for part in (x[:2], x[2:2], x[2:5], x[5:]):
        spread.add(part)
    known = x[np.isfinite(x)]
    assert spread.count == 5
    assert spread.mean == pytest.approx(known.mean())
    assert spread.std == pytest.approx(known.std(ddof=1))


def test_an_interrupted_and_resumed_sweep_leaves_the_same_bytes(sma, csv, tmp_path, monkeypatch):
    for module in ("space", "sweep"):
        monkeypatch.setattr(f"janus_trader.research.sweep.{module}.BLOCK", 7)
    assert space_module.BLOCK == 7
    request = ask(sma, csv, *GRID, where="fast < slow")
    whole = run_sweep(request, tmp_path / "whole", date="2024-01-02")

    def stop():
        return len(list((tmp_path / "parts" / "blocks").iterdir())) == 2

    with pytest.raises(SweepInterrupted, match="--resume"):
        run_sweep(request, tmp_path / "parts", date="2024-01-02", stop=stop)
    finished = sorted(p.name for p in (tmp_path / "parts" / "blocks").iterdir())
    assert finished == ["000000.parquet", "000001.parquet"]
    told = []
    parts = run_sweep(
        request,
        tmp_path / "parts",
        date="2024-01-02",
        resume=True,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (whole.summary["trials"],) * 2
    for name in (
        "trials.parquet",
        "summary.json",
        "heatmap.png",
        "sweep.json",
        "heatmap.html",
        "trials.record.jsonl",
    ):
        assert (parts.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_resuming_asks_for_the_same_sweep(sma, csv, tmp_path, done):
    request = ask(sma, csv, *GRID, where="fast < slow")
    with pytest.raises(DataError, match="already holds a sweep"):
        run_sweep(request, done.path, date="2024-01-02")
    with pytest.raises(DataError, match="finished already"):
        run_sweep(request, done.path, date="2024-01-02", resume=True)
    with pytest.raises(DataError, match="no sweep to go on with"):
        run_sweep(request, tmp_path / "new", date="2024-01-02", resume=True)
    with pytest.raises(SweepInterrupted):
        run_sweep(request, tmp_path / "begun", date="2024-01-02", stop=lambda: True)
    with pytest.raises(IntegrityError, match="different axes"):
        run_sweep(
            ask(sma, csv, "fast=2:4:1", where="fast < 9"), tmp_path / "begun", date="2024-01-02", resume=True
        )


def test_a_metric_that_is_never_defined_is_said(tmp_path, csv):
    path = tmp_path / "idle.py"
    path.write_text("LEVEL = 1\n\ndef step(state, bar):\n    return 0.0 * LEVEL\n")
    result = run_sweep(ask(str(path), csv, "LEVEL=1:3:1"), tmp_path / "out", date="2024-01-02")
    assert result.summary["best"] == []
    assert result.summary["undefined"] == 3
    assert "No trial has a sharpe" in result.summary["sentences"][0]
    table = pq.read_table(result.path / "trials.parquet").to_pydict()
    assert np.isnan(table["sharpe"]).all()


def test_an_undefined_metric_ranks_last(tmp_path, csv):
    path = tmp_path / "some.py"
    path.write_text("SIZE = 1.0\n\ndef step(state, bar):\n    return SIZE\n")
    result = run_sweep(ask(str(path), csv, "SIZE=0:1:0.5"), tmp_path / "out", date="2024-01-02")
    assert result.summary["undefined"] == 1
    assert [row["parameters"]["SIZE"] for row in result.summary["best"]] != [0.0]
    assert len(result.summary["best"]) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "profit"}, "no metric"),
        ({"top": 0}, "--top"),
        ({"map_over": ("width",)}, "--map names"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(sma, csv, tmp_path, change, words):
    with pytest.raises(ConfigError, match=words):
        run_sweep(ask(sma, csv, *GRID, **change), tmp_path / "out", date="2024-01-02")
    assert not (tmp_path / "out").exists()


def test_a_strategy_that_refuses_every_point_is_told(csv, tmp_path):
    with pytest.raises(ConfigError, match="refuses every point"):
        run_sweep(ask("ema_flip", csv, "fast=30,40", "slow=10,20"), tmp_path / "out", date="2024-01-02")


def test_too_little_history_is_refused(sma, make_csv, tmp_path):
    short = make_csv(tmp_path / "short.csv", length=6, symbols=("AAA",))
    with pytest.raises(DataError, match="too little history"):
        run_sweep(ask(sma, short, *GRID), tmp_path / "out", date="2024-01-02")


def test_the_book_that_ships_is_swept_only_in_its_selection_period(tmp_path):
    space = Space([parse_axis("fast=5:9:4")])
    history = HistoryRequest(end="2018-06-30")
    with pytest.raises(ConfigError, match="selection period"):
        run_sweep(SweepRequest("ema_flip", space, history), tmp_path / "out", date="2024-01-02")


def test_a_sweep_of_the_book_that_ships_is_recorded_with_its_number_of_trials(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "TRIALS.jsonl"
    record.write_text('{"kind":"selection","sharpe":0.5}\n{"kind":"sweep","trials":40}\n{"kind":"holdout"}\n')
    space = Space([parse_axis("fast=5:11:3")])
    history = HistoryRequest(start="2017-03-01", symbols=("KO", "XOM"))
    result = run_sweep(
        SweepRequest("ema_flip", space, history, confirm=False), tmp_path / "out", date="2024-01-02"
    )
    assert result.summary["end"] <= "2017-12-31"
    assert result.summary["evidence"]["earlier_trials"] == 41
    last = read_trials(record)[-1]
    assert (last["kind"], last["trials"], last["at"]) == ("sweep", 3, "2024-01-02")
    assert read_trials(result.path / "trials.record.jsonl") == [last]
    monkeypatch.chdir(result.path)
    assert find_trials() != result.path / "TRIALS.jsonl"


def test_an_interrupted_sweep_of_the_book_that_ships_counts_from_its_start_and_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "TRIALS.jsonl"
    record.write_text('{"kind":"selection","sharpe":0.5}\n')
    space = Space([parse_axis("fast=5:11:3")])
    history = HistoryRequest(start="2017-06-01", symbols=("KO",))
    request = SweepRequest("ema_flip", space, history, confirm=False)
    with pytest.raises(SweepInterrupted):
        run_sweep(request, tmp_path / "out", date="2024-01-02", stop=lambda: True)
    assert [t.get("trials") for t in read_trials(record)] == [None, 3]
    result = run_sweep(request, tmp_path / "out", date="2024-01-03", resume=True)
    assert len(read_trials(record)) == 2
    assert result.summary["evidence"]["earlier_trials"] == 1


def test_the_validation_is_thinned_by_the_trials_that_ran(sma, csv, tmp_path, monkeypatch):
    monkeypatch.setattr("janus_trader.research.sweep.weigh.MOST_VALIDATED", 26)
    result = run_sweep(ask(sma, csv, *GRID, where="fast < slow"), tmp_path / "out", date="2024-01-02")
    assert result.summary["trials"] == 26
    assert result.summary["overfitting"]["trials"] == 26


def test_a_point_at_which_the_step_leaves_the_range_is_refused_and_named(tmp_path, csv):
    path = tmp_path / "some.py"
    path.write_text("SIZE = 1.0\n\ndef step(state, bar):\n    return SIZE if bar.close > 60 else 0.0\n")
    result = run_sweep(ask(str(path), csv, "SIZE=0.5,1.0,1.5"), tmp_path / "out", date="2024-01-02")
    summary = result.summary
    assert (summary["trials"], summary["refused"]) == (2, 1)
    assert summary["refused_reason"].startswith("SIZE=1.5: ")
    assert "some.py" in summary["refused_reason"]


def test_the_sentences_say_by_what_the_best_was_chosen(sma, csv, tmp_path, done):
    assert "choice by" not in " ".join(done.summary["sentences"])
    result = run_sweep(ask(sma, csv, *GRID, metric="max_drawdown"), tmp_path / "by", date="2024-01-02")
    text = " ".join(result.summary["sentences"])
    assert "The best here by max drawdown has" in text
    assert "of a choice by Sharpe ratio; a choice by max drawdown" in text


def test_a_directory_that_holds_something_else_is_left_alone(sma, csv, tmp_path):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("words")
    with pytest.raises(DataError, match="holds something else"):
        run_sweep(ask(sma, csv, *GRID), other, date="2024-01-02")
    with pytest.raises(DataError, match="holds something else"):
        run_sweep(ask(sma, csv, *GRID), other / "chapter.txt", date="2024-01-02")
    assert [p.name for p in other.iterdir()] == ["chapter.txt"]


def test_the_map_shows_the_best_of_each_cell(sma, csv, tmp_path):
    request = ask(sma, csv, "fast=2:6:2", "slow=10,20,30", map_over=("slow", "fast"), metric="max_drawdown")
    result = run_sweep(request, tmp_path / "out", date="2024-01-02")
    page = (result.path / "heatmap.html").read_text()
    assert "max drawdown" in page
    raw = (result.path / "heatmap.png").read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", raw[16:24])
    at, body = 8, b""
    while at < len(raw):
        (size,) = struct.unpack(">I", raw[at : at + 4])
        kind, data = raw[at + 4 : at + 8], raw[at + 8 : at + 8 + size]
        assert struct.unpack(">I", raw[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        body += data if kind == b"IDAT" else b""
        at += 12 + size
    assert len(zlib.decompress(body)) == height * (1 + 3 * width)
    drawdowns = [row["max_drawdown"] for row in result.summary["best"]]
    assert drawdowns == sorted(drawdowns)


def test_ruin_is_a_total_loss(rng):
    equity = np.array([100.0, 50.0, -5.0, 20.0, 30.0])
    figures, blocks = np.zeros(len(FIGURES)), np.zeros(2)
    trial_figures(equity, 100.0, 252.0, np.array([0, 2, 4]), np.zeros(4), figures, blocks, blocks.copy())
    named = dict(zip(FIGURES, figures, strict=True))
    assert (named["total_return"], named["annual_return"], named["max_drawdown"]) == (-1.0, -1.0, 1.0)
