"""Formats known by content, compressed or not; truncated files; ladders; recordings as feeds."""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pyarrow as pa
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.bitstamp_l3 import HEADER
from janus_trader.data.sources.book_feed import Events, FeedConfig, assemble, ladder, lot_of, no_events
from janus_trader.data.sources.book_feeds import feed_format, read_feed
from janus_trader.data.sources.feed_bytes import feed_bytes
from janus_trader.data.sources.feed_events import Action
from janus_trader.stores.book_recordings import write_recording
from support.book_feeds import Exchange, binance_lines, bitstamp_rows, lobster_rows, write

NAME = "XYZ_2012-06-21_34200000_37800000_message_1.csv"


def compressions(body):
    zstd = pa.BufferOutputStream()
    with pa.CompressedOutputStream(zstd, "zstd") as stream:
        stream.write(body)
    return {
        "": body,
        ".gz": gzip.compress(body),
        ".xz": lzma.compress(body),
        ".zst": zstd.getvalue().to_pybytes(),
    }


def test_every_format_is_known_by_its_content_however_compressed(rng, tmp_path):
    exchange = Exchange(rng).live(60, partial=False)
    known = {
        "lobster": lobster_rows(exchange.log),
        "bitstamp": [HEADER.decode(), *bitstamp_rows(exchange.log)],
        "binance": binance_lines(rng, steps=8)[0],
    }
    for form, rows in known.items():
        first = None
        for suffix, body in compressions(("\n".join(rows) + "\n").encode()).items():
            path = tmp_path / f"{form}{suffix}"
            path.write_bytes(body)
            assert feed_format(path) == form
            got = read_feed([path], day="2012-06-21").recording.messages
            first = got if first is None else first
            np.testing.assert_array_equal(got, first)


def test_a_recording_is_a_feed_too(rng, tmp_path):
    feed = read_feed([write(tmp_path / NAME, lobster_rows(Exchange(rng).live(60).log))])
    write_recording(tmp_path / "x.parquet", feed.recording)
    assert feed_format(tmp_path / "x.parquet") == "recording"
    again = read_feed([tmp_path / "x.parquet"])
    np.testing.assert_array_equal(again.recording.messages, feed.recording.messages)
    assert again.recording.header == feed.recording.header


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_truncated_file_is_refused(rng, tmp_path, suffix):
    body = "\n".join(lobster_rows(Exchange(rng).live(900).log)).encode()
    path = tmp_path / f"a.csv{suffix}"
    raw = compressions(body)[suffix]
    path.write_bytes(raw[: len(raw) * 2 // 3])
    with pytest.raises(DataError, match="truncated"):
        feed_bytes(path)


def test_files_that_are_no_feeds_are_refused(tmp_path):
    for name, body in (("a", b""), ("b", b"date,open,close\n"), ("c", b"\x00\x01\x02")):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(DataError, match="no feed of a book"):
            feed_format(tmp_path / name)
    with pytest.raises(DataError, match="no such file"):
        read_feed([tmp_path / "nowhere"])
    with pytest.raises(DataError, match="cannot be read"):
        feed_bytes(tmp_path / "nowhere")
    with pytest.raises(DataError, match="empty"):
        feed_bytes(tmp_path / "a")


def test_what_cannot_be_asked_is_refused(rng, tmp_path):
    path = write(tmp_path / NAME, lobster_rows(Exchange(rng).live(20).log))
    with pytest.raises(ConfigError, match="no such format"):
        read_feed([path], form="fix")
    with pytest.raises(ConfigError, match="several files"):
        read_feed([path, path])
    with pytest.raises(ConfigError, match="no file"):
        read_feed([])


def events(prices, quantities=None):
    out = no_events(len(prices))
    out["price"], out["quantity"], out["id"] = (
        prices,
        1 if quantities is None else quantities,
        np.arange(len(prices)),
    )
    out["row"] = np.arange(1, len(prices) + 1)
    return out


def feed_of(found, tmp_path, **more):
    return assemble(Events("X", "test", tmp_path, found, 1.0, 1.0, **more))


def test_the_ladder_holds_every_price_where_that_is_small():
    base, n = ladder(events([100, 150, 400]), 0, FeedConfig())
    assert base < 100
    assert base + n - 1 > 400
    assert n < 320


def test_a_wide_ladder_keeps_to_what_is_traded():
    found = events([1, 10_000, 10_010, 5_000_000])
    found["action"][1:3] = Action.EXECUTE
    base, n = ladder(found, 0, FeedConfig(ladder_ticks=1_000, margin_frac=0.01))
    assert (base, base + n - 1) == (10_000 - 101 - 2, 10_010 + 101 + 2)


def test_tick_and_lot_are_the_largest_steps():
    assert lot_of(np.array([30, 45, 0])) == (15, 0)
    assert lot_of(np.array([], np.int64)) == (1, 0)
    lot, rounded = lot_of(np.array([2**40, 1]))
    assert 2**40 // lot <= 2**28
    assert rounded == 2


def test_times_that_step_back_between_streams_are_lifted_and_counted(tmp_path):
    found = events([100, 101, 102])
    found["ts_event"] = [5, 3, 9]
    found["ts_init"] = [7, 8, 9]
    feed = feed_of(found, tmp_path)
    assert feed.recording.ts_event.tolist() == [5, 5, 9]
    assert feed.counts["times_lifted"] == 1


def test_nothing_at_all_is_refused(tmp_path):
    with pytest.raises(DataError, match="no events"):
        feed_of(no_events(0), tmp_path)


def test_a_clear_takes_every_order_out(tmp_path):
    found = events([100, 101, 0, 100])
    found["action"][2] = Action.CLEAR
    found["id"] = [1, 2, 0, 1]
    recording = feed_of(found, tmp_path).recording
    book = recording.fresh_book()
    book.run(recording.messages)
    assert book.live_orders == 1
    assert len(recording.messages) == 5


def test_a_level_that_int32_cannot_hold_is_refused(tmp_path):
    found = events([100] * 20, 2**28 - np.arange(20))
    with pytest.raises(DataError, match=r"row \d+ cannot be followed"):
        feed_of(found, tmp_path)
