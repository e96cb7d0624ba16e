"""What a recording shows of its market: spreads, depth, events and trades, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_events import What, book_events
from janus_trader.numerics.order_book import Kind
from janus_trader.stores.book_recordings import EXECUTED, BookRecording

#: Instants at which spread and depth are read, evenly over the recording.
INSTANTS = 8_192
#: Ticks behind the best price that are looked at.
DISTANCES = 32
#: Trades, events and steps of time that are used at most: the first ones.
MOST = 100_000
_FILL_FRAC = 0.1  # of a recording that begins with an empty book: left out
_REPAIRED_FRAC = 0.05
_FEWEST = 64


@dataclass(frozen=True)
class Observed:
    """One market.

    Attributes
    ----------
    name : str
    seconds : float
        Length of the part that is measured.
    spread : (k,) array
        Ticks, at the instants at which both sides are there.
    profiles : (INSTANTS, 2, DISTANCES) array
        Lots by ticks behind the best price of each side.
    events : (m,) array of `EVENT_DTYPE`
    event_s : (m,) array
        Their times, s since the beginning.
    trade_s, trade_sign, trade_quantity, trade_mid, trade_spread : (n,) arrays
        Aggressive orders: executions of one side at one time are one. Sign +1 where the buyer was the aggressor;
        mid and spread just before, in ticks.
    every_trade_s : (n,) array
        Times of all of them; the other arrays about trades hold the first `MOST`.
    mids : (t,) array
        Mid in ticks, evenly in time, a step a mean time between trades; the first `MOST`.
    deep : bool
        False where the source tells the best level only: depth and events behind it are not to be had.
    orders : bool
        False where it tells levels instead of orders: a change of a level says not how many came and left.
    """

    name: str
    seconds: float
    spread: np.ndarray
    profiles: np.ndarray
    events: np.ndarray
    event_s: np.ndarray
    trade_s: np.ndarray
    trade_sign: np.ndarray
    trade_quantity: np.ndarray
    trade_mid: np.ndarray
    trade_spread: np.ndarray
    every_trade_s: np.ndarray
    mids: np.ndarray
    deep: bool
    orders: bool


def observe(recording: BookRecording) -> Observed:
    """Read a recording once through the book.

    What came before the opening is left out, and the first tenth where there is no opening. O(n).

    Raises
    ------
    DataError
        Fewer than 64 messages after that, no time that passes, or never two sides.
    """
    header, ts, messages = recording.header, recording.ts_event, recording.messages
    first = _first(recording)
    if len(messages) - first < _FEWEST or ts[-1] <= ts[first]:
        raise DataError(
            f"{header.symbol}: too little to measure",
            got=f"{len(messages) - first} messages after the opening",
            expected=f"at least {_FEWEST}, over some time",
        )
    start, end = int(ts[first]), int(ts[-1])
    replayed = recording.replay()
    best = replayed.best
    at = _as_of(ts, start, end, INSTANTS)
    executed = (messages["kind"] == Kind.REDUCE) & (messages["peak"] == EXECUTED)
    events, profiles = book_events(recording.fresh_book(), messages, executed, at, DISTANCES)
    groups = _repaired_groups(recording)
    if groups is not None:
        events = _one_event_each(events, groups)
    events = events[events["message"] >= first][:MOST]
    rows = recording.trades(replayed)
    orders = not (len(rows) and rows["hidden"].all())
    trades = _trades(rows[rows["message"] >= first], ts)
    mid, spread = _mid_and_spread(best)
    if not np.isfinite(mid[first:]).any():
        raise DataError(f"{header.symbol}: the book never has two sides", expected="bids and asks")
    steps = max(len(trades["message"]), _FEWEST)
    grid = _as_of(ts, start, end, steps + 1)[:MOST]
    before = trades["message"] - 1
    there = np.isfinite(mid[before])
    kept = {name: column[there][:MOST] for name, column in trades.items()}
    before = kept["message"] - 1
    seen = spread[at]
    return Observed(
        name=header.symbol, seconds=(end - start) / 1e9, spread=seen[np.isfinite(seen)], profiles=profiles,
        events=events, event_s=(ts[events["message"]] - start) / 1e9,
        trade_s=(ts[kept["message"]] - start) / 1e9, trade_sign=kept["sign"], trade_quantity=kept["quantity"],
        trade_mid=mid[before], trade_spread=spread[before],
        every_trade_s=(ts[trades["message"]] - start) / 1e9, mids=_filled(mid[grid]), deep=groups is None,
        orders=orders,
    )  # fmt: skip


def _first(recording: BookRecording) -> int:
    """The first message that is measured; at least 1, so that there is a book before it."""
    opening, n = recording.header.opening, len(recording.messages)
    return max(1, opening if opening else int(_FILL_FRAC * n))


def _as_of(ts: np.ndarray, start: int, end: int, n: int) -> np.ndarray:
    """The last message at each of ``n`` instants evenly between two times."""
    instants = start + np.linspace(0, end - start, n).astype(np.int64)
    return np.searchsorted(ts, instants, side="right") - 1


def _mid_and_spread(best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """After each message, in ticks; NaN where a side is empty."""
    both = (best["bid"] >= 0) & (best["ask"] >= 0)
    bid, ask = (np.where(both, best[side], np.nan) for side in ("bid", "ask"))
    return (bid + ask) / 2.0, ask - bid


def _filled(mid: np.ndarray) -> np.ndarray:
    """NaN replaced by the last value before it, at the beginning by the first one."""
    known = np.flatnonzero(np.isfinite(mid))
    if not len(known):
        return np.zeros(len(mid))
    return mid[known[np.maximum(np.searchsorted(known, np.arange(len(mid)), side="right") - 1, 0)]]


def _trades(rows: np.ndarray, ts: np.ndarray) -> dict[str, np.ndarray]:
    """Aggressive orders: executions in a row of one side at one time."""
    begins = np.ones(len(rows), bool)
    begins[1:] = (np.diff(ts[rows["message"]]) != 0) | (rows["side"][1:] != rows["side"][:-1])
    starts = np.flatnonzero(begins)
    quantity = np.add.reduceat(rows["quantity"].astype(np.float64), starts) if len(starts) else np.empty(0)
    sign = np.where(rows["side"][starts] == 0, 1.0, -1.0)
    return {"message": rows["message"][starts], "sign": sign, "quantity": quantity}


def _repaired_groups(recording: BookRecording) -> np.ndarray | None:
    """Group of each message, where the book was repaired to levels that the source told after each event."""
    told = recording.reference
    if told is None:
        return None
    last = (told["bid"] >= 0) | (told["ask"] >= 0)
    group: np.ndarray = np.cumsum(last) - last
    sizes = np.bincount(group[recording.header.opening :])
    sizes = sizes[sizes > 0]
    return group if len(sizes) and np.mean(sizes > 1) > _REPAIRED_FRAC else None


def _one_event_each(events: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The event that the source recorded, without the repairs around it.

    A group has its event first, and then what the source's next level brings to light; only before a new order
    is the other side cleared.
    """
    group = groups[events["message"]]
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    other_side = events["side"] != events["side"][first][inverse]
    rank = np.full(len(events), 3)
    rank[first] = 2
    rank[(events["what"] == What.LIMIT) & other_side] = 1
    rank[events["what"] == What.TRADE] = 0
    order = np.lexsort((np.arange(len(events)), rank, group))
    chosen = order[np.append(True, np.diff(group[order]) != 0)] if len(order) else order
    return events[np.sort(chosen)]
