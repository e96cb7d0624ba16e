"""Priority of recorded executions against the plain book's queues."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.order_book import Kind, OrderBook, messages
from janus_trader.numerics.queue_priority import execution_priority, match_executions
from support.order_books import PlainBook, random_messages


def record(rng, n=600):
    """Orders that never cross, cancellations, and executions of any order, right or not."""
    batch = random_messages(rng, n, n_ticks=128, capacity=39)
    batch["kind"] = rng.choice([Kind.LIMIT, Kind.LIMIT, Kind.CANCEL, Kind.REDUCE], n)
    batch["peak"] = 0
    side = batch["side"] % 2
    batch["side"] = side
    batch["price"] = np.where(side == 0, rng.integers(50, 60, n), rng.integers(61, 71, n))
    batch["quantity"] = rng.integers(1, 9, n)
    return batch, batch["kind"] == Kind.REDUCE


def test_counts_are_those_of_the_plain_book(rng):
    batch, executed = record(rng)
    plain, count, best, first = PlainBook(128, 40), 0, 0, 0
    for k, message in enumerate(batch.tolist()):
        slot = message[2]
        order = plain.orders.get(slot)
        if executed[k] and order is not None:
            count += 1
            if order.price == plain.best(order.side):
                best += 1
                first += plain.queue(order.price)[0][0] == slot
        plain.apply(k, message)
    assert execution_priority(OrderBook(128, 40), batch, executed) == (count, best, first)
    assert count > best > first > 0


def test_a_record_that_keeps_priority_is_matched_wholly():
    rows = [(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 0, 1, 20, 5), (Kind.LIMIT, 0, 2, 19, 5)]
    rows += [(Kind.REDUCE, 0, 0, 20, 5), (Kind.REDUCE, 0, 1, 20, 2), (Kind.CANCEL, 0, 1, 0, 0)]
    rows += [(Kind.REDUCE, 0, 2, 19, 5), (Kind.REDUCE, 1, -1, 21, 3)]
    batch = messages(rows)
    executed = batch["kind"] == Kind.REDUCE
    done = match_executions(OrderBook(64, 4), batch, executed)
    assert done[:4] == (12, 12, 1, 0)
    assert done.best["bid"].tolist() == [20, 20, 20, 20, 20, 19, -1, -1]


def test_a_wrong_match_is_seen_and_stays():
    rows = [(Kind.LIMIT, 1, 0, 20, 5), (Kind.LIMIT, 1, 1, 20, 5)]
    rows += [(Kind.REDUCE, 1, 1, 20, 5), (Kind.CANCEL, 1, 0, 0, 0)]
    batch = messages(rows)
    done = match_executions(OrderBook(64, 4), batch, batch["kind"] == Kind.REDUCE)
    assert done[:4] == (5, 0, 1, 1)
    assert done.best["ask"].tolist() == [20, 20, 20, 20]


def test_parts_that_do_not_fit_are_refused():
    batch = messages([(Kind.LIMIT, 0, 3, 20, 5)])
    with pytest.raises(DataError, match="do not fit"):
        execution_priority(OrderBook(64, 4), batch, np.array([True, False]))
    with pytest.raises(DataError, match="do not fit"):
        execution_priority(OrderBook(64, 4), batch, np.array([1]))
    with pytest.raises(DataError, match="no free slot"):
        match_executions(OrderBook(64, 4), batch, np.array([False]))
