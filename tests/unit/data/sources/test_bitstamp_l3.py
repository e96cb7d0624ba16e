"""Bitstamp L3: aggressors wait outside the book until both sides of their trades are told."""

from __future__ import annotations

import lzma

import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.bitstamp_l3 import HEADER, read_bitstamp
from janus_trader.data.sources.book_feed import assemble
from janus_trader.research.book_report import summarise
from support.book_feeds import EXECUTED, Exchange, bitstamp_rows, write

FIRST = HEADER.decode()
GOOD = [
    "1,1000,1000,236.47,200,created,bid",
    "2,1010,1000,236.50,300,created,ask",
    "3,1020,1000,236.40,120,created,ask",
    "1,1025,1000,236.47,80,changed,bid",
    "3,1026,1000,236.40,0,deleted,ask",
    "2,1030,1000,236.50,300,deleted,ask",
]


def test_the_book_follows_both_sides_of_every_trade(rng, tmp_path):
    exchange = Exchange(rng).live(600, partial=False)
    path = write(tmp_path / "BTCUSD_day.csv", [FIRST, *bitstamp_rows(exchange.log)])
    feed = assemble(read_bitstamp(path))
    recording = feed.recording
    trades = recording.trades()
    want = [(price, size, 1 - side) for what, _, size, price, side, _, _ in exchange.log if what == EXECUTED]
    size = round(recording.header.lot * 1e8 / 1e6, 9)  # the exchange's size 1 is 1e6 units of 1e-8
    got = [
        (int(t["price"]) + recording.header.base, round(int(t["quantity"]) * size), int(t["side"]))
        for t in trades
    ]
    assert got == want
    assert feed.counts["waited_outside"] > 20
    assert feed.counts["executions_of_aggressors"] == len(want)
    summary = summarise(recording, recording.replay())
    assert summary.crossed == 0
    assert summary.priority == {"executions": len(want), "at_best": len(want), "first_in_queue": len(want)}
    assert summary.matched is not None
    assert summary.matched["agreed"] == summary.matched["quantity"]
    book = recording.fresh_book()
    book.run(recording.messages)
    for side in (0, 1):
        levels = [(p - recording.header.base, q) for p, q in exchange.levels(side)]
        assert [(p, round(q * size)) for p, q in book.depth(side).tolist()] == levels


def test_the_small_case_by_hand(tmp_path):
    path = tmp_path / "BTCUSD_day.csv.xz"
    path.write_bytes(lzma.compress(("\n".join([FIRST, *GOOD]) + "\n").encode()))
    feed = assemble(read_bitstamp(path))
    trades = feed.recording.trades()
    assert (feed.recording.price(trades["price"]).round(6).tolist(), trades["side"].tolist()) == (
        [236.47],
        [1],
    )
    assert trades["quantity"].tolist() == [round(120e-8 / feed.recording.header.lot)]
    assert feed.recording.header.symbol == "BTCUSD"
    assert len(feed.recording.messages) == 4  # the aggressor never rests


def test_an_aggressor_of_which_nothing_is_heard_enters_when_nobody_is_in_its_way(tmp_path):
    rows = [GOOD[0], "3,1020,1000,236.40,120,created,ask", "1,1030,1000,236.47,200,deleted,bid"]
    rows.append("4,2500,2500,230.00,5,created,bid")
    feed = assemble(read_bitstamp(write(tmp_path / "BTCUSD_a.csv", [FIRST, *rows])))
    assert feed.recording.replay().best["ask"].tolist()[-1] == 23_640 - feed.recording.header.base
    rows[-1] = "4,1500,1500,230.00,5,created,bid"
    feed = assemble(read_bitstamp(write(tmp_path / "BTCUSD_b.csv", [FIRST, *rows])))
    assert feed.recording.replay().best["ask"].tolist()[-1] == -1
    assert feed.counts["still_waiting"] == 1


def test_a_change_of_price_moves_the_order(tmp_path):
    rows = [GOOD[0], "1,1010,1000,236.45,200,changed,bid"]
    feed = assemble(read_bitstamp(write(tmp_path / "BTCUSD_a.csv", [FIRST, *rows])))
    assert feed.recording.price(feed.recording.replay().best["bid"]).round(6).tolist() == [236.47, 236.45]
    assert not len(feed.recording.trades())


def test_unknown_and_repeated_rows_are_skipped_and_counted(tmp_path):
    rows = [*GOOD, GOOD[-1], "77,1040,900,200.00,5,deleted,bid"]
    feed = assemble(read_bitstamp(write(tmp_path / "BTCUSD_a.csv", [FIRST, *rows])))
    assert feed.counts["unknown_orders"] == 2
    assert feed.first_rows["unknown_orders"] == 8


def test_quantities_too_large_for_int32_are_counted_in_coarser_lots(tmp_path):
    rows = ["1,1000,1000,236.47,20000000000,created,bid", "2,1010,1000,236.50,1,created,ask"]
    feed = assemble(read_bitstamp(write(tmp_path / "BTCUSD_a.csv", [FIRST, *rows])))
    assert feed.recording.header.lot == 1e-6
    assert feed.counts["quantities_rounded"] == 1
    assert feed.recording.messages["quantity"].tolist() == [200_000_000, 1]


@pytest.mark.parametrize(
    ("k", "row", "what"),
    [
        (2, "3,1020,1000,236.40,0,created,ask", "row 4.*volume 0"),
        (2, "3,1020,1000,236.40,-5,created,ask", "row 4.*volume -5"),
        (2, "3,1020,1000,nan,120,created,ask", "row 4.*price 'nan'"),
        (2, "3,1020,1000,0,120,created,ask", "row 4.*price 0"),
        (2, "3,1020,1000,236.405,120,created,ask", "row 4.*price 236.405"),
        (2, "3,900,1000,236.40,120,created,ask", "row 4.*time goes back"),
        (2, "3,1020,1000,236.40,120,made,ask", "row 4.*action made"),
        (2, "3,1020,1000,236.40,120,created,buy", "row 4.*direction buy"),
        (5, "2,1030,1000,236.50", "row 7.*missing cell"),
    ],
)
def test_a_damaged_row_is_refused_by_its_number(tmp_path, k, row, what):
    path = write(tmp_path / "BTCUSD_a.csv", [FIRST, *GOOD[:k], row, *GOOD[k + 1 :]])
    with pytest.raises(DataError, match=what):
        read_bitstamp(path)


def test_another_header_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"row 1.*header"):
        read_bitstamp(write(tmp_path / "a.csv", ["a,b,c", *GOOD]))
