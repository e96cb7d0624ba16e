"""From a feed's events to a recording: ladder, lots, clock, slots.

A reader of a format gives events (`Events`) in whole numbers of some fine unit; `assemble` finds the tick and
the lot, lays the ladder, sets the receiver's clock right, numbers the orders and follows the record.

Prices far from everything traded do not fit every ladder. Orders there stand outside the book, are counted
and never come in, unless a message moves them inside. The best levels do not miss them: the ladder holds
every traded price and a margin around.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.book_follow import Following, follow, following
from janus_trader.data.sources.feed_events import COUNTS, EVENT_DTYPE, Action
from janus_trader.foundation.config import Config
from janus_trader.numerics.book_replay import BEST_DTYPE
from janus_trader.numerics.order_book import empty_book
from janus_trader.stores.book_recordings import BookHeader, BookRecording

_LARGEST_ORDER = 2**28  # lots: a level holds a few of them below 2**31
_LADDER_EDGE = 2  # unusable levels, and one between


class FeedConfig(Config, frozen=True):
    """How a feed becomes a recording."""

    ladder_ticks: Annotated[
        int, Meta(ge=16, le=2**24, description="a ladder up to this size holds every price of the feed")
    ] = 65_536
    margin_frac: Annotated[
        float, Meta(gt=0, le=1, description="around the traded prices where it would be larger, of the price")
    ] = 0.01
    patience_ms: Annotated[
        int,
        Meta(ge=0, description="wait of an order that meets the other side and of which nothing is heard"),
    ] = 1_000


@dataclass(frozen=True)
class Events:
    """What a reader found.

    ``events`` (n,) `EVENT_DTYPE` with prices and quantities in units of ``price_unit`` and
    ``quantity_unit``; the first ``opening`` are a snapshot. ``reference`` (n,) holds best levels in the same
    units (bid, bid quantity, ask, ask quantity as int64; price -1 of an empty side, of both where nothing is
    said). ``level_orders``: ids
    below zero are the anonymous quantity of a level. ``sets_bring``: a feed of levels. ``repair``: where the
    book differs from the reference it is changed (counted as ``repairs``): for feeds that tell the best level
    after each event but not the events beyond it.
    """

    symbol: str
    source: str
    path: Path
    events: np.ndarray
    price_unit: float
    quantity_unit: float
    opening: int = 0
    reference: np.ndarray | None = None
    level_orders: bool = False
    sets_bring: bool = False
    repair: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Feed:
    """A recording made from a feed, and what was found on the way.

    ``counts`` of everything skipped or out of the ordinary; ``first_rows`` where each was first seen;
    ``rows`` (n,) the row of the file that each message came from.
    """

    recording: BookRecording
    rows: np.ndarray
    counts: dict[str, int]
    first_rows: dict[str, int]


def clock_offset(ts_event: np.ndarray, ts_init: np.ndarray) -> np.ndarray:
    """How far the receiver's clock is known to be behind the exchange's, at each message.

    What arrives cannot have been received before it happened, so a receiver whose stamp is earlier than the
    exchange's is behind by at least the difference: the largest difference so far, at least 0. Only the past
    is used. The delay of the quickest message is not told apart from the clock: corrected times are too early
    by that delay.

    >>> clock_offset(np.array([100, 200, 300]), np.array([90, 195, 280])).tolist()
    [10, 10, 20]
    """
    if not len(ts_event):
        return np.zeros(0, np.int64)
    return np.maximum(np.maximum.accumulate(ts_event - ts_init), 0)


def assemble(found: Events, config: FeedConfig | None = None) -> Feed:
    """Make the recording that follows a feed's events.

    Raises
    ------
    DataError
        No events, a snapshot that is crossed, or a level that no int32 holds. The row is named.
    """
    config = FeedConfig() if config is None else config
    if not len(found.events):
        raise DataError(f"{found.path}: no events of a book", expected="at least one order")
    events = found.events.copy()
    tick = _tick(events)
    lot, rounded = lot_of(events["quantity"][_has_quantity(events)])
    events["price"] //= tick
    events["quantity"] = -(-events["quantity"] // lot)
    lifted, offset = _set_times(events)
    base, n_ticks = ladder(events, found.opening, config)
    events["price"] -= base
    told = None if found.reference is None else _told(found.reference, tick, lot, base, n_ticks)
    done = _follow(found, events, told, n_ticks, config)
    capacity = max(done.slots, 1) + 1  # the last slot is never used: a place for aggressors of a replay
    opening = int(np.searchsorted(done.of_event[: len(done.messages)], found.opening))
    labels = dict(found.labels)
    if offset:
        labels["receiver_clock_behind_ms"] = f"{offset / 1e6:.3f}"
    header = BookHeader(
        symbol=found.symbol, tick=_exact(tick, found.price_unit), lot=_exact(lot, found.quantity_unit), base=base,
        n_ticks=n_ticks, capacity=capacity, opening=opening, source=found.source, labels=labels,
    )  # fmt: skip
    at = done.of_event[: len(done.messages)]
    reference = None if told is None else _reference(told, at)
    recording = BookRecording(
        header, events["ts_event"][at], events["ts_init"][at], done.messages.copy(), reference
    )
    counts = {name: int(c) for name, c in zip(COUNTS, done.counts, strict=True) if c}
    rows = {name: int(r) for name, r in zip(COUNTS, done.rows, strict=True) if r}
    extra = {"events": len(events), "times_lifted": lifted, "quantities_rounded": rounded}
    counts = {**counts, **found.counts, **{name: count for name, count in extra.items() if count}}
    return Feed(recording, events["row"][at], counts, rows)


def _exact(units: int, unit: float) -> float:
    """``units * unit`` without the noise of its last digits.

    >>> _exact(100, 1e-4), _exact(25 * 10**7, 1e-9)
    (0.01, 0.25)
    """
    return float(f"{units * unit:.12g}")


def _priced(events: np.ndarray) -> np.ndarray:
    """Which events bring or move orders."""
    return np.isin(events["action"], (Action.ADD, Action.SET))


def _has_quantity(events: np.ndarray) -> np.ndarray:
    return ~np.isin(events["action"], (Action.CLEAR, Action.NOTHING))


def _tick(events: np.ndarray) -> int:
    """Largest step of which every order's price is a multiple."""
    prices = events["price"][_priced(events)]
    return max(1, int(np.gcd.reduce(np.abs(prices)))) if len(prices) else 1


