"""Databento MBO: fills and what follows them are one thing; icebergs; aggressors; snapshots; damaged files."""

from __future__ import annotations

import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.book_feed import assemble
from janus_trader.data.sources.book_feeds import feed_format
from janus_trader.data.sources.databento_mbo import read_databento

dbn = pytest.importorskip("databento_dbn", reason="databento-dbn (extra `feeds`) is not installed")

START = 1_703_545_200_000_000_000
SNAPSHOT, LAST = 40, 128


def record(k, action, side, price, size, order, flags=LAST, **changes):
    given = {"publisher_id": 1, "instrument_id": 7, "ts_event": START + 1000 * k, "order_id": order}
    given |= {
        "price": 2**63 - 1 if price is None else int(price * 1e9),
        "size": size,
        "action": dbn.Action.from_str(action),
    }
    given |= {"side": dbn.Side.from_str(side), "ts_recv": START + 1000 * k + 50, "flags": flags}
    return bytes(dbn.MBOMsg(**{**given, **changes}))


def save(path, records, symbol="ESH4"):
    head = dbn.Metadata(
        dataset="GLBX.MDP3", start=START, stype_in=dbn.SType.RAW_SYMBOL, stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.MBO, symbols=[symbol], version=3,
    )  # fmt: skip
    path.write_bytes(bytes(head) + b"".join(records))
    return path


OPENING = [
    record(0, "A", "B", 4800.00, 5, 1, SNAPSHOT),
    record(0, "A", "B", 4800.00, 4, 2, SNAPSHOT),
    record(0, "A", "A", 4800.50, 6, 3, SNAPSHOT),
    record(0, "A", "A", 4801.00, 9, 4, SNAPSHOT),
]


def book_after(tmp_path, records):
    feed = assemble(read_databento([save(tmp_path / "a.dbn", [*OPENING, *records])]))
    recording = feed.recording
    book = recording.fresh_book()
    book.run(recording.messages)
    depth = [[(float(recording.price(p)), q) for p, q in book.depth(side).tolist()] for side in (0, 1)]
    return feed, depth


def test_a_snapshot_is_the_opening(tmp_path):
    feed, depth = book_after(tmp_path, [record(1, "A", "B", 4799.75, 1, 9)])
    assert feed.recording.header.opening == 4
    assert depth == [[(4800.0, 9), (4799.75, 1)], [(4800.5, 6), (4801.0, 9)]]
    assert (feed.recording.header.tick, feed.recording.header.symbol) == (0.25, "ESH4")
    assert feed.recording.ts_event[0] == START + 1000
    assert feed_format(tmp_path / "a.dbn") == "databento"


def test_a_fill_and_the_cancellation_or_change_that_follows_are_one(tmp_path):
    trade = [
        record(1, "T", "A", 4800.0, 7, 50, 0),
        record(1, "F", "B", 4800.0, 5, 1, 0),
        record(1, "F", "B", 4800.0, 2, 2, 0),
        record(1, "C", "B", 4800.0, 5, 1, 0),
        record(1, "M", "B", 4800.0, 2, 2, LAST),
    ]
    feed, depth = book_after(tmp_path, trade)
    assert depth[0] == [(4800.0, 2)]
    trades = feed.recording.trades()
    assert (trades["quantity"].tolist(), trades["side"].tolist()) == ([5, 2], [1, 1])
    assert not feed.counts.keys() - {"events"}


def test_a_cancellation_may_say_more_than_the_fill(tmp_path):
    rows = [record(1, "T", "A", 4800.0, 2, 50, 0), record(1, "F", "B", 4800.0, 2, 1, 0)]
    _, depth = book_after(tmp_path, [*rows, record(1, "C", "B", 4800.0, 5, 1)])
    assert depth[0] == [(4800.0, 4)]


def test_a_partial_cancellation_keeps_the_place_and_growth_loses_it(tmp_path):
    feed, _ = book_after(tmp_path, [record(1, "C", "B", 4800.0, 3, 1)])
    book = feed.recording.fresh_book()
    book.run(feed.recording.messages)
    price = book.best_bid
    assert [q for _, q in book.queue(price).tolist()] == [2, 4]
    feed, _ = book_after(tmp_path, [record(1, "M", "B", 4800.0, 6, 1)])
    book = feed.recording.fresh_book()
    book.run(feed.recording.messages)
    assert [q for _, q in book.queue(price).tolist()] == [4, 6]


