"""LOBSTER: NASDAQ messages and, beside them, the best levels after each.

Message rows hold time (seconds after midnight, New York), type, order id, size, price (1e-4 USD) and the side
of the resting order; rows of an order book file hold ask price, ask size, bid price, bid size for each level.
Types: 1 new, 2 partial cancellation, 3 deletion, 4 execution, 5 hidden execution, 6 cross trade, 7 halt.

Messages do not tell what rested before they began. The deepest order book file gives it: its first row, which
is the book after the first message, becomes one anonymous order a level, ahead of all others in its queue;
what is said about unknown orders goes to the anonymous one at their price. A file of few levels is silent
about orders beyond them, so a book replayed from it is wrong where such orders come into reach. Where only
the best level is told, that is nearly everywhere: such a book is repaired to the told level after each
message, and the share of rows that needed no repair is what the messages themselves explain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.book_feed import Events, no_events
from janus_trader.data.sources.feed_bytes import (
    feed_bytes,
    never_back,
    numbers,
    refuse,
    require,
    table,
    whole,
)
from janus_trader.data.sources.feed_events import Action

EMPTY_LEVEL = 9_999_999_999
_ZONE = "America/New_York"
_ACTIONS = {
    1: Action.ADD,
    2: Action.REDUCE,
    3: Action.REMOVE,
    4: Action.EXECUTE,
    5: Action.HIDDEN,
    6: Action.HIDDEN,
}
_DAY_SECONDS = 86_400.0
_HALT = 7
_NAME = re.compile(r"(?P<symbol>[A-Za-z.\-]+)_(?P<day>\d{4}-\d\d-\d\d)_")


def read_lobster(
    path: Path, books: Sequence[Path] = (), *, day: str | None = None, symbol: str | None = None
) -> Events:
    """Events of one message file.

    Parameters
    ----------
    path : Path
        Message file, plain or compressed.
    books : sequence of Path
        Order book files of the same messages: the deepest gives the opening book, the longest the reference
        levels. None: the book begins empty.
    day : str, optional
        YYYY-MM-DD in New York; default: from the file's name.
    symbol : str, optional
        Default: from the file's name.

    Raises
    ------
    DataError
        A damaged row (missing, not finite, size not above 0, unknown type or side, time going back), by its
        number; a crossed row of an order book file; an order book file longer than the messages.
    ConfigError
        No day.
    """
    row = _messages(path)
    found = _NAME.match(path.name)
    beyond = np.flatnonzero(~((row["time"] >= 0.0) & (row["time"] < _DAY_SECONDS)))
    if len(beyond):
        refuse(path, int(beyond[0]) + 1, float(row["time"][beyond[0]]), "seconds after midnight, below 86400")
    midnight = _midnight(day or (found["day"] if found else None), path)
    n = len(row["type"])
    events = no_events(n)
    events["ts_event"] = events["ts_init"] = midnight + np.rint(row["time"] * 1e9).astype(np.int64)
    events["row"] = np.arange(1, n + 1)
    events["id"], events["price"], events["quantity"] = row["id"], row["price"], row["size"]
    events["side"] = row["side"] < 0
    events["action"] = [_ACTIONS.get(kind, Action.NOTHING) for kind in row["type"].tolist()]
    counts = {"halts": int((row["type"] == _HALT).sum())}
    tables = [(book, read_levels(book)) for book in books]
    only_best = bool(tables) and all(levels.shape[2] == 1 for _, levels in tables)
    opening, reference, skipped = _opening(tables), _reference(tables, n), 0
    if len(opening):
        skipped = 1  # the first row of levels is the book after the first message
        opening["ts_event"] = opening["ts_init"] = events["ts_event"][0]
    if reference is not None:
        nothing = np.full((len(opening), 4), -1, np.int64)
        reference = np.concatenate((nothing, reference[skipped:]))
    return Events(
        symbol=symbol or (found["symbol"] if found else path.name.split(".")[0]),
        source=f"LOBSTER {path.name}", path=path,
        events=np.concatenate((opening, events[skipped:])), price_unit=1e-4, quantity_unit=1.0,
        opening=len(opening), reference=reference, level_orders=True, repair=only_best,
        labels={"beyond_the_best_level": "as last seen there"} if only_best else {},
        counts={name: count for name, count in counts.items() if count},
    )  # fmt: skip


def _messages(path: Path) -> dict[str, np.ndarray]:
    cells = table(path, feed_bytes(path), header=False)
    if len(cells) != 6:
        refuse(path, 1, f"{len(cells)} cells", "6: time, type, order id, size, price, direction")
    time = numbers(path, cells[0], "time")
    names = ("type", "id", "size", "price", "side")
    row = {name: whole(path, numbers(path, cells[k + 1], name), name) for k, name in enumerate(names)}
    never_back(path, time)
    kind = row["type"]
    require(path, (kind < 1) | (kind > _HALT), kind, "type", "1 to 7")
    event = kind != _HALT
    require(path, event & (row["size"] <= 0), row["size"], "size", "a size above 0")
    require(path, event & (row["price"] <= 0), row["price"], "price", "a price above 0")
    require(path, event & (np.abs(row["side"]) != 1), row["side"], "direction", "1 or -1")
    return {"time": time, **row}


def _midnight(day: str | None, path: Path) -> int:
    """Midnight in New York as ns UTC."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    try:
        return (
            int(datetime.fromisoformat(day or "").replace(tzinfo=ZoneInfo(_ZONE)).timestamp()) * 1_000_000_000
        )
    except ValueError as error:
        raise ConfigError(
            f"{path.name}: which day?", got=day, expected="YYYY-MM-DD in the name or with --day"
        ) from error