def lot_of(quantities: np.ndarray) -> tuple[int, int]:
    """Largest step of which every quantity is a multiple, coarser where int32 needs it, and how many that rounds."""
    sizes = quantities[quantities > 0]
    lot = max(1, int(np.gcd.reduce(sizes))) if len(sizes) else 1
    while len(sizes) and int(sizes.max()) // lot > _LARGEST_ORDER:
        lot *= 10
    return lot, int((sizes % lot != 0).sum())


def _set_times(events: np.ndarray) -> tuple[int, int]:
    """Set the receiver's clock right and let exchange times never decrease; (times lifted, last offset)."""
    offset = clock_offset(events["ts_event"], events["ts_init"])
    highest = np.maximum.accumulate(events["ts_event"])
    lifted = int((highest != events["ts_event"]).sum())
    events["ts_init"] = np.maximum(events["ts_init"] + offset, highest)
    events["ts_event"] = highest
    return lifted, int(offset[-1])


def ladder(events: np.ndarray, opening: int, config: FeedConfig) -> tuple[int, int]:
    """Base and number of ticks of the ladder: every price where that is small, else around the traded ones.

    The choice looks at the whole feed; it is a matter of storage and tells a reader of messages nothing.
    """
    priced = events["price"][_priced(events)]
    executed = np.isin(events["action"], (Action.EXECUTE, Action.HIDDEN))
    every = np.concatenate((priced, events["price"][executed]))
    if not len(every):
        raise DataError("feed without a price", expected="orders")
    low, high = int(every.min()), int(every.max())
    if high - low + 1 + 2 * _LADDER_EDGE > config.ladder_ticks:
        start = _best(events[:opening])
        centre = np.concatenate((events["price"][executed], start))
        if not len(centre):
            centre = np.quantile(priced, (0.25, 0.75)).astype(np.int64)
        around = int(np.ceil(config.margin_frac * max(1, abs(int(np.median(centre))))))
        low, high = max(low, int(centre.min()) - around), min(high, int(centre.max()) + around)
    base = low - _LADDER_EDGE
    return base, max(16, high - base + _LADDER_EDGE + 1)


