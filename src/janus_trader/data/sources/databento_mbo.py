"""Databento market by order (MBO), read with its own decoder.

Records add, cancel, modify and clear orders; trades (``T``) tell the aggressor and fills (``F``) the resting
order. Neither changes the book by itself: the cancellation or change that follows a fill does. Here the fill
executes its order, and what follows only counts as far as it says more. A fill of the order that the trade
names is the aggressor's own (a resting order changed so that it trades) and is left to what follows. Files of
one instrument only; records marked as a snapshot are the opening book.

Needs the package ``databento-dbn`` (``pip install janus-trader[feeds]``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.book_feed import Events, no_events
from janus_trader.data.sources.feed_bytes import feed_bytes, refuse, require
from janus_trader.data.sources.feed_events import Action

MAGIC = b"DBN"
_SNAPSHOT = 32
_NO_PRICE = 2**63 - 1
_ACTIONS = {
    "A": Action.ADD, "C": Action.CANCEL_REST, "M": Action.SET, "F": Action.EXECUTE, "R": Action.CLEAR,
    "T": Action.NOTHING, "N": Action.NOTHING,
}  # fmt: skip
_SIDES = {"B": 0, "A": 1, "N": 0}
_FIELDS = ("ts_event", "ts_recv", "order_id", "price", "size", "flags", "instrument_id")


def read_databento(paths: Sequence[Path], *, symbol: str | None = None) -> Events:
    """Events of one file, or of consecutive ones: a later snapshot of the same instrument is left out.

    Raises
    ------
    ConfigError
        ``databento-dbn`` is not installed.
    DataError
        Not a complete DBN file of MBO records, several instruments, a size of 0 or an order without a price,
        or receive times that go back; the record is named.
    """
    names: list[str] = []
    parts = [_events(path, first=k == 0, names=names) for k, path in enumerate(paths)]
    events = np.concatenate(parts)
    first = parts[0]
    opening = int((first["row"] < 0).sum())
    instruments = set(names)
    if len(instruments) > 1:
        raise DataError("several instruments", got=", ".join(sorted(instruments)), expected="files of one")
    if opening and opening < len(events):
        events["ts_event"][:opening] = events["ts_event"][opening]
        events["ts_init"][:opening] = events["ts_init"][opening]
    events["row"] = np.abs(events["row"])
    return Events(
        symbol=symbol or names[0], source=f"Databento MBO {', '.join(p.name for p in paths)}", path=paths[0],
        events=events, price_unit=1e-9, quantity_unit=1.0, opening=opening,
    )  # fmt: skip


def _events(path: Path, *, first: bool, names: list[str]) -> np.ndarray:
    """Events of one file; rows of a snapshot are negative, left out where the file is not the first."""
    metadata, records = _decoded(path)
    if not records:
        raise DataError(f"{path}: no records", expected="MBO records")
    names.append(",".join(metadata.symbols) or str(records[0].instrument_id))
    try:
        cells = np.array([[getattr(r, name) for name in _FIELDS] for r in records], dtype=np.uint64)
        actions = [str(r.action) for r in records]
        sides = [str(r.side) for r in records]
    except AttributeError as error:
        raise DataError(
            f"{path}: no market by order", got=str(error), expected="records of the schema mbo"
        ) from error
    cells = cells.view(np.int64)
    ts, seen, ids, price, size, flags, instrument = cells.T
    if len(np.unique(instrument)) > 1:
        raise DataError(f"{path}: several instruments", got=len(np.unique(instrument)), expected="one")
    out = no_events(len(records))
    out["action"] = [_ACTIONS.get(action, -1) for action in actions]
    out["side"] = [_SIDES[side] for side in sides]
    trade = np.maximum.accumulate(np.where(np.array(actions) == "T", np.arange(len(records)), 0))
    aggressor = (out["action"] == Action.EXECUTE) & (ids == ids[trade]) & (trade < np.arange(len(records)))
    out["action"][aggressor] = Action.NOTHING
    require(path, out["action"] < 0, np.array(actions), "action", "A, C, M, R, T, F or N")
    about = ~np.isin(out["action"], (Action.CLEAR, Action.NOTHING))
    require(path, about & (size <= 0), size, "size", "a size above 0")
    require(path, about & (price == _NO_PRICE), price, "price", "a price")
    snapshot = (flags & _SNAPSHOT) != 0
    live = np.flatnonzero(~snapshot)
    back = live[1:][np.diff(seen[live]) < 0]
    if len(back):
        refuse(
            path,
            int(back[0]) + 1,
            "a receive time before that of the record above",
            "times that never decrease",
        )
    out["ts_event"], out["ts_init"], out["id"], out["price"], out["quantity"] = ts, seen, ids, price, size
    out["row"] = np.arange(1, len(records) + 1)
    out["row"][snapshot] *= -1
    keep = ~snapshot | (first & (out["action"] == Action.ADD))
    return out[keep & (out["action"] != Action.NOTHING)]


def _decoded(path: Path) -> tuple[Any, list[Any]]:
    try:
        from databento_dbn import DBNDecoder, DBNError, MBOMsg
    except ImportError as error:
        raise ConfigError(
            f"{path}: market by order needs Databento's decoder",
            expected="the package databento-dbn",
            remedy="pip install 'janus-trader[feeds]'",
        ) from error
    body = feed_bytes(path)
    decoder = DBNDecoder()
    try:
        decoder.write(body)
        found = decoder.decode()
    except (DBNError, ValueError) as error:
        raise DataError(
            f"{path}: no readable DBN", got=str(error)[:200], remedy="fetch the file again"
        ) from error
    if not found or not hasattr(found[0], "schema"):
        raise DataError(f"{path}: no readable DBN", expected="a header and records")
    if decoder.buffer():
        raise DataError(
            f"{path}: truncated",
            got=f"{len(decoder.buffer())} bytes after record {len(found) - 1}",
            expected="a file that ends with a record",
            remedy="fetch the file again",
        )
    foreign = [k for k, record in enumerate(found[1:], 1) if not isinstance(record, MBOMsg)]
    if foreign:
        refuse(path, foreign[0], type(found[foreign[0]]).__name__, "records of the schema mbo")
    return found[0], found[1:]
