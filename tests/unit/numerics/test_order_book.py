"""The compiled order book: fuzzed against a plain one, and each rule by hand."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import (
    FILL_DTYPE,
    MESSAGE_DTYPE,
    Kind,
    OrderBook,
    Outcome,
    SelfTrade,
    messages,
)
from support.order_books import PlainBook, random_messages

#: `make fuzz` raises it to ten millions.
FUZZ_MESSAGES = int(os.environ.get("JANUS_FUZZ_MESSAGES", "200000"))
BUY, SELL = 0, 1


def assert_same_book(book: OrderBook, plain: PlainBook) -> None:
    for side in (BUY, SELL):
        assert book.depth(side).tolist() == plain.depth(side)
    assert (book.best_bid, book.best_ask) == (plain.best(BUY), plain.best(SELL))
    assert book.live_orders == len(plain.orders)
    for price, _ in plain.depth(BUY)[:3] + plain.depth(SELL)[:3]:
        assert book.queue(price).tolist() == plain.queue(price)


def fuzz(seed: int, n: int, policy: SelfTrade, n_ticks: int, capacity: int) -> None:
    rng = np.random.default_rng(seed)
    book, plain = OrderBook(n_ticks, capacity, policy), PlainBook(n_ticks, capacity, policy)
    done = 0
    while done < n:
        batch = random_messages(rng, min(2_000, n - done), n_ticks=n_ticks, capacity=capacity)
        plain.fills.clear()
        wanted = np.array([plain.apply(k, m) for k, m in enumerate(batch.tolist())], np.uint8)
        got = book.run(batch)
        different = np.flatnonzero(got.outcomes != wanted)
        assert not len(different), (different[0], batch[different[0]], got.outcomes[different[0]])
        assert got.fills.tolist() == plain.fills
        assert_same_book(book, plain)
        done += len(batch)


@pytest.mark.parametrize("policy", list(SelfTrade))
def test_a_long_random_life_is_that_of_the_plain_book(policy):
    share = FUZZ_MESSAGES // len(SelfTrade)
    fuzz(11 + int(policy), share // 2, policy, n_ticks=128, capacity=60)
    fuzz(21 + int(policy), share - share // 2, policy, n_ticks=4_096, capacity=400)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(SelfTrade)), st.integers(4, 70))
def test_short_lives_on_narrow_ladders(seed, policy, n_ticks):
    rng = np.random.default_rng(seed)
    batch = random_messages(rng, 80, n_ticks=n_ticks, capacity=12, owners=3, width=4)
    book, plain = OrderBook(n_ticks, 12, policy), PlainBook(n_ticks, 12, policy)
    wanted = [plain.apply(k, m) for k, m in enumerate(batch.tolist())]
    got = book.run(batch)
    assert got.outcomes.tolist() == wanted
    assert got.fills.tolist() == plain.fills
    assert_same_book(book, plain)


def test_batches_may_be_cut_anywhere(rng):
    batch = random_messages(rng, 3_000, n_ticks=256, capacity=80)
    whole, parts = OrderBook(256, 80), OrderBook(256, 80)
    wanted = whole.run(batch)
    got = [parts.run(chunk) for chunk in np.array_split(batch, 37)]
    assert np.array_equal(np.concatenate([g.outcomes for g in got]), wanted.outcomes)
    fills = np.concatenate([g.fills for g in got])
    traded = ["maker", "taker", "price", "quantity"]
    assert np.array_equal(fills[traded], wanted.fills[traded])
    assert parts.snapshot() == whole.snapshot()


def test_fills_keep_their_message_when_the_room_runs_out():
    """Each market order eats an iceberg of a thousand tips: more fills than any first guess."""
    book = OrderBook(64, 8)
    rows = [(Kind.ICEBERG, SELL, 0, 30, 4_000, 0, 1), (Kind.MARKET, BUY, 1, 0, 4_000)] * 6
    done = book.run(messages(rows))
    assert len(done.fills) == 24_000
    assert np.array_equal(np.unique(done.fills["message"]), np.arange(1, 12, 2))
    assert book.live_orders == 0
    assert book.array[source.TIPS] == 0


def _fills(book: OrderBook, *rows):
    return book.run(messages(rows)).fills[["maker", "taker", "price", "quantity"]].tolist()


def _outcomes(book: OrderBook, *rows):
    return [Outcome(x) for x in book.run(messages(rows)).outcomes]


def test_better_prices_and_older_orders_go_first():
    book = OrderBook(64, 8)
    _fills(book, (Kind.LIMIT, SELL, 0, 31, 5), (Kind.LIMIT, SELL, 1, 30, 5), (Kind.LIMIT, SELL, 2, 30, 5))
    assert _fills(book, (Kind.LIMIT, BUY, 3, 31, 12)) == [(1, 3, 30, 5), (2, 3, 30, 5), (0, 3, 31, 2)]
    assert book.order(0) == (31, 3)


def test_a_market_order_takes_what_there_is_and_the_rest_vanishes():
    book = OrderBook(64, 8)
    assert _fills(book, (Kind.LIMIT, BUY, 0, 20, 5), (Kind.MARKET, SELL, 1, 0, 9)) == [(0, 1, 20, 5)]
    assert book.live_orders == 0
    assert _outcomes(book, (Kind.MARKET, SELL, 1, 0, 9)) == [Outcome.ACCEPTED]


def test_immediate_fill_or_kill_and_post_only():
    book = OrderBook(64, 8)
    _fills(book, (Kind.LIMIT, SELL, 0, 30, 5))
    before = book.snapshot()
    refused = _outcomes(book, (Kind.FILL_OR_KILL, BUY, 1, 30, 6), (Kind.POST_ONLY, BUY, 1, 30, 1))
    assert refused == [Outcome.NOT_FILLABLE, Outcome.WOULD_CROSS]
    assert all(x.refused for x in refused)
    assert book.snapshot() == before
    assert _fills(book, (Kind.FILL_OR_KILL, BUY, 1, 30, 2)) == [(0, 1, 30, 2)]
    assert _fills(book, (Kind.IMMEDIATE, BUY, 1, 30, 9)) == [(0, 1, 30, 3)]
    assert (book.best_bid, book.best_ask) == (None, None)
    assert _outcomes(book, (Kind.POST_ONLY, BUY, 1, 30, 1)) == [Outcome.ACCEPTED]
    assert book.best_bid == 30


def test_fill_or_kill_counts_hidden_quantity():
    book = OrderBook(64, 8)
    _fills(book, (Kind.ICEBERG, SELL, 0, 30, 10, 0, 2))
    assert book.depth(SELL).tolist() == [[30, 2]]
    fills = _fills(book, (Kind.FILL_OR_KILL, BUY, 1, 30, 10))
    assert sum(f[3] for f in fills) == 10
    assert len(fills) == 5


def test_a_new_tip_goes_to_the_end_of_the_queue():
    book = OrderBook(64, 8)
    _fills(book, (Kind.ICEBERG, SELL, 0, 30, 6, 0, 2), (Kind.LIMIT, SELL, 1, 30, 3))
    assert _fills(book, (Kind.MARKET, BUY, 2, 0, 3)) == [(0, 2, 30, 2), (1, 2, 30, 1)]
    assert book.queue(30).tolist() == [[1, 2], [0, 2]]


def test_what_keeps_its_place_in_the_queue():
    book = OrderBook(64, 8)
    rows = [(Kind.LIMIT, BUY, k, 30, 5) for k in range(3)]
    _fills(book, *rows, (Kind.REDUCE, BUY, 0, 0, 2), (Kind.REPLACE, BUY, 1, 30, 4))
    assert book.queue(30).tolist() == [[0, 3], [1, 4], [2, 5]]
    _fills(book, (Kind.REPLACE, BUY, 0, 30, 9))
    assert book.queue(30).tolist() == [[1, 4], [2, 5], [0, 9]]


def test_a_replacement_may_trade():
    book = OrderBook(64, 8)
    _fills(book, (Kind.LIMIT, BUY, 0, 20, 5), (Kind.LIMIT, SELL, 1, 30, 2))
    assert _fills(book, (Kind.REPLACE, BUY, 0, 30, 5)) == [(1, 0, 30, 2)]
    assert book.order(0) == (30, 3)


@pytest.mark.parametrize(
    ("policy", "fills", "left", "outcome"),
    [
        (SelfTrade.ALLOW, [(0, 2, 30, 3)], [[1, 3]], Outcome.ACCEPTED),
        (SelfTrade.CANCEL_RESTING, [(1, 2, 30, 3)], [], Outcome.ACCEPTED),
        (SelfTrade.CANCEL_INCOMING, [], [[0, 3], [1, 3]], Outcome.STOPPED_SELF_TRADE),
        (SelfTrade.CANCEL_BOTH, [], [[1, 3]], Outcome.STOPPED_SELF_TRADE),
    ],
)
def test_self_trade_prevention(policy, fills, left, outcome):
    book = OrderBook(64, 8, policy)
    _fills(book, (Kind.LIMIT, SELL, 0, 30, 3, 7), (Kind.LIMIT, SELL, 1, 30, 3, 8))
    done = book.run(messages([(Kind.LIMIT, BUY, 2, 30, 3, 7)]))
    assert done.fills[["maker", "taker", "price", "quantity"]].tolist() == fills
    assert book.queue(30).tolist() == left
    assert done.outcomes.tolist() == [outcome]


def test_nobody_may_trade_with_nobody():
    book = OrderBook(64, 8, SelfTrade.CANCEL_BOTH)
    assert _fills(book, (Kind.LIMIT, SELL, 0, 30, 3), (Kind.LIMIT, BUY, 1, 30, 3)) == [(0, 1, 30, 3)]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ((Kind.LIMIT, BUY, 1, 20, 0), Outcome.BAD_QUANTITY),
        ((Kind.LIMIT, BUY, 1, 20, -4), Outcome.BAD_QUANTITY),
        ((Kind.LIMIT, BUY, 1, 0, 4), Outcome.BAD_PRICE),
        ((Kind.LIMIT, BUY, 1, 63, 4), Outcome.BAD_PRICE),
        ((Kind.LIMIT, 2, 1, 20, 4), Outcome.BAD_SIDE),
        ((Kind.LIMIT, BUY, 0, 20, 4), Outcome.DUPLICATE_ORDER),
        ((Kind.LIMIT, BUY, 8, 20, 4), Outcome.BAD_ORDER),
        ((Kind.LIMIT, BUY, -1, 20, 4), Outcome.BAD_ORDER),
        ((Kind.CANCEL, BUY, 1, 0, 0), Outcome.UNKNOWN_ORDER),
        ((Kind.REDUCE, BUY, 1, 0, 1), Outcome.UNKNOWN_ORDER),
        ((Kind.REPLACE, BUY, 1, 20, 1), Outcome.UNKNOWN_ORDER),
        ((Kind.REPLACE, BUY, 0, 99, 1), Outcome.BAD_PRICE),
        ((Kind.ICEBERG, BUY, 1, 20, 4, 0, 0), Outcome.BAD_QUANTITY),
        ((77, BUY, 1, 20, 4), Outcome.BAD_KIND),
        ((Kind.LIMIT, BUY, 1, 20, 2**31 - 1), Outcome.LEVEL_FULL),
    ],
)
def test_a_refused_message_changes_nothing(row, outcome):
    book = OrderBook(64, 8)
    _fills(book, (Kind.LIMIT, BUY, 0, 20, 4))
    before = book.snapshot()
    assert _outcomes(book, row) == [outcome]
    assert outcome.refused
    assert book.snapshot() == before


def test_fill_or_kill_is_all_or_nothing_around_an_order_of_its_own():
    """The iceberg's next tip queues behind the own order, so only its first lot can be had."""
    book = OrderBook(64, 8, SelfTrade.CANCEL_INCOMING)
    _fills(book, (Kind.ICEBERG, SELL, 1, 10, 10, 7, 1), (Kind.LIMIT, SELL, 2, 10, 5, 9))
    before = book.snapshot()
    done = book.run(messages([(Kind.FILL_OR_KILL, BUY, 3, 10, 5, 9)]))
    assert done.outcomes.tolist() == [Outcome.NOT_FILLABLE]
    assert not len(done.fills)
    assert book.snapshot() == before