def _best(opening: np.ndarray) -> np.ndarray:
    """Best prices of a snapshot, none where it is empty."""
    bids, asks = (opening["price"][opening["side"] == side] for side in (0, 1))
    return np.array([*([bids.max()] if len(bids) else []), *([asks.min()] if len(asks) else [])], np.int64)


def _follow(
    found: Events, events: np.ndarray, told: np.ndarray | None, n_ticks: int, config: FeedConfig
) -> Following:
    ids, dense = np.unique(events["id"], return_inverse=True)
    levels = np.full(len(events), -1, np.int64)
    n_orders = len(ids)
    repair = found.repair and told is not None
    if repair:
        n_orders += 2 * n_ticks
        inside = (events["price"] > 0) & (events["price"] < n_ticks - 1)
        levels[inside] = (len(ids) + events["side"] * n_ticks + events["price"])[inside]
    elif found.level_orders:
        levels = _level_orders(events, ids, dense)
    steps = np.zeros((0, 4), np.int64) if told is None or not repair else told
    keep = np.zeros(len(events), np.bool_) if told is None else (told[:, 0] >= 0) | (told[:, 2] >= 0)
    done = following(empty_book(n_ticks, n_orders), len(events), n_orders, 8 * len(steps) + 1)
    patience = config.patience_ms * 1_000_000
    for part in (slice(0, found.opening), slice(found.opening, None)):
        made = len(done.messages)
        follow(
            done, events[part], dense[part], levels[part], patience, found.sets_bring, keep[part],
            steps[part], len(ids),
        )  # fmt: skip
        if part.stop is None:
            done.of_event[made : len(done.messages)] += found.opening
        _stop_at_failure(found, events[part], done, part.stop is not None)
    return done


def _stop_at_failure(found: Events, events: np.ndarray, done: Following, opening: bool) -> None:
    waited = COUNTS.index("waited_outside")
    if opening and (done.counts[waited] or done.failed_event >= 0):
        row = done.rows[waited] if done.counts[waited] else events["row"][done.failed_event]
        raise DataError(
            f"{found.path}: crossed snapshot",
            got=f"row {int(row)} meets an order of the other side",
            expected="bids below asks",
            remedy="begin at another snapshot",
        )
    if done.failed_event >= 0:
        raise DataError(
            f"{found.path}: row {int(events['row'][done.failed_event])} cannot be followed",
            got="a level with more than 2**31 - 1 lots",
            expected="quantities that int32 holds",
        )


def _level_orders(events: np.ndarray, ids: np.ndarray, dense: np.ndarray) -> np.ndarray:
    """The anonymous order (an id below zero) at the price and side of each event, -1 where there is none."""
    anonymous = np.flatnonzero(events["id"] < 0)
    out = np.full(len(events), -1, np.int64)
    if not len(anonymous):
        return out
    key = 2 * events["price"] + events["side"]
    order = anonymous[np.argsort(key[anonymous], kind="stable")]
    at = np.minimum(np.searchsorted(key[order], key), len(order) - 1)
    hit = key[order[at]] == key
    out[hit] = dense[order[at[hit]]]
    return out


def _told(reference: np.ndarray, tick: int, lot: int, base: int, n_ticks: int) -> np.ndarray:
    """The source's best levels (n, 4) in ticks of the ladder and lots; price -1 and quantity 0 of an empty side.

    Rows with a price off the ladder say nothing: both sides are -1.
    """
    out = reference.copy()
    price, quantity = reference[:, ::2], reference[:, 1::2]
    at = price // tick - base
    empty = price < 0
    off = (~empty & ((price % tick != 0) | (at <= 0) | (at >= n_ticks - 1))).any(axis=1)
    nobody = empty | off[:, None]
    out[:, ::2] = np.where(nobody, -1, at)
    out[:, 1::2] = np.where(nobody, 0, np.minimum(-(-quantity // lot), 2**31 - 1))
    return out


def _reference(told: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The source's own best levels, on the last message of each event."""
    out = np.full(len(at), np.array((-1, 0, -1, 0), BEST_DTYPE), BEST_DTYPE)
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True))
    for k, name in enumerate(BEST_DTYPE.names or ()):
        out[name][last] = told[at[last], k]
    return out


def no_events(n: int) -> np.ndarray:
    """Room for ``n`` events."""
    return np.zeros(n, EVENT_DTYPE)
