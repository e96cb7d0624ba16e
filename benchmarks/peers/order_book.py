"""Order books of nautilus_trader (follows, does not match), lightmatchingengine (matches) and hftbacktest (follows)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer

_FOLLOWED = 100_000
_MATCHED = 20_000
_PRICE_DIGITS = 2


def _executed(inputs: Mapping[str, Any], n: int) -> tuple[np.ndarray, Any, Any]:
    """The first ``n`` messages, what our book makes of them, and our book after them."""
    from janus_trader.numerics.order_book import OrderBook

    batch = inputs["batch"][:n]
    book = OrderBook(inputs["n_ticks"], inputs["capacity"])
    return batch, book.run(batch), book


def _changes(inputs: Mapping[str, Any], n: int) -> Iterator[tuple[str, int, int, int, int]]:
    """What a book that does not match must be told: (action, side, order, price, quantity left)."""
    from janus_trader.numerics.order_book import Kind, Outcome

    batch, done, _ = _executed(inputs, n)
    resting: dict[int, list[int]] = {}  # slot: name, side, price, quantity
    names = 0
    first = np.searchsorted(done.fills["message"], np.arange(len(batch) + 1))
    for k, (m, outcome) in enumerate(zip(batch.tolist(), done.outcomes.tolist(), strict=True)):
        kind, side, slot, price, quantity = m[:5]
        if outcome >= Outcome.BAD_KIND:
            continue
        if kind == Kind.CANCEL:
            name, side, price, _ = resting.pop(slot)
            yield "delete", side, name, price, 0
            continue
        for maker, _, _, taken, _ in done.fills[first[k] : first[k + 1]].tolist():
            order = resting[maker]
            order[3] -= taken
            quantity -= taken
            yield ("update" if order[3] else "delete"), order[1], order[0], order[2], order[3]
            if not order[3]:
                del resting[maker]
        if kind == Kind.LIMIT and quantity > 0:
            names += 1
            resting[slot] = [names, side, price, quantity]
            yield "add", side, names, price, quantity


def _best(book: Any) -> list[float]:
    """Best bid, its quantity, best ask, its quantity in ours."""
    out = []
    for side in (0, 1):
        out += book.depth(side, 1)[0].tolist()
    return out


def _difference(_: Any, theirs: tuple[list[float], list[float]]) -> float:
    """Largest difference of best prices (ticks) and quantities at the end."""
    return float(np.abs(np.subtract(*theirs)).max())


def _nautilus(inputs: Mapping[str, Any]) -> Callable[[], tuple[list[float], list[float]]]:
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
    from nautilus_trader.model.enums import BookAction, BookType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    instrument = InstrumentId.from_str("BOOK.SIM")
    actions = {"add": BookAction.ADD, "update": BookAction.UPDATE, "delete": BookAction.DELETE}
    sides = (OrderSide.BUY, OrderSide.SELL)
    deltas = [
        OrderBookDelta(
            instrument, actions[what],
            BookOrder(sides[side], Price(price / 10**_PRICE_DIGITS, _PRICE_DIGITS), Quantity(left, 0), name),
            0, k, k, k,
        )
        for k, (what, side, name, price, left) in enumerate(_changes(inputs, _FOLLOWED))
    ]  # fmt: skip
    batch = OrderBookDeltas(instrument, deltas)
    expected = _best(_executed(inputs, _FOLLOWED)[2])

    def call() -> tuple[list[float], list[float]]:
        book = OrderBook(instrument, BookType.L3_MBO)
        book.apply_deltas(batch)
        found = []
        for level in (book.bids()[0], book.asks()[0]):  # best_bid_size() is that of the first order alone
            found += [round(level.price.as_double() * 10**_PRICE_DIGITS), float(level.size())]
        return found, expected

    return call


def _light(inputs: Mapping[str, Any]) -> Callable[[], tuple[list[float], list[float]]]:
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

    from janus_trader.numerics.order_book import Kind

    batch, done, _ = _executed(inputs, _MATCHED)
    rows = batch[["kind", "side", "order", "price", "quantity"]].tolist()
    sides = (Side.BUY, Side.SELL)
    expected = [float(len(done.fills)), float(done.fills["quantity"].sum())]

    def call() -> tuple[list[float], list[float]]:
        engine = LightMatchingEngine()
        names: dict[int, int] = {}
        fills = quantity = 0
        for kind, side, slot, price, size in rows:
            if kind == Kind.CANCEL:
                engine.cancel_order(names[slot], "book")
                continue
            order, trades = engine.add_order("book", 0 if kind == Kind.MARKET else price, size, sides[side])
            names[slot] = order.order_id
            for trade in trades:
                if trade.order_id != order.order_id:
                    fills += 1
                    quantity += trade.trade_qty
        return [float(fills), float(quantity)], expected

    return call


def _hft(inputs: Mapping[str, Any]) -> Callable[[], tuple[list[float], list[float]]]:
    import hftbacktest as hft
    from numba import njit

    codes = {"add": hft.ADD_ORDER_EVENT, "update": hft.MODIFY_ORDER_EVENT, "delete": hft.CANCEL_ORDER_EVENT}
    sides = (hft.BUY_EVENT, hft.SELL_EVENT)
    told = list(_changes(inputs, _FOLLOWED))
    events = np.zeros(len(told), hft.event_dtype)
    for k, (what, side, name, price, left) in enumerate(told):
        row = events[k]
        row["ev"] = codes[what] | sides[side] | hft.LOCAL_EVENT
        row["exch_ts"] = row["local_ts"] = 1_000 * (k + 1)
        row["px"], row["qty"], row["order_id"] = price / 10**_PRICE_DIGITS, left, name
    expected = _best(_executed(inputs, _FOLLOWED)[2])

    @njit
    def follow(backtest, end):
        backtest.elapse(end)
        depth = backtest.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        return bid, depth.bid_qty_at_tick(bid), ask, depth.ask_qty_at_tick(ask)

    def call() -> tuple[list[float], list[float]]:
        asset = hft.BacktestAsset().data([events]).linear_asset(1.0).constant_order_latency(0, 0)
        asset = asset.l3_fifo_queue_model().no_partial_fill_exchange().trading_value_fee_model(0, 0)
        asset = asset.tick_size(10.0**-_PRICE_DIGITS).lot_size(1.0).last_trades_capacity(0)
        asset = asset.roi_lb(0.0).roi_ub(inputs["n_ticks"] / 10**_PRICE_DIGITS)
        backtest = hft.ROIVectorMarketDepthBacktest([asset])
        found = [float(x) for x in follow(backtest, 2_000 * len(told))]
        backtest.close()
        return found, expected

    return call


PEERS: tuple[Peer, ...] = (
    Peer(
        work="order_book.batch",
        name="hftbacktest",
        package="hftbacktest",
        prepare=_hft,
        agreement=_difference,
        items=_FOLLOWED,
        settings=(
            "its L3 book over a vector of levels follows and does not match: told the same additions, reductions "
            "and removals as nautilus_trader's, as local events alone (once, not also at its exchange), one elapse "
            "inside numba; best levels compared; installed with --no-deps, as it pins an older numpy"
        ),
    ),
    Peer(
        work="order_book.batch",
        name="nautilus_trader book",
        package="nautilus_trader",
        prepare=_nautilus,
        agreement=_difference,
        items=_FOLLOWED,
        settings=(
            "its L3 book follows and does not match: it is told the additions, reductions and removals that our "
            "book made of the first 100,000 messages, built beforehand, in one apply_deltas; best levels compared"
        ),
    ),
    Peer(
        work="order_book.batch",
        name="lightmatchingengine",
        package="lightmatchingengine",
        prepare=_light,
        agreement=_difference,
        items=_MATCHED,
        settings=(
            "pure Python, matches by price and time, limit and market orders and cancellations only; the first "
            "20,000 messages, one call each; number and quantity of fills compared"
        ),
    ),
)
