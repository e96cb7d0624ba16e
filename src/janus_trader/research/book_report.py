"""What a recording of a book holds, and how well replaying it agrees with what its source says."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_depth import depth_at
from janus_trader.numerics.book_replay import Replay
from janus_trader.numerics.order_book import Kind, Outcome
from janus_trader.numerics.queue_priority import execution_priority, match_executions
from janus_trader.stores.book_recordings import EXECUTED, BookRecording


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Best levels of the replay beside those that the source told.

    Of ``told`` moments, ``equal`` agree in prices and quantities and ``prices_equal`` in prices;
    ``first_different`` is the index of the first message that does not agree.
    """

    told: int
    equal: int
    prices_equal: int
    first_different: int | None = None


class BookSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a replayed recording; prices and spreads in quote currency, quantities in the source's unit.

    Means are weighted by time. ``imbalance`` is (bid - ask) / (bid + ask) of the quantities of the best
    levels; ``imbalance_foretells_frac`` is the share of the changes of the mid price that went where the
    imbalance just before pointed, None without changes. ``priority`` and ``matched`` describe executions of
    known resting orders (`numerics.queue_priority`).
    """

    symbol: str
    source: str
    messages: int
    opening: int
    seconds: float
    refused: dict[str, int]
    crossed: int
    trades: int
    hidden_trades: int
    traded: float
    bought_frac: float | None
    tick: float
    spread_mean: float | None
    spread_mean_ticks: float | None
    spread_one_tick_frac: float | None
    spread_largest: float | None
    imbalance_mean: float | None
    imbalance_abs_mean: float | None
    imbalance_foretells_frac: float | None
    agreement: Agreement | None
    priority: dict[str, int] | None
    matched: dict[str, int] | None
    matched_agreement: Agreement | None
    labels: dict[str, str]


def executions(recording: BookRecording) -> np.ndarray:
    """Which messages are recorded executions, (n,) bool."""
    m = recording.messages
    return (m["kind"] == Kind.REDUCE) & (m["peak"] == EXECUTED)


def best_agreement(recording: BookRecording, best: np.ndarray) -> Agreement | None:
    """Compare best levels with the reference; None where the source tells none."""
    told = recording.reference
    if told is None:
        return None
    known = (told["bid"] >= 0) | (told["ask"] >= 0)
    known[: recording.header.opening] = False
    equal = known & (told == best)
    prices = known & (told["bid"] == best["bid"]) & (told["ask"] == best["ask"])
    first = np.flatnonzero(known & ~equal)
    return Agreement(
        told=int(known.sum()), equal=int(equal.sum()), prices_equal=int(prices.sum()),
        first_different=int(first[0]) if len(first) else None,
    )  # fmt: skip


def depth_agreement(
    recording: BookRecording, rows: np.ndarray, told: np.ndarray, levels: int, price_unit: float
) -> Agreement:
    """Compare the best ``levels`` levels a side with a source's own after each row of its file.

    Parameters
    ----------
    recording : BookRecording
    rows : (n,) int64
        Row of the file of each message, counted from 1.
    told : (k, 2, L, 2) int64
        Bids and asks after rows 1 … k: price in ``price_unit`` (-1: none) and quantity.
    levels : int
    price_unit : float

    Raises
    ------
    DataError
        The source tells fewer levels.
    """
    if levels > told.shape[2] or levels < 1:
        raise DataError(
            "agreement of depth: more levels than told", got=levels, expected=f"1 … {told.shape[2]}"
        )
    last = np.flatnonzero(np.append(rows[1:] != rows[:-1], True))
    last = last[(last >= recording.header.opening) & (rows[last] <= len(told))]
    got = depth_at(recording.fresh_book(), recording.messages, last, levels)
    h = recording.header
    price = np.rint(recording.price(got[..., 0]) / price_unit)
    there = got[..., 0] >= 0
    want = told[rows[last] - 1, :, :levels]
    same_price = np.where(there, price == want[..., 0], want[..., 0] < 0)
    same = same_price & (np.rint(got[..., 1] * h.lot) == np.where(there, want[..., 1], 0))
    equal = same.all(axis=(1, 2))
    first = np.flatnonzero(~equal)
    return Agreement(
        told=len(last), equal=int(equal.sum()), prices_equal=int(same_price.all(axis=(1, 2)).sum()),
        first_different=int(last[first[0]]) if len(first) else None,
    )  # fmt: skip


def summarise(recording: BookRecording, replayed: Replay) -> BookSummary:
    """Figures of a recording from its replay. O(messages)."""
    h, first = recording.header, recording.header.opening
    trades = recording.trades(replayed)
    outcomes = replayed.outcomes[recording.messages["order"] >= 0]
    codes, counts = np.unique(outcomes[outcomes >= Outcome.BAD_KIND], return_counts=True)
    best = replayed.best
    both = (best["bid"] >= 0) & (best["ask"] >= 0)
    executed = executions(recording)
    priority = matched = matched_agreement = None
    if (executed & (recording.messages["order"] >= 0)).any():
        priority = execution_priority(recording.fresh_book(), recording.messages, executed)._asdict()
        if (recording.messages["order"] < h.capacity - 1).all():
            done = match_executions(recording.fresh_book(), recording.messages, executed)
            matched_agreement = best_agreement(recording, done.best)
            matched = {name: value for name, value in done._asdict().items() if name != "best"}
    span = recording.ts_event[first:]
    return BookSummary(
        symbol=h.symbol, source=h.source, messages=len(recording.messages) - first, opening=first,
        seconds=float(span[-1] - span[0]) / 1e9 if len(span) else 0.0,
        refused={Outcome(c).name.lower(): int(n) for c, n in zip(codes, counts, strict=True)},
        crossed=int((both & (best["bid"] >= best["ask"]))[first:].sum()),
        trades=len(trades), hidden_trades=int(trades["hidden"].sum()),
        traded=float(trades["quantity"].sum(dtype=np.int64)) * h.lot,
        bought_frac=float(trades["quantity"][trades["side"] == 0].sum() / trades["quantity"].sum())
        if len(trades) else None,
        tick=h.tick, agreement=best_agreement(recording, best), priority=priority, matched=matched,
        matched_agreement=matched_agreement, labels=h.labels, **_quotes(recording, best, both),
    )  # fmt: skip


def weights(ts: np.ndarray) -> np.ndarray:
    """How long each message's book stood, ns; the last one's 0."""
    return np.append(np.diff(ts), 0).astype(np.float64)


def imbalance(best: np.ndarray) -> np.ndarray:
    """(bid - ask) / (bid + ask) of the best quantities; 0 where a side is empty."""
    bid, ask = best["bid_quantity"].astype(np.float64), best["ask_quantity"].astype(np.float64)
    total = bid + ask
    there = (bid > 0) & (ask > 0)
    return np.where(there, (bid - ask) / np.where(total > 0, total, 1.0), 0.0)


def _quotes(recording: BookRecording, best: np.ndarray, both: np.ndarray) -> dict[str, Any]:
    """Spread and imbalance weighted by time, over the moments with both sides that lasted: the steps of one
    update of a feed follow each other at one time, and what they pass through was never there.
    """
    h = recording.header
    use = both.copy()
    use[: h.opening] = False
    stood = np.where(use, weights(recording.ts_event), 0.0)
    names = (
        "spread_mean", "spread_mean_ticks", "spread_one_tick_frac", "spread_largest", "imbalance_mean",
        "imbalance_abs_mean", "imbalance_foretells_frac",
    )  # fmt: skip
    use &= stood > 0
    if not use.any():
        return dict.fromkeys(names)
    spread = (best["ask"] - best["bid"]).astype(np.float64)
    tilt = imbalance(best)
    mean = float(np.average(spread, weights=stood))
    values = (
        mean * h.tick, mean, float(np.average(spread == 1, weights=stood)), float(spread[use].max()) * h.tick,
        float(np.average(tilt, weights=stood)), float(np.average(np.abs(tilt), weights=stood)),
        _foretold(best, tilt, use),
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


def _foretold(best: np.ndarray, tilt: np.ndarray, use: np.ndarray) -> float | None:
    at = np.flatnonzero(use)
    mid = (best["bid"].astype(np.int64) + best["ask"])[at]
    moves, before = np.diff(mid), tilt[at[:-1]]
    told = (moves != 0) & (before != 0)
    return float((np.sign(moves[told]) == np.sign(before[told])).mean()) if told.any() else None
