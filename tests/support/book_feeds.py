"""A small exchange that matches plainly and writes what it did in the formats of real feeds."""

from __future__ import annotations

import gzip
import json

NEW, PART, GONE, EXECUTED = 1, 2, 3, 4


class Exchange:
    """Limit orders with price-time priority; ``log`` holds (what, id, size, price, side, taker, best after)."""

    def __init__(self, rng, centre=10_000, width=12):
        self.rng, self.centre, self.width = rng, centre, width
        self.orders: dict[int, list[int]] = {}  # id -> side, price, size; oldest first
        self.log: list[tuple] = []
        self.next_id = 1

    def best(self, side):
        prices = [price for s, price, _ in self.orders.values() if s == side]
        return None if not prices else (max(prices) if side == 0 else min(prices))

    def top(self):
        """Bid, size, ask, size; None and 0 where nobody is."""
        out = []
        for side in (0, 1):
            price = self.best(side)
            out += [price, sum(q for s, p, q in self.orders.values() if (s, p) == (side, price))]
        return tuple(out)

    def levels(self, side):
        found: dict[int, int] = {}
        for s, price, size in self.orders.values():
            if s == side:
                found[price] = found.get(price, 0) + size
        return sorted(found.items(), reverse=side == 0)

    def note(self, what, who, size, price, side, taker=0):
        self.log.append((what, who, size, price, side, taker, self.top()))

    def send(self, side, price, size):
        taker, self.next_id = self.next_id, self.next_id + 1
        while size:
            best = self.best(1 - side)
            if best is None or (best - price) * (1 - 2 * side) > 0:
                break
            maker = next(i for i, (s, p, _) in self.orders.items() if (s, p) == (1 - side, best))
            traded = min(size, self.orders[maker][2])
            size -= traded
            self.orders[maker][2] -= traded
            if not self.orders[maker][2]:
                del self.orders[maker]
            self.note(EXECUTED, maker, traded, best, 1 - side, taker)
        if size:
            self.orders[taker] = [side, price, size]
            self.note(NEW, taker, size, price, side)
        return taker

    def cancel(self, who, size=None):
        side, price, left = self.orders[who]
        if size is None or size >= left:
            del self.orders[who]
            self.note(GONE, who, left, price, side)
        else:
            self.orders[who][2] -= size
            self.note(PART, who, size, price, side)

    def live(self, steps, partial=True):
        for _ in range(steps):
            draw = self.rng.random()
            if draw < 0.6 or not self.orders:
                side = int(self.rng.integers(0, 2))
                away = int(self.rng.integers(-4, self.width))
                size = int(self.rng.integers(1, 30))
                self.send(side, self.centre - away if side == 0 else self.centre + away, size)
            else:
                who = list(self.orders)[int(self.rng.integers(0, len(self.orders)))]
                self.cancel(who, int(self.rng.integers(1, 20)) if partial and draw < 0.75 else None)
        return self


def lobster_rows(log, start=0):
    """Message rows; prices in cents times 100, times a millisecond apart."""
    return [
        f"{34_200 + (start + k) / 1000:.9f},{what},{who},{size},{price * 100},{1 if side == 0 else -1}"
        for k, (what, who, size, price, side, _, _) in enumerate(log)
    ]


def lobster_tops(log):
    """Rows of an order book file of one level."""
    rows = []
    for *_, (bid, bid_size, ask, ask_size) in log:
        asks = (9_999_999_999, 0) if ask is None else (ask * 100, ask_size)
        bids = (-9_999_999_999, 0) if bid is None else (bid * 100, bid_size)
        rows.append(",".join(str(x) for x in (*asks, *bids)))
    return rows


def lobster_depth(exchange, levels):
    """One row of an order book file with several levels, of the exchange's present book."""
    cells = []
    sides = [exchange.levels(side) for side in (0, 1)]
    for k in range(levels):
        for side, nobody in ((1, 9_999_999_999), (0, -9_999_999_999)):
            cells += list(sides[side][k]) if k < len(sides[side]) else [nobody, 0]
            if k < len(sides[side]):
                cells[-2] *= 100
    return ",".join(str(x) for x in cells)


