"""Trades of a recording: fills of a simulated market, told executions of a real one."""

from __future__ import annotations

import numpy as np

from janus_trader.numerics.order_book import Kind, messages
from janus_trader.stores.book_recordings import EXECUTED, BookHeader, BookRecording
from support.order_books import PlainBook, random_messages


def recording(batch, opening=0):
    header = BookHeader(symbol="X", tick=1.0, lot=1.0, base=0, n_ticks=128, capacity=40, opening=opening)
    times = np.arange(len(batch), dtype=np.int64)
    return BookRecording(header, times, times, batch)


def test_trades_of_a_simulated_market_are_its_fills(rng):
    batch = random_messages(rng, 800, n_ticks=128, capacity=40)
    plain, want = PlainBook(128, 40), []
    for k, message in enumerate(batch.tolist()):
        sides = {slot: order.side for slot, order in plain.orders.items()}
        before = len(plain.fills)
        plain.apply(k, message)
        want += [
            (k, price, size, 1 - sides[maker], False) for maker, _, price, size, _ in plain.fills[before:]
        ]
    assert recording(batch).trades().tolist() == want
    assert len(want) > 100
    assert (batch["kind"] == Kind.REPLACE).sum() > 10


def test_told_executions_are_trades_of_the_other_side():
    rows = [(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 1, 1, 22, 5), (Kind.REDUCE, 0, 0, 20, 2, 0, EXECUTED)]
    rows += [(Kind.REDUCE, 0, 0, 20, 1), (Kind.REDUCE, 1, -1, 21, 7, 0, EXECUTED)]
    got = recording(messages(rows)).trades()
    assert got.tolist() == [(2, 20, 2, 1, False), (4, 21, 7, 0, True)]


def test_the_opening_holds_no_trades():
    rows = [(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 1, 1, 20, 5), (Kind.LIMIT, 1, 2, 22, 5)]
    assert not len(recording(messages(rows), opening=2).trades())
    assert len(recording(messages(rows), opening=1).trades()) == 1
    assert not len(recording(messages([])).trades())
