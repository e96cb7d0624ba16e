from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.data.features import panel_features
from janus_trader.data.sources.files import load_files
from janus_trader.runs.history import HistoryRequest, load_history
from janus_trader.runs.simulated import market_panel
from janus_trader.simulation.market_files import beside, write_book, write_market
from janus_trader.simulation.market_request import MarketRequest, make_market
from janus_trader.simulation.scenarios import without_truth
from janus_trader.simulation.scenarios.book import simulate_book
from janus_trader.stores.book_recordings import read_recording


@pytest.mark.parametrize(
    ("scenario", "bar"),
    [("slow_bear", None), ("exchange_outage", None), ("limit_moves", None), ("price_gap", "1h")],
)
def test_the_file_of_bars_loads_as_the_very_panel_of_the_world(tmp_path, scenario, bar):
    market = make_market(MarketRequest(scenario=scenario, assets=3, bar=bar), 2)
    write_market(market, tmp_path / "bars.parquet")
    loaded, made = load_files([tmp_path / "bars.parquet"]), market_panel(market)
    assert loaded.quarantined == {}
    assert (loaded.bar_seconds, loaded.bars_per_year) == (made.bar_seconds, made.bars_per_year)
    assert loaded.instruments == made.instruments
    for name in ("ts", "session", "present", "bars", "market", "market_volume"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(made, name), err_msg=name)


def test_the_labels_name_every_bar_missing_ones_included(tmp_path):
    market = make_market(MarketRequest(scenario="exchange_outage", assets=3), 2)
    write_market(market, tmp_path / "bars.parquet")
    labels = pq.read_table(beside(tmp_path / "bars.parquet", "labels")).to_pandas()
    assert len(labels) == len(market)
    out = labels[labels.phase == "outage"]
    assert len(out) == 30
    assert (out.traded == 0.0).all()
    assert [int(t.value) for t in labels.close_time] == market.ts.tolist()


def test_the_same_market_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_market(make_market(MarketRequest(scenario="recovery"), 7), tmp_path / folder / "bars.parquet")
    for name in ("bars.parquet", "bars.labels.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_book_market_writes_messages_and_trades_that_agree(tmp_path):
    book = simulate_book("flash_crash", 0, minutes=25)
    files = write_book(book, tmp_path / "crash.parquet")
    recording = read_recording(tmp_path / "crash.messages.parquet")
    np.testing.assert_array_equal(recording.messages, book.recording.messages)
    assert recording.header.labels["scenario"] == "flash_crash"
    trades = pq.read_table(files["trades"]).to_pandas()
    assert len(trades) == len(book.trades)
    assert set(trades.side) == {"buy", "sell"}
    bars = load_files([tmp_path / "crash.parquet"])
    assert bars.bars["high"].max() == pytest.approx(trades.price.max())
    assert bars.bars["low"].min() == pytest.approx(trades.price.min())
    assert np.nansum(bars.bars["volume"]) == trades.quantity.sum()


@pytest.mark.parametrize("name", ["bars.csv", "bars", "missing/bars.parquet"])
def test_a_name_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(DataError):
        write_market(make_market(MarketRequest(scenario="calm", days=2), 0), tmp_path / name)


def test_the_brain_sees_the_same_whatever_the_labels_say():
    """The only way from a market to a brain is its panel, and features are computed from that alone."""
    market = make_market(MarketRequest(scenario="bubble_and_burst", assets=3), 1)
    order = np.random.default_rng(0).permutation(len(market))
    mixed = replace(market, regime=market.regime[order], phase=market.phase[order], spans=market.spans[::-1])
    plain = list(panel_features(market_panel(market)))
    assert plain[-1].values
    for other in (mixed, without_truth(market)):
        panel = market_panel(other)
        assert list(panel_features(panel)) == plain
        assert panel.external.shape[1] == 0
        assert panel.auxiliary == ()


def test_the_phases_of_a_history_do_not_enter_its_fingerprint():
    history = load_history(HistoryRequest(world="simulated:slow_bear:days=60,assets=2", seed=3))
    assert [p.name for p in history.phases] == ["bull", "bear", "bottom"]
    assert history.fingerprint == replace(history, phases=()).fingerprint


def test_a_market_in_which_nobody_trades_is_no_panel():
    market = make_market(MarketRequest(scenario="calm", days=5, assets=2), 0)
    with pytest.raises(DataError, match="too few bars"):
        market_panel(replace(market, present=np.zeros_like(market.present)))
