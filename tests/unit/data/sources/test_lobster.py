"""LOBSTER files of an exchange that is known: the book follows it row by row; damaged rows are named."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.book_feed import assemble
from janus_trader.data.sources.book_feeds import read_feed
from janus_trader.data.sources.lobster import books_beside, read_lobster
from janus_trader.research.book_report import best_agreement, depth_agreement, executions
from support.book_feeds import EXECUTED, Exchange, lobster_depth, lobster_rows, lobster_tops, write

NAME = "XYZ_2012-06-21_34200000_37800000"
GOOD = [
    "34200.1,1,1,10,1000000,1",
    "34200.2,1,2,10,1000100,-1",
    "34200.3,1,3,5,1000000,1",
    "34200.4,4,1,4,1000000,1",
    "34200.5,2,3,2,1000000,1",
    "34200.6,3,2,10,1000100,-1",
]


def damaged(tmp_path, k, row):
    return write(tmp_path / f"{NAME}_message_1.csv", [*GOOD[:k], row, *GOOD[k + 1 :]])


def test_a_day_from_an_empty_book_agrees_on_every_row(rng, tmp_path):
    exchange = Exchange(rng).live(700)
    path = write(tmp_path / f"{NAME}_message_5.csv.gz", lobster_rows(exchange.log))
    first = np.flatnonzero([None not in entry[-1] for entry in exchange.log])[0]
    assert first > 0
    feed = assemble(read_lobster(path))
    best, base = feed.recording.replay().best, feed.recording.header.base
    for k, (*_, (bid, bid_size, ask, ask_size)) in enumerate(exchange.log):
        want = tuple(-1 if price is None else price - base for price in (bid, ask))
        assert (best["bid"][k], best["ask"][k]) == want
        assert (best["bid_quantity"][k], best["ask_quantity"][k]) == (bid_size, ask_size)
    assert not feed.counts.keys() - {"events"}


def test_trades_are_those_of_the_exchange(rng, tmp_path):
    exchange = Exchange(rng).live(400)
    path = write(tmp_path / f"{NAME}_message_5.csv", lobster_rows(exchange.log))
    recording = assemble(read_lobster(path)).recording
    trades = recording.trades()
    want = [(price, size, 1 - side) for what, _, size, price, side, _, _ in exchange.log if what == EXECUTED]
    got = list(
        zip(
            (trades["price"] + recording.header.base).tolist(),
            trades["quantity"].tolist(),
            trades["side"].tolist(),
            strict=True,
        )
    )
    assert got == want
    assert len(want) > 50
    assert not trades["hidden"].any()
    assert executions(recording).sum() == len(want)


def test_a_late_start_uses_the_opening_book_and_agrees_in_depth(rng, tmp_path):
    exchange = Exchange(rng).live(300)
    exchange.log.clear()
    exchange.send(0, 9_000, 7)
    depth = [lobster_depth(exchange, 40)]
    log = exchange.live(300).log
    path = write(tmp_path / f"{NAME}_message_40.csv", lobster_rows(log))
    write(tmp_path / f"{NAME}_orderbook_40.csv", depth)
    write(tmp_path / f"{NAME}_orderbook_1of40.csv", lobster_tops(log))
    assert len(books_beside(path)) == 2
    feed = read_feed([path])
    agreement = best_agreement(feed.recording, feed.recording.replay().best)
    assert agreement is not None
    assert (agreement.told, agreement.equal) == (len(log) - 1, len(log) - 1)
    assert feed.recording.header.opening > 10
    assert "unknown_orders" not in feed.counts


def test_depth_agreement_counts_a_row_that_differs(rng, tmp_path):
    path = write(tmp_path / f"{NAME}_message_2.csv", GOOD)
    feed = assemble(read_lobster(path))
    none = (-1, 0)
    told = np.array(
        [
            [[(1_000_000, 10), none], [none, none]],
            [[(1_000_000, 10), none], [(1_000_100, 10), none]],
            [[(1_000_000, 15), none], [(1_000_100, 10), none]],
            [[(1_000_000, 12), none], [(1_000_100, 10), none]],  # 11 is right
        ]
    )
    agreement = depth_agreement(feed.recording, feed.rows, told, 2, 1e-4)
    assert (agreement.told, agreement.equal, agreement.prices_equal, agreement.first_different) == (
        4,
        3,
        4,
        3,
    )
    with pytest.raises(DataError, match="more levels than told"):
        depth_agreement(feed.recording, feed.rows, told, 3, 1e-4)


def test_only_the_best_level_is_told_so_the_book_is_repaired(rng, tmp_path):
    exchange = Exchange(rng).live(600)
    seen = [e for k, e in enumerate(exchange.log) if _touches_best(exchange.log, k)]
    assert len(seen) < len(exchange.log)
    path = write(tmp_path / f"{NAME}_message_1.csv", lobster_rows(seen))
    write(tmp_path / f"{NAME}_orderbook_1.csv", lobster_tops(seen))
    feed = read_feed([path])
    replayed = feed.recording.replay()
    agreement = best_agreement(feed.recording, replayed.best)
    assert agreement is not None
    assert agreement.equal == agreement.told
    assert 0 < feed.counts["rows_repaired"] < 0.6 * len(seen)
    assert feed.recording.header.labels == {"beyond_the_best_level": "as last seen there"}
    assert not len(replayed.fills)


def _touches_best(log, k):
    what, _, _, price, side, _, top = log[k]
    before = log[k - 1][-1] if k else (None, 0, None, 0)
    return price in (before[2 * side], top[2 * side]) or what == EXECUTED


def test_hidden_executions_are_trades_that_change_nothing(tmp_path):
    path = write(tmp_path / f"{NAME}_message_1.csv", [*GOOD[:2], "34200.25,5,0,3,1000050,-1", *GOOD[2:]])
    feed = assemble(read_lobster(path))
    trades = feed.recording.trades()
    assert trades["hidden"].tolist() == [True, False]
    assert trades["side"].tolist() == [0, 1]
    best = feed.recording.replay().best
    assert best[1] == best[2]


def test_halts_are_counted_and_change_nothing(tmp_path):
    path = write(tmp_path / f"{NAME}_message_1.csv", [*GOOD[:3], "34200.35,7,0,0,-1,-1", *GOOD[3:]])
    feed = assemble(read_lobster(path))
    assert feed.counts["halts"] == 1
    assert len(feed.recording.messages) == len(GOOD)


def test_what_is_said_about_unknown_orders_is_skipped_and_counted(tmp_path):
    rows = [*GOOD[:4], "34200.41,3,99,10,1000000,1", "34200.42,1,3,5,1000000,1", "34200.43,2,3,900,1000000,1"]
    feed = assemble(read_lobster(write(tmp_path / f"{NAME}_message_1.csv", rows)))
    assert feed.counts == {"unknown_orders": 1, "duplicate_orders": 1, "oversized_reductions": 1, "events": 7}
    assert feed.first_rows == {"unknown_orders": 5, "duplicate_orders": 6, "oversized_reductions": 7}


@pytest.mark.parametrize(
    ("k", "row", "what"),
    [
        (2, "34200.3,1,3,0,1000000,1", "row 3.*size 0"),
        (2, "34200.3,1,3,-5,1000000,1", "row 3.*size -5"),
        (2, "34200.3,1,3,nan,1000000,1", "row 3.*size 'nan'"),
        (2, "34200.3,1,3,5,,1", "row 3.*missing cell"),
        (2, "34200.3,1,3,5", "row 3.*missing cell"),
        (2, "34200.3,1,3,5,1000000,1,9", "row 3|line 3"),
        (2, "34200.3,1,3,5,1000000,2", "row 3.*direction 2"),
        (2, "34200.3,8,3,5,1000000,1", "row 3.*type 8"),
        (2, "34200.3,1,3,5,0,1", "row 3.*price 0"),
        (2, "34200.3,1,3,5.5,1000000,1", "row 3.*size 5.5"),
        (2, "34200.15,1,3,5,1000000,1", "row 3.*time goes back"),
        (0, "word,1,1,10,1000000,1", "row 1.*time 'word'"),
    ],
)
def test_a_damaged_row_is_refused_by_its_number(tmp_path, k, row, what):
    with pytest.raises(DataError, match=what):
        read_lobster(damaged(tmp_path, k, row))


def test_a_crossed_row_of_levels_is_refused(tmp_path):
    path = write(tmp_path / f"{NAME}_message_1.csv", GOOD)
    book = write(tmp_path / "levels.csv", ["1000100,10,1000000,10", "1000000,5,1000000,10"])
    with pytest.raises(DataError, match=r"row 2.*crossed"):
        read_lobster(path, [book])


def test_more_levels_than_messages_are_refused(tmp_path):
    path = write(tmp_path / f"{NAME}_message_1.csv", GOOD)
    book = write(tmp_path / "levels.csv", ["1000100,10,1000000,10"] * 7)
    with pytest.raises(DataError, match="more rows than messages"):
        read_lobster(path, [book])


def test_the_day_must_be_known(tmp_path):
    path = write(tmp_path / "messages.csv", GOOD)
    with pytest.raises(ConfigError, match="which day"):
        read_lobster(path)
    events = read_lobster(path, day="2012-06-21").events
    assert events["ts_event"][0] == 1_340_285_400_100_000_000  # 09:30:00.1 in New York in summer