def bitstamp_rows(log):
    """Rows of an L3 file: aggressors are created whole, then both sides of each trade change."""
    ms, left, side_of, price_of, rows = 1_430_438_404_000, {}, {}, {}, []

    def row(who, action, volume):
        nonlocal ms
        ms += 3
        side = ("bid", "ask")[side_of[who]]
        rows.append(f"{who},{ms},{ms},{price_of[who] / 100:.2f},{volume * 1_000_000},{action},{side}")

    whole, limits = {}, {}
    for what, who, size, price, side, taker, _ in log:  # what an aggressor asked for in all
        if what == EXECUTED:
            whole[taker] = whole.get(taker, 0) + size
            side_of[taker] = 1 - side
            limits[taker] = price
        elif what == NEW:
            whole[who] = whole.get(who, 0) + size
            side_of[who], limits[who] = side, price
    for what, who, size, _, _, taker, _ in log:
        one = taker if what == EXECUTED else who
        if one not in left:
            left[one], price_of[one] = whole[one], limits[one]
            row(one, "created", whole[one])
        if what == EXECUTED:
            for one in (who, taker):
                left[one] -= size
                row(one, "changed" if left[one] else "deleted", left[one])
        elif what == GONE:
            row(who, "deleted", left[who])
    return rows


def binance_lines(rng, steps=60, behind_ms=1270, snapshot_at=5, futures=True):
    """Lines of a raw feed with one snapshot, and the best levels after each update of depth."""
    exchange = Exchange(rng).live(80)
    seen, update = 1_723_161_255_000, 1000
    lines, tops = [], []

    def line(body):
        lines.append(f"{(seen - behind_ms) * 1_000_000} {json.dumps(body)}")

    def level(price, size):
        return [f"{price / 10:.2f}", f"{size / 1000:.3f}"]

    for k in range(steps):
        before = [dict(exchange.levels(side)) for side in (0, 1)]
        exchange.log.clear()
        exchange.live(4)
        after = [dict(exchange.levels(side)) for side in (0, 1)]
        seen += 50 + int(rng.integers(0, 10))
        first, previous, update = update + 1, update, update + int(rng.integers(3, 9))
        for _, _, size, price, side, _, _ in [e for e in exchange.log if e[0] == EXECUTED]:
            p, q = level(price, size)
            trade = {
                "e": "trade",
                "E": seen,
                "T": seen,
                "s": "BTCUSDT",
                "t": k,
                "p": p,
                "q": q,
                "m": side == 0,
            }
            line({"stream": "btcusdt@trade", "data": trade})
        changed = []
        for side in (0, 1):
            prices = sorted({*before[side], *after[side]})
            changed.append(
                [level(p, after[side].get(p, 0)) for p in prices if before[side].get(p) != after[side].get(p)]
            )
        data = {
            "e": "depthUpdate",
            "E": seen,
            "s": "BTCUSDT",
            "U": first,
            "u": update,
            "b": changed[0],
            "a": changed[1],
        }
        if futures:
            data |= {"pu": previous, "T": seen}
        if k == snapshot_at:
            book = {"lastUpdateId": previous + 1}
            book |= {"T": seen} if futures else {}
            book |= {
                name: [level(p, q) for p, q in before[side].items()]
                for side, name in ((0, "bids"), (1, "asks"))
            }
        seen += 2
        line({"stream": "btcusdt@depth@0ms", "data": data})
        seen += int(rng.integers(0, 4))  # on the way
        if k == snapshot_at:
            line(book)
        bid, bid_size, ask, ask_size = exchange.top()
        (b, big), (a, small) = level(bid, bid_size), level(ask, ask_size)
        top = {"e": "bookTicker", "u": update, "s": "BTCUSDT", "b": b, "B": big, "a": a, "A": small}
        line({"stream": "btcusdt@bookTicker", "data": top})
        tops.append((bid, bid_size, ask, ask_size))
    return lines, tops


def write(path, rows):
    """Rows as a file, compressed where its name says so."""
    body = ("\n".join(rows) + "\n").encode()
    path.write_bytes(gzip.compress(body) if path.name.endswith(".gz") else body)
    return path
