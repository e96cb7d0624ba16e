"""Recordings of order books: messages of one instrument with their times, real or simulated, on disk.

A recording is one Parquet file, a row a message, with the sizes of the ladder in the file's metadata.
Real feeds (`janus_trader.data.sources`) and simulated markets (`janus_trader.simulation`) both become
one; whatever replays, draws or measures a book reads this and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.files import write_atomic
from janus_trader.numerics.book_replay import BEST_DTYPE, Replay, replay
from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, OrderBook, Outcome, SelfTrade

_KEY = b"janus.book_recording"
#: ``peak`` of a `Kind.REDUCE` that is a recorded execution; that of a partial cancellation is 0.
EXECUTED = -1
#: One trade: index of its message, price in ticks, quantity in lots, side of the aggressor (0 buy, 1 sell),
#: and whether the resting order was none that the book shows.
TRADE_DTYPE = np.dtype(
    [("message", "i8"), ("price", "i4"), ("quantity", "i4"), ("side", "u1"), ("hidden", "?")]
)


class BookHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of a recording mean.

    A price in ticks ``p`` is ``(base + p) * tick`` in quote currency, a quantity in lots ``q`` is
    ``q * lot``. The first ``opening`` messages build the book that was there when the recording began;
    they are no events of the market. ``source`` says where it came from; ``labels`` are known truths of
    a simulated market (scenario, seed).
    """

    symbol: str
    tick: float
    lot: float
    base: int
    n_ticks: int
    capacity: int
    opening: int = 0
    self_trade: int = 0
    source: str = ""
    labels: dict[str, str] = {}


@dataclass(frozen=True)
class BookRecording:
    """Messages of one instrument.

    Attributes
    ----------
    header : BookHeader
    ts_event : (n,) int64
        Time of each message at the exchange, ns UTC, never decreasing.
    ts_init : (n,) int64
        Time at which it was seen, never before ``ts_event``: a receiver whose clock was behind the
        exchange's has been set right by whoever read the feed (``labels`` say by how much).
    messages : (n,) array of `MESSAGE_DTYPE`
    reference : (n,) array of `BEST_DTYPE`, optional
        Best levels that the source itself recorded after each message; -1 prices where it did not say.

    Notes
    -----
    Orders of a simulated market match in the book: its trades are the fills. A real feed tells which resting
    order was executed, and its recording follows: a `Kind.REDUCE` with ``peak == EXECUTED`` carries price and
    quantity of the execution and the side of the resting order. Its ``order`` is -1, which the book refuses
    without a change, where the resting order was hidden or the feed tells levels only. `trades` gives both
    kinds in one form.

    Raises
    ------
    DataError
        Lengths differ, times go back, or the opening is longer than the recording.
    """

    header: BookHeader
    ts_event: np.ndarray
    ts_init: np.ndarray
    messages: np.ndarray
    reference: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.messages)
        shapes = {self.ts_event.shape, self.ts_init.shape, self.messages.shape}
        if self.messages.dtype != MESSAGE_DTYPE or shapes != {(n,)} or self.header.opening > n:
            raise DataError(
                f"book recording of {self.header.symbol}: parts do not fit",
                got=f"shapes {sorted(shapes)}, {self.messages.dtype}, opening of {self.header.opening}",
                expected="two times a message, MESSAGE_DTYPE, an opening within the messages",
            )
        early = np.flatnonzero(self.ts_init < self.ts_event)
        if len(early):
            raise DataError(
                f"book recording of {self.header.symbol}: seen before it happened",
                got=f"message {int(early[0])}",
                expected="ts_init >= ts_event",
                remedy="correct the receiver's clock when the feed is read",
            )
        back = np.flatnonzero(np.diff(self.ts_event) < 0)
        if len(back):
            raise DataError(
                f"book recording of {self.header.symbol}: time goes back",
                got=f"message {int(back[0]) + 1}",
                expected="times that never decrease",
            )
        if self.reference is not None and (self.reference.dtype != BEST_DTYPE or len(self.reference) != n):
            raise DataError(f"book recording of {self.header.symbol}: reference levels do not fit")

    def fresh_book(self) -> OrderBook:
        """An empty book of the recording's sizes."""
        h = self.header
        return OrderBook(h.n_ticks, h.capacity, SelfTrade(h.self_trade))

    def replay(self) -> Replay:
        """Every message through a fresh book, with the best levels after each."""
        return replay(self.fresh_book(), self.messages)

    def trades(self, replayed: Replay | None = None) -> np.ndarray:
        """Every trade after the opening, in order, (m,) `TRADE_DTYPE`; ``replayed`` saves a replay."""
        m = self.messages
        outcomes, fills, _ = self.replay() if replayed is None else replayed
        matched = np.zeros(len(fills), TRADE_DTYPE)
        for name in ("message", "price", "quantity"):
            matched[name] = fills[name]
        matched["side"] = _sides(m, outcomes)[fills["message"]]
        at = np.flatnonzero((m["kind"] == Kind.REDUCE) & (m["peak"] == EXECUTED))
        told = np.zeros(len(at), TRADE_DTYPE)
        told["message"] = at
        told["price"], told["quantity"] = m["price"][at], m["quantity"][at]
        told["side"], told["hidden"] = 1 - m["side"][at], m["order"][at] < 0
        every = np.concatenate((matched, told))
        every = every[np.argsort(every["message"], kind="stable")]
        return every[every["message"] >= self.header.opening]

    def price(self, ticks: np.ndarray | int) -> np.ndarray:
        """Prices in quote currency; NaN for -1 (nobody there)."""
        ticks = np.asarray(ticks)
        return np.where(ticks < 0, np.nan, (self.header.base + ticks) * self.header.tick)


