"""Fit of a queue-reactive order flow: intensities that depend on the size of the queue they act on."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import apply_message
from janus_trader.simulation.book_market.flow import FlowModel, quantile_table, rows
from janus_trader.simulation.book_market.flow_draw import (
    best_level,
    follow_reference,
    level_price,
    units,
)
from janus_trader.simulation.book_market.flow_events import CANCEL, LIMIT, MARKET, flow_events, fresh_head
from janus_trader.stores.book_recordings import BookRecording

_FEWEST_LEVELS, _MOST_LEVELS = 3, 40
_SECOND = 1e9
#: A refill follows the emptying of a level within this time.
REFILL_NS = 1_000_000
_SAMPLE = 256


@njit(cache=True)
def _spend(head, book, seconds, most, spent, ruled) -> None:
    """Time spent in the present state: by level and size, and by level and size of the best."""
    for side in range(2):
        best = min(best_level(head, book, side), spent.shape[0] - 1)
        for k in range(spent.shape[0]):
            n = units(head, book[source.LEVELS + level_price(head, side, k)], most)
            spent[k, n] += seconds
            if k == best:
                ruled[k, n] += seconds


@njit(cache=True)
def _far_orders(head, book, capacity, levels) -> int:
    found = 0
    for order in range(capacity):
        node = book[source.NODES] + 4 * order
        price = book[node + source.PRICE]
        if book[node + source.QUANTITY] > 0 and (
            price <= head.reference - levels or price > head.reference + levels
        ):
            found += 1
    return found


@njit(cache=True)
def _count(book, head, messages, times, events, policy, fills, counts, spent, ruled, far):
    """Counts (3, K, N + 1), seconds (K, N + 1), and ``far``: limits, cancels, order-seconds, emptied, refilled."""
    levels, most = spent.shape[0], spent.shape[1] - 1
    e, last, held = 0, events[0].ts, 0
    gone_at, gone_price, gone_side = np.int64(-1), 0, 0
    for k in range(messages.shape[0]):
        if k >= events[0].message:
            seconds = (times[k] - last) / _SECOND
            if seconds > 0.0:
                _spend(head, book, seconds, most, spent, ruled)
            last = times[k]
            if k % _SAMPLE == 0:
                held = _far_orders(head, book, book[source.CAPACITY], levels)
            far[2] += seconds * held
        while e < events.shape[0] and events[e].message == k:
            v = events[e]
            e += 1
            own = v.side if v.action != MARKET else 1 - v.side
            at = head.reference - v.price if own == source.BUY else v.price - head.reference - 1
            if v.action == LIMIT and gone_at >= 0 and own == gone_side:
                soon = v.ts - gone_at <= REFILL_NS and v.price == gone_price
                gone_at = np.int64(-1)
                if soon:
                    far[4] += 1.0
                    continue
            if v.action == MARKET:
                at = min(max(at, 0), levels - 1)
            if 0 <= at < levels:
                n = units(head, book[source.LEVELS + level_price(head, own, at)], most)
                counts[v.action, at, n] += 1.0
            elif at >= levels and v.action != MARKET:
                far[v.action] += 1.0
        m = messages[k]
        bid, ask = book[source.BID], book[source.ASK]
        apply_message(
            book, fills, 0, 0, np.int64(m.kind), np.int64(m.order), np.int64(m.side), np.int64(m.price),
            np.int64(m.quantity), np.int64(m.owner), np.int64(m.peak), policy,
        )  # fmt: skip
        if k >= events[0].message and (book[source.BID] < bid or book[source.ASK] > ask):
            gone_at, far[3] = times[k], far[3] + 1.0
            gone_side = source.BUY if book[source.BID] < bid else source.SELL
            gone_price = bid if gone_side == source.BUY else ask
        follow_reference(head, book)


def _rates(counts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Events a second; a size that was never seen has the rates of the next smaller that was."""
    out = np.zeros_like(counts)
    for k in range(len(out)):
        known = 0.0
        for n in range(out.shape[1]):
            known = counts[k, n] / seconds[k, n] if seconds[k, n] > 0.0 else known
            out[k, n] = known
    return out


