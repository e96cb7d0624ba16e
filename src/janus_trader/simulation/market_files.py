"""Simulated markets on disk: bars as every other command reads them, and their truth beside them.

``<stem>.parquet`` holds a row an instrument and bar (symbol, close_time, open, high, low, close, volume,
spread_bps), ``<stem>.labels.parquet`` a row a bar: close_time, phase, regime, and the share of instruments
that traded. A book market adds ``<stem>.messages.parquet`` (a `BookRecording`) and ``<stem>.trades.parquet``
(ts_event, price, quantity, side of the taker). The same market gives the same bytes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.files import write_atomic
from janus_trader.simulation.scenarios import SimulatedMarket
from janus_trader.stores.book_recordings import write_recording

if TYPE_CHECKING:
    import pyarrow as pa

    from janus_trader.simulation.scenarios.book import SimulatedBook

_KEY = b"janus.simulated_market"


def beside(path: Path, what: str) -> Path:
    """The file of another kind that belongs to a file of bars.

    >>> beside(Path("a/crash.parquet"), "labels").name
    'crash.labels.parquet'
    """
    return path.with_name(f"{path.stem}.{what}.parquet")


def check_out(path: Path) -> None:
    """Refuse a name that other commands would not read as Parquet, or a folder that is not there.

    Raises
    ------
    DataError
    """
    if path.suffix not in (".parquet", ".pq"):
        raise DataError("bars are written as Parquet", got=path.name, expected="a name that ends in .parquet")
    if not path.parent.is_dir():
        raise DataError("no such folder", got=str(path.parent), remedy="make it, or choose another path")


def write_market(market: SimulatedMarket, path: Path) -> dict[str, str]:
    """Write bars and labels, each replaced in one step; returns their paths. O(T n).

    Raises
    ------
    DataError
        A name or folder that is not allowed.
    """
    import pyarrow as pa

    check_out(path)
    row, column = np.nonzero(market.present)
    cells = market.bars[row, column]
    bars = {
        "symbol": pa.array(np.array(market.symbols)[column]),
        "close_time": _times(market.ts[row]),
        **{name: pa.array(cells[name]) for name in ("open", "high", "low", "close", "volume")},
        "spread_bps": pa.array(cells["spread"]),
    }
    names = np.array([span.name for span in market.spans])
    regimes = np.array([regime.name.lower() for regime in Regime])
    labels = {
        "close_time": _times(market.ts),
        "phase": pa.array(names[market.phase]),
        "regime": pa.array(regimes[market.regime]),
        "traded": pa.array(market.present.mean(axis=1)),
    }
    write_table(path, bars, market.name)
    write_table(beside(path, "labels"), labels, market.name)
    return {"bars": str(path), "labels": str(beside(path, "labels"))}


def write_book(book: SimulatedBook, path: Path) -> dict[str, str]:
    """Write the bars, labels, trades and messages of a book market; returns their paths.

    Raises
    ------
    DataError
        A name or folder that is not allowed.
    """
    import pyarrow as pa

    files = write_market(book.bars, path)
    trades, header = book.trades, book.recording.header
    columns = {
        "ts_event": _times(book.start_ns + trades["ts"]),
        "price": pa.array(np.round((header.base + trades["price"]) * header.tick, 9)),
        "quantity": pa.array(trades["quantity"] * header.lot),
        "side": pa.array(np.where(trades["side"] == 0, "buy", "sell")),
    }
    write_table(beside(path, "trades"), columns, book.bars.name)
    write_recording(beside(path, "messages"), book.recording)
    return files | {what: str(beside(path, what)) for what in ("trades", "messages")}


def write_table(path: Path, columns: dict[str, pa.Array], name: str) -> None:
    """Write columns as one Parquet file that says which simulated market it comes from."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata({_KEY: name.encode()})
    pq.write_table(table, body, compression="zstd")
    write_atomic(path, body.getvalue())


def _times(ts: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return pa.array(ts, pa.timestamp("ns", tz="UTC"))