def test_an_iceberg_shows_its_next_tip_at_the_end_of_the_queue(tmp_path):
    rows = [record(1, "T", "A", 4800.0, 5, 50, 0), record(1, "F", "B", 4800.0, 5, 1, 0)]
    feed, depth = book_after(tmp_path, [*rows, record(1, "M", "B", 4800.0, 5, 1)])
    assert depth[0] == [(4800.0, 9)]
    book = feed.recording.fresh_book()
    book.run(feed.recording.messages)
    assert [q for _, q in book.queue(book.best_bid).tolist()] == [4, 5]


def test_the_fill_of_the_aggressor_itself_is_no_execution(tmp_path):
    rows = [
        record(1, "T", "B", 4800.5, 4, 2, 0),
        record(1, "F", "B", 4800.5, 4, 2, 0),
        record(1, "F", "A", 4800.5, 4, 3, 0),
        record(1, "C", "B", 4800.0, 4, 2, 0),
        record(1, "M", "A", 4800.5, 2, 3),
    ]
    feed, depth = book_after(tmp_path, rows)
    assert depth == [[(4800.0, 5)], [(4800.5, 2), (4801.0, 9)]]
    assert feed.recording.trades()["quantity"].tolist() == [4]


def test_a_clear_empties_the_book(tmp_path):
    _, depth = book_after(tmp_path, [record(1, "R", "N", 0, 0, 0), record(2, "A", "A", 4802.0, 1, 77)])
    assert depth == [[], [(4802.0, 1)]]


def test_a_second_file_goes_on_without_its_snapshot(tmp_path):
    first = save(tmp_path / "a.dbn", [*OPENING, record(1, "C", "B", 4800.0, 5, 1)])
    second = save(tmp_path / "b.dbn", [*OPENING[1:], record(5, "A", "B", 4799.0, 2, 12)])
    recording = assemble(read_databento([first, second])).recording
    assert len(recording.messages) == 6
    other = save(tmp_path / "c.dbn", [record(9, "A", "B", 1.0, 2, 12)], symbol="NQH4")
    with pytest.raises(DataError, match="several instruments"):
        read_databento([first, other])


def test_unknown_orders_are_skipped_and_counted(tmp_path):
    feed, _ = book_after(tmp_path, [record(1, "C", "B", 4800.0, 5, 99), record(2, "A", "B", 4799.0, 2, 12)])
    assert (feed.counts["unknown_orders"], feed.first_rows["unknown_orders"]) == (1, 5)


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([record(1, "A", "B", 4799.0, 0, 9)], "row 5.*size 0"),
        ([record(1, "A", "B", None, 1, 9)], "row 5.*price"),
        ([record(2, "A", "B", 4799.0, 1, 9), record(1, "A", "B", 4799.0, 1, 10)], "row 6.*receive time"),
        ([record(1, "A", "B", 4799.0, 1, 9, instrument_id=8)], "several instruments"),
        ([record(1, "A", "B", 4799.0, 1, 9)[:-8]], "truncated"),
    ],
)
def test_damaged_records_are_refused(tmp_path, records, what):
    with pytest.raises(DataError, match=what):
        read_databento([save(tmp_path / "a.dbn", [*OPENING, *records])])


def test_a_crossed_snapshot_is_refused(tmp_path):
    crossed = record(0, "A", "B", 4801.0, 1, 5, SNAPSHOT)
    with pytest.raises(DataError, match=r"crossed snapshot.*row 5 "):
        assemble(read_databento([save(tmp_path / "a.dbn", [*OPENING, crossed])]))


def test_what_is_no_dbn_is_refused(tmp_path):
    (tmp_path / "a.dbn").write_bytes(b"DBN\x09garbage")
    with pytest.raises(DataError, match="no readable DBN"):
        read_databento([tmp_path / "a.dbn"])
    with pytest.raises(DataError, match="no records"):
        read_databento([save(tmp_path / "b.dbn", [])])
