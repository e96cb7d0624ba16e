"""Bitstamp order by order (L3): rows id, timestamp, exchange.timestamp, price, volume, action, direction.

Both times are ms UTC; the first is the receiver's. The exchange's is the second in which the order was placed,
also on rows that change or delete it, so the receiver's clock is the only time of such events: both times of
an event are the receiver's. Volumes (1e-8 coin) are what is left of the order. A change to less is an
execution, so is a deletion that leaves nothing; a deletion that leaves something is a cancellation.

Executions come in pairs, the resting order's and the aggressor's, some ms after the aggressor was created.
In between it waits outside the book. The file does not tell what rested before it began: the book fills with
time, and deletions of older orders are counted as unknown.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from janus_trader.data.sources.book_feed import Events, lot_of, no_events
from janus_trader.data.sources.feed_bytes import (
    feed_bytes,
    never_back,
    numbers,
    one_of,
    refuse,
    require,
    table,
    whole,
)
from janus_trader.data.sources.feed_events import Action

HEADER = b"id,timestamp,exchange.timestamp,price,volume,action,direction"
_CREATED, _CHANGED, _DELETED = range(3)
_FIRST_ROW = 2  # after the header
_CENT = 100


def read_bitstamp(path: Path, *, symbol: str | None = None) -> Events:
    """Events of one file.

    Raises
    ------
    DataError
        Another header, or a damaged row (missing or not finite cells, price or created volume not above 0,
        negative volume, unknown action or direction, time going back), by its number.
    """
    body = feed_bytes(path)
    if not body.replace(b'"', b"").startswith(HEADER):
        refuse(path, 1, body[:80], f"the header {HEADER.decode()}")
    cells = table(path, body, header=True, columns=7)
    ids, seen, _, volume = (
        whole(path, numbers(path, cells[k], name, _FIRST_ROW), name, _FIRST_ROW)
        for k, name in ((0, "id"), (1, "timestamp"), (2, "exchange.timestamp"), (4, "volume"))
    )
    cents = numbers(path, cells[3], "price", _FIRST_ROW) * _CENT
    price = np.rint(cents).astype(np.int64)
    action = one_of(path, cells[5], ("created", "changed", "deleted"), "action", _FIRST_ROW)
    side = one_of(path, cells[6], ("bid", "ask"), "direction", _FIRST_ROW)
    never_back(path, seen, _FIRST_ROW)
    require(
        path,
        (price <= 0) | (np.abs(price - cents) > 1e-6),
        cells[3],
        "price",
        "whole cents above 0",
        _FIRST_ROW,
    )
    none = (volume < 0) | ((volume == 0) & (action != _DELETED))
    require(path, none, cells[4], "volume", "a volume above 0", _FIRST_ROW)
    lot, rounded = lot_of(volume)  # before differences are taken, which would round apart
    volume = -(-volume // lot)
    events = no_events(len(ids))
    events["ts_event"] = events["ts_init"] = seen * 1_000_000
    events["row"] = np.arange(_FIRST_ROW, len(ids) + _FIRST_ROW)
    events["id"], events["price"], events["side"] = ids, price, side
    events["action"], events["quantity"] = _meaning(ids, price, volume, action)
    return Events(
        symbol=symbol or path.name.split("_")[0], source=f"Bitstamp L3 {path.name}", path=path, events=events,
        price_unit=1.0 / _CENT, quantity_unit=lot * 1e-8, counts={"quantities_rounded": rounded} if rounded else {},
        labels={"times": "the receiver's"},
    )  # fmt: skip


def _meaning(
    ids: np.ndarray, price: np.ndarray, volume: np.ndarray, action: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What each row does to its order, and the quantity of that."""
    order = np.argsort(ids, kind="stable")
    again = np.append(False, np.diff(ids[order]) == 0)
    before = np.full(len(ids), -1, np.int64)  # the row before of the same order
    before[order[again]] = order[np.flatnonzero(again) - 1]
    known = before >= 0
    less = np.where(known, volume[before] - volume, 0)
    same_price = known & (price == price[before])
    executed = (less > 0) & (((action == _CHANGED) & same_price) | ((action == _DELETED) & (volume == 0)))
    does = np.choose(action, (Action.ADD, Action.SET, Action.REMOVE))
    does[executed] = Action.EXECUTE
    quantity = np.where(executed, less, np.where(action == _DELETED, np.maximum(volume, 1), volume))
    return does, quantity
