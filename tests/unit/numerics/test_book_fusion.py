import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_fusion import fuse_books


def books(*venues, levels=3):
    """(bids, asks) of each venue as lists of (price, size), padded with NaN."""
    out = [np.full((len(venues), levels), np.nan) for _ in range(4)]
    for v, (bids, asks) in enumerate(venues):
        for k, (price, size) in enumerate(bids):
            out[0][v, k], out[1][v, k] = price, size
        for k, (price, size) in enumerate(asks):
            out[2][v, k], out[3][v, k] = price, size
    return out


def test_one_book_against_the_formulas():
    sides = books(([(99.0, 2.0), (98.0, 4.0)], [(101.0, 6.0), (103.0, 1.0)]))
    fused = fuse_books(*sides, np.ones(1), reach_bps=100.0)
    assert (fused.bid, fused.ask, fused.mid) == (99.0, 101.0, 100.0)
    assert fused.micro == pytest.approx((99.0 * 6 + 101.0 * 2) / 8)
    bid = 2 * np.exp(-1.0) + 4 * np.exp(-2.0)
    ask = 6 * np.exp(-1.0) + 1 * np.exp(-3.0)
    assert fused.imbalance == pytest.approx((bid - ask) / (bid + ask))
    assert (fused.weight, fused.dispersion, fused.used, fused.refused) == (1.0, 0.0, 1, 0)


def test_venues_are_consolidated_and_weighted():
    sides = books(([(99.0, 2.0)], [(101.0, 2.0)]), ([(99.5, 1.0)], [(101.0, 5.0)]))
    fused = fuse_books(*sides, np.array([1.0, 0.5]), reach_bps=1e6)
    assert (fused.bid, fused.ask) == (99.5, 101.0)
    top_ask = 2.0 + 0.5 * 5.0
    assert fused.micro == pytest.approx((99.5 * top_ask + 101.0 * 0.5) / (top_ask + 0.5))
    assert fused.imbalance == pytest.approx((2.5 - 4.5) / 7.0, abs=1e-3)
    mids, w = np.array([100.0, 100.25]), np.array([1.0, 0.5])
    mean = mids @ w / 1.5
    spread = (2.0 * 1.0 + 1.5 * 0.5) / 1.5
    assert fused.dispersion == pytest.approx(np.sqrt(((mids - mean) ** 2) @ w / 1.5) / spread)


def test_venues_that_cross_each_other_lose_the_stalest():
    sides = books(([(99.0, 2.0)], [(101.0, 2.0)]), ([(105.0, 2.0)], [(107.0, 2.0)]))
    fused = fuse_books(*sides, np.array([1.0, 0.4]))
    assert (fused.bid, fused.ask, fused.used, fused.refused) == (99.0, 101.0, 1, 1)
    other = fuse_books(*sides, np.array([0.4, 1.0]))
    assert (other.bid, other.ask) == (105.0, 107.0)


@pytest.mark.parametrize(
    ("venue", "usable"),
    [
        (([(101.0, 1.0)], [(100.0, 1.0)]), False),  # crossed
        (([(100.0, 1.0)], [(100.0, 1.0)]), True),  # locked
        (([], [(100.0, 1.0)]), False),
        (([], []), False),
        (([(-5.0, 1.0)], [(100.0, 1.0)]), False),
        (([(99.0, 0.0)], [(100.0, 1.0)]), False),
        (([(np.inf, 1.0)], [(100.0, 1.0)]), False),
        (([(99.0, np.nan), (98.0, 1.0)], [(100.0, 1.0)]), True),  # the next level counts
    ],
)
def test_bad_books_are_refused(venue, usable):
    fused = fuse_books(*books(venue), np.ones(1))
    assert (fused.used == 1) == usable
    if usable:
        assert np.isfinite(fused[:7]).all()
    else:
        assert np.isnan(fused[:4]).all()
        assert (fused.imbalance, fused.weight, fused.refused) == (0.0, 0.0, 1)


def test_no_venue_and_no_weight():
    empty = fuse_books(*[np.empty((0, 2))] * 4, np.empty(0))
    assert empty.used == 0
    stale = fuse_books(*books(([(99.0, 1.0)], [(100.0, 1.0)])), np.zeros(1))
    assert (stale.used, stale.weight) == (0, 0.0)


levels = st.lists(st.tuples(st.floats(90, 110), st.floats(0.1, 50)), min_size=0, max_size=3)


@given(st.lists(st.tuples(levels, levels), min_size=1, max_size=4), st.data())
def test_always_ordered_and_bounded(venues, data):
    weights = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(venues), max_size=len(venues))))
    fused = fuse_books(*books(*venues), weights)
    assert -1.0 <= fused.imbalance <= 1.0
    assert fused.used + fused.refused == len(venues)
    if fused.used:
        assert fused.bid <= fused.ask
        assert fused.bid - 1e-9 <= fused.micro <= fused.ask + 1e-9
        assert fused.dispersion >= 0.0
        swapped = [books(*venues)[k] for k in (2, 3, 0, 1)]
        mirror = fuse_books(300.0 - swapped[0], swapped[1], 300.0 - swapped[2], swapped[3], weights)
        if mirror.used == fused.used:
            assert mirror.mid == pytest.approx(300.0 - fused.mid)


def test_shapes_must_fit():
    with pytest.raises(DataError):
        fuse_books(*[np.ones((1, 2))] * 4, np.ones(2))
    with pytest.raises(DataError):
        fuse_books(*[np.ones((1, 2))] * 4, np.ones(1), reach_bps=0.0)
