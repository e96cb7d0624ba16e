"""What reaches the brain besides bars: order books, news, weather, space weather."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.message import Message


class Reading(Message, frozen=True):
    """What one outside sense says now.

    ``ts_event`` is when it was observed, ``ts_init`` when it could first be known (both ns UTC); ``values``
    are named finite numbers; ``quality`` in [0, 1] is the sense's own word on how good they are.
    """

    source: str
    ts_event: int
    ts_init: int
    values: dict[str, float]
    quality: float = 1.0


class BookLevels(Message, frozen=True):
    """The best levels of one instrument's order book at one venue, best first.

    ``bid_price``, ``bid_size``, ``ask_price``, ``ask_size`` are (L,) float arrays; L may differ per side.
    """

    venue: str
    symbol: str
    ts_event: int
    ts_init: int
    bid_price: np.ndarray
    bid_size: np.ndarray
    ask_price: np.ndarray
    ask_size: np.ndarray


class Headline(Message, frozen=True):
    """One piece of news: where from, when published, when seen, what it says and whom it is about."""

    source: str
    ts_event: int
    ts_init: int
    title: str
    body: str = ""
    symbols: tuple[str, ...] = ()
    url: str = ""
