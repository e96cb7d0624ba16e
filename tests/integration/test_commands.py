"""The commands as a user types them, on one small real run."""

import json
import re

import jsonschema
import numpy as np
import pytest

from janus_trader.runs.run import Run
from janus_trader.runs.schema import SUMMARY_SCHEMA
from support import command

SPAN = ["--from", "2012-01-03", "--to", "2012-06-29", "--symbols", "AAPL,BAC,GE,KO,MSFT,XOM"]


def janus(*arguments, cwd, code=0):
    return command.janus(*arguments, cwd=cwd, code=code).stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("commands")
    (path / "stdout.json").write_text(janus("run", *SPAN, "--out", "runs/one", "--json", cwd=path))
    return path


@pytest.fixture(scope="module")
def summary(place):
    return json.loads((place / "runs/one/summary.json").read_text())


def test_the_summary_follows_its_published_schema(place, summary):
    jsonschema.validate(summary, SUMMARY_SCHEMA)
    assert json.loads((place / "stdout.json").read_text()) == summary
    assert (summary["instruments"], summary["start"], summary["end"]) == (6, "2012-01-03", "2012-06-29")
    assert summary["nights"] == summary["bars"] + 252
    assert "Not evidence of achievable return" in summary["survivorship_note"]


def test_every_file_of_the_run_is_there(place):
    names = {p.name for p in (place / "runs/one").iterdir()}
    wanted = "manifest.json summary.json report.html journal.bin episodes.bin nights.bin run.log"
    tables = "equity weights regimes orders trades"
    assert set(wanted.split()) <= names
    assert {f"{name}.parquet" for name in tables.split()} <= names


def test_the_report_needs_nothing_from_outside(place):
    page = (place / "runs/one/report.html").read_text()
    outside = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert not outside
    for title in (
        "Equity and drawdown",
        "Monthly returns",
        "Regimes",
        "Exposure",
        "Posture",
        "Profit by instrument",
        "Profit by source",
        "Costs",
        "What the nights changed",
        "Feature coverage",
        "Ten decisions that mattered most",
    ):
        assert f"<h2>{title}</h2>" in page
    assert "Not evidence of achievable return" in page


def test_tables_agree_with_the_summary(place, summary):
    run = Run.load(place / "runs/one")
    equity = run.equity
    assert equity["janus"].iloc[-1] == summary["final_equity"]
    for name, figures in summary["baselines"].items():
        assert equity[name].iloc[-1] == figures["final_equity"]
    regimes = run.regimes
    assert list(regimes.columns)[1:] == [
        "bull",
        "bear",
        "ranging",
        "crisis",
        "recovery",
        "bubble",
        "deflation",
    ]
    assert np.allclose(regimes.iloc[:, 1:].sum(axis=1), 1.0)
    assert len(run.weights) == len(equity) == summary["bars"]
    assert (run.orders["status"] == "filled").sum() == summary["fills"]
    assert len(run.trades) == summary["round_trips"]
    assert equity["costs"].iloc[-1] == pytest.approx(summary["costs"])


def test_attribution_adds_up_to_the_profit(summary):
    total = sum(row["pnl"] for row in summary["attribution"]["instruments"].values())
    assert total == pytest.approx(summary["final_equity"] - 1_000_000.0, abs=1.0)


def test_explain_names_every_region(place):
    words = janus("explain", "one", "2012-03-01", cwd=place)
    for name in (
        "Cortex",
        "Hypothalamus",
        "Amygdala",
        "Thalamus",
        "Strategies",
        "Basal ganglia",
        "Prefrontal",
    ):
        assert name in words
    body = json.loads(janus("explain", "one", "300", "--json", cwd=place))
    assert body["record"]["step"] == 300
    assert len(body["chain"]) == 64


def test_replay_is_identical_and_says_where_it_is_not(place):
    assert "identical" in janus("replay", "one", cwd=place)
    manifest = place / "runs/one/manifest.json"
    before = manifest.read_text()
    tree = json.loads(before)
    tree["config"]["brain"]["hypothalamus"]["allocation"]["risk_aversion"] *= 1.5
    manifest.write_text(json.dumps(tree))
    try:
        assert re.search(r"diverges at step \d+ in decision", janus("replay", "one", cwd=place, code=1))
    finally:
        manifest.write_text(before)


def test_compare_and_list(place):
    janus("run", *SPAN, "--out", "runs/two", "--cost-multiplier", "2", "--json", cwd=place)
    result = json.loads(janus("compare", "one", "two", "--json", cwd=place))
    assert result["config"] == {"costs.multiplier": [1.0, 2.0]}
    assert result["same_data"]
    assert result["journals"]["divergence"] is not None
    assert "costs.multiplier" in janus("compare", "one", "two", cwd=place)
    listed = json.loads(janus("runs", "list", "--json", cwd=place))
    assert {row["run"] for row in listed} >= {"one", "two"}