def books_beside(path: Path) -> tuple[Path, ...]:
    """Order book files of the same instrument, day and start in the folder of a message file."""
    start = re.match(r"[A-Za-z.\-]+_\d{4}-\d\d-\d\d_\d+", path.name)
    if start is None:
        return ()
    return tuple(sorted(p for p in path.parent.glob(f"{start[0]}*orderbook*") if p.is_file()))


def read_levels(path: Path) -> np.ndarray:
    """Levels of an order book file, (n, 2, levels, 2) int64: bids, asks; price in 1e-4 USD (-1: none), size.

    Raises
    ------
    DataError
        Cells that are no whole numbers, not four a level, or a crossed row.
    """
    cells = table(path, feed_bytes(path), header=False)
    if len(cells) % 4:
        refuse(path, 1, f"{len(cells)} cells", "four cells a level")
    flat = np.stack([whole(path, numbers(path, column, "level"), "level") for column in cells], axis=1)
    levels = flat.reshape(len(flat), -1, 2, 2)[:, :, ::-1].transpose(0, 2, 1, 3).copy()
    levels[np.abs(levels[..., 0]) >= EMPTY_LEVEL] = (-1, 0)
    bid, ask = levels[:, 0, 0, 0], levels[:, 1, 0, 0]
    require(path, (bid >= ask) & (bid >= 0) & (ask >= 0), bid, "crossed: best bid", "a bid below the ask")
    return levels


def _opening(tables: list[tuple[Path, np.ndarray]]) -> np.ndarray:
    """The first row of the deepest file as anonymous orders, best levels first."""
    if not tables:
        return no_events(0)
    first = max((levels for _, levels in tables), key=lambda levels: levels.shape[2])[0]
    side, level = np.nonzero(first[..., 0] >= 0)
    events = no_events(len(side))
    events["price"], events["quantity"] = first[side, level].T
    events["side"], events["row"] = side, 1
    events["id"] = -(2 * events["price"] + side) - 1
    events["action"] = Action.ADD
    return events


def _reference(tables: list[tuple[Path, np.ndarray]], n: int) -> np.ndarray | None:
    """Bid, its size, ask, its size after each message, -1 where no file goes that far."""
    if not tables:
        return None
    path, levels = max(tables, key=lambda one: len(one[1]))
    if len(levels) > n:
        raise DataError(f"{path}: more rows than messages", got=len(levels), expected=f"at most {n}")
    out = np.full((n, 4), -1, np.int64)
    out[: len(levels)] = levels[:, :, 0].reshape(len(levels), 4)
    return out
