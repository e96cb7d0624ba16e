"""A slow and plain order book, and random messages: what the compiled book is fuzzed against."""

from __future__ import annotations

import copy

import numpy as np

from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, Outcome, SelfTrade


class PlainOrder:
    def __init__(self, slot, side, price, shown, hidden, peak, owner):
        self.slot, self.side, self.price, self.owner = slot, side, price, owner
        self.shown, self.hidden, self.peak = shown, hidden, peak


class PlainBook:
    """Lists and dictionaries; every rule written as it is said."""

    def __init__(self, n_ticks, capacity, policy=SelfTrade.ALLOW):
        self.n_ticks, self.capacity, self.policy = n_ticks, capacity, policy
        self.orders: dict[int, PlainOrder] = {}
        self.levels: tuple[dict[int, list[PlainOrder]], ...] = ({}, {})
        self.fills: list[tuple[int, int, int, int, int]] = []

    def best(self, side):
        prices = self.levels[side]
        return (max(prices) if side == 0 else min(prices)) if prices else None

    def depth(self, side):
        ranked = sorted(self.levels[side].items(), reverse=side == 0)
        return [[price, sum(o.shown for o in queue)] for price, queue in ranked]

    def queue(self, price):
        found = self.levels[0].get(price) or self.levels[1].get(price) or []
        return [[o.slot, o.shown] for o in found]

    def _remove(self, order):
        queue = self.levels[order.side][order.price]
        queue.remove(order)
        if not queue:
            del self.levels[order.side][order.price]
        del self.orders[order.slot]

    def _prices_within(self, side, limit):
        prices = sorted(self.levels[1 - side], reverse=side == 1)
        return [p for p in prices if (p <= limit if side == 0 else p >= limit)]

    def _own(self, order, owner):
        return self.policy != SelfTrade.ALLOW and owner != 0 and order.owner == owner

    def _fillable(self, side, limit, quantity, owner):
        """Try it on a copy."""
        trial = copy.deepcopy(self)
        left, stopped = trial._trade(0, -1, side, limit, quantity, owner)
        return left == 0 and not stopped

    def _trade(self, message, slot, side, limit, quantity, owner):
        """(left, stopped)"""
        while quantity > 0:
            prices = self._prices_within(side, limit)
            if not prices:
                break
            first = self.levels[1 - side][prices[0]][0]
            if self._own(first, owner):
                if self.policy != SelfTrade.CANCEL_INCOMING:
                    self._remove(first)
                if self.policy != SelfTrade.CANCEL_RESTING:
                    return quantity, True
                continue
            traded = min(first.shown, quantity)
            self.fills.append((first.slot, slot, first.price, traded, message))
            quantity -= traded
            first.shown -= traded
            if first.shown == 0:
                if first.hidden:
                    first.shown = min(first.hidden, first.peak)
                    first.hidden -= first.shown
                    queue = self.levels[1 - side][first.price]
                    queue.append(queue.pop(0))
                else:
                    self._remove(first)
        return quantity, False

    def apply(self, index, message):
        kind, side, slot, price, quantity, owner, peak = (int(x) for x in message)
        if not 0 <= slot < self.capacity:
            return Outcome.BAD_ORDER
        order = self.orders.get(slot)
        if kind == Kind.CANCEL:
            if order is None:
                return Outcome.UNKNOWN_ORDER
            self._remove(order)
            return Outcome.ACCEPTED
        if kind > max(Kind):
            return Outcome.BAD_KIND
        if quantity <= 0 or (kind == Kind.ICEBERG and peak <= 0):
            return Outcome.BAD_QUANTITY
        if kind in (Kind.REPLACE, Kind.REDUCE):
            if order is None:
                return Outcome.UNKNOWN_ORDER
        elif order is not None:
            return Outcome.DUPLICATE_ORDER
        elif side > 1:
            return Outcome.BAD_SIDE
        if kind not in (Kind.MARKET, Kind.REDUCE) and not 0 < price < self.n_ticks - 1:
            return Outcome.BAD_PRICE
        if kind == Kind.ICEBERG:
            hidden = sum(-(-o.hidden // o.peak) for o in self.orders.values() if o.hidden)
            if hidden + -(-(quantity - peak) // peak) > 2**20:
                return Outcome.TOO_MANY_TIPS
        if kind == Kind.REDUCE:
            if quantity >= order.shown:
                self._remove(order)
            else:
                order.shown -= quantity
                order.hidden = 0
            return Outcome.ACCEPTED
        if kind == Kind.REPLACE:
            if price == order.price and quantity <= order.shown:
                order.shown, order.hidden = quantity, 0
                return Outcome.ACCEPTED
            if self._overfull(Kind.LIMIT, order.side, price, quantity, order):
                return Outcome.LEVEL_FULL
            self._remove(order)
            return self._enter(index, Kind.LIMIT, order.side, slot, price, quantity, order.owner, 0)
        if self._overfull(kind, side, price, quantity, None):
            return Outcome.LEVEL_FULL
        return self._enter(index, kind, side, slot, price, quantity, owner, peak)

    def _overfull(self, kind, side, price, quantity, leaving):
        if kind not in (Kind.LIMIT, Kind.POST_ONLY, Kind.ICEBERG) or self._prices_within(side, price):
            return False
        there = [o for o in self.levels[side].get(price, []) if o is not leaving]
        hidden = leaving.hidden if leaving and leaving.price == price else 0
        return sum(o.shown + o.hidden for o in there) + hidden + quantity > 2**31 - 1

    def _enter(self, index, kind, side, slot, price, quantity, owner, peak):
        limit = price if kind != Kind.MARKET else (self.n_ticks if side == 0 else 0)
        crosses = bool(self._prices_within(side, limit))
        if kind == Kind.FILL_OR_KILL and not self._fillable(side, limit, quantity, owner):
            return Outcome.NOT_FILLABLE
        if kind == Kind.POST_ONLY and crosses:
            return Outcome.WOULD_CROSS
        left, stopped = self._trade(index, slot, side, limit, quantity, owner)
        if stopped:
            return Outcome.STOPPED_SELF_TRADE
        if left and kind in (Kind.LIMIT, Kind.POST_ONLY, Kind.ICEBERG):
            shown = min(left, peak) if kind == Kind.ICEBERG else left
            order = PlainOrder(slot, side, price, shown, left - shown, peak, owner)
            self.orders[slot] = order
            self.levels[side].setdefault(price, []).append(order)
        return Outcome.ACCEPTED


def random_messages(rng, n, *, n_ticks, capacity, owners=4, width=12):
    """Messages of every kind around the middle of the ladder; some are wrong on purpose."""
    kinds = [Kind.LIMIT, Kind.MARKET, Kind.IMMEDIATE, Kind.FILL_OR_KILL, Kind.POST_ONLY, Kind.ICEBERG]
    kinds += [Kind.CANCEL, Kind.REPLACE, Kind.REDUCE, 200]
    weights = np.array([40, 6, 4, 4, 6, 5, 20, 8, 6, 0.2])
    batch = np.zeros(n, MESSAGE_DTYPE)
    batch["kind"] = rng.choice(kinds, n, p=weights / weights.sum())
    batch["side"] = rng.integers(0, 2, n)
    batch["order"] = rng.integers(0, capacity, n)
    # buyers below, sellers above, overlapping: about a quarter of the limit orders cross
    away = rng.geometric(1.0 / width, n) - 0.3 * width
    batch["price"] = n_ticks // 2 + np.where(batch["side"] == 0, -away, away)
    batch["quantity"] = rng.integers(1, 20, n)
    batch["owner"] = rng.integers(0, owners, n)
    batch["peak"] = rng.integers(1, 6, n)
    wrong = rng.random(n)
    batch["quantity"][wrong < 0.004] = 0
    batch["quantity"][wrong < 0.002] = -5
    batch["price"][(wrong > 0.01) & (wrong < 0.014)] = n_ticks - 1
    batch["price"][(wrong > 0.014) & (wrong < 0.018)] = -3
    batch["order"][(wrong > 0.02) & (wrong < 0.022)] = capacity
    batch["order"][(wrong > 0.022) & (wrong < 0.024)] = -1
    batch["side"][(wrong > 0.03) & (wrong < 0.032)] = 2
    batch["peak"][(wrong > 0.04) & (wrong < 0.05)] = 0
    return batch
