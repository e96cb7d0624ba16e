"""Raw Binance feed: lines of a receive time in ns and the JSON that was received.

Streams ``depth`` (changes of levels), ``trade`` and ``bookTicker`` of one symbol, spot or futures, and the
answer of the REST request for the whole book. The feed tells quantities of levels, not orders: each level is
one synthetic order, whose place in the queue means nothing. Trades stand between the changes of depth and
execute nobody, since the next change of depth says what is left.

The exchange's rule starts the book: updates that end before the snapshot's id are dropped, those received
before it that end later are kept, the first kept must reach across it and each must follow the one before
(``pu`` in futures, ``U`` = ``u`` + 1 in spot). Best bid and ask messages whose update id ends an update of
depth are the reference levels. Exchange times are in ms, and spot has none on best bid and ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.book_feed import Events, no_events
from janus_trader.data.sources.feed_bytes import feed_bytes, refuse
from janus_trader.data.sources.feed_events import Action

UNIT = 1e-8
_MS = 1_000_000


class _Data(msgspec.Struct):
    """One message of a stream; the names are the exchange's."""

    s: str = ""
    T: int = 0
    E: int = 0
    U: int = 0
    u: int = 0
    pu: int | None = None
    b: Any = None
    a: Any = None
    B: str = ""
    A: str = ""
    p: str = ""
    q: str = ""
    m: bool = False


class _Line(msgspec.Struct):
    stream: str = ""
    data: _Data | None = None
    lastUpdateId: int = 0
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []
    T: int = 0
    E: int = 0


@dataclass
class _Rows:
    """Columns of events while they are collected."""

    ints: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # ts, seen, row, action, side
    price: list[str] = field(default_factory=list)
    quantity: list[str] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)  # update id -> its last event
    tops: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)

    def add(self, ts: int, seen: int, row: int, action: int, side: int, price: str, quantity: str) -> None:
        self.ints.append((ts, seen, row, action, side))
        self.price.append(price)
        self.quantity.append(quantity)


def read_binance(paths: Sequence[Path], *, symbol: str | None = None) -> Events:
    """Events of one file, or of consecutive ones.

    Raises
    ------
    DataError
        A line that is not a time and such JSON (a truncated file ends with one), a price or quantity that is
        no finite number at or above 0, receive time or the exchange's time of one stream going back, several
        symbols, no snapshot, or a gap in the update ids. The line is named; lines count on through the files.
    """
    lines = list(_lines(paths))
    at = next((k for k, (_, _, line) in enumerate(lines) if line.lastUpdateId), None)
    if at is None:
        raise DataError(
            f"{paths[0]}: no snapshot of the book", expected="the answer of the REST request for depth",
            remedy="name the file that holds it first",
        )  # fmt: skip
    names = {line.data.s for _, _, line in lines if line.data is not None}
    if len(names) != 1:
        raise DataError(f"{paths[0]}: not one symbol", got=", ".join(sorted(names)) or "none", expected="one")
    rows = _Rows()
    opening = _snapshot(rows, lines[at])
    counts = _updates(rows, paths[0], lines, at)
    events, reference = _events(rows, paths[0], opening)
    return Events(
        symbol=symbol or names.pop(), source=f"Binance feed {', '.join(p.name for p in paths)}", path=paths[0],
        events=events, price_unit=UNIT, quantity_unit=UNIT, opening=opening, reference=reference, sets_bring=True,
        counts={name: count for name, count in counts.items() if count},
        labels={"orders": "one synthetic order a level"},
    )  # fmt: skip


def _lines(paths: Sequence[Path]) -> Iterator[tuple[int, int, _Line]]:
    """Row, receive time and content of every line."""
    decode = msgspec.json.Decoder(_Line).decode
    row, last = 0, 0
    for path in paths:
        for raw in feed_bytes(path).splitlines():
            row += 1
            stamp, _, body = raw.partition(b" ")
            try:
                seen, line = int(stamp), decode(body)
            except (ValueError, msgspec.MsgspecError) as error:
                refuse(path, row, str(error)[:120], "a receive time in ns and one message")
            if seen < last:
                refuse(path, row, f"receive time goes back by {last - seen} ns", "times that never decrease")
            last = seen
            yield row, seen, line


def _snapshot(rows: _Rows, at: tuple[int, int, _Line]) -> int:
    row, seen, line = at
    ts = (line.T or line.E) * _MS
    for side, levels in ((0, line.bids), (1, line.asks)):
        for price, quantity in levels:
            rows.add(ts, seen, row, Action.ADD, side, price, quantity)
    return len(rows.ints)


