"""``janus sweep`` and ``janus check-strategy`` as a user types them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from support.command import janus

STRATEGY = """
from numba import njit

STATE = [("n", "i8"), ("fast", "f8"), ("slow", "f8")]
PARAMS = {"fast": 0.2, "slow": 0.02}


@njit
def step(params, state, bar):
    if state.n == 0:
        state.fast = state.slow = bar.close
    state.n += 1
    state.fast += params.fast * (bar.close - state.fast)
    state.slow += params.slow * (bar.close - state.slow)
    return 1.0 if state.fast > state.slow else -1.0
"""
GRID = ["--grid", "fast=0.1:0.5:0.1", "--grid", "slow=0.01,0.02,0.05"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweeps")
    (path / "averages.py").write_text(STRATEGY)
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, 400)))
    days = np.datetime64("2020-01-01") + np.arange(400)
    lines = ["date,open,high,low,close,volume"]
    for t, (day, c) in enumerate(zip(days, close, strict=True)):
        o = close[max(t - 1, 0)]
        lines.append(f"{day},{o:.4f},{1.004 * max(o, c):.4f},{0.996 * min(o, c):.4f},{c:.4f},1000")
    (path / "ACME.csv").write_text("\n".join(lines) + "\n")
    return path


def sweep(place, *more, code=0):
    arguments = ["sweep", "--strategy", "averages.py", "--data", "ACME.csv", *more]
    return janus(*arguments, cwd=place, code=code)


@pytest.fixture(scope="module")
def told(place):
    return json.loads(sweep(place, *GRID, "--top", "3", "--out", "one", "--json").stdout)


def test_the_summary_is_printed_and_kept(place, told):
    assert told.pop("path") == "one"
    assert told == json.loads((place / "one" / "summary.json").read_text())
    assert told["trials"] == pq.read_metadata(place / "one" / "trials.parquet").num_rows == 15
    assert {p.name for p in (place / "one").iterdir()} == {
        "sweep.json", "summary.json", "trials.parquet", "heatmap.html", "heatmap.png", "trials.record.jsonl",
    }  # fmt: skip


def test_the_venue_confirms_the_best(told):
    assert len(told["confirmed"]) == len(told["best"]) == 3
    assert all(row["agrees"] for row in told["confirmed"]), told["confirmed"]


def test_the_table_says_what_the_best_is_worth(place):
    text = sweep(place, *GRID, "--where", "fast > 4*slow", "--no-confirm", "--out", "two").stdout
    for words in (
        "trials without any skill",
        "deflated Sharpe ratio",
        "Probability of overfitting",
        "-1 to  0",
        "excluded by --where",
        "heatmap.png",
    ):
        assert words in text


def test_one_of_a_thing_is_called_one(place):
    text = sweep(place, "--grid", "fast=0.3", "--no-confirm", "--out", "single").stdout
    assert text.splitlines()[0].startswith("averages.py: 1 trial on 1 instrument, 400 bars, ")
    assert text.splitlines()[0].endswith("by sharpe")
    assert "1 trials" not in text


def test_samples_repeat(place):
    arguments = ["--grid", "fast=0.05:0.5", "--grid", "slow=0.005:0.1:log", "--samples", "20", "--no-confirm"]
    one = json.loads(sweep(place, *arguments, "--seed", "4", "--out", "three", "--json").stdout)
    two = json.loads(
        sweep(place, *arguments, "--seed", "4", "--workers", "1", "--out", "four", "--json").stdout
    )
    assert one.pop("path") != two.pop("path")
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grid", "fost=0.1,0.2"], "did you mean fast"),
        (["--grid", "fast="], "cannot read --grid"),
        (["--grid", "fast=0.5:0.1:0.1"], "first <= last"),
        (["--grid", "fast=0.1:0.5"], "no step"),
        ([*GRID, "--where", "fast > 9"], "excludes every point"),
        ([*GRID, "--where", "__import__('os')"], "--where"),
        ([*GRID, "--metric", "luck"], "no metric"),
        ([*GRID, "--from", "2030-01-01"], "too little history"),
        ([*GRID, "--symbols", "NOPE"], "NOPE"),
        ([*GRID, "--capital", "-1"], "capital"),
        ([*GRID, "--resume", "--out", "nowhere"], "no sweep to go on with"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(place, arguments, words):
    done = sweep(place, *arguments, code=2)
    assert words in done.stderr.replace("\n", " ")
    assert not (place / "nowhere").exists()
    assert not (place / "sweeps").exists()


def test_files_that_are_no_data_are_refused(place):
    (place / "broken.parquet").write_bytes(b"PAR1 this is no table")
    for name in ("broken.parquet", "absent.csv"):
        done = janus("sweep", "--strategy", "averages.py", "--data", name, *GRID, cwd=place, code=2)
        assert name in done.stderr.replace("\n", "")


def test_check_strategy_runs_on_the_users_data(place):
    done = janus("check-strategy", "averages.py", "--data", "ACME.csv", cwd=place, code=0)
    assert "clean" in done.stdout
    short = "date,close\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n"
    (place / "short.csv").write_text(short)
    done = janus("check-strategy", "averages.py", "--data", "short.csv", cwd=place, code=2)
    assert "too little data" in done.stderr
