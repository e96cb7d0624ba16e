"""Depth along a replay is that of the plain book."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.book_depth import depth_at, ladder_at
from janus_trader.numerics.order_book import OrderBook
from support.order_books import PlainBook, random_messages

AT = np.array([0, 3, 3, 50, 120, 299])


def plain_at(batch, k):
    plain = PlainBook(128, 40)
    for i, message in enumerate(batch[: k + 1].tolist()):
        plain.apply(i, message)
    return plain


def test_the_best_levels_are_those_of_the_plain_book(rng):
    batch = random_messages(rng, 300, n_ticks=128, capacity=40)
    got = depth_at(OrderBook(128, 40), batch, AT, 4)
    assert got.shape == (6, 2, 4, 2)
    for row, k in zip(got, AT, strict=True):
        plain = plain_at(batch, k)
        for side in (0, 1):
            want = (plain.depth(side) + [[-1, 0]] * 4)[:4]
            assert row[side].tolist() == want


@pytest.mark.parametrize(("low", "step", "n"), [(0, 1, 128), (40, 3, 20), (-10, 7, 30), (127, 1, 5)])
def test_bands_are_sums_over_the_plain_book(rng, low, step, n):
    batch = random_messages(rng, 300, n_ticks=128, capacity=40)
    got = ladder_at(OrderBook(128, 40), batch, AT, low, step, n)
    for row, k in zip(got, AT, strict=True):
        want = np.zeros(n, np.int64)
        for side in (0, 1):
            for price, quantity in plain_at(batch, k).depth(side):
                if low <= price < low + step * n:
                    want[(price - low) // step] += quantity * (1 - 2 * side)
        np.testing.assert_array_equal(row, want)


def test_a_book_goes_on_from_where_it_is(rng):
    batch = random_messages(rng, 300, n_ticks=128, capacity=40)
    book = OrderBook(128, 40)
    book.run(batch[:100])
    late = depth_at(book, batch[100:], np.array([199]), 3)
    np.testing.assert_array_equal(late, depth_at(OrderBook(128, 40), batch, np.array([299]), 3))


def test_what_is_not_there_is_refused(rng):
    batch, book = random_messages(rng, 10, n_ticks=128, capacity=40), OrderBook(128, 40)
    for at in ([10], [-1], [4, 3]):
        with pytest.raises(DataError, match="not there"):
            depth_at(book, batch, np.array(at), 2)
    with pytest.raises(DataError, match="not a batch"):
        ladder_at(book, np.zeros(3), np.array([0]), 0, 1, 4)
    with pytest.raises(ConfigError, match="no levels"):
        depth_at(book, batch, np.array([0]), 0)
    for step, n in ((0, 4), (1, 0)):
        with pytest.raises(ConfigError, match="no bands"):
            ladder_at(book, batch, np.array([0]), 0, step, n)
    assert depth_at(book, batch, np.array([], np.int64), 2).shape == (0, 2, 2, 2)