def test_a_level_never_overflows_whatever_tips_still_come():
    book = OrderBook(64, 8)
    _fills(book, (Kind.ICEBERG, SELL, 0, 10, 5_000, 0, 1_000), (Kind.MARKET, BUY, 1, 0, 999))
    assert _outcomes(book, (Kind.LIMIT, SELL, 2, 10, 2**31 - 2)) == [Outcome.LEVEL_FULL]
    room = 2**31 - 1 - 4_001
    assert _outcomes(book, (Kind.LIMIT, SELL, 2, 10, room)) == [Outcome.ACCEPTED]
    _fills(book, (Kind.MARKET, BUY, 1, 0, 1))
    assert book.depth(SELL).tolist() == [[10, room + 1_000]]


def test_a_full_level_refuses_only_what_would_rest_there():
    book = OrderBook(64, 8)
    _fills(book, (Kind.LIMIT, SELL, 0, 10, 2**31 - 1))
    assert _fills(book, (Kind.IMMEDIATE, BUY, 1, 10, 5)) == [(0, 1, 10, 5)]
    assert _fills(book, (Kind.LIMIT, BUY, 1, 10, 5)) == [(0, 1, 10, 5)]
    assert _outcomes(book, (Kind.LIMIT, SELL, 1, 10, 11)) == [Outcome.LEVEL_FULL]
    assert _outcomes(book, (Kind.REPLACE, SELL, 0, 10, 2**31 - 1)) == [Outcome.ACCEPTED]


