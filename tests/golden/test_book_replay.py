"""Real recorded markets through the book: the agreement that the data's own notes state, and no crossed book."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.data.sources.book_feeds import read_feed
from janus_trader.data.sources.feed_events import Action
from janus_trader.data.sources.lobster import books_beside, read_levels, read_lobster
from janus_trader.numerics.queue_priority import execution_priority, match_executions
from janus_trader.research.book_report import best_agreement, depth_agreement, executions

AAPL = "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"
AMZN = "AMZN_2012-06-21_34200000_57600000_message_1.csv.gz"


def crossed(best):
    both = (best["bid"] >= 0) & (best["ask"] >= 0)
    return int((both & (best["bid"] >= best["ask"])).sum())


def priority(recording):
    return execution_priority(recording.fresh_book(), recording.messages, executions(recording))


def test_aapl_best_level_and_ten_levels(shared_data):
    folder = shared_data / "lob" / "lobster"
    feed = read_feed([folder / AAPL])
    replayed = feed.recording.replay()
    agreement = best_agreement(feed.recording, replayed.best)
    assert agreement is not None
    assert (agreement.told, agreement.equal) == (91_996, 91_906)
    assert agreement.first_different is not None
    assert feed.rows[agreement.first_different] == 54_606 + 1  # rows count from 1
    assert crossed(replayed.best) == 0
    assert not len(replayed.fills)
    told = read_levels(folder / "AAPL_2012-06-21_34200000_orderbook_50_first672rows.csv.gz")
    ten = depth_agreement(feed.recording, feed.rows, told, 10, 1e-4)
    assert (ten.told, ten.equal) == (671, 671)
    assert priority(feed.recording) == (4_067, 4_067, 4_043)
    matched = match_executions(
        feed.recording.fresh_book(), feed.recording.messages, executions(feed.recording)
    )
    assert matched.agreed / matched.quantity > 0.99


def test_amzn_executions_are_at_the_best_price_before_and_no_row_is_crossed(shared_data):
    path = shared_data / "lob" / "lobster" / AMZN
    found = read_lobster(path, books_beside(path))
    assert found.reference is not None
    events, told = found.events[found.opening :], found.reference[found.opening :]
    assert (told[:, 0] < told[:, 2]).all()
    at = np.flatnonzero(events["action"] == Action.EXECUTE)
    assert len(at) == 8_974
    before = told[at - 1, 2 * events["side"][at]]
    np.testing.assert_array_equal(before[at > 0], events["price"][at][at > 0])


def test_amzn_is_repaired_to_its_best_level_and_most_rows_need_none(shared_data):
    feed = read_feed([shared_data / "lob" / "lobster" / AMZN])
    replayed = feed.recording.replay()
    agreement = best_agreement(feed.recording, replayed.best)
    assert agreement is not None
    assert agreement.told == agreement.equal == 57_514
    assert feed.counts["rows_repaired"] == 9_374
    assert crossed(replayed.best) == 0


def test_bitstamp_never_crosses_and_keeps_priority(shared_data):
    feed = read_feed([shared_data / "lob" / "bitstamp_l3" / "BTCUSD_2015-05-01_orders.csv.xz"])
    replayed = feed.recording.replay()
    assert crossed(replayed.best) == 0
    assert not len(replayed.fills)
    assert priority(feed.recording) == (560, 560, 559)
    assert feed.counts["unknown_orders"] == 212


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["usdm_btcusdt_20240808"], 629),
        (["spot_btcusdt_20240808", "spot_btcusdt_20240809"], 1_072),
    ],
)
def test_binance_agrees_with_its_best_quotes_never_crosses_and_its_clock_is_set_right(
    shared_data, names, told
):
    feed = read_feed([shared_data / "lob" / "binance_raw_feed" / f"{name}.jsonl.gz" for name in names])
    recording = feed.recording
    replayed = recording.replay()
    agreement = best_agreement(recording, replayed.best)
    assert agreement is not None
    assert agreement.told == agreement.equal == told
    assert crossed(replayed.best) == 0
    assert (recording.ts_init >= recording.ts_event).all()
    assert 1_260 < float(recording.header.labels["receiver_clock_behind_ms"]) < 1_280
    assert np.median(recording.ts_init - recording.ts_event) < 50_000_000


def test_databento_never_crosses_from_its_snapshot_on(shared_data):
    pytest.importorskip("databento_dbn", reason="databento-dbn (extra `feeds`) is not installed")
    folder = shared_data / "lob" / "databento_mbo"
    whole = read_feed([folder / f"esh4-glbx-mdp3-202312{day}.mbo.dbn.zst" for day in (24, 25)])
    recording = whole.recording
    replayed = recording.replay()
    assert recording.header.opening == 8_725
    assert (recording.header.symbol, recording.header.tick) == ("ESH4", 0.25)
    assert crossed(replayed.best) == 0
    assert not len(replayed.fills)
    count, best, first = priority(recording)
    assert (count, best, first) == (6_233, 6_211, 5_682)
    assert whole.counts["unknown_orders"] == 7
