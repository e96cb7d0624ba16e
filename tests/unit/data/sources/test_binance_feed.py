"""The raw Binance feed: snapshot rule, sequence, clock, and the best levels after every update."""

from __future__ import annotations

import json

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.binance_feed import read_binance
from janus_trader.data.sources.book_feed import assemble, clock_offset
from janus_trader.research.book_report import best_agreement
from support.book_feeds import binance_lines, write

AT = 5  # the update in whose course the snapshot is taken


@pytest.fixture(params=[True, False], ids=["futures", "spot"])
def lines(request, rng):
    return binance_lines(rng, futures=request.param)[0]


def read(tmp_path, rows, name="feed.jsonl.gz"):
    return assemble(read_binance([write(tmp_path / name, rows)]))


def test_every_best_level_that_is_told_is_reproduced(tmp_path, lines):
    feed = read(tmp_path, lines)
    agreement = best_agreement(feed.recording, feed.recording.replay().best)
    assert agreement is not None
    assert agreement.told == agreement.equal == 60 - AT
    assert feed.counts["updates_before_the_snapshot"] == AT
    assert feed.recording.header.opening > 5


def test_the_receivers_clock_is_set_right_from_the_past_alone(tmp_path, lines):
    recording = read(tmp_path, lines).recording
    assert (recording.ts_init >= recording.ts_event).all()
    assert (np.diff(recording.ts_init) >= 0).all()
    assert abs(float(recording.header.labels["receiver_clock_behind_ms"]) - 1270) <= 3
    assert int((recording.ts_init - recording.ts_event).max()) < 60_000_000


def test_the_offset_never_looks_ahead(rng):
    event = np.cumsum(rng.integers(0, 1000, 200))
    seen = event - 500 + rng.integers(0, 300, 200)
    offset = clock_offset(event, seen)
    for k in (1, 50, 199):
        np.testing.assert_array_equal(offset[:k], clock_offset(event[:k], seen[:k]))
    assert (seen + offset >= event).all()
    assert not clock_offset(event, event + 5).any()


def test_trades_stand_in_the_recording_and_change_nothing(tmp_path, lines):
    feed = read(tmp_path, lines)
    trades = feed.recording.trades()
    told = [json.loads(row.partition(" ")[2])["data"] for row in lines if "@trade" in row]
    kept = told[feed.counts["trades_before_the_snapshot"] :]
    assert trades["hidden"].all()
    assert feed.recording.price(trades["price"]).round(2).tolist() == [float(t["p"]) for t in kept]
    assert trades["side"].tolist() == [int(t["m"]) for t in kept]


def test_two_files_are_one_feed(tmp_path, lines):
    whole = read(tmp_path, lines).recording
    cut = len(lines) // 2
    parts = [write(tmp_path / f"{k}.jsonl", part) for k, part in enumerate((lines[:cut], lines[cut:]))]
    both = assemble(read_binance(parts)).recording
    np.testing.assert_array_equal(whole.messages, both.messages)
    with pytest.raises(DataError, match="no snapshot"):
        read_binance(parts[1:])


def test_a_gap_in_the_sequence_is_refused_with_its_row(tmp_path, lines):
    depth = [k for k, row in enumerate(lines) if "@depth" in row]
    gone = depth[20]
    with pytest.raises(DataError, match=rf"row {depth[21]} leaves a gap"):
        read(tmp_path, [*lines[:gone], *lines[gone + 1 :]])


def test_updates_that_do_not_reach_the_snapshot_are_refused(tmp_path, lines):
    depth = [k for k, row in enumerate(lines) if "@depth" in row]
    snapshot = next(k for k, row in enumerate(lines) if "lastUpdateId" in row)
    kept = [row for k, row in enumerate(lines) if k > depth[AT + 1] or k == snapshot]
    first = next(k for k, row in enumerate(kept) if "@depth" in row)
    with pytest.raises(DataError, match=rf"row {first + 1} leaves a gap"):
        read(tmp_path, kept)


def edited(lines, k, **changes):
    stamp, _, body = lines[k].partition(" ")
    message = json.loads(body)
    message.get("data", message).update(changes)
    return [*lines[:k], f"{stamp} {json.dumps(message)}", *lines[k + 1 :]]


def test_damaged_lines_are_refused_with_their_row(tmp_path, lines):
    late = [k for k, row in enumerate(lines) if "@depth" in row][30]
    for levels, what in (
        ([["1000.0", "-1"]], "quantity '-1'"),
        ([["nan", "1"]], "price 'nan'"),
        ([["word", "1"]], "price 'word'"),
        ([["0", "1"]], "price 0"),
    ):
        with pytest.raises(DataError, match=rf"row {late + 1} .*{what}"):
            read(tmp_path, edited(lines, late, b=levels))
    with pytest.raises(DataError, match=rf"row {late + 1} .*time of depth goes back"):
        read(tmp_path, edited(lines, late, E=1, T=1))
    with pytest.raises(DataError, match=rf"row {late + 2} .*receive time goes back"):
        read(tmp_path, [*lines[: late + 1], "1000" + lines[late][19:]])
    with pytest.raises(DataError, match=rf"row {late + 1} "):
        read(tmp_path, [*lines[:late], lines[late][:60]])


def test_a_crossed_snapshot_is_refused(tmp_path, lines):
    at = next(k for k, row in enumerate(lines) if "lastUpdateId" in row)
    asks = json.loads(lines[at].partition(" ")[2])["asks"]
    with pytest.raises(DataError, match=rf"crossed snapshot.*row {at + 1} "):
        read(tmp_path, edited(lines, at, bids=[[asks[3][0], "1"]]))


def test_two_symbols_are_refused(tmp_path, lines):
    with pytest.raises(DataError, match="not one symbol"):
        read(tmp_path, edited(lines, len(lines) - 1, s="ETHUSDT"))


def test_levels_far_from_everything_traded_never_come_in(tmp_path, lines):
    late = [k for k, row in enumerate(lines) if "@depth" in row][30]
    far = edited(lines, late, a=[["99999999.99", "5"]])
    feed, near = read(tmp_path, far, "far.jsonl"), read(tmp_path, edited(lines, late, a=[]), "near.jsonl")
    assert feed.counts["off_the_ladder"] == 1
    assert feed.recording.header.n_ticks < 5_000
    best = [f.recording.replay().best for f in (feed, near)]
    prices = [f.recording.price(b["ask"])[-1] for f, b in zip((feed, near), best, strict=True)]
    assert prices[0] == prices[1]