def test_icebergs_cannot_hide_more_tips_than_a_book_can_follow():
    book = OrderBook(64, 8)
    before = book.snapshot()
    assert _outcomes(book, (Kind.ICEBERG, SELL, 1, 10, 2**31 - 1, 0, 1)) == [Outcome.TOO_MANY_TIPS]
    assert book.snapshot() == before


def test_a_batch_of_the_wrong_kind_is_refused():
    book = OrderBook(64, 8)
    with pytest.raises(DataError, match="not a batch"):
        book.run(np.zeros((3, 6), np.int32))
    with pytest.raises(DataError, match="not a batch"):
        book.run(np.zeros((2, 2), MESSAGE_DTYPE))
    assert len(book.run(np.zeros(0, MESSAGE_DTYPE)).fills) == 0
    assert book.run(np.zeros(0, MESSAGE_DTYPE)).fills.dtype == FILL_DTYPE


@pytest.mark.parametrize(("n_ticks", "capacity"), [(3, 5), (64, 0), (2**30, 10), (64, 2**30)])
def test_an_unusable_size_is_refused(n_ticks, capacity):
    with pytest.raises(ConfigError, match="unusable size"):
        OrderBook(n_ticks, capacity)


def test_a_level_off_the_ladder_is_refused():
    book = OrderBook(64, 8)
    for price in (0, 63, -1, 1_000):
        with pytest.raises(DataError, match="no such level"):
            book.queue(price)
    assert book.order(99) is None


def test_snapshot_reset_and_restore(rng):
    book, other = OrderBook(128, 40), OrderBook(128, 40)
    fresh = book.snapshot()
    batch = random_messages(rng, 500, n_ticks=128, capacity=40)
    book.run(batch[:250])
    raw = book.snapshot()
    wanted = book.run(batch[250:])
    other.restore(raw)
    got = other.run(batch[250:])
    assert np.array_equal(got.fills, wanted.fills)
    assert other.snapshot() == book.snapshot()
    other.reset()
    assert other.snapshot() == fresh
    for wrong in (b"", raw[:-4], OrderBook(64, 40).snapshot()):
        with pytest.raises(IntegrityError):
            other.restore(wrong)


def test_a_best_price_crosses_a_wide_empty_ladder():
    book = OrderBook(1 << 20, 8)
    _fills(
        book, (Kind.LIMIT, SELL, 0, 5, 1), (Kind.LIMIT, SELL, 1, (1 << 20) - 2, 1), (Kind.CANCEL, 0, 0, 0, 0)
    )
    assert book.best_ask == (1 << 20) - 2
    _fills(book, (Kind.CANCEL, 0, 1, 0, 0))
    assert book.best_ask is None