def _updates(rows: _Rows, path: Path, lines: list[tuple[int, int, _Line]], at: int) -> dict[str, int]:
    """Collect updates of depth and trades, in sequence; what was left out, counted."""
    snapshot = lines[at][2].lastUpdateId
    counts = {"updates_before_the_snapshot": 0, "trades_before_the_snapshot": 0, "later_snapshots": 0}
    clock: dict[str, int] = {}
    last = 0
    for k, (row, seen, line) in enumerate(lines):
        kind = line.stream.partition("@")[2].partition("@")[0]
        data = line.data
        if data is None:
            counts["later_snapshots"] += k > at and line.lastUpdateId > 0
            continue
        ts = (data.T or data.E) * _MS
        if ts and ts < clock.get(kind, 0):
            refuse(
                path, row, f"time of {kind} goes back by {clock[kind] - ts} ns", "times that never decrease"
            )
        clock[kind] = max(ts, clock.get(kind, 0))
        if kind == "depth":
            if data.u <= snapshot:
                counts["updates_before_the_snapshot"] += 1
                continue
            _in_sequence(path, row, data, last, snapshot)
            last = data.u
            _depth(rows, data, ts, max(seen, lines[at][1]), row)
        elif kind == "trade":
            if k < at:
                counts["trades_before_the_snapshot"] += 1
                continue
            rows.add(ts, seen, row, Action.HIDDEN, 0 if data.m else 1, data.p, data.q)
        elif kind == "bookTicker":
            rows.tops[data.u] = (data.b, data.B, data.a, data.A)
    return counts


def _in_sequence(path: Path, row: int, data: _Data, last: int, snapshot: int) -> None:
    futures = data.pu is not None
    if last == 0:
        follows = snapshot + (not futures) >= data.U
    else:
        follows = last == data.pu if futures else last + 1 == data.U
    if not follows:
        raise DataError(
            f"{path}: row {row} leaves a gap in the sequence",
            got=f"updates {data.pu if futures else data.U} … {data.u} after {last or snapshot}",
            expected="updates that follow each other",
            remedy="cut the file there; what comes after needs a snapshot of its own",
        )


def _depth(rows: _Rows, data: _Data, ts: int, seen: int, row: int) -> None:
    """Levels of one update: those that go, then those that are set, so that no side meets the other's past."""
    levels = [
        (side, price, quantity) for side, part in ((0, data.b), (1, data.a)) for price, quantity in part
    ]
    goes = [float(quantity) == 0.0 for _, _, quantity in levels]
    for gone in (True, False):
        for (side, price, quantity), none in zip(levels, goes, strict=True):
            if none == gone:
                rows.add(ts, seen, row, Action.REMOVE if gone else Action.SET, side, price, quantity)
    if levels:
        rows.ends[data.u] = len(rows.ints) - 1


def _events(rows: _Rows, path: Path, opening: int) -> tuple[np.ndarray, np.ndarray | None]:
    ints = np.array(rows.ints, np.int64)
    events = no_events(len(ints))
    for k, name in enumerate(("ts_event", "ts_init", "row", "action", "side")):
        events[name] = ints[:, k]
    events["price"] = _units(path, rows.price, ints[:, 2], "price")
    events["quantity"] = _units(path, rows.quantity, ints[:, 2], "quantity")
    none = (events["action"] != Action.REMOVE) & (events["quantity"] == 0)
    for bad, name in ((events["price"] == 0, "price"), (none, "quantity")):
        if bad.any():
            refuse(path, int(ints[bad.argmax(), 2]), f"{name} 0", f"a {name} above 0")
    traded = events["action"] == Action.HIDDEN
    events["id"] = np.where(traded, 0, 2 * events["price"] + events["side"] + 2)
    if not ints[:opening, 0].any() and len(ints) > opening:  # spot snapshots carry no time of the exchange
        events["ts_event"][:opening] = ints[opening:, 0].min()
    stated = [(end, rows.tops[u]) for u, end in rows.ends.items() if u in rows.tops]
    if not stated:
        return events, None
    reference = np.full((len(events), 4), -1, np.int64)
    for k in range(4):
        cells = [top[k] for _, top in stated]
        reference[[end for end, _ in stated], k] = _units(
            path, cells, np.zeros(len(cells), np.int64), "best level"
        )
    return events, reference


def _units(path: Path, cells: list[str], row: np.ndarray, name: str) -> np.ndarray:
    """Decimal strings as whole numbers of 1e-8."""
    try:
        values = np.array(cells, dtype="S").astype(np.float64)
    except ValueError:
        values = np.array([_number(cell) for cell in cells])
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values < 9e10)))
    if len(bad):
        refuse(path, int(row[bad[0]]), f"{name} {cells[bad[0]]!r}", f"a finite {name}, not below 0")
    return np.rint(values / UNIT).astype(np.int64)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