def test_options_reach_the_run(place):
    span = ["--from", "2012-01-02", "--to", "2012-03-30", "--symbols", "AAPL,GE,KO"]
    out = janus(
        "run", *span, "--out", "runs/three", "--long-only", "--capital", "5000", "--cash-rate", "0.02",
        "--benchmark", "KO", "--seed", "3", "--json", cwd=place,
    )  # fmt: skip
    summary = json.loads(out)
    assert summary["seed"] == 3
    assert summary["benchmark"] == "KO"
    run = Run.load(place / "runs/three")
    assert (run.weights.iloc[:, 1:] >= 0).all().all()
    assert run.equity["janus"].iloc[0] == pytest.approx(5000, rel=0.01)
    assert run.manifest["config"]["account"]["cash_rate"] == 0.02


def test_configuration_can_be_written_read_and_overlaid(place):
    janus("config", "init", "own.toml", cwd=place)
    janus("config", "init", "own.toml", cwd=place, code=2)
    text = (place / "own.toml").read_text()
    assert "holdback_sessions = 21" in text
    a = json.loads(janus("config", "show", "--json", cwd=place))
    b = json.loads(janus("config", "show", "--json", "--config", "own.toml", cwd=place))
    assert a["fingerprint"] == b["fingerprint"]
    c = json.loads(janus("config", "show", "--json", "--set", "sleep.enabled=false", cwd=place))
    assert c["config"]["sleep"]["enabled"] is False
    assert c["fingerprint"] != a["fingerprint"]


def test_sources_and_their_lags_are_listed(place):
    body = json.loads(janus("data", "list", "--json", cwd=place))
    lags = {s["name"]: s["availability_lag_ns"] for s in body["sources"]}
    assert lags["credit_spread"] >= 31 * 86_400 * 10**9
    assert "yield_curve_slope" in {f["name"] for f in body["features"]}
    assert "yield_curve_slope" not in lags


STRATEGY = "def step(state, bar):\n    return 1.0\n"


def test_a_users_strategy_takes_part_and_changes_the_book(place):
    (place / "always_long.py").write_text(STRATEGY)
    span = ["--from", "2012-01-02", "--to", "2012-03-30", "--symbols", "AAPL,GE,KO", "--json"]
    without = json.loads(janus("run", *span, "--out", "runs/without", cwd=place))
    with_it = json.loads(janus("run", *span, "--out", "runs/with", "--strategy", "always_long.py", cwd=place))
    assert "always_long" in with_it["source_weights"]
    assert "always_long" not in without["source_weights"]
    assert with_it["decision_chain"] != without["decision_chain"]


@pytest.mark.parametrize(
    ("pattern", "options"),
    [
        ("crypto/binance_spot_1h_*.parquet", ["--from", "2021-05-01", "--to", "2021-05-25"]),
        ("crypto/btc_perp_1m_*.parquet", ["--from", "2022-01-10", "--to", "2022-01-10", "--bar-end"]),
        ("fx/oanda_1h_bidask_EURUSD_*.parquet", ["--from", "2010-03-01", "--to", "2010-04-01"]),
        ("fx/fxcm_1m_*.parquet", ["--symbols", "USDJPY", "--from", "2013-02-04", "--to", "2013-02-04"]),
        ("equities/us_58stocks_*.parquet", ["--from", "2016-01-04", "--to", "2016-03-01"]),
        ("equities/us_indices_*.parquet", ["--from", "2008-09-01", "--to", "2008-12-31"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_recorded_markets_of_other_kinds_run(pattern, options, shared_data, tmp_path):
    files = sorted(shared_data.glob(pattern))
    out = janus("run", "--data", *files, *options, "--out", "run", "--json", cwd=tmp_path)
    summary = json.loads(out)
    jsonschema.validate(summary, SUMMARY_SCHEMA)
    assert summary["bars"] > 20
    assert summary["survivorship_note"] == "" or "surviv" in summary["survivorship_note"]
    assert np.isfinite(summary["final_equity"])


def test_intraday_strategies_wake_up_on_intraday_data(shared_data, tmp_path):
    files = sorted(shared_data.glob("crypto/binance_spot_30m_*.parquet"))
    out = janus(
        "run",
        "--data",
        *files,
        "--from",
        "2022-05-08",
        "--to",
        "2022-05-14",
        "--out",
        "run",
        "--json",
        cwd=tmp_path,
    )
    assert json.loads(out)["inactive_sources"] == []
