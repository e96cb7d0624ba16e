"""Order-book engine: the books of all venues as one pressure per instrument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.senses import BookLevels
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction, Positive
from janus_trader.numerics.book_fusion import FusedBook, fuse_books

_NS = 1e9


class OrderBookFusionConfig(Config, frozen=True):
    """How venues are weighed and how their books are read."""

    halflife_s: Annotated[Positive, Meta(description="age at which a venue's book counts half")] = 30.0
    max_age_s: Annotated[Positive, Meta(description="age beyond which it does not count")] = 300.0
    reach_bps: Annotated[
        Positive, Meta(description="distance from the mid at which depth counts e times less")
    ] = 10.0
    smoothing: Annotated[Fraction, Meta(description="weight of the newest imbalance in its average")] = 0.3
    micro_share: Annotated[
        Fraction, Meta(description="share of the micro-price in the pressure, the rest is the imbalance")
    ] = 0.5


class BookView(NamedTuple):
    """What the books say now.

    ``pressure`` (n,) in [-1, 1] is positive where bids outweigh asks, 0 where no book can be used; ``fused`` has
    the consolidated book of each instrument that has one; ``coverage`` in [0, 1] is the mean weight over all
    instruments, ``uncertainty`` in [0, 1] grows with the disagreement of venues.
    """

    pressure: np.ndarray
    fused: dict[int, FusedBook]
    coverage: float
    uncertainty: float


class OrderBookFusion:
    r"""Consolidates `BookLevels` over venues, smooths the result and tells how far to trust it.

    .. math:: x_i = (1 - s)\,imbalance_i + s\,\frac{2\,(micro_i - mid_i)}{ask_i - bid_i}, \qquad
              p_i \leftarrow p_i + \alpha\,(x_i - p_i)

    with the books fused by `janus_trader.numerics.book_fusion.fuse_books` and venue weights
    :math:`2^{-age/halflife}`, 0 beyond ``max_age_s``.

    Parameters
    ----------
    config : OrderBookFusionConfig
    n : int
        Number of instruments.

    Notes
    -----
    The age runs from ``ts_init`` (when a book could first be known) to the moment, never to the wall clock; a
    book whose ``ts_init`` lies after the moment is not looked at. Of two books of one venue the later counts.
    Locked books have no micro-price term. O(books · levels).

    Examples
    --------
    >>> engine = OrderBookFusion(OrderBookFusionConfig(), 1)
    >>> book = BookLevels(venue="X", symbol="A", ts_event=0, ts_init=0, bid_price=np.array([99.0]),
    ...     bid_size=np.array([3.0]), ask_price=np.array([101.0]), ask_size=np.array([1.0]))
    >>> engine.update([book], 0, ("A",)).pressure.round(6).tolist()
    [0.5]
    >>> engine.update([book], int(301e9), ("A",)).coverage
    0.0
    """

    def __init__(self, config: OrderBookFusionConfig, n: int) -> None:
        self.config, self.n = config, int(n)
        self.reset()

    def reset(self) -> None:
        """Forget every book."""
        self._average = np.zeros(self.n)
        self._seen = np.zeros(self.n, np.bool_)

    def update(self, books: Sequence[BookLevels], ts_event: int, symbols: Sequence[str]) -> BookView:
        """What these books say at ``ts_event``; ``symbols`` (n,) is the book traded, in order."""
        place = {symbol: i for i, symbol in enumerate(symbols)}
        latest: dict[int, dict[str, BookLevels]] = {}
        for book in books:
            at = place.get(book.symbol)
            if at is None or book.ts_init > ts_event:
                continue
            held = latest.setdefault(at, {}).get(book.venue)
            if held is None or book.ts_init >= held.ts_init:
                latest[at][book.venue] = book
        pressure, fused = np.zeros(self.n), {}
        weight, unsure = 0.0, 0.0
        for at, venues in latest.items():
            whole = self._fuse(list(venues.values()), ts_event)
            if whole.used == 0:
                continue
            fused[at] = whole
            pressure[at] = self._smooth(at, whole)
            weight += whole.weight
            unsure += whole.weight * whole.dispersion / (1.0 + whole.dispersion)
        uncertainty = unsure / weight if weight > 0.0 else 1.0
        return BookView(pressure, fused, weight / self.n, uncertainty)

    def _fuse(self, books: list[BookLevels], ts_event: int) -> FusedBook:
        c = self.config
        levels = max(max(len(b.bid_price), len(b.ask_price)) for b in books)
        sides = np.full((4, len(books), max(levels, 1)), np.nan)
        weights = np.zeros(len(books))
        for v, b in enumerate(books):
            for k, (price, size) in enumerate(((b.bid_price, b.bid_size), (b.ask_price, b.ask_size))):
                count = min(len(price), len(size))  # a level without a size is no level
                sides[2 * k, v, :count], sides[2 * k + 1, v, :count] = price[:count], size[:count]
            age_s = (ts_event - b.ts_init) / _NS
            weights[v] = 2.0 ** (-age_s / c.halflife_s) if age_s <= c.max_age_s else 0.0
        return fuse_books(sides[0], sides[1], sides[2], sides[3], weights, c.reach_bps)

    def _smooth(self, at: int, book: FusedBook) -> float:
        c, spread = self.config, book.ask - book.bid
        tilt = 2.0 * (book.micro - book.mid) / spread if spread > 0.0 else 0.0
        x = (1.0 - c.micro_share) * book.imbalance + c.micro_share * min(max(tilt, -1.0), 1.0)
        if not self._seen[at]:
            self._seen[at], self._average[at] = True, x
        else:
            self._average[at] += c.smoothing * (x - self._average[at])
        return float(self._average[at])

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({"average": self._average, "seen": self._seen})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it is of another book."""
        tree = unpack(raw)
        if tree["average"].shape != (self.n,):
            raise IntegrityError(
                "order-book fusion: snapshot does not fit", got=tree["average"].shape, expected=f"({self.n},)"
            )
        self._average, self._seen = tree["average"], tree["seen"]