def _sides(messages: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Side of every message; a replacement has that of the message that brought its order. O(n log n)."""
    sides = messages["side"].copy()
    kind = messages["kind"]
    if not (kind == Kind.REPLACE).any():
        return sides
    by_order = np.argsort(messages["order"], kind="stable")
    brings = (kind[by_order] < Kind.CANCEL) & (outcomes[by_order] < Outcome.BAD_KIND)
    last = np.maximum.accumulate(np.where(brings, np.arange(len(by_order)), 0))
    replaced = kind[by_order] == Kind.REPLACE
    sides[by_order[replaced]] = sides[by_order[last[replaced]]]
    return sides


def write_recording(path: Path, recording: BookRecording) -> None:
    """Write a recording as Parquet (zstd), atomically."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    m = recording.messages
    columns = {"ts_event": recording.ts_event, "ts_init": recording.ts_init}
    columns |= {name: m[name] for name in MESSAGE_DTYPE.names or ()}
    if recording.reference is not None:
        columns |= {f"reference_{name}": recording.reference[name] for name in BEST_DTYPE.names or ()}
    table = pa.table(columns).replace_schema_metadata({_KEY: msgspec.json.encode(recording.header)})
    body = io.BytesIO()
    pq.write_table(table, body, compression="zstd")
    write_atomic(path, body.getvalue())


def is_recording(path: Path) -> bool:
    """Whether a file is a Parquet file with the metadata of a recording."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def read_recording(path: Path) -> BookRecording:
    """Read a recording that `write_recording` wrote.

    Raises
    ------
    DataError
        The file is missing, damaged or no recording.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: not a readable recording", got=str(error)[:200], expected="a file of `janus simulate`"
        ) from error
    metadata = (table.schema.metadata or {}).get(_KEY)
    if metadata is None:
        raise DataError(
            f"{path}: no recording of a book",
            got=", ".join(table.column_names[:8]),
            expected="messages with the header of a recording",
            remedy="`janus simulate` and `janus book replay --out` write such files",
        )
    try:
        header = msgspec.json.decode(metadata, type=BookHeader)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}: damaged header", got=str(error), expected="the header of a recording"
        ) from error
    messages = _records(path, table, MESSAGE_DTYPE, "")
    reference = (
        _records(path, table, BEST_DTYPE, "reference_") if "reference_bid" in table.column_names else None
    )
    ts_event, ts_init = (_column(path, table, name, np.dtype("i8")) for name in ("ts_event", "ts_init"))
    return BookRecording(header, ts_event, ts_init, messages, reference)


def _records(path: Path, table: Any, dtype: np.dtype, prefix: str) -> np.ndarray:
    out = np.zeros(table.num_rows, dtype)
    for name in dtype.names or ():
        out[name] = _column(path, table, prefix + name, dtype[name])
    return out


def _column(path: Path, table: Any, name: str, dtype: np.dtype) -> np.ndarray:
    """One column as integers of a kind; nothing is missing, rounded or wrapped."""
    import pyarrow as pa

    if name not in table.column_names:
        raise DataError(f"{path}: a column is missing", got=", ".join(table.column_names), expected=name)
    column = table.column(name)
    try:
        if column.null_count:
            raise pa.ArrowInvalid(f"{column.null_count} empty cells")
        return np.asarray(column.cast(pa.from_numpy_dtype(dtype), safe=True).to_numpy())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{path}: column {name} is damaged", got=str(error)[:200], expected=str(dtype)
        ) from error
