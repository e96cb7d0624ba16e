"""Market data and the portfolio as the rest of the system sees them."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np

from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.message import Message
from janus_trader.contracts.senses import BookLevels, Reading

#: One bar of one instrument, as the compiled strategies and kernels read it. A close-only source
#: has open = high = low = close and volume NaN: the true range then *is* |close - previous close|.
#: ``session`` numbers the trading day from 0, ``bar_of_session`` the bar within it from 0.
BAR_DTYPE = np.dtype(
    [
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "f8"),
        ("session", "i8"),
        ("bar_of_session", "i8"),
    ],
    align=True,
)


class Field(StrEnum):
    """What a source delivers for an instrument; strategies declare which of these they need."""

    CLOSE = "close"
    OPEN = "open"
    HIGH_LOW = "high_low"
    VOLUME = "volume"
    INTRADAY = "intraday"


class Instrument(Message, frozen=True):
    """A tradable linear instrument quoted in ``currency``.

    ``price_decimals`` is at least 6 for adjusted series (they go down to 0.1); ``size_decimals``
    is the number of decimals of a quantity (fractional units are allowed).
    """

    symbol: str
    currency: str = "USD"
    price_decimals: int = 6
    size_decimals: int = 6
    fields: frozenset[Field] = frozenset({Field.CLOSE})


class PortfolioState(Message, frozen=True):
    """The book as known at the close of a bar: what the brain may look at.

    ``weights`` are signed position values over equity, in the order of the run's symbols.
    """

    ts_event: int
    equity: float
    cash: float
    peak_equity: float
    session_start_equity: float
    weights: tuple[float, ...]
    quantities: tuple[float, ...]
    realised_costs: float = 0.0

    @property
    def gross(self) -> float:
        """Sum of absolute weights."""
        return sum(abs(w) for w in self.weights)

    @property
    def net(self) -> float:
        """Sum of signed weights."""
        return sum(self.weights)

    @property
    def drawdown(self) -> float:
        """Loss from the running peak as a fraction of it, in [0, 1]."""
        return max(0.0, 1.0 - self.equity / self.peak_equity) if self.peak_equity > 0 else 1.0


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the brain may know when a bar closes. In-process only: arrays are read-only views.

    Shapes: ``n`` instruments, ``m`` external signals.

    Attributes
    ----------
    ts_event : int
        Close time of the bar, ns UTC.
    step : int
        Number of bars seen before this one.
    session : int
        Number of the trading day; changes at a session boundary.
    symbols : tuple of str
        The book, fixed for the whole run.
    bars : (n,) array of `BAR_DTYPE`
        The last known bar of each instrument (stale where ``present`` is False).
    present : (n,) bool array
        Whether the instrument had a bar at this time.
    returns : (n,) float array
        Simple close-to-close return of each instrument since its own previous bar; 0 where absent.
    features : FeatureVector
        Market-level features whose sources had published by now.
    portfolio : PortfolioState
    external : (m, n) float array
        Anonymous external signals, each in about [-3, 3]; m may be 0.
    fields : frozenset of Field
        What every instrument of the book delivers.
    senses : dict of str to Reading
        What outside senses last said, by name (``news``, ``weather``, ``space_weather``); a sense without
        data has no key.
    books : tuple of BookLevels
        The order books last seen, one per venue and instrument; empty where there are none.
    """

    ts_event: int
    step: int
    session: int
    symbols: tuple[str, ...]
    bars: np.ndarray
    present: np.ndarray
    returns: np.ndarray
    features: FeatureVector
    portfolio: PortfolioState
    external: np.ndarray
    fields: frozenset[Field]
    senses: dict[str, Reading] = msgspec.field(default_factory=dict)
    books: tuple[BookLevels, ...] = ()
