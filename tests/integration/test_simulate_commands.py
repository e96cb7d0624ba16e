from __future__ import annotations

import json

import pytest
from tests.support.command import janus

from janus_trader.runs.trials import find_trials


def test_the_scenarios_are_listed(tmp_path):
    names = {
        r["scenario"] for r in json.loads(janus("simulate", "--list", "--json", cwd=tmp_path, code=0).stdout)
    }
    assert {"calm", "flash_crash", "slow_bear", "regime_switching"} <= names
    assert "flash_crash" in janus("simulate", "--list", cwd=tmp_path, code=0).stdout


def test_bars_are_written_told_and_read_by_the_other_commands(tmp_path):
    done = janus(
        "simulate", "--scenario", "slow_bear", "--days", 120, "--assets", 3, "--seed", 5,
        "--out", "bear.parquet", "--plot", "bear.html", "--json", cwd=tmp_path, code=0,
    )  # fmt: skip
    summary = json.loads(done.stdout)
    assert [p["phase"] for p in summary["phases"]] == ["bull", "bear", "bottom"]
    assert summary["phases"][1]["market_return"] < -0.15
    assert {p.name for p in tmp_path.iterdir()} == {"bear.parquet", "bear.labels.parquet", "bear.html"}
    page = (tmp_path / "bear.html").read_text()
    assert "simulated:slow_bear, seed 5" in page
    assert "bottom" in page
    assert "clean" in janus("data", "check", "bear.parquet", cwd=tmp_path, code=0).stdout
    told = janus(
        "backtest", "--strategy", "ema_flip", "--data", "bear.parquet", "--json", cwd=tmp_path, code=0
    )
    assert json.loads(told.stdout)["bars"] == 120


def test_a_book_is_written_with_messages_trades_bars_and_labels(tmp_path):
    done = janus(
        "simulate", "--scenario", "price_gap", "--level", "book", "--minutes", 20, "--out", "gap.parquet",
        cwd=tmp_path, code=0,
    )  # fmt: skip
    assert "simulated:price_gap" in done.stdout
    kinds = ("", ".labels", ".trades", ".messages")
    assert {p.name for p in tmp_path.iterdir()} == {f"gap{kind}.parquet" for kind in kinds}
    before = (tmp_path / "gap.messages.parquet").read_bytes()
    again = (
        "simulate",
        "--scenario",
        "price_gap",
        "--level",
        "book",
        "--minutes",
        20,
        "--out",
        "gap.parquet",
    )
    janus(*again, "--json", cwd=tmp_path, code=0)
    assert (tmp_path / "gap.messages.parquet").read_bytes() == before
    assert "SIM" in janus("data", "check", "gap.parquet", cwd=tmp_path, code=0).stdout


def test_a_whole_run_lives_in_a_simulated_world_and_says_so(tmp_path):
    trials = find_trials()
    before = trials.read_bytes() if trials else b""
    world = "simulated:slow_bear:days=80,assets=2"
    done = janus("run", "--world", world, "--out", "life", "--json", cwd=tmp_path, code=0)
    summary = json.loads(done.stdout)
    assert summary["world"] == world
    assert summary["parts"] == {}
    assert any("simulated market" in note.lower() for note in summary["notes"])
    page = (tmp_path / "life" / "report.html").read_text()
    assert "simulated:slow_bear" in page
    assert "the phases of the simulated market" in page
    listed = json.loads(janus("runs", "list", "--root", ".", "--json", cwd=tmp_path, code=0).stdout)
    assert listed[0]["world"] == world
    replayed = janus("replay", "life", cwd=tmp_path, code=0)
    assert "identical" in replayed.stdout
    assert (trials.read_bytes() if trials else b"") == before


def test_a_run_on_a_file_of_bars_decides_as_in_the_world_itself(tmp_path):
    janus(
        "simulate",
        "--scenario",
        "recovery",
        "--days",
        80,
        "--assets",
        2,
        "--out",
        "r.parquet",
        cwd=tmp_path,
        code=0,
    )
    chains = []
    for name, source in (
        ("file", ("--data", "r.parquet")),
        ("world", ("--world", "simulated:recovery:days=80,assets=2")),
    ):
        done = janus("run", *source, "--out", name, "--json", cwd=tmp_path, code=0)
        chains.append(json.loads(done.stdout)["final_equity"])
    assert chains[0] == chains[1]


def test_a_run_lives_in_a_bootstrap_of_its_data(tmp_path):
    janus(
        "simulate",
        "--scenario",
        "calm",
        "--days",
        80,
        "--assets",
        2,
        "--out",
        "c.parquet",
        cwd=tmp_path,
        code=0,
    )
    done = janus(
        "run", "--data", "c.parquet", "--world", "bootstrap", "--out", "b", "--json", cwd=tmp_path, code=0
    )
    assert json.loads(done.stdout)["world"] == "bootstrap"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no scenario given"),
        (("--scenario", "flash_cash"), "did you mean flash_crash"),
        (("--scenario", "calm", "--assets", 0), "needs assets"),
        (("--scenario", "calm", "--days", -3), "needs days"),
        (("--scenario", "flash_crash", "--bar", "1d"), "phase crash is shorter than a bar"),
        (("--scenario", "flash_crash", "--severity", 12), "larger than the price"),
        (("--scenario", "calm", "--bar", "7min"), "not a length of bars"),
        (("--scenario", "calm", "--level", "ticks"), "--level is not allowed"),
        (("--scenario", "calm", "--minutes", 3), "--minutes means nothing"),
        (("--scenario", "calm", "--level", "book", "--days", 3), "--days means nothing"),
        (("--scenario", "slow_bear", "--level", "book"), "no scenario of one order book"),
        (("--scenario", "calm", "--out", "bars.csv"), "ends in .parquet"),
        (("--scenario", "calm", "--out", "no/bars.parquet"), "no such folder"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_message(tmp_path, arguments, told):
    done = janus("simulate", *arguments, cwd=tmp_path, code=2)
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--world", "simulated:nothing"), "no scenario"),
        (("--world", "simulated:calm:days=x"), "cannot read the world"),
        (("--world", "simulated:calm", "--data", "x.csv"), "market of its own"),
        (("--world", "simulated:calm", "--holdout"), "holdout is a span of the real history"),
        (("--world", "dream"), "simulated:<scenario>"),
    ],
)
def test_worlds_that_do_not_exist_are_refused(tmp_path, arguments, told):
    assert told in janus("run", *arguments, cwd=tmp_path, code=2).stderr


def test_a_study_that_cannot_be_made_is_refused(tmp_path):
    assert "too little" in janus("study", "detectors", "--lives", 1, cwd=tmp_path, code=2).stderr
