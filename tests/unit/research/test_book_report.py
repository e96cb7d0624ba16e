"""Figures and picture of a recording whose figures are known by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_replay import BEST_DTYPE
from janus_trader.numerics.order_book import Kind, messages
from janus_trader.research.book_picture import book_figure, write_page
from janus_trader.research.book_report import best_agreement, imbalance, summarise
from janus_trader.stores.book_recordings import EXECUTED, BookHeader, BookRecording
from support.order_books import random_messages

ROWS = [
    (Kind.LIMIT, 0, 0, 20, 6),
    (Kind.LIMIT, 1, 1, 22, 2),  # 0 s: 20 x 6, 22 x 2
    (Kind.REDUCE, 1, 1, 22, 2, 0, EXECUTED),  # 1 s: no ask
    (Kind.LIMIT, 1, 2, 23, 6),  # 3 s: 20 x 6, 23 x 6
    (Kind.REDUCE, 0, -1, 21, 4, 0, EXECUTED),  # 4 s
    (Kind.LIMIT, 1, 3, 21, 18),  # 5 s: 20 x 6, 21 x 18
    (Kind.CANCEL, 0, 0, 0, 0),  # 7 s
]
TIMES = np.array([0, 0, 1, 3, 4, 5, 7], np.int64) * 1_000_000_000


def recording(rows=ROWS, times=TIMES, reference=None, opening=1):
    header = BookHeader(symbol="X", tick=0.5, lot=10.0, base=0, n_ticks=128, capacity=40, opening=opening)
    return BookRecording(header, times, times, messages(rows), reference)


def test_figures_by_hand():
    one = recording()
    s = summarise(one, one.replay())
    assert (s.messages, s.opening, s.seconds, s.crossed, s.refused) == (6, 1, 7.0, 0, {})
    assert (s.trades, s.hidden_trades, s.traded) == (2, 1, 60.0)
    assert s.bought_frac == pytest.approx(2 / 6)
    assert s.spread_mean_ticks == pytest.approx((1 * 2 + 2 * 3 + 2 * 1) / 5)  # seconds with both sides
    assert s.spread_mean == pytest.approx(s.spread_mean_ticks * 0.5)
    assert (s.spread_one_tick_frac, s.spread_largest) == (pytest.approx(2 / 5), 1.5)
    assert s.imbalance_mean == pytest.approx((1 * 0.5 + 2 * 0.0 + 2 * -0.5) / 5)
    assert s.imbalance_abs_mean == pytest.approx((0.5 + 1.0) / 5)
    assert s.imbalance_foretells_frac == 1.0  # up after +0.5; the second move came from a level book
    assert s.priority == {"executions": 1, "at_best": 1, "first_in_queue": 1}
    assert s.agreement is None


def test_agreement_counts_what_is_told_after_the_opening():
    best = recording().replay().best
    told = best.copy()
    told[3]["ask_quantity"] += 1
    told[4]["bid"] -= 1
    told[5] = np.array((-1, 0, -1, 0), BEST_DTYPE)
    one = recording(reference=told)
    agreement = best_agreement(one, best)
    assert agreement is not None
    assert (agreement.told, agreement.equal, agreement.prices_equal) == (5, 3, 4)
    assert agreement.first_different == 3


def test_a_book_with_one_side_has_no_spread():
    one = recording(ROWS[:1], TIMES[:1], opening=0)
    s = summarise(one, one.replay())
    assert (s.spread_mean, s.imbalance_mean, s.trades, s.bought_frac, s.priority) == (
        None,
        None,
        0,
        None,
        None,
    )
    with pytest.raises(DataError, match="nothing to draw"):
        book_figure(one, one.replay())
    with pytest.raises(DataError, match="nothing to draw"):
        book_figure(recording(ROWS[:1], TIMES[:1]), one.replay())


def test_imbalance_is_nought_where_a_side_is_empty():
    best = np.array([(20, 6, 22, 2), (20, 6, -1, 0), (-1, 0, -1, 0)], BEST_DTYPE)
    assert imbalance(best).tolist() == [0.5, 0.0, 0.0]


def test_the_picture_shows_depth_trades_and_imbalance_and_needs_no_network(rng, tmp_path):
    batch = random_messages(rng, 500, n_ticks=128, capacity=40)
    header = BookHeader(symbol="X", tick=0.5, lot=1.0, base=0, n_ticks=128, capacity=40)
    times = np.cumsum(rng.integers(0, 10**9, 500)).astype(np.int64)
    one = BookRecording(header, times, times, batch)
    replayed = one.replay()
    figure = book_figure(one, replayed, 5)
    names = [trace.name for trace in figure.data]
    assert names[:5] == ["depth", "best ask", "best bid", "buys", "sells"]
    depth = figure.data[0]
    quantities = np.asarray(depth.customdata)
    moment = 450  # by hand: the last message before that moment, read from the plain levels
    at = np.searchsorted(times, np.linspace(times[0], times[-1], 900)[moment], side="right") - 1
    book = one.fresh_book()
    book.run(batch[: at + 1])
    for side, sign in ((0, 1), (1, -1)):
        for price, quantity in book.depth(side).tolist():
            row = np.flatnonzero(np.asarray(depth.y) == price * 0.5)
            if len(row):
                assert quantities[row[0]][moment] == quantity
                assert np.sign(depth.z[row[0]][moment]) == sign
    write_page(tmp_path / "x.html", figure, "X & Y", ["one < two"])
    page = (tmp_path / "x.html").read_text()
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert "<h1>X &amp; Y</h1><p>one &lt; two</p>" in page