def fit_queue_reactive(
    recording: BookRecording, *, levels: int | None = None, sizes: int = 20, unit: float | None = None
) -> FlowModel:
    r"""Intensities of limit orders, cancellations and market orders by level and size of its queue.

    .. math:: \hat\lambda^{a}_{k}(n) = \frac{\#\{\text{events } a \text{ at level } k \text{ while it holds } n\}}
              {\text{time that level } k \text{ holds } n}

    is the estimate of largest likelihood for a process that jumps at these rates. Levels count from the
    reference price, 0 being the nearest on either side; both sides are taken together. Sizes are in
    ``unit`` lots, rounded up, the last standing for all larger ones.

    Parameters
    ----------
    recording : BookRecording
    levels : int, optional
        K; by default four fifths of the limit orders arrive within, between 3 and 40.
    sizes : int
        N, the largest size in units.
    unit : float, optional
        Lots; by default the mean size of a limit order.

    Raises
    ------
    DataError
        Fewer than 100 events.
    ConfigError
        Levels or sizes below 1, or a unit that is not positive.

    References
    ----------
    Huang, W., Lehalle, C.-A. and Rosenbaum, M. (2015). Simulating and analyzing order book data: the
    queue-reactive model. JASA 110.
    """
    events, _ = flow_events(recording)
    limits, markets = (events[events["action"] == a] for a in (LIMIT, MARKET))
    behind = np.where(
        limits["side"] == source.BUY,
        limits["reference"] - limits["price"],
        limits["price"] - limits["reference"] - 1,
    )
    if levels is None:
        levels = (
            int(np.clip(np.quantile(behind, 0.8) + 1, _FEWEST_LEVELS, _MOST_LEVELS)) if len(behind) else 3
        )
    unit = float(limits["quantity"].mean() if len(limits) else 1.0) if unit is None else unit
    if levels < 1 or sizes < 1 or not unit > 0.0:
        raise ConfigError(
            "queue-reactive fit", got=(levels, sizes, unit), expected="levels, sizes >= 1, unit > 0"
        )
    counts = np.zeros((3, levels, sizes + 1))
    spent, ruled, far = np.zeros((levels, sizes + 1)), np.zeros((levels, sizes + 1)), np.zeros(5)
    h = recording.header
    head = fresh_head(h.n_ticks)
    head["per_unit"] = 1.0 / unit
    _count(
        recording.fresh_book().array, head[0], recording.messages, recording.ts_event, events, h.self_trade,
        np.zeros((h.capacity + 1, 5), np.int32), counts, spent, ruled, far,
    )  # fmt: skip
    seconds = float(events["ts"][-1] - events["ts"][0]) / _SECOND
    deep = behind[behind >= levels] - (levels - 1)
    return FlowModel(
        kind="queue_reactive",
        fitted_on=f"{h.symbol} ({h.source})",
        limit_size=quantile_table(limits["quantity"] if len(limits) else np.ones(1)),
        market_size=quantile_table(markets["quantity"] if len(markets) else np.ones(1)),
        deep=quantile_table(np.minimum(deep, h.n_ticks // 8) if len(deep) else np.ones(1)),
        inside=quantile_table(np.ones(1)),
        limit=rows(_rates(counts[LIMIT], spent)),
        cancel=rows(_rates(counts[CANCEL], spent)),
        market=rows(_rates(counts[MARKET], ruled)),
        unit=unit,
        far_limit=float(far[0] / (2.0 * seconds)),
        far_cancel=float(far[1] / far[2]) if far[2] > 0.0 else 0.0,
        refill=float(far[4] / far[3]) if far[3] > 0.0 else 0.0,
        window_s=seconds,
        events=len(events),
    )
